package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

// byVersion counts the live replicas of each version, ready or on their way.
func (p *plane) byVersion(name string) map[int]int {
	p.t.Helper()
	counts := map[int]int{}
	for _, r := range p.replicas(name) {
		if r.Phase != api.ReplicaDraining && r.Phase != api.ReplicaFailed {
			counts[r.Version]++
		}
	}
	return counts
}

// mixed waits until exactly these numbers of replicas by version are ready and
// nothing else is there.
func (p *plane) mixed(name string, want map[int]int) {
	p.t.Helper()
	p.until(name, fmt.Sprintf("has the mix %v", want), func(s api.Service) bool {
		n := 0
		for _, count := range want {
			n += count
		}
		return s.Replicas.Ready == n && s.Replicas.Live == n && s.Replicas.Draining == 0 &&
			fmt.Sprint(p.byVersion(name)) == fmt.Sprint(want)
	})
}

// TestPause freezes a rollout in its middle: nothing moves but what crashes and
// what is scaled, until somebody resumes it (rules 16 and 18).
func TestPause(t *testing.T) {
	p := parallel(t)
	p.create(p.file("model", 4, slowStart...).with(ending(true, "idle", 30)))
	p.update("model", p.container("two", slowStart...))
	p.until("model", "is in the middle of its rollout", func(s api.Service) bool { return s.Replicas.Updated >= 1 })
	a := p.put("model", "rollout", object{"paused": true})
	if a.Status != api.StatusPaused || a.Reason != "user" || a.Rollout.Phase != api.RolloutPaused {
		t.Errorf("when the pause is answered: %s %s, rollout %+v", a.Status, a.Reason, a.Rollout)
	}
	// The one that was starting is let become ready. N is 4, surge 1.
	s := p.until("model", "stands still", func(s api.Service) bool { return s.Replicas.Ready == s.Replicas.Live && s.Replicas.Draining == 0 })
	frozen := p.byVersion("model")
	if frozen[1] == 0 || frozen[2] == 0 {
		t.Fatalf("that is not the middle: %v", frozen)
	}
	contains(t, "what it waits for", s.Rollout.WaitingFor, "resume")
	p.refused(http.StatusConflict, http.MethodPut, "/services/model/restart", nil)
	again := p.put("model", "rollout", object{"paused": true})
	if again.Changed {
		t.Error("pausing what is paused changed something")
	}

	for _, r := range p.replicas("model") { // one of each version
		if last := r.ID == p.replicas("model")[0].ID; last || r.Version == 2 {
			kill9(t, r.Pid)
			p.until("model", "replaces a crashed one", func(api.Service) bool {
				now := p.replica("model", r.ID)
				return now.Ready && now.Restarts == 1 && now.Version == r.Version
			})
		}
	}
	for range 20 { // reads that take a while: nothing may have moved at any of them
		if now := p.byVersion("model"); fmt.Sprint(now) != fmt.Sprint(frozen) {
			t.Fatalf("while it is paused, %v became %v", frozen, now)
		}
		time.Sleep(10 * time.Millisecond)
	}

	p.put("model", "scale", object{"instance": 6})
	p.mixed("model", map[int]int{1: 6 - frozen[2], 2: frozen[2]})
	p.put("model", "scale", object{"instance": 3})
	target := min(frozen[2], 2) // a frozen target does not become all by a scale
	p.mixed("model", map[int]int{1: 3 - target, 2: target})
	if s := p.service("model"); s.Status != api.StatusPaused || s.LatestVersion != 2 {
		t.Errorf("after scaling while paused: %+v", s)
	}
	p.put("model", "rollout", object{"paused": false})
	p.settled("model", 2)
	p.mixed("model", map[int]int{2: 3})
}

