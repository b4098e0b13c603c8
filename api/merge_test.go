package api_test

import (
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

const current = `{"metadata":{"name":"a","instance":4,"group":"g","weight":10,"rpc":{"enable_sigterm":true,"keepalive":1000},"eas":{"drain":"idle"}},
	"token":"t","labels":{"x":"1","y":"2"},
	"containers":[{"command":"./v1","working_dir":"/srv","env":[{"name":"A","value":"1"}]}]}`

func TestMerge(t *testing.T) {
	for _, c := range []struct {
		name, patch string
		want        map[string]any // nil wants the path gone
	}{
		{"objects merge", `{"metadata":{"rpc":{"keepalive":2000}},"labels":{"z":"3"}}`,
			map[string]any{"metadata.rpc.enable_sigterm": true, "labels.x": "1", "labels.z": "3", "metadata.eas.drain": "idle"}},
		{"the flat spelling merges too", `{"metadata":{"rpc.enable_sigterm":false}}`, map[string]any{"metadata.rpc.enable_sigterm": false}},
		{"null removes", `{"metadata":{"group":null,"rpc":null},"labels":{"x":null}}`,
			map[string]any{"metadata.group": nil, "metadata.rpc": nil, "labels.x": nil, "labels.y": "2", "metadata.name": "a"}},
		{"empty text leaves the group", `{"metadata":{"group":""},"token":""}`, map[string]any{"metadata.group": nil, "token": nil}},
		{"arrays are replaced, working_dir stays", `{"containers":[{"command":"./v2"}]}`,
			map[string]any{"containers[0].command": "./v2", "containers[0].env": nil, "containers[0].working_dir": "/srv"}},
		{"working_dir is changed when named", `{"containers":[{"command":"./v2","working_dir":"/opt"}]}`, map[string]any{"containers[0].working_dir": "/opt"}},
		{"working_dir is removed by null", `{"containers":[{"command":"./v2","working_dir":null}]}`, map[string]any{"containers[0].working_dir": nil}},
		{"null inside a list is nothing", `{"containers":[{"command":"./v2","image":null}]}`, map[string]any{"containers[0].image": nil}},
		{"the same name is no change", `{"metadata":{"name":"a"}}`, map[string]any{"metadata.name": "a"}},
		{"containers can go", `{"containers":null}`, map[string]any{"containers": nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := document(t, current)
			record := string(before.JSON())
			got, err := api.Merge(before, document(t, c.patch))
			if err != nil {
				t.Fatal(err)
			}
			expect(t, got, c.want)
			if string(before.JSON()) != record {
				t.Error("the current document was changed")
			}
		})
	}
}

func TestReplace(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       map[string]any
	}{
		{"what is not named goes, but for scale, membership, name and working_dir", `{"containers":[{"command":"./v2"}]}`,
			map[string]any{"containers[0].command": "./v2", "containers[0].env": nil, "containers[0].working_dir": "/srv", "metadata.rpc": nil,
				"metadata.eas": nil, "labels": nil, "metadata.instance": "4", "metadata.group": "g", "metadata.weight": "10", "token": "t", "metadata.name": "a"}},
		{"what is named holds", `{"metadata":{"name":"a","instance":2,"group":"h"},"token":"u","containers":[{"command":"./v2","working_dir":"/opt"}]}`,
			map[string]any{"metadata.instance": "2", "metadata.group": "h", "token": "u", "metadata.weight": "10", "containers[0].working_dir": "/opt"}},
		{"null removes", `{"metadata":{"instance":null,"group":null,"weight":null},"token":null,"containers":[{"command":"./v2","working_dir":null}]}`,
			map[string]any{"metadata.instance": nil, "metadata.group": nil, "metadata.weight": nil, "token": nil, "containers[0].working_dir": nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := api.Replace(document(t, current), document(t, c.file))
			if err != nil {
				t.Fatal(err)
			}
			expect(t, got, c.want)
		})
	}
}

func expect(t *testing.T, doc api.Document, want map[string]any) {
	t.Helper()
	for path, value := range want {
		got, found := doc.Lookup(path)
		if number, ok := got.(interface{ String() string }); ok {
			got = number.String()
		}
		if found != (value != nil) || got != value {
			t.Errorf("%s is %v (found %v), want %v\n%s", path, got, found, value, doc.JSON())
		}
	}
}

func TestTheNameStays(t *testing.T) {
	for _, patch := range []string{`{"metadata":{"name":"b"}}`, `{"metadata":{"name":null}}`, `{"metadata":{"name":1}}`} {
		if _, err := api.Merge(document(t, current), document(t, patch)); err == nil || !strings.Contains(err.Error(), `cannot be changed; it is "a"`) {
			t.Errorf("Merge of %s: %v", patch, err)
		}
		if _, err := api.Replace(document(t, current), document(t, patch)); err == nil || !strings.HasPrefix(err.Error(), "metadata.name: ") {
			t.Errorf("Replace by %s: %v", patch, err)
		}
	}
	if got, err := api.Merge(api.Document{}, document(t, valid)); err != nil || !got.Equal(document(t, valid)) {
		t.Errorf("the first file: %s, %v", got.JSON(), err)
	}
}

func TestMembership(t *testing.T) {
	doc := document(t, current)
	config, m := api.SplitMembership(doc)
	if m.Group != "g" || m.Token != "t" || m.Weight == nil || *m.Weight != 10 || m.TrafficState != "" {
		t.Errorf("membership %+v", m)
	}
	expect(t, config, map[string]any{"metadata.group": nil, "metadata.weight": nil, "token": nil, "metadata.instance": "4", "metadata.name": "a"})
	if !config.Equal(api.SnapshotConfig(doc)) {
		t.Error("a version keeps something else")
	}
	if back := config.WithMembership(m); !back.Equal(doc) {
		t.Errorf("put together again it is %s", back.JSON())
	}
	weight := 0
	expect(t, config.WithMembership(api.Membership{Group: "h", Weight: &weight, TrafficState: "grouping"}),
		map[string]any{"metadata.group": "h", "metadata.weight": "0", "metadata.traffic_state": "grouping", "token": nil})
}

func TestAsInForce(t *testing.T) {
	version := document(t, `{"metadata":{"name":"a","instance":9,"rolling_strategy":{"max_surge":5,"replacement":"termination_complete"},"eas":{"drain":"idle"}},"containers":[{"command":"./old"}]}`)
	now := document(t, `{"metadata":{"name":"a","instance":4,"group":"g","rolling_strategy":{"max_unavailable":1}},"token":"t","containers":[{"command":"./new"}]}`)
	expect(t, api.AsInForce(version, now), map[string]any{
		"metadata.instance": "4", "metadata.group": "g", "token": "t", "metadata.rolling_strategy.max_unavailable": "1",
		"metadata.rolling_strategy.max_surge": nil, "metadata.rolling_strategy.replacement": nil,
		"containers[0].command": "./old", "metadata.eas.drain": "idle",
	})
}
