package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
	"sluice.dev/sluice/internal/sim"
	"sluice.dev/sluice/internal/store/memory"
	"sluice.dev/sluice/internal/testserver"
)

// rolloutBench measures updates: of real processes under a real server, and of
// many replicas on the simulator's clock. The shortest possible is as many
// start-ups, one after the other, as the bounds make necessary.
type rolloutBench struct {
	rounds    int
	replicas  int
	surge     int
	startup   time.Duration
	simulated int
}

func rolloutFlags(f *flag.FlagSet) func(context.Context, *report) error {
	b := &rolloutBench{}
	f.IntVar(&b.rounds, "rounds", 3, "updates of each kind")
	f.IntVar(&b.replicas, "replicas", 20, "real processes")
	f.IntVar(&b.surge, "surge", 5, "how many of them may be started at once")
	f.DurationVar(&b.startup, "startup", 2*time.Second, "how long a process takes to listen")
	f.IntVar(&b.simulated, "simulated", 1000, "simulated replicas, a twentieth of which may be started at once")
	return b.run
}

func (b *rolloutBench) run(ctx context.Context, r *report) error {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := build(ctx, dir)
	if err != nil {
		return err
	}
	s, err := startServer(ctx, program, dir+"/data")
	if err != nil {
		return err
	}
	err = b.real(ctx, r, dir, s.client)
	if err := errors.Join(err, s.end()); err != nil {
		return err
	}
	return b.simulate(r)
}

const (
	realRatio      = "real: duration / shortest possible"
	overheadRatio  = "real: duration / shortest, start-ups as the server saw them"
	simulatedRatio = "simulated: duration / shortest possible"
	plannedRatio   = "simulated: automatic batches, duration / sum of batches and intervals"
)

func (b *rolloutBench) real(ctx context.Context, r *report, dir string, c *client.Client) error {
	created, err := c.Create(ctx, b.file(dir, 0))
	if err != nil {
		return err
	}
	if err := reached(ctx, c, created); err != nil {
		return err
	}
	rounds := (b.replicas + b.surge - 1) / b.surge
	for i := range b.rounds {
		alone, err := b.alone(ctx)
		if err != nil {
			return err
		}
		answer, err := c.Update(ctx, "bench", b.file(dir, i+1), client.Merge)
		if err != nil {
			return err
		}
		if err := reached(ctx, c, answer); err != nil {
			return err
		}
		ro, err := c.CurrentRollout(ctx, "bench")
		if err != nil {
			return err
		}
		list, err := c.Replicas(ctx, "bench")
		if err != nil {
			return err
		}
		took := ro.EndedAt.Sub(ro.StartedAt.Time).Seconds()
		seen := startupOf(list, ro.ToVersion)
		r.add("real: duration", "s", took)
		r.add("real: start-up of a process alone", "s", alone.Seconds())
		r.add("real: start-up as the server saw it", "s", seen.Seconds())
		r.add(realRatio, "", took/(float64(rounds)*alone.Seconds()))
		r.add(overheadRatio, "", took/(float64(rounds)*seen.Seconds()))
	}
	r.bar(realRatio, "median", 1.05)
	return nil
}

// reached waits until what was asked for is there.
func reached(ctx context.Context, c *client.Client, asked client.Answer) error {
	end, err := c.Wait(ctx, asked, client.Rolled, nil)
	if err == nil && !end.Reached {
		err = fmt.Errorf("it ended otherwise: %s", end.Text)
	}
	return err
}

func (b *rolloutBench) file(dir string, number int) api.Document {
	return document(`{"metadata": {"name": "bench", "instance": %d, "rolling_strategy": {"max_surge": %d, "max_unavailable": 0},
		"eas": {"drain": "idle"}, "rpc": {"enable_sigterm": true}},
		"containers": [{"command": %q, "working_dir": %q, "port": 8000,
			"env": [{"name": %q, "value": "1"}, {"name": "NUMBER", "value": "%d"}],
			"health_check": {"http_get": {"path": "/ready"}}}]}`,
		b.replicas, b.surge, testserver.Command("-listen-after", b.startup.String()), dir, testserver.Marker, number)
}

