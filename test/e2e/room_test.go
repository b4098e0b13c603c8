package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

// devices are the gpus that the environments of a service's running replicas
// name.
func (p *plane) devices(name string) (list []string) {
	p.t.Helper()
	for _, r := range p.replicas(name) {
		for _, gpu := range []string{"0", "1"} {
			if r.Pid > 0 && holds(fmt.Sprintf("/proc/%d", r.Pid), "environ", "CUDA_VISIBLE_DEVICES="+gpu+"\x00") {
				list = append(list, gpu)
			}
		}
	}
	slices.Sort(list)
	return list
}

func (p *plane) eachHasItsOwn(name string) {
	p.t.Helper()
	if got := p.devices(name); !slices.Equal(got, []string{"0", "1"}) {
		p.t.Errorf("the replicas have the gpus %q", got)
	}
}

// TestGPUs updates a service that has every gpu of its resource group: with
// max_unavailable 1 it goes on, with 0 it waits for room, says why, and can be
// scaled or rolled back out of that. The control plane is killed meanwhile.
func TestGPUs(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	config := "resource_groups: {box: {kind: dedicated, capacity: {gpu: 2}}}\n"
	if err := os.WriteFile(filepath.Join(data, "server.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := planeOn(t, data, "127.0.0.1:0")
	unavailable := func(n int) object {
		return object{"rolling_strategy": object{"max_unavailable": n, "replacement": "termination_complete"}}
	}
	p.create(p.file("llm", 2).with(object{"resource": "box", "gpu": 1}).with(unavailable(1)).with(ending(true, "idle", 30)))
	p.eachHasItsOwn("llm")
	p.update("llm", p.container("2"))
	p.settled("llm", 2)
	p.eachHasItsOwn("llm")

	// No replica may be missing: nothing can move. This is version 3.
	p.change(http.MethodPut, "/services/llm", object{"metadata": unavailable(0)})
	stuck := func(mark string) {
		a := p.update("llm", p.container(mark))
		contains(t, "the warnings", strings.Join(a.Warnings, "\n"), "resource group box has 0 of 2 gpus free", "max_unavailable=1")
		s := p.until("llm", "says what it waits for", func(s api.Service) bool {
			return s.Rollout != nil && strings.Contains(s.Rollout.WaitingFor, "gpus free")
		})
		contains(t, "what it waits for", s.Rollout.WaitingFor, "room for replica llm-", "0 of 2 gpus free", "llm-2-")
		if s.Replicas.Kept != 2 || s.Replicas.Ready != 2 {
			t.Errorf("while it waits: %+v", s.Replicas)
		}
	}
	stuck("4")
	p.kill()
	p.start()
	p.until("llm", "still waits", func(s api.Service) bool {
		return s.Rollout != nil && strings.Contains(s.Rollout.WaitingFor, "0 of 2 gpus free")
	})
	p.eachHasItsOwn("llm")
	p.put("llm", "version", nil) // rollback
	p.settled("llm", 3)
	p.eachHasItsOwn("llm")

	stuck("5")
	p.put("llm", "scale", object{"instance": 1})
	p.settled("llm", 5)
	if got := p.devices("llm"); len(got) != 1 {
		t.Errorf("scaled to one replica, gpus %q", got)
	}

	pr := p.refused(http.StatusUnprocessableEntity, http.MethodPut, "/services/llm/scale", object{"instance": 3})
	contains(t, "the refusal of a scale", fmt.Sprintf("%+v", pr), "metadata.instance", "2 gpus in all", "the most replicas it holds is 2")
}
