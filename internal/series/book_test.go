package series

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

var bounds = []float64{0.001, 0.01, 0.1}

// clock gives a book readings, one every step.
type clock struct {
	*Book
	at     time.Time
	counts map[string]map[int]history.Tally
	ready  map[string]map[int]int
}

func start() *clock {
	return &clock{Book: New(), at: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC),
		counts: map[string]map[int]history.Tally{}, ready: map[string]map[int]int{"s": {1: 2}}}
}

// serve counts requests at a version, of which so many failed.
func (c *clock) serve(service string, version int, requests, errors uint64, bucket int) {
	if c.counts[service] == nil {
		c.counts[service] = map[int]history.Tally{}
	}
	t := c.counts[service][version]
	latency := append(make([]uint64, 0, 4), t.Latency...)
	for len(latency) < 4 {
		latency = append(latency, 0)
	}
	latency[bucket] += requests
	c.counts[service][version] = history.Tally{Requests: t.Requests + requests, Errors: t.Errors + errors, Latency: latency}
}

func (c *clock) tick(steps int) {
	for range steps {
		c.at = c.at.Add(Step)
		c.read()
	}
}

func (c *clock) read() { c.Take(Reading{At: c.at, Counts: c.counts, Bounds: bounds, Ready: c.ready}) }

