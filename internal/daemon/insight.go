package daemon

import (
	"time"

	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/proc"
)

// insight is what previews ask of gateways and processes.
func (p *plane) insight() controller.Insight {
	return controller.Insight{
		Slowest: func(service string) time.Duration { return p.hub.Slowest(service) },
		OnTerm: func(pid int, start uint64) controller.Hearing {
			switch proc.OnTerm(pid, start) {
			case proc.EndsByTerm:
				return controller.HearsNothing
			case proc.IgnoresTerm:
				return controller.IgnoresIt
			}
			return controller.HearsOrUnknown
		},
	}
}
