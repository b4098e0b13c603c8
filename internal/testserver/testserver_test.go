package testserver

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	MaybeRun()
	os.Exit(m.Run())
}

// start runs the server on a free port and waits until it answers.
func start(t *testing.T, flags ...string) (cmd *exec.Cmd, address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd = exec.Command("sh", "-c", "exec "+Command(flags...))
	cmd.Env = append(os.Environ(), Marker+"=1", "PORT="+port, "SLUICE_REPLICA=r-1", "SLUICE_VERSION=3")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return cmd, address
		}
		if time.Now().After(end) {
			t.Fatal("the server does not listen")
		}
	}
}

func TestServerCountsAndRecords(t *testing.T) {
	record := filepath.Join(t.TempDir(), "it's a record")
	cmd, address := start(t, "-record", record, "-drain", "10ms")
	for _, id := range []string{"one", "two", "two"} {
		req, _ := http.NewRequest(http.MethodPost, "http://"+address+"/infer", strings.NewReader("12345"))
		req.Header.Set("X-Request-Id", id)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded") // must not swallow the body
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var a Answer
		if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if a.ID != id || a.Replica != "r-1" || a.Version != "3" || a.Pid != cmd.Process.Pid || a.Size != 5 {
			t.Errorf("answer %+v", a)
		}
	}
	if ids := Get(t, address, "/ids"); ids != `{"one":1,"two":2}`+"\n" {
		t.Errorf("ids %s", ids)
	}
	if got := Get(t, address, "/stream?n=3&every=1ms"); got != "data: 1\n\ndata: 2\n\ndata: 3\n\n" {
		t.Errorf("stream %q", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	events, err := ReadRecord(record)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		got = append(got, e.Kind+e.ID)
		if e.Replica != "r-1" || e.Pid != cmd.Process.Pid || e.At.IsZero() {
			t.Errorf("event %+v", e)
		}
	}
	if want := "[start beginone endone begintwo endtwo begintwo endtwo sigterm exit]"; fmt.Sprint(got) != want {
		t.Errorf("recorded %v, want %v", got, want)
	}
}

func TestReadinessIsSwitched(t *testing.T) {
	_, address := start(t, "-unready")
	for _, step := range []struct {
		post string
		want int
	}{{"", 503}, {"/ready", 200}, {"/unready", 503}} {
		if step.post != "" {
			Post(t, address, step.post)
		}
		resp, err := http.Get("http://" + address + "/v2/health/ready")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != step.want {
			t.Errorf("after POST %q: %d, want %d", step.post, resp.StatusCode, step.want)
		}
	}
}

func TestRecordOfNoServer(t *testing.T) {
	if events, err := ReadRecord(filepath.Join(t.TempDir(), "none")); err != nil || events != nil {
		t.Errorf("%v, %v", events, err)
	}
	torn := filepath.Join(t.TempDir(), "torn")
	if err := os.WriteFile(torn, []byte(`{"kind":"start"}`+"\n"+`{"kind":"si`), 0o600); err != nil {
		t.Fatal(err)
	}
	if events, err := ReadRecord(torn); err != nil || len(events) != 1 {
		t.Errorf("a line that is being written: %v, %v", events, err)
	}
}
