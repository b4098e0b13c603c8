package gateway

import (
	"bufio"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOnePacket: a small request reaches the replica in one packet.
func TestOnePacket(t *testing.T) {
	t.Parallel()
	packets := make(chan uint32, 1)
	b := start(t, Config{})
	b.route(rawReplica(t, func(conn net.Conn, in *bufio.Reader) {
		size, err := skipRequest(in)
		if err != nil {
			return
		}
		in.Discard(size)
		raw, _ := conn.(*net.TCPConn).SyscallConn()
		raw.Control(func(fd uintptr) {
			info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
			if err != nil {
				t.Error(err)
				return
			}
			packets <- info.Data_segs_in
		})
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}))
	conn, in := b.dialRaw()
	io.WriteString(conn, "POST /api/predict/svc HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if n := <-packets; n != 1 {
		t.Errorf("it took %d packets", n)
	}
}
