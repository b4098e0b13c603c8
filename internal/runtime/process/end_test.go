package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/runtime/runtimetest"
	"sluice.dev/sluice/internal/testserver"
)

// bench is a runtime with a record of its events, and a file where the test
// servers record theirs.
type bench struct {
	*Runtime
	events runtimetest.Events
	record string
	dir    string
}

func newBench(t *testing.T) *bench {
	b := &bench{dir: t.TempDir()}
	b.record = filepath.Join(b.dir, "record")
	b.Runtime = newRuntime(t, Config{DataDir: t.TempDir(), Events: b.events.Add})
	t.Cleanup(func() {
		b.Close()
		rt := newRuntime(t, Config{DataDir: b.data})
		defer rt.Close()
		if _, err := rt.Adopt(context.Background(), nil); err != nil {
			t.Error(err)
		}
		if left := rt.sweeps.scan(); len(left) > 0 {
			t.Errorf("processes are left: %+v", left)
		}
	})
	return b
}

// serve starts a test server and waits until it is healthy.
func (b *bench) serve(t *testing.T, id string, flags ...string) runtime.Handle {
	t.Helper()
	h := b.start(t, id, testserver.Container(b.dir, append(flags, "-record", b.record)...))
	b.events.Await(t, id, runtime.Healthy, 1)
	return h
}

func (b *bench) start(t *testing.T, id string, c api.Container) runtime.Handle {
	t.Helper()
	l := launchOf(c, "")
	l.Replica = id
	h, err := b.Start(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// recorded lists the events of a kind in the servers' record.
func (b *bench) recorded(t *testing.T, kind string) []testserver.Event {
	t.Helper()
	all, err := testserver.ReadRecord(b.record)
	if err != nil {
		t.Fatal(err)
	}
	var found []testserver.Event
	for _, e := range all {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func alive(pid int) bool {
	i := proc.List(pid)
	return len(i) == 1 && !i[0].Zombie
}

func TestReplicaLeadsItsOwnGroup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	h := b.serve(t, "a")
	i := proc.List(h.Pid)
	if len(i) != 1 || i[0].Group != h.Pid || i[0].Start != h.StartTime {
		t.Errorf("process %+v, handle %+v", i, h)
	}
	state := testserver.GetState(t, h.Address)
	if want, _ := filepath.EvalSymlinks(b.dir); state.Dir != want {
		t.Errorf("working directory %s, want %s", state.Dir, want)
	}
	at := proc.StartedAt(h.StartTime)
	if d := at.Sub(h.StartedAt).Abs(); d > 5*time.Second {
		t.Errorf("by its start time it started at %v, in truth at %v", at, h.StartedAt)
	}
}

// TestNothingIsLeft ends replicas that started others, in each way a replica
// can end.
func TestNothingIsLeft(t *testing.T) {
	for _, child := range []string{"-fork", "-setsid-child"} {
		for name, end := range map[string]func(t *testing.T, b *bench, h runtime.Handle) error{
			"kill":      func(t *testing.T, b *bench, _ runtime.Handle) error { return b.Kill(t.Context(), "a") },
			"terminate": func(t *testing.T, b *bench, _ runtime.Handle) error { return b.Terminate(t.Context(), "a") },
			"crash": func(t *testing.T, _ *bench, h runtime.Handle) error {
				testserver.Post(t, h.Address, "/crash?code=1")
				return nil
			},
		} {
			t.Run(name+child, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				h := b.serve(t, "a", child)
				runtimetest.Eventually(t, func() bool { return len(b.recorded(t, "start")) == 2 }, "the child to start")
				if err := end(t, b, h); err != nil {
					t.Fatal(err)
				}
				b.events.Await(t, "a", runtime.Exited, 1)
				for _, e := range b.recorded(t, "start") {
					if alive(e.Pid) {
						t.Errorf("pid %d runs after the replica's end was reported", e.Pid)
					}
				}
				if left := b.sweeps.scan(); len(left) != 0 {
					t.Errorf("left: %+v", left)
				}
				if name == "terminate" && len(b.recorded(t, "sigterm")) > 1 {
					t.Error("SIGTERM went to more than the main process")
				}
			})
		}
	}
}

// TestGroupMemberWithoutEnvironment: what wiped its marks is still in the group.
func TestGroupMemberWithoutEnvironment(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"exec sleep 1000", "exit 3"} {
		b := newBench(t)
		b.start(t, "a", api.Container{WorkingDir: b.dir, Script: "env -i sleep 1000 & echo $!; " + end})
		if end != "exit 3" {
			runtimetest.Eventually(t, func() bool { return len(b.known("a").log.reason(0)) == 1 }, "the member's pid")
			if err := b.Kill(t.Context(), "a"); err != nil {
				t.Error(err)
			}
		}
		e := b.events.Await(t, "a", runtime.Exited, 1)
		var pid int
		if _, err := fmt.Sscan(strings.Join(e.Exit.Lines, " "), &pid); err != nil {
			t.Fatal(err)
		}
		runtimetest.Eventually(t, func() bool { return !alive(pid) }, "pid %d to end, after: %s", pid, end)
	}
}

func TestDaemonIsAnExit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	h := b.start(t, "a", testserver.Container(b.dir, "-daemonize", "-record", b.record))
	e := b.events.Await(t, "a", runtime.Exited, 1)
	if !e.Exit.Known || e.Exit.Code != 0 || e.Reason != "exited with code 0; a command must stay in the foreground" {
		t.Errorf("event %+v, exit %+v", e, e.Exit)
	}
	if left := b.sweeps.scan(); len(left) != 0 {
		t.Errorf("the daemon goes on: %+v, main process was %d", left, h.Pid)
	}
}

