package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"sluice.dev/sluice/api"
)

// TestBadServiceFiles sends files that must not become a service. Each refusal
// names the key, what stands there and what is allowed; nothing is kept.
func TestBadServiceFiles(t *testing.T) {
	p := parallel(t)
	p.create(p.file("good", 1))
	for name, c := range map[string]struct {
		spoil func(f object)
		path  string   // of the key
		says  []string // the problem
	}{
		"a typo in a key":               {func(f object) { f["metadata"].(object)["instnace"] = 3 }, "metadata.instnace", []string{`did you mean "instance"?`}},
		"a negative number of replicas": {func(f object) { f.with(object{"instance": -1}) }, "metadata.instance", []string{"-1", "0"}},
		"text for a number":             {func(f object) { f.with(object{"instance": "many"}) }, "metadata.instance", []string{"many"}},
		"both bounds 0": {func(f object) { f.with(object{"rolling_strategy": object{"max_surge": 0, "max_unavailable": 0}}) },
			"metadata.rolling_strategy", []string{"max_surge", "max_unavailable"}},
		"a name with a slash": {func(f object) { f.with(object{"name": "a/b"}) }, "metadata.name", []string{"a/b"}},
		"no name":             {func(f object) { delete(f["metadata"].(object), "name") }, "metadata.name", nil},
		"no command":          {func(f object) { delete(f["containers"].([]object)[0], "command") }, "containers[0]", []string{"command"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := p.in(t)
			f := p.file("bad", 1)
			c.spoil(f)
			pr := p.refused(http.StatusUnprocessableEntity, http.MethodPost, "/services", f)
			if len(pr.Errors) == 0 || !strings.HasPrefix(pr.Errors[0].Path, c.path) {
				t.Fatalf("problems %+v, want one of %s", pr.Errors, c.path)
			}
			contains(t, "the problem", pr.Errors[0].String(), c.says...)
		})
	}
	p.refused(http.StatusUnprocessableEntity, http.MethodPost, "/services", "{")
	p.refused(http.StatusBadRequest, http.MethodPost, "/services", "")
	p.refused(http.StatusConflict, http.MethodPost, "/services", p.file("good", 1))
	p.refused(http.StatusNotFound, http.MethodPut, "/services/nobody", object{"labels": object{"a": "b"}})
	p.refused(http.StatusRequestEntityTooLarge, http.MethodPut, "/services/good", strings.Repeat(" ", 2<<20))
	p.refused(http.StatusUnprocessableEntity, http.MethodPut, "/services/good/scale", object{"instance": -1})
	if list := p.services(); len(list) != 1 || list[0].Revision != p.service("good").Revision || list[0].LatestVersion != 1 {
		t.Errorf("after all that: %+v", list)
	}
}

// TestNothingToChange sends the same configuration again.
func TestNothingToChange(t *testing.T) {
	p := parallel(t)
	f := p.file("model", 1)
	before := p.create(f)
	for _, path := range []string{"/services/model", "/services/model?update_type=replace"} {
		a := p.change(http.MethodPut, path, f)
		contains(t, "the answer", a.Text, "nothing to change")
		if a.Changed || a.LatestVersion != 1 || a.Revision != before.Revision || a.Rollout.ID != before.Rollout.ID {
			t.Errorf("PUT %s of the same configuration: %+v", path, a)
		}
	}
}

// TestSameTime makes two updates at once. They are taken one after the other:
// the later is what runs, and there is no third version.
func TestSameTime(t *testing.T) {
	p := parallel(t)
	p.create(p.file("model", 2).with(ending(true, "idle", 30)))
	var both sync.WaitGroup
	marks := make(map[int]string)
	var mu sync.Mutex
	for _, mark := range []string{"left", "right"} {
		both.Go(func() {
			status, text, err := p.call(http.MethodPut, "/services/model", object{"containers": []object{p.container(mark)}})
			var a answer
			if err == nil {
				err = json.Unmarshal(text, &a)
			}
			if err != nil || status != http.StatusOK || !a.Changed {
				t.Errorf("update %s: %d %v %s", mark, status, err, text)
			}
			mu.Lock()
			defer mu.Unlock()
			marks[a.CurrentVersion] = mark
		})
	}
	both.Wait()
	s := p.settled("model", 3)
	if s.LatestVersion != 3 || marks[2] == "" || marks[3] == "" || !strings.Contains(string(s.Config), `"`+marks[3]+`"`) {
		t.Errorf("answered as %v; in force is version %d of %d: %s", marks, s.CurrentVersion, s.LatestVersion, s.Config)
	}
	for _, r := range p.replicas("model") {
		if r.Version != 3 {
			t.Errorf("a replica of version %d runs", r.Version)
		}
	}
}

