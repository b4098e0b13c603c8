package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sluice.dev/sluice/api"
)

// configured is a plane whose server has this configuration file.
func configured(t *testing.T, config string) *plane {
	t.Helper()
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	must(t, os.MkdirAll(data, 0o700))
	must(t, os.WriteFile(filepath.Join(data, "server.yaml"), []byte(config), 0o600))
	return planeOn(t, data, "127.0.0.1:0")
}

func (p *plane) version(name, number string) api.Version {
	p.t.Helper()
	return get[api.Version](p, "/services/"+name+"/versions/"+number)
}

func (p *plane) numbers(name string) (list []int) {
	p.t.Helper()
	for _, v := range get[struct{ Versions []api.Version }](p, "/services/"+name+"/versions").Versions {
		list = append(list, v.Number)
	}
	slices.Sort(list)
	return list
}

func (p *plane) told(name, reason string) (messages []string) {
	p.t.Helper()
	for _, e := range p.events(name) {
		if e.Reason == reason {
			messages = append(messages, e.Message)
		}
	}
	return messages
}

// scripted is a service of a script and a model: nothing large is kept.
func scripted(p *plane, r release, name, retain string) object {
	f := p.file(name, 1).with(ending(true, "idle", 30)).with(object{"retain": retain})
	f["containers"].([]object)[0]["working_dir"] = r.dir
	c := f["containers"].([]object)[0]
	c["script"] = "exec " + c["command"].(string) + " -model $MODEL_PATH/weights"
	delete(c, "command")
	f["model_path"] = "models/v1"
	return f
}

// TestRetainArtifacts has no room for what an update wants kept: with artifacts
// it is refused before anything changes, with auto it goes on and says so; the
// copies of old versions make room before either.
func TestRetainArtifacts(t *testing.T) {
	p := configured(t, "history: {artifacts_max_bytes: 3000, artifacts_cheap_bytes: 100000}\n")
	r := release{t.TempDir()}
	weights := func(version, n string, size int) {
		r.write(t, "models/"+version+"/weights", strings.Repeat(n, size), 0o644)
	}
	weights("v1", "1", 1000)
	created := p.create(scripted(p, r, "model", api.RetainArtifacts))
	if d := p.version("model", "1").Digests[0]; !d.Retained || d.SHA256 == "" || d.Kind != api.FileModel {
		t.Fatalf("version 1 keeps %+v", d)
	}

	weights("v2", "2", 5000)
	no := p.refused(http.StatusConflict, http.MethodPut, "/services/model", object{"model_path": "models/v2"})
	contains(t, "the refusal", no.Detail, "metadata.retain is artifacts", "history.artifacts_max_bytes")
	contains(t, "the hint", no.Hint, "auto")
	if v := p.service("model"); v.Revision != created.Revision || v.LatestVersion != 1 {
		t.Errorf("what was refused changed something: %+v", v)
	}
	if a := get[api.Artifacts](p, "/artifacts"); a.Bytes != 1000 || a.Contents != 1 {
		t.Errorf("a refused update leaves behind %+v", a)
	}

	// Three versions of 1,500 bytes: the oldest that nobody needs gives way.
	for i, version := range []string{"v3", "v4", "v5"} {
		weights(version, version[1:], 1500)
		p.change(http.MethodPut, "/services/model", object{"model_path": "models/" + version})
		p.settled("model", 2+i)
	}
	if first, last := p.version("model", "1"), p.version("model", "4"); first.Digests[0].Retained || !last.Digests[0].Retained {
		t.Errorf("the first version is kept: %v, the last: %v", first.Digests[0].Retained, last.Digests[0].Retained)
	}

	p.change(http.MethodPut, "/services/model", object{"model_path": "models/v2", "metadata": object{"retain": "auto"}})
	p.settled("model", 5)
	await(t, "an event tells that nothing is kept", func() bool { return len(p.told("model", "FilesNotKept")) > 0 })
	contains(t, "the event", p.told("model", "FilesNotKept")[0], "version 5", "history.artifacts_max_bytes")
	if d := p.version("model", "5").Digests[0]; d.Retained || d.SHA256 == "" {
		t.Errorf("version 5 keeps %+v", d)
	}
}

