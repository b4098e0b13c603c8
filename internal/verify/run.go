package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

// Release is what is verified: a change of the service that makes a rollout. Do
// makes it; a Release without Do only watches.
type Release struct {
	What string // "restart", "update"
	Do   func(ctx context.Context) (client.Answer, error)
}

// leastAnswers have to be there before a release, so that something is known of
// the service's pace.
const leastAnswers = 10

// errLimit ends a run that takes longer than it may.
var errLimit = errors.New("time is up")

// Run keeps the load on the service, makes the release and reports. The error
// says why there is nothing to report: a *RefusedError, a *client.Problem, the
// service's unreachability. With an error of the release itself, or when ctx has
// ended, the report of what was sent until then comes too.
func Run(ctx context.Context, c *client.Client, service string, o Options, release Release, tell func(string)) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	s, err := c.Service(ctx, service)
	if err != nil {
		return nil, err
	}
	to, err := target(&s, &o)
	if err != nil {
		return nil, err
	}
	tell(fmt.Sprintf("%s %s, %v requests a second", o.Method, to, o.Rate))
	v := &run{client: c, service: service, options: &o, release: release, tell: tell, traffic: startTraffic(&o, to)}
	err = v.tellStory(ctx)
	v.traffic.stop()
	names := [phases]string{"before", "during", "after"}
	if release.Do == nil {
		names[during] = "watched"
	}
	r := v.traffic.report(service, names)
	r.Release = v.end
	r.Problems = append(r.Problems, v.problems...)
	v.countRuns(r)
	r.conclude()
	return r, err
}

// run is one call of Run.
type run struct {
	client   *client.Client
	service  string
	options  *Options
	release  Release
	tell     func(string)
	traffic  *traffic
	end      *ReleaseEnd
	problems []string
}

// tellStory is all that happens while the load goes on.
func (v *run) tellStory(ctx context.Context) error {
	if ok, err := v.measure(ctx); !ok || err != nil {
		return err
	}
	v.traffic.enter(during)
	limit, cancel := context.WithTimeoutCause(ctx, v.options.Limit, errLimit)
	defer cancel()
	if v.release.Do == nil {
		return ignoreLimit(pause(limit, v.options.Limit))
	}
	v.tell("now the " + v.release.What)
	began := time.Now()
	answer, err := v.release.Do(limit)
	if err != nil {
		return err
	}
	v.end = &ReleaseEnd{What: v.release.What, Text: answer.Text}
	if !answer.Changed {
		v.end.Text = "nothing to change, so nothing was released"
		return nil
	}
	end, err := v.client.Wait(limit, answer, client.Rolled, nil)
	v.end.Reached, v.end.Text, v.end.Seconds = end.Reached, end.Text, time.Since(began).Seconds()
	if err == nil {
		v.tell(end.Text + "; the load goes on until what it drains is gone")
		err = v.drained(limit)
	}
	if errors.Is(err, errLimit) {
		v.problems = append(v.problems, fmt.Sprintf("time is up after %s: %s; it goes on", v.options.Limit, waitingFor(&end.Service)))
		if !v.end.Reached {
			v.end.Text = "it did not end in that time"
		}
		return nil
	}
	if err != nil {
		return err
	}
	v.traffic.enter(after)
	return ignoreLimit(pause(limit, v.options.Tail))
}

// measure is the time before the release; not ok when nothing may be released.
func (v *run) measure(ctx context.Context) (ok bool, err error) {
	o := v.options
	if err := pause(ctx, o.Before); err != nil {
		return false, err
	}
	for {
		ended, broken := v.traffic.counts()
		switch {
		case broken > 0:
			v.problems = append(v.problems, "requests are lost without a release; nothing was released")
			return false, nil
		case ended >= leastAnswers:
			due := o.Rate * time.Since(v.traffic.began[before]).Seconds()
			// Callers that are all busy fall behind; a few requests always are in hand.
			if float64(ended+o.Callers) < 0.8*due {
				v.problems = append(v.problems, fmt.Sprintf("the service answered %d requests where %.0f were due; nothing was released; lower --rate or raise --concurrency", ended, due))
				return false, nil
			}
			return true, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return false, err
		}
	}
}

// drained waits until no replica of the service is on its way out.
func (v *run) drained(ctx context.Context) error {
	for {
		// A server that is away for a moment comes back, or time is up.
		s, err := v.client.Service(ctx, v.service)
		var problem *client.Problem
		switch {
		case errors.As(err, &problem) && problem.Status < 500:
			return err
		case err == nil && s.Replicas.Draining == 0:
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (v *run) countRuns(r *Report) {
	if v.options.IDsFile == "" {
		return
	}
	twice, seen, err := ranTwice(v.options.IDsFile, v.traffic.run)
	switch {
	case err != nil:
		r.problem("whether requests ran twice is not known: %v", err)
	case seen == 0:
		r.problem("whether requests ran twice is not known: %s names none of the requests; the service has to append their X-Request-Id", v.options.IDsFile)
	default:
		r.RanTwice = &twice
	}
}

func waitingFor(s *api.Service) string {
	switch {
	case s.Rollout == nil || s.Rollout.Phase.Ended():
		return fmt.Sprintf("%d replicas drain", s.Replicas.Draining)
	case s.Rollout.WaitingFor == "":
		return "the rollout is " + string(s.Rollout.Phase)
	}
	return "the rollout waits for " + s.Rollout.WaitingFor
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func ignoreLimit(err error) error {
	if errors.Is(err, errLimit) {
		return nil
	}
	return err
}
