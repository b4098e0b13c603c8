package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/testserver"
)

// inClear is in every secret of these tests. It is made anew each time: the test's
// own program, of which the server keeps a copy, must not hold it.
var inClear = "in-clear-" + rand.Text()

// sluice runs the command line and gives what it says. None of it may hold a
// secret.
func (p *plane) sluice(want int, args ...string) string {
	p.t.Helper()
	server, _ := p.addr()
	cmd := exec.Command(program, append(args, "--server", server)...)
	cmd.Env = append(os.Environ(), "SLUICE_TOKEN="+p.token)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() != want {
		p.t.Fatalf("sluice %v: %v, want exit code %d\n%s", args, err, want, out)
	}
	if bytes.Contains(out, []byte(inClear)) || bytes.Contains(out, []byte("sealed:")) {
		p.t.Errorf("sluice %v shows a secret:\n%s", args, out)
	}
	return string(out)
}

// environment asks the address for the environment of the replica behind it.
func (p *plane) environment(endpoint, token string) (status int, env []string) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, endpoint+"/state", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var s testserver.State
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
			p.t.Fatal(err)
		}
	}
	return resp.StatusCode, s.Env
}

// wantKey waits for a replica that has this key in its environment.
func (p *plane) wantKey(s api.Service, token, key string) {
	p.t.Helper()
	var status int
	var env []string
	await(p.t, "a replica has the key "+key, func() bool {
		status, env = p.environment(s.Endpoint, token)
		return status == http.StatusOK && slices.Contains(env, "API_KEY="+key)
	})
	if status, _ := p.environment(s.Endpoint, "wrong"); status != http.StatusUnauthorized {
		p.t.Errorf("another token is answered with %d", status)
	}
}

// keepsNoSecret searches every file of the data directory.
func (p *plane) keepsNoSecret() {
	p.t.Helper()
	files := 0
	err := filepath.WalkDir(p.data, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(inClear)) {
			p.t.Errorf("%s holds a secret in clear", path)
		}
		return err
	})
	if err != nil || files < 4 {
		p.t.Errorf("%d files, %v", files, err)
	}
	for i, server := range p.servers {
		if strings.Contains(server.out.String(), inClear) {
			p.t.Errorf("server %d says a secret:\n%s", i+1, server.out)
		}
	}
}

// TestSecrets: a replica gets its secrets and the gateway its tokens, and neither
// a file of the data directory nor an answer holds one, through updates, a crash,
// and a rollback. What was shown can be sent back.
func TestSecrets(t *testing.T) {
	p := parallel(t)
	write := func(name string, f any) string {
		t.Helper()
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(filepath.Dir(p.data), name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f := p.file("model", 1)
	f["token"] = "token-" + inClear
	container := f["containers"].([]object)[0]
	container["env"] = append(container["env"].([]object), object{"name": "API_KEY", "value": "first-" + inClear, "secret": true}, object{"name": "OTHER_TOKEN", "value": "shown"})
	if said := p.sluice(0, "create", "-f", write("first.json", f), "--wait"); !strings.Contains(said, "--set containers[0].env[OTHER_TOKEN].secret=true") {
		t.Errorf("no warning about OTHER_TOKEN:\n%s", said)
	}
	s := p.settled("model", 1)
	p.wantKey(s, "token-"+inClear, "first-"+inClear)

	p.sluice(0, "update", "model", "--set", "containers[0].env[API_KEY]=second-"+inClear, "--wait")
	p.wantKey(s, "token-"+inClear, "second-"+inClear)
	if diff := p.sluice(0, "diff", "model", "1", "2", "-o", "json"); strings.Count(diff, `"path"`) != 1 ||
		!strings.Contains(diff, `"containers[0].env[API_KEY]"`) || strings.Count(diff, `"********"`) != 2 {
		t.Errorf("diff: %s", diff)
	}
	p.sluice(0, "version", "model", "1")
	p.sluice(0, "preview", "model", "-f", write("first.json", f))
	p.kill()
	p.start()
	p.wantKey(s, "token-"+inClear, "second-"+inClear)

	var shown struct{ Config json.RawMessage }
	if err := json.Unmarshal([]byte(p.sluice(0, "describe", "model", "-o", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	back := write("shown.json", shown.Config)
	if said := p.sluice(0, "apply", "-f", back); !strings.Contains(said, "nothing to change") {
		t.Errorf("what was shown, applied: %s", said)
	}
	edited := json.RawMessage(strings.Replace(string(shown.Config), `"shown"`, `"edited"`, 1))
	p.sluice(0, "apply", "-f", write("shown.json", edited), "--wait")
	p.wantKey(s, "token-"+inClear, "second-"+inClear)
	renamed := json.RawMessage(strings.Replace(string(shown.Config), `"API_KEY"`, `"API_KEYS"`, 1))
	if said := p.sluice(2, "apply", "-f", write("shown.json", renamed)); !strings.Contains(said, "containers[0].env[API_KEYS]") {
		t.Errorf("a variable with another name: %s", said)
	}
	p.change(http.MethodPost, "/groups", object{"name": "models", "token": "group-" + inClear})
	p.sluice(0, "update", "model", "--set", "metadata.group=models", "--set", "token=null")
	p.sluice(0, "rollback", "model", "--to", "1", "--wait")
	p.wantKey(api.Service{Endpoint: strings.TrimSuffix(s.Endpoint, "model") + "models"}, "group-"+inClear, "first-"+inClear)
	p.sluice(0, "describe", "model")
	p.sluice(0, "group", "models")
	p.sluice(0, "events", "model", "-o", "json")
	p.keepsNoSecret() // while the log of the database is in use
	p.stop()
	p.keepsNoSecret()
	p.start()
}

// TestTheKeyOfTheSecrets: a server that cannot open what it has sealed does not
// start, says whom it concerns, and leaves what runs and the key as they are.
func TestTheKeyOfTheSecrets(t *testing.T) {
	p := parallel(t)
	f := p.file("model", 1)
	f["token"] = "token-" + inClear
	p.create(f)
	s := p.settled("model", 1)
	p.stop()
	key := filepath.Join(p.data, "secret.key")
	info, err := os.Stat(key)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	fails := func(words ...string) {
		t.Helper()
		server := launch(t, "server", "--data", p.data, "--listen", "127.0.0.1:0", "--gateway", p.listen)
		if code := server.wait(t); code == 0 {
			t.Error("the server starts")
		}
		for _, word := range append(words, key) {
			contains(t, "the server", server.out.String(), word)
		}
		if status, _ := p.environment(s.Endpoint, "token-"+inClear); status != http.StatusOK {
			t.Errorf("what runs is answered with %d", status)
		}
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	fails("mode 0644", "chmod 600")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	fails("is missing", "service model (token)", "--give-up-secrets")
	if _, err := os.Stat(key); err == nil {
		t.Error("another key was made")
	}
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(key, 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	p.settled("model", 1)
	if status, _ := p.environment(s.Endpoint, "token-"+inClear); status != http.StatusOK {
		t.Errorf("with the key back: %d", status)
	}
}
