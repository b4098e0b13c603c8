package hub

import (
	"log/slog"
	"net"
	"slices"
	"testing"
	"testing/synctest"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/traffic"
)

func group(name string, members ...traffic.Member) traffic.Group {
	return traffic.Group{Name: name, Members: members}
}

func groups(table wire.Table) (names []string) {
	for _, g := range table.Groups {
		names = append(names, g.Name)
	}
	slices.Sort(names)
	return names
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// connect is dial without a Hello.
func connect(t *testing.T, h *Hub) *fake {
	t.Helper()
	ours, theirs := net.Pipe()
	h.sessions.Go(func() { h.session(theirs) })
	t.Cleanup(func() { ours.Close() })
	return &fake{t: t, conn: ours, in: wire.NewReader(ours)}
}

func (f *fake) hello(h wire.Hello) {
	h.Protocol, h.Listen = wire.Protocol, "127.0.0.1:1"
	f.say(wire.Up{Hello: &h})
}

func TestPublishGroupNumbersChanges(t *testing.T) {
	h := newHub(Config{Epoch: 7})
	defer h.Close()
	a, b := traffic.Member{Service: "a", Weight: 70}, traffic.Member{Service: "b", Weight: 30}
	first := h.PublishGroup(group("g", a, b))
	if want := uint64(7<<32 | 1); first != want {
		t.Fatalf("first revision %d, want %d", first, want)
	}
	if again := h.PublishGroup(group("g", b, a)); again != first {
		t.Errorf("the same in another order is revision %d", again)
	}
	ruled := group("g", a, b)
	ruled.Rules = []traffic.Rule{{Service: "b", Header: "X-Beta"}}
	if r := h.PublishGroup(ruled); r != first+1 {
		t.Errorf("a rule more is revision %d, want %d", r, first+1)
	}
	if r := h.Withdraw("g"); r != first+1 {
		t.Errorf("the end of a service that is a group is revision %d", r)
	}
	if r := h.WithdrawGroup("g"); r != first+2 || h.WithdrawGroup("g") != r {
		t.Errorf("the end is revision %d", r)
	}
	if r := h.Publish(route("g", "g-1")); r != first+3 || h.WithdrawGroup("g") != r {
		t.Errorf("a service in the group's place is revision %d", r)
	}
	mirrored := route("g", "g-1")
	mirrored.Mirror = &traffic.Mirror{Service: "b", Percent: 5}
	if r := h.Publish(mirrored); r != first+4 {
		t.Errorf("a mirror more is revision %d", r)
	}
	mirrored.Mirror = &traffic.Mirror{Service: "b", Percent: 5}
	if r := h.Publish(mirrored); r != first+4 {
		t.Errorf("the same mirror is revision %d", r)
	}
	if r := h.PublishGroup(group("g", a)); r != first+5 {
		t.Errorf("a group in the service's place is revision %d", r)
	}
}

// TestTablesCarryGroups has a gateway come back after the control plane began
// anew: its first table has the groups too. One of an older release is told of
// the services only, and that the name which became a group is no service.
func TestTablesCarryGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 2, Log: quiet(), Known: []store.Gateway{{ID: "new", Pid: 1}, {ID: "old", Pid: 2}}})
		defer h.Close()
		h.Publish(route("a", "a-1"))
		h.Publish(route("n", "n-1"))
		h.PublishGroup(group("g", traffic.Member{Service: "a", Weight: 1}))
		h.Open()
		now, old := connect(t, h), connect(t, h)
		now.hello(wire.Hello{ID: "new", Pid: 1, Groups: true, Revision: 1<<32 | 9})
		old.hello(wire.Hello{ID: "old", Pid: 2, Revision: 1<<32 | 9})
		full := now.table()
		if !full.Full || !slices.Equal(services(full), []string{"a", "n"}) || !slices.Equal(groups(full), []string{"g"}) {
			t.Errorf("first table %+v", full)
		}
		if full := old.table(); len(full.Groups) != 0 || len(full.Routes) != 2 || len(full.Withdrawn) != 0 {
			t.Errorf("first table of the older release: %+v", full)
		}
		r := h.PublishGroup(group("n", traffic.Member{Service: "a", Weight: 1}))
		if next := now.table(); !slices.Equal(groups(next), []string{"n"}) || len(next.Withdrawn) != 0 || next.Revision != r {
			t.Errorf("a service that becomes a group: %+v", next)
		}
		if next := old.table(); !slices.Equal(next.Withdrawn, []string{"n"}) || next.Revision != r {
			t.Errorf("the same to the older release: %+v", next)
		}
		r = h.WithdrawGroup("g")
		if next := now.table(); !slices.Equal(next.Withdrawn, []string{"g"}) || next.Revision != r {
			t.Errorf("a group that ends: %+v", next)
		}
		now.report(wire.Report{Revision: r, All: true})
		if h.Acked() >= r {
			t.Error("acknowledged by one of two")
		}
		old.report(wire.Report{Revision: r, All: true})
		if h.Acked() != r {
			t.Errorf("acknowledged %d, want %d", h.Acked(), r)
		}
		if is := h.Gateways(); !is[0].Groups || is[1].Groups {
			t.Errorf("gateways %+v", is)
		}
	})
}

