package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// plane is a data directory and the server that runs on it, if one does, as one
// test sees it.
type plane struct {
	t *testing.T
	*machine
}

// machine is what the tests that share a plane share.
type machine struct {
	data   string
	record string // what all replicas record, see testserver.Event
	listen string // of the gateway

	mu      sync.Mutex
	api     string // http://host:port; changes with each start
	gateway string
	token   string
	server  *process
	servers []*process // all so far
}

// in is the plane as a subtest sees it.
func (p *plane) in(t *testing.T) *plane { return &plane{t, p.machine} }

// process is the program running, its output kept.
type process struct {
	cmd    *exec.Cmd
	out    *output // stdout and stderr
	ended  chan struct{}
	result error
}

// output is a buffer that can be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// runProgram starts the program; it is ended at the end of the test at the
// latest.
func runProgram(t *testing.T, args ...string) *process {
	t.Helper()
	p := launch(t, args...)
	t.Cleanup(p.kill)
	return p
}

func launch(t *testing.T, args ...string) *process {
	t.Helper()
	return launchCommand(t, exec.Command(program, args...))
}

func launchCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, out: &output{}, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.result = p.cmd.Wait()
		close(p.ended)
	}()
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// wait returns the exit code of a process that is about to end.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%v does not end; it said:\n%s", p.cmd.Args, p.out)
	}
	var exit *exec.ExitError
	if p.result != nil && !errors.As(p.result, &exit) {
		t.Fatalf("%v: %v", p.cmd.Args, p.result)
	}
	return p.cmd.ProcessState.ExitCode()
}

// newPlane starts a server on a data directory of its own.
func newPlane(t *testing.T) *plane {
	t.Helper()
	return planeAt(t, "127.0.0.1:0")
}

// planeAt is newPlane with a gateway that listens there.
func planeAt(t *testing.T, gateway string) *plane {
	t.Helper()
	return planeOn(t, filepath.Join(t.TempDir(), "data"), gateway)
}

// planeOn starts a server on this data directory.
func planeOn(t *testing.T, data, gateway string) *plane {
	t.Helper()
	p := &plane{t, &machine{data: data, record: filepath.Join(filepath.Dir(data), "record"), listen: gateway}}
	t.Cleanup(p.down)
	p.start()
	return p
}

var addresses = regexp.MustCompile(`(?m)^API\s+(http://\S+)\ngateway\s+(http://\S+)$`)

// start starts a server and waits until it has printed its addresses.
func (p *plane) start() {
	p.t.Helper()
	server := launch(p.t, "server", "--data", p.data, "--listen", "127.0.0.1:0", "--gateway", p.listen)
	p.mu.Lock()
	p.server, p.servers = server, append(p.servers, server)
	p.mu.Unlock()
	var found []string
	await(p.t, "the server prints its addresses", func() bool {
		select {
		case <-server.ended:
			p.t.Fatalf("the server ended: %v\n%s", server.result, server.out)
		default:
		}
		found = addresses.FindStringSubmatch(server.out.String())
		return found != nil
	})
	token, err := os.ReadFile(filepath.Join(p.data, "admin.token"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.api, p.gateway, p.token = found[1], found[2], strings.TrimSpace(string(token))
}

// addr is where API and gateway are now.
func (p *plane) addr() (api, gateway string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.api, p.gateway
}

// request is one to the server, with the admin's token.
func (p *plane) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, method, p.api+path, body)
	if err == nil {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	return req, err
}

// kill ends the server as a power cut would: nothing else is touched.
func (p *plane) kill() {
	p.t.Helper()
	p.server.kill()
}

// stop ends the server with SIGTERM and returns what it said.
func (p *plane) stop() string {
	p.t.Helper()
	if err := p.server.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if code := p.server.wait(p.t); code != 0 {
		p.t.Errorf("the server ended with %d after SIGTERM:\n%s", code, p.server.out)
	}
	return p.server.out.String()
}

// down ends everything of the data directory and checks that nothing is left.
func (p *plane) down() {
	if p.t.Failed() {
		p.explain()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "down", "--data", p.data).CombinedOutput()
	if err != nil {
		p.t.Errorf("sluice down: %v\n%s", err, out)
	}
	select {
	case <-p.server.ended:
	case <-time.After(patience):
		p.t.Error("the server goes on after sluice down")
		p.server.kill()
	}
	p.races(string(out))
	left := processesOf(p.data)
	for _, l := range left {
		p.t.Errorf("left behind by sluice down: process %d: %s", l.pid, l.command)
		_ = syscall.Kill(l.pid, syscall.SIGKILL)
	}
}

// races fails the test when a process built to look for data races found one.
func (p *plane) races(down string) {
	gateway, err := os.ReadFile(filepath.Join(p.data, "logs", "gateway.log"))
	if err != nil {
		p.t.Errorf("the gateway's log: %v", err)
	}
	said := map[string]string{"the gateway": string(gateway), "sluice down": down}
	for i, server := range p.servers {
		said[fmt.Sprintf("server %d", i+1)] = server.out.String()
	}
	for who, text := range said {
		if strings.Contains(text, "DATA RACE") {
			p.t.Errorf("%s has data races:\n%s", who, text)
		}
	}
}

// explain shows what a failed test needs for its diagnosis.
func (p *plane) explain() {
	if p.server == nil {
		return
	}
	p.t.Logf("the server said:\n%s", p.server.out)
	select {
	case <-p.server.ended:
		return
	default:
	}
	for _, s := range p.services() {
		p.t.Logf("%s: %s %s %q replicas %+v rollout %+v", s.Name, s.Status, s.Reason, s.Message, s.Replicas, s.Rollout)
		for _, r := range p.replicas(s.Name) {
			p.t.Logf("  %+v", r)
		}
		for _, e := range p.events(s.Name) {
			p.t.Logf("  %s %s: %s", e.Time.Format("15:04:05.000"), e.Reason, e.Message)
		}
	}
}

// await waits until the condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain until %s", patience, what)
		}
	}
}

// parallel starts a plane for a test that runs beside others.
func parallel(t *testing.T) *plane {
	t.Helper()
	t.Parallel()
	return newPlane(t)
}
