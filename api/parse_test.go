package api_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

func parse(t testing.TB, doc api.Document) *api.Spec {
	t.Helper()
	spec, err := api.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestDefaults(t *testing.T) {
	want := &api.Spec{
		Name: "a", Instance: 1,
		Strategy: api.Strategy{Replacement: api.ReplacementStarted, StartupTimeout: 10 * time.Minute},
		Drain:    api.Drain{Grace: 30 * time.Second, Mode: api.DrainGracePeriod},
		History:  api.History{Retain: api.RetainAuto},
		Limits:   api.Limits{Keepalive: 10 * time.Minute},
		Container: api.Container{Command: "./server", Port: 8000, HealthDefaulted: true, Health: &api.Check{
			TCP: &api.TCPCheck{}, Period: 5 * time.Second, Timeout: 2 * time.Second, SuccessThreshold: 1, FailureThreshold: 3,
		}},
	}
	if got := parse(t, document(t, valid)); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	nulls := `{"metadata":{"name":"a","instance":null,"rpc":null,"eas":{"drain":null}},"containers":[{"command":"./server","script":null,"health_check":null,"env":null}],"labels":null}`
	if got := parse(t, document(t, nulls)); !reflect.DeepEqual(got, want) {
		t.Errorf("null does not stand for \"not given\": %+v", got)
	}
}

func TestValues(t *testing.T) {
	dur := func(s string) time.Duration { d, _ := time.ParseDuration(s); return d }
	for _, c := range []struct {
		patch string
		get   func(*api.Spec) any
		want  any
	}{
		{`{"metadata":{"instance":0}}`, func(s *api.Spec) any { return s.Instance }, 0},
		{`{"metadata":{"instance":1e4}}`, func(s *api.Spec) any { return s.Instance }, 10000},
		{`{"metadata":{"rolling_strategy.max_surge":"25%"}}`, func(s *api.Spec) any { return *s.Strategy.MaxSurge }, api.Count{Value: 25, Percent: true}},
		{`{"metadata":{"rolling_strategy.max_surge":"3"}}`, func(s *api.Spec) any { return *s.Strategy.MaxSurge }, api.Count{Value: 3}},
		{`{"metadata":{"rolling_strategy.max_surge":0}}`, func(s *api.Spec) any { return *s.Strategy.MaxSurge }, api.Count{}},
		{`{"metadata":{"rolling_strategy.max_surge":0}}`, func(s *api.Spec) any { return s.Strategy.MaxUnavailable == nil }, true},
		{`{"metadata":{"rolling_strategy.startup_timeout":90}}`, func(s *api.Spec) any { return s.Strategy.StartupTimeout }, 90 * time.Second},
		{`{"metadata":{"rolling_strategy.startup_timeout":"1h30m"}}`, func(s *api.Spec) any { return s.Strategy.StartupTimeout }, 90 * time.Minute},
		{`{"metadata":{"rolling_strategy.min_ready_seconds":0.5}}`, func(s *api.Spec) any { return s.Strategy.MinReady }, dur("500ms")},
		{`{"metadata":{"gpu":1}}`, func(s *api.Spec) any { return s.Strategy.Replacement }, api.ReplacementComplete},
		{`{"metadata":{"gpu_memory":8}}`, func(s *api.Spec) any { return s.Strategy.Replacement }, api.ReplacementComplete},
		{`{"metadata":{"gpu":0}}`, func(s *api.Spec) any { return s.Strategy.Replacement }, api.ReplacementStarted},
		{`{"metadata":{"gpu":1,"rolling_strategy.replacement":"termination_started"}}`, func(s *api.Spec) any { return s.Strategy.Replacement }, api.ReplacementStarted},
		{`{"metadata":{"eas.termination_grace_period":0.25}}`, func(s *api.Spec) any { return s.Drain.Grace }, dur("250ms")},
		{`{"runtime":{"termination_grace_period":7}}`, func(s *api.Spec) any { return s.Drain.Grace }, dur("7s")},
		{`{"metadata":{"rpc.enable_sigterm":true,"eas.drain":"idle"}}`, func(s *api.Spec) any { return s.Drain }, api.Drain{Grace: 30 * time.Second, Sigterm: true, Mode: api.DrainIdle}},
		{`{"metadata":{"rpc":{"keepalive":5000,"max_queue_size":64,"rate_limit":2.5}}}`, func(s *api.Spec) any { return s.Limits },
			api.Limits{Keepalive: 5 * time.Second, MaxQueue: 64, RateLimit: 2.5}},
		{`{"metadata":{"rpc":{"keepalive":0}}}`, func(s *api.Spec) any { return s.Limits }, api.Limits{}},
		{`{"metadata":{"enable_grpc":true}}`, func(s *api.Spec) any { return s.GRPC }, true},
		{`{"runtime":{"enable_crash_block":true}}`, func(s *api.Spec) any { return s.NoCrashRestart }, true},
		{`{"labels":{"a.b":"c"}}`, func(s *api.Spec) any { return s.Labels["a.b"] }, "c"},
		{`{"metadata":{"cpu":0.5,"memory":512}}`, func(s *api.Spec) any { return []any{s.CPU, s.MemoryMB} }, []any{0.5, 512}},
		{`{"containers":[{"script":"exec ./x"}]}`, func(s *api.Spec) any { return s.Container.Script }, "exec ./x"},
		{`{"containers":[{"command":"./x","image":"m:1"}]}`, func(s *api.Spec) any { return s.Container.Image }, "m:1"},
		{`{"containers":[{"command":"./x ${NEEDED:?} $((PORT+1))"}]}`, func(s *api.Spec) any { return s.Container.Port }, 8000},
		{`{"containers":[{"command":"./x","health_check":{"http_get":{"scheme":"HTTPS","port":9000}}}]}`,
			func(s *api.Spec) any { return *s.Container.Health.HTTP }, api.HTTPCheck{Path: "/", Port: 9000, Scheme: "https"}},
		{`{"containers":[{"command":"./x","startup_check":{"tcp_socket":{},"failure_threshold":60,"period_seconds":1}}]}`, func(s *api.Spec) any { return s.StartupDeadline() }, time.Minute},
		{`{"containers":[{"command":"./x","startup_check":{"tcp_socket":{},"failure_threshold":6,"initial_delay_seconds":10}}]}`, func(s *api.Spec) any { return s.StartupDeadline() }, 40 * time.Second},
		{`{"containers":[{"command":"./x","startup_check":{"tcp_socket":{},"period_seconds":1}}]}`, func(s *api.Spec) any { return s.StartupDeadline() }, 10 * time.Minute},
		{`{"containers":[{"command":"./x","startup_check":{"tcp_socket":{},"failure_threshold":2000000000,"period_seconds":3000000}}]}`, func(s *api.Spec) any { return s.StartupDeadline() }, 10 * time.Minute},
	} {
		if got := c.get(parse(t, with(t, c.patch))); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s gives %v, want %v", c.patch, got, c.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	const readiness = `"health_check":{"http_get":{}}`
	for _, c := range []struct{ name, patch, want string }{ // "" wants none
		{"nothing to say", `{"containers":[{"command":"./x",` + readiness + `}]}`, ""},
		{"empty text is left out", `{"metadata":{"resource":"","qos":"","group":""},"containers":[{"command":"./x",` + readiness + `}]}`, ""},
		{"no health check", `{"labels":{}}`, "containers[0].health_check: not given; a tcp check on the port stands in"},
		{"image", `{"containers":[{"image":"m:1","command":"./x",` + readiness + `}]}`, "containers[0].image: recorded and versioned; the process runtime runs the command"},
		{"one replica may go", `{"metadata":{"rolling_strategy.max_unavailable":1},"containers":[{"command":"./x",` + readiness + `}]}`, "max_unavailable: an update may stop the only replica"},
		{"100%", `{"metadata":{"instance":3,"rolling_strategy.max_unavailable":"100%"},"containers":[{"command":"./x",` + readiness + `}]}`, "all 3 replicas"},
		{"no surge, so the one goes", `{"metadata":{"rolling_strategy.max_surge":0},"containers":[{"command":"./x",` + readiness + `}]}`, "an update may stop the only replica"},
		{"one of two may go", `{"metadata":{"instance":2,"rolling_strategy.max_unavailable":1},"containers":[{"command":"./x",` + readiness + `}]}`, ""},
		{"no grace", `{"metadata":{"eas.termination_grace_period":0},"containers":[{"command":"./x",` + readiness + `}]}`, "0 cuts every request"},
		{"reserved port", `{"containers":[{"command":"./x","port":9090,` + readiness + `}]}`, "9090 is reserved by EAS's engine"},
		{"our variable", `{"containers":[{"command":"./x","env":[{"name":"SLUICE_X"}],` + readiness + `}]}`, "containers[0].env[0]: SLUICE_X is set by Sluice"},
		{"model path without a model", `{"containers":[{"command":"./x","env":[{"name":"MODEL_PATH","value":"m"}],` + readiness + `}]}`, ""},
		{"group", `{"metadata":{"group":"g"},"containers":[{"command":"./x",` + readiness + `}]}`, ""},
		{"weight without a group", `{"metadata":{"weight":5},"containers":[{"command":"./x",` + readiness + `}]}`, "without metadata.group it means nothing"},
		{"limits", `{"metadata":{"cpu":1,"memory":512},"containers":[{"command":"./x",` + readiness + `}]}`, ""}, // the runtime says where it cannot
		{"part of a gpu", `{"metadata":{"gpu_core_percentage":50},"containers":[{"command":"./x",` + readiness + `}]}`, "metadata.gpu_core_percentage: recorded and versioned; not enforced by this release"},
		{"storage is said once", `{"storage":[{"mount_path":"/a"},{"mount_path":"/b"}],"containers":[{"command":"./x",` + readiness + `}]}`, "storage: no effect here: a process sees"},
		{"startup check above the limit", `{"containers":[{"command":"./x","startup_check":{"tcp_socket":{},"failure_threshold":1000},` + readiness + `}]}`, "more time than metadata.rolling_strategy.startup_timeout, 10m0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(api.Warnings(with(t, c.patch)), "\n")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
