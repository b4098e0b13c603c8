package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/testserver"
)

// together are the members of TestSoakGroup. The first is the anchor: it always
// takes part with a weight and never has fewer than two replicas, so that no
// request can rightly be refused for want of a ready one. Everything else may
// happen to it too, and everything to the others. A promotion takes along how
// replicas end, so that their program must bear every way.
var together = []struct {
	name     string
	settings object
}{
	{"anchor", ending(true, "idle", 60)},
	{"b", ending(false, "idle", 60)},
	{"c", ending(true, "grace_period", 60)},
}

const (
	soakedGroup = "prod"
	shadow      = "shadow" // gets the copies of mirrors; it is no member
)

// TestSoakGroup is TestSoak for a group of services: members are released with
// other weights and states, aimed at, shifted to, promoted, abandoned, frozen and
// mirrored, updated, scaled to zero and back, crash, leave and come back, while
// callers of every protocol ask at the group's address. Nothing may be lost, cut
// or run twice, but for what a crashed replica had in hand, and in the end the
// split is exact:
//
//	go test ./test/e2e -run TestSoakGroup -operations 100 -duration 3m -seed 7
func TestSoakGroup(t *testing.T) {
	t.Parallel()
	s := &groupSoak{soak: newSoak(t)}
	for _, v := range together {
		s.create(s.file(v.name, 2, slowStart...).with(v.settings).with(object{"group": soakedGroup}))
	}
	copies := filepath.Join(filepath.Dir(s.data), "copies")
	aside := s.file(shadow, 1)
	c := aside["containers"].([]object)[0]
	c["command"] = testserver.Command("-record", copies)
	s.create(aside.with(ending(true, "idle", 60)))
	address := s.group(soakedGroup).Endpoint
	s.load = startMixed(t, soakedGroup, address)
	s.each(func(n int) { s.anythingOf(fmt.Sprint(n)) })
	s.losesControl(true)
	s.settle()
	s.load.more(20)
	s.load.nothingLost(s.record)
	s.copiedOnce(copies)

	s.splits(address)
	s.kill()
	s.start()
	s.splits(address)
	if err := s.restartGateway(); err != nil {
		t.Error(err)
	}
	s.splits(address)
	if now := s.group(soakedGroup).Endpoint; now != address {
		t.Errorf("the address has changed from %s to %s", address, now)
	}
	s.ends()
}

// groupSoak makes operations on a group.
type groupSoak struct {
	*soak
	load *load
}

// settle takes everything back that is in the way of a plain split.
func (s *groupSoak) settle() {
	s.unfreeze()
	for _, v := range together {
		s.ask("settle", http.MethodDelete, "/services/"+v.name+"/promotion", nil)
		s.ask("settle", http.MethodDelete, "/services/"+v.name+"/shift", nil)
		s.ask("settle", http.MethodDelete, "/services/"+v.name+"/mirror", nil)
		s.ask("settle", http.MethodPut, "/services/"+v.name+"/start", nil)
	}
	s.change(http.MethodPut, "/groups/"+soakedGroup, object{"rules": []object{}, "traffic_mode": "customized"})
	for _, v := range together {
		s.unplan(v.name)
		s.put(v.name, "scale", object{"instance": 2})
		last := s.update(v.name, s.container("last", slowStart...))
		s.settled(v.name, last.CurrentVersion)
		s.change(http.MethodPut, "/services/"+v.name, object{"metadata": object{"group": soakedGroup}})
	}
}

// splits sets weights at random and checks that the split is exactly theirs.
func (s *groupSoak) splits(address string) {
	s.t.Helper()
	const rounds = 6
	sum, want := 0, map[string]int{}
	for i, v := range together {
		weight := s.random.IntN(10)
		if i == 0 {
			weight++
		}
		s.put(v.name, "release", object{"weight": weight, "traffic_state": "grouping"})
		if sum += weight; weight > 0 {
			want[v.name] = weight * rounds
		}
	}
	s.wantCounts(s.asked(address, 8, sum*rounds), fmt.Sprint(want))
}

// copiedOnce checks that mirrors copied requests that there were, and none twice.
func (s *groupSoak) copiedOnce(record string) {
	s.t.Helper()
	events, err := testserver.ReadRecord(record)
	if err != nil {
		s.t.Fatal(err)
	}
	copied := map[string]int{}
	for _, e := range events {
		if e.Kind != "begin" {
			continue
		}
		if copied[e.ID]++; copied[e.ID] > 1 || !s.load.sent[e.ID] {
			s.t.Errorf("copy %d of request %s", copied[e.ID], e.ID)
		}
	}
	s.t.Logf("%d copies", len(copied))
}

// ask makes a change that may be refused, but not fail.
func (s *groupSoak) ask(kind, method, path string, body any, also ...int) (done bool) {
	s.t.Helper()
	status, text, err := s.call(method, path, body)
	said := ""
	if status >= 300 {
		said = string(text)
	}
	s.tell(kind, "%s %s %v: %d %s", method, path, body, status, strings.TrimSpace(said))
	for _, ok := range append(also, http.StatusConflict, http.StatusNotFound) {
		if err == nil && status == ok {
			return false
		}
	}
	if err != nil || status >= 300 {
		s.t.Errorf("%s %s %v: %d %s %v", method, path, body, status, text, err)
		return false
	}
	return true
}

// unfreeze takes back every freeze.
func (s *groupSoak) unfreeze() {
	s.ask("unfreeze", http.MethodDelete, "/groups/"+soakedGroup+"/freeze", nil)
	for _, v := range together {
		s.ask("unfreeze", http.MethodDelete, "/services/"+v.name+"/freeze", nil)
	}
}

// crashes kills a ready replica of some member, which takes what it has in hand
// with it. The anchor keeps another one.
func (s *groupSoak) crashes(name string) {
	var ready []api.Replica
	for _, r := range s.replicas(name) {
		if r.Phase == api.ReplicaReady && r.Pid > 0 {
			ready = append(ready, r)
		}
	}
	if len(ready) == 0 || len(ready) == 1 && name == together[0].name {
		s.tell("no crash", "%s has %d ready replicas", name, len(ready))
		return
	}
	r := ready[s.random.IntN(len(ready))]
	s.tell("crash", "replica %s, process %d, crashes with %d in flight", r.ID, r.Pid, r.InFlight)
	s.load.crash(r)
}
