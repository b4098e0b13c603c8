package probe

import (
	"context"
	"time"

	"sluice.dev/sluice/api"
)

// Run makes the probes that m asks for, one at a time, until ctx is done, and
// reports each change. After ctx is done it reports nothing more.
func Run(ctx context.Context, m *Machine, probe func(context.Context, api.Check) error, report func(Report, time.Time)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		kind, check, due, ok := m.Next()
		if !ok {
			return
		}
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		began := time.Now()
		err := within(ctx, check, m.means(kind, probe))
		if ctx.Err() != nil {
			return
		}
		now := time.Now()
		for _, r := range m.Observe(kind, began, now, err) {
			report(r, now)
		}
	}
}

// means is how a probe of this kind is made.
func (m *Machine) means(kind Kind, probe func(context.Context, api.Check) error) func(context.Context, api.Check) error {
	if kind != Warming {
		return probe
	}
	return func(ctx context.Context, _ api.Check) error { return m.cold.Send(ctx) }
}

func within(ctx context.Context, check api.Check, probe func(context.Context, api.Check) error) error {
	ctx, cancel := context.WithTimeout(ctx, check.Timeout)
	defer cancel()
	return probe(ctx, check)
}