// TestDrift changes the model of a version under it. A replica that is to start
// in a rollout is refused, and the rollout pauses while the old version serves;
// one that crashed is started again and that is told of, unless on_drift refuses
// it; a rollback out of all of it works.
func TestDrift(t *testing.T) {
	p := parallel(t)
	r := release{t.TempDir()}
	r.write(t, "models/v1/weights", "one", 0o644)
	r.write(t, "models/v2/weights", "two", 0o644)
	f := scripted(p, r, "model", api.RetainNone).with(object{"instance": 2})
	created := p.create(f)

	p.change(http.MethodPost, "/services/model/plan", object{"target_updated": 1})
	p.change(http.MethodPut, "/services/model", object{"model_path": "models/v2"})
	p.stands("model", 1)
	r.write(t, "models/v2/weights", "something else", 0o644)
	p.put("model", "plan", object{"target_updated": 2})
	paused := p.pausedByFailure("model")
	contains(t, "the message", paused.Message, r.path("models/v2"), "metadata.on_drift", "sluice update model")
	if paused.Replicas.Ready != 2 {
		t.Errorf("paused with %+v", paused.Replicas)
	}
	p.put("model", "plan/rollback", nil)
	p.settled("model", 1)
	p.change(http.MethodDelete, "/services/model/plan", nil)

	r.write(t, "models/v1/weights", "one, but newer", 0o644)
	p.crash("model")
	p.settled("model", 1)
	await(t, "an event tells of other files", func() bool { return len(p.told("model", "FilesChanged")) > 0 })
	contains(t, "the event", p.told("model", "FilesChanged")[0], "version 1", r.path("models/v1"))

	p.change(http.MethodPut, "/services/model", object{"metadata": object{"on_drift": "refuse"}})
	p.settled("model", 3) // which is of the newer content
	r.write(t, "models/v1/weights", "and again", 0o644)
	p.crash("model")
	p.until("model", "is one replica short, and says why", func(s api.Service) bool {
		return s.Status == api.StatusDegraded && s.Replicas.Ready == 1 && strings.Contains(s.Message, "metadata.on_drift")
	})
	p.change(http.MethodPut, "/services/model", object{}) // the content is a change
	p.settled("model", 4)
	if got := p.model(created.Endpoint); got != "and again" {
		t.Errorf("it answers with the model %q", got)
	}
}

// TestKeepVersions lets old versions go, but none that is pinned, current, or
// where the rollout came from.
func TestKeepVersions(t *testing.T) {
	p := configured(t, "history: {keep_versions: 3}\n")
	p.create(p.file("model", 1).with(ending(true, "idle", 30)))
	for _, mark := range []string{"2", "3"} {
		p.update("model", p.container(mark))
	}
	p.settled("model", 3)
	p.change(http.MethodPut, "/services/model/versions/1", object{"pinned": true})
	p.update("model", p.container("4"))
	p.settled("model", 4)
	p.update("model", p.container("5"))
	p.settled("model", 5)
	await(t, "versions 2 and 3 are collected", func() bool { return slices.Equal(p.numbers("model"), []int{1, 4, 5}) })
	p.refused(http.StatusNotFound, http.MethodPut, "/services/model/version", object{"version": 2})
	p.refused(http.StatusNotFound, http.MethodGet, "/services/model/versions/2", nil)
	p.put("model", "version", object{"version": 1})
	p.settled("model", 1)
	p.kill()
	p.start()
	if got := p.numbers("model"); !slices.Equal(got, []int{1, 4, 5}) {
		t.Errorf("after a restart of the server the versions are %v", got)
	}
	p.update("model", p.container("6"))
	p.settled("model", 6)
	await(t, "version 4 is collected", func() bool { return slices.Equal(p.numbers("model"), []int{1, 5, 6}) })
}

// crash kills the process of one replica and waits until that has been seen.
func (p *plane) crash(name string) {
	p.t.Helper()
	victim := p.replicas(name)[0]
	must(p.t, syscall.Kill(victim.Pid, syscall.SIGKILL))
	await(p.t, "the crash of "+victim.ID+" is seen", func() bool {
		for _, r := range p.replicas(name) {
			if r.ID == victim.ID && r.Pid == victim.Pid {
				return false
			}
		}
		return true
	})
}