// TestStale makes a change on the ground of something that is not so any more.
func TestStale(t *testing.T) {
	p := parallel(t)
	s := p.create(p.file("model", 1).with(ending(true, "idle", 30)))
	seen := fmt.Sprintf("%q", fmt.Sprint(s.Revision))
	p.change(http.MethodPut, "/services/model", object{"labels": object{"by": "first"}}, "If-Match", seen)
	pr := p.refused(http.StatusPreconditionFailed, http.MethodPut, "/services/model", object{"labels": object{"by": "second"}}, "If-Match", seen)
	if pr.Code != "stale" {
		t.Errorf("code %q", pr.Code)
	}
	if now := p.service("model"); now.Revision != s.Revision+1 || !strings.Contains(string(now.Config), "first") {
		t.Errorf("after the refusal: %+v", now)
	}
}

// TestLargeBodies sends more than the gateway passes on.
func TestLargeBodies(t *testing.T) {
	p := parallel(t)
	s := p.create(p.file("model", 1))
	before := p.replicas("model")[0]
	for name, body := range map[string]io.Reader{
		"of known length":   strings.NewReader(strings.Repeat("x", 100<<20)),
		"of unknown length": io.LimitReader(endless{}, 100<<20),
	} {
		resp, err := http.Post(s.Endpoint+"/infer", "application/octet-stream", body)
		if err != nil {
			t.Fatalf("a body %s: %v", name, err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("a body %s: %s %s", name, resp.Status, text)
		}
		contains(t, "the answer", string(text), "larger than 67108864 bytes")
	}
	if _, err := infer(http.DefaultClient, s.Endpoint, "afterwards", "small", 0); err != nil {
		t.Error(err)
	}
	if after := p.replicas("model")[0]; after.Pid != before.Pid || after.Restarts != 0 || !after.Ready {
		t.Errorf("the replica: %+v", after)
	}
}

// endless is a body without end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// TestServerThatCannotStart gives the server what it cannot work with: it says
// what is wrong, ends, and leaves nothing behind.
func TestServerThatCannotStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "server.yaml")
	if err := os.WriteFile(config, []byte("gatway: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	locked, err := os.MkdirTemp(filepath.Dir(program), "locked-") // where another user may look
	if err == nil {
		err = os.Chmod(locked, 0o555)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data string
		args []string
		says []string
	}{
		"the API's port is taken":         {"", []string{"--listen", taken.Addr().String()}, []string{"--listen", taken.Addr().String(), "choose another port"}},
		"the gateway's port is taken":     {"", []string{"--gateway", taken.Addr().String()}, []string{"--gateway", taken.Addr().String(), "address already in use"}},
		"no address":                      {"", []string{"--listen", "here"}, []string{"--listen", "here"}},
		"open to other machines":          {"", []string{"--listen", "0.0.0.0:0"}, []string{"--listen", "0.0.0.0:0", "--insecure"}},
		"the data directory is a file":    {file, nil, []string{file, "not a directory"}},
		"a data directory in /proc":       {"/proc/sluice", nil, []string{"/proc/sluice"}},
		"a read-only data directory":      {locked, nil, []string{locked, "permission denied", "another --data"}},
		"a typo in the server's own file": {"", []string{"--config", config}, []string{config, "gatway"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.data == "" {
				c.data = filepath.Join(t.TempDir(), "data")
			}
			args := append([]string{"server", "--data", c.data, "--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0"}, c.args...)
			cmd := exec.Command(program, args...)
			if c.data == locked && os.Getuid() == 0 { // who may write everywhere
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			}
			server := launchCommand(t, cmd)
			t.Cleanup(server.kill)
			if code := server.wait(t); code != 1 && code != 2 {
				t.Errorf("exit code %d", code)
			}
			contains(t, "what it says", server.out.String(), c.says...)
			if left := processesOf(c.data); len(left) > 0 {
				t.Errorf("left behind: %+v", left)
			}
		})
	}
}

// TestSecondServer starts another server on a data directory in use.
func TestSecondServer(t *testing.T) {
	p := parallel(t)
	s := p.create(p.file("model", 1))
	second := runProgram(t, "server", "--data", p.data, "--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0")
	if code := second.wait(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	contains(t, "what it says", second.out.String(), fmt.Sprintf("process %d", p.server.cmd.Process.Pid), p.data)
	if now := p.service("model"); now.Status != api.StatusRunning || now.Revision != s.Revision {
		t.Errorf("the first one's service: %+v", now)
	}
	if _, err := infer(http.DefaultClient, s.Endpoint, "afterwards", "", 0); err != nil {
		t.Error(err)
	}
}
