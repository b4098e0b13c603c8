package hub

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/store"
)

func TestDrainAddsUpGateways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int32
		h := newHub(Config{Epoch: 1, OnChange: func(s []string) {
			if len(s) == 1 && s[0] == "a" {
				told.Add(1)
			}
		}})
		defer h.Close()
		one, two := dial(t, h, "one", 1), dial(t, h, "two", 2)
		one.report(wire.Report{All: true, Loads: []wire.Load{
			{Service: "a", Replica: "a-1", Address: "x", InFlight: 2, Withdrawn: true, PickedAge: 3_000_000}}})
		if d := h.Drain("a-1"); d.Known || d.InFlight != 2 {
			t.Errorf("with one of two reports: %+v", d)
		}
		two.report(wire.Report{All: true, Loads: []wire.Load{
			{Service: "a", Replica: "a-1", Address: "x", InFlight: 0, IdleAge: 500_000, PickedAge: 1_000_000}}})
		d := h.Drain("a-1")
		if !d.Known || d.InFlight != 2 || !d.IdleSince.IsZero() || time.Since(d.LastPicked) != time.Second {
			t.Errorf("with both: %+v", d)
		}
		if told.Load() != 0 {
			t.Error("told of an end while requests are in flight")
		}
		one.report(wire.Report{Loads: []wire.Load{
			{Service: "a", Replica: "a-1", Address: "x", Withdrawn: true, IdleAge: 20_000, PickedAge: 3_000_000}}})
		d = h.Drain("a-1")
		if d.InFlight != 0 || time.Since(d.IdleSince) != 20*time.Millisecond {
			t.Errorf("after the end: %+v", d)
		}
		if told.Load() != 1 {
			t.Errorf("told %d times that the last request has ended, want once", told.Load())
		}
		// An address that the replica had before counts with it.
		two.report(wire.Report{Loads: []wire.Load{{Service: "a", Replica: "a-1", Address: "y", InFlight: 1, PickedAge: 0}}})
		if n, _ := h.InFlight("a-1"); n != 1 {
			t.Errorf("in flight %d, want that of the other address", n)
		}
	})
}

func TestDrainOfAnUnknownReplicaIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 1})
		defer h.Close()
		d := h.Drain("never")
		if !d.Known || d.IdleSince.IsZero() || !d.LastPicked.IsZero() {
			t.Errorf("%+v, want idle since the start", d)
		}
	})
}

func TestOldLoadsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 1})
		defer h.Close()
		g := dial(t, h, "g", 1)
		g.report(wire.Report{All: true, Loads: []wire.Load{
			{Replica: "busy", InFlight: 1}, {Replica: "done", Withdrawn: true, IdleAge: 1}}})
		for range 30 {
			time.Sleep(5 * time.Second)
			g.report(wire.Report{})
		}
		p := h.peers["g"]
		if len(p.loads) != 1 || p.loads["busy"] == nil {
			t.Errorf("kept %v, want the busy one alone", p.loads)
		}
		if h.Drain("done").IdleSince.IsZero() {
			t.Error("a forgotten replica is not idle")
		}
	})
}

func TestNumbersOnlyGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 1, Known: []store.Gateway{{ID: "g", Pid: 1}}})
		defer h.Close()
		say := func(g *fake, ok, lost uint64) {
			g.report(wire.Report{All: true, Tallies: []wire.Tally{{Service: "a", Version: 2, Class: [6]uint64{2: ok}, Lost: lost, Latency: [][2]uint64{{3, ok}}}}})
		}
		check := func(when string, ok, lost uint64) {
			t.Helper()
			n := h.Numbers()
			if of := h.Of("a"); len(of) != 1 || of[0] != n[0] || len(h.Of("b")) != 0 {
				t.Errorf("%s: of one service %+v, want %+v", when, of, n)
			}
			if len(n) == 1 && (n[0].Requests() != ok+lost || n[0].Errors() != lost) {
				t.Errorf("%s: %d requests, %d errors", when, n[0].Requests(), n[0].Errors())
			}
			if len(n) != 1 || n[0].Class[2] != ok || n[0].Lost != lost || n[0].Latency[3] != ok {
				t.Errorf("%s: %+v, want %d answered, %d lost", when, n, ok, lost)
			}
		}
		g := dial(t, h, "g", 1)
		say(g, 10, 1)
		say(g, 12, 1)
		check("at first", 12, 1)
		time.Sleep(2 * DefaultLease)
		check("after its lease", 12, 1)
		g = dial(t, h, "g", 1)
		say(g, 15, 1)
		check("the same process again", 15, 1)
		g = dial(t, h, "g", 2)
		say(g, 1, 0)
		check("another process", 16, 1)
		g.say(wire.Up{Bye: true})
		check("after goodbye", 16, 1)
	})
}

