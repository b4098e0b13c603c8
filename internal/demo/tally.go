package demo

import (
	"slices"
	"sync"
	"time"

	"sluice.dev/sluice/internal/load"
)

// result is one request's end.
type result struct {
	outcome load.Outcome
	version int  // of the service, as the gateway named it
	right   bool // the label was the right one
	failed  bool // the answer is an error of the model itself
	latency time.Duration
	fault   string // of a request that was lost or cut
}

// maxFaults is how many faults a phase keeps the text of.
const maxFaults = 5

// phase is one part of the story, with what became of the requests sent in it.
// The tally's lock guards it.
type phase struct {
	name         string
	began, ended time.Time

	sent, lost, cut int
	opened, whole   int // streams
	streamsCut      int
	versions        map[int]*score
	streamErrors    map[int]int // digits at which the model failed, by version
	latencies       []time.Duration
	faults          []string
}

// score counts the answers of one version. Errors are answers of the model, too,
// but no labels; they are not among the others.
type score struct{ answers, right, errors int }

// tally counts requests by phase, and remembers the last few seconds for those
// who watch. It is safe for concurrent use.
type tally struct {
	now func() time.Time

	mu     sync.Mutex
	phases []*phase
	recent []recent // in the order of at
}

type recent struct {
	at      time.Time
	version int
	right   bool
	failed  bool // an error instead of a label
}

// window is how far back the live numbers look.
const window = 2 * time.Second

func newTally(now func() time.Time) *tally { return &tally{now: now} }

// enter ends the phase before and begins another.
func (t *tally) enter(name string) *phase {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.close()
	p := &phase{name: name, began: t.now(), versions: map[int]*score{}, streamErrors: map[int]int{}}
	t.phases = append(t.phases, p)
	return p
}

// leave ends the last phase.
func (t *tally) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.close()
}

func (t *tally) close() {
	if n := len(t.phases); n > 0 && t.phases[n-1].ended.IsZero() {
		t.phases[n-1].ended = t.now()
	}
}

// sending counts a request into the present phase, which its result then goes to.
func (t *tally) sending() *phase {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.phases[len(t.phases)-1]
	p.sent++
	return p
}

func (t *tally) done(p *phase, r result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch r.outcome {
	case load.Lost:
		p.lost++
	case load.Cut:
		p.cut++
	default:
		s := p.versions[r.version]
		if s == nil {
			s = &score{}
			p.versions[r.version] = s
		}
		p.latencies = append(p.latencies, r.latency)
		t.recent = append(t.recent, recent{t.now(), r.version, r.right, r.failed})
		if r.failed {
			s.errors++
			return
		}
		s.answers++
		if r.right {
			s.right++
		}
		return
	}
	if len(p.faults) < maxFaults {
		p.faults = append(p.faults, r.fault)
	}
}

// opening counts a stream into the present phase, which its end then goes to.
func (t *tally) opening() *phase {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.phases[len(t.phases)-1]
	p.opened++
	return p
}

// closed counts the end of a stream; fault is "" for one that is whole.
func (t *tally) closed(p *phase, failed failures, fault string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if failed.digits > 0 {
		p.streamErrors[failed.version] += failed.digits
	}
	if fault == "" {
		p.whole++
		return
	}
	p.streamsCut++
	if len(p.faults) < maxFaults {
		p.faults = append(p.faults, fault)
	}
}

// live is what callers see right now.
type live struct {
	Sent, Lost, Cut int // since the beginning; Cut with the streams
	Errors          int // requests that the model answered with an error, since the beginning
	Streams         int // open
	Rate            float64
	Accuracy        float64 // of the labels in the window, 0 to 1; -1 without any
	Shares          []share // by version, ascending
}

// share is a version's part of the answers in the window.
type share struct {
	Version int
	Part    float64
}

func (t *tally) live() live {
	t.mu.Lock()
	defer t.mu.Unlock()
	var l live
	for _, p := range t.phases {
		l.Sent, l.Lost, l.Cut = l.Sent+p.sent, l.Lost+p.lost, l.Cut+p.cut+p.streamsCut
		l.Streams += p.opened - p.whole - p.streamsCut
		for _, s := range p.versions {
			l.Errors += s.errors
		}
	}
	l.Accuracy = -1
	if len(t.phases) == 0 {
		return l
	}
	now := t.now()
	from, _ := slices.BinarySearchFunc(t.recent, now.Add(-window), func(r recent, at time.Time) int { return r.at.Compare(at) })
	t.recent = slices.Delete(t.recent, 0, from)
	if len(t.recent) == 0 {
		return l
	}
	counts, labels, right := map[int]int{}, 0, 0
	for _, r := range t.recent {
		counts[r.version]++
		if !r.failed {
			labels++
		}
		if r.right {
			right++
		}
	}
	// At the beginning there is less behind us than a window.
	span := min(window, max(now.Sub(t.phases[0].began), window/10))
	l.Rate = float64(len(t.recent)) / span.Seconds()
	if labels > 0 {
		l.Accuracy = float64(right) / float64(labels)
	}
	for version, n := range counts {
		l.Shares = append(l.Shares, share{version, float64(n) / float64(len(t.recent))})
	}
	slices.SortFunc(l.Shares, func(a, b share) int { return a.Version - b.Version })
	return l
}

// accuracy is that of the answers of the last phase, 0 to 1.
func (t *tally) accuracy() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.phases[len(t.phases)-1].accuracy()
}

func (p *phase) accuracy() float64 {
	answers, right := 0, 0
	for _, s := range p.versions {
		answers, right = answers+s.answers, right+s.right
	}
	if answers == 0 {
		return 0
	}
	return float64(right) / float64(answers)
}

// median is the middle of the samples, or the mean of the two in the middle.
func median(samples []time.Duration) time.Duration {
	n := len(samples)
	if n == 0 {
		return 0
	}
	slices.Sort(samples)
	return (samples[(n-1)/2] + samples[n/2]) / 2
}
