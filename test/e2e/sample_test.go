package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

// sampler looks at a service from outside, again and again, and notes whenever
// what it sees breaks the bounds that hold at the time. It looks in four ways:
// it asks for the service, watches it, asks every replica itself, and counts
// processes.
type sampler struct {
	p    *plane
	name string
	stop context.CancelFunc
	done sync.WaitGroup

	mu       sync.Mutex
	bounds   bounds
	looks    map[string]int // by way of looking
	problems []string
}

// bounds of rule 1: what is ready never falls below minReady, what is live
// never rises above maxLive.
type bounds struct {
	minReady, maxLive int
	// maxProcesses bounds live and draining replicas together; 0 for no bound.
	maxProcesses int
}

// sample begins to look.
func (p *plane) sample(name string, b bounds) *sampler {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sampler{p: p, name: name, stop: cancel, bounds: b, looks: map[string]int{}}
	s.every(ctx, 20*time.Millisecond, s.ask)
	s.every(ctx, 50*time.Millisecond, s.askReplicas)
	s.every(ctx, 20*time.Millisecond, s.countProcesses)
	s.done.Go(func() {
		for ctx.Err() == nil {
			s.watch(ctx)
		}
	})
	p.t.Cleanup(s.end)
	return s
}

func (s *sampler) every(ctx context.Context, d time.Duration, look func()) {
	s.done.Go(func() {
		for ctx.Err() == nil {
			look()
			select {
			case <-ctx.Done():
			case <-time.After(d):
			}
		}
	})
}

// set changes the bounds. During a change of the desired number they are the
// wider of before and after.
func (s *sampler) set(b bounds) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bounds = b
}

func (s *sampler) note(way string, look func(b bounds) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks[way]++
	if text := look(s.bounds); text != "" {
		s.problems = append(s.problems, fmt.Sprintf("%s, by %s: %s (bounds %+v)", time.Now().UTC().Format("15:04:05.000"), way, text, s.bounds))
	}
}

func (s *sampler) noteCounts(way string, c api.ReplicaCounts) {
	s.note(way, func(b bounds) string {
		if c.Ready < b.minReady || c.Live > b.maxLive || b.maxProcesses > 0 && c.Live+c.Draining > b.maxProcesses {
			return fmt.Sprintf("%+v", c)
		}
		return ""
	})
}

// ask is skipped while no server answers.
func (s *sampler) ask() {
	status, text, err := s.p.call(http.MethodGet, "/services/"+s.name, nil)
	var service api.Service
	if err == nil && status == http.StatusOK && json.Unmarshal(text, &service) == nil {
		s.noteCounts("asking", service.Replicas)
	}
}

func (s *sampler) watch(ctx context.Context) {
	req, err := s.p.request(ctx, http.MethodGet, "/api/v1/watch?service="+s.name, nil)
	if err != nil {
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		time.Sleep(20 * time.Millisecond) // no server is there at the moment
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for kind := ""; lines.Scan(); {
		if k, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			kind = k
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		var service api.Service
		if ok && kind == "service" && json.Unmarshal([]byte(data), &service) == nil {
			s.noteCounts("watching", service.Replicas)
		}
	}
}

// askReplicas believes nobody: a replica that is shown ready before and after
// has to answer that it is, and as many have to answer as must be ready. A look
// during which anything changed says nothing.
func (s *sampler) askReplicas() {
	before, ok := s.phases()
	if !ok {
		return
	}
	var asking sync.WaitGroup
	var mu sync.Mutex
	answered := 0
	for _, r := range before {
		if r.Phase != api.ReplicaReady {
			continue
		}
		asking.Go(func() {
			resp, err := http.Get("http://" + r.Address + "/ready")
			if err != nil {
				return
			}
			resp.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			if resp.StatusCode == http.StatusOK {
				answered++
			}
		})
	}
	asking.Wait()
	if after, ok := s.phases(); !ok || fmt.Sprint(before) != fmt.Sprint(after) {
		return
	}
	s.note("asking replicas", func(b bounds) string {
		if answered < b.minReady {
			return fmt.Sprintf("%d replicas answer that they are ready", answered)
		}
		return ""
	})
}

type phase struct {
	ID      string
	Phase   api.ReplicaPhase
	Address string
}

func (s *sampler) phases() (list []phase, ok bool) {
	status, text, err := s.p.call(http.MethodGet, "/services/"+s.name+"/replicas", nil)
	var body struct{ Replicas []phase }
	if err != nil || status != http.StatusOK || json.Unmarshal(text, &body) != nil {
		return nil, false
	}
	return body.Replicas, true
}

// countProcesses needs no server at all.
func (s *sampler) countProcesses() {
	n := runningReplicas(s.p.record)
	s.note("counting processes", func(b bounds) string {
		if b.maxProcesses > 0 && n > b.maxProcesses {
			return fmt.Sprintf("%d replica processes run", n)
		}
		return ""
	})
}

func (s *sampler) end() {
	s.stop()
	s.done.Wait()
}

// enough goes on looking for a while when a busy machine let few looks through:
// the bounds hold after the change, too.
func (s *sampler) enough() {
	for range 100 {
		s.mu.Lock()
		few := s.looks["asking"] < 5 || s.looks["asking replicas"] < 5
		s.mu.Unlock()
		if !few {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// check ends the sampling and fails the test for every look that broke a bound.
func (s *sampler) check(t *testing.T) {
	t.Helper()
	s.enough()
	s.end()
	for i, problem := range s.problems {
		if i == 20 {
			t.Errorf("and %d more", len(s.problems)-i)
			break
		}
		t.Error(problem)
	}
	t.Logf("looks: %v", s.looks)
	for _, way := range []string{"asking", "watching", "asking replicas"} {
		if s.looks[way] < 5 {
			t.Errorf("only %d looks by %s: that proves nothing", s.looks[way], way)
		}
	}
}