// TestStopStart stops a service at rest, in the middle of a rollout, and updates
// it while it is stopped.
func TestStopStart(t *testing.T) {
	p := parallel(t)
	created := p.create(p.file("model", 3, slowStart...).with(ending(true, "idle", 30)))
	stopped := func() {
		t.Helper()
		p.put("model", "stop", nil)
		p.until("model", "has stopped", func(s api.Service) bool { return s.Status == api.StatusStopped })
		if list := p.replicas("model"); len(list) != 0 || runningReplicas(p.record) != 0 {
			t.Errorf("when it has stopped, %d processes run: %+v", runningReplicas(p.record), list)
		}
	}
	stopped()
	p.refused(http.StatusConflict, http.MethodPut, "/services/model/stop", nil)
	p.put("model", "start", nil)
	p.settled("model", 1)

	p.update("model", p.container("two", slowStart...))
	p.until("model", "is in the middle of its rollout", func(s api.Service) bool { return s.Replicas.Updated >= 1 })
	stopped()
	p.put("model", "start", nil)
	s := p.settled("model", 2)
	if s.Rollout.Kind != api.KindUpdate || s.Rollout.Phase != api.RolloutCompleted {
		t.Errorf("the rollout that was stopped: %+v", s.Rollout)
	}

	stopped()
	a := p.update("model", p.container("three"))
	if a.LatestVersion != 3 || a.CurrentVersion != 3 || a.Status != api.StatusStopped || a.Rollout.Phase.Ended() == false {
		t.Errorf("an update while it is stopped: %+v", a)
	}
	p.put("model", "start", nil)
	s = p.settled("model", 3)
	if s.Rollout.Kind != api.KindCreate || s.Rollout.ToVersion != 3 {
		t.Errorf("the rollout of the start: %+v", s.Rollout)
	}
	if a, err := infer(http.DefaultClient, created.Endpoint, "afterwards", "", 0); err != nil || a.Version != "3" {
		t.Errorf("afterwards: %+v %v", a, err)
	}
}

// TestDelete deletes a service with a stream in its hands: the stream ends
// first, then everything is gone but the events.
func TestDelete(t *testing.T) {
	p := parallel(t)
	s := p.create(p.file("model", 2).with(ending(false, "idle", 120)))
	stream := p.hold(s.Endpoint)
	status, text, err := p.call(http.MethodDelete, "/services/model", nil)
	if err != nil || status != http.StatusAccepted {
		t.Fatalf("DELETE: %d %s %v", status, text, err)
	}
	p.until("model", "has only the replica with the stream", func(s api.Service) bool { return len(p.replicas("model")) == 1 })
	if s := p.service("model"); s.Status != api.StatusDeleting {
		t.Errorf("status %s", s.Status)
	}
	p.refused(http.StatusConflict, http.MethodPut, "/services/model/scale", object{"instance": 3})
	stream.readOn()
	stream.leave()
	await(t, "the service is gone", func() bool {
		status, _, err := p.call(http.MethodGet, "/services/model", nil)
		return err == nil && status == http.StatusNotFound
	})
	await(t, "the gateway does not know it any more", func() bool {
		pr, _ := p.unserved("model")
		return pr.Status == http.StatusNotFound
	})
	if n := runningReplicas(p.record); n != 0 {
		t.Errorf("%d replicas are left", n)
	}
	events := p.events("model")
	if len(events) == 0 || events[len(events)-1].Reason != "Deleted" {
		t.Errorf("events: %+v", events)
	}
	// The name is free again.
	p.create(p.file("model", 1))
}

// TestEvict has one replica replaced by another of its version, under the
// bounds.
func TestEvict(t *testing.T) {
	p := parallel(t)
	created := p.create(p.file("model", 2, slowStart...).with(ending(true, "idle", 30)))
	victim := p.replicas("model")[0]
	load := startLoad(t, created.Endpoint, 4, 1)
	s := p.sample("model", bounds{minReady: 2, maxLive: 3})
	status, text, err := p.call(http.MethodDelete, "/services/model/replicas/"+victim.ID, nil)
	if err != nil || status != http.StatusAccepted {
		t.Fatalf("DELETE: %d %s %v", status, text, err)
	}
	p.until("model", "is rid of the replica", func(api.Service) bool {
		return !slices.ContainsFunc(p.replicas("model"), func(r api.Replica) bool { return r.ID == victim.ID })
	})
	p.settled("model", 1)
	p.refused(http.StatusNotFound, http.MethodDelete, "/services/model/replicas/"+victim.ID, nil)
	load.more(100)
	load.nothingLost(p.record)
	s.check(t)
}

