package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program builds sluice once for all tests of a run.
func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the whole demo")
	}
	path := filepath.Join(t.TempDir(), "sluice")
	build := exec.Command("go", "build", "-o", path, "sluice.dev/sluice/cmd/sluice")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// trial is a demo that runs with a temporary directory of its own.
type trial struct {
	t              *testing.T
	cmd            *exec.Cmd
	tmp            string
	stdout, stderr *os.File
}

func begin(t *testing.T, program string, args ...string) *trial {
	t.Helper()
	tr := &trial{t: t, tmp: shortDir(t)}
	// Files, not pipes: a process that is left behind must not make Wait wait.
	for name, f := range map[string]**os.File{"stdout": &tr.stdout, "stderr": &tr.stderr} {
		var err error
		if *f, err = os.Create(filepath.Join(t.TempDir(), name)); err != nil {
			t.Fatal(err)
		}
	}
	tr.cmd = exec.Command(program, append([]string{"demo", "--brief"}, args...)...)
	tr.cmd.Env = append(os.Environ(), "TMPDIR="+tr.tmp)
	tr.cmd.Stdout, tr.cmd.Stderr = tr.stdout, tr.stderr
	if err := tr.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// What a failed test may have left, by what the test itself gave it.
		for pid := range tr.processes() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return tr
}

// shortDir is a temporary directory with a short name: names of unix sockets may
// have about 100 bytes.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (tr *trial) said(f *os.File) string {
	text, err := os.ReadFile(f.Name())
	if err != nil {
		tr.t.Fatal(err)
	}
	return string(text)
}

// await waits until a file of the trial says something.
func (tr *trial) await(f *os.File, text string) {
	tr.t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(tr.said(f), text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			tr.t.Fatalf("no %q within a minute; it said:\n%s", text, tr.said(f))
		}
	}
}

// processes are those whose command line or environment names the trial's
// temporary directory.
func (tr *trial) processes() map[int]string {
	found := map[int]string{}
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		var pid int
		fmt.Sscan(filepath.Base(dir), &pid)
		for _, name := range []string{"cmdline", "environ"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil && bytes.Contains(text, []byte(tr.tmp)) {
				line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
				found[pid] = string(bytes.ReplaceAll(line, []byte{0}, []byte(" ")))
			}
		}
	}
	return found
}

func (tr *trial) nothingLeft() {
	tr.t.Helper()
	left, err := os.ReadDir(tr.tmp)
	if err != nil || len(left) > 0 {
		tr.t.Errorf("left in the temporary directory: %v %v", left, err)
	}
	if found := tr.processes(); len(found) > 0 {
		tr.t.Errorf("processes are left: %v", found)
	}
}

func TestDemo(t *testing.T) {
	sluice := program(t)
	for name, try := range map[string]func(*testing.T, string){
		"whole": wholeStory, "kept": kept, "interrupted": interrupted, "server killed": serverKilled, "no place": noPlace,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); try(t, sluice) })
	}
}

func wholeStory(t *testing.T, sluice string) {
	tr := begin(t, sluice)
	err := tr.cmd.Wait()
	out, log := tr.said(tr.stdout), tr.said(tr.stderr)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, log, out)
	}
	verdict := regexp.MustCompile(`\n0 of ([0-9]{1,2},)?[0-9]{3} requests lost, 0 cut; ([0-9]+) streams opened, ([0-9]+) whole, 0 cut\n$`)
	if said := verdict.FindStringSubmatch(out); said == nil {
		t.Errorf("the last line is no verdict:\n%s", out)
	} else if opened, _ := strconv.Atoi(said[2]); opened < 4*streamsOpen || said[3] != said[2] {
		t.Errorf("streams: %s", said[0])
	}
	for _, want := range []string{
		`before +[1-9]\.[0-9] s +[0-9,]+ +0 +0 +0 .* 8[0-9]\.[0-9]%\n`,
		`update to version 2 +[0-9]+\.[0-9] s +[0-9,]+ +0 +0 +0 .*%\n`,
		`after +[0-9]+\.[0-9] s +[0-9,]+ +0 +0 +0 .* 9[4-9]\.[0-9]%\n`,
		`try of version 3 +[0-9]+\.[0-9] s +[0-9,]+ +0 +0 +0 .* 9[4-9]\.[0-9]%\n`,
		`rollback +[0-9]+\.[0-9] s +[0-9,]+ +0 +0 +0 .*%\n`,
		`try of version 4 +[0-9]+\.[0-9] s +[0-9,]+ +0 +0 +[1-9][0-9]* .*%\n`,
		`end +[0-9]+\.[0-9] s +[0-9,]+ +0 +0 +0 .* 9[4-9]\.[0-9]%\n`,
		`create 1 +completed .* 1 x `,
		`update 1 to 2 +completed .* 4 x .* >= 4 +<= 5\n`,
		`update 2 to 3 +paused .* >= 4 +<= 5\n`,
		`rollback 3 to 2 +completed .* >= 4 +<= [45]\n`,
		`update 2 to 4 +rolled_back .* >= 4 +<= 5\n`,
		`Version 4 was taken back by itself, .* by gate\nerror_rate \(at most old \+ 1%\):\n`,
		`new replicas +[1-9][0-9]* errors in +[0-9,]+ requests`,
		`old replicas +0 errors in +[0-9,]+ requests = +0\.0%\n`,
		`at 1 of 4 replicas\n`,
		`it fails\s+at\s+119\.\n`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("the table has no line like %s:\n%s", want, out)
		}
	}
	if flat := strings.Join(strings.Fields(log), " "); !strings.Contains(flat, "exit code 1: digits-server: model") {
		t.Errorf("the story does not say why version 3 failed:\n%s", log)
	}
	tr.nothingLeft()
}

