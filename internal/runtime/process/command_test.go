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

// file writes an executable (or other) file and returns its path.
func file(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func launchOf(c api.Container, model string) runtime.Launch {
	return runtime.Launch{
		Replica: "sentiment-3-a", Attempt: 1, Service: "sentiment", Version: 3,
		Spec: &api.Spec{Container: c, ModelPath: model},
	}
}

func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	server := file(t, filepath.Join(dir, "bin/server"), "#!/bin/sh\n", 0o755)
	file(t, filepath.Join(dir, "models/v 1/m.bin"), "", 0o644)
	rt := newRuntime(t, Config{DataDir: t.TempDir()})
	defer rt.Close()
	env := []api.EnvVar{{Name: "PATH", Value: "missing:bin:/bin:/usr/bin"}, {Name: "TWO", Value: "a b"}, {Name: "EMPTY", Value: ""}}

	tests := []struct {
		name string
		c    api.Container
		argv []string
		path string
	}{
		{"a path is relative to the working directory", api.Container{Command: "./bin/server --port {{port}}"},
			[]string{"./bin/server", "--port", "20007"}, server},
		{"a name is looked up in the replica's PATH", api.Container{Command: "server"}, []string{"server"}, server},
		{"variables are expanded, quotes respected", api.Container{Command: `server $PORT '$PORT' "$TWO" $TWO x$EMPTY`},
			[]string{"server", "20007", "$PORT", "a b", "a", "b", "x"}, server},
		{"the model has its path", api.Container{Command: `server --model "$MODEL_PATH"`},
			[]string{"server", "--model", filepath.Join(dir, "models/v 1/m.bin")}, server},
		{"a script is for the shell", api.Container{Script: "server --port {{port}} && echo $PORT"},
			[]string{"sh", "-c", "server --port 20007 && echo $PORT"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.c.WorkingDir, tt.c.Env = dir, env
			p, err := rt.prepare(launchOf(tt.c, "models/v 1/m.bin"), 20007)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(p.argv, tt.argv) {
				t.Errorf("argv %q, want %q", p.argv, tt.argv)
			}
			if tt.path != "" && p.path != tt.path {
				t.Errorf("path %s, want %s", p.path, tt.path)
			}
			if p.dir != dir {
				t.Errorf("dir %s", p.dir)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SLUICE_TOKEN", "a secret of the server")
	t.Setenv("FROM_SERVER", "yes")
	t.Setenv("PORT", "7070")
	dir := t.TempDir()
	rt := newRuntime(t, Config{DataDir: dir})
	defer rt.Close()
	l := launchOf(api.Container{Env: []api.EnvVar{
		{Name: "LOG_LEVEL", Value: "info"}, {Name: "SLUICE_REPLICA", Value: "another"}, {Name: "SLUICE_FLAG", Value: "theirs"},
		{Name: "CUDA_VISIBLE_DEVICES", Value: "7"},
	}}, "")
	if env := rt.environment(l, "/work dir", "", 20007); env["CUDA_VISIBLE_DEVICES"] != "7" {
		t.Errorf("without gpus of a resource group: %q", env["CUDA_VISIBLE_DEVICES"])
	}
	l.GPUs = "0,1"
	env := rt.environment(l, "/work dir", "/models/v1", 20007)
	for name, want := range map[string]string{
		"FROM_SERVER": "yes", "LOG_LEVEL": "info", "PORT": "20007", "MODEL_PATH": "/models/v1", "PWD": "/work dir",
		"SLUICE_SERVICE": "sentiment", "SLUICE_VERSION": "3", "SLUICE_REPLICA": "sentiment-3-a", "SLUICE_DATA": rt.data,
		"CUDA_VISIBLE_DEVICES": "0,1",
		"SLUICE_FLAG":          "theirs", // what the service file says, it means
	} {
		if env[name] != want {
			t.Errorf("%s=%q, want %q", name, env[name], want)
		}
	}
	if secret, leaked := env["SLUICE_TOKEN"]; leaked {
		t.Errorf("the replica sees SLUICE_TOKEN=%q", secret)
	}
	if !slices.Contains(env.list(), "PORT=20007") {
		t.Errorf("list %q", env.list())
	}
}

func TestUnstartable(t *testing.T) {
	dir := t.TempDir()
	file(t, filepath.Join(dir, "plain.txt"), "text", 0o644)
	file(t, filepath.Join(dir, "unknown-format"), "\x01\x02\x03\x04 no program", 0o755)
	file(t, filepath.Join(dir, "bad-interpreter"), "#!/no/such/interpreter\n", 0o755)
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere/v9", filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	rt := newRuntime(t, Config{DataDir: t.TempDir()})
	defer rt.Close()

	var unstartable *runtime.UnstartableError
	if _, err := rt.Start(t.Context(), runtime.Launch{Replica: "a", Version: 3}); !errors.As(err, &unstartable) {
		t.Errorf("without a configuration: %v", err)
	}

	for _, tt := range []struct {
		name  string
		c     api.Container
		model string
		want  []string // parts of the reason: what, and what to do
	}{
		{"no such file", api.Container{Command: "./no-such-server -v"}, "", []string{filepath.Join(dir, "no-such-server"), "does not exist", "command"}},
		{"not in PATH", api.Container{Command: "no-such-server-anywhere"}, "", []string{"no-such-server-anywhere", "PATH"}},
		{"not executable", api.Container{Command: "./plain.txt"}, "", []string{"plain.txt", "chmod +x"}},
		{"not executable in PATH", api.Container{Command: "plain.txt", Env: []api.EnvVar{{Name: "PATH", Value: "."}}}, "", []string{"plain.txt", "chmod +x"}},
		{"a directory", api.Container{Command: "./folder"}, "", []string{"folder", "directory"}},
		{"unknown format", api.Container{Command: "./unknown-format"}, "", []string{"unknown-format", "format", "#!"}},
		{"interpreter missing", api.Container{Command: "./bad-interpreter"}, "", []string{"bad-interpreter", "interpreter"}},
		{"open quote", api.Container{Command: "server 'x"}, "", []string{"server 'x", "quote"}},
		{"only an empty variable", api.Container{Command: "$NOTHING_AT_ALL"}, "", []string{"$NOTHING_AT_ALL", "no program"}},
		{"only an image", api.Container{Image: "registry/model:1"}, "", []string{"registry/model:1", "command or a script"}},
		{"working directory missing", api.Container{Command: "true", WorkingDir: filepath.Join(dir, "nowhere")}, "", []string{"nowhere", "working directory"}},
		{"working directory a file", api.Container{Command: "true", WorkingDir: filepath.Join(dir, "plain.txt")}, "", []string{"plain.txt", "not a directory"}},
		{"model missing", api.Container{Command: "true"}, "models/v9", []string{filepath.Join(dir, "models/v9"), "model_path"}},
		{"model a link to nothing", api.Container{Command: "true"}, "dangling", []string{filepath.Join(dir, "dangling"), "is a link to /nowhere/v9", "model_path"}},
		{"model elsewhere", api.Container{Command: "true"}, "oss://bucket/v9", []string{"oss://bucket/v9", "model_path"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.c.WorkingDir == "" {
				tt.c.WorkingDir = dir
			}
			_, err := rt.Start(t.Context(), launchOf(tt.c, tt.model))
			var unstartable *runtime.UnstartableError
			if !errors.As(err, &unstartable) {
				t.Fatalf("%v (%T), want an UnstartableError", err, err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %q", err, part)
				}
			}
		})
	}
}
