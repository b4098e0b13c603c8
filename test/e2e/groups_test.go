package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"sluice.dev/sluice/api"
)

// members creates services in a group.
func (p *plane) members(group string, n map[string]int, flags ...string) {
	p.t.Helper()
	for name, replicas := range n {
		p.create(p.file(name, replicas, flags...).with(ending(true, "idle", 30)).with(object{"group": group}))
	}
}

func (p *plane) group(name string) api.Group { return get[api.Group](p, "/groups/"+name) }

// asked sends n requests to an address by so many callers, and counts the
// services that answered.
func (p *plane) asked(address string, callers, n int, header ...string) map[string]int {
	p.t.Helper()
	var mu sync.Mutex
	counts := map[string]int{}
	var group sync.WaitGroup
	for c := range callers {
		group.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i := c; i < n; i += callers {
				req, _ := http.NewRequest(http.MethodPost, address+"/infer", strings.NewReader("x"))
				req.Header.Set("X-Request-Id", fmt.Sprintf("g-%d", i))
				for _, h := range header {
					key, value, _ := strings.Cut(h, ": ")
					req.Header.Add(key, value)
				}
				by := "error"
				if resp, err := client.Do(req); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					by = resp.Header.Get("X-Sluice-Service")
					if resp.StatusCode != http.StatusOK {
						by = fmt.Sprint(resp.StatusCode)
					}
				}
				mu.Lock()
				counts[by]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return counts
}

func (p *plane) wantCounts(got map[string]int, want string) {
	p.t.Helper()
	if fmt.Sprint(got) != want {
		p.t.Errorf("answered by %v, want %s", got, want)
	}
}

// TestGroupSplit: 70/30/0 over 500 requests by ten callers are exactly 350, 150
// and none, at an address that stays; every member keeps its own.
func TestGroupSplit(t *testing.T) {
	p := parallel(t)
	p.members("prod", map[string]int{"a": 2})
	p.members("prod", map[string]int{"b": 1, "c": 1})
	g := p.group("prod")
	p.wantCounts(p.asked(g.Endpoint, 4, 40), "map[a:40]") // joining moves nothing
	p.change(http.MethodPut, "/groups/prod", object{"traffic_mode": "customized"})
	p.put("a", "release", object{"weight": 70})
	p.put("b", "release", object{"weight": 30, "traffic_state": "grouping"})
	p.put("c", "release", object{"weight": 0, "traffic_state": "grouping"})
	p.wantCounts(p.asked(g.Endpoint, 10, 500), "map[a:350 b:150]")
	for _, name := range []string{"a", "b", "c"} {
		own := p.service(name)
		p.wantCounts(p.asked(own.Endpoint, 2, 20), fmt.Sprintf("map[%s:20]", name))
		if want := map[string]float64{"a": 0.7, "b": 0.3, "c": 0}[name]; own.Traffic.Share != want || own.Traffic.State != api.StateGrouping {
			t.Errorf("%s is shown as %+v, want a share of %g", name, own.Traffic, want)
		}
	}

	// It stays so without a control plane, and after another one has started.
	p.kill()
	p.wantCounts(p.asked(g.Endpoint, 10, 100), "map[a:70 b:30]")
	p.start()
	p.until("a", "is back", func(s api.Service) bool { return s.Replicas.Ready == 2 })
	p.wantCounts(p.asked(g.Endpoint, 10, 100), "map[a:70 b:30]")

	// A member without replicas gives its share to the others; weights of 0 are a
	// 503 that says so.
	p.put("b", "scale", object{"instance": 0})
	p.until("b", "is scaled to 0", func(s api.Service) bool { return s.Replicas.Live == 0 })
	p.wantCounts(p.asked(g.Endpoint, 4, 50), "map[a:50]")
	p.put("a", "release", object{"weight": 0})
	p.put("b", "release", object{"weight": 0})
	p.wantCounts(p.asked(g.Endpoint, 1, 3), "map[503:3]")
	resp, err := http.Get(g.Endpoint + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.Header.Get("Retry-After") == "" || !strings.Contains(string(body), "weight") {
		t.Errorf("no weight: %s %s", resp.Header, body)
	}
	if p.group("prod").Endpoint != g.Endpoint {
		t.Errorf("the address has changed from %s to %s", g.Endpoint, p.group("prod").Endpoint)
	}
}

// TestSplitOutlivesControlPlane: the split by replicas goes on exactly while the
// control plane is killed and another one finds out what is ready.
func TestSplitOutlivesControlPlane(t *testing.T) {
	p := parallel(t)
	p.members("prod", map[string]int{"a": 1})
	p.members("prod", map[string]int{"b": 3})
	address := p.group("prod").Endpoint
	p.put("b", "release", object{"traffic_state": "grouping"})
	stop, counts := make(chan struct{}), make(chan map[string]int)
	go func() {
		sum := map[string]int{}
		for over := false; !over; {
			for name, n := range p.asked(address, 4, 100) {
				sum[name] += n
			}
			select {
			case <-stop:
				over = true
			default:
			}
		}
		counts <- sum
	}()
	for range 3 {
		p.kill()
		p.start()
		p.until("b", "is back", func(s api.Service) bool { return s.Replicas.Ready == 3 })
	}
	close(stop)
	if got := <-counts; got["a"]+got["b"] < 200 || got["b"] != 3*got["a"] || len(got) != 2 {
		t.Errorf("answered by %v, want one by a for three by b", got)
	}
}

// TestAimedTraffic: rules, users that stay where they are, and a test by name.
func TestAimedTraffic(t *testing.T) {
	p := parallel(t)
	p.members("prod", map[string]int{"a": 1})
	p.members("prod", map[string]int{"b": 1})
	address := p.group("prod").Endpoint
	p.change(http.MethodPut, "/groups/prod", object{"rules": []object{
		{"header": "X-Canary", "equals": "always", "service": "b"},
		{"cookie": "user", "percent": 30, "service": "b"},
	}})
	p.wantCounts(p.asked(address, 2, 20, "X-Canary: always"), "map[b:20]")
	p.wantCounts(p.asked(address, 2, 20, "X-Canary: no"), "map[a:20]")
	p.wantCounts(p.asked(address, 2, 20, "X-Sluice-Service: b"), "map[b:20]")
	ours := 0
	for user := range 100 {
		cookie := fmt.Sprintf("Cookie: user=u%d", user)
		first := p.asked(address, 1, 1, cookie)
		if again := p.asked(address, 1, 3, cookie); len(again) != 1 || again["b"] > 0 != (first["b"] > 0) {
			t.Fatalf("user %d moves: %v, then %v", user, first, again)
		}
		ours += first["b"]
	}
	if ours < 15 || ours > 45 {
		t.Errorf("%d of 100 users go to b, want about 30", ours)
	}
	p.change(http.MethodPut, "/groups/prod", object{"token": "s3cret", "rules": []object{}})
	p.wantCounts(p.asked(address, 1, 3), "map[401:3]")
	p.wantCounts(p.asked(address, 1, 3, "Authorization: Bearer s3cret"), "map[a:3]")
	p.wantCounts(p.asked(p.service("b").Endpoint, 1, 3), "map[b:3]") // its own address asks for none
	p.refused(http.StatusUnprocessableEntity, http.MethodPut, "/groups/prod", object{"rules": []object{{"header": "X", "matches": "(", "service": "b"}}})
	p.refused(http.StatusUnprocessableEntity, http.MethodPut, "/groups/prod", object{"rules": []object{{"header": "X", "service": "nobody"}}})
}

// TestReleaseUnderLoad changes weights, states and modes while callers ask:
// nothing is lost, and at the end the split is exact.
func TestReleaseUnderLoad(t *testing.T) {
	p := parallel(t)
	p.members("prod", map[string]int{"a": 2}, slowStart...)
	p.members("prod", map[string]int{"b": 2}, slowStart...)
	address := p.group("prod").Endpoint
	load := startLoad(t, address, 4, 2)
	for i, change := range []func(){
		func() { p.put("b", "release", object{"traffic_state": "grouping"}) },
		func() { p.change(http.MethodPut, "/groups/prod", object{"traffic_mode": "customized"}) },
		func() { p.put("b", "release", object{"weight": 200}) },
		func() { p.put("a", "release", object{"traffic_state": "standalone"}) },
		func() { p.update("b", p.container("two", slowStart...)) },
		func() { p.put("a", "release", object{"traffic_state": "grouping", "weight": 100}) },
		func() { p.kill(); p.start() },
		func() { p.put("b", "scale", object{"instance": 0}) },
		func() { p.put("b", "scale", object{"instance": 3}) },
		func() { p.change(http.MethodPut, "/groups/prod", object{"traffic_mode": "auto"}) },
		func() { p.put("b", "version", object{"version": 1}) },
		func() { p.change(http.MethodPut, "/groups/prod", object{"traffic_mode": "customized"}) },
	} {
		change()
		load.more(50)
		t.Logf("change %d: %v", i, p.group("prod").Members)
	}
	p.settled("b", 1)
	load.nothingLost(p.record)
	p.put("a", "release", object{"weight": 3})
	p.put("b", "release", object{"weight": 1})
	p.wantCounts(p.asked(address, 8, 200), "map[a:150 b:50]")
}