// alone starts as many processes as a batch has, without Sluice, and returns
// the median time until they answer as ready.
func (b *rolloutBench) alone(ctx context.Context) (time.Duration, error) {
	type outcome struct {
		took time.Duration
		err  error
	}
	outcomes := make(chan outcome)
	for range b.surge {
		go func() {
			took, err := b.one(ctx)
			outcomes <- outcome{took, err}
		}()
	}
	var took []time.Duration
	var err error
	for range b.surge {
		o := <-outcomes
		took, err = append(took, o.took), errors.Join(err, o.err)
	}
	slices.Sort(took)
	return took[len(took)/2], err
}

func (b *rolloutBench) one(ctx context.Context) (time.Duration, error) {
	address, err := freeAddress()
	if err != nil {
		return 0, err
	}
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", "exec "+testserver.Command("-listen-after", b.startup.String()))
	cmd.Env = append(os.Environ(), testserver.Marker+"=1", "PORT="+port)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	err = patiently(ctx, "a process to be ready", func() bool {
		answer, err := http.Get("http://" + address + "/ready")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	return time.Since(began), err
}

// startupOf is the median time from the start of a version's replicas until
// they were ready.
func startupOf(list []api.Replica, version int) time.Duration {
	var took []time.Duration
	for _, r := range list {
		if r.Version == version && r.StartedAt != nil && r.ReadyAt != nil {
			took = append(took, r.ReadyAt.Sub(r.StartedAt.Time))
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// planned measures updates in batches: four of a quarter each, ten minutes apart,
// against the sum of batches and intervals; and the way back out of the first one
// against that of a completed update.
func (b *rolloutBench) planned(r *report, surge int, startup time.Duration) error {
	p := sim.Planned{Replicas: b.simulated, Surge: surge, Startup: startup, Batch: api.Count{Value: 25, Percent: true}, Interval: 10 * time.Minute}
	quarter := p.Batch.Up(b.simulated)
	sum := 3 * p.Interval
	for left := b.simulated; left > 0; left -= quarter {
		sum += time.Duration((min(left, quarter)+surge-1)/surge) * startup
	}
	for i := range b.rounds {
		p.Seed, p.Store = uint64(i+1), memory.New()
		took, err := p.Run()
		if err != nil {
			return err
		}
		r.add(plannedRatio, "", took.Automatic.Seconds()/sum.Seconds())
		r.add("simulated: rollback by the plan, out of the first batch of 25%", "s", took.PlanRollback.Seconds())
		r.add("simulated: rollback to a version, of a completed update", "s", took.VersionRollback.Seconds())
	}
	r.bar(plannedRatio, "median", 1.05)
	return nil
}

func (b *rolloutBench) simulate(r *report) error {
	const startup = 30 * time.Second
	surge := max(1, b.simulated/20)
	rounds := (b.simulated + surge - 1) / surge
	for i := range b.rounds {
		took, err := sim.Smooth{Seed: uint64(i + 1), Replicas: b.simulated, Surge: surge, Startup: startup, Store: memory.New()}.Run()
		if err != nil {
			return err
		}
		r.add("simulated: duration", "s", took.Seconds())
		r.add(simulatedRatio, "", took.Seconds()/(float64(rounds)*startup.Seconds()))
	}
	r.bar(simulatedRatio, "median", 1.01)
	if err := b.planned(r, surge, startup); err != nil {
		return err
	}
	r.note("%s", strings.Join([]string{
		fmt.Sprintf("real: %d processes, %d at a time, each listens %s after its start", b.replicas, b.surge, b.startup),
		fmt.Sprintf("simulated: %d replicas, %d at a time, start-up %s", b.simulated, surge, startup)}, "; "))
	return nil
}
