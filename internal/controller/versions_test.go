package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

func shownNumbers(list []api.Version) string {
	var text []string
	for _, v := range list {
		text = append(text, fmt.Sprint(v.Number))
	}
	return strings.Join(text, " ")
}

// TestVersionsAreShownAsTheyStand: what each changed, who runs it, and the page
// that was asked for.
func TestVersionsAreShownAsTheyStand(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.create(t, 4)
		time.Sleep(time.Minute)
		w.update(t, "2")
		time.Sleep(1500 * time.Millisecond) // in the middle of the rollout
		list, err := w.Versions(ctx, "s", Page{})
		if err != nil || shownNumbers(list) != "2 1" {
			t.Fatalf("%v, %v", shownNumbers(list), err)
		}
		if v := list[1]; v.Summary != "first version" || v.Current || v.Latest || v.Serving == 0 {
			t.Errorf("version 1: %+v", v)
		}
		if v := list[0]; v.Summary != "env A added" || !v.Current || !v.Latest || v.Serving == 0 || v.Sections != nil {
			t.Errorf("version 2: %+v", v)
		}
		if live := w.get(t).Replicas.Live; list[0].Serving+list[1].Serving != live {
			t.Errorf("%d and %d serve, %d live", list[0].Serving, list[1].Serving, live)
		}
		time.Sleep(time.Minute)
		for i := 3; i < 8; i++ {
			w.update(t, fmt.Sprint(i))
			time.Sleep(time.Minute)
		}
		for _, c := range []struct {
			page Page
			want string
		}{{Page{}, "7 6 5 4 3 2 1"}, {Page{Limit: 2}, "7 6"}, {Page{Limit: 2, Before: 6}, "5 4"}, {Page{Before: 3}, "2 1"}, {Page{Limit: 3, Before: 1}, ""}, {Page{Before: 99}, "7 6 5 4 3 2 1"}} {
			list, err := w.Versions(ctx, "s", c.page)
			if err != nil || shownNumbers(list) != c.want {
				t.Errorf("%+v: %s, %v; want %s", c.page, shownNumbers(list), err, c.want)
			}
		}
		// Replicas that were started as one version count as a later equal one.
		if _, err := w.Update(ctx, ann, "s", document(t, `{"labels":{"a":"b"}}`), false); err != nil {
			t.Fatal(err)
		}
		v, err := w.Version(ctx, "s", 8)
		if err != nil || v.Serving != 4 || v.Summary != "labels.a b added" || len(v.Sections) == 0 {
			t.Errorf("%+v, %v", v, err)
		}
		if v, _ := w.Version(ctx, "s", 7); v.Serving != 0 {
			t.Errorf("%d replicas count as version 7", v.Serving)
		}
	})
}

// TestPin: a pin is recorded and told, outlives a restart of the control plane,
// and asking for it twice changes nothing.
func TestPin(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.create(t, 1)
		time.Sleep(time.Minute)
		w.update(t, "2")
		time.Sleep(time.Minute)
		out, err := w.Pin(ctx, By{Actor: "ann", Message: "the good one"}, "s", 1, true)
		if err != nil || !out.Changed || out.Service.CurrentVersion != 2 {
			t.Fatalf("%+v, %v", out, err)
		}
		if out, err := w.Pin(ctx, ann, "s", 1, true); err != nil || out.Changed {
			t.Errorf("again: %+v, %v", out, err)
		}
		w.shut(t)
		w.open(t)
		v, err := w.Version(ctx, "s", 1)
		if err != nil || !v.Pinned || !v.Completed || v.Digests == nil {
			t.Errorf("after a restart: %+v, %v", v, err)
		}
		if out, err := w.Pin(ctx, ann, "s", 1, false); err != nil || !out.Changed {
			t.Errorf("unpin: %+v, %v", out, err)
		}
		if v, _ := w.Version(ctx, "s", 1); v.Pinned {
			t.Error("still pinned")
		}
		var missing *NotFoundError
		if _, err := w.Pin(ctx, ann, "s", 9, true); !errors.As(err, &missing) {
			t.Errorf("a version that is not there: %v", err)
		}
		var stale *StaleError
		if _, err := w.Pin(ctx, By{IfRevision: 1}, "s", 1, true); !errors.As(err, &stale) {
			t.Errorf("for an old revision: %v", err)
		}
		if !w.told(t, "VersionPinned", "version 1 is pinned", "the good one") || !w.told(t, "VersionUnpinned", "version 1 is not pinned") {
			t.Error("the events do not tell of it")
		}
	})
}

