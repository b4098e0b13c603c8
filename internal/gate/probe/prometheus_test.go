package probe

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
)

var subject = Subject{Service: "sentiment", NewVersion: 3, OldVersion: 2}

func ruleOf(t *testing.T, g api.Gate) api.GateRule {
	t.Helper()
	rules, problems := api.GateRules("gates", []api.Gate{g})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return rules[0]
}

// startPrometheus runs a real server that scrapes errors by version, and
// returns its address and what ends it. Without the program the test is skipped,
// unless SLUICE_TEST_PROMETHEUS=required says that it must be there.
func startPrometheus(t *testing.T) (address string, stop func()) {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("SLUICE_TEST_PROMETHEUS") == "required" {
			t.Fatalf("SLUICE_TEST_PROMETHEUS=required: %v; install Debian's package prometheus", err)
		}
		t.Skip("no prometheus on this machine")
	}
	share := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "model_error_share"}, []string{"service", "version"})
	share.WithLabelValues("sentiment", "2").Set(0.01)
	share.WithLabelValues("sentiment", "3").Set(0.03)
	registry := prometheus.NewRegistry()
	registry.MustRegister(share)
	target := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(target.Close)

	dir, address := t.TempDir(), freeAddress(t)
	config := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: model\n  static_configs: [{targets: [%q]}]\n", target.Listener.Addr())
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cmd.Process.Kill()
			cmd.Wait()
			log.Close()
		}
	}
	t.Cleanup(stop)
	return "http://" + address, stop
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

const shareOf = `model_error_share{service="{{service}}",version="%s"}`

// TestPrometheus speaks to a real server: right queries, wrong ones, none.
func TestPrometheus(t *testing.T) {
	address, stop := startPrometheus(t)
	ctx := context.Background()
	of := func(query, old string, g api.Gate) api.GateRule {
		g.Prometheus = &api.GatePrometheus{Address: address, Query: query, OldQuery: old}
		return ruleOf(t, g)
	}
	judge := func(r api.GateRule) api.GateResult { return gate.Measured(r, Measure(ctx, r, subject), 1) }
	new, old := fmt.Sprintf(shareOf, "{{new_version}}"), fmt.Sprintf(shareOf, "{{old_version}}")

	first := of(new, old, api.Gate{MaxRatio: "2"})
	deadline := time.Now().Add(time.Minute)
	for Measure(ctx, first, subject).NoData != "" {
		if time.Now().After(deadline) {
			t.Fatalf("nothing was scraped within a minute: %+v", Measure(ctx, first, subject))
		}
		time.Sleep(50 * time.Millisecond)
	}

	tests := []struct {
		name  string
		rule  api.GateRule
		check string // part of Check's error; "" for none
		want  api.GateOutcome
		says  string
	}{
		{"three times the errors", first, "", api.GateFail, "0.03, old 0.01: outside what is allowed (at most 2 x old)"},
		{"within", of(new, old, api.Gate{MaxRatio: "4"}), "", api.GatePass, "0.03, old 0.01: within"},
		{"a number", of("vector(5)", "", api.Gate{Min: "5"}), "", api.GatePass, ""},
		{"a scalar", of("2 * 3", "", api.Gate{Max: "5"}), "", api.GateFail, "6: outside what is allowed (at most 5)"},
		{"no result yet", of(`nothing_like_this`, "", api.Gate{Max: "5"}), "", api.GateNoData, "no result for nothing_like_this"},
		{"no number", of(`0 / vector(0)`, "", api.Gate{Max: "5"}), "", api.GateNoData, "gave no number"},
		{"two series", of(`model_error_share`, "", api.Gate{Max: "5"}), "gives 2 series, one is needed", api.GateNoData, "2 series"},
		{"a range", of(`model_error_share[1m]`, "", api.Gate{Max: "5"}), "gives a matrix", api.GateNoData, "matrix"},
		{"no PromQL", of(`sum by (`, "", api.Gate{Max: "5"}), `prometheus.query: "sum by (": Prometheus at `, api.GateNoData, "parse error"},
		{"no PromQL for old", of(`1`, "rate(", api.Gate{MaxRatio: "5"}), `prometheus.old_query: "rate("`, api.GateNoData, "parse error"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := Check(ctx, test.rule, subject)
			if test.check == "" && err != nil || test.check != "" && (err == nil || !strings.Contains(err.Error(), test.check)) {
				t.Errorf("check: %v, want %q", err, test.check)
			}
			res := judge(test.rule)
			if res.Outcome != test.want || !strings.Contains(res.Message, test.says) {
				t.Errorf("%s: %s, want %s: %s", res.Outcome, res.Message, test.want, test.says)
			}
		})
	}

	stop()
	if err := Check(ctx, first, subject); err == nil || !strings.Contains(err.Error(), "prometheus.address: ") || !strings.Contains(err.Error(), "start the Prometheus server") {
		t.Errorf("check of a server that is away: %v", err)
	}
	if res := judge(first); res.Outcome != api.GateNoData || !strings.Contains(res.Message, "refused") {
		t.Errorf("a server that is away: %+v", res)
	}
}

// TestSlowPrometheus is about a server that takes the connection and says
// nothing.
func TestSlowPrometheus(t *testing.T) {
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	}))
	defer server.Close()
	defer close(done)
	r := ruleOf(t, api.Gate{Max: "1", Prometheus: &api.GatePrometheus{Address: server.URL, Query: "up"}})
	r.Timeout = 50 * time.Millisecond
	if m := Measure(context.Background(), r, subject); !strings.Contains(m.NoData, "no answer within 50ms") {
		t.Errorf("%+v", m)
	}
	if err := Check(context.Background(), r, subject); err == nil || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("check: %v", err)
	}
}
