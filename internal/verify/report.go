package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice.dev/sluice/internal/load"
)

// leastLate is the least that counts as late where the service's own pace says
// what is.
const leastLate = 100 * time.Millisecond

// Report is what a run found; `sluice verify -o json` prints it.
type Report struct {
	Service  string       `json:"service"`
	Verdict  string       `json:"verdict"`  // one line for a person
	OK       bool         `json:"ok"`       // there are no problems
	Problems []string     `json:"problems"` // what was not as it should be
	Release  *ReleaseEnd  `json:"release"`  // null when nothing was released
	Sent     int          `json:"sent"`
	Lost     int          `json:"lost"`
	Cut      int          `json:"cut"`
	Late     int          `json:"late"`
	LateMS   float64      `json:"late_ms"`   // what is slower is late
	RanTwice *int         `json:"ran_twice"` // null when the service cannot tell
	Phases   []PhasePart  `json:"phases"`
	Versions []AnswerPart `json:"versions"` // answers, by the version that gave them
	Faults   []string     `json:"faults"`   // the first requests that were lost or cut
}

// ReleaseEnd is how the release ended.
type ReleaseEnd struct {
	What    string  `json:"what"`
	Reached bool    `json:"reached"` // the state that was asked for
	Text    string  `json:"text"`
	Seconds float64 `json:"seconds"` // until it ended; the last old replica may end later
}

// PhasePart counts the requests sent in one phase.
type PhasePart struct {
	Name    string  `json:"name"` // before, during, after; without a release before, watched
	Seconds float64 `json:"seconds"`
	Sent    int     `json:"sent"`
	Lost    int     `json:"lost"`
	Cut     int     `json:"cut"`
	Late    int     `json:"late"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
}

// AnswerPart counts the answers of one version.
type AnswerPart struct {
	Version int     `json:"version"` // 0 when the answers do not name one
	Answers int     `json:"answers"`
	Late    int     `json:"late"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
}

// report reads the traffic after its end.
func (t *traffic) report(service string, names [phases]string) *Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &Report{Service: service, Problems: []string{}, Faults: append([]string{}, t.faults...), Versions: []AnswerPart{}}
	late := t.late()
	r.LateMS = load.Milliseconds(late)
	versions := map[int][]time.Duration{}
	for phase := range phases {
		if t.began[phase].IsZero() {
			continue
		}
		p := PhasePart{Name: names[phase], Sent: t.sent[phase], Seconds: t.length(phase).Seconds()}
		var answers []time.Duration
		for _, s := range t.samples {
			switch {
			case s.phase != phase:
			case s.outcome == load.Lost:
				p.Lost++
			case s.outcome == load.Cut:
				p.Cut++
			default:
				answers = append(answers, s.latency)
				versions[s.version] = append(versions[s.version], s.latency)
			}
		}
		p.Late, p.P50, p.P99 = paces(answers, late)
		r.Sent, r.Lost, r.Cut, r.Late = r.Sent+p.Sent, r.Lost+p.Lost, r.Cut+p.Cut, r.Late+p.Late
		r.Phases = append(r.Phases, p)
	}
	for version, answers := range versions {
		a := AnswerPart{Version: version, Answers: len(answers)}
		a.Late, a.P50, a.P99 = paces(answers, late)
		r.Versions = append(r.Versions, a)
	}
	slices.SortFunc(r.Versions, func(a, b AnswerPart) int { return a.Version - b.Version })
	return r
}

func (t *traffic) length(phase int) time.Duration {
	if phase+1 < phases && !t.began[phase+1].IsZero() {
		return t.began[phase+1].Sub(t.began[phase])
	}
	return t.ended.Sub(t.began[phase])
}

// late is what an answer may take.
func (t *traffic) late() time.Duration {
	if t.options.Late > 0 {
		return t.options.Late
	}
	var answers []time.Duration
	for _, s := range t.samples {
		if s.phase == before && s.outcome == load.Answered {
			answers = append(answers, s.latency)
		}
	}
	return max(leastLate, 3*load.Quantile(answers, 0.99))
}

func paces(answers []time.Duration, late time.Duration) (n int, p50, p99 float64) {
	for _, d := range answers {
		if d > late {
			n++
		}
	}
	return n, load.Milliseconds(load.Quantile(answers, 0.5)), load.Milliseconds(load.Quantile(answers, 0.99))
}

func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// conclude gives the verdict.
func (r *Report) conclude() {
	twice := ""
	if r.RanTwice != nil {
		twice = fmt.Sprintf(", %d run twice", *r.RanTwice)
	}
	r.Verdict = fmt.Sprintf("%d of %d requests lost, %d cut, %d late (over %.0f ms)%s", r.Lost, r.Sent, r.Cut, r.Late, r.LateMS, twice)
	if r.Broken() {
		var by []string
		for _, p := range r.Phases {
			if p.Lost+p.Cut > 0 {
				by = append(by, fmt.Sprintf("%d lost and %d cut of those sent %s", p.Lost, p.Cut, p.Name))
			}
		}
		r.problem("%s", strings.Join(append(by, r.Faults[:min(1, len(r.Faults))]...), "; "))
	}
	if r.RanTwice != nil && *r.RanTwice > 0 {
		r.problem("%d requests ran twice", *r.RanTwice)
	}
	if r.Release != nil && !r.Release.Reached {
		r.problem("the %s: %s", r.Release.What, r.Release.Text)
	}
	r.OK = len(r.Problems) == 0
}

// Broken tells that a request was lost or cut.
func (r *Report) Broken() bool { return r.Lost+r.Cut > 0 }
