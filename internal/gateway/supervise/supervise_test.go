package supervise

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/store"
)

// TestMain is also the process that is supervised: it writes its pid down and
// waits for SIGTERM.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "gateway" {
		stand()
		return
	}
	os.Exit(m.Run())
}

func stand() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	control := os.Args[slices.Index(os.Args, "--control")+1]
	if strings.HasSuffix(control, "broken") {
		os.Stderr.WriteString("the port is taken\n")
		os.Exit(1)
	}
	listen := os.Args[slices.Index(os.Args, "--listen")+1]
	_ = os.WriteFile(control+"."+strconv.Itoa(os.Getpid()), []byte(listen), 0o600)
	f, _ := os.OpenFile(control+".pids", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	f.Close()
	<-stop
}

type place struct {
	cfg  Config
	gone chan string
}

func newPlace(t *testing.T, control string) *place {
	dir := t.TempDir()
	p := &place{gone: make(chan string, 16)}
	p.cfg = Config{ID: "local", Executable: os.Args[0], Listen: "127.0.0.1:0", Control: filepath.Join(dir, control),
		LogFile: filepath.Join(dir, "logs", "gateway.log"), OnGone: func(id string) { p.gone <- id },
		Log: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() {
		for _, pid := range p.pids() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return p
}

func (p *place) start(t *testing.T) *Supervisor {
	t.Helper()
	s, err := Start(p.cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// pids are all that were ever started, in order.
func (p *place) pids() (pids []int) {
	text, _ := os.ReadFile(p.cfg.Control + ".pids")
	for line := range strings.Lines(string(text)) {
		pid, _ := strconv.Atoi(strings.TrimSpace(line))
		pids = append(pids, pid)
	}
	return pids
}

func (p *place) await(t *testing.T, n int) []int {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if pids := p.pids(); len(pids) >= n {
			return pids
		}
	}
	t.Fatalf("%d processes were started, want %d", len(p.pids()), n)
	return nil
}

func TestADeadGatewayIsReplaced(t *testing.T) {
	p := newPlace(t, "sock")
	s := p.start(t)
	first := p.await(t, 1)[0]
	s.Up("127.0.0.1:4711") // the port that 0 became
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := p.await(t, 2)[1]
	if second == first {
		t.Errorf("process %d twice", first)
	}
	if listen, _ := os.ReadFile(p.cfg.Control + "." + strconv.Itoa(second)); string(listen) != "127.0.0.1:4711" {
		t.Errorf("the second listens on %s, callers know 127.0.0.1:4711", listen)
	}
	if id := <-p.gone; id != "local" {
		t.Errorf("gone: %s", id)
	}
}

func TestCloseLeavesItAndStartAdoptsIt(t *testing.T) {
	p := newPlace(t, "sock")
	p.start(t).Close()
	pid := p.await(t, 1)[0]
	started, err := proc.StartTime(pid)
	if err != nil {
		t.Fatal(err)
	}
	p.cfg.Known = []store.Gateway{{ID: "local", Pid: pid, StartTime: started, Listen: "127.0.0.1:4711"}}
	p.start(t)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if pids := p.await(t, 2); pids[0] != pid {
		t.Errorf("started %v: the first was not adopted", pids)
	}
}

// TestAnotherAddress: one that listens elsewhere than wanted finishes first.
func TestAnotherAddress(t *testing.T) {
	p := newPlace(t, "sock")
	p.start(t).Close()
	pid := p.await(t, 1)[0]
	started, _ := proc.StartTime(pid)
	p.cfg.Known = []store.Gateway{{ID: "local", Pid: pid, StartTime: started, Listen: "127.0.0.1:4711"}}
	p.cfg.Listen = "127.0.0.1:4712"
	p.start(t)
	p.await(t, 2)
	if old, err := proc.Hold(pid, started); err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if !old.Wait(ctx) {
			t.Error("the old one still runs")
		}
	}
}

func TestAFailureQuotesTheLog(t *testing.T) {
	p := newPlace(t, "broken")
	s := p.start(t)
	select {
	case err := <-s.Failed():
		if !strings.Contains(err.Error(), "the port is taken") {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was said")
	}
}

// TestArguments: what is not set is left to the gateway.
func TestArguments(t *testing.T) {
	base := "gateway --id local --listen 127.0.0.1:0 --control sock"
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, base},
		{Config{MaxBody: -1, MaxHeader: 9}, base + " --max-body -1 --max-header 9"},
		{Config{SlowStart: 2500 * time.Millisecond}, base + " --slow-start 2.5s"},
		{Config{TLSCert: "/c", TLSKey: "/k"}, base + " --tls-cert /c --tls-key /k"},
		{Config{SlowStart: -1}, base + " --slow-start 0s"},
		{Config{Handover: "next", Retire: time.Minute}, base + " --handover next --retire 1m0s"},
	} {
		c.cfg.ID, c.cfg.Listen, c.cfg.Control = "local", "127.0.0.1:0", "sock"
		s := Supervisor{cfg: c.cfg}
		if got := strings.Join(s.arguments("local"), " "); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestOtherEncryption: one that encrypts with other files than wanted, or not at
// all, finishes first; with the same files it is adopted.
func TestOtherEncryption(t *testing.T) {
	for name, c := range map[string]struct {
		was, is string
		adopted bool
	}{
		"none":         {"", "", true},
		"the same":     {"/c", "/c", true},
		"switched on":  {"", "/c", false},
		"switched off": {"/c", "", false},
		"another":      {"/c", "/d", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, "sock")
			p.cfg.TLSCert, p.cfg.TLSKey = c.was, c.was
			p.start(t).Close()
			pid := p.await(t, 1)[0]
			started, err := proc.StartTime(pid)
			if err != nil {
				t.Fatal(err)
			}
			p.cfg.Known = []store.Gateway{{ID: "local", Pid: pid, StartTime: started, Listen: "127.0.0.1:4711"}}
			p.cfg.TLSCert, p.cfg.TLSKey = c.is, c.is
			p.start(t)
			if !c.adopted {
				p.await(t, 2)
				if id := <-p.gone; id != "local" {
					t.Errorf("gone: %s", id)
				}
				return
			}
			if pids := p.pids(); len(pids) != 1 || len(p.gone) != 0 {
				t.Errorf("started %v, %d gone, want the first adopted", pids, len(p.gone))
			}
		})
	}
}
