package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice.dev/sluice/internal/runtime"
)

// process is one replica's process. It lives on when the control plane dies.
type process struct {
	launch  runtime.Launch
	alive   bool
	healthy bool
	// told is the health that this incarnation of the control plane was told.
	told    bool
	quiet   bool
	signal  bool
	hanging bool
}

// processes is a model of the process runtime.
type processes struct {
	w   *World
	all map[string]*process // by replica; those that have ended too, until forgotten
}

// How a version behaves is the program it names.
const (
	good    = "./good"    // starts within seconds
	slow    = "./slow"    // within a minute
	broken  = "./broken"  // exits at once
	never   = "./never"   // never becomes ready
	missing = "./missing" // cannot be started at all
	crashy  = "./crashy"  // becomes ready, exits now and then
)

func (p *processes) Start(_ context.Context, l runtime.Launch) (runtime.Handle, error) {
	w := p.w
	old := p.all[l.Replica]
	if old != nil && old.alive {
		if old.launch.Attempt != l.Attempt {
			w.fail("%s: attempt %d is started while attempt %d runs", l.Replica, l.Attempt, old.launch.Attempt)
		}
		return p.handle(old), nil
	}
	w.checkStart(l)
	program := l.Spec.Container.Command
	switch {
	case program == missing:
		return runtime.Handle{}, &runtime.UnstartableError{Reason: "./missing does not exist"}
	case w.chance(40):
		return runtime.Handle{}, &runtime.UnplacedError{Reason: "no port is free"}
	case w.chance(60):
		return runtime.Handle{}, errors.New("fork: try again")
	}
	proc := &process{launch: l, alive: true}
	p.all[l.Replica] = proc
	w.checkRoom()
	w.say("%s starts (attempt %d, %s)", l.Replica, l.Attempt, program)
	p.begin(proc, program)
	return p.handle(proc), nil
}

// begin plans what the process does by itself.
func (p *processes) begin(proc *process, program string) {
	w := p.w
	startup := w.upTo(3 * time.Second)
	switch program {
	case slow:
		startup = w.upTo(time.Minute)
	case broken:
		w.after(w.upTo(time.Second), nil, func() { p.exit(proc, 1) })
		return
	case never:
		return
	case crashy:
		w.after(startup+w.upTo(2*time.Minute), nil, func() {
			if !w.calm {
				p.exit(proc, 139)
			}
		})
	}
	if w.startup > 0 {
		startup = w.startup
	}
	w.after(startup, nil, func() {
		proc.healthy = true
		p.probe(proc)
	})
}

// probe tells the control plane how the process is, unless the report is late
// or lost; it looks again a period later.
func (p *processes) probe(proc *process) {
	w := p.w
	if !proc.alive {
		return
	}
	if proc.told == proc.healthy {
		w.beats++
	} else if !w.chance(20) && !proc.quiet {
		proc.told = proc.healthy
		kind := runtime.Unhealthy
		if proc.healthy {
			kind = runtime.Healthy
		}
		e := runtime.Event{Replica: proc.launch.Replica, Attempt: proc.launch.Attempt, Kind: kind, At: w.now, Reason: "GET /ready: 503"}
		late := w.upTo(10 * time.Millisecond)
		if w.chance(20) {
			late = w.upTo(5 * time.Second)
		}
		w.after(late, w.life, func() { w.observe(e) })
	}
	if !proc.quiet {
		w.after(5*time.Second, nil, func() { p.probe(proc) })
	}
}

func (p *processes) handle(proc *process) runtime.Handle {
	return runtime.Handle{Attempt: proc.launch.Attempt, Address: proc.address(), Pid: 1, GPUs: proc.launch.GPUs, StartedAt: p.w.now}
}

// address is another for each start, as a port may be.
func (proc *process) address() string {
	return fmt.Sprintf("%s:%d", proc.launch.Replica, proc.launch.Attempt)
}

// addressOf is where the present process of a replica serves.
func (p *processes) addressOf(replica string) string {
	if proc := p.all[replica]; proc != nil {
		return proc.address()
	}
	return ""
}

// exit ends a process.
func (p *processes) exit(proc *process, code int) {
	if !proc.alive {
		return
	}
	proc.alive, proc.healthy = false, false
	w := p.w
	w.say("%s ends with code %d", proc.launch.Replica, code)
	e := runtime.Event{Replica: proc.launch.Replica, Attempt: proc.launch.Attempt, Kind: runtime.Exited, At: w.now,
		Exit: &runtime.Exit{Known: true, Code: code, At: w.now}}
	w.after(w.upTo(5*time.Millisecond), w.life, func() { w.observe(e) })
}

func (p *processes) Terminate(_ context.Context, id string) error {
	proc := p.all[id]
	if proc == nil || !proc.alive {
		return nil
	}
	p.w.checkTerminate(proc)
	if proc.signal || proc.hanging {
		return nil
	}
	proc.signal = true
	takes := p.w.exit
	if takes == 0 {
		takes = p.w.upTo(4 * time.Second)
	}
	p.w.after(takes, nil, func() { p.exit(proc, 0) })
	return nil
}

func (p *processes) Kill(_ context.Context, id string) error {
	if proc := p.all[id]; proc != nil && proc.alive {
		p.w.checkKill(proc)
		p.exit(proc, 137)
	}
	return nil
}

func (p *processes) Quiet(id string) {
	if proc := p.all[id]; proc != nil {
		proc.quiet = true
	}
}

func (p *processes) Forget(id string) {
	if proc := p.all[id]; proc != nil && proc.alive {
		p.w.fail("%s is forgotten while its process runs", id)
	}
	delete(p.all, id)
}

func (p *processes) Adopt(_ context.Context, list []runtime.Adoption) ([]runtime.Adopted, error) {
	var adopted []runtime.Adopted
	named := map[string]bool{}
	for _, a := range list {
		id := a.Launch.Replica
		named[id] = true
		answer := runtime.Adopted{Replica: id}
		proc := p.all[id]
		switch {
		case proc != nil && proc.alive && proc.launch.Attempt == a.Launch.Attempt:
			h := p.handle(proc)
			answer.Handle = &h
			proc.told, proc.quiet = a.Healthy, false
			p.w.after(p.w.upTo(time.Second), nil, func() { p.probe(proc) })
		case a.Handle != nil || proc != nil && proc.launch.Attempt == a.Launch.Attempt:
			answer.Exit = &runtime.Exit{At: p.w.now}
		}
		adopted = append(adopted, answer)
	}
	for id, proc := range p.all {
		if proc.alive && !named[id] {
			p.w.fail("%s runs and no record names it", id)
		}
	}
	return adopted, nil
}

func (p *processes) Logs(context.Context, string, int, bool) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("")), nil
}
