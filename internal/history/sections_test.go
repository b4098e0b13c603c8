package history_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

func TestSections(t *testing.T) {
	doc := read(t, `{"model_path":"models/v1","labels":{"a.b":"1"},"storage":[{"mount_path":"/m"}],
		"metadata":{"name":"a","instance":2,"cpu":1,"resource":"r","rolling_strategy":{"max_surge":1},"rpc":{"keepalive":5},"keep_versions":9},
		"containers":[{"image":"m:1","command":"./a","env":[{"name":"B","value":"1"}],"health_check":{"http_get":{"path":"/ready"}}}]}`)
	var lines []string
	for _, s := range history.Sections(doc) {
		for _, f := range s.Fields {
			mark := ""
			if f.Default {
				mark = " (default)"
			}
			lines = append(lines, fmt.Sprintf("%s: %s %s%s", s.Title, f.Path, f.Value, mark))
		}
	}
	got := strings.Join(lines, "\n")
	for _, want := range []string{
		`Image: containers[0].image "m:1"`,
		`Model: model_path "models/v1"`,
		`Model: storage[0].mount_path "/m"`,
		`Resources: metadata.cpu 1`,
		`Resources: metadata.instance 2`,
		`Command: containers[0].command "./a"`,
		`Command: containers[0].port 8000 (default)`,
		`Environment: containers[0].env[B] "1"`,
		`Checks: containers[0].health_check.http_get.path "/ready"`,
		`Checks: containers[0].health_check.period_seconds 5 (default)`,
		`Strategy: metadata.rolling_strategy.max_surge 1`,
		`Strategy: metadata.eas.termination_grace_period 30 (default)`,
		`Requests: metadata.rpc.keepalive 5`,
		`Placement: metadata.resource "r"`,
		`Versions: metadata.keep_versions 9`,
		`Versions: metadata.retain "auto" (default)`,
		`Other: labels["a.b"] "1"`,
		`Other: metadata.name "a"`,
	} {
		if !strings.Contains("\n"+got+"\n", "\n"+want+"\n") {
			t.Errorf("%s is missing in\n%s", want, got)
		}
	}
	for _, wrong := range []string{"startup_check", "tcp_socket", "instance 1", "keepalive 600000", "metadata.weight", "env[].", "worker_threads"} {
		if strings.Contains(got, wrong) {
			t.Errorf("%s has no place in\n%s", wrong, got)
		}
	}
	if !strings.HasPrefix(got, "Image:") || strings.LastIndex(got, "Strategy:") > strings.Index(got, "Requests:") {
		t.Errorf("the order is not that of the titles:\n%s", got)
	}
}

// Every key of the catalogue has a section, and only labels, identity and what
// has no effect end in the last one.
func TestEveryKeyHasASection(t *testing.T) {
	for _, key := range api.Keys() {
		if key.Effect != api.EffectUsed || key.Class == api.ClassMembership || strings.HasPrefix(key.Path, "labels") || strings.HasPrefix(key.Type.Name, "object") {
			continue
		}
		inContainer := strings.TrimPrefix(key.Path, "containers[].")
		if strings.Contains(inContainer, "[]") || key.Path == "containers" || key.Type.Name == "list of objects" {
			continue
		}
		path := strings.ReplaceAll(key.Path, "[]", "[0]")
		doc, err := api.Set(read(t, `{"containers":[{}]}`), path+"=1") // types are not looked at
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range history.Sections(doc) {
			for _, f := range s.Fields {
				if !f.Default && s.Title == "Other" && !strings.HasPrefix(path, "metadata.name") && path != "metadata.enable_grpc" {
					t.Errorf("%s has no section of its own", key.Path)
				}
			}
		}
	}
}