// TestCallsDuringAStart: what is asked for while the process is being started
// holds for it.
func TestCallsDuringAStart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	looking, found := make(chan struct{}), make(chan struct{})
	b.ports.free = func(string, int) bool {
		close(looking)
		<-found
		return true
	}
	c := testserver.Container(b.dir)
	c.Liveness = &api.Check{TCP: &api.TCPCheck{Port: 1}, Period: time.Millisecond, FailureThreshold: 1}
	started := make(chan error)
	go func() {
		_, err := b.Start(context.Background(), launchOf(c, ""))
		started <- err
	}()
	<-looking
	b.Quiet("sentiment-3-a")
	killed := make(chan error)
	go func() { killed <- b.Kill(context.Background(), "sentiment-3-a") }()
	select {
	case <-killed:
		t.Error("Kill did not wait for the start")
	case <-time.After(50 * time.Millisecond):
	}
	close(found)
	for _, done := range []chan error{started, killed} {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	b.events.Await(t, "sentiment-3-a", runtime.Exited, 1)
	if got := b.events.Of("sentiment-3-a"); len(got) != 1 {
		t.Errorf("events %+v, want its end alone", got)
	}
}

func TestScriptRunsInAShell(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t, "a", api.Container{WorkingDir: b.dir, Script: `for i in 1 2; do echo "line $i of {{port}}"; done; kill -SEGV $$`})
	e := b.events.Await(t, "a", runtime.Exited, 1)
	port := b.known("a").port
	if want := fmt.Sprintf("line 1 of %d|line 2 of %d", port, port); strings.Join(e.Exit.Lines, "|") != want {
		t.Errorf("lines %q, want %q", e.Exit.Lines, want)
	}
	if e.Exit.Signal != "segmentation fault" || !strings.Contains(e.Reason, "segmentation fault") {
		t.Errorf("exit %+v, reason %q", e.Exit, e.Reason)
	}
}

func TestRestartKeepsItsPort(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	h := b.serve(t, "a")
	testserver.Post(t, h.Address, "/crash")
	b.events.Await(t, "a", runtime.Exited, 1)
	l := launchOf(testserver.Container(b.dir), "")
	l.Replica, l.Attempt = "a", 2
	again, err := b.Start(t.Context(), l)
	if err != nil || again.Address != h.Address {
		t.Errorf("%+v, %v; before it was %+v", again, err, h)
	}
}

