package history_test

import (
	"slices"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

func TestPlacedFiles(t *testing.T) {
	for _, c := range []struct{ path, from, to, want string }{
		{"/srv/a/models/v1", "/srv/a", "/opt/b", "/opt/b/models/v1"},
		{"/srv/a/models/v1", "/srv/a/", "/opt/b/", "/opt/b/models/v1"},
		{"/srv/another/v1", "/srv/a", "/opt/b", "/srv/another/v1"},
		{"/usr/bin/python3", "/srv/a", "/opt/b", "/usr/bin/python3"},
		{"/srv/a/models/v1", "/srv/a", "", "/srv/a/models/v1"},
		{"/srv/a/models/v1", "", "/opt/b", "/srv/a/models/v1"},
		{"python3", "/srv/a", "/opt/b", "python3"},
	} {
		given := []api.Digest{{Path: c.path, Stat: "s", Retained: true}}
		if got := history.PlacedFiles(given, c.from, c.to); got[0].Path != c.want || got[0].Retained || given[0].Path != c.path {
			t.Errorf("%s from %q to %q: %+v, want %s", c.path, c.from, c.to, got[0], c.want)
		}
	}
	if got := history.PlacedFiles([]api.Digest{{Kind: api.FileImage, Path: "/srv/a/image"}}, "/srv/a", "/opt"); got[0].Path != "/srv/a/image" {
		t.Errorf("an image is no file: %+v", got)
	}
}

func TestRenamed(t *testing.T) {
	e := api.Export{Service: api.ExportedService{Name: "a", Sequence: 3},
		Rollouts: []api.Rollout{{ID: "a-r7", Service: "a", History: &api.RolloutHistory{Failures: []api.ReplicaFailure{{Replica: "a-2-5"}}}}, {ID: "other-r1"}},
		Events:   []api.Event{{Seq: 9, Service: "a", Replica: "a-1-2", Rollout: "a-r7", Message: "replica a-1-2 is ready"}}}
	got := history.Renamed(e, "b")
	ro, event := got.Rollouts[0], got.Events[0]
	if got.Service.Name != "b" || ro.ID != "b-r7" || ro.Service != "b" || ro.History.Failures[0].Replica != "b-2-5" || got.Rollouts[1].ID != "other-r1" {
		t.Errorf("%+v", got)
	}
	if event != (api.Event{Service: "b", Replica: "b-1-2", Rollout: "b-r7", Message: "replica a-1-2 is ready"}) {
		t.Errorf("%+v", event)
	}
	if e.Rollouts[0].ID != "a-r7" || e.Rollouts[0].History.Failures[0].Replica != "a-2-5" || e.Events[0].Seq != 9 {
		t.Errorf("what was given has changed: %+v", e)
	}
	if n := history.NextSequence(e); n != 8 {
		t.Errorf("the next sequence is %d, and rollout 7 is there", n)
	}
}

func TestUnset(t *testing.T) {
	doc := read(t, `{"token":"sealed:v1:lost","containers":[{"env":[{"name":"A","value":"********","secret":true},
		{"name":"B","value":"known","secret":true},{"name":"C","value":"********"}]}]}`)
	if got := history.Unset(doc); !slices.Equal(got, []string{"token", "containers[0].env[A]"}) {
		t.Errorf("%q", got)
	}
}
