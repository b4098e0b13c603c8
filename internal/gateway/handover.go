package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sluice.dev/sluice/internal/gateway/wire"
)

// How one gateway follows another at the same address without a connect being
// refused: both hold the very same listening socket for a while.
//
//  1. The new one dials Config.Handover. The old one sends it its address and,
//     with it, the listener's file descriptor. A caller that connects from now on
//     until the end of both is in the queue of that one socket.
//  2. The new one links up with the control plane, puts the routing table in
//     force and acknowledges it. From its first word the control plane waits for
//     both, so that no replica ends that either may pick.
//  3. The new one accepts, and says so with one byte.
//  4. The old one closes its own descriptor of the listener, and the connection:
//     the path of the socket is the new one's now. It retires (retire.go).
//
// When the new one ends before step 3, nothing has happened. When the old one
// does, the new one has the listener and goes on with step 2.

// handoverWait bounds each word of the two; they run on one machine.
const handoverWait = 10 * time.Second

// predecessor is the gateway that is taken over from.
type predecessor struct{ conn *net.UnixConn }

// takeOver gets the listener of the gateway that accepts at the address listen,
// if there is one behind the socket; all are nil when there is none.
func takeOver(socket, listen string) (net.Listener, *predecessor, error) {
	if socket == "" {
		return nil, nil, nil
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	l, err := receiveListener(conn)
	if err == nil && sameAddress(listen, l.Addr().String()) {
		return l, &predecessor{conn}, nil
	}
	conn.Close()
	if err != nil {
		return nil, nil, fmt.Errorf("the gateway behind %s did not hand over its listener: %w", socket, err)
	}
	return nil, nil, l.Close()
}

// sameAddress tells whether what is listened on is what is asked for; port 0
// asks for any.
func sameAddress(asked, is string) bool {
	host, anyPort := strings.CutSuffix(asked, ":0")
	return asked == is || anyPort && strings.HasPrefix(is, host+":")
}

func receiveListener(conn *net.UnixConn) (net.Listener, error) {
	conn.SetReadDeadline(time.Now().Add(handoverWait))
	defer conn.SetReadDeadline(time.Time{})
	word, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(word, rights)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("it sent %d control messages, want 1 (%w)", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("it sent %d file descriptors, want 1 (%w)", len(fds), err)
	}
	f := os.NewFile(uintptr(fds[0]), "listener")
	defer f.Close()
	return net.FileListener(f)
}

// sendListener is the other side of receiveListener. It must not use
// TCPListener.File, which makes the socket that both share a blocking one.
func sendListener(conn *net.UnixConn, l net.Listener) error {
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	conn.SetWriteDeadline(time.Now().Add(handoverWait))
	var sent error
	err = raw.Control(func(fd uintptr) {
		_, _, sent = conn.WriteMsgUnix([]byte{0}, unix.UnixRights(int(fd)), nil)
	})
	return errors.Join(err, sent)
}

// mayAccept waits, with a predecessor, until this gateway has acknowledged a
// table. It is false when ctx is done first.
func (g *Gateway) mayAccept(ctx context.Context) bool {
	if g.predecessor == nil || g.cfg.Control == "" {
		return true
	}
	select {
	case <-g.acknowledged:
		return true
	case <-ctx.Done():
		g.predecessor.conn.Close()
		return false
	}
}

// succeed lets the predecessor go and takes its place behind the socket. end
// takes this gateway from there; it may be called more than once.
func (g *Gateway) succeed() (end func(), err error) {
	if p := g.predecessor; p != nil {
		p.conn.SetDeadline(time.Now().Add(handoverWait))
		if _, err := p.conn.Write([]byte{1}); err == nil {
			p.conn.Read(make([]byte, 1)) // its end: the old one accepts no more
		}
		p.conn.Close()
		g.state.Store("")
		g.board.rouse()
	}
	if g.cfg.Handover == "" {
		return func() {}, nil
	}
	if err := os.Remove(g.cfg.Handover); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--handover: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: g.cfg.Handover, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("--handover: %w", err)
	}
	l.SetUnlinkOnClose(false) // the path may be the successor's by then
	if err := os.Chmod(g.cfg.Handover, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("--handover: %w", err)
	}
	go g.offer(l)
	return sync.OnceFunc(func() { l.Close(); close(g.let) }), nil
}

// offer hands the listener to whoever asks, until one of them accepts callers.
func (g *Gateway) offer(l *net.UnixListener) {
	var followed sync.Once
	for {
		conn, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors: wait for some to be freed
			g.log.Error("another gateway could not ask for the listener", "error", err)
			time.Sleep(time.Second)
			continue
		}
		go func() {
			defer conn.Close()
			if err := sendListener(conn, g.listener); err != nil {
				return
			}
			if n, _ := conn.Read(make([]byte, 1)); n == 1 {
				followed.Do(func() { close(g.followed) })
				<-g.let
			}
		}()
	}
}

func (g *Gateway) retiring() bool { return g.state.Load() == wire.Retiring }
