package process

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
)

// A replica of a version whose files are gone from their places runs the copies,
// wherever its service file names them.
func TestPrepareWithCopies(t *testing.T) {
	dir, store := t.TempDir(), t.TempDir()
	copies := map[string]string{
		filepath.Join(dir, "models/v1"): file(t, filepath.Join(store, "a/v1/config.json"), "{}", 0o444),
		filepath.Join(dir, "server"):    file(t, filepath.Join(store, "b/server"), "#!/bin/sh\n", 0o555),
		filepath.Join(dir, "serve.py"):  file(t, filepath.Join(store, "c/serve.py"), "", 0o444),
	}
	copies[filepath.Join(dir, "models/v1")] = filepath.Join(store, "a/v1")
	rt := newRuntime(t, Config{DataDir: t.TempDir()})
	defer rt.Close()

	l := launchOf(api.Container{
		WorkingDir: dir,
		Command:    "./server --model $MODEL_PATH --config=models/v1/config.json models/v1 models/v10 -v --name server {{port}} $DIR ./serve.py",
		Env:        []api.EnvVar{{Name: "DIR", Value: "models/v1"}, {Name: "ABOVE", Value: dir}, {Name: "PYTHONPATH", Value: "/lib"}},
	}, "models/v1")
	l.Files = copies
	p, err := rt.prepare(l, 20007)
	if err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(store, "a/v1")
	want := []string{filepath.Join(store, "b/server"), "--model", model, "--config=" + model + "/config.json", model, "models/v10",
		"-v", "--name", "server", "20007", model, filepath.Join(store, "c/serve.py")}
	if !slices.Equal(p.argv, want) {
		t.Errorf("argv\ngot  %q\nwant %q", p.argv, want)
	}
	if p.path != filepath.Join(store, "b/server") {
		t.Errorf("it would run %s", p.path)
	}
	for _, entry := range []string{"MODEL_PATH=" + model, "DIR=" + model, "ABOVE=" + dir, "PYTHONPATH=" + dir + ":/lib"} {
		if !slices.Contains(p.env, entry) {
			t.Errorf("the environment lacks %s", entry)
		}
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	server := file(t, filepath.Join(dir, "server"), "#!/bin/sh\n", 0o755)
	rt := newRuntime(t, Config{DataDir: t.TempDir()})
	defer rt.Close()
	l := launchOf(api.Container{WorkingDir: dir, Command: "./server"}, "")
	if err := rt.Check(l); err != nil {
		t.Fatal(err)
	}
	os.Remove(server)
	var unstartable *runtime.UnstartableError
	if err := rt.Check(l); !errors.As(err, &unstartable) || !strings.Contains(err.Error(), server) {
		t.Errorf("the program is gone: %v", err)
	}
	l.Files = map[string]string{server: file(t, filepath.Join(t.TempDir(), "server"), "#!/bin/sh\n", 0o555)}
	if err := rt.Check(l); err != nil {
		t.Errorf("a copy of it is kept: %v", err)
	}
}
