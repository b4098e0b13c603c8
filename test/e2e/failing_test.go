package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/testserver"
)

// TestFailedStarts releases what does not start, in every way (rule 4). Each
// time the rollout pauses and says why, the old replicas serve on, and a
// rollback leads out.
func TestFailedStarts(t *testing.T) {
	p := parallel(t)
	ordinary := filepath.Join(t.TempDir(), "ordinary")
	must(t, os.WriteFile(ordinary, []byte("no program"), 0o644))
	for name, c := range map[string]struct {
		flags    []string
		settings object // of metadata, with the update
		change   func(container object)
		message  []string // has to be said
		restarts int      // of each failed replica
	}{
		"no-such-program": {
			change:  func(c object) { c["command"] = "/no/such/program --flag" },
			message: []string{"/no/such/program", "does not exist"},
		},
		"no-such-folder": {
			change:  func(c object) { c["working_dir"] = "/no/such/folder" },
			message: []string{"/no/such/folder", "does not exist"},
		},
		"not-executable": {
			change:  func(c object) { c["command"] = ordinary },
			message: []string{ordinary, "chmod"},
		},
		"exits-at-once": {
			flags:    []string{"-never-listen", "-print", "3", "-exit-after", "50ms", "-exit-code", "7"},
			message:  []string{"exits-at-once-2-", "exit code 7", "line 3"},
			restarts: 2,
		},
		"goes-to-the-background": {
			flags:    []string{"-daemonize", "-listen-after", "20s"},
			message:  []string{"goes-to-the-background-2-", "code 0", "foreground"},
			restarts: 2,
		},
		"never-listens": {
			flags:    []string{"-never-listen"},
			settings: object{"rolling_strategy": object{"startup_timeout": 2}},
			message:  []string{"never-listens-2-", "not ready within 2s", "connection refused"},
		},
		"is-never-ready": {
			flags:    []string{"-unready"},
			settings: object{"rolling_strategy": object{"startup_timeout": 2}},
			message:  []string{"is-never-ready-2-", "not ready within 2s", "503"},
		},
		"forks-and-exits": {
			flags:    []string{"-never-listen", "-fork", "-setsid-child", "-exit-after", "50ms", "-exit-code", "1"},
			message:  []string{"forks-and-exits-2-", "exit code 1"},
			restarts: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := p.in(t)
			created := p.create(p.file(name, 2).with(ending(false, "idle", 30)))
			bad := p.container("bad", c.flags...)
			if c.change != nil {
				c.change(bad)
			}
			update := object{"containers": []object{bad}}
			if c.settings != nil {
				update["metadata"] = c.settings
			}
			p.change(http.MethodPut, "/services/"+name, update)
			s := p.pausedByFailure(name)
			contains(t, "the message", s.Message, c.message...)
			contains(t, "what it waits for", s.Rollout.WaitingFor, "resume", "rollback")
			if s.Status != api.StatusPaused || s.Replicas.Kept != 2 || s.Replicas.Failed == 0 || s.CurrentVersion != 2 {
				t.Errorf("after the failure: %+v", s)
			}
			failed := p.failed(name)
			for _, r := range failed {
				contains(t, "the reason", r.Reason, c.message[1:]...)
				p.nothingLeft(r.ID)
				if r.Restarts != c.restarts {
					t.Errorf("replica %s was started again %d times, want %d", r.ID, r.Restarts, c.restarts)
				}
			}
			if a, err := infer(http.DefaultClient, created.Endpoint, name+"-while-paused", "", 0); err != nil || a.Version != "1" {
				t.Errorf("while it is paused: %+v, %v", a, err)
			}
			p.put(name, "version", nil)
			p.settled(name, 1)
			if len(p.replicas(name)) != 2 {
				t.Errorf("after the rollback: %+v", p.replicas(name))
			}
		})
	}
}

