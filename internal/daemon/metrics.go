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
	sharesDesc = prometheus.NewDesc("sluice_group_requests_total",
		"Requests at a group's address by the member chosen and by what chose it: split (exactly by weight), aimed (a rule), others (the split, without the member whose percent of users the caller is not among), tested (X-Sluice-Service); instead: besides, those of another member that could not take them.",
		[]string{"group", "service", "by"}, nil)
	mirrorsDesc = prometheus.NewDesc("sluice_mirror_copies_total",
		"Copies of a service's requests by outcome: the class of the answer, lost (sent and not answered), canceled (the replica left the table), failed (not sent), dropped (too many in hand), skipped (cannot be copied).",
		[]string{"service", "target", "outcome"}, nil)
	mirrorLatencyDesc = prometheus.NewDesc("sluice_mirror_seconds", "Time from the sending of a copy to the header of its answer.",
		[]string{"service", "target"}, nil)
)

// collector reads what the control plane knows at the moment it is asked.
type collector struct{ p *plane }

func metrics(p *plane) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collector{p}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{replicasDesc, versionDesc, requestsDesc, lostDesc, cutDesc, canceledDesc, latencyDesc, sharesDesc, mirrorsDesc, mirrorLatencyDesc} {
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
	for group, members := range c.p.hub.AllGroupNumbers() {
		for service, n := range members {
			collectShares(ch, group, service, n)
		}
	}
	for _, m := range c.p.hub.AllMirrorNumbers() {
		collectMirror(ch, m)
	}
}

func collectShares(ch chan<- prometheus.Metric, group, service string, n hub.Shares) {
	for by, n := range map[string]uint64{"split": n.Split, "aimed": n.Aimed, "others": n.Others, "tested": n.Tested, "instead": n.Instead} {
		ch <- prometheus.MustNewConstMetric(sharesDesc, prometheus.CounterValue, float64(n), group, service, by)
	}
}

func collectMirror(ch chan<- prometheus.Metric, m hub.Mirrored) {
	count := func(outcome string, n uint64) {
		ch <- prometheus.MustNewConstMetric(mirrorsDesc, prometheus.CounterValue, float64(n), m.Source, m.Copies.Service, outcome)
	}
	for class := 1; class < len(m.Copies.Class); class++ {
		count(strconv.Itoa(class)+"xx", m.Copies.Class[class])
	}
	for outcome, n := range map[string]uint64{"lost": m.Copies.Lost, "canceled": m.Copies.Canceled,
		"failed": m.Failed, "dropped": m.Dropped, "skipped": m.Skipped} {
		count(outcome, n)
	}
	collectLatency(ch, mirrorLatencyDesc, m.Copies, m.Source, m.Copies.Service)
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
	collectLatency(ch, latencyDesc, t, t.Service, version)
}

func collectLatency(ch chan<- prometheus.Metric, d *prometheus.Desc, t hub.Total, labels ...string) {
	buckets := make(map[float64]uint64, len(t.Latency))
	var below uint64
	for i, bound := range wire.Bounds() {
		below += t.Latency[i]
		if i%(wire.PerOctave/2) == 0 { // two to the octave are enough for a chart
			buckets[bound] = below
		}
	}
	all := below + t.Latency[len(t.Latency)-1]
	ch <- prometheus.MustNewConstHistogram(d, all, 0, buckets, labels...)
}
