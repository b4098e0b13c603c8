package preview

import (
	"fmt"
	"strings"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
)

// Observed is what is seen of the running service.
type Observed struct {
	Slowest  time.Duration // the slowest request the gateways have answered; 0 for none
	InFlight int           // requests in hand at its ready replicas
	Deaf     []Deaf        // main processes that do not handle SIGTERM
	File     []string      // what the update itself would warn of
	Replaces bool          // replicas are replaced
}

// Deaf is a main process that has no handler for SIGTERM.
type Deaf struct {
	Replica  string
	Pid      int
	Revision string
	Ignores  bool // it does not even end by it
}

// warn says what to think about before the update.
func warn(w *witness) {
	w.out.Warnings = []api.PreviewWarned{}
	for _, about := range []func(*witness){
		noRoom, away, capacity, gracePeriod, sigterm, warmUp, longStartup, noHealthCheck, serviceFile,
	} {
		about(w)
	}
}

func (w *witness) warn(code, hint, format string, args ...any) {
	w.out.Warnings = append(w.out.Warnings, api.PreviewWarned{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (w *witness) warned(code string) bool {
	for _, v := range w.out.Warnings {
		if v.Code == code {
			return true
		}
	}
	return false
}

// span is a time as a sentence has it.
func span(d time.Duration) string {
	if d < time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

func noRoom(w *witness) {
	if w.noRoom == "" {
		return
	}
	ends := "the rollout goes on when its own old replicas have ended"
	if w.out.End.Phase == api.PreviewStuck {
		ends = "nothing in this update makes room for it, so it waits until something else is released"
	}
	w.warn(api.WarnNoRoom, "set metadata.rolling_strategy.max_unavailable to at least 1, ask for less per replica, or give the resource group more capacity",
		"after %s a new replica finds no room beside the old ones: %s; %s", span(w.noRoomAt), w.noRoom, ends)
}

func away(w *witness) {
	if w.away == 0 || w.out.Now.Ready == 0 || w.m.Service.Desired == 0 {
		return
	}
	why := fmt.Sprintf("all %d replicas are away", w.out.Now.Ready)
	if w.out.Now.Ready == 1 {
		why = "the only replica is away before there is another in its place"
	}
	w.warn(api.WarnAway, "set max_unavailable to 0 and max_surge to at least 1, or run more replicas",
		"no replica is ready for %s, from %s on: %s; requests are answered with 503 meanwhile", span(w.away), span(w.awayFrom), why)
}

// capacity compares what is in hand now with what the fewest ready replicas
// would have.
func capacity(w *witness) {
	now, low, load := w.out.Now.Ready, w.out.LowestReady.Replicas, w.in.Now.InFlight
	if low == 0 || low >= now || load == 0 {
		return
	}
	each := func(n int) string { return fmt.Sprintf("%.3g", float64(load)/float64(n)) }
	const hint = "set max_unavailable to 0, or update when there is less to do"
	switch limit := w.in.Spec.Limits.MaxQueue; {
	case limit > 0 && load > low*limit:
		w.warn(api.WarnCapacity, hint, "%d requests are in hand now; the %d replicas that stay ready take %d each (rpc.max_queue_size), so callers would be answered with 450",
			load, low, limit)
	case load >= now:
		w.warn(api.WarnCapacity, hint, "%d requests are in hand now, %s at each of %d replicas; with the %d that stay ready it is %s each",
			load, each(now), now, low, each(low))
	}
}

// noteDrains keeps how replicas end that are there now, and those that this update
// starts.
func (w *witness) noteDrains() {
	seen := map[string]bool{}
	for i := range w.m.Replicas {
		r := &w.m.Replicas[i]
		w.leaving[r.ID] = r.Stage == rollout.Draining
		if p, ok := w.m.Policies[r.Revision]; ok && !seen[r.Revision] && r.Stage == rollout.Live {
			seen[r.Revision] = true
			w.drains = append(w.drains, p.Drain)
		}
	}
	w.drains = append(w.drains, w.in.Spec.Drain)
}

func gracePeriod(w *witness) {
	if w.in.Now.Slowest == 0 {
		return
	}
	for _, d := range w.drains {
		if d.Grace < w.in.Now.Slowest {
			w.warn(api.WarnGrace, "set metadata.eas.termination_grace_period to more than that; it reaches running replicas as an update of its own, before this one",
				"the grace period is %s, and a request was seen that took %s: one like it, in hand at a replica that ends, is cut",
				span(d.Grace), span(w.in.Now.Slowest))
			return
		}
	}
}

func sigterm(w *witness) {
	var deaf []Deaf
	for _, d := range w.in.Now.Deaf {
		p, known := w.m.Policies[d.Revision]
		if known && p.Drain.Sigterm || w.in.Spec.Drain.Sigterm {
			deaf = append(deaf, d)
		}
	}
	if len(deaf) == 0 {
		return
	}
	first := deaf[0]
	does := "has no handler for it: it ends at once, and what it still has in hand is cut"
	if first.Ignores {
		does = "ignores it: it ends by SIGKILL at the end of the grace period"
	}
	more := ""
	if n := len(deaf) - 1; n > 0 {
		more = fmt.Sprintf(" (so do %d more)", n)
	}
	w.warn(api.WarnSigterm, "set metadata.rpc.enable_sigterm to false (eas.drain: idle ends a replica as soon as nothing is in hand), or have the program finish its requests on SIGTERM",
		"rpc.enable_sigterm is on, and the main process of replica %s (pid %d) %s%s", first.Replica, first.Pid, does, more)
}

func warmUp(w *witness) {
	b := w.out.Bounds
	if !w.in.Now.Replaces || w.in.Spec.WarmUpData != "" || b.Desired < 2 || 2*b.MaxSurge < b.Desired {
		return
	}
	w.warn(api.WarnNoWarmUp, "set warm_up_data_path, so that a replica answers recorded requests before it counts as ready, or a smaller max_surge",
		"max_surge is %d of %d replicas and there is no warm-up: so many cold replicas take over at one time", b.MaxSurge, b.Desired)
}

func longStartup(w *witness) {
	timeout, startup := w.in.Spec.Strategy.StartupTimeout, w.out.Times.Startup
	if !w.in.Now.Replaces || startup.Measured == 0 || startup.Slowest < timeout.Seconds() {
		return
	}
	w.warn(api.WarnLongStartup, "set metadata.rolling_strategy.startup_timeout to more than that",
		"a replica of this service took %gs to become ready, and startup_timeout is %s: one that takes as long counts as failed", startup.Slowest, timeout)
}

const healthKey = "containers[0].health_check:"

func noHealthCheck(w *witness) {
	if !w.in.Spec.Container.HealthDefaulted || !w.in.Now.Replaces {
		return
	}
	w.warn(api.WarnNoHealth, "name a check that passes when the model is loaded: containers[0].health_check",
		"there is no health check: a tcp check on the port stands in, so a replica takes requests, and old ones go, before its model may be loaded")
}

// serviceFile passes on what the update itself would warn of, unless a warning
// above says it with numbers.
func serviceFile(w *witness) {
	for _, text := range w.in.Now.File {
		switch {
		case strings.HasPrefix(text, healthKey) && w.warned(api.WarnNoHealth):
		case strings.Contains(text, "an update may stop") && w.warned(api.WarnAway):
		default:
			w.warn(api.WarnFile, "", "%s", text)
		}
	}
}
