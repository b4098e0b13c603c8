package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestManyHands lets several people do whatever comes to their mind to one
// service at the same time, some of it bad, while its server is killed again and
// again. Each gets a clear answer, callers notice nothing, and in the end the
// service runs what was asked for last.
func TestManyHands(t *testing.T) {
	p := parallel(t)
	created := p.create(p.file("model", 3, slowStart...).with(ending(true, "idle", 30)))
	load := startLoad(t, created.Endpoint, 6, 2)
	// Never fewer than two are asked for, and none may be missing.
	s := p.sample("model", bounds{minReady: 2, maxLive: 6})
	stop := make(chan struct{})
	var hands sync.WaitGroup
	for hand := range 3 {
		random := rand.New(rand.NewPCG(uint64(hand), 1))
		hands.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(random.IntN(300)) * time.Millisecond):
				}
				p.anything("model", random, fmt.Sprintf("%d-%d", hand, n), slowStart)
			}
		})
	}
	for range 3 {
		load.more(400)
		p.kill()
		load.more(50)
		p.start()
	}
	load.more(400)
	close(stop)
	hands.Wait()

	p.unplan("model")
	last := p.update("model", p.container("last", slowStart...))
	p.settled("model", last.CurrentVersion)
	s.check(t)
	load.nothingLost(p.record)
	for _, r := range p.replicas("model") {
		if r.Version != last.CurrentVersion || !r.Ready {
			t.Errorf("a replica that nobody asked for last: %+v", r)
		}
	}
}

// unplan deletes the service's update plan, if it has one.
func (p *plane) unplan(name string) {
	p.t.Helper()
	if status, text, err := p.call(http.MethodDelete, "/services/"+name+"/plan", nil); err != nil || status != http.StatusOK && status != http.StatusNotFound {
		p.t.Errorf("DELETE plan of %s: %d %s %v", name, status, text, err)
	}
}

// anything makes one change, which it tells. It may be refused, and no server may
// be there, but the server may not fail.
func (p *plane) anything(name string, random *rand.Rand, mark string, flags []string) string {
	p.t.Helper()
	changes := []struct {
		what string
		body any
	}{
		{"", object{"containers": []object{p.container(mark, flags...)}}},
		{"", object{"containers": []object{p.container(mark, failing...)}}},
		{"", object{"labels": object{"mark": mark}}},
		{"/restart", nil},
		{"/version", nil},
		{"/version", object{"version": 1}},
		{"/scale", object{"instance": 2 + random.IntN(4)}},
		{"/rollout", object{"paused": true}},
		{"/rollout", object{"paused": false}},
		{"/plan", object{"target_updated": random.IntN(3)}},
		{"/plan", object{"target_updated": "100%"}},
		{"/plan", object{"batch": object{"size": 1, "interval": "1s"}, "on_failure": "rollback"}},
		{"/plan", object{"paused": false}},
		{"/plan/rollback", nil},
	}
	c := changes[random.IntN(len(changes))]
	status, text, err := p.call(http.MethodPut, "/services/"+name+c.what, c.body)
	unplanned := status == http.StatusNotFound && strings.HasPrefix(c.what, "/plan")
	if err == nil && status != http.StatusOK && status != http.StatusConflict && status != http.StatusPreconditionFailed && !unplanned {
		p.t.Errorf("PUT %s %v: %d %s", c.what, c.body, status, text)
	}
	return fmt.Sprintf("PUT %s%s %v: %d", name, c.what, c.body, status)
}
