package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/runtime/runtimetest"
	"sluice.dev/sluice/internal/testserver"
)

// Modes of the test binary, by environment variable. An owner is a control
// plane in little, to be killed: it starts the launches of the file that the
// variable names. A reaper is the parent of an owner, and inherits its
// replicas as init does, so that their exit codes do not come to the test.
const (
	envOwner  = "PROCESS_TEST_OWNER"
	envReaper = "PROCESS_TEST_REAPER"
)

type ownerOrders struct {
	DataDir  string
	Launches []runtime.Launch
}

type ownerAnswer struct {
	Pid     int
	Handles []runtime.Handle
}

func maybeOwn() {
	run := own
	if os.Getenv(envReaper) != "" {
		run = reap
	} else if os.Getenv(envOwner) == "" {
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// reap starts an owner and reaps orphans until stdin is closed.
func reap() error {
	inheritOrphans()
	os.Unsetenv(envReaper)
	cmd := exec.Command(os.Args[0])
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = cmd.Wait() // it is killed
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func own() error {
	text, err := os.ReadFile(os.Getenv(envOwner))
	if err != nil {
		return err
	}
	var orders ownerOrders
	if err := json.Unmarshal(text, &orders); err != nil {
		return err
	}
	rt, err := New(Config{DataDir: orders.DataDir})
	if err != nil {
		return err
	}
	if _, err := rt.Adopt(context.Background(), nil); err != nil {
		return err
	}
	answer := ownerAnswer{Pid: os.Getpid()}
	for _, l := range orders.Launches {
		h, err := rt.Start(context.Background(), l)
		if err != nil {
			return err
		}
		answer.Handles = append(answer.Handles, h)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		return err
	}
	select {} // until it is killed
}

// startAndDie starts replicas from a process of its own and kills that with
// SIGKILL.
func (b *bench) startAndDie(t *testing.T, launches ...runtime.Launch) []runtime.Handle {
	t.Helper()
	return b.startAndDieAfter(t, func() {}, launches...)
}

// startAndDieAfter is startAndDie that waits for something before the kill.
func (b *bench) startAndDieAfter(t *testing.T, wait func(), launches ...runtime.Launch) []runtime.Handle {
	t.Helper()
	orders, err := json.Marshal(ownerOrders{DataDir: b.data, Launches: launches})
	if err != nil {
		t.Fatal(err)
	}
	path := file(t, filepath.Join(t.TempDir(), "orders"), string(orders), 0o600)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envOwner+"="+path, envReaper+"=1")
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	var answer ownerAnswer
	if err := json.NewDecoder(out).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	wait()
	if err := syscall.Kill(answer.Pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	runtimetest.Eventually(t, func() bool { return !alive(answer.Pid) }, "the owner to die")
	return answer.Handles
}

func (b *bench) launch(id string, flags ...string) runtime.Launch {
	l := launchOf(testserver.Container(b.dir, append(flags, "-record", b.record)...), "")
	l.Replica = id
	return l
}

// ended tells whether the last thread of a process has ended, too.
func ended(h runtime.Handle) bool {
	p, err := proc.Hold(h.Pid, h.StartTime)
	if err == nil {
		p.Close()
	}
	return errors.Is(err, proc.ErrGone)
}

func TestAdoptAfterKill9(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	launches := []runtime.Launch{
		b.launch("recorded", "-setsid-child"), b.launch("unrecorded", "-setsid-child"),
		b.launch("ended", "-exit-after", "0s"), b.launch("stray", "-setsid-child"),
	}
	launches[0].GPUs, launches[1].GPUs = "0", "GPU-8f,3"
	handles := b.startAndDie(t, launches...)
	runtimetest.Eventually(t, func() bool { return len(b.recorded(t, "start")) == 7 && ended(handles[2]) },
		"the replicas and their children to start, and one to end")
	got, err := b.Adopt(t.Context(), []runtime.Adoption{
		{Launch: launches[0], Handle: &handles[0], Healthy: true},
		{Launch: launches[1]},
		{Launch: launches[2], Handle: &handles[2]},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Handle == nil || *got[0].Handle != handles[0] {
		t.Errorf("recorded: %+v, want %+v", got[0].Handle, handles[0])
	}
	if h := got[1].Handle; h == nil || h.Pid != handles[1].Pid || h.Address != handles[1].Address || h.GPUs != "GPU-8f,3" {
		t.Errorf("unrecorded: %+v, want %+v", h, handles[1])
	}
	if got[2].Handle != nil || got[2].Exit == nil || got[2].Exit.Known {
		t.Errorf("ended: %+v", got[2])
	}
	// The stray and its child are gone, the children of the others are not.
	if left := b.sweeps.scan(); len(left) != 4 {
		t.Errorf("%d processes are left, want two replicas with a child each: %+v", len(left), left)
	}
	b.events.Await(t, "unrecorded", runtime.Healthy, 1)
	for i, id := range []string{"recorded", "unrecorded"} {
		if pid := testserver.GetState(t, handles[i].Address).Pid; pid != handles[i].Pid {
			t.Errorf("%s is answered by pid %d, want %d", id, pid, handles[i].Pid)
		}
	}
	if err := b.Terminate(t.Context(), "recorded"); err != nil {
		t.Error(err)
	}
	if err := b.Kill(t.Context(), "unrecorded"); err != nil {
		t.Error(err)
	}
	for _, id := range []string{"recorded", "unrecorded"} {
		if e := b.events.Await(t, id, runtime.Exited, 1); e.Exit.Known {
			t.Errorf("%s: %+v, but its code went to another parent", id, e.Exit)
		}
	}
	if n := len(b.recorded(t, "sigterm")); n != 1 {
		t.Errorf("%d processes were sent SIGTERM, want the one main process", n)
	}
	if left := b.sweeps.scan(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// TestRecycledPid: what has the pid of a replica but not its start time, its
// boot or its marks is somebody else.
func TestRecycledPid(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	plain := b.stranger(t)
	marked := b.stranger(t, envReplica+"=another", envData+"="+b.data+"-of-another")
	wrongStart, wrongBoot := plain, plain
	wrongStart.StartTime--
	wrongBoot.BootID = "another"

	list := []runtime.Adoption{
		{Launch: b.launch("start"), Handle: &wrongStart},
		{Launch: b.launch("boot"), Handle: &wrongBoot},
		{Launch: b.launch("marks"), Handle: &marked},
	}
	got, err := b.Adopt(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range got {
		if a.Handle != nil || a.Exit == nil {
			t.Errorf("%s: another's process was adopted: %+v", list[i].Launch.Replica, a)
		}
		if err := b.Terminate(t.Context(), a.Replica); err != nil {
			t.Error(err)
		}
		if err := b.Kill(t.Context(), a.Replica); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(50 * time.Millisecond) // for a signal that should not have been sent
	if !alive(plain.Pid) || !alive(marked.Pid) {
		t.Error("another's process was ended")
	}
}

// stranger is a process that is no replica, as the handle of one.
func (b *bench) stranger(t *testing.T, env ...string) runtime.Handle {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.Env = append(env, "STRANGER=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	start, err := proc.StartTime(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	// Until it is sleep it is a copy of this process, with its environment.
	runtimetest.Eventually(t, func() bool { return slices.Contains(proc.Environ(cmd.Process.Pid), "STRANGER=1") }, "the stranger to start")
	return runtime.Handle{Attempt: 1, Address: "127.0.0.1:20007", Pid: cmd.Process.Pid, StartTime: start, BootID: b.bootID}
}

func TestAdoptionOfAnEarlierAttemptIsSearchedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	l := b.launch("a")
	l.Attempt = 2
	handles := b.startAndDie(t, l)
	earlier := handles[0]
	earlier.Attempt, earlier.Pid, earlier.StartTime = 1, 1, 1
	got, err := b.Adopt(t.Context(), []runtime.Adoption{{Launch: l, Handle: &earlier}})
	if err != nil {
		t.Fatal(err)
	}
	if h := got[0].Handle; h == nil || h.Pid != handles[0].Pid || h.Attempt != 2 {
		t.Errorf("%+v, want %+v", h, handles[0])
	}
}

func TestAdoptBoundsLogsThatGrewMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	l := launchOf(api.Container{WorkingDir: b.dir, Script: "seq 1000000 1999999; exec sleep 1000"}, "")
	handles := b.startAndDie(t, l)
	path := b.logPath(l.Replica)
	runtimetest.Eventually(t, func() bool { return sizeOf(path) == 8_000_000 }, "the output")
	b.Close()
	b.Runtime = newRuntime(t, Config{DataDir: b.data, Events: b.events.Add, LogMaxBytes: 1 << 20})
	if _, err := b.Adopt(t.Context(), []runtime.Adoption{{Launch: l, Handle: &handles[0], Healthy: true}}); err != nil {
		t.Fatal(err)
	}
	runtimetest.Eventually(t, func() bool { return sizeOf(path) <= 1<<20 }, "the log to be bounded")
}

func TestEmptyAdoptionEndsAll(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	handles := b.startAndDie(t, b.launch("a"), b.launch("b", "-ignore-sigterm"))
	if _, err := b.Adopt(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, h := range handles {
		if alive(h.Pid) {
			t.Errorf("pid %d goes on", h.Pid)
		}
	}
}
