package cli

import (
	"context"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func planSetCommand(s *session) *cobra.Command {
	flags := planFlags{}
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Make or change the update plan of a service",
		Long: `Make or change the update plan of a service. What is not given stays as it is.

--target is manual mode, --batch and --interval are automatic mode; giving one
switches to it, also in the middle of an update: it goes on from what is updated
now. A target below what is updated takes that many back, 0 all of them; set while
the plan is pending, 0 means: begin, and wait.

--file gives the same as JSON or YAML, and gates, which each batch must pass
before the next one begins:

  batch: {size: 25%, interval: 5m}
  gates:
    - {metric: error_rate, max_difference: 1%, on_fail: rollback}

--on-failure rollback has an update whose new replicas fail taken back by itself;
otherwise it is paused.`,
		Example: `  sluice plan set sentiment --target 2
  sluice plan set sentiment --batch 25% --interval 5m
  sluice plan set sentiment -f plan.yaml --on-failure rollback`,
	}
	f := cmd.Flags()
	f.StringVarP(&flags.file, "file", "f", "", "a plan as JSON or YAML, - for standard input; the other flags count over it")
	f.StringVar(&flags.target, "target", "", "manual: how many replicas shall run the new version, 2 or 20%")
	f.StringVar(&flags.batch, "batch", "", "automatic: replicas in a batch, 3 or 25% (the default)")
	f.StringVar(&flags.interval, "interval", "", "automatic: from the completion of a batch to the next: 90s, 5m, 1h")
	f.BoolVar(&flags.paused, "paused", false, "pause; of a pending plan: the next update begins paused")
	f.StringVar(&flags.onFailure, "on-failure", "", "what a failed new replica leads to: pause (the default) or rollback")
	f.BoolVar(&flags.noGates, "no-gates", false, "let batches go on without gates")
	_ = cmd.RegisterFlagCompletionFunc("on-failure", cobra.FixedCompletions([]string{"pause", "rollback"}, cobra.ShellCompDirectiveNoFileComp))
	return planChange(s, cmd, func(ctx context.Context, c *client.Client, name string, because client.Option) (client.Answer, client.Goal, error) {
		change, err := s.planOf(f.Changed, &flags)
		if err != nil {
			return client.Answer{}, 0, err
		}
		answer, err := c.SetPlan(ctx, name, change, because)
		return answer, planGoal(answer), err
	})
}

// planGoal is what a change of a plan asks for: of a rollout that it leads, the
// target; of a pending one nothing more.
func planGoal(answer client.Answer) client.Goal {
	if p := answer.Plan; p != nil && p.Phase == api.PlanInEffect && p.Target == 0 {
		return client.RolledBack
	}
	return client.Rolled
}

// planFlags are those of plan set.
type planFlags struct {
	file, target, batch, interval, onFailure string
	paused, noGates                          bool
}

// planOf reads them.
func (s *session) planOf(given func(flag string) bool, p *planFlags) (ch api.PlanChange, err error) {
	if given("file") {
		if ch, err = s.planFile(p.file); err != nil {
			return ch, err
		}
	}
	if given("target") {
		c, err := api.ParseCount(p.target)
		if err != nil {
			return ch, Usagef("--target: %v", err)
		}
		ch.TargetUpdated = &c
	}
	if p.noGates {
		ch.Gates = &[]api.Gate{}
	}
	if (given("batch") || given("interval")) && ch.Batch == nil {
		ch.Batch = &api.BatchChange{}
	}
	if given("batch") {
		c, err := api.ParseCount(p.batch)
		if err != nil {
			return ch, Usagef("--batch: %v", err)
		}
		ch.Batch.Size = &c
	}
	if given("interval") {
		i, err := api.ParseInterval(p.interval)
		if err != nil {
			return ch, Usagef("--interval: %v", err)
		}
		ch.Batch.Interval = &i
	}
	if given("paused") {
		ch.Paused = &p.paused
	}
	if given("on-failure") {
		on := api.OnFailure(p.onFailure)
		ch.OnFailure = &on
	}
	if ch == (api.PlanChange{}) {
		return ch, Usagef("nothing is given; --target (manual), --batch and --interval (automatic), --file, --on-failure, --no-gates or --paused is needed")
	}
	if err := ch.Check(); err != nil {
		return ch, Usagef("%v", err)
	}
	return ch, nil
}

// planFile reads a plan from a file.
func (s *session) planFile(name string) (ch api.PlanChange, err error) {
	data, err := s.readAll(name)
	if err != nil {
		return ch, err
	}
	if ch, err = api.ParsePlanChange(data); err != nil {
		return ch, Usagef("%s: %v", name, err)
	}
	return ch, nil
}
