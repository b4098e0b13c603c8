// Package probe decides when a replica's checks are due and what their results
// mean, and carries them out.
//
// Machine is the deciding part: it has no clock and no socket, is told the
// time and the outcome of each probe, and says what changed. Run drives it on
// a real clock; Address opens the connections. The runtimes use all three; what
// a change leads to (a restart, a pause) is decided by the core alone.
//
// The rules are design.md's: startup_check holds back the other two; a replica
// is probed fast until it is healthy for the first time, so that readiness is
// seen within 100 ms whatever period_seconds says; failures of health_check
// before that count for nothing; initial_delay_seconds delays the counting of
// failures, not the probing. A warm-up comes between the first success of the
// checks and the first report that the replica is healthy.
package probe

import (
	"context"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
)

// Kind is one of a replica's checks, by its key in the service file.
type Kind string

const (
	Startup  Kind = "startup_check"
	Health   Kind = "health_check"
	Liveness Kind = "liveness_check"
	Warming  Kind = "warm-up"
)

// Checks are what a service file asks for; nil for what it does not.
type Checks struct {
	Startup, Health, Liveness *api.Check
	WarmUp                    *WarmUp
}

// WarmUp is what a replica has to answer before it is healthy for the first
// time.
type WarmUp struct {
	Requests int           // how many, for the report
	Timeout  time.Duration // for one try of all of them
	Send     func(context.Context) error
}

// ChecksOf reads them from a container. One without health_check is healthy
// when its port opens (design.md 2b).
func ChecksOf(c api.Container) Checks {
	checks := Checks{Startup: c.Startup, Health: c.Health, Liveness: c.Liveness}
	if checks.Health == nil {
		checks.Health = &api.Check{TCP: &api.TCPCheck{}}
	}
	return checks
}

// Report is a change that a probe brought to light.
type Report struct {
	Kind   runtime.EventKind // Healthy, Unhealthy, NotLive or NotYet
	Reason string            // for all but the first
}

// Fast probing: from fastest to fast over the first second, fast until
// fastFor, then slowed. The last bounds what a server that loads for minutes
// costs when it answers each probe.
const (
	fastest = 20 * time.Millisecond
	fast    = 50 * time.Millisecond
	fastFor = 10 * time.Second
	slowed  = 100 * time.Millisecond
)

// execEvery is the shortest time between two runs of an exec check, however new
// the replica is: a probe costs a process.
const execEvery = time.Second

// warmUpAgain is the time from a failed warm-up to its next try.
const warmUpAgain = time.Second

// patience is how long a process may take before what its checks say against
// it is news: that nothing listens in the first moments is no wonder.
const patience = time.Second

// Machine is where the checks of one process stand. It is not safe for
// concurrent use.
type Machine struct {
	checks  map[Kind]*track
	started time.Time

	held    bool    // startup_check has not passed yet
	cold    *WarmUp // it still has to succeed
	warming bool    // it is its turn now
	first   bool    // it has been healthy at least once
	healthy bool
	notLive bool   // reported; there is one such report in a process's life
	said    string // the last reason reported while it was not healthy yet
}

// track is one check and its row of equal outcomes.
type track struct {
	check     api.Check
	due       time.Time
	successes int
	failures  int
}

// Begin is the machine of a process that started just now.
func Begin(c Checks, started time.Time) *Machine {
	m := &Machine{started: started, checks: map[Kind]*track{}, held: c.Startup != nil, cold: c.WarmUp}
	for kind, check := range map[Kind]*api.Check{Startup: c.Startup, Health: c.Health, Liveness: c.Liveness} {
		if check != nil {
			m.checks[kind] = &track{check: withDefaults(*check), due: started}
		}
	}
	if c.WarmUp != nil {
		m.checks[Warming] = &track{check: withDefaults(api.Check{Timeout: c.WarmUp.Timeout, Period: warmUpAgain})}
	}
	if live := m.checks[Liveness]; live != nil {
		// A process that has just started listens to nothing yet.
		live.due = started.Add(live.check.Period)
	}
	return m
}

// Resume is the machine of a process that was healthy when the control plane
// last looked. Its first probes come after spread (0..1) of their period, so
// that a thousand adopted replicas are not all probed at once.
func Resume(c Checks, started, now time.Time, spread float64) *Machine {
	m := Begin(c, started)
	m.held, m.cold, m.first, m.healthy = false, nil, true, true
	for _, t := range m.checks {
		t.due = now.Add(time.Duration(spread * float64(t.check.Period)))
	}
	return m
}