// failed are the replicas that are kept for study.
func (p *plane) failed(name string) (list []api.Replica) {
	p.t.Helper()
	for _, r := range p.replicas(name) {
		if r.Phase == api.ReplicaFailed {
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		p.t.Fatalf("%s has no failed replica", name)
	}
	return list
}

// belonging are the processes that a replica has started, itself included.
func belonging(replica string) []seen {
	return scan(func(dir string) bool { return holds(dir, "environ", "SLUICE_REPLICA="+replica+"\x00") })
}

// nothingLeft waits until no process of the replica is left.
func (p *plane) nothingLeft(replica string) {
	p.t.Helper()
	await(p.t, "nothing of replica "+replica+" is left", func() bool { return len(belonging(replica)) == 0 })
}

func TestFirstCreateFails(t *testing.T) {
	p := parallel(t)
	f := p.file("stillborn", 2, failing...)
	p.change(http.MethodPost, "/services", f)
	s := p.until("stillborn", "has failed", func(s api.Service) bool { return s.Status == api.StatusFailed })
	contains(t, "the message", s.Message, "stillborn-1-", "exit code 3")
	p.refused(http.StatusConflict, http.MethodPut, "/services/stillborn/version", nil)
	// A fixed file is the way out.
	p.update("stillborn", p.container("fixed"))
	p.settled("stillborn", 2)
}

// TestChildrenEnd checks that what a replica has started ends with it, in its
// process group or out of it.
func TestChildrenEnd(t *testing.T) {
	p := parallel(t)
	p.create(p.file("parent", 1, "-fork", "-setsid-child").with(ending(true, "idle", 30)))
	o := p.only("parent")
	await(t, "the children run", func() bool { return len(belonging(o.ID)) == 3 })
	p.update("parent", p.container("two"))
	o.gone()
	p.settled("parent", 2)
	p.nothingLeft(o.ID)
}

// TestCrashes kills a ready replica again and again: it is restarted in its
// place without limit, and the other serves.
func TestCrashes(t *testing.T) {
	p := parallel(t)
	created := p.create(p.file("model", 2))
	victim := p.replicas("model")[0]
	for crash := 1; crash <= 4; crash++ {
		kill9(t, victim.Pid)
		p.until("model", "sees the crash", func(s api.Service) bool { return p.replica("model", victim.ID).Restarts == crash })
		s := p.until("model", "has replaced the process", func(s api.Service) bool { return s.Status == api.StatusRunning })
		r := p.replica("model", victim.ID)
		if r.Pid == victim.Pid || !r.Ready || s.Replicas.Live != 2 || s.CurrentVersion != 1 {
			t.Fatalf("after crash %d: %+v of %+v", crash, r, s.Replicas)
		}
		victim = r
		if _, err := infer(http.DefaultClient, created.Endpoint, fmt.Sprint("after-crash-", crash), "", 0); err != nil {
			t.Error(err)
		}
	}
}

func (p *plane) replica(name, id string) api.Replica {
	p.t.Helper()
	return get[api.Replica](p, "/services/"+name+"/replicas/"+id)
}

// TestReadiness turns a replica's health check off and on again: it leaves the
// traffic, is not restarted, and comes back.
func TestReadiness(t *testing.T) {
	p := parallel(t)
	f := p.file("model", 2)
	f["containers"].([]object)[0]["health_check"].(object)["failure_threshold"] = 1
	created := p.create(f)
	r := p.replicas("model")[0]
	for range 2 {
		testserver.Post(t, r.Address, "/unready")
		s := p.until("model", "is degraded", func(s api.Service) bool { return s.Replicas.Ready == 1 })
		if s.Status != api.StatusDegraded || !strings.Contains(s.Message, r.ID) {
			t.Errorf("with one replica unready: %s %q", s.Status, s.Message)
		}
		if got := p.replica("model", r.ID); got.Phase != api.ReplicaUnready || got.Ready || !strings.Contains(got.Reason, "503") {
			t.Errorf("the replica: %+v", got)
		}
		// The table without it is on its way to the gateway.
		await(t, "nobody asks the unready replica", func() bool { return !p.answers(created.Endpoint, r.ID, 20) })
		if p.answers(created.Endpoint, r.ID, 50) {
			t.Error("an unready replica is asked again")
		}
		testserver.Post(t, r.Address, "/ready")
		p.settled("model", 1)
		await(t, "the replica is asked again", func() bool { return p.answers(created.Endpoint, r.ID, 20) })
	}
	if got := p.replica("model", r.ID); got.Pid != r.Pid || got.Restarts != 0 {
		t.Errorf("it was restarted: %+v", got)
	}
}

// answers tells whether one of n requests is answered by the replica. All have
// to be answered.
func (p *plane) answers(endpoint, replica string, n int) (yes bool) {
	p.t.Helper()
	for i := range n {
		a, err := infer(http.DefaultClient, endpoint, fmt.Sprint("who-", i), "", 0)
		if err != nil {
			p.t.Error(err)
		}
		yes = yes || a.Replica == replica
	}
	return yes
}

// TestLiveness lets a liveness check fail: the process is replaced by another
// under the same id.
func TestLiveness(t *testing.T) {
	p := parallel(t)
	f := p.file("model", 1)
	c := f["containers"].([]object)[0]
	c["health_check"] = object{"tcp_socket": object{}}
	c["liveness_check"] = object{"http_get": object{"path": "/ready"}, "period_seconds": 1, "failure_threshold": 1}
	p.create(f.with(ending(false, "idle", 30)))
	r := p.replicas("model")[0]
	testserver.Post(t, r.Address, "/unready")
	p.until("model", "has restarted the replica", func(api.Service) bool { return p.replica("model", r.ID).Restarts == 1 })
	p.settled("model", 1)
	if got := p.replica("model", r.ID); got.Pid == r.Pid || !got.Ready {
		t.Errorf("after the restart: %+v", got)
	}
}
