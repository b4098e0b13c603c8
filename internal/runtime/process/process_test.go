package process

import (
	"log/slog"
	"os"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/runtime/runtimetest"
	"sluice.dev/sluice/internal/testserver"
)

func TestMain(m *testing.M) {
	testserver.MaybeRun()
	maybeOwn()
	os.Exit(m.Run())
}

func TestConformance(t *testing.T) {
	runtimetest.Run(t, func(t *testing.T) runtimetest.Place {
		data, dir := t.TempDir(), t.TempDir()
		return runtimetest.Place{
			New: func(t *testing.T, events func(runtime.Event)) runtime.Runtime {
				return newRuntime(t, Config{DataDir: data, Events: events})
			},
			Abandon: func(rt runtime.Runtime) { rt.(*Runtime).Close() },
			Spec:    func(flags ...string) *api.Spec { return &api.Spec{Container: testserver.Container(dir, flags...)} },
			Unstartable: func() (*api.Spec, string) {
				return &api.Spec{Container: api.Container{Command: "./no-such-file", WorkingDir: dir}}, "no-such-file"
			},
		}
	})
}

func newRuntime(t *testing.T, cfg Config) *Runtime {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	rt, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rt
}
