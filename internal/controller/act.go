package controller

import (
	"context"

	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/runtime"
)

// startsAtOnce bounds how many processes are being forked at the same time.
const startsAtOnce = 16

// act carries out steps that are committed. Nothing here blocks: outcomes come
// back as observations.
func (s *service) act(steps []rollout.Step) {
	rt := s.c.cfg.Runtime
	for _, st := range steps {
		switch st.Kind {
		case rollout.Create, rollout.Start:
			if r := s.state.Replica(st.Replica); r != nil {
				delete(s.routedAt, r.ID)
				delete(s.unroutedAt, r.ID)
				s.launch(r)
			}
		case rollout.Drain, rollout.Fail, rollout.Recycle:
			rt.Quiet(st.Replica)
		case rollout.Terminate:
			s.end(st.Replica, rt.Terminate)
		case rollout.Kill:
			s.end(st.Replica, rt.Kill)
		case rollout.Remove:
			delete(s.handles, st.Replica)
			delete(s.routedAt, st.Replica)
			delete(s.unroutedAt, st.Replica)
			s.c.schedule.Go(func() { rt.Forget(st.Replica) })
		}
	}
}

// launch starts the process of a replica whose start was ordered and committed.
func (s *service) launch(r *rollout.Replica) {
	if s.acting[r.ID] {
		return
	}
	s.acting[r.ID] = true
	l := s.launchOf(r)
	if !s.place(&l) {
		return
	}
	of := s.material(r.Version)
	s.c.schedule.Go(func() {
		select {
		case s.c.starting <- struct{}{}:
		case <-s.c.ctx.Done():
			return // a later run of the control plane starts it
		}
		h, drifted, err := s.start(of, l)
		<-s.c.starting
		s.see(func() {
			if len(drifted) > 0 && err == nil {
				s.seeDrift(l.Replica, drifted)
			}
			s.seeStart(l.Replica, l.Attempt, h, err)
		})
	})
}

// start starts a replica's process from the files of its version.
func (s *service) start(of material, l runtime.Launch) (h runtime.Handle, drifted []string, err error) {
	drifted, err = of.settle(s.c.ctx, s.c.cfg.Content, &l)
	if err != nil {
		return h, drifted, err
	}
	if len(l.Files) > 0 {
		s.see(func() { s.seeCopies(l.Replica, l.Files) })
	}
	h, err = s.c.launched(l)
	return h, drifted, err
}

func (s *service) launchOf(r *rollout.Replica) runtime.Launch {
	l := runtime.Launch{
		Replica: r.ID, Attempt: r.Starts, Service: s.name(), Version: r.Version, Generation: r.Generation,
	}
	if v := s.version(r.Version); v != nil {
		l.Spec = v.spec
	}
	return l
}

func (s *service) end(id string, how func(context.Context, string) error) {
	s.c.schedule.Go(func() {
		if err := how(s.c.ctx, id); err != nil {
			s.c.log.Error("a process cannot be ended", "service", s.name(), "replica", id, "error", err)
		}
	})
}
