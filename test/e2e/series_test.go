package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

func (p *plane) series(name, query string) api.Series {
	return get[api.Series](p, "/services/"+name+"/series?"+query)
}

// beside is how many points show the versions beside each other, each with ready
// replicas and requests.
func beside(s api.Series, versions ...int) (n int) {
	for _, point := range s.Points {
		var got []int
		for _, v := range point.Versions {
			if v.Ready > 0 && v.Requests > 0 && v.P50 != nil && v.P99 != nil {
				got = append(got, v.Version)
			}
		}
		if slices.Equal(got, versions) {
			n++
		}
	}
	return n
}

// TestSeries: under load through a real gateway the versions of a rollout that
// stands at its target are seen beside each other, with the rollout's steps as
// marks. Minutes are there again after the server was stopped and killed, and what
// was served meanwhile is not taken for what is served now.
func TestSeries(t *testing.T) {
	p := parallel(t)
	created := p.create(p.file("chart", 2).with(ending(true, "idle", 30)))
	load := startLoad(t, created.Endpoint, 2, 0)
	p.change(http.MethodPost, "/services/chart/plan", object{"target_updated": 1})
	p.update("chart", p.container("two"))
	p.stands("chart", 1)
	await(t, "a step shows both versions", func() bool { return beside(p.series("chart", "minutes=5"), 1, 2) > 0 })
	s := p.series("chart", "minutes=5")
	kinds := []string{}
	for _, m := range s.Marks {
		kinds = append(kinds, m.Kind)
	}
	if s.StepSeconds != 10 || !slices.Contains(kinds, "Created") || !slices.Contains(kinds, "Updated") {
		t.Errorf("steps of %d s, marks %v", s.StepSeconds, kinds)
	}
	highest := 0.0
	for _, point := range s.Points {
		for _, v := range point.Versions {
			highest = max(highest, v.Requests)
		}
	}
	minutes := func() int { return beside(p.series("chart", "minutes=61"), 1, 2) }
	for end := time.Now().Add(2 * patience); minutes() == 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no minute shows both versions: %+v", p.series("chart", "minutes=61"))
		}
	}
	p.stop()
	load.more(200)
	p.start()
	if minutes() == 0 {
		t.Errorf("after a stop no minute is known: %+v", p.series("chart", "minutes=61"))
	}
	p.kill()
	load.more(200)
	p.start()
	if minutes() == 0 {
		t.Errorf("after a kill no minute is known: %+v", p.series("chart", "minutes=61"))
	}
	before := beside(p.series("chart", "minutes=5"), 1, 2)
	await(t, "it is measured again", func() bool { return beside(p.series("chart", "minutes=5"), 1, 2) > before })
	for _, point := range p.series("chart", "minutes=5").Points {
		for _, v := range point.Versions {
			if v.Requests > 20*highest {
				t.Errorf("%v: %g requests/s, before the restarts never more than %g", point.At, v.Requests, highest)
			}
		}
	}
	load.end()
	for _, problem := range load.problems {
		t.Error(problem)
	}
}

// TestGatewaysInHand: of a replica that drains with a stream in hand it is seen how
// old the stream is, since when it drains and when it will be cut.
func TestGatewaysInHand(t *testing.T) {
	p := parallel(t)
	created := p.create(p.file("hand", 1).with(ending(true, "idle", 120)))
	began := time.Now()
	stream := p.hold(created.Endpoint)
	opened := time.Now()
	draining := p.only("hand")
	p.update("hand", p.container("two"))
	var load api.ReplicaLoad
	await(t, "the old replica drains and the grace period runs", func() bool {
		for _, r := range get[api.GatewayView](p, "/gateways").Replicas {
			if r.Replica == draining.ID && r.Phase == api.ReplicaDraining && r.Deadline != nil {
				load = r
				return true
			}
		}
		return false
	})
	asked := time.Now()
	if load.InFlight != 1 || load.Service != "hand" || load.Version != 1 || load.Oldest == nil || load.DrainingSince == nil || !slices.Equal(load.Gateways, []string{"local"}) {
		t.Fatalf("%+v", load)
	}
	// A report's way makes a request look younger by as long as it takes.
	if age := time.Duration(*load.Oldest * float64(time.Second)); age > asked.Sub(began) || age < asked.Sub(opened)/2-2*time.Second {
		t.Errorf("%s old, it began %s to %s ago", age, asked.Sub(opened), asked.Sub(began))
	}
	within(t, "the deadline", load.DrainingSince.Time, load.Deadline.Time, 120*time.Second, 120*time.Second+patience)
	view := get[api.GatewayView](p, "/gateways?service=hand")
	if len(view.Gateways) != 1 || len(view.Replicas) != 2 {
		t.Fatalf("%+v", view)
	}
	if g := view.Gateways[0]; g.ID != "local" || g.State != api.GatewayAccepting || !g.Connected || g.InFlight != 1 || g.Oldest == nil || g.Acked != view.Revision || g.Revision != view.Revision || g.Pid == 0 {
		t.Errorf("%+v at revision %d", g, view.Revision)
	}
	stream.leave()
	draining.gone()
	await(t, "nothing is in hand", func() bool {
		view := get[api.GatewayView](p, "/gateways")
		return len(view.Replicas) == 0 && view.Gateways[0].InFlight == 0 && view.Gateways[0].Oldest == nil
	})
}
