package daemon

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sluice.dev/sluice/internal/gateway/hub"
)

type counts struct{}

func (counts) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sharesDesc, mirrorsDesc, mirrorLatencyDesc} {
		ch <- d
	}
}

func (counts) Collect(ch chan<- prometheus.Metric) {
	collectShares(ch, "grp", "a", hub.Shares{Split: 70, Aimed: 5, Others: 4, Tested: 3, Instead: 2})
	m := hub.Mirrored{Source: "a", Skipped: 6, Dropped: 7, Failed: 8, Copies: hub.Total{Service: "b", Class: [6]uint64{2: 9, 5: 1}, Lost: 10, Canceled: 11}}
	m.Copies.Latency[0], m.Copies.Latency[len(m.Copies.Latency)-1] = 9, 1
	collectMirror(ch, m)
}

func TestGroupAndMirrorMetrics(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(counts{})
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`sluice_group_requests_total{by="split",group="grp",service="a"} 70`,
		`sluice_group_requests_total{by="aimed",group="grp",service="a"} 5`,
		`sluice_group_requests_total{by="others",group="grp",service="a"} 4`,
		`sluice_group_requests_total{by="tested",group="grp",service="a"} 3`,
		`sluice_group_requests_total{by="instead",group="grp",service="a"} 2`,
		`sluice_mirror_copies_total{outcome="skipped",service="a",target="b"} 6`,
		`sluice_mirror_copies_total{outcome="dropped",service="a",target="b"} 7`,
		`sluice_mirror_copies_total{outcome="failed",service="a",target="b"} 8`,
		`sluice_mirror_copies_total{outcome="2xx",service="a",target="b"} 9`,
		`sluice_mirror_copies_total{outcome="5xx",service="a",target="b"} 1`,
		`sluice_mirror_copies_total{outcome="lost",service="a",target="b"} 10`,
		`sluice_mirror_copies_total{outcome="canceled",service="a",target="b"} 11`,
		`sluice_mirror_seconds_bucket{service="a",target="b",le="0.000128"} 9`,
		`sluice_mirror_seconds_count{service="a",target="b"} 10`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
	}
}
