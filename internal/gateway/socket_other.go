//go:build !linux || !(amd64 || arm64)

package gateway

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket is, where socket_linux.go has nothing better, a plain connection.
type socket struct {
	*net.TCPConn
	raw syscall.RawConn
}

func newSocket(conn *net.TCPConn) (*socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &socket{conn, raw}, nil
}

// readReady finds nothing ready: what is there comes with the next Read.
func (s *socket) readReady([]byte) (int, error) { return 0, nil }

func (s *socket) writeAtLeast(p []byte, _ int) (int, error) { return s.Write(p) }

// stale tells that an idle connection cannot be used: its peer has closed it, or
// has sent something that nobody asked for.
func (s *socket) stale() bool {
	var ready [1]unix.PollFd
	err := s.raw.Control(func(fd uintptr) {
		ready[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		unix.Poll(ready[:], 0)
	})
	return err != nil || ready[0].Revents != 0
}
