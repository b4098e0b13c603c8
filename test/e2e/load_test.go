package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/internal/testserver"
)

// load is callers that ask a service without pause, each over one connection
// that it keeps. Every request has an id of its own, which the replica that
// runs it records: so it shows which were lost and which ran twice.
type load struct {
	t        *testing.T
	endpoint string
	stop     chan struct{}
	callers  sync.WaitGroup
	pause    time.Duration // between two requests of a caller, at most
	began    atomic.Int64  // requests so far

	mu       sync.Mutex
	sent     map[string]bool
	answered map[string]int // answers by version
	streamed int
	problems []failure
	asking   int     // callers
	crashes  []crash // by the test's own hand
}

// streamItems of a stream, this far apart: it takes about two seconds.
const (
	streamItems = 100
	streamEvery = 20 * time.Millisecond
)

// startLoad begins to ask: callers one request after the other, and streams
// one long stream after the other.
func startLoad(t *testing.T, endpoint string, callers, streams int) *load {
	l := newLoad(t, endpoint)
	for i := range callers {
		l.each(fmt.Sprintf("caller-%d", i), l.infer)
	}
	for i := range streams {
		l.each(fmt.Sprintf("stream-%d", i), l.stream)
	}
	return l
}

// newLoad is a load without callers yet.
func newLoad(t *testing.T, endpoint string) *load {
	l := &load{t: t, endpoint: endpoint, stop: make(chan struct{}), pause: 4 * time.Millisecond, sent: map[string]bool{}, answered: map[string]int{}}
	t.Cleanup(l.end)
	return l
}

func (l *load) each(name string, ask func(client *http.Client, id string) error) {
	l.asking++
	l.callers.Go(func() {
		transport := &http.Transport{MaxConnsPerHost: 1}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		for n := 0; ; n++ {
			select {
			case <-l.stop:
				return
			case <-time.After(rand.N(l.pause)):
			}
			id := fmt.Sprintf("%s-%d", name, n)
			l.mu.Lock()
			l.sent[id] = true
			l.mu.Unlock()
			l.began.Add(1)
			if err := ask(client, id); err != nil {
				l.fails(id, err)
			}
		}
	})
}

// failure is a request that was not answered as it must be.
type failure struct {
	id  string
	at  time.Time
	err error
}

func (f failure) String() string {
	return fmt.Sprintf("%s at %s: %v", f.id, f.at.UTC().Format("15:04:05.000"), f.err)
}

func (l *load) fails(id string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problems = append(l.problems, failure{id, time.Now(), err})
}

// infer asks for one answer and checks that it is the one to this request.
func (l *load) infer(client *http.Client, id string) error {
	body := strings.Repeat("x", rand.IntN(2000))
	a, err := infer(client, l.endpoint, id, body, time.Duration(rand.IntN(20))*time.Millisecond)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered[a.Version]++
	return nil
}

func infer(client *http.Client, endpoint, id, body string, takes time.Duration) (a testserver.Answer, err error) {
	req, err := http.NewRequest(http.MethodPost, endpoint+"/infer?d="+takes.String(), strings.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("X-Request-Id", id)
	resp, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	if resp.StatusCode != http.StatusOK {
		return a, fmt.Errorf("%d %s", resp.StatusCode, text)
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("%w in %q", err, text)
	}
	h := resp.Header
	// A live update gives a replica another number than it was started under, and
	// a rollback of one may give it a lower one.
	started, _ := strconv.Atoi(a.Version)
	called, _ := strconv.Atoi(h.Get("X-Sluice-Version"))
	if a.ID != id || a.Size != int64(len(body)) || a.Replica == "" || h.Get("X-Sluice-Replica") != a.Replica ||
		started == 0 || called == 0 || h.Get("X-Sluice-Service") != a.Service {
		return a, fmt.Errorf("answer %s with header %v to %d bytes", text, h, len(body))
	}
	return a, nil
}

// stream reads a stream to its end and checks that nothing is missing.
func (l *load) stream(client *http.Client, id string) error {
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/stream?n=%d&every=%s", l.endpoint, streamItems, streamEvery), nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Request-Id", id)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s", resp.StatusCode, text)
	}
	if want := streamText(streamItems); err != nil || string(text) != want {
		return fmt.Errorf("a stream was cut: %d of %d bytes: %v", len(text), len(want), err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streamed++
	return nil
}

func streamText(items int) string {
	var b strings.Builder
	for i := range items {
		fmt.Fprintf(&b, "data: %d\n\n", i+1)
	}
	return b.String()
}

// more waits until the callers have begun that many more requests.
func (l *load) more(n int64) {
	l.t.Helper()
	until := l.began.Load() + n
	await(l.t, "the callers have asked more", func() bool { return l.began.Load() >= until })
}

// end lets the callers finish what they have begun.
func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.callers.Wait()
}

// ran counts how often each request was begun and finished, once the last is: a
// replica notes the end of a request after it has answered.
func (l *load) ran(record string) (began, ended map[string]int, excused map[string]bool) {
	l.t.Helper()
	for last := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		events, err := testserver.ReadRecord(record)
		if err != nil {
			l.t.Fatal(err)
		}
		began, ended = map[string]int{}, map[string]int{}
		for _, e := range events {
			switch e.Kind {
			case "begin":
				began[e.ID]++
			case "end":
				ended[e.ID]++
			}
		}
		open := false
		excused = l.excused(events)
		for id := range l.sent {
			open = open || began[id] > ended[id] && !excused[id]
		}
		if !open || time.Now().After(last) {
			return began, ended, excused
		}
	}
}

// nothingLost ends the load and checks it against what the replicas recorded:
// every request was answered, and ran once, but for those that were in hand of a
// replica that the test made crash; these did not run twice either.
func (l *load) nothingLost(record string) {
	l.t.Helper()
	l.end()
	began, ended, excused := l.ran(record)
	said := 0
	for _, problem := range l.problems {
		if excused[problem.id] {
			continue
		}
		if said++; said <= 20 {
			l.t.Error(problem)
		}
	}
	if said > 20 {
		l.t.Errorf("and %d more", said-20)
	}
	for id := range l.sent {
		if n := began[id]; n > 1 || !excused[id] && (n != 1 || ended[id] != 1) {
			l.t.Errorf("request %s was begun %d times and finished %d times", id, n, ended[id])
		}
	}
	l.t.Logf("%d requests, %d streams among them, %d in hand of %d crashes; answers by version: %v", len(l.sent), l.streamed, len(excused), len(l.crashes), l.answered)
	if len(l.sent) < 100 || l.streamed == 0 {
		l.t.Errorf("that is too little to prove anything")
	}
}
