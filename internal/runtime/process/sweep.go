package process

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice.dev/sluice/internal/proc"
)

// sweeper finds processes of a data directory by their environment and kills
// them. It is what ends the processes that left the group of their replica.
// A look reads the environment of every process of the machine, so requests
// that come during one share the next.
type sweeper struct {
	data string
	log  *slog.Logger

	mu      sync.Mutex
	running bool
	waiting map[string][]chan struct{} // by replica
}

func newSweeper(data string, log *slog.Logger) *sweeper {
	return &sweeper{data: data, log: log, waiting: map[string][]chan struct{}{}}
}

// marks are what the environment of a process says of the replica that it
// belongs to; "" for what it does not say.
type marks struct {
	replica, data, port, gpus string

	check bool // of the command of an exec check, not of the replica itself
}

func marksOf(pid int) marks {
	var m marks
	for _, entry := range proc.Environ(pid) {
		switch name, value, _ := strings.Cut(entry, "="); name {
		case envReplica:
			m.replica = value
		case envData:
			m.data = value
		case "PORT":
			m.port = value
		case envGPUs:
			m.gpus = value
		case envCheck:
			m.check = true
		}
	}
	return m
}

// stray is a process that carries the marks of a replica.
type stray struct {
	proc.Info
	marks
}

// scan lists the processes that carry the marks of a replica of this data
// directory.
func (s *sweeper) scan() []stray {
	self := os.Getpid()
	var found []stray
	for _, i := range proc.List() {
		if i.Pid == self || i.Zombie {
			continue
		}
		if m := marksOf(i.Pid); m.data == s.data && m.replica != "" {
			found = append(found, stray{i, m})
		}
	}
	return found
}

// kill ends every process of a replica and returns when there is none.
func (s *sweeper) kill(replica string) {
	done := make(chan struct{})
	s.mu.Lock()
	s.waiting[replica] = append(s.waiting[replica], done)
	if !s.running {
		s.running = true
		go s.work()
	}
	s.mu.Unlock()
	<-done
}

func (s *sweeper) work() {
	for {
		s.mu.Lock()
		batch := s.waiting
		s.waiting = map[string][]chan struct{}{}
		if len(batch) == 0 {
			s.running = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		s.killWhere(func(p stray) bool { return batch[p.replica] != nil })
		for _, waiters := range batch {
			for _, done := range waiters {
				close(done)
			}
		}
	}
}

// sweepRounds bounds the rounds of killWhere: a process that does not even die
// of SIGKILL hangs in the kernel, and nothing may wait for it for ever.
const sweepRounds = 10

// killWhere ends the processes that match, and looks again until
// there is none: one of them may have forked meanwhile.
func (s *sweeper) killWhere(match func(stray) bool) {
	for range sweepRounds {
		var killed []*proc.Process
		for _, p := range s.scan() {
			if !match(p) {
				continue
			}
			if h := s.killOne(p); h != nil {
				killed = append(killed, h)
			}
		}
		if len(killed) == 0 {
			return
		}
		awaitEnd(killed)
	}
	s.log.Warn("processes of ended replicas do not die of SIGKILL; see which hang in the kernel (state D in ps)", "data", s.data)
}

func (s *sweeper) killOne(p stray) *proc.Process {
	h, err := proc.Hold(p.Pid, p.Start)
	if err != nil {
		return nil // it ended meanwhile
	}
	if err := h.Kill(); err != nil {
		s.log.Warn("a process of an ended replica cannot be killed", "pid", p.Pid, "replica", p.replica, "error", err)
		h.Close()
		return nil
	}
	return h
}

// awaitEnd waits a second for all of them together, and reaps those that this
// process has inherited.
func awaitEnd(killed []*proc.Process) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, h := range killed {
		if h.Wait(ctx) {
			h.Reap()
		}
		h.Close()
	}
}

// awaitGroup waits until nothing of a killed group runs any more, a second at
// most. The sweep would not see what is dying: its environment is gone before it
// is. The group's number must still be its own.
func (r *Runtime) awaitGroup(group int) {
	member := func(i proc.Info) bool { return i.Group == group && i.Pid != group && !i.Zombie }
	for range 200 {
		if !slices.ContainsFunc(proc.List(), member) || !sleep(r.ctx, 5*time.Millisecond) {
			return
		}
	}
}

// sleep returns false when ctx was done first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
