package process

import (
	"errors"
	"fmt"

	"sluice.dev/sluice/api"
)

// Warnings says which limits of a service file this runtime cannot enforce and
// why; nothing when it can.
func (r *Runtime) Warnings(s *api.Spec) []string {
	if r.limits.refused == nil {
		return nil
	}
	var out []string
	for _, limit := range []struct {
		key   string
		asked bool
	}{{"metadata.cpu", s.CPU > 0}, {"metadata.memory", s.MemoryMB > 0}} {
		if limit.asked {
			out = append(out, fmt.Sprintf("%s: not enforced on this server, so a process may use what the machine has: %v", limit.key, r.limits.refused))
		}
	}
	return out
}

// openLimits finds out whether limits can be enforced. When not, each service that
// asks for one is warned; the log says it once for all, quietly, since most ask
// for none.
func (r *Runtime) openLimits() {
	r.limits = &cgroups{refused: errors.New("this runtime was not told to")}
	if !r.cfg.Limits {
		return
	}
	r.limits = openCgroups(r.data)
	if r.limits.refused != nil {
		r.cfg.Log.Info("metadata.cpu and metadata.memory are not enforced on this server", "reason", r.limits.refused)
	}
}

// outOfMemory says that the kernel ended processes of a run for its limit, or
// "".
func (n *run) outOfMemory() string {
	if n.cgroup.oomKills() <= n.ooms {
		return ""
	}
	return fmt.Sprintf("the kernel ended it because it reached its limit of %d MB; raise metadata.memory, or have it use less", n.memoryMB)
}

// limited tells whether a replica asks for a limit.
func limited(s *api.Spec) bool { return s.CPU > 0 || s.MemoryMB > 0 }

// cpuPeriod is the kernel's default, in microseconds.
const cpuPeriod = 100_000

// cpuMax is the text of cpu.max: so many microseconds of CPU time in each
// period. 1.5 cores are "150000 100000"; the kernel takes no less than 1 ms, and
// no number that large as a file may hold.
func cpuMax(cores float64) string {
	if cores <= 0 {
		return fmt.Sprintf("max %d", cpuPeriod)
	}
	return fmt.Sprintf("%d %d", int64(min(max(cores*cpuPeriod, 1000), 1e12)), cpuPeriod)
}

// memoryMax is the text of memory.max, in bytes; a service file's MB are MiB.
func memoryMax(mb int) string {
	if mb <= 0 {
		return "max"
	}
	return fmt.Sprint(min(int64(mb), 1<<40) << 20)
}
