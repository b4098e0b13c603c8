package runtimetest

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/testserver"
)

func warmUpFile(t *testing.T, spec *api.Spec, text string) {
	t.Helper()
	spec.WarmUpData = "warm.jsonl"
	if err := os.WriteFile(filepath.Join(spec.Container.WorkingDir, spec.WarmUpData), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// testWarmUp: every request succeeds before the replica is healthy, and none
// is sent again to the same process.
func testWarmUp(t *testing.T, s *stage) {
	spec := s.Spec("-unready")
	spec.Container.Health = httpCheck("/live")
	spec.Strategy.StartupTimeout = time.Minute
	warmUpFile(t, spec, `{"path":"/infer","headers":{"X-Request-Id":"warm"},"body":{"x":1},"repeat":3}
{"method":"GET","path":"/ready"}
{"path":"/infer","headers":{"X-Request-Id":"last"}}
`)
	l := launch("sentiment-3-a", spec)
	h := s.start(t, l)
	Eventually(t, func() bool {
		for _, e := range s.events.Of(l.Replica, runtime.NotYet) {
			if strings.Contains(e.Reason, "warm-up failed: request 4 of 5, GET /ready (line 2 of the file): status 503: not ready") {
				return true
			}
		}
		return false
	}, "the reason of the failed warm-up; there are %+v", Lazy(func() any { return s.events.Of(l.Replica) }))
	if got := s.events.Of(l.Replica, runtime.Healthy); len(got) != 0 {
		t.Errorf("healthy before its warm-up succeeded: %+v", got)
	}
	testserver.Post(t, h.Address, "/ready")
	s.events.Await(t, l.Replica, runtime.Healthy, 1)
	ids := askedIDs(t, h.Address)
	if ids["last"] != 1 || ids["warm"] < 6 || ids["warm"]%3 != 0 {
		t.Errorf("requests by id: %v, want last once, and warm three times for each try", ids)
	}

	s.restart(t)
	s.adopt(t, runtime.Adoption{Launch: l, Handle: &h, Healthy: true})
	time.Sleep(100 * time.Millisecond) // long enough for what should not be sent
	if again := askedIDs(t, h.Address); again["warm"] != ids["warm"] {
		t.Errorf("an adopted replica that was healthy is warmed up again: %v, before %v", again, ids)
	}
}

func askedIDs(t *testing.T, address string) map[string]int {
	t.Helper()
	resp, err := http.Get("http://" + address + "/ids")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	ids := map[string]int{}
	if err := json.NewDecoder(resp.Body).Decode(&ids); err != nil {
		t.Fatal(err)
	}
	return ids
}

// testBadWarmUp: no number of tries mends a malformed file.
func testBadWarmUp(t *testing.T, s *stage) {
	spec := s.Spec()
	warmUpFile(t, spec, "{\"path\":\"/infer\"}\nnot a request\n")
	_, err := s.rt.Start(t.Context(), launch("sentiment-3-a", spec))
	var unstartable *runtime.UnstartableError
	if !errors.As(err, &unstartable) || !strings.Contains(err.Error(), "warm_up_data_path") || !strings.Contains(err.Error(), "warm.jsonl: line 2") {
		t.Errorf("%v (%T), want an UnstartableError that names key, file and line", err, err)
	}
	spec.WarmUpData = "nothing.jsonl"
	if _, err := s.rt.Start(t.Context(), launch("sentiment-3-a", spec)); !errors.As(err, &unstartable) || !strings.Contains(err.Error(), "nothing.jsonl") {
		t.Errorf("%v (%T), want an UnstartableError that names the file", err, err)
	}
}
