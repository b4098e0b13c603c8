package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

const (
	service = "digits"

	stepTakes = 40 * time.Second
	lookPause = 40 * time.Millisecond
)

// story is one run of the demo.
type story struct {
	box    *sandbox
	pace   pace
	client *client.Client
	show   display
	tally  *tally
	load   *traffic // nil before there is traffic
	began  time.Time
	step   time.Time
	result *Result
	last   view
	seen   extremes // since watch
}

// tell runs the whole story. It returns at the first step that does not end as it
// should; the traffic has then ended, and the result holds what there is.
func (s *story) tell(ctx context.Context) error {
	err := s.steps(ctx)
	if s.load != nil {
		s.load.stop()
		s.tally.leave()
		s.result.Phases = s.tally.results()
		err = errors.Join(err, s.count())
	}
	return err
}

func (s *story) steps(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.startServer, s.deploy,
		func(ctx context.Context) error { return s.serve(ctx, "before", 1) },
		s.update,
		func(ctx context.Context) error { return s.serve(ctx, "after", 2) },
		s.tryBroken, s.rollBack,
		s.setPlan, s.tryFaulty,
		func(ctx context.Context) error { return s.serve(ctx, "end", 2) },
	} {
		if err := step(ctx); err != nil {
			if ctx.Err() == nil {
				s.show.end(false, err.Error())
			}
			return err
		}
	}
	return nil
}

func (s *story) begin(title, command string) {
	s.step = time.Now()
	s.show.begin(title, command)
}

func (s *story) startServer(ctx context.Context) error {
	s.begin("start server and gateway", "sluice server --data DATA")
	if err := s.box.start(ctx); err != nil {
		return err
	}
	s.client = client.New(s.box.API, s.box.Token)
	s.show.end(true, fmt.Sprintf("callers reach %s after %s", s.box.Gateway, took(time.Since(s.step).Seconds())))
	return nil
}

func (s *story) deploy(ctx context.Context) error {
	s.begin("deploy version 1", "sluice create -f service.json --wait")
	file, err := s.box.readServiceFile()
	if err != nil {
		return err
	}
	answer, err := s.client.Create(ctx, file)
	if err != nil {
		return err
	}
	ro, err := s.finish(ctx, answer)
	if err != nil {
		return err
	}
	s.show.end(true, fmt.Sprintf("%d replicas are ready after %s", desired, took(ro.Seconds)))
	s.tally.enter("before")
	s.load = startTraffic(answer.Endpoint, s.tally, s.pace.streams)
	return nil
}

// serve lets traffic flow while nothing is done.
func (s *story) serve(ctx context.Context, name string, version int) error {
	if name != "before" { // its phase began with the traffic
		s.tally.enter(name)
	}
	s.begin(fmt.Sprintf("version %d serves", version), "")
	return s.linger(ctx, s.pace.steady, func() string { return fmt.Sprintf("accuracy %.1f%% in live answers", 100*s.tally.accuracy()) })
}

func (s *story) update(ctx context.Context) error {
	s.tally.enter("update to version 2")
	s.begin("update to version 2", "sluice update digits --set model_path=models/v2 --wait")
	answer, err := s.change(ctx, 2)
	if err != nil {
		return err
	}
	ro, err := s.finish(ctx, answer)
	if err != nil {
		return err
	}
	return s.linger(ctx, s.pace.least, func() string {
		return fmt.Sprintf("%d replicas were replaced in %s", desired, took(ro.Seconds))
	})
}

