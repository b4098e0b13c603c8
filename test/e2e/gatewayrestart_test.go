package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

// restartGateway runs `sluice gateway restart`.
func (p *plane) restartGateway() error {
	p.t.Helper()
	server, _ := p.addr()
	out, err := exec.Command(program, "gateway", "restart", "--server", server, "--data", p.data).CombinedOutput()
	if err != nil {
		return &commandError{err, string(out)}
	}
	return nil
}

type commandError struct {
	error
	said string
}

func (e *commandError) Error() string { return e.error.Error() + ": " + e.said }

// TestGatewayRestart restarts the gateway politely while callers ask, a rollout
// runs and a stream is open; puts other limits in force; and lets the control
// plane be killed with two gateways about.
func TestGatewayRestart(t *testing.T) {
	t.Parallel()
	p := planeAt(t, freeAddress(t))
	created := p.create(p.file("model", 3, slowStart...).with(ending(true, "idle", 60)))
	old := p.gatewayProcess()
	load := startLoad(t, created.Endpoint, 6, 2)
	stream := p.hold(created.Endpoint)
	load.more(50)
	p.update("model", p.container("two", slowStart...))
	p.until("model", "is in the middle of its rollout", func(s api.Service) bool { return s.Replicas.Updated >= 1 })
	if err := p.restartGateway(); err != nil {
		t.Fatal(err)
	}
	if now := gatewaysOf(p.data); len(now) != 2 {
		t.Errorf("with a stream in the old gateway these run: %+v", now)
	}
	load.more(100)
	// The stream is in the old gateway's hands and keeps its replica.
	p.until("model", "waits for the stream alone", func(s api.Service) bool {
		return s.Replicas.Ready == 3 && s.Replicas.Live == 3 && s.Replicas.Updated == 3 && s.Replicas.Draining == 1
	})
	stream.read(100)
	if s := p.service("model"); s.Replicas.Draining != 1 {
		t.Errorf("after another second the replica with the stream is gone: %+v", s.Replicas)
	}

	p.kill()
	load.more(50)
	if err := os.WriteFile(filepath.Join(p.data, "server.yaml"), []byte("gateway:\n  max_body_bytes: 100000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	await(t, "the server says that the gateway has other limits", func() bool {
		return strings.Contains(p.server.out.String(), "sluice gateway restart")
	})
	contains(t, "what the server says", p.server.out.String(), "other limits")
	for range 2 {
		if err := p.restartGateway(); err != nil {
			t.Fatal(err)
		}
	}
	load.more(100)
	stream.read(50)
	stream.leave()
	p.settled("model", 2)
	load.nothingLost(p.record)
	await(t, "the first gateway has ended", func() bool {
		return !slices.ContainsFunc(gatewaysOf(p.data), func(s seen) bool { return s.pid == old.pid })
	})
	// The one that serves now dies: another comes, and those that retire go on.
	var young seen
	for _, g := range gatewaysOf(p.data) {
		young = g
		if strings.Contains(g.command, "--id local-4 ") {
			break
		}
	}
	if !strings.Contains(young.command, "--max-body 100000") {
		t.Errorf("the gateway in charge runs as %s", young.command)
	}
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	kill9(t, young.pid)
	await(t, "another gateway answers", func() bool {
		_, err := infer(fresh, created.Endpoint, "after-its-death", "", 0)
		return err == nil
	})
}
