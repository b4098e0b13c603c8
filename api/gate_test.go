package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestGateDefaults(t *testing.T) {
	var gates []Gate
	const text = `[{"metric": "error_rate", "max_difference": "1%"},
		{"metric": "latency_p95", "max_ratio": 1.2, "window": "20m", "on_fail": "rollback", "min_samples": 7},
		{"prometheus": {"address": "http://127.0.0.1:9090", "query": "up"}, "min": 1, "name": "up"},
		{"http": {"url": "https://x/y"}}, {"command": {"command": "./check --all", "timeout": "5s"}}]`
	if err := json.Unmarshal([]byte(text), &gates); err != nil {
		t.Fatal(err)
	}
	rules, problems := GateRules("gates", gates)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	r := rules[0]
	if r.Name != "error_rate" || *r.MaxDifference != 0.01 || r.Max != nil || r.MinSamples != 50 || r.Window != time.Minute || r.Confidence != 0.99 ||
		r.OnFail != GatePause || r.OnNoData != GateWait || r.OnUnsure != GateWait || r.MaxWait != 10*time.Minute || !r.Relative() {
		t.Errorf("defaults: %+v", r)
	}
	r = rules[1]
	if *r.MaxRatio != 1.2 || r.Window != 20*time.Minute || r.MaxWait != 40*time.Minute || r.OnFail != GateRollback || r.MinSamples != 7 {
		t.Errorf("as written: %+v", r)
	}
	if rules[2].Name != "up" || *rules[2].Min != 1 || rules[3].Name != "http" || rules[3].Timeout != 10*time.Second || rules[4].Timeout != 5*time.Second {
		t.Errorf("from outside: %+v", rules[2:])
	}
}

func TestGateProblems(t *testing.T) {
	tests := []struct{ gate, want string }{
		{`{}`, `gates[0].metric: missing: a gate measures one of metric (error_rate,`},
		{`{"metric": "eror-rate", "max": "1%"}`, `gates[0].metric: "eror-rate": unknown metric; did you mean "error_rate"?`},
		{`{"metric": "p95", "max": "1s"}`, `did you mean "latency_p95"?`},
		{`{"metric": "error_rate"}`, `gates[0].max: missing: a gate of error_rate needs a limit: max, max_ratio, max_difference`},
		{`{"metric": "error_rate", "max": "120%"}`, `gates[0].max: "120%": a share above 0% and below 100% is allowed`},
		{`{"metric": "error_rate", "max": 0}`, `gates[0].max: "0": a share above 0%`},
		{`{"metric": "error_rate", "min": "1%"}`, `gates[0].min: "1%": a gate of error_rate has no such limit; allowed: max, max_ratio, max_difference`},
		{`{"metric": "error_rate", "max": "1%", "max_ratio": 2}`, `gates[0].max_ratio: given together with max`},
		{`{"metric": "error_rate", "max_ratio": 1}`, `a number above 1`},
		{`{"metric": "error_rate", "max_ratio": "NaN"}`, `a number above 1`},
		{`{"metric": "latency_p50", "max": 200}`, `gates[0].max: "200": a duration from 100us to 8m is allowed`},
		{`{"metric": "latency_p50", "max": "9m"}`, `a duration from 100us`},
		{`{"metric": "requests_per_second", "min": -1}`, `a number above 0`},
		{`{"metric": "error_rate", "max": "1%", "window": "5 minutes"}`, `gates[0].window: "5 minutes": a duration from 0s to 168h is allowed`},
		{`{"metric": "error_rate", "max": "1%", "window": "5m", "max_wait": "1m"}`, `gates[0].max_wait: "1m": shorter than the window of 5m0s`},
		{`{"metric": "error_rate", "max": "1%", "confidence": 1}`, `gates[0].confidence: 1: a number from 0.5`},
		{`{"metric": "error_rate", "max": "1%", "min_samples": -1}`, `gates[0].min_samples: -1`},
		{`{"metric": "error_rate", "max": "1%", "on_fail": "wait"}`, `gates[0].on_fail: "wait": one of pause, rollback, continue is allowed`},
		{`{"metric": "error_rate", "max": "1%", "on_pass": "pause"}`, `gates[0].on_pass`},
		{`{"metric": "error_rate", "max": "1%", "on_unsure": "stop"}`, `one of wait, pause, rollback, continue`},
		{`{"metric": "error_rate", "max": "1%", "name": "Errors!"}`, `gates[0].name: "Errors!"`},
		{`{"metric": "error_rate", "max": "1%", "command": {"command": "true"}}`, `gates[0].metric: given together with command`},
		{`{"command": {"command": "a | b"}}`, `gates[0].command.command: "a | b"`},
		{`{"command": {"command": "true"}, "max": 1}`, `a gate of command has no such limit; allowed: none`},
		{`{"prometheus": {"address": "localhost:9090", "query": "up"}, "max": 1}`, `gates[0].prometheus.address: "localhost:9090": an address is needed`},
		{`{"prometheus": {"address": "http://p", "query": " "}, "max": 1}`, `gates[0].prometheus.query`},
		{`{"prometheus": {"address": "http://p", "query": "up"}, "max_ratio": 2}`, `gates[0].prometheus.old_query: missing: max_ratio compares`},
		{`{"prometheus": {"address": "http://p", "query": "up", "old_query": "up"}, "max": 2}`, `nothing is compared with it`},
		{`{"prometheus": {"address": "http://p", "query": "up"}, "max": "inf"}`, `a number is allowed`},
		{`{"http": {"url": "http://x", "status": 99}}`, `gates[0].http.status: 99`},
		{`{"http": {"url": "http://x", "match": "("}}`, `gates[0].http.match: "(": not a regular expression`},
		{`{"http": {"url": "http://x"}, "max": 1}`, `gates[0].http.field: missing`},
	}
	for _, test := range tests {
		var g Gate
		if err := json.Unmarshal([]byte(test.gate), &g); err != nil {
			t.Errorf("%s: %v", test.gate, err)
			continue
		}
		_, problems := GateRules("gates", []Gate{g})
		if len(problems) == 0 || !strings.Contains(problems[0].String(), test.want) {
			t.Errorf("%s:\n%v\nwant %s", test.gate, problems, test.want)
		}
	}
	twice := Gate{Metric: "error_rate", Max: "1%"}
	if _, p := GateRules("gates", []Gate{twice, twice}); len(p) != 1 || !strings.Contains(p[0].String(), `gates[1].name: "error_rate": gates[0] has this name too`) {
		t.Errorf("same name: %v", p)
	}
	if _, p := GateRules("gates", make([]Gate, 21)); len(p) != 1 || !strings.Contains(p[0].String(), "at most 20") {
		t.Errorf("too many: %v", p)
	}
	var l GateLimit
	if err := json.Unmarshal([]byte(`{"a": 1}`), &l); err == nil || !strings.Contains(err.Error(), "a number or text is allowed") {
		t.Errorf("an object as limit: %v", err)
	}
}
