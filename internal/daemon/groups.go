package daemon

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/placement"
	"sluice.dev/sluice/internal/rollout"
)

// ResourceGroup is a kind of capacity that a service may name as
// metadata.resource.
type ResourceGroup struct {
	Kind        string       `yaml:"kind"` // public, dedicated or quota
	ElasticPool bool         `yaml:"elastic_pool"`
	Capacity    CapacityFile `yaml:"capacity"`
}

// CapacityFile is what a group has for all its replicas together; what is left
// out is unlimited.
type CapacityFile struct {
	CPU    *float64 `yaml:"cpu"`    // cores
	Memory *int     `yaml:"memory"` // MB
	GPU    *int     `yaml:"gpu"`    // devices 0 to n-1
	// GPUs names the devices instead, as $CUDA_VISIBLE_DEVICES takes them.
	GPUs []string `yaml:"gpus"`
}

// maxGPUs of one group: far beyond any machine, and small enough to list.
const maxGPUs = 1024

// check says what is wrong in the group at this path of the file, "" for nothing.
func (g ResourceGroup) check(at string) string {
	switch rollout.ResourceKind(g.Kind) {
	case rollout.Public, rollout.Dedicated, rollout.Quota:
	default:
		return fmt.Sprintf("%s.kind: %q is not allowed; public, dedicated or quota is", at, g.Kind)
	}
	c := g.Capacity
	at += ".capacity"
	switch {
	case c.CPU != nil && !(*c.CPU >= 0 && *c.CPU <= 1e6):
		return fmt.Sprintf("%s.cpu: %g is not allowed; a number of cores from 0 is, and none for no limit", at, *c.CPU)
	case c.Memory != nil && *c.Memory < 0:
		return fmt.Sprintf("%s.memory: %d is not allowed; a number of MB from 0 is, and none for no limit", at, *c.Memory)
	case c.GPU != nil && (*c.GPU < 0 || *c.GPU > maxGPUs):
		return fmt.Sprintf("%s.gpu: %d is not allowed; a number from 0 to %d is, and none for no limit", at, *c.GPU, maxGPUs)
	case c.GPU != nil && c.GPUs != nil && *c.GPU != len(c.GPUs):
		return fmt.Sprintf("%s.gpu: %d is not the number of devices that gpus names, %d; leave one of them out", at, *c.GPU, len(c.GPUs))
	}
	for i, name := range c.GPUs {
		switch {
		case name == "" || strings.ContainsAny(name, ", \t\n"):
			return fmt.Sprintf("%s.gpus[%d]: %q is not allowed; the name of a device is, without spaces and commas", at, i, name)
		case slices.Index(c.GPUs, name) < i:
			return fmt.Sprintf("%s.gpus[%d]: %q is named twice; name each device once", at, i, name)
		}
	}
	return ""
}

func (c CapacityFile) capacity() placement.Capacity {
	has := placement.Capacity{CPU: c.CPU, MemoryMB: c.Memory, GPUs: c.GPUs}
	if c.GPUs == nil && c.GPU != nil {
		has.GPUs = make([]string, *c.GPU)
		for i := range has.GPUs {
			has.GPUs[i] = strconv.Itoa(i)
		}
	}
	return has
}

func (f File) resources() map[string]controller.Group {
	groups := map[string]controller.Group{}
	for name, g := range f.ResourceGroups {
		groups[name] = controller.Group{Kind: rollout.ResourceKind(g.Kind), Elastic: g.ElasticPool, Capacity: g.Capacity.capacity()}
	}
	return groups
}
