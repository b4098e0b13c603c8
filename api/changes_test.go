package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice.dev/sluice/api"
)

func TestChanges(t *testing.T) {
	for _, c := range []struct{ name, patch, classes, paths string }{
		{"nothing", `{}`, "", ""},
		{"another spelling", `{"metadata":{"rpc.keepalive":1e3,"instance":4.0}}`, "", ""},
		{"an empty object says nothing", `{"metadata":{"rolling_strategy":{},"scheduling":{"spread":{}}},"cloud":{},"storage":[]}`, "", ""},
		{"scale", `{"metadata":{"instance":5}}`, "scale", "metadata.instance"},
		{"grace", `{"metadata":{"eas.termination_grace_period":5}}`, "live", "metadata.eas.termination_grace_period"},
		{"drain", `{"metadata":{"eas.drain":null}}`, "live", "metadata.eas.drain"},
		{"sigterm", `{"metadata":{"rpc.enable_sigterm":false}}`, "live", "metadata.rpc.enable_sigterm"},
		{"strategy", `{"metadata":{"rolling_strategy":{"max_surge":1,"startup_timeout":5}}}`, "live", "metadata.rolling_strategy.max_surge metadata.rolling_strategy.startup_timeout"},
		{"limits", `{"metadata":{"rpc":{"keepalive":1,"max_queue_size":1,"rate_limit":1}}}`, "live", "metadata.rpc.keepalive metadata.rpc.max_queue_size metadata.rpc.rate_limit"},
		{"labels", `{"labels":{"x":"9","y":null}}`, "live", "labels.x labels.y"},
		{"command", `{"containers":[{"command":"./v2","env":[{"name":"A","value":"1"}]}]}`, "replica", "containers[0].command"},
		{"one more variable", `{"containers":[{"command":"./v1","env":[{"name":"B"},{"name":"A","value":"1"}]}]}`, "replica", "containers[0].env[B]"},
		{"model", `{"model_path":"m"}`, "replica", "model_path"},
		{"cpu", `{"metadata":{"cpu":2}}`, "replica", "metadata.cpu"},
		{"a check that appears", `{"containers":[{"command":"./v1","env":[{"name":"A","value":"1"}],"liveness_check":{"tcp_socket":{}}}]}`, "replica", "containers[0].liveness_check.tcp_socket"},
		{"crash block", `{"runtime":{"enable_crash_block":true}}`, "replica", "runtime.enable_crash_block"},
		{"group", `{"metadata":{"group":"h"}}`, "membership", "metadata.group"},
		{"weight, state and token", `{"metadata":{"weight":1,"traffic_state":"grouping"},"token":null}`, "membership", "metadata.traffic_state metadata.weight token"},
		{"two classes", `{"metadata":{"instance":1,"cpu":1}}`, "scale replica", "metadata.cpu metadata.instance"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := document(t, current)
			after, err := api.Merge(before, document(t, c.patch))
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range []api.ChangeSet{api.Changes(before, after), api.Changes(after, before)} {
				if classesOf(got) != c.classes || strings.Join(got.Paths, " ") != c.paths {
					t.Errorf("got %q %q, want %q %q", classesOf(got), got.Paths, c.classes, c.paths)
				}
				if got.Empty() != (c.paths == "") || got.Versioned() != (got.Live || got.Replica) {
					t.Errorf("Empty %v, Versioned %v", got.Empty(), got.Versioned())
				}
			}
		})
	}
}

func classesOf(c api.ChangeSet) string {
	var classes []string
	for _, class := range []struct {
		in   bool
		name api.Class
	}{{c.Scale, api.ClassScale}, {c.Live, api.ClassLive}, {c.Replica, api.ClassReplica}, {c.Membership, api.ClassMembership}} {
		if class.in {
			classes = append(classes, string(class.name))
		}
	}
	return strings.Join(classes, " ")
}

