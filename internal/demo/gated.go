package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/examples/digits"
)

// faulty is the version that answers some requests with an error.
const faulty = 4

// plan has one replica take the new version, and be judged, before the next does.
// Few samples are enough where many errors are to be found, and little time where
// the traffic is steady.
const plan = `batch: {size: 1, interval: 1s}
gates:
  - {metric: error_rate, max_difference: 1%, min_samples: 20, window: 2s, on_fail: rollback}
`

// GatedResult is how a gate took an update back, and what callers met meanwhile.
type GatedResult struct {
	Version  int `json:"version"`
	Replicas int `json:"replicas" doc:"that the new version had when it was judged"`
	// Verdict is the gate's own record, with the numbers that it was made on.
	Verdict api.GateResult `json:"verdict"`
	Seconds float64        `json:"seconds" doc:"from the begin of the update until it was taken back"`

	Sent         int `json:"sent" doc:"requests in the phase"`
	Answered     int `json:"answered" doc:"those of them that the new version answered"`
	Errors       int `json:"errors" doc:"those of them that it answered with an error"`
	StreamErrors int `json:"stream_errors" doc:"digits of streams that it answered with an error"`
	// Of the images that the demo sends, again and again in the same order, those
	// at which the model fails: what callers would meet if it served alone.
	Images      int `json:"images"`
	FailsImages int `json:"fails_images"`
}

func (s *sandbox) readPlan() (api.PlanChange, error) {
	text, err := os.ReadFile(s.path(planFile))
	if err != nil {
		return api.PlanChange{}, err
	}
	return api.ParsePlanChange(text)
}

// setPlan has the next update go by batches, with a gate between them.
func (s *story) setPlan(ctx context.Context) error {
	s.tally.enter(fmt.Sprintf("try of version %d", faulty))
	s.begin("set a plan with a gate", "sluice plan set digits -f "+planFile)
	change, err := s.box.readPlan()
	if err != nil {
		return err
	}
	if _, err := s.client.SetPlan(ctx, service, change); err != nil {
		return err
	}
	s.show.end(true, "1 replica at a time; 1% more errors than the old ones take it back")
	return nil
}

// tryFaulty rolls out version 4, which starts, is ready and fails at one image in
// five: its gate takes it back, and nobody else has a hand in it.
func (s *story) tryFaulty(ctx context.Context) error {
	s.begin(fmt.Sprintf("update to version %d (faulty)", faulty), fmt.Sprintf("sluice update digits --set model_path=models/v%d --wait", faulty))
	answer, err := s.change(ctx, faulty)
	if err != nil {
		return err
	}
	var back api.Rollout
	err = s.until(ctx, func(sv api.Service) (bool, error) {
		ro := sv.Rollout
		switch {
		case ro == nil || ro.ID != answer.Rollout.ID:
			return false, fmt.Errorf("another rollout took the place of %s: %s", answer.Rollout.ID, sv.Message)
		case ro.Phase == api.RolloutRolledBack:
			back = *ro
			return true, nil
		case ro.Phase.Ended() || ro.Phase == api.RolloutPaused:
			return false, fmt.Errorf("the update to version %d is %s, the gate should have taken it back: %s", faulty, ro.Phase, sv.Message)
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	r := measure(back, nil, s.seen)
	s.result.Rollouts = append(s.result.Rollouts, r)
	if s.result.Gated, err = gated(back); err != nil {
		return err
	}
	g := s.result.Gated
	least := time.Since(s.step) + s.pace.least
	if err := s.linger(ctx, least, func() string { return fmt.Sprintf("taken back by its gate after %s", took(g.Seconds)) }); err != nil {
		return err
	}
	s.show.say(wrap(g.Verdict.Message))
	// Others that may come, with --keep, go without a plan.
	_, err = s.client.DeletePlan(ctx, service)
	return err
}

// gated reads the record of a rollout that a gate has taken back.
func gated(ro api.Rollout) (*GatedResult, error) {
	if len(ro.Gates) == 0 || ro.EndedAt == nil {
		return nil, fmt.Errorf("the update to version %d was taken back, but not by a gate: %s", ro.ToVersion, ro.Message)
	}
	last := ro.Gates[len(ro.Gates)-1]
	for _, result := range last.Results {
		if result.Outcome != api.GateFail {
			continue
		}
		if result.New == nil || result.Old == nil {
			return nil, errors.New("the gate's record has no numbers")
		}
		return &GatedResult{
			Version: ro.ToVersion, Replicas: last.Target, Verdict: result,
			Seconds: ro.EndedAt.Sub(ro.StartedAt.Time).Seconds(),
		}, nil
	}
	return nil, fmt.Errorf("the update to version %d was taken back, but no gate failed: %s", ro.ToVersion, last.Reason)
}

// meet counts what callers met of the version, and asks the model itself at
// which of the images it fails.
func (g *GatedResult) meet(p PhaseResult) error {
	g.Sent, g.Answered, g.Errors, g.StreamErrors = p.Sent, p.Answers[g.Version]+p.Errors[g.Version], p.Errors[g.Version], p.Streams.Errors
	file, err := digits.ModelFile(fmt.Sprint(g.Version))
	if err != nil {
		return err
	}
	model, err := digits.Decode(file)
	if err != nil {
		return err
	}
	images := digits.TestSet()
	g.Images = len(images)
	_, g.FailsImages = model.Accuracy(images)
	return nil
}

// write prints the verdict with its numbers.
func (g *GatedResult) write(b *strings.Builder) {
	v := g.Verdict
	fmt.Fprintf(b, "Version %d was taken back by itself, %s after its update began, by gate\n%s (%s):\n", g.Version, took(g.Seconds), v.Gate, v.Limit)
	for _, side := range []struct {
		name string
		of   *api.GateSide
	}{{"new", v.New}, {"old", v.Old}} {
		fmt.Fprintf(b, "  %s replicas  %4d errors in %5s requests = %4.1f%%\n", side.name, side.of.Errors, grouped(int(side.of.Requests)), 100*side.of.Value)
	}
	fmt.Fprintf(b, "  judged on     %.1f s of traffic, at %d of %d replicas\n", v.Elapsed, g.Replicas, desired)
	text := fmt.Sprintf("Callers sent %s requests in that phase; version %d answered %s of them, %s with an error.",
		grouped(g.Sent), g.Version, grouped(g.Answered), grouped(g.Errors))
	if g.StreamErrors > 0 {
		text += fmt.Sprintf(" In streams, %s digits got an error.", grouped(g.StreamErrors))
	}
	text += fmt.Sprintf(" Without a gate it would answer every request: of the %d images that callers send again and again, it fails at %d.", g.Images, g.FailsImages)
	fmt.Fprintln(b, fold(text, ""))
}
