//go:build amd64 || arm64

package gateway

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is a TCP connection whose reads and writes do not announce themselves
// to Go's scheduler as system calls that may block. They never do: the socket is
// non-blocking, and what has to wait does so in the runtime's poller, as with
// any connection. The announcement costs more than it seems. The first one after
// all was idle wakes the runtime's monitor thread, and a gateway with little to
// do is idle twice in each request: with one caller that was a quarter of its
// CPU time.
//
// Deadlines, Close and errors are those of net.TCPConn.
type socket struct {
	*net.TCPConn
	raw syscall.RawConn
	in  transfer
	out transfer

	look  func(fd uintptr)
	quiet bool // what look found
}

// transfer is a read or a write under way. It is kept with its socket, as is the
// function that carries it out, so that neither is made anew each time.
type transfer struct {
	mu    sync.Mutex // one at a time; also while it waits, as with net.TCPConn
	step  func(fd uintptr) (done bool)
	p     []byte
	n     int // bytes done
	least int // done without waiting for more
	errno syscall.Errno
}

func newSocket(conn *net.TCPConn) (*socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{TCPConn: conn, raw: raw}
	s.in.step, s.out.step, s.look = s.in.read, s.out.write, s.peek
	return s, nil
}

func (s *socket) Read(p []byte) (int, error) { return s.read(p, 1) }

// readReady is Read that does not wait: without anything to read it returns 0
// and nil.
func (s *socket) readReady(p []byte) (int, error) { return s.read(p, 0) }

func (s *socket) read(p []byte, least int) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := s.in.run(s.raw.Read, p, least)
	switch {
	case err == syscall.EAGAIN:
		return 0, nil
	case err != nil:
		return n, s.named("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (s *socket) Write(p []byte) (int, error) { return s.writeAtLeast(p, len(p)) }

// writeAtLeast is Write that waits for room only until so many bytes are
// written: it may return fewer than there are without an error.
func (s *socket) writeAtLeast(p []byte, least int) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := s.out.run(s.raw.Write, p, least)
	if err != nil && err != syscall.EAGAIN {
		return n, s.named("write", err)
	}
	return n, nil
}

// run carries out a transfer. Of system calls it returns the bare error.
func (t *transfer) run(with func(func(uintptr) bool) error, p []byte, least int) (n int, err error) {
	t.mu.Lock()
	t.p, t.n, t.least, t.errno = p, 0, least, 0
	err = with(t.step)
	if err == nil && t.errno != 0 {
		err = t.errno
	}
	n, t.p = t.n, nil
	t.mu.Unlock()
	return n, err
}

func (t *transfer) read(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.p))), uintptr(len(t.p)))
		switch errno {
		case 0:
			t.n = int(n)
			return true
		case syscall.EINTR:
		case syscall.EAGAIN:
			if t.least > 0 {
				return false
			}
			fallthrough
		default:
			t.errno = errno
			return true
		}
	}
}

func (t *transfer) write(fd uintptr) bool {
	for {
		rest := t.p[t.n:]
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(rest))), uintptr(len(rest)))
		switch errno {
		case 0:
			if t.n += int(n); t.n == len(t.p) {
				return true
			}
		case syscall.EINTR:
		case syscall.EAGAIN:
			if t.n < t.least {
				return false
			}
			fallthrough
		default:
			t.errno = errno
			return true
		}
	}
}

// named makes an error what net.TCPConn would have made of it: net/http looks.
func (s *socket) named(what string, err error) error {
	if op, ok := err.(*net.OpError); ok {
		op.Op = what // "raw-read" and "raw-write"
		return op
	}
	return &net.OpError{Op: what, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: os.NewSyscallError(what, err)}
}

// stale tells that an idle connection cannot be used: its peer has closed it, or
// has sent something that nobody asked for.
func (s *socket) stale() bool {
	s.quiet = false
	err := s.raw.Control(s.look)
	return err != nil || !s.quiet
}

func (s *socket) peek(fd uintptr) {
	var b byte
	for {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b)), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
		if errno != syscall.EINTR {
			s.quiet = errno == syscall.EAGAIN
			return
		}
	}
}