func TestForgetGivesBackThePort(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start(t, "a", api.Container{WorkingDir: b.dir, Command: "true"})
	port := b.known("a").port
	b.events.Await(t, "a", runtime.Exited, 1)
	taken := func() bool {
		b.ports.mu.Lock()
		defer b.ports.mu.Unlock()
		_, taken := b.ports.taken[port]
		return taken
	}
	if !taken() {
		t.Error("the port of an ended replica is not its own any more")
	}
	b.Forget("a")
	if taken() || b.known("a") != nil {
		t.Error("a forgotten replica still holds something")
	}
}

func TestNoPortFree(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ports.free = func(string, int) bool { return false }
	_, err := b.Start(t.Context(), launchOf(testserver.Container(b.dir), ""))
	var unplaced *runtime.UnplacedError
	if !errors.As(err, &unplaced) {
		t.Errorf("%v, want an UnplacedError", err)
	}
}

// TestOrphansAreReaped: what a replica leaves behind becomes ours and is no
// zombie, and children that others wait for are left to them.
func TestOrphansAreReaped(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("orphans go to launchd")
	}
	t.Parallel()
	b := newBench(t)
	waited := exec.Command("sh", "-c", "exit 5")
	if err := waited.Start(); err != nil {
		t.Fatal(err)
	}
	pidFile := filepath.Join(b.dir, "orphan")
	b.start(t, "a", api.Container{WorkingDir: b.dir,
		Script: `setsid sh -c 'sh -c "sleep 0.2" & echo $! > orphan.tmp; mv orphan.tmp orphan' ; exec sleep 100`})
	var orphan int
	runtimetest.Eventually(t, func() bool {
		text, err := os.ReadFile(pidFile)
		_, scan := fmt.Sscan(string(text), &orphan)
		return err == nil && scan == nil
	}, "the orphan's pid")
	runtimetest.Eventually(t, func() bool { return len(proc.List(orphan)) == 0 }, "the orphan %d to be reaped; it is %+v",
		orphan, runtimetest.Lazy(func() any { return proc.List(orphan) }))
	if !alive(b.known("a").current().handle.Pid) {
		t.Error("the replica itself ended")
	}
	var exit *exec.ExitError
	if err := waited.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 5 {
		t.Errorf("a child that another part of the program waits for: %v", err)
	}
}

// TestIdleReplicasAreCheap: a goroutine for the end and one for the checks, no
// thread.
func TestIdleReplicasAreCheap(t *testing.T) {
	b := newBench(t)
	const n = 40
	before, threads := goruntime.NumGoroutine(), threadCount(t)
	for i := range n {
		b.start(t, fmt.Sprint("r", i), api.Container{WorkingDir: b.dir, Command: "sleep 1000"})
	}
	if more := goruntime.NumGoroutine() - before; more > 2*n+10 {
		t.Errorf("%d goroutines for %d replicas", more, n)
	}
	if more := threadCount(t) - threads; more > n/2 {
		t.Errorf("%d threads for %d replicas", more, n)
	}
	for i := range n {
		if err := b.Kill(t.Context(), fmt.Sprint("r", i)); err != nil {
			t.Error(err)
		}
	}
	for i := range n {
		b.events.Await(t, fmt.Sprint("r", i), runtime.Exited, 1)
	}
}

func threadCount(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0
	}
	return len(tasks)
}

func TestZombiesAreNotLeft(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	h := b.start(t, "a", api.Container{WorkingDir: b.dir, Command: "false"})
	b.events.Await(t, "a", runtime.Exited, 1)
	if left := proc.List(h.Pid); len(left) != 0 {
		t.Errorf("after its exit was reported: %+v", left)
	}
	if err := syscall.Kill(h.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("pid %d: %v", h.Pid, err)
	}
}
