package daemon

import (
	"context"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sluice.dev/sluice/internal/gateway/hub"
	"sluice.dev/sluice/internal/gateway/wire"
)

var (
	replicasDesc = prometheus.NewDesc("sluice_replicas", "Replicas of a service by count: desired, live, ready, updated, kept, draining, failed.",
		[]string{"service", "count"}, nil)
	versionDesc = prometheus.NewDesc("sluice_version", "Number of the current and of the latest version of a service.",
		[]string{"service", "which"}, nil)
	requestsDesc = prometheus.NewDesc("sluice_requests_total", "Requests answered, by the class of their status.",
		[]string{"service", "version", "class"}, nil)
	lostDesc = prometheus.NewDesc("sluice_requests_lost_total", "Requests given to a replica that then failed without an answer.",
		[]string{"service", "version"}, nil)
	cutDesc = prometheus.NewDesc("sluice_requests_cut_total", "Answers, streams and tunnels that broke off before their end.",
		[]string{"service", "version"}, nil)
	canceledDesc = prometheus.NewDesc("sluice_requests_canceled_total", "Requests whose caller went away first.",
		[]string{"service", "version"}, nil)
	latencyDesc = prometheus.NewDesc("sluice_request_seconds", "Time from the arrival of a request to the header of its answer.",
		[]string{"service", "version"}, nil)
)

// collector reads what the control plane knows at the moment it is asked.
type collector struct{ p *plane }

func metrics(p *plane) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collector{p}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{replicasDesc, versionDesc, requestsDesc, lostDesc, cutDesc, canceledDesc, latencyDesc} {
		ch <- d
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	for _, s := range c.p.controller.List(context.Background()) {
		r := s.Replicas
		for name, n := range map[string]int{"desired": r.Desired, "live": r.Live, "ready": r.Ready,
			"updated": r.Updated, "kept": r.Kept, "draining": r.Draining, "failed": r.Failed} {
			gauge(replicasDesc, n, s.Name, name)
		}
		gauge(versionDesc, s.CurrentVersion, s.Name, "current")
		gauge(versionDesc, s.LatestVersion, s.Name, "latest")
	}
	for _, t := range c.p.hub.Numbers() {
		collectRequests(ch, t)
	}
}

func collectRequests(ch chan<- prometheus.Metric, t hub.Total) {
	version := strconv.Itoa(t.Version)
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for class := 1; class < len(t.Class); class++ {
		count(requestsDesc, t.Class[class], t.Service, version, strconv.Itoa(class)+"xx")
	}
	count(lostDesc, t.Lost, t.Service, version)
	count(cutDesc, t.Cut, t.Service, version)
	count(canceledDesc, t.Canceled, t.Service, version)
	buckets := make(map[float64]uint64, len(t.Latency))
	var below uint64
	for i, bound := range wire.Bounds() {
		below += t.Latency[i]
		if i%(wire.PerOctave/2) == 0 { // two to the octave are enough for a chart
			buckets[bound] = below
		}
	}
	all := below + t.Latency[len(t.Latency)-1]
	ch <- prometheus.MustNewConstHistogram(latencyDesc, all, 0, buckets, t.Service, version)
}
