package controller

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/series"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/store/sqlite"
)

// steady is time that goes on when told, and begins nothing.
type steady struct{ now time.Time }

func (s *steady) Now() time.Time                     { return s.now }
func (s *steady) Go(func())                          {}
func (s *steady) After(time.Duration, func()) func() { return func() {} }

// counting is gateways that count so many requests of every service in each step.
type counting struct {
	services int
	each     uint64
	counts   map[string]map[int]gate.Counts
}

func (c *counting) Show() ([]api.Gateway, uint64) { return nil, 0 }
func (c *counting) Holders(string) []string       { return nil }
func (c *counting) CountedSince(mark uint64) (map[string]map[int]gate.Counts, []float64, uint64) {
	bounds := make([]float64, 353) // as many as gateways have
	for i := range bounds {
		bounds[i] = 0.0001 * float64(i+1)
	}
	if c.each == 0 {
		return nil, bounds, mark
	}
	if c.counts == nil {
		c.counts = map[string]map[int]gate.Counts{}
	}
	for i := range c.services {
		n := (mark+1)*(c.each+uint64(i)) + (mark+1)*7919%500 // no two steps alike
		latency := make([]uint64, len(bounds)+1)
		latency[100], latency[200] = n-n/10, n/10
		c.counts[nameOf(i)] = map[int]gate.Counts{1: {Requests: n, Latency: latency}}
	}
	return c.counts, bounds, mark + 1
}

func nameOf(i int) string { return fmt.Sprintf("s%04d", i) }

// BenchmarkSeries is one step of ten seconds with 1,000 services of two replicas,
// with what is written at the end of each minute. Heap is what the series take in
// memory after two hours, disk what is stored of an hour of them.
func BenchmarkSeries(b *testing.B) {
	for _, c := range []struct {
		name string
		each uint64
	}{{"at rest", 0}, {"all busy", 1000}} {
		b.Run(c.name, func(b *testing.B) {
			ctx := context.Background()
			st, err := sqlite.Open(ctx, b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer st.Close()
			const services = 1000
			clock := &steady{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
			k := New(Config{Store: st, Fleet: &counting{services: services, each: c.each}, Schedule: clock, Log: slog.New(slog.DiscardHandler)})
			for i := range services {
				s := k.newService(store.Service{Core: rollout.Service{Name: nameOf(i)}})
				for n := range 2 {
					s.state.Replicas = append(s.state.Replicas, rollout.Replica{ID: fmt.Sprint(s.name(), "-1-", n), Version: 1, Stage: rollout.Live,
						Process: rollout.Running, Healthy: true, HealthyAt: clock.now, ReadyAt: clock.now, Acked: true})
				}
				if _, err := st.Commit(ctx, store.Change{Name: s.name(), Service: &store.Service{Core: rollout.Service{Name: s.name()}}}); err != nil {
					b.Fatal(err)
				}
				k.services[s.name()] = s
			}
			before := heap()
			k.beginSeries(ctx)
			step := func() {
				clock.now = clock.now.Add(series.Step)
				k.readSeries()
			}
			for range 720 {
				step()
			}
			held := heap() - before
			for b.Loop() {
				step()
			}
			b.ReportMetric(float64(held)/(1<<20), "MiB-heap")
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(series.Step)*100, "%core")
			hours, err := st.Series(ctx, "", series.HourOf(clock.now)-1)
			if err != nil {
				b.Fatal(err)
			}
			size := 0
			for _, h := range hours {
				if h.Hour == series.HourOf(clock.now)-1 {
					size += len(h.Points)
				}
			}
			b.ReportMetric(float64(size)/1024, "KiB-hour")
			runtime.KeepAlive(k)
		})
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
