package e2e

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

// lease is how long a gateway that says nothing is waited for (rule 8).
const lease = 10 * time.Second

// standstill is a service with two replicas of which one is to go, while its
// gateway stands still and so cannot acknowledge that.
type standstill struct {
	*plane
	gateway seen
	load    *load
	since   time.Time
	leaving *old
}

func beginStandstill(p *plane) *standstill {
	p.t.Helper()
	created := p.create(p.file("model", 2).with(ending(true, "grace_period", 120)))
	s := &standstill{plane: p, gateway: p.gatewayProcess(), load: startLoad(p.t, created.Endpoint, 8, 0)}
	s.load.more(100)
	var both []*old
	for _, r := range p.replicas("model") {
		both = append(both, p.follow("model", r))
	}
	s.since = time.Now()
	s.signal(syscall.SIGSTOP)
	p.t.Cleanup(func() { _ = syscall.Kill(s.gateway.pid, syscall.SIGCONT) })
	p.put("model", "scale", object{"instance": 1})
	for _, o := range both {
		if p.replica("model", o.ID).Phase == api.ReplicaDraining {
			s.leaving = o
		}
	}
	if s.leaving == nil {
		p.t.Fatalf("none is on its way out: %+v", p.replicas("model"))
	}
	return s
}

func (s *standstill) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(s.gateway.pid, sig); err != nil {
		s.t.Fatal(err)
	}
}

// end lets the gateway go on and checks that nobody has come to harm.
func (s *standstill) end() {
	s.t.Helper()
	s.signal(syscall.SIGCONT)
	s.load.more(100)
	s.load.end()
	for _, problem := range s.load.problems {
		s.t.Error(problem)
	}
	if _, err := infer(http.DefaultClient, s.load.endpoint, "afterwards", "", 0); err != nil {
		s.t.Error(err)
	}
	s.settled("model", 1)
	if now := s.gatewayProcess(); now.pid != s.gateway.pid {
		s.t.Errorf("gateway %d is %d now", s.gateway.pid, now.pid)
	}
}

// TestNoSignalBeforeAcknowledgement stops a gateway for a moment: until it has
// acknowledged that the replica left, it may hand it requests, so nothing may be
// done to it.
func TestNoSignalBeforeAcknowledgement(t *testing.T) {
	s := beginStandstill(parallel(t))
	for time.Since(s.since) < lease/4 {
		ended := !alive(s.leaving.Pid)
		if got := s.leaving.recorded("sigterm"); (len(got) > 0 || ended) && time.Since(s.since) < lease/2 {
			t.Fatalf("%s after the gateway stopped, the replica was sent %+v", time.Since(s.since), got)
		}
		time.Sleep(20 * time.Millisecond)
	}
	contains(t, "the reason", s.replica("model", s.leaving.ID).Reason, "gateway")
	s.end()
	s.leaving.heard()
	s.leaving.gone()
}

// TestLeaseRunsOut stops a gateway for longer: when its lease has run out, nobody
// waits for it any more. When it goes on it finds the replica gone, and asks
// another.
func TestLeaseRunsOut(t *testing.T) {
	s := beginStandstill(parallel(t))
	// The lease is from its last word, which may be a second old.
	within(t, "SIGTERM", s.since, s.leaving.heard(), lease-2*time.Second, patience)
	s.leaving.gone()
	s.end()
}
