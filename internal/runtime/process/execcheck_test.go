package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/runtime/runtimetest"
	"sluice.dev/sluice/internal/testserver"
)

func TestExecuteCheck(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	file(t, filepath.Join(b.dir, "port.sh"), "#!/bin/sh\necho \"$1 $PORT $SLUICE_REPLICA $MODEL_PATH $(pwd)\" >seen\n", 0o755)
	file(t, filepath.Join(b.dir, "plain"), "", 0o644)
	l := launchOf(api.Container{Command: "true", WorkingDir: b.dir}, "models/v1") // which does not exist any more
	for _, tt := range []struct {
		name    string
		command []string
		want    string // "" for success
	}{
		{"success", []string{"true"}, ""},
		{"environment", []string{"./port.sh", "at {{port}}"}, ""},
		{"exit code and last line", []string{"sh", "-c", "echo first; echo the model is loading >&2; echo; exit 3"}, "exit code 3: the model is loading"},
		{"no output", []string{"false"}, "exit code 1"},
		{"no shell", []string{"echo $PORT && false"}, "not in the replica's PATH"},
		{"killed", []string{"sh", "-c", "kill -9 $$"}, "ended by signal: killed"},
		{"no such file", []string{"./nothing"}, "correct exec.command of the check"},
		{"not executable", []string{"./plain"}, "chmod +x"},
		{"much output", []string{"sh", "-c", "seq 1 200000; exit 1"}, "exit code 1: 200000"},
		{"output held open", []string{"sh", "-c", "setsid sleep 1000 & echo left; exit 2"}, "exit code 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := b.execute(t.Context(), l, 20007, tt.command)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	seen, err := os.ReadFile(filepath.Join(b.dir, "seen"))
	dir, _ := filepath.EvalSymlinks(b.dir)
	if want := "at 20007 20007 sentiment-3-a " + filepath.Join(b.dir, "models/v1") + " " + dir + "\n"; err != nil || string(seen) != want {
		t.Errorf("the command saw %q, %v, want %q", seen, err, want)
	}
}

// pidIn waits for a file that holds the pid of a process.
func pidIn(t *testing.T, path string) int {
	t.Helper()
	var pid int
	runtimetest.Eventually(t, func() bool {
		text, _ := os.ReadFile(path)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid != 0 && strings.HasSuffix(string(text), "\n")
	}, "a pid in %s", path)
	return pid
}

func TestCheckEndsAtItsTimeout(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	l := launchOf(api.Container{Command: "true", WorkingDir: b.dir}, "")
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- b.execute(ctx, l, 20007, []string{"sh", "-c", "sleep 1000 & echo $! >child; echo $$ >main; wait"})
	}()
	pids := []int{pidIn(t, filepath.Join(b.dir, "child")), pidIn(t, filepath.Join(b.dir, "main"))}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	for _, pid := range pids {
		runtimetest.Eventually(t, func() bool { return !alive(pid) }, "process %d of the check to end", pid)
	}
}

// TestCheckIsNoReplica: what a check left behind is neither adopted as the
// replica nor left running.
func TestCheckIsNoReplica(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := testserver.Container(b.dir, "-record", b.record)
	c.Health = &api.Check{Exec: &api.ExecCheck{Command: []string{"sh", "-c", "echo $$ >check; exec sleep 1000"}}, Timeout: time.Hour}
	l := launchOf(c, "")
	var pid int
	h := b.startAndDieAfter(t, func() { pid = pidIn(t, filepath.Join(b.dir, "check")) }, l)[0]
	got, err := b.Adopt(t.Context(), []runtime.Adoption{{Launch: l}})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Handle == nil || got[0].Handle.Pid != h.Pid {
		t.Errorf("adopted %+v, want pid %d", got[0].Handle, h.Pid)
	}
	runtimetest.Eventually(t, func() bool { return !alive(pid) }, "the check of the earlier run to end")
	if !alive(h.Pid) {
		t.Error("the replica ended with it")
	}
}

// TestCheckOutlivesItsReplica: it is not taken for the replica.
func TestCheckOutlivesItsReplica(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := api.Container{WorkingDir: b.dir, Script: "exec sleep 1000"}
	c.Health = &api.Check{Exec: &api.ExecCheck{Command: []string{"sh", "-c", "echo $$ >orphan; exec sleep 1000"}}, Timeout: time.Hour}
	l := launchOf(c, "")
	var orphan int
	h := b.startAndDieAfter(t, func() { orphan = pidIn(t, filepath.Join(b.dir, "orphan")) }, l)[0]
	if err := syscall.Kill(h.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	runtimetest.Eventually(t, func() bool { return ended(h) }, "the replica to end")
	got, err := b.Adopt(t.Context(), []runtime.Adoption{{Launch: l}}) // the start was never recorded
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Handle != nil {
		t.Errorf("%+v, but the replica has ended", got[0].Handle)
	}
	runtimetest.Eventually(t, func() bool { return !alive(orphan) }, "its check to end")
}