func interrupted(t *testing.T, sluice string) {
	tr := begin(t, sluice)
	tr.await(tr.stderr, "version 1 serves")
	if runtime.GOOS == "linux" && len(tr.processes()) < 7 { // demo, server, gateway, four replicas
		t.Errorf("only these run: %v", tr.processes())
	}
	if err := tr.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := tr.cmd.Wait(); err == nil || tr.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("ended with %v, want exit code 1", err)
	}
	if log := tr.said(tr.stderr); !strings.Contains(log, "interrupted") || tr.said(tr.stdout) != "" {
		t.Errorf("said:\n%s\n%s", log, tr.said(tr.stdout))
	}
	tr.nothingLeft()
}

func kept(t *testing.T, sluice string) {
	tr := begin(t, sluice, "--keep", "-o", "json")
	if err := tr.cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, tr.said(tr.stderr), tr.said(tr.stdout))
	}
	var r Result
	if err := json.Unmarshal([]byte(tr.said(tr.stdout)), &r); err != nil {
		t.Fatal(err)
	}
	if !r.OK || r.Lost+r.Cut+r.Streams.Cut > 0 || r.Streams.Opened == 0 || len(r.Phases) != 7 || len(r.Rollouts) != 5 || r.Kept == nil {
		t.Fatalf("%+v", r)
	}
	// What callers met is what the tally says, and less than what it was spared.
	if g, p := r.Gated, r.Phases[5]; g == nil || g.Errors == 0 || g.Errors != r.Errors || g.Errors != p.Errors[4] || g.Answered < g.Errors ||
		g.Answered != p.Errors[4]+p.Answers[4] || g.Sent <= g.Answered || g.Verdict.Outcome != "fail" || g.Replicas != 1 {
		t.Errorf("%+v in phase %+v", g, p)
	}
	// What is said to be worth a try works when it is pasted, in another directory
	// and with nothing but what was printed.
	_, rest, _ := strings.Cut(tr.said(tr.stderr), "Paste this first:")
	var script strings.Builder
	script.WriteString("set -eu\n")
	_, curl := exec.LookPath("curl")
	commands := 0
	for line := range strings.Lines(rest) {
		if command, ok := strings.CutPrefix(line, "  "); ok {
			if strings.HasPrefix(command, "curl") && curl != nil {
				command = "echo no curl here: X-Sluice-Version: 2\n"
			}
			script.WriteString(command)
			commands++
		}
	}
	shell := exec.Command("sh", "-c", script.String())
	shell.Dir = t.TempDir()
	out, err := shell.CombinedOutput()
	if err != nil || commands < 10 || !strings.Contains(string(out), "X-Sluice-Version: 2") {
		t.Errorf("%d commands: %v\n%s\n%s", commands, err, script.String(), out)
	}
	tr.nothingLeft()
}

// Without its control plane callers lose nothing; the demo says what went wrong,
// counts, and cleans up all the same.
func serverKilled(t *testing.T, sluice string) {
	tr := begin(t, sluice, "--keep", "-o", "json")
	tr.await(tr.stderr, "version 1 serves")
	if err := syscall.Kill(tr.server(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := tr.cmd.Wait(); err == nil || tr.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("ended with %v, want exit code 1", err)
	}
	var r Result
	if err := json.Unmarshal([]byte(tr.said(tr.stdout)), &r); err != nil {
		t.Fatal(err)
	}
	if r.OK || len(r.Problems) == 0 || r.Lost+r.Cut+r.Streams.Cut > 0 || r.Kept != nil {
		t.Errorf("%+v", r)
	}
	tr.nothingLeft()
}

// server is the pid of the trial's server.
func (tr *trial) server() int {
	tr.t.Helper()
	if runtime.GOOS != "linux" {
		tr.t.Skip("finds the server's process in /proc")
	}
	for pid, line := range tr.processes() {
		if strings.Contains(line, "sluice server --data") {
			return pid
		}
	}
	tr.t.Fatalf("no server runs: %v", tr.processes())
	return 0
}

func noPlace(t *testing.T, sluice string) {
	cmd := exec.Command(sluice, "demo")
	cmd.Env = append(os.Environ(), "TMPDIR=/nonexistent/place")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "$TMPDIR") {
		t.Errorf("%v: %s", err, out)
	}
}
