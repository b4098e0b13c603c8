package supervise

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/store"
)

// member is one gateway process of the line.
type member struct {
	id      string
	process *proc.Process
	began   time.Time
	ended   chan struct{}
	exit    proc.End // once ended is closed
}

// hold looks after a process until its end or that of the supervisor.
func (s *Supervisor) hold(ctx context.Context, id string, p *proc.Process) *member {
	m := &member{id: id, process: p, began: time.Now(), ended: make(chan struct{})}
	s.done.Go(func() {
		defer p.Close()
		if !p.Wait(ctx) {
			return
		}
		m.exit = p.Reap()
		s.cfg.OnGone(id)
		close(m.ended)
	})
	return m
}

// adopt holds the recorded gateways that still run and gives the one in charge,
// which is the youngest: it took over from the others, or is about to. One that
// listens elsewhere than is wanted now, or with other files for TLS, is asked to
// finish first. kept are the pids of all.
func (s *Supervisor) adopt(ctx context.Context) (lead *member, kept []int) {
	known := slices.Clone(s.cfg.Known)
	slices.SortFunc(known, func(a, b store.Gateway) int { return int(int64(b.StartTime - a.StartTime)) })
	youngest := true
	for _, k := range known {
		s.last = max(s.last, Number(s.cfg.ID, k.ID))
		p, err := proc.Hold(k.Pid, k.StartTime)
		if err != nil {
			s.cfg.OnGone(k.ID)
			continue
		}
		if youngest && !(s.wanted(k.Listen) && s.encrypts(k.Pid)) {
			s.cfg.Log.Info("the gateway listens elsewhere, or with another certificate file, than wanted; it finishes what it has in hand, then another takes over",
				"is", k.Listen, "wanted", s.cfg.Listen)
			finish(ctx, p)
			s.cfg.OnGone(k.ID)
			youngest = false
			continue
		}
		m := s.hold(ctx, k.ID, p)
		kept = append(kept, k.Pid)
		if youngest {
			lead, youngest = m, false
			s.at.Store(&k.Listen)
		}
	}
	return lead, kept
}

// watch replaces the gateway in charge whenever it dies, and when told to.
func (s *Supervisor) watch(ctx context.Context, m *member) {
	backOff := firstBackOff
	look := time.NewTicker(stateLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case o := <-s.orders:
			next, err := s.follow(ctx, m)
			if err != nil {
				o.answer <- outcome{err: err}
				continue
			}
			o.answer <- outcome{change: Change{ID: next.id, Before: m.id, Pid: next.process.Pid, PidWas: m.process.Pid}}
			m = next
			s.lead.Store(m)
			continue
		case <-look.C:
			// Its successor died after it had taken over.
			if s.cfg.State == nil || s.cfg.State(m.id) != Retires {
				continue
			}
			s.report(fmt.Errorf("gateway %s retires, and the one that took over from it is gone", m.id))
		case <-m.ended:
			s.report(fmt.Errorf("the gateway ended (%s): %s", m.exit, s.lastLine()))
		}
		if time.Since(m.began) > steadyAfter {
			backOff = firstBackOff
		}
		next := s.another(ctx, &backOff)
		if next == nil {
			return
		}
		m = next
		s.lead.Store(m)
	}
}

// another starts a gateway, after a while; nil when ctx is done first.
func (s *Supervisor) another(ctx context.Context, backOff *time.Duration) *member {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(*backOff):
		}
		*backOff = min(2**backOff, maxBackOff)
		m, err := s.spawn(ctx)
		if err == nil {
			return m
		}
		s.report(err)
	}
}