func (w *world) told(t *testing.T, reason string, parts ...string) bool {
	t.Helper()
	events, err := w.store.Events(context.Background(), store.EventQuery{Service: "s"})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		found := e.Reason == reason
		for _, part := range parts {
			found = found && strings.Contains(e.Message, part)
		}
		if found {
			return true
		}
	}
	return false
}

func TestDiff(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.create(t, 2)
		time.Sleep(time.Minute)
		w.update(t, "2")
		time.Sleep(time.Minute)
		if _, err := w.Scale(ctx, ann, "s", 5); err != nil {
			t.Fatal(err)
		}
		paths := func(pair Pair) string {
			t.Helper()
			d, err := w.Diff(ctx, "s", pair)
			if err != nil {
				t.Fatal(err)
			}
			var list []string
			for _, c := range d.Changes {
				list = append(list, c.Path)
			}
			return fmt.Sprintf("%d %d %s", d.From, d.To, strings.Join(list, " "))
		}
		for _, c := range []struct {
			pair Pair
			want string
		}{
			{Pair{From: 1, To: 2}, "1 2 containers[0].env[A]"},
			{Pair{From: 1}, "1 2 containers[0].env[A]"},
			{Pair{From: 2, To: 2}, "2 2 "},
			{Pair{}, "2 2 "},
		} {
			if got := paths(c.pair); got != c.want {
				t.Errorf("%+v: %s, want %s", c.pair, got, c.want)
			}
		}
		v, _ := w.Version(ctx, "s", 1)
		file := document(t, string(v.Config))
		if got := paths(Pair{From: 1, File: &file}); got != "1 0 " {
			t.Errorf("a version and its own file: %s", got)
		}
		if file, err := api.Set(file, "metadata.instance=null"); err != nil {
			t.Fatal(err)
		} else if got := paths(Pair{From: 2, File: &file}); got != "2 0 containers[0].env[A] metadata.instance" {
			t.Errorf("null takes it away, absence leaves it: %s", got)
		}
		bad := document(t, `{"metadata":{"name":"s"},"containers":[{"command":"x","port":-1}]}`)
		var invalid *api.InvalidError
		if _, err := w.Diff(ctx, "s", Pair{File: &bad}); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "containers[0].port") {
			t.Errorf("an invalid file: %v", err)
		}
		var missing *NotFoundError
		if _, err := w.Diff(ctx, "s", Pair{From: 9, File: &bad}); !errors.As(err, &missing) {
			t.Errorf("a version that is not there: %v", err)
		}
		d, err := w.Diff(ctx, "s", Pair{From: 1, To: 2, Lines: true})
		if err != nil || len(d.Lines) == 0 {
			t.Fatalf("%+v, %v", d, err)
		}
		var text []string
		for _, l := range d.Lines {
			if l.Op != api.LineSame {
				text = append(text, strings.TrimSpace(l.From)+" / "+strings.TrimSpace(l.To))
			}
		}
		if got := strings.Join(text, "|"); got != ` / env:| / - name: A| / value: "2"` {
			t.Errorf("lines that differ: %s", got)
		}
	})
}

func TestChangedContent(t *testing.T) {
	digests := func(stat, sum string) []api.Digest {
		return []api.Digest{{Path: "same", Stat: "s"}, {Path: "m", Stat: stat, SHA256: sum}, {Path: "m", Kind: "model", Stat: stat, SHA256: sum}}
	}
	for _, c := range []struct {
		name string
		a, b []api.Digest
		want int
	}{
		{"the same", digests("1", ""), digests("1", "x"), 0},
		{"another state", digests("1", ""), digests("2", ""), 1},
		{"copied there and back", digests("1", "x"), digests("2", "x"), 0},
		{"another content", digests("1", "x"), digests("2", "y"), 1},
		{"of one version only", digests("1", "x"), nil, 0},
	} {
		if got := changedContent(c.a, c.b); len(got) != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	a, b := &version{}, &version{}
	a.Digests, b.Digests = digests("1", "x"), digests("", "")
	if text := strings.Join(linesOf(a, b), "\n"); !strings.HasSuffix(text, "# content\n# m: sha256 x") {
		t.Errorf("as lines: %s", text)
	}
	if text := strings.Join(linesOf(b, a), "\n"); !strings.HasSuffix(text, "# m: missing") {
		t.Errorf("as lines: %s", text)
	}
}
