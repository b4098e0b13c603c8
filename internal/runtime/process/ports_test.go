package process

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"sluice.dev/sluice/internal/runtime"
)

func TestDisjointPorts(t *testing.T) {
	for _, tt := range []struct{ ephemeral, want PortRange }{
		{PortRange{32768, 60999}, PortRange{20000, 29999}},
		{PortRange{49152, 65535}, PortRange{20000, 29999}},
		{PortRange{15000, 60999}, PortRange{5000, 14999}},
		{PortRange{9000, 65535}, PortRange{1024, 8999}},
		{PortRange{1024, 50000}, PortRange{50001, 60000}},
		{PortRange{1024, 65535}, PortRange{20000, 29999}}, // no room: it says so
	} {
		var said strings.Builder
		got := disjointPorts(tt.ephemeral, slog.New(slog.NewTextHandler(&said, nil)))
		if got != tt.want {
			t.Errorf("ephemeral %v: %v, want %v", tt.ephemeral, got, tt.want)
		}
		if got.overlaps(tt.ephemeral) != strings.Contains(said.String(), "no room") {
			t.Errorf("ephemeral %v: said %q", tt.ephemeral, said.String())
		}
	}
}

func TestChoosePorts(t *testing.T) {
	for _, bad := range []PortRange{{0, 100}, {30, 20}, {60000, 70000}} {
		if _, err := choosePorts(bad, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("range %v was taken", bad)
		}
	}
	var said strings.Builder
	all := PortRange{1, 65535}
	if got, err := choosePorts(all, slog.New(slog.NewTextHandler(&said, nil))); err != nil || got != all || !strings.Contains(said.String(), "ephemeral") {
		t.Errorf("%v, %v, said %q", got, err, said.String())
	}
}

func TestReserve(t *testing.T) {
	busy := map[int]bool{20002: true} // another program's
	p := newPorts(PortRange{20000, 20004}, "127.0.0.1")
	p.free = func(_ string, port int) bool { return !busy[port] }
	p.claim = func(int) (claim, error) { return io.NopCloser(nil), nil }
	p.next = 20001
	reserve := func(own, want int) {
		t.Helper()
		got, err := p.reserve(own)
		if want == 0 {
			var unplaced *runtime.UnplacedError
			if !errors.As(err, &unplaced) || !strings.Contains(err.Error(), "20000-20004") {
				t.Errorf("with all taken: %d, %v", got, err)
			}
			return
		}
		if err != nil || got != want {
			t.Errorf("reserve(%d) is %d, %v, want %d", own, got, err, want)
		}
	}
	reserve(0, 20001)
	reserve(0, 20003) // 20002 is busy
	reserve(20001, 20001)
	p.release(20001)
	reserve(0, 20004) // not the one that was just given back
	busy[20003] = true
	reserve(20003, 20000) // its own was taken by another program
	p.hold(20001)
	reserve(0, 0)
	busy = nil
	reserve(0, 20002)
}

// TestTwoServersShareNoPort lets two servers choose among the same ports before
// anything listens on any of them.
func TestTwoServersShareNoPort(t *testing.T) {
	all := PortRange{19000, 19003}
	var two [2]*ports
	for i := range two {
		two[i] = newPorts(all, "127.0.0.1")
		two[i].next = all.First
	}
	owner := map[int]int{}
	for range 2 {
		for i, p := range two {
			port, err := p.reserve(0)
			if err != nil {
				t.Fatal(err)
			}
			if _, twice := owner[port]; twice {
				t.Errorf("port %d was handed out by both", port)
			}
			owner[port] = i
		}
	}
	if port, err := two[0].reserve(0); err == nil {
		t.Errorf("with all taken, port %d was handed out", port)
	}
	for port, i := range owner {
		if again, err := two[i].reserve(port); again != port || err != nil {
			t.Errorf("its own port %d became %d, %v", port, again, err)
		}
		two[1-i].hold(port) // adopted: it listens there, whatever was claimed
		two[1-i].release(port)
		two[i].release(port)
	}
	for range owner {
		if _, err := two[1].reserve(0); err != nil {
			t.Errorf("what was given back is not free again: %v", err)
		}
	}
}

func TestBindable(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", ":0"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		if bindable("127.0.0.1", port) {
			t.Errorf("a port that something holds on %q counts as free", at)
		}
		l.Close()
		if !bindable("127.0.0.1", port) {
			t.Errorf("port %d does not count as free again", port)
		}
	}
}
