package digits_test

import (
	"os"
	"reflect"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/examples/digits"
)

// TestServiceFiles: both files are valid, without a warning, and say the same;
// what they refer to is there.
func TestServiceFiles(t *testing.T) {
	var specs []*api.Spec
	for _, name := range []string{"service.yaml", "service.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		document, err := api.ParseDocument(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		spec, err := api.Parse(document)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if warnings := api.Warnings(document); len(warnings) > 0 {
			t.Errorf("%s: %q", name, warnings)
		}
		if m, err := digits.Load(spec.ModelPath); err != nil || m.Version != "1" {
			t.Errorf("%s: model_path %s: %v", name, spec.ModelPath, err)
		}
		if !spec.Drain.Sigterm || spec.Drain.Mode != api.DrainIdle || spec.Container.Health == nil || spec.Container.Liveness == nil {
			t.Errorf("%s: drain %+v, checks of %+v", name, spec.Drain, spec.Container)
		}
		specs = append(specs, spec)
	}
	if !reflect.DeepEqual(specs[0], specs[1]) {
		t.Errorf("the files differ:\n%+v\n%+v", specs[0], specs[1])
	}
}

// TestPlanFile: it is valid, and takes both kinds of faults back.
func TestPlanFile(t *testing.T) {
	text, err := os.ReadFile("plan.yaml")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := api.ParsePlanChange(text)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Batch == nil || plan.Batch.Size.Value != 1 || plan.Gates == nil || len(*plan.Gates) != 2 {
		t.Fatalf("%+v", plan)
	}
	for i, metric := range []string{api.MetricErrorRate, api.MetricLatencyP50} {
		if g := (*plan.Gates)[i]; g.Metric != metric || g.OnFail != api.GateRollback {
			t.Errorf("gate %d: %+v", i, g)
		}
	}
}