func TestReplicaKeys(t *testing.T) {
	got := string(api.ReplicaKeys(document(t, current)))
	want := `{"containers[0].command":"./v1","containers[0].env[A]":"1","containers[0].working_dir":"/srv","metadata.name":"a"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// drawDocument makes a service file out of the catalogue: any keys, each with a
// value of its own kind.
func drawDocument(t *rapid.T, label string) api.Document {
	doc := document(t, `{"metadata":{"name":"a"},"containers":[{"command":"./x"}]}`)
	keys := slices.DeleteFunc(api.Keys(), func(k api.Key) bool {
		return strings.Contains(strings.ReplaceAll(k.Path, "containers[]", ""), "[]") || k.Path == "containers" || k.Path == "metadata.name" || strings.HasSuffix(k.Type.Name, "objects")
	})
	var paths []string
	for _, k := range keys {
		paths = append(paths, strings.ReplaceAll(k.Path, "[]", "[0]"))
	}
	for i := range rapid.IntRange(0, 12).Draw(t, label) {
		path := rapid.SampledFrom(paths).Draw(t, fmt.Sprint(label, i))
		value := rapid.SampledFrom([]string{"1", "2", `"a"`, `"b"`, `""`, "true", "null", "{}", `{"a":"1"}`, `["x"]`, `["x","y"]`, "[]"}).Draw(t, "value")
		changed, err := api.Set(doc, path+"="+value)
		if err == nil {
			doc = changed
		}
	}
	for _, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"A", "B", "C"}), 0, 3).Draw(t, label+"env") {
		if changed, err := api.Set(doc, "containers[0].env["+name+"]="+rapid.SampledFrom([]string{"1", "2"}).Draw(t, "v")); err == nil {
			doc = changed
		}
	}
	return doc
}

// The laws that the controller builds on.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawDocument(t, "a"), drawDocument(t, "b")
		if again := document(t, string(a.JSON())); !again.Equal(a) {
			t.Fatalf("reading the normal form again changes it: %s to %s", a.JSON(), again.JSON())
		}
		changes := api.Changes(a, b)
		if same := string(api.ReplicaKeys(a)) == string(api.ReplicaKeys(b)); same == changes.Replica {
			t.Fatalf("replica keys equal: %v, but Changes says %v for\n%s\n%s", same, changes, a.JSON(), b.JSON())
		}
		if back := api.Changes(b, a); !slices.Equal(back.Paths, changes.Paths) {
			t.Fatalf("there %v, back %v", changes, back)
		}
		if self := api.Changes(a, a); !self.Empty() {
			t.Fatalf("a document differs from itself: %v", self)
		}
		merged, err := api.Merge(a, b)
		if err != nil {
			return // an unknown key, drawn into an object
		}
		if twice, err := api.Merge(merged, b); err != nil || !twice.Equal(merged) {
			t.Fatalf("merging twice: %v, %s to %s", err, merged.JSON(), twice.JSON())
		}
		if !api.Validates(merged) {
			return
		}
		config, m := api.SplitMembership(merged)
		if rest := api.Changes(merged, config); rest.Scale || rest.Live || rest.Replica {
			t.Fatalf("taking the membership out changed %v", rest)
		}
		if back := api.Changes(merged, config.WithMembership(m)); !back.Empty() {
			t.Fatalf("putting it back changed %v", back)
		}
	})
}

func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range api.Keys() {
		if seen[k.Path] {
			t.Errorf("%s stands in it twice", k.Path)
		}
		seen[k.Path] = true
		if k.Doc == "" || k.Section == "" || k.Type.Allowed == "" || k.Class == "" {
			t.Errorf("%s is incomplete: %+v", k.Path, k)
		}
		if k.Effect == api.EffectUsed && k.Why != "" {
			t.Errorf("%s is used, but has a reason for having no effect", k.Path)
		}
		if k.Effect != api.EffectUsed && k.Why == "" && !hasReasonAbove(k.Path) {
			t.Errorf("%s has no effect and no reason for it", k.Path)
		}
		if k.Default != "" && (!json.Valid([]byte(k.Default)) || !k.Type.Accepts(k.Default)) {
			t.Errorf("%s: its default %s is not allowed", k.Path, k.Default)
		}
	}
	// Every key of EAS that the project set out to know.
	for _, path := range strings.Fields(`metadata.name metadata.instance metadata.group metadata.cpu metadata.memory metadata.gpu metadata.gpu_memory
		metadata.gpu_core_percentage metadata.resource metadata.workspace_id metadata.qos metadata.rolling_strategy.max_surge metadata.rolling_strategy.max_unavailable
		metadata.eas.termination_grace_period metadata.rpc.keepalive metadata.rpc.max_queue_size metadata.rpc.worker_threads metadata.rpc.io_threads metadata.rpc.rate_limit
		metadata.rpc.batching metadata.rpc.max_batch_size metadata.rpc.max_batch_timeout metadata.rpc.enable_sigterm metadata.scheduling.spread.policy
		metadata.resource_rebalancing metadata.resource_burstable metadata.enable_grpc metadata.enable_webservice metadata.workload_type metadata.type metadata.shm_size
		cloud.computing.instances[].type cloud.computing.instances[].spot_price_limit cloud.computing.instances[].capacity cloud.networking.vpc_id
		cloud.networking.vswitch_id cloud.networking.security_group_id containers[].image containers[].command containers[].script containers[].port
		containers[].env[].name containers[].env[].value containers[].prepare.pythonRequirements containers[].prepare.pythonRequirementsPath
		containers[].startup_check.exec.command containers[].liveness_check.tcp_socket.port containers[].health_check.http_get.scheme dockerAuth
		storage[].mount_path storage[].oss.path storage[].oss.endpoint storage[].oss.readOnly storage[].nfs storage[].dataset processor processor_path processor_entry
		processor_mainclass processor_type model_path model_entry model_config oss_endpoint warm_up_data_path token networking.gateway
		networking.gateway_policy.rate_limit.enable networking.gateway_policy.rate_limit.limit networking.gateway_policy.concurrency_limit.enable
		networking.gateway_policy.concurrency_limit.limit autoscaler runtime.enable_crash_block labels unit.size sinker.type sinker.config features
		metadata.eas.drain metadata.rolling_strategy.replacement metadata.rolling_strategy.startup_timeout metadata.rolling_strategy.min_ready_seconds
		containers[].working_dir metadata.weight metadata.traffic_state`) {
		if !seen[path] {
			t.Errorf("%s is missing", path)
		}
	}
}

func hasReasonAbove(path string) bool {
	for _, k := range api.Keys() {
		if k.Why != "" && (strings.HasPrefix(path, k.Path+".") || strings.HasPrefix(path, k.Path+"[]")) {
			return true
		}
	}
	return false
}
