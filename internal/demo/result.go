package demo

import (
	"fmt"
	"slices"
	"strings"

	"sluice.dev/sluice/internal/load"
)

// Result is what `sluice demo -o json` prints.
type Result struct {
	Verdict  string          `json:"verdict" doc:"one line for a person"`
	OK       bool            `json:"ok" doc:"no request was lost or cut, no stream was cut, and every step ended as it should"`
	Problems []string        `json:"problems" doc:"what was not as it should be"`
	Sent     int             `json:"sent"`
	Lost     int             `json:"lost" doc:"requests without a valid answer"`
	Cut      int             `json:"cut" doc:"requests whose answer began and broke off"`
	Errors   int             `json:"errors" doc:"requests whose answer is an error of the model itself, with status 500: whole answers, neither lost nor cut"`
	Streams  StreamResult    `json:"streams"`
	Phases   []PhaseResult   `json:"phases"`
	Rollouts []RolloutResult `json:"rollouts"`
	// Failed is why version 3 did not come up, in the words of the service.
	Failed string `json:"failed"`
	// Gated is how version 4 was taken back; null if it was not.
	Gated *GatedResult `json:"gated"`
	Kept  *Kept        `json:"kept,omitempty" doc:"what goes on running, with --keep"`

	minReady int // min_ready_seconds of the service, for the table
}

// StreamResult counts streams. Each of them lasts longer than the update takes,
// but for the first ones and those that the end of the demo ends.
type StreamResult struct {
	Opened int `json:"opened"`
	Whole  int `json:"whole" doc:"streams with an answer for every digit, and their end"`
	Cut    int `json:"cut" doc:"streams that are not whole, refused ones too"`
	Errors int `json:"errors" doc:"digits that the model answered with an error; the stream goes on"`
}

// PhaseResult counts the requests sent in one phase of the story.
type PhaseResult struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	Sent    int     `json:"sent"`
	Lost    int     `json:"lost"`
	Cut     int     `json:"cut"`
	// Streams are those that were opened in the phase.
	Streams  StreamResult `json:"streams"`
	P50      float64      `json:"p50_ms"`
	P99      float64      `json:"p99_ms"`
	Accuracy float64      `json:"accuracy" doc:"right labels in all answers, 0 to 1"`
	Answers  map[int]int  `json:"answers" doc:"labels, by version of the service"`
	Errors   map[int]int  `json:"errors,omitempty" doc:"errors of the model, by version of the service"`
	Faults   []string     `json:"faults,omitempty" doc:"the first requests and streams that were lost or cut"`

	streamErrors []int // versions that failed at digits of streams
}

// errors are those of all versions.
func (p PhaseResult) errors() (n int) {
	for _, of := range p.Errors {
		n += of
	}
	return n
}

// results reads the tally after the load has ended.
func (t *tally) results() []PhaseResult {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []PhaseResult
	for _, p := range t.phases {
		r := PhaseResult{
			Name: p.name, Seconds: p.ended.Sub(p.began).Seconds(), Sent: p.sent, Lost: p.lost, Cut: p.cut,
			P50: load.Milliseconds(load.Quantile(p.latencies, 0.5)), P99: load.Milliseconds(load.Quantile(p.latencies, 0.99)),
			Streams:  StreamResult{Opened: p.opened, Whole: p.whole, Cut: p.streamsCut},
			Accuracy: p.accuracy(), Answers: map[int]int{}, Errors: map[int]int{}, Faults: p.faults,
		}
		for version, s := range p.versions {
			if s.answers > 0 {
				r.Answers[version] = s.answers
			}
			if s.errors > 0 {
				r.Errors[version] = s.errors
			}
		}
		for version, n := range p.streamErrors {
			r.Streams.Errors += n
			r.streamErrors = append(r.streamErrors, version)
		}
		list = append(list, r)
	}
	return list
}

// conclude counts, and gives the verdict.
func (r *Result) conclude() {
	r.Sent, r.Lost, r.Cut, r.Errors, r.Streams = 0, 0, 0, 0, StreamResult{}
	for _, p := range r.Phases {
		r.Sent, r.Lost, r.Cut, r.Errors = r.Sent+p.Sent, r.Lost+p.Lost, r.Cut+p.Cut, r.Errors+p.errors()
		r.Streams.Opened += p.Streams.Opened
		r.Streams.Whole += p.Streams.Whole
		r.Streams.Cut += p.Streams.Cut
		r.Streams.Errors += p.Streams.Errors
	}
	r.Verdict = fmt.Sprintf("%s of %s requests lost, %s cut", grouped(r.Lost), grouped(r.Sent), grouped(r.Cut))
	if s := r.Streams; s.Opened > 0 {
		r.Verdict += fmt.Sprintf("; %s streams opened, %s whole, %s cut", grouped(s.Opened), grouped(s.Whole), grouped(s.Cut))
	}
	if r.Lost+r.Cut+r.Streams.Opened-r.Streams.Whole > 0 {
		r.problem("%s", r.Verdict)
	}
	r.OK = len(r.Problems) == 0
}

func (r *Result) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// expectVersions notes answers of versions that must not have given any in the
// phase, and errors of any version but the faulty one.
func (r *Result) expectVersions(p PhaseResult, allowed []int) {
	var strange []string
	for version, n := range p.Answers {
		if !slices.Contains(allowed, version) {
			strange = append(strange, fmt.Sprintf("%s of version %d", grouped(n), version))
		}
	}
	for version, n := range p.Errors {
		if version != faulty || !slices.Contains(allowed, version) {
			strange = append(strange, fmt.Sprintf("%s errors of version %d", grouped(n), version))
		}
	}
	for _, version := range p.streamErrors {
		if version != faulty || !slices.Contains(allowed, version) {
			strange = append(strange, fmt.Sprintf("errors of version %d in streams", version))
		}
	}
	slices.Sort(strange)
	if len(strange) > 0 {
		r.problem("phase %q has answers that it must not have: %s", p.Name, strings.Join(strange, ", "))
	}
}

// grouped writes 12345 as 12,345.
func grouped(n int) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
