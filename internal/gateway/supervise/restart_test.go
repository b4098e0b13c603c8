package supervise

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/store"
)

// states is what the hub would say.
type states struct {
	mu sync.Mutex
	of map[string]State
}

func (s *states) set(id string, state State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]State{}
	}
	s.of[id] = state
}

func (s *states) get(id string) State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[id]
}

// line is a place whose gateways can follow each other.
func line(t *testing.T, control string) (*place, *states) {
	p, s := newPlace(t, control), &states{}
	p.cfg.Handover, p.cfg.State = filepath.Join(t.TempDir(), "next"), s.get
	return p, s
}

func (p *place) record(t *testing.T, id string, pid int) store.Gateway {
	t.Helper()
	started, err := proc.StartTime(pid)
	if err != nil {
		t.Fatal(err)
	}
	return store.Gateway{ID: id, Pid: pid, StartTime: started, Listen: "127.0.0.1:4711"}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// TestRestart: the next one is started beside the first, which is not touched,
// and from then on it is the one whose death matters.
func TestRestart(t *testing.T) {
	p, hub := line(t, "sock")
	s := p.start(t)
	first := p.await(t, 1)[0]
	s.Up("127.0.0.1:4711")
	hub.set("local", Serves)
	hub.set("local-2", Waits)
	go func() {
		p.await(t, 2)
		hub.set("local", Retires)
		hub.set("local-2", Serves)
	}()
	c, err := s.Restart(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pids := p.await(t, 2)
	if want := (Change{ID: "local-2", Before: "local", Pid: pids[1], PidWas: first}); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	if listen, _ := os.ReadFile(p.cfg.Control + "." + strconv.Itoa(pids[1])); string(listen) != "127.0.0.1:4711" || !alive(first) {
		t.Errorf("the second listens on %s, the first is alive: %v", listen, alive(first))
	}
	if why := s.Outdated(); why != "" {
		t.Errorf("just restarted: %s", why)
	}
	// The end of the one that retired is told, and nobody takes its place.
	syscall.Kill(first, syscall.SIGKILL)
	if id := <-p.gone; id != "local" {
		t.Errorf("gone: %s", id)
	}
	syscall.Kill(pids[1], syscall.SIGKILL)
	if id := <-p.gone; id != "local-2" {
		t.Errorf("gone: %s", id)
	}
	if pids := p.await(t, 3); len(pids) != 3 {
		t.Errorf("started %v", pids)
	}
}

// TestRestartFails: when the next one ends before it serves, the first stays in
// charge and the error quotes the log.
func TestRestartFails(t *testing.T) {
	p, hub := line(t, "sock")
	s := p.start(t)
	first := p.await(t, 1)[0]
	hub.set("local", Serves)
	go func() {
		syscall.Kill(p.await(t, 2)[1], syscall.SIGKILL)
	}()
	if _, err := s.Restart(t.Context()); err == nil || !strings.Contains(err.Error(), "the one before goes on") {
		t.Errorf("the next one was killed: %v", err)
	}
	if id := <-p.gone; id != "local-2" {
		t.Errorf("gone: %s", id)
	}
	syscall.Kill(first, syscall.SIGKILL)
	p.await(t, 3)
}

// TestNobodyAccepts: one that retires, and whose successor is gone, is replaced
// without its end.
func TestNobodyAccepts(t *testing.T) {
	p, hub := line(t, "sock")
	p.start(t)
	first := p.await(t, 1)[0]
	hub.set("local", Retires)
	if p.await(t, 2); !alive(first) {
		t.Error("the one that retires was ended")
	}
}

// TestTheYoungestIsInCharge: of several recorded, those that retire are left
// alone, and no record's process is taken for a stray.
func TestTheYoungestIsInCharge(t *testing.T) {
	p, hub := line(t, "sock")
	s := p.start(t)
	old := p.await(t, 1)[0]
	time.Sleep(30 * time.Millisecond) // start times are told in hundredths of a second
	hub.set("local-2", Serves)
	if _, err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Close()
	young := p.await(t, 2)[1]
	p.cfg.Known = []store.Gateway{p.record(t, "local", old), p.record(t, "local-2", young)}
	p.cfg.MaxHeader = 9
	s = p.start(t)
	if why := s.Outdated(); !strings.Contains(why, "other limits") {
		t.Errorf("with another limit: %q", why)
	}
	if !alive(old) || !alive(young) || len(p.pids()) != 2 {
		t.Errorf("alive: %v and %v; started %v", alive(old), alive(young), p.pids())
	}
	syscall.Kill(young, syscall.SIGKILL)
	third := p.await(t, 3)[2]
	if id := <-p.gone; id != "local-2" || !alive(old) {
		t.Errorf("gone: %s, the old one is alive: %v", id, alive(old))
	}
	for _, e := range proc.Environ(third) {
		if e == limitsMark+"=--max-header 9" {
			return
		}
	}
	t.Errorf("the third has other limits: %v", proc.Environ(third))
}

func TestNumber(t *testing.T) {
	for id, want := range map[string]int{"local": 1, "local-2": 2, "local-12": 12, "local-1": 0, "local-x": 0, "other": 0, "locals": 0} {
		if got := Number("local", id); got != want {
			t.Errorf("%s: %d, want %d", id, got, want)
		}
	}
}
