package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/testserver"
)

// release is a program and a model in a folder of their own, as an operator has
// them, and the container that runs them.
type release struct{ dir string }

func newRelease(t *testing.T, weights string) release {
	t.Helper()
	r := release{t.TempDir()}
	r.write(t, "models/v1/weights", weights, 0o644)
	r.program(t)
	return r
}

func (r release) path(name string) string { return filepath.Join(r.dir, name) }

// write puts a file in place of another, as a copy or a build does.
func (r release) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(r.path(name)), 0o755))
	must(t, os.RemoveAll(r.path(name)))
	must(t, os.WriteFile(r.path(name), []byte(text), mode))
}

// program copies this binary.
func (r release) program(t *testing.T) {
	t.Helper()
	from, err := os.Open(os.Args[0])
	must(t, err)
	defer from.Close()
	to, err := os.OpenFile(r.path("model-server"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	must(t, err)
	_, err = io.Copy(to, from)
	must(t, err)
	must(t, to.Close())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// file is a service of the program and the model.
func (r release) file(p *plane, name string, replicas int, retain string) object {
	f := p.file(name, replicas).with(ending(true, "idle", 30)).with(object{"retain": retain})
	c := p.container("", "-ready-after", "100ms", "-model", "$MODEL_PATH/weights")
	// Words in double quotes, so that $MODEL_PATH is replaced.
	c["command"] = strings.ReplaceAll(testserver.CommandOf("./model-server", "-record", p.record, "-ready-after", "100ms", "-model", "$MODEL_PATH/weights"), "'", `"`)
	c["working_dir"] = r.dir
	f["containers"] = []object{c}
	f["model_path"] = "models/v1"
	return f
}

// model is what a service answers with.
func (p *plane) model(endpoint string) string {
	p.t.Helper()
	a, err := infer(http.DefaultClient, endpoint, "model-"+time.Now().Format("150405.000000000"), "x", 0)
	must(p.t, err)
	return a.Model
}

// preflight is the verdict on one version and why.
func (p *plane) preflight(name, number string) api.VersionPreflight {
	p.t.Helper()
	list := get[struct{ Preflights []api.VersionPreflight }](p, "/services/"+name+"/preflight?version="+number).Preflights
	if len(list) != 1 {
		p.t.Fatalf("the preflight of version %s: %+v", number, list)
	}
	return list[0]
}

// lose takes away everything that version 1 was made of: its model is
// overwritten in place, then its folder deleted; its program is replaced by one
// that cannot run.
func (r release) lose(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(r.path("models/v1/weights"), os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	_, err = f.WriteString("garbage")
	must(t, err)
	must(t, f.Close())
	must(t, os.RemoveAll(r.path("models/v1")))
	r.write(t, "model-server", "#!/bin/sh\necho this is another program\nexit 1\n", 0o755)
}

// TestRollbackToKeptFiles rolls back, under load, to a version whose model was
// overwritten and deleted and whose program was replaced: copies are kept, so it
// works. The control plane is killed in between, and the copies serve a crashed
// replica too.
func TestRollbackToKeptFiles(t *testing.T) {
	p := parallel(t)
	r := newRelease(t, "weights of version 1")
	created := p.create(r.file(p, "kept", 3, api.RetainAuto))
	load := startLoad(t, created.Endpoint, 4, 1)
	s := p.sample("kept", bounds{minReady: 3, maxLive: 4})
	if got := p.model(created.Endpoint); got != "weights of version 1" {
		t.Fatalf("version 1 answers with the model %q", got)
	}

	r.write(t, "models/v2/weights", "weights of version 2", 0o644)
	p.change(http.MethodPut, "/services/kept", object{"model_path": "models/v2"})
	p.settled("kept", 2)
	r.lose(t)
	p.kill()
	p.start()
	r.write(t, "model-server.new", "", 0o644)

	before := p.preflight("kept", "1")
	if before.Verdict != "ok" {
		t.Errorf("the preflight of version 1: %+v", before)
	}
	p.put("kept", "version", object{"version": 1})
	back := p.settled("kept", 1)
	if back.Rollout.Kind != api.KindRollback || back.Rollout.Phase != api.RolloutCompleted {
		t.Errorf("the rollback: %+v", back.Rollout)
	}
	if got := p.model(created.Endpoint); got != "weights of version 1" {
		t.Errorf("after the rollback it answers with the model %q", got)
	}
	p.put("kept", "restart", nil) // with the recorded content, which is kept
	p.settled("kept", 1)
	copies := 0
	for _, e := range p.events("kept") {
		if e.Reason == "CopiesRun" {
			copies++
			contains(t, "the event", e.Message, r.path("models/v1"), r.path("model-server"))
		}
	}
	if copies < 3 {
		t.Errorf("%d events tell that copies are run", copies)
	}
	load.nothingLost(p.record)
	s.check(t)
}

// TestRollbackToLostFiles asks, under load, for a rollback to a version of whose
// files no copies are kept: it is refused with what is missing, nothing moves,
// nothing is lost; forced, it pauses at the first replica that does not come up,
// and the way back is open.
func TestRollbackToLostFiles(t *testing.T) {
	p := parallel(t)
	r := newRelease(t, "weights of version 1")
	created := p.create(r.file(p, "lost", 3, api.RetainNone))
	load := startLoad(t, created.Endpoint, 4, 1)
	s := p.sample("lost", bounds{minReady: 3, maxLive: 4})
	r.write(t, "models/v2/weights", "weights of version 2", 0o644)
	p.change(http.MethodPut, "/services/lost", object{"model_path": "models/v2"})
	settled := p.settled("lost", 2)
	must(t, os.RemoveAll(r.path("models/v1")))

	no := p.refused(http.StatusConflict, http.MethodPut, "/services/lost/version", object{"version": 1})
	contains(t, "the refusal", no.Detail, "version 1", "model "+r.path("models/v1"), "does not exist")
	contains(t, "the hint", no.Hint, "--force")
	if v := p.service("lost"); v.Revision != settled.Revision || v.Rollout.ID != settled.Rollout.ID {
		t.Errorf("what was refused changed something: %+v", v)
	}
	if v := p.preflight("lost", "1"); v.Verdict != "missing" {
		t.Errorf("the preflight of version 1: %+v", v)
	}
	r.write(t, "models/v1/weights", "other weights", 0o644)
	no = p.refused(http.StatusConflict, http.MethodPut, "/services/lost/version", nil)
	contains(t, "the refusal", no.Detail, "model "+r.path("models/v1"), "no copy was kept")
	r.write(t, "models/v1/weights", "weights of version 1", 0o644)
	if v := p.preflight("lost", "1"); v.Verdict != "ok" {
		t.Errorf("the same content was put back, and the preflight says: %+v", v)
	}

	must(t, os.RemoveAll(r.path("models/v1")))
	a := p.put("lost", "version", object{"version": 1, "force": true})
	contains(t, "the answer", a.Text, "forced")
	paused := p.pausedByFailure("lost")
	contains(t, "the message", paused.Message, r.path("models/v1"), "does not exist")
	p.put("lost", "version", nil)
	p.settled("lost", 2)
	if got := p.model(created.Endpoint); got != "weights of version 2" {
		t.Errorf("it answers with the model %q", got)
	}
	load.nothingLost(p.record)
	s.check(t)
}
