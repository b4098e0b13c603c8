package verify

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"sluice.dev/sluice/internal/load"
)

// The phases of a run.
const (
	before = iota
	during
	after
	phases
)

// maxFaults is how many faults the text is kept of, and keep how many bytes of
// an answer may be quoted.
const (
	maxFaults = 10
	keep      = 4 << 10
)

// sample is one request that has ended.
type sample struct {
	phase   int
	outcome load.Outcome
	version int // of the service that answered; 0 when the gateway named none
	latency time.Duration
}

// traffic is the load of one run and what became of it.
type traffic struct {
	options *Options
	target  string
	run     string // begins the ids of all requests
	client  *http.Client
	steady  *load.Steady

	mu      sync.Mutex
	phase   int
	began   [phases]time.Time
	ended   time.Time
	sent    [phases]int
	samples []sample
	faults  []string
}

func startTraffic(o *Options, target string) *traffic {
	mark := make([]byte, 6)
	_, _ = rand.Read(mark) // it never fails
	t := &traffic{
		options: o, target: target, run: "sluice-verify-" + hex.EncodeToString(mark) + "-",
		// No proxy and no redirect: traffic goes to the endpoint alone. Connections
		// are given up long before a gateway would close one under a request.
		client: &http.Client{
			Timeout:       o.Timeout,
			Transport:     &http.Transport{MaxIdleConnsPerHost: o.Callers, IdleConnTimeout: 2 * time.Second, DisableCompression: true, TLSClientConfig: o.TLS},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	t.began[before] = time.Now()
	t.steady = load.Start(o.Rate, o.Callers, t.ask)
	return t
}

// enter begins the next phase.
func (t *traffic) enter(phase int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.phase = phase
	t.began[phase] = time.Now()
}

// stop waits for every answer.
func (t *traffic) stop() {
	t.mu.Lock()
	t.ended = time.Now()
	t.mu.Unlock()
	t.steady.Stop()
	t.client.CloseIdleConnections()
}

// counts are those of the requests that have ended.
func (t *traffic) counts() (ended, broken int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.samples {
		if s.outcome != load.Answered {
			broken++
		}
	}
	return len(t.samples), broken
}

func (t *traffic) ask(n int, due time.Time) {
	t.mu.Lock()
	s := sample{phase: t.phase}
	t.sent[s.phase]++
	t.mu.Unlock()
	id := t.run + strconv.Itoa(n)
	var fault error
	s.outcome, s.version, fault = t.exchange(id)
	s.latency = time.Since(due)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.samples = append(t.samples, s)
	if fault != nil && len(t.faults) < maxFaults {
		t.faults = append(t.faults, fmt.Sprintf("%s request %s: %v", time.Now().UTC().Format("15:04:05.000"), id, fault))
	}
}

// exchange makes one request. It is bound to nothing but its time-out: who stops
// the load still waits for the answer.
func (t *traffic) exchange(id string) (load.Outcome, int, error) {
	req, err := http.NewRequest(t.options.Method, t.target, bytes.NewReader(t.options.Body))
	if err != nil {
		return load.Lost, 0, err
	}
	for name, values := range t.options.Header {
		req.Header[name] = values
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	req.Header.Set("X-Request-Id", id)
	reply, outcome, err := load.Exchange(t.client, req, keep)
	version, _ := strconv.Atoi(reply.Header.Get("X-Sluice-Version"))
	if err == nil && reply.Code >= http.StatusBadRequest {
		return load.Lost, version, fmt.Errorf("status %s: %s", reply.Status, load.FirstLine(reply.Body))
	}
	return outcome, version, err
}