// TestSharesOnlyGrow follows counts through a report, the end of a process and
// the next one under the same id.
func TestSharesOnlyGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Config{Epoch: 2, Log: quiet()})
		defer h.Close()
		h.Open()
		say := func(f *fake, n uint64) {
			f.report(wire.Report{All: true,
				Shares: []wire.Share{{Group: "g", Service: "a", Split: 7 * n, Aimed: n, Instead: 1}, {Group: "g", Service: "b", Split: 3 * n, Others: 2, Tested: 1}, {Group: "x", Service: "b", Split: 9}},
				Mirrors: []wire.Mirror{{Source: "a", Skipped: n, Dropped: 2, Failed: 3,
					Copies: wire.Tally{Service: "b", Class: [6]uint64{2: n}, Latency: [][2]uint64{{4, n}}}}}})
		}
		check := func(when string, n, times uint64) {
			t.Helper()
			got := h.GroupNumbers("g")
			want := map[string]Shares{"a": {Split: 7 * n, Aimed: n, Instead: times}, "b": {Split: 3 * n, Others: 2 * times, Tested: times}}
			if len(got) != 2 || got["a"] != want["a"] || got["b"] != want["b"] {
				t.Errorf("%s: %+v, want %+v", when, got, want)
			}
			m := h.MirrorNumbers("a")
			if len(m) != 1 || m[0].Skipped != n || m[0].Dropped != 2*times || m[0].Failed != 3*times ||
				m[0].Copies.Service != "b" || m[0].Copies.Class[2] != n || m[0].Copies.Latency[4] != n {
				t.Errorf("%s: mirrors %+v", when, m)
			}
			if all := h.AllGroupNumbers(); all["x"]["b"].Split != 9*times {
				t.Errorf("%s: of all groups %+v", when, all)
			}
		}
		first := connect(t, h)
		first.hello(wire.Hello{ID: "g1", Pid: 1, Groups: true})
		first.table()
		say(first, 10)
		check("one report", 10, 1)
		say(first, 20)
		check("its next", 20, 1)
		second := connect(t, h)
		second.hello(wire.Hello{ID: "g1", Pid: 2, Groups: true})
		second.table()
		check("another process under the id", 20, 1)
		say(second, 5)
		check("which counts from zero", 25, 2)
		h.Drop("g1")
		check("its end", 25, 2)
		third := connect(t, h)
		third.hello(wire.Hello{ID: "g2", Pid: 3, Groups: true})
		third.table()
		say(third, 1)
		check("another gateway", 26, 3)
		if len(h.GroupNumbers("none")) != 0 || len(h.MirrorNumbers("b")) != 0 || len(h.Numbers()) != 0 {
			t.Error("numbers of what never was")
		}
	})
}