// withDefaults fills in what a check made by hand leaves out (design.md 2b).
func withDefaults(c api.Check) api.Check {
	if c.Period <= 0 {
		c.Period = 5 * time.Second
	}
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Second
	}
	if c.SuccessThreshold <= 0 {
		c.SuccessThreshold = 1
	}
	if c.FailureThreshold <= 0 {
		c.FailureThreshold = 3
	}
	return c
}

// Next is the probe to make next and when; ok is false when none ever is.
func (m *Machine) Next() (kind Kind, check api.Check, due time.Time, ok bool) {
	for _, k := range []Kind{Startup, Health, Warming, Liveness} {
		t := m.checks[k]
		if t == nil || m.held != (k == Startup) || k == Liveness && m.notLive {
			continue
		}
		if k == Warming && !m.warming || k == Health && m.warming {
			continue
		}
		if !ok || t.due.Before(due) {
			kind, check, due, ok = k, t.check, t.due, true
		}
	}
	return kind, check, due, ok
}

// Observe takes the outcome of a probe (nil is success) and says what it
// changed.
func (m *Machine) Observe(kind Kind, began, ended time.Time, outcome error) []Report {
	t := m.checks[kind]
	t.due = later(began.Add(m.interval(kind, ended)), ended.Add(fastest))
	if kind == Warming {
		t.due = ended.Add(warmUpAgain)
	}
	if outcome == nil {
		t.successes, t.failures = t.successes+1, 0
		return m.passed(kind, t, ended)
	}
	t.successes = 0
	if notYet := m.notYet(kind, ended, outcome); notYet != nil {
		return notYet
	}
	if began.Before(m.started.Add(t.check.InitialDelay)) {
		return nil
	}
	t.failures++
	return m.failed(kind, t, outcome)
}

func (m *Machine) passed(kind Kind, t *track, now time.Time) []Report {
	if t.successes < t.check.SuccessThreshold {
		return nil
	}
	switch {
	case kind == Startup:
		m.held = false
		if health := m.checks[Health]; health != nil {
			health.due = now
		}
		if live := m.checks[Liveness]; live != nil {
			live.due = now.Add(live.check.Period)
		}
	case kind == Warming:
		m.cold, m.warming = nil, false
		// The replica may have lost its health meanwhile. A command has its own pace.
		if health := m.checks[Health]; health.check.Exec == nil {
			health.due = now
		}
	case kind == Health && m.cold != nil:
		m.warming = true
		m.checks[Warming].due = now
		m.said = fmt.Sprintf("it warms up: %d requests of warm_up_data_path are sent to it", m.cold.Requests)
		return []Report{{runtime.NotYet, m.said}}
	case kind == Health && !m.healthy:
		m.healthy, m.first = true, true
		t.due = now.Add(t.check.Period)
		return []Report{{Kind: runtime.Healthy}}
	}
	return nil
}

func (m *Machine) failed(kind Kind, t *track, outcome error) []Report {
	if t.failures < t.check.FailureThreshold {
		return nil
	}
	switch {
	case kind == Health && m.healthy:
		m.healthy = false
		return []Report{{runtime.Unhealthy, reason(kind, t.failures, outcome)}}
	case kind == Liveness && !m.notLive:
		m.notLive = true
		return []Report{{runtime.NotLive, reason(kind, t.failures, outcome)}}
	}
	return nil
}

// notYet reports why a process is not healthy for the first time, whenever that
// is something else than before.
func (m *Machine) notYet(kind Kind, now time.Time, outcome error) []Report {
	if m.first || kind == Liveness || kind != Warming && now.Sub(m.started) < patience {
		return nil
	}
	why := reason(kind, 1, outcome)
	if why == m.said {
		return nil
	}
	m.said = why
	return []Report{{runtime.NotYet, why}}
}

func reason(kind Kind, failures int, outcome error) string {
	if failures == 1 {
		return fmt.Sprintf("%s failed: %v", kind, outcome)
	}
	return fmt.Sprintf("%s failed %d times in a row: %v", kind, failures, outcome)
}

// interval is the time from one probe to the next. Liveness is never probed
// fast: its failures count from the first.
func (m *Machine) interval(kind Kind, now time.Time) time.Duration {
	check := m.checks[kind].check
	if check.Exec != nil {
		if kind == Liveness || m.first {
			return max(check.Period, execEvery)
		}
		return execEvery
	}
	period := check.Period
	if kind == Liveness || m.first {
		return period
	}
	age := now.Sub(m.started)
	if age < fastFor {
		return min(period, max(fastest, min(fast, age/20)))
	}
	return min(period, slowed)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
