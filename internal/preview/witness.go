package preview

import (
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
)

// witness watches a model and writes down what happens in it.
type witness struct {
	m     *rollout.Model
	in    *Input
	out   *api.Preview
	began time.Time

	open     bool // the last step is of the present instant
	version  int  // of the replica that the step under way is about
	progress time.Time
	pending  map[string]bool // replicas that found no room so far
	noRoom   string          // why the first of them found none
	noRoomAt time.Duration
	noneFrom time.Time // since when no replica is ready; zero while one is
	away     time.Duration
	awayFrom time.Duration
	endless  bool
	drains   []api.Drain
	leaving  map[string]bool // replicas that drained before the first step
}

func (w *witness) since(t time.Time) float64 { return seconds(t.Sub(w.began)) }

// shown is the version a replica is shown under.
func (w *witness) shown(revision string, started int) int {
	if revision == w.m.Service.Current.Revision {
		return w.m.Service.Current.Version
	}
	return started
}

// note writes an action down, with those of the same kind at the same instant.
func (w *witness) note(do string, version, replicas int) {
	w.progress = w.m.Now
	if !w.open {
		w.out.Steps = append(w.out.Steps, api.PreviewStep{At: w.since(w.m.Now), Actions: []api.PreviewAction{}})
		w.open = true
	}
	st := &w.out.Steps[len(w.out.Steps)-1]
	for i := range st.Actions {
		if a := &st.Actions[i]; a.Do == do && a.Version == version && replicas > 0 {
			a.Replicas += replicas
			return
		}
	}
	st.Actions = append(st.Actions, api.PreviewAction{Do: do, Version: version, Replicas: replicas})
}

// Before, After, Ready, Passed and Endless make it a rollout.Watcher.
func (w *witness) Before(st rollout.Step) {
	w.peak() // what the step before has led to
	w.version = 0
	switch r := w.m.Replica(st.Replica); {
	case r == nil:
	case w.leaving[r.ID]:
		w.version = r.Version // also where the new version is one with it
	default:
		w.version = w.shown(r.Revision, r.Version)
	}
}

func (w *witness) After(st rollout.Step) {
	switch st.Kind {
	case rollout.Create:
		w.note(string(st.Kind), w.shown(st.To.Revision, st.To.Version), 1)
	case rollout.Start:
		if !w.pending[st.Replica] { // else it is only tried again; placed tells
			w.note(string(st.Kind), w.version, 1)
		}
	default:
		delete(w.pending, st.Replica) // it needs no room any more
		replicas := 0
		if st.Replica != "" {
			replicas = 1
		}
		w.note(string(st.Kind), w.version, replicas)
	}
	w.batches(st.Kind)
	w.measure()
}

func (w *witness) Ready(id string) {
	r := w.m.Replica(id)
	w.note("ready", w.shown(r.Revision, r.Version), 1)
	w.measure()
}

func (w *witness) Passed() { w.note("gates_passed", 0, 0) }

func (w *witness) Endless(rollout.Step) { w.endless = true }

// placed is told of each try to place a replica.
func (w *witness) placed(r *rollout.Replica, why string) {
	version := w.shown(r.Revision, r.Version)
	switch {
	case why == "" && w.pending[r.ID]:
		delete(w.pending, r.ID)
		w.note("start", version, 1)
	case why != "" && !w.pending[r.ID]:
		w.pending[r.ID] = true
		if w.noRoom == "" {
			w.noRoom, w.noRoomAt = why, w.m.Now.Sub(w.began)
		}
		w.note("pending", version, 1)
	}
}

// batches keeps the list of batches.
func (w *witness) batches(kind rollout.StepKind) {
	switch kind {
	case rollout.NextBatch:
		w.beginBatch()
	case rollout.BatchDone, rollout.Complete:
		if n := len(w.out.Batches); n > 0 && w.out.Batches[n-1].Duration == nil {
			b := &w.out.Batches[n-1]
			took := w.since(w.m.Now) - b.Starts
			b.Duration = &took
		}
	}
}

func (w *witness) beginBatch() {
	w.out.Batches = append(w.out.Batches, api.PreviewBatch{
		Number: len(w.out.Batches) + 1, Target: w.m.Service.TargetUpdated(), Starts: w.since(w.m.Now), StartsAt: api.At(w.m.Now),
	})
}

// measure keeps extremes and peaks.
func (w *witness) measure() {
	c, at := w.m.Counts(), w.since(w.m.Now)
	if c.Ready < w.out.LowestReady.Replicas {
		w.out.LowestReady = api.PreviewExtreme{Replicas: c.Ready, At: at}
	}
	if c.Live > w.out.HighestLive.Replicas {
		w.out.HighestLive = api.PreviewExtreme{Replicas: c.Live, At: at}
	}
	switch {
	case c.Ready == 0 && w.noneFrom.IsZero():
		w.noneFrom = w.m.Now
	case c.Ready > 0 && !w.noneFrom.IsZero():
		w.backAgain()
	}
}

// backAgain ends a time in which no replica was ready.
func (w *witness) backAgain() {
	if w.away == 0 {
		w.awayFrom = w.noneFrom.Sub(w.began)
	}
	w.away += w.m.Now.Sub(w.noneFrom)
	w.noneFrom = time.Time{}
}

// peak counts what the processes of this moment need.
func (w *witness) peak() {
	n, need := 0, Need{}
	for i := range w.m.Replicas {
		r := &w.m.Replicas[i]
		if r.Process != rollout.Running && r.Process != rollout.Ordered || w.pending[r.ID] {
			continue
		}
		n++
		of := w.in.Needs[r.Revision]
		need.CPU, need.MemoryMB, need.GPU = need.CPU+of.CPU, need.MemoryMB+of.MemoryMB, need.GPU+of.GPU
	}
	p := &w.out.Peak
	if n > p.Processes {
		p.Processes, p.At = n, w.since(w.m.Now)
	}
	p.CPU, p.MemoryMB, p.GPU = max(p.CPU, need.CPU), max(p.MemoryMB, need.MemoryMB), max(p.GPU, need.GPU)
}

// counts are the replicas of this moment.
func (w *witness) counts() api.PreviewCounts {
	c := w.m.Counts()
	fresh, old := w.m.Sides()
	return api.PreviewCounts{Old: old, New: fresh, Draining: c.Draining, Ready: c.Ready, Updated: c.Updated, Live: c.Live, Failed: c.Failed}
}

// close ends the step of the present instant: nothing more happens at it.
func (w *witness) close() {
	if !w.open {
		return
	}
	w.open = false
	w.peak()
	st := &w.out.Steps[len(w.out.Steps)-1]
	st.PreviewCounts, st.Batch = w.counts(), len(w.out.Batches)
	st.Failure = w.failure()
}
