package daemon

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/gate/probe"
	"sluice.dev/sluice/internal/gateway/hub"
	"sluice.dev/sluice/internal/gateway/supervise"
	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/traffic"
)

// localGateway is the id of the first gateway that the server itself starts;
// those that follow it are local-2 and so on.
const localGateway = "local"

func isLocal(id string) bool { return supervise.Number(localGateway, id) > 0 }

// gatewayState is what a gateway does with callers, as it said last.
func (p *plane) gatewayState(id string) supervise.State {
	for _, g := range p.hub.Gateways() {
		switch {
		case g.ID != id || !g.Connected || g.State == hub.Unheard:
		case g.State == wire.Waiting:
			return supervise.Waits
		case g.State == wire.Retiring:
			return supervise.Retires
		default:
			return supervise.Serves
		}
	}
	return supervise.Unknown
}

// restartGateway implements server.Config.RestartGateway.
func (p *plane) restartGateway(ctx context.Context) (api.GatewayRestart, error) {
	c, err := p.supervisor.Restart(ctx)
	if err != nil {
		return api.GatewayRestart{}, fmt.Errorf("the gateway was not restarted: %w", err)
	}
	return api.GatewayRestart{ID: c.ID, Pid: c.Pid, Before: c.Before, PidBefore: c.PidWas, Listen: p.listening()}, nil
}

// SocketFile is where gateways of this machine reach the control plane.
func SocketFile(data string) string { return filepath.Join(data, "gateway.sock") }

// gateways shows the hub as the controller wants to see it.
type gateways struct{ p *plane }

func (g gateways) Publish(r traffic.Route) uint64 { return g.p.hub.Publish(r) }
func (g gateways) Withdraw(service string) uint64 { return g.p.hub.Withdraw(service) }
func (g gateways) Acked() uint64                  { return g.p.hub.Acked() }
func (g gateways) Open()                          { g.p.hub.Open() }

func (g gateways) WaitAcked(ctx context.Context, revision uint64) error {
	return g.p.hub.WaitAcked(ctx, revision)
}

func (g gateways) InHand(replica string) controller.InHand {
	d := g.p.hub.Drain(replica)
	return controller.InHand{Known: d.Known, InFlight: d.InFlight, IdleSince: at(d.IdleSince), LastPicked: at(d.LastPicked), Oldest: at(d.Oldest)}
}

// Show implements controller.Fleet.
func (g gateways) Show() (list []api.Gateway, revision uint64) {
	states := map[string]api.GatewayState{"": api.GatewayAccepting, wire.Waiting: api.GatewayWaiting, wire.Retiring: api.GatewayRetiring, hub.Unheard: api.GatewayUnheard}
	now := time.Now()
	for _, i := range g.p.hub.Gateways() {
		v := api.Gateway{ID: i.ID, Pid: i.Pid, Listen: i.Listen, State: states[i.State], Connected: i.Connected,
			Revision: i.Sent, Acked: i.Revision, InFlight: i.InFlight, SeenAt: api.At(at(i.SeenAt))}
		if !i.Oldest.IsZero() {
			age := max(0, now.Sub(i.Oldest).Round(time.Millisecond).Seconds())
			v.Oldest = &age
		}
		list = append(list, v)
	}
	return list, g.p.hub.Revision()
}

// Holders implements controller.Fleet.
func (g gateways) Holders(replica string) []string { return g.p.hub.Holders(replica) }

// CountedSince implements controller.Fleet.
func (g gateways) CountedSince(mark uint64) (map[string]map[int]gate.Counts, []float64, uint64) {
	return g.p.hub.CountedSince(mark)
}

func (g gateways) PublishGroup(r traffic.Group) uint64 { return g.p.hub.PublishGroup(r) }
func (g gateways) WithdrawGroup(name string) uint64    { return g.p.hub.WithdrawGroup(name) }

func (g gateways) Given(group string) map[string]uint64 {
	given := map[string]uint64{}
	for service, shares := range g.p.hub.GroupNumbers(group) {
		given[service] = shares.Requests()
	}
	return given
}

func (g gateways) Measured(service string) (map[int]gate.Counts, []float64) {
	return g.p.hub.Measured(service)
}

func (g gateways) Address(service string) string { return g.p.address() + "/api/predict/" + service }

// address is where callers reach the gateway: where it listens, or where it was
// told to before it has come up.
func (p *plane) address() string {
	scheme := "http://"
	if p.file.Gateway.encrypted() {
		scheme = "https://"
	}
	if at := p.listening(); at != "" {
		return scheme + at
	}
	return scheme + p.cfg.Gateway
}

// at drops the monotonic part and the location, as everywhere in the
// controller.
func at(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Round(0)
}

// probes asks outside on the controller's behalf.
type probes struct{}

func (probes) Check(ctx context.Context, rule api.GateRule, about controller.GateSubject) error {
	return probe.Check(ctx, rule, probe.Subject(about))
}

func (probes) Measure(ctx context.Context, rule api.GateRule, about controller.GateSubject) gate.Measurement {
	return probe.Measure(ctx, rule, probe.Subject(about))
}