// text is a window's points, as "10:00:10 v1 1.5/s 0.1e p50 0.01 2r".
func text(s api.Series) string {
	var lines []string
	for _, p := range s.Points {
		line := p.At.Format("15:04:05")
		for _, v := range p.Versions {
			line += fmt.Sprintf(" v%d %g/s", v.Version, v.Requests)
			if v.Errors > 0 {
				line += fmt.Sprintf(" %ge", v.Errors)
			}
			if v.P50 != nil {
				line += fmt.Sprintf(" %g..%g", *v.P50, *v.P99)
			}
			line += fmt.Sprintf(" %dr", v.Ready)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func (c *clock) want(t *testing.T, what string, w Window, lines ...string) {
	t.Helper()
	if w.Service == "" {
		w.Service = "s"
	}
	if got := text(c.Show(c.at, w)); got != strings.Join(lines, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, strings.Join(lines, "\n"))
	}
}

func TestSteps(t *testing.T) {
	c := start()
	c.serve("s", 1, 5000, 100, 1) // of before the book began
	c.read()
	c.tick(1)
	c.serve("s", 1, 30, 0, 1)
	c.tick(1)
	c.serve("s", 1, 20, 2, 2)
	c.serve("s", 2, 10, 0, 3) // a version that was not there before
	c.ready = map[string]map[int]int{"s": {1: 2, 2: 1}}
	c.tick(1)
	c.counts["s"][1] = history.Tally{Requests: 7, Latency: []uint64{7}} // it began anew
	c.tick(1)
	c.serve("s", 1, 10, 0, 0)
	c.ready = map[string]map[int]int{"s": {2: 3}}
	c.tick(1)
	c.tick(1)
	fine := []string{
		"10:00:00 v1 0/s 2r",
		"10:00:10 v1 3/s 0.01..0.01 2r",
		"10:00:20 v1 2/s 0.2e 0.1..0.1 2r v2 1/s 0.1..0.1 1r",
		"10:00:30 v1 0/s 2r v2 0/s 1r",
		"10:00:40 v1 1/s 0.001..0.001 0r v2 0/s 3r",
		"10:00:50 v2 0/s 3r",
	}
	c.want(t, "all", Window{Length: time.Minute}, fine...)
	c.want(t, "the last two", Window{Length: 20 * time.Second}, fine[4:]...)
	c.want(t, "one version", Window{Length: 30 * time.Second, Version: 2}, "10:00:30 v2 0/s 1r", "10:00:40 v2 0/s 3r", "10:00:50 v2 0/s 3r")
	c.want(t, "by the minute", Window{Length: 2 * time.Hour}, "10:00:00 v1 1/s 0.033e 0.01..0.1 0r v2 0.167/s 0.1..0.1 3r")
	c.want(t, "of nobody", Window{Service: "x", Length: time.Hour})
	s := c.Show(c.at.Add(3*time.Second), Window{Service: "s", Length: time.Minute})
	if s.StepSeconds != 10 || !s.From.Equal(c.at.Add(-time.Minute)) || !s.To.Equal(c.at) {
		t.Errorf("window %v to %v by %d s", s.From, s.To, s.StepSeconds)
	}
}

// TestGaps: what is not measured has no point, and nothing of it is counted for
// another time; a service without replicas and requests has none.
func TestGaps(t *testing.T) {
	for _, c := range []struct {
		name  string
		jump  time.Duration
		lines []string
	}{
		{"late by a step", 20 * time.Second, []string{"10:00:00 v1 1/s 0.01..0.01 2r", "10:00:20 v1 2/s 0.01..0.01 2r", "10:00:30 v1 1/s 0.01..0.01 2r"}},
		{"asleep for long", 11 * time.Minute, []string{"10:11:10 v1 1/s 0.01..0.01 2r"}},
		{"the clock goes back", -20 * time.Second, []string{"09:59:50 v1 1/s 0.01..0.01 2r"}},
	} {
		k := start()
		k.read()
		k.serve("s", 1, 10, 0, 1)
		k.tick(1)
		k.serve("s", 1, 40, 0, 1)
		k.at = k.at.Add(c.jump)
		k.read()
		k.serve("s", 1, 10, 0, 1)
		k.tick(1)
		window := time.Minute
		if c.jump > time.Minute { // the first of them is out of sight
			window = 30 * time.Second
		}
		k.want(t, c.name, Window{Length: window}, c.lines...)
	}
	c := start()
	c.read()
	c.tick(1)
	c.ready["s"] = map[int]int{}
	c.tick(2)
	c.ready["s"] = map[int]int{3: 1}
	c.tick(1)
	c.want(t, "without replicas", Window{Length: time.Minute}, "10:00:00 v1 0/s 2r", "10:00:30 v3 0/s 1r")
}

// TestWrap: an hour of fine steps and a day of minutes stay, however long it goes
// on, and what is at rest is one run.
func TestWrap(t *testing.T) {
	c := start()
	c.ready["rest"] = map[int]int{1: 1}
	c.read()
	hours := map[int64]Hour{}
	for i := range 27 * 360 {
		c.serve("s", 1, uint64(10+i%7), 0, 1) // no two steps alike
		c.tick(1)
		if i%30 == 29 {
			list := c.Changed(i%360 == 359)
			for _, h := range list {
				if h.Service == "s" {
					hours[h.Hour] = h
				}
			}
			c.Stored(list)
		}
	}
	if n := len(c.tracks["s"].fine[1]); n < 360 || n > 360+expired {
		t.Errorf("%d fine runs", n)
	}
	if n := len(c.tracks["s"].coarse[1]); n > 60 {
		t.Errorf("%d coarse runs in memory, of an hour", n)
	}
	if fine, coarse := c.tracks["rest"].fine[1], c.tracks["rest"].coarse[1]; len(fine) != 1 || len(coarse) > 1 {
		t.Errorf("%d and %d runs of what is at rest", len(fine), len(coarse))
	}
	if n := len(c.Show(c.at, Window{Service: "s", Length: time.Hour}).Points); n != 360 {
		t.Errorf("%d points of an hour", n)
	}
	w := Window{Service: "s", Length: 24 * time.Hour}
	from := HourOf(c.at) - HoursKept
	for hour := from; hour <= HourOf(c.at); hour++ {
		if h, stored := hours[hour]; stored {
			w.Stored = append(w.Stored, h)
		}
	}
	s := c.Show(c.at, w)
	if len(s.Points) != 1440 || s.StepSeconds != 60 {
		t.Errorf("%d points of a day by %d s", len(s.Points), s.StepSeconds)
	}
	total := 0.0
	for _, p := range s.Points {
		total += p.Versions[0].Requests * 60
	}
	if served := 13.0 * 6 * 1440; total < served-60 || total > served+60 {
		t.Errorf("%g requests in a day, served were about %g", total, served)
	}
}

// TestRestart: a book that goes on with what another has stored knows its minutes.
func TestRestart(t *testing.T) {
	c := start()
	c.read()
	for range 12 {
		c.serve("s", 1, 100, 0, 2)
		c.tick(1)
	}
	stored := c.Changed(true)
	if len(stored) != 1 || stored[0].Hour != HourOf(c.at) {
		t.Fatalf("changed: %+v", stored)
	}
	next := start()
	next.at, next.counts = c.at.Add(3*time.Minute), c.counts
	for _, h := range stored {
		if err := next.Load(h); err != nil {
			t.Fatal(err)
		}
	}
	next.read()
	next.tick(6)
	minutes := []string{"10:00:00 v1 10/s 0.1..0.1 2r", "10:01:00 v1 10/s 0.1..0.1 2r", "10:05:00 v1 0/s 2r"}
	next.want(t, "after a restart", Window{Length: 61 * time.Minute}, minutes...)
	next.want(t, "with the stored hour too", Window{Length: 61 * time.Minute, Stored: stored}, minutes...)
	next.want(t, "in fine steps", Window{Length: 4*time.Minute + 20*time.Second},
		"10:01:40 v1 10/s 0.1..0.1 2r", "10:01:50 v1 10/s 0.1..0.1 2r",
		"10:05:00 v1 0/s 2r", "10:05:10 v1 0/s 2r", "10:05:20 v1 0/s 2r", "10:05:30 v1 0/s 2r", "10:05:40 v1 0/s 2r", "10:05:50 v1 0/s 2r")
	again := next.Changed(true)
	if len(again) != 1 || !strings.HasPrefix(string(again[0].Points), string(stored[0].Points[:2])) {
		t.Errorf("stored again: %+v", again)
	}
	lines, err := decode(again[0])
	if err != nil || len(lines[1]) != 2 {
		t.Errorf("%v, %v", lines, err)
	}
}

// TestChanged: what goes on as it was is written now and then only, and what is
// written is not written again.
func TestChanged(t *testing.T) {
	c := start()
	c.read()
	names := func(all bool) (list []string) {
		hours := c.Changed(all)
		for _, h := range hours {
			list = append(list, h.Service)
		}
		c.Stored(hours)
		return list
	}
	want := func(what string, got []string, want ...string) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	want("before a minute", names(true))
	c.tick(6)
	want("the first minute", names(false), "s")
	c.tick(6)
	want("the same again", names(false))
	want("the same, of all", names(true), "s")
	want("nothing since", names(true))
	c.ready["s"] = map[int]int{1: 1}
	c.tick(6)
	want("one replica less", names(false), "s")
	delete(c.ready, "s")
	c.tick(6)
	want("it is gone", names(true))
	c.want(t, "of a service that is gone", Window{Length: time.Hour})
}

func TestDamagedHours(t *testing.T) {
	c := start()
	c.read()
	c.serve("s", 1, 100, 0, 2)
	c.tick(60)
	whole := c.Changed(true)[0]
	if _, err := decode(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole.Points {
		if n > 1 { // of a format byte alone there is nothing to miss
			if _, err := decode(Hour{"s", whole.Hour, whole.Points[:n]}); err == nil {
				t.Errorf("cut after %d of %d bytes: no error", n, len(whole.Points))
			}
		}
	}
	for _, bytes := range []string{"", "\x02", "\x01\x01\x02", "\x01\x01\x01\x3c\x00\x00\x00\x00\x00\x00\x00\x00"} {
		if err := New().Load(Hour{"s", whole.Hour, []byte(bytes)}); err == nil {
			t.Errorf("%q: no error", bytes)
		}
	}
	c.want(t, "a damaged hour is a gap", Window{Length: 61 * time.Minute, Version: 7, Stored: []Hour{{"s", whole.Hour, []byte("xyz")}}})
}

func FuzzHour(f *testing.F) {
	f.Add([]byte("\x01\x01\x01\x05\x03\xb8\x0a\x02\x04\x3c\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		lines, err := decode(Hour{"s", 500_000, bytes})
		if err != nil {
			return
		}
		again, err := decode(Hour{"s", 500_000, encode(lines, 500_000)})
		if err != nil && encode(lines, 500_000) != nil {
			t.Fatalf("%v of what was decoded", err)
		}
		for version, l := range lines {
			if len(l) > 0 && !reflect.DeepEqual(again[version], l) {
				t.Fatalf("%v, then %v", l, again[version])
			}
		}
	})
}