func TestHostileGateways(t *testing.T) {
	for name, lines := range map[string]string{
		"not JSON":           "GET / HTTP/1.1\r\n\r\n",
		"report first":       `{"report":{"revision":1}}` + "\n",
		"other protocol":     `{"hello":{"protocol":99,"id":"g"}}` + "\n",
		"no id":              `{"hello":{"protocol":1}}` + "\n",
		"future revision":    `{"hello":{"protocol":1,"id":"g"}}` + "\n" + `{"report":{"revision":4294967999}}` + "\n",
		"negative age":       `{"hello":{"protocol":1,"id":"g"}}` + "\n" + `{"report":{"loads":[{"replica":"r","in_flight":1,"oldest_age":-1}]}}` + "\n",
		"negative in flight": `{"hello":{"protocol":1,"id":"g"}}` + "\n" + `{"report":{"loads":[{"replica":"r","in_flight":-1}]}}` + "\n",
		"bucket too high":    `{"hello":{"protocol":1,"id":"g"}}` + "\n" + `{"report":{"tallies":[{"latencies":[[99999,1]]}]}}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { hostile(t, []byte(lines)) })
		})
	}
}

// hostile sends raw bytes to a hub and checks that the hub ends the connection
// and lives.
func hostile(t *testing.T, raw []byte) {
	h := newHub(Config{Epoch: 1})
	h.Open()
	h.Publish(route("a", "a-1"))
	ours, theirs := deadEnd(raw)
	h.sessions.Go(func() { h.session(theirs) })
	ours()
	h.Publish(route("a"))
	h.Drain("a-1")
	h.Numbers()
	h.Close()
}

func FuzzHub(f *testing.F) {
	f.Add([]byte(`{"hello":{"protocol":1,"id":"g"}}` + "\n" + `{"report":{"revision":4294967296,"all":true,"loads":[{"replica":"a-1","in_flight":1}]}}` + "\n"))
	f.Add([]byte(`{"hello":{"protocol":1,"id":"g"}}` + "\n" + `{"bye":true}` + "\n"))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) { hostile(t, raw) })
}

func TestOldestOfAllGateways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 1})
		defer h.Close()
		one, two := dial(t, h, "one", 1), dial(t, h, "two", 2)
		load := func(address string, inFlight int, oldest int64) wire.Load {
			return wire.Load{Service: "a", Replica: "a-1", Address: address, InFlight: inFlight, OldestAge: oldest}
		}
		one.report(wire.Report{All: true, Loads: []wire.Load{load("x", 2, 3_000_000), load("y", 1, 5_000_000)}})
		two.report(wire.Report{All: true, Loads: []wire.Load{load("x", 1, 4_000_000)}})
		want := func(what string, age time.Duration, holders int) {
			t.Helper()
			d := h.Drain("a-1")
			if got := time.Since(d.Oldest); age == 0 && !d.Oldest.IsZero() || age > 0 && got != age {
				t.Errorf("%s: %s, want %s", what, got, age)
			}
			if ids := h.Holders("a-1"); len(ids) != holders {
				t.Errorf("%s: in hand at %v, want %d", what, ids, holders)
			}
		}
		want("at first", 5*time.Second, 2)
		one.report(wire.Report{Loads: []wire.Load{load("y", 0, 0)}})
		want("without the oldest", 4*time.Second, 2)
		two.report(wire.Report{Loads: []wire.Load{load("x", 2, 0)}})
		want("one gateway does not tell", 0, 2)
		two.report(wire.Report{All: true})
		time.Sleep(time.Second)
		want("a second later, without it", 4*time.Second, 1)
		if g := h.Gateways(); g[0].InFlight != 2 || time.Since(g[0].Oldest) != 4*time.Second || !g[1].Oldest.IsZero() {
			t.Errorf("gateways: %+v", g)
		}
	})
}

func TestCountedSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 1})
		defer h.Close()
		say := func(g *fake, service string, ok uint64) {
			g.report(wire.Report{All: true, Tallies: []wire.Tally{
				{Service: service, Version: 2, Class: [6]uint64{2: ok}, Latency: [][2]uint64{{7, ok}}}, {Service: service, Class: [6]uint64{5: 9}}}})
		}
		want := func(what string, mark uint64, service string, n int, requests uint64) uint64 {
			t.Helper()
			got, bounds, next := h.CountedSince(mark)
			c := got[service][2]
			if len(got) != n || c.Requests != requests || n > 0 && (len(got[service]) != 1 || c.Latency[7] != requests) || len(bounds) != wire.Buckets-1 {
				t.Errorf("%s: %v; want %d services, %s with %d", what, got, n, service, requests)
			}
			return next
		}
		g := dial(t, h, "g", 1)
		say(g, "a", 1000) // of before this hub
		mark := want("when it is first heard", 0, "a", 1, 0)
		say(g, "a", 1003)
		say(g, "b", 4)
		mark = want("new ones", mark, "a", 2, 3)
		mark = want("nothing has happened", mark, "a", 0, 0)
		g.report(wire.Report{})
		say(g, "b", 5)
		mark = want("of b alone", mark, "b", 1, 5)

		late := dial(t, h, "late", 2)
		say(late, "b", 7000)
		mark = want("another comes with what it has served long ago", mark, "b", 1, 5)
		say(late, "b", 7002)
		mark = want("and goes on", mark, "b", 1, 7)
		time.Sleep(2 * DefaultLease)
		g = dial(t, h, "g", 1)
		say(g, "b", 6)
		mark = want("one is back after its lease", mark, "b", 1, 8)
		g = dial(t, h, "g", 3)
		say(g, "b", 1)
		mark = want("another process of its id", mark, "b", 1, 8)
		say(g, "b", 3)
		want("and goes on", mark, "b", 1, 10)
	})
}
