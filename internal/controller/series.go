package controller

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/series"
)

// restEvery is how often the series of services at which nothing happens are
// written down, in minutes; those of the others are every minute.
const restEvery = 5

// charts is the series of all services. It does nothing without a Fleet.
type charts struct {
	mu      sync.Mutex
	book    *series.Book
	of      map[string]*service // whose series the book has by the name
	mark    uint64              // of the last reading
	writing sync.Mutex          // held by whoever writes down; taken before mu
	minutes int                 // since the series of all were written down
}

// beginSeries goes on with what an earlier control plane has stored of this hour,
// and has readings taken from now on. What cannot be read is only a gap in a chart.
func (c *Controller) beginSeries(ctx context.Context) {
	if c.cfg.Fleet == nil {
		return
	}
	k := &c.charts
	k.mu.Lock()
	defer k.mu.Unlock()
	k.book, k.of = series.New(), map[string]*service{}
	for _, s := range c.sorted() {
		k.of[s.name()] = s
	}
	hours, err := c.cfg.Store.Series(ctx, "", series.HourOf(c.now()))
	for _, h := range hours {
		err = errors.Join(err, k.book.Load(h))
	}
	if err != nil {
		c.log.Warn("what was measured in this hour cannot be read; charts have a gap", "error", err)
	}
	c.nextReading()
}

// nextReading waits for the end of the present step, counted from midnight, so that
// the steps of all services and of all times fit each other.
func (c *Controller) nextReading() {
	now := c.now()
	wait := now.Truncate(series.Step).Add(series.Step).Sub(now)
	if wait < series.Step/4 { // the timer was early, or the last reading is just over
		wait += series.Step
	}
	c.schedule.After(wait, func() {
		c.schedule.Go(func() {
			if c.ctx.Err() != nil {
				return
			}
			c.readSeries()
			c.nextReading()
		})
	})
}

// readSeries takes a reading and, at the end of a minute, writes it down.
func (c *Controller) readSeries() {
	k := &c.charts
	r := series.Reading{Ready: map[string]map[int]int{}, Counts: map[string]map[int]history.Tally{}}
	services := map[string]*service{}
	for _, s := range c.sorted() {
		if ready, there := s.readyByVersion(); there {
			r.Ready[s.name()], services[s.name()] = ready, s
		}
	}
	k.mu.Lock()
	counts, bounds, mark := c.cfg.Fleet.CountedSince(k.mark)
	for name, byVersion := range counts {
		r.Counts[name] = make(map[int]history.Tally, len(byVersion))
		for version, n := range byVersion {
			r.Counts[name][version] = history.Tally{Requests: n.Requests, Errors: n.Errors, Canceled: n.Canceled, Latency: n.Latency}
		}
	}
	for name, s := range services { // another one of the name begins anew
		if was := k.of[name]; was != nil && was != s {
			k.book.Forget(name)
		}
	}
	k.of, k.mark = services, mark
	r.At, r.Bounds = c.now(), bounds
	k.book.Take(r)
	k.mu.Unlock()
	if r.At.Round(series.Step).Second() == 0 {
		k.minutes++
		c.writeSeries(c.ctx, k.minutes%restEvery == 0)
	}
}

// readyByVersion counts the ready replicas; false when the service is gone.
func (s *service) readyByVersion() (ready map[int]int, there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil, false
	}
	ready = make(map[int]int, 1)
	now := s.c.now()
	for i := range s.state.Replicas {
		r := &s.state.Replicas[i]
		if !r.Ready(s.state.Service.Strategy.MinReady, now) {
			continue
		}
		number := r.Version
		if v := s.effective(r.Revision, r.Version); v != nil {
			number = v.Number
		}
		ready[number]++
	}
	return ready, true
}

// writeSeries stores what has changed, with what only goes on as it was when all is
// set, and forgets what is older than a day. What cannot be stored is kept and tried
// again with the next minute.
func (c *Controller) writeSeries(ctx context.Context, all bool) {
	k := &c.charts
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	hours := k.book.Changed(all)
	k.mu.Unlock()
	if len(hours) == 0 {
		return
	}
	if err := c.cfg.Store.PutSeries(ctx, hours, series.HourOf(c.now())-series.HoursKept); err != nil {
		if c.ctx.Err() == nil {
			c.log.Warn("what was measured cannot be stored; charts begin anew when the server ends now", "error", err)
		}
		return
	}
	k.mu.Lock()
	k.book.Stored(hours)
	k.mu.Unlock()
}

// endSeries stores what is not stored yet, once no reading is under way.
func (c *Controller) endSeries() {
	c.charts.mu.Lock()
	begun := c.charts.book != nil
	c.charts.mu.Unlock()
	if begun {
		c.writeSeries(context.Background(), true)
	}
}

// Series shows what was measured of a service over a window that ends now, with
// what was done to its rollouts; of one version, or of all for 0.
func (c *Controller) Series(ctx context.Context, name string, window time.Duration, version int) (api.Series, error) {
	s, err := c.find(name)
	if err != nil {
		return api.Series{}, err
	}
	k, now := &c.charts, c.now()
	w := series.Window{Service: name, Length: window, Version: version}
	if c.cfg.Fleet != nil {
		if w.Stored, err = c.cfg.Store.Series(ctx, name, series.HourOf(now.Add(-window-series.Minute))); err != nil {
			return api.Series{}, err
		}
	}
	k.mu.Lock()
	book := k.book
	if book == nil || k.of[name] != nil && k.of[name] != s {
		book = series.New() // of a service that has just followed another of its name
	}
	out := book.Show(now, w)
	k.mu.Unlock()
	out.Marks, err = c.marks(ctx, name, out.From.Time)
	return out, err
}

// marks are the actions on a service's rollouts from a time on.
func (c *Controller) marks(ctx context.Context, name string, from time.Time) ([]api.SeriesMark, error) {
	marks := []api.SeriesMark{}
	rollouts, err := c.Rollouts(ctx, name)
	if err != nil {
		return marks, err
	}
	for _, ro := range rollouts {
		if ro.History == nil {
			continue
		}
		for _, a := range ro.History.Actions {
			if !a.At.Before(from) {
				marks = append(marks, api.SeriesMark{At: a.At, Kind: a.Action, Text: a.Text, Actor: a.Actor, Rollout: ro.ID})
			}
		}
	}
	slices.SortStableFunc(marks, func(a, b api.SeriesMark) int { return a.At.Compare(b.At.Time) })
	return marks, nil
}