// tryBroken rolls out version 3, whose model does not load: the rollout pauses,
// and version 2 goes on serving.
func (s *story) tryBroken(ctx context.Context) error {
	s.tally.enter("try of version 3")
	s.begin("update to version 3 (broken)", "sluice update digits --set model_path=models/v3 --wait")
	answer, err := s.change(ctx, 3)
	if err != nil {
		return err
	}
	var paused api.Rollout
	err = s.until(ctx, func(sv api.Service) (bool, error) {
		ro := sv.Rollout
		switch {
		case ro == nil || ro.ID != answer.Rollout.ID || ro.Phase.Ended():
			return false, errors.New("the update to version 3 ended, though its model cannot be loaded")
		case ro.Phase == api.RolloutPaused:
			paused, s.result.Failed = *ro, sv.Message
			return true, nil
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	r := measure(paused, nil, s.seen)
	r.Seconds = time.Since(paused.StartedAt.Time).Seconds()
	s.result.Rollouts = append(s.result.Rollouts, r)
	if err := s.linger(ctx, s.pace.paused, func() string { return "paused by its failure; version 2 serves" }); err != nil {
		return err
	}
	s.show.say(wrap(s.result.Failed))
	return nil
}

func (s *story) rollBack(ctx context.Context) error {
	s.tally.enter("rollback")
	s.begin("roll back", "sluice rollback digits --wait")
	s.seen = extremes{}
	answer, err := s.client.Rollback(ctx, service, api.Rollback{})
	if err != nil {
		return err
	}
	ro, err := s.finish(ctx, answer)
	if err != nil {
		return err
	}
	if ro.ToVersion != 2 {
		return fmt.Errorf("the rollback went to version %d; version 2 is the last one that was complete", ro.ToVersion)
	}
	return s.linger(ctx, s.pace.least, func() string { return fmt.Sprintf("version 2 is the current one again after %s", took(ro.Seconds)) })
}

// change updates the service to another model.
func (s *story) change(ctx context.Context, model int) (client.Answer, error) {
	s.seen = extremes{}
	file, err := api.Set(api.Document{}, "model_path="+modelPath(model))
	if err != nil {
		return client.Answer{}, err
	}
	answer, err := s.client.Update(ctx, service, file, client.Merge)
	if err == nil && answer.Rollout == nil {
		err = fmt.Errorf("the update to %s started no rollout: %s", modelPath(model), answer.Text)
	}
	return answer, err
}

// finish waits until the rollout of the answer is completed.
func (s *story) finish(ctx context.Context, answer client.Answer) (RolloutResult, error) {
	if answer.Rollout == nil {
		return RolloutResult{}, fmt.Errorf("no rollout was started: %s", answer.Text)
	}
	id := answer.Rollout.ID
	var ended api.Rollout
	err := s.until(ctx, func(sv api.Service) (bool, error) {
		switch ro := sv.Rollout; {
		case ro == nil || ro.ID != id:
			return false, fmt.Errorf("another rollout took the place of %s: %s", id, sv.Message)
		case ro.Phase == api.RolloutCompleted:
			ended = *ro
			return true, nil
		case ro.Phase.Ended() || ro.Phase == api.RolloutPaused:
			return false, fmt.Errorf("the %s to version %d is %s: %s", ro.Kind, ro.ToVersion, ro.Phase, sv.Message)
		}
		return false, nil
	})
	if err != nil {
		return RolloutResult{}, err
	}
	replicas, err := s.client.Replicas(ctx, service)
	if err != nil {
		return RolloutResult{}, err
	}
	r := measure(ended, replicas, s.seen)
	s.result.Rollouts = append(s.result.Rollouts, r)
	return r, nil
}

// linger watches until the step has lasted long enough, and ends it.
func (s *story) linger(ctx context.Context, long time.Duration, text func() string) error {
	err := s.until(ctx, func(api.Service) (bool, error) { return time.Since(s.step) >= long, nil })
	if err == nil {
		s.show.end(true, text())
	}
	return err
}

// until looks at the service again and again, and shows it, until done says so.
func (s *story) until(ctx context.Context, done func(api.Service) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stepTakes, fmt.Errorf("the step did not end within %s", stepTakes))
	defer cancel()
	for {
		sv, err := s.look(ctx)
		if err != nil {
			return err
		}
		if ready, err := done(sv); ready || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; the service says: %s", context.Cause(ctx), sv.Message)
		case <-time.After(lookPause):
		}
	}
}

func (s *story) look(ctx context.Context) (api.Service, error) {
	sv, err := s.client.Service(ctx, service)
	if err != nil {
		return sv, err
	}
	s.seen.see(sv.Replicas)
	replicas, err := s.client.Replicas(ctx, service)
	if err != nil {
		return sv, err
	}
	now := time.Now()
	s.last = view{since: now.Sub(s.began), step: now.Sub(s.step), replicas: replicas, live: s.tally.live(), message: news(sv)}
	s.show.show(s.last)
	return sv, nil
}

// news is what the service says of itself, and what its rollout waits for.
func news(sv api.Service) string {
	if ro := sv.Rollout; ro != nil && ro.Phase == api.RolloutRunning && ro.WaitingFor != "" {
		return sv.Message + ", waits for " + ro.WaitingFor
	}
	return sv.Message
}

// count notes answers of versions that had no business to answer, and what
// callers met of the version that was taken back.
func (s *story) count() (err error) {
	for _, p := range s.result.Phases {
		allowed := []int{2}
		switch p.Name {
		case "before":
			allowed = []int{1}
		case "update to version 2":
			allowed = []int{1, 2}
		case fmt.Sprintf("try of version %d", faulty):
			allowed = []int{2, faulty}
			if s.result.Gated != nil {
				err = s.result.Gated.meet(p)
			}
		}
		s.result.expectVersions(p, allowed)
	}
	return err
}