// TestKeyClasses changes keys of every class and looks at who has to go (rule
// 5): nobody but for a replica key.
func TestKeyClasses(t *testing.T) {
	p := parallel(t)
	dir := t.TempDir()
	model := filepath.Join(dir, "model")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(model+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(model+".new", model); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	f := p.file("model", 2).with(ending(false, "grace_period", 600)).with(object{"retain": api.RetainNone})
	f["model_path"] = model
	p.create(f)
	before := p.replicas("model")
	for _, step := range []struct {
		what    string
		change  object
		version int
	}{
		{"live", object{"metadata": ending(true, "idle", 60)}, 2},
		{"live again", object{"labels": object{"team": "vision"}}, 3},
		{"membership", object{"token": "secret"}, 3},
		{"scale up", object{"metadata": object{"instance": 3}}, 3},
		{"scale down", object{"metadata": object{"instance": 2}}, 3},
		{"scale and live", object{"metadata": object{"instance": 2, "rolling_strategy": object{"max_surge": 2}}}, 4},
	} {
		a := p.change(http.MethodPut, "/services/model", step.change)
		if a.LatestVersion != step.version || a.CurrentVersion != step.version || !a.Changed {
			t.Errorf("%s: version %d of %d, want %d: %s", step.what, a.CurrentVersion, a.LatestVersion, step.version, a.Text)
		}
		p.until("model", "runs after "+step.what, func(s api.Service) bool { return s.Status == api.StatusRunning && s.Replicas.Draining == 0 })
		for _, r := range before {
			if now := p.replica("model", r.ID); now.Pid != r.Pid || !now.Ready {
				t.Errorf("%s: replica %+v is %+v now", step.what, r, now)
			}
		}
	}
	p.refused(http.StatusConflict, http.MethodPut, "/services/model/version", object{"version": 4})
	p.refused(http.StatusNotFound, http.MethodPut, "/services/model/version", object{"version": 99})

	// The content of a file it refers to is a replica key. The settings for how
	// to end, changed meanwhile, hold for the old replicas too: else this takes
	// ten minutes.
	write("two!")
	p.refused(http.StatusConflict, http.MethodPut, "/services/model/restart", nil)
	a := p.change(http.MethodPut, "/services/model", f.with(object{"instance": 2}).with(ending(true, "idle", 60)))
	if a.LatestVersion != 5 {
		t.Fatalf("a model with other content: %+v", a)
	}
	p.settled("model", 5)
	for _, r := range before {
		if alive(r.Pid) {
			t.Errorf("process %d of %s still runs", r.Pid, r.ID)
		}
	}
}

// TestVersions reads what is kept of each update.
func TestVersions(t *testing.T) {
	p := parallel(t)
	p.create(p.file("model", 1).with(ending(true, "idle", 30)))
	p.change(http.MethodPut, "/services/model?message=warmer", object{"containers": []object{p.container("two")}})
	p.settled("model", 2)
	versions := get[struct{ Versions []api.Version }](p, "/services/model/versions").Versions
	if len(versions) != 2 || versions[0].Number != 2 || !versions[0].Current || versions[1].Current ||
		versions[0].Message != "warmer" || versions[0].Creator != "admin" {
		t.Errorf("versions %+v", versions)
	}
	if v := get[api.Version](p, "/services/model/versions/1"); strings.Contains(string(v.Config), `"two"`) || v.Number != 1 {
		t.Errorf("version 1: %+v", v)
	}
	diff := get[api.Diff](p, "/services/model/versions/diff?from=1&to=2")
	if len(diff.Changes) != 1 || !strings.HasPrefix(diff.Changes[0].Path, "containers[0].env") {
		t.Errorf("diff %+v", diff)
	}
	a := p.put("model", "version", nil)
	contains(t, "the answer", a.Text, "version 1")
	s := p.settled("model", 1)
	if s.LatestVersion != 2 || s.Rollout.Kind != api.KindRollback {
		t.Errorf("after the rollback: %+v", s)
	}
	p.refused(http.StatusConflict, http.MethodPut, "/services/model/version", nil) // there is nothing before 1
	if a := p.update("model", p.container("three")); a.LatestVersion != 3 {
		t.Errorf("the update after a rollback is version %d", a.LatestVersion)
	}
	p.settled("model", 3)
	rollouts := get[struct{ Rollouts []api.Rollout }](p, "/services/model/rollouts").Rollouts
	var kinds []api.RolloutKind
	for _, r := range rollouts {
		kinds = append(kinds, r.Kind)
		if r.Phase != api.RolloutCompleted || r.EndedAt == nil {
			t.Errorf("rollout %+v", r)
		}
	}
	if fmt.Sprint(kinds) != "[update rollback update create]" {
		t.Errorf("rollouts %v", kinds)
	}
}
