package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice.dev/sluice/internal/testserver"
	"sluice.dev/sluice/internal/verify"
)

// verify runs the command and returns its exit code and report.
func (p *plane) verify(name string, args ...string) (code int, r verify.Report, said string) {
	p.t.Helper()
	api, _ := p.addr()
	cmd := exec.Command(program, append([]string{"verify", name, "--server", api, "--data", p.data, "-o", "json",
		"--rate", "50", "--before", "1s", "--tail", "500ms", "--duration", "2m"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, _ := cmd.Output() // the exit code is what counts
	if len(out) > 0 {
		if err := json.Unmarshal(out, &r); err != nil {
			p.t.Fatalf("%v in %s", err, out)
		}
	}
	return cmd.ProcessState.ExitCode(), r, stderr.String()
}

// TestVerify proves the good and finds the bad: a replica whose grace period is
// shorter than its answers take is killed with requests in hand.
func TestVerify(t *testing.T) {
	p := parallel(t)
	p.create(p.file("good", 2, slowStart...).with(ending(true, "idle", 30)))
	code, r, said := p.verify("good", "--path", "/infer", "-d", "x")
	if code != 0 || !r.OK || r.Sent < 60 || r.Lost+r.Cut != 0 || r.Release == nil || !r.Release.Reached || len(r.Phases) != 3 {
		t.Errorf("restart: exit %d, %+v\n%s", code, r, said)
	}
	code, r, said = p.verify("good", "--path", "/infer", "-d", "x", "--update", "--set", "containers[0].env[MORE]=1")
	if code != 0 || !slices.ContainsFunc(r.Versions, func(a verify.AnswerPart) bool { return a.Version == 2 && a.Answers > 0 }) {
		t.Errorf("update: exit %d, %+v\n%s", code, r, said)
	}

	// Without SIGTERM a replica is killed 1 s after it left the traffic, whatever
	// it has in hand; these answers take 3 s.
	p.create(p.file("hasty", 2, slowStart...).with(ending(false, "grace_period", 1)))
	code, r, said = p.verify("hasty", "--path", "/slow?d=3s", "--rate", "4", "--concurrency", "40")
	if code != 1 || r.OK || r.Lost+r.Cut == 0 || len(r.Faults) == 0 || r.Release == nil {
		t.Errorf("a restart that loses requests: exit %d, %+v\n%s", code, r, said)
	}

	// Nothing is released on a service that fails already, and none is invented.
	before := p.service("good").Revision
	if code, r, said = p.verify("good", "--path", "/nowhere"); code != 1 || r.Release != nil || p.service("good").Revision != before {
		t.Errorf("a path that is not there: exit %d, %+v\n%s", code, r, said)
	}
	if code, _, said = p.verify("nobody"); code != 3 {
		t.Errorf("no such service: exit %d\n%s", code, said)
	}
	if code, _, said = p.verify("good", "--rate", "5000"); code != 2 || !strings.Contains(said, "1000") {
		t.Errorf("too much load: exit %d\n%s", code, said)
	}
	p.update("good", p.container("bad", failing...))
	p.pausedByFailure("good")
	if code, r, said = p.verify("good", "--path", "/ready"); code != 4 {
		t.Errorf("a restart in the middle of a rollout: exit %d, %+v\n%s", code, r, said)
	}
}

// TestVerifyWatches changes nothing, and counts what ran by the file that the
// service writes.
func TestVerifyWatches(t *testing.T) {
	p := parallel(t)
	revision := p.create(p.file("good", 1, slowStart...)).Revision
	watch := func(ids string) (int, verify.Report, string) {
		return p.verify("good", "--path", "/infer", "-d", "x", "--watch-only", "--duration", "1500ms", "--ids-file", ids)
	}
	code, r, said := watch(p.begun(filepath.Join(t.TempDir(), "ids")))
	if code != 0 || !r.OK || r.Release != nil || len(r.Phases) != 2 || r.Phases[1].Name != "watched" || r.Sent < 30 || r.RanTwice == nil || *r.RanTwice != 0 {
		t.Errorf("exit %d, %+v\n%s", code, r, said)
	}
	if is := p.service("good").Revision; is != revision {
		t.Errorf("it only watched, and the revision went from %d to %d", revision, is)
	}
	// The whole record names a request at its beginning and at its end: to one who
	// takes each line for a run, all of them ran twice.
	code, r, said = watch(p.record)
	if code != 1 || r.OK || r.Lost+r.Cut != 0 || r.RanTwice == nil || *r.RanTwice != r.Sent {
		t.Errorf("each id twice: exit %d, %+v\n%s", code, r, said)
	}
	if code, _, said = watch(filepath.Join(t.TempDir(), "none")); code != 1 || !strings.Contains(said, "none") {
		t.Errorf("no such file: exit %d\n%s", code, said)
	}
}

// begun is a file that, when it is read, holds the id of each request that a
// replica has begun, one a line.
func (p *plane) begun(path string) string {
	p.t.Helper()
	if err := unix.Mkfifo(path, 0o600); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		out, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for the reader
		if err != nil {
			return
		}
		defer out.Close()
		list, _ := testserver.ReadRecord(p.record)
		for _, e := range list {
			if e.Kind == "begin" {
				fmt.Fprintln(out, e.ID)
			}
		}
	}()
	p.t.Cleanup(func() { // a reader that never came
		if in, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
			in.Close()
		}
	})
	return path
}

// TestVerifyOfAReleaseThatEndsOtherwise: no request is lost, and the release is
// not what was asked for.
func TestVerifyOfAReleaseThatEndsOtherwise(t *testing.T) {
	p := parallel(t)
	p.create(p.file("good", 2, slowStart...))
	code, r, said := p.verify("good", "--path", "/infer", "-d", "x", "--update", "--set", "metadata.instance=2")
	if code != 5 || r.Lost+r.Cut != 0 {
		t.Errorf("nothing to change: exit %d, %+v\n%s", code, r, said)
	}
	code, r, said = p.verify("good", "--path", "/infer", "-d", "x", "--update", "--set", "containers[0].command="+testserver.Command(failing...))
	if code != 5 || r.OK || r.Lost+r.Cut != 0 || r.Release == nil || r.Release.Reached || r.Release.What != "update" {
		t.Errorf("an update that fails: exit %d, %+v\n%s", code, r, said)
	}
}
