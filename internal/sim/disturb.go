package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/runtime"
)

// disturb does one random thing to the world, then plans the next.
func (w *World) disturb() {
	if w.calm {
		return
	}
	switch n := w.rand.IntN(100); {
	case n < 55:
		w.ask()
	case n < 75:
		w.hurtProcess()
	case n < 85:
		w.gateways.hurt()
	case n < 90:
		w.kill()
	case n < 93:
		w.store.full = true
		w.say("the disk is full")
		w.after(w.upTo(20*time.Second), nil, func() { w.store.full = false })
	}
	w.after(w.upTo(8*time.Second), nil, w.disturb)
}

// hurtProcess crashes one process, lets its health fail for a while, or tells
// that it hangs.
func (w *World) hurtProcess() {
	var alive []*process
	for _, id := range sorted(w.processes.all) {
		if p := w.processes.all[id]; p.alive {
			alive = append(alive, p)
		}
	}
	if len(alive) == 0 {
		return
	}
	p := alive[w.rand.IntN(len(alive))]
	switch w.rand.IntN(4) {
	case 0, 1:
		w.processes.exit(p, 139)
	case 2:
		was := p.healthy
		p.healthy = false
		w.say("%s is unwell", p.launch.Replica)
		w.processes.probe(p)
		w.after(w.upTo(30*time.Second), nil, func() {
			p.healthy = was && p.alive
			w.processes.probe(p)
		})
	case 3:
		p.hanging = w.rand.IntN(2) == 0
		w.say("%s hangs", p.launch.Replica)
		e := runtime.Event{Replica: p.launch.Replica, Attempt: p.launch.Attempt, Kind: runtime.NotLive, At: w.now, Reason: "no answer"}
		w.after(0, w.life, func() { w.observe(e) })
	}
}

// ask has an operator ask for something.
func (w *World) ask() {
	if w.controller == nil {
		return
	}
	name := w.services[w.rand.IntN(len(w.services))]
	w.guarded(func() {
		what, err := w.askFor(name)
		var refusal *rollout.Refusal
		var missing *controller.NotFoundError
		var exists *controller.ExistsError
		var invalid *api.InvalidError
		switch {
		case err == nil:
			w.say("asked: %s %s", what, name)
		case errors.Is(err, errFull), errors.As(err, &refusal), errors.As(err, &missing), errors.As(err, &exists), errors.As(err, &invalid):
		default:
			w.fail("asked: %s %s: %v", what, name, err)
		}
	})
}

func (w *World) askFor(name string) (what string, err error) {
	ctx, by, c := context.Background(), controller.By{Actor: "ann"}, w.controller
	if _, err := c.Get(ctx, name); err != nil {
		_, err = c.Create(ctx, by, w.furnish(w.file(name, w.program())))
		return "create", err
	}
	switch w.rand.IntN(20) {
	case 0, 1, 2, 3:
		_, err = c.Update(ctx, by, name, w.furnish(w.file(name, w.program())), false)
		return "update", err
	case 4, 5:
		_, err = c.Rollback(ctx, by, name, api.Rollback{})
		return "rollback", err
	case 6:
		_, err = c.Rollback(ctx, by, name, api.Rollback{Version: 1 + w.rand.IntN(5)})
		return "rollback to a version", err
	case 7:
		_, err = c.Restart(ctx, by, name)
		return "restart", err
	case 8:
		_, err = c.Pause(ctx, by, name)
		return "pause", err
	case 9, 10:
		_, err = c.Resume(ctx, by, name)
		return "resume", err
	case 11, 12:
		_, err = c.Scale(ctx, by, name, w.rand.IntN(7))
		return "scale", err
	case 13:
		if _, err = c.Stop(ctx, by, name); err != nil {
			_, err = c.Start(ctx, by, name)
			return "start", err
		}
		return "stop", err
	case 14:
		return w.askToEvict(ctx, by, name)
	case 15, 16, 17, 18:
		return w.askForPlan(ctx, by, name)
	}
	if w.rand.IntN(8) > 0 {
		_, err = c.Update(ctx, by, name, live(w.rand.IntN(100)), false)
		return "live update", err
	}
	_, err = c.Delete(ctx, by, name)
	return "delete", err
}

func (w *World) askToEvict(ctx context.Context, by controller.By, name string) (what string, err error) {
	list, err := w.controller.Replicas(ctx, name)
	if err != nil || len(list) == 0 {
		return "evict", err
	}
	_, err = w.controller.EvictReplica(ctx, by, name, list[w.rand.IntN(len(list))].ID)
	return "evict", err
}

// program is how a new version behaves; most are good.
func (w *World) program() string {
	all := []string{good, good, good, good, slow, broken, never, missing, crashy}
	return all[w.rand.IntN(len(all))]
}

func (w *World) file(name, program string) api.Document {
	count := func(most int) string {
		if w.rand.IntN(2) == 0 {
			return fmt.Sprintf(`"%d%%"`, w.rand.IntN(101))
		}
		return fmt.Sprint(w.rand.IntN(most + 1))
	}
	surge, unavailable := count(3), count(2)
	if zero(surge) && zero(unavailable) {
		surge = "1"
	}
	replacement := []string{api.ReplacementStarted, api.ReplacementComplete}[w.rand.IntN(2)]
	drain := []string{api.DrainIdle, api.DrainGracePeriod}[w.rand.IntN(2)]
	return document(fmt.Sprintf(`{"metadata": {"name": %q, "instance": %d,
		"rolling_strategy": {"max_surge": %s, "max_unavailable": %s, "replacement": %q, "startup_timeout": 90, "min_ready_seconds": %d},
		"eas": {"drain": %q, "termination_grace_period": %d}, "rpc": {"enable_sigterm": %t}},
		"containers": [{"command": %q, "env": [{"name": "A", "value": "%d"}]}]}`,
		name, w.rand.IntN(6), surge, unavailable, replacement, w.rand.IntN(2), drain, 1+w.rand.IntN(30), w.rand.IntN(2) == 0,
		program, w.rand.IntN(1000)))
}

func zero(count string) bool { return strings.Trim(count, `"%`) == "0" }

func live(n int) api.Document {
	return document(fmt.Sprintf(`{"metadata": {"eas": {"termination_grace_period": %d}}}`, 1+n%30))
}

func document(text string) api.Document {
	doc, err := api.ParseDocument([]byte(text))
	if err != nil {
		panic("sim: " + err.Error())
	}
	return doc
}
