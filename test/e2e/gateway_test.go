package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

// gatewayProcess is the gateway that the server has started.
func (p *plane) gatewayProcess() seen {
	p.t.Helper()
	var found []seen
	await(p.t, "one gateway runs", func() bool {
		found = gatewaysOf(p.data)
		return len(found) == 1
	})
	return found[0]
}

func gatewaysOf(data string) (found []seen) {
	for _, s := range processesOf(data) {
		if strings.Contains(s.command, " gateway --id ") {
			found = append(found, s)
		}
	}
	return found
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	return free.Addr().String()
}

// TestKilledWhileStarting kills servers between the start of their gateway and
// its first word. The gateway of one must not keep the port from the next.
func TestKilledWhileStarting(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	data := filepath.Join(t.TempDir(), "data")
	for range 5 {
		server := launch(t, "server", "--data", data, "--listen", "127.0.0.1:0", "--gateway", address)
		await(t, "a gateway is started", func() bool { return len(gatewaysOf(data)) > 0 })
		server.kill()
	}
	p := planeOn(t, data, address)
	p.create(p.file("model", 1))
	if _, err := infer(http.DefaultClient, p.service("model").Endpoint, "first", "", 0); err != nil {
		t.Error(err)
	}
	p.gatewayProcess()
}

// TestGatewayKilled kills the gateway in the middle of a rollout. The server
// starts another on the same address; requests fail only while none is there,
// and the rollout ends.
func TestGatewayKilled(t *testing.T) {
	t.Parallel()
	p := planeAt(t, freeAddress(t))
	s := p.create(p.file("model", 4, slowStart...).with(ending(true, "idle", 30)))
	p.update("model", p.container("two", slowStart...))
	p.until("model", "is in the middle of its rollout", func(s api.Service) bool { return s.Replicas.Updated >= 1 })
	old := p.gatewayProcess()
	kill9(t, old.pid)
	away := time.Now()
	lost := 0
	await(t, "another gateway answers", func() bool {
		_, err := infer(http.DefaultClient, s.Endpoint, fmt.Sprint("try-", lost), "", 0)
		if err != nil {
			lost++
		}
		return err == nil
	})
	t.Logf("the gateway was away for %s; %d requests failed meanwhile, as they must", time.Since(away), lost)
	// From now on none may fail, while the rollout goes on.
	load := startLoad(t, s.Endpoint, 4, 1)
	if now := p.gatewayProcess(); now.pid == old.pid {
		t.Error("the gateway that was killed is still there")
	}
	p.settled("model", 2)
	load.more(100)
	load.nothingLost(p.record)
}

// TestControlPlaneAway stops the server. It says what goes on, traffic does, and
// the next server takes over the very same processes, and notices which are
// missing.
func TestControlPlaneAway(t *testing.T) {
	p := parallel(t)
	s := p.create(p.file("model", 3))
	gateway := p.gatewayProcess()
	before := p.replicas("model")
	load := startLoad(t, s.Endpoint, 4, 1)
	load.more(50)
	contains(t, "what the server says at its end", p.stop(), "3 replicas and the gateway go on", "sluice down --data "+p.data)
	load.more(200)
	p.start()
	if now := p.gatewayProcess(); now.pid != gateway.pid {
		t.Errorf("gateway %d is %d now", gateway.pid, now.pid)
	}
	if now := p.replicas("model"); !slices.EqualFunc(before, now, sameProcess) {
		t.Errorf("replicas were %+v and are %+v", before, now)
	}
	p.settled("model", 1)
	load.nothingLost(p.record)

	// A replica that dies while nobody looks is passed over, and replaced later.
	p.stop()
	dead := before[0]
	kill9(t, dead.Pid)
	for i := range 50 {
		if _, err := infer(http.DefaultClient, s.Endpoint, fmt.Sprint("without-control-plane-", i), "", 0); err != nil {
			t.Error(err)
		}
	}
	p.start()
	p.settled("model", 1)
	if now := p.replica("model", dead.ID); now.Pid == dead.Pid || now.Restarts != 1 {
		t.Errorf("the replica that died is %+v now", now)
	}
}

func sameProcess(a, b api.Replica) bool {
	return a.ID == b.ID && a.Pid == b.Pid && a.Address == b.Address && a.Ready && b.Ready && a.Restarts == b.Restarts
}

// TestTokens sets, changes and removes a service's token: each is in force when
// the change is answered.
func TestTokens(t *testing.T) {
	p := parallel(t)
	s := p.create(p.file("model", 1))
	ask := func(authorization string) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, s.Endpoint+"/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	set := func(token any, want map[string]int) {
		t.Helper()
		a := p.change(http.MethodPut, "/services/model", object{"token": token})
		if a.LatestVersion != 1 {
			t.Errorf("a token made version %d", a.LatestVersion)
		}
		for authorization, status := range want {
			if got := ask(authorization); got != status {
				t.Errorf("with token %v, %q is answered with %d, want %d", token, authorization, got, status)
			}
		}
	}
	for i := range 5 {
		one, two := fmt.Sprintf("one-%d", i), fmt.Sprintf("two-%d", i)
		set(one, map[string]int{"": 401, one: 200, "Bearer " + one: 200, two: 401})
		set(two, map[string]int{"": 401, one: 401, "Bearer " + one: 401, two: 200})
		set(nil, map[string]int{"": 200})
	}
}

// TestNobodyReady asks services that have no replica to answer: the gateway says
// so, why, and when to ask again.
func TestNobodyReady(t *testing.T) {
	p := parallel(t)
	p.change(http.MethodPost, "/services", p.file("starting", 1, "-unready"))
	p.create(p.file("empty", 0))
	p.create(p.file("stopped", 1).with(ending(true, "idle", 30)))
	p.put("stopped", "stop", nil)
	p.until("stopped", "has stopped", func(s api.Service) bool { return s.Status == api.StatusStopped })
	for _, name := range []string{"starting", "empty", "stopped"} {
		pr, header := p.unserved(name)
		if pr.Status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || pr.Detail == "" {
			t.Errorf("%s: %+v %v", name, pr, header)
		}
		t.Logf("%s: %s", name, pr.Detail)
	}
	if pr, _ := p.unserved("nobody"); pr.Status != http.StatusNotFound {
		t.Errorf("a service that is not there: %+v", pr)
	}
	// It is answered as soon as there is somebody.
	r := p.replicas("starting")[0]
	await(t, "the replica listens", func() bool {
		resp, err := http.Post("http://"+r.Address+"/ready", "", nil)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	p.settled("starting", 1)
	if _, err := infer(http.DefaultClient, p.service("starting").Endpoint, "first", "", 0); err != nil {
		t.Error(err)
	}
}

// unserved asks a service that nobody answers for.
func (p *plane) unserved(name string) (pr problem, header http.Header) {
	p.t.Helper()
	_, gateway := p.addr()
	resp, err := http.Get(gateway + "/api/predict/" + name + "/live")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, &pr)
	}
	if err != nil || pr.Status != resp.StatusCode {
		p.t.Errorf("%s: %s %s %v", name, resp.Status, text, err)
	}
	return pr, resp.Header
}
