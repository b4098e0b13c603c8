package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/placement"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// box is the resource group of worlds that have one.
const box = "box"

// room is what the group has: less than the services may ask for together, so
// that replicas are pending at times.
type room struct {
	cores int
	gpus  []string // nil: not counted
	kind  rollout.ResourceKind
}

// newRoom makes one for a third of the seeds. It draws from a source of its own:
// the other seeds make the runs that they would make without it.
func newRoom(seed uint64) *room {
	draw := rand.New(rand.NewPCG(seed, 0xb0c5))
	if draw.IntN(3) > 0 {
		return nil
	}
	kinds := []rollout.ResourceKind{rollout.Public, rollout.Dedicated, rollout.Quota}
	r := &room{cores: 3 + draw.IntN(6), kind: kinds[draw.IntN(len(kinds))]}
	if draw.IntN(2) == 0 {
		r.gpus = []string{"0", "1", "2", "GPU-a"}[:2+draw.IntN(3)]
	}
	return r
}

func (r *room) groups() map[string]controller.Group {
	if r == nil {
		return nil
	}
	cores := float64(r.cores)
	return map[string]controller.Group{box: {Kind: r.kind, Capacity: placement.Capacity{CPU: &cores, GPUs: r.gpus}}}
}

// furnish has a service file ask for a part of the room, or for none of it: a
// service moves in and out.
func (w *World) furnish(file api.Document) api.Document {
	if w.room == nil {
		return file
	}
	if w.rand.IntN(6) == 0 {
		return w.asking(file, "", 0, 0)
	}
	return w.asking(file, box, 1+w.rand.IntN(2), w.rand.IntN(2))
}

func (w *World) asking(file api.Document, group string, cores, gpus int) api.Document {
	laid, err := api.Merge(file, document(fmt.Sprintf(`{"metadata": {"resource": %q, "cpu": %d, "gpu": %d}}`, group, cores, gpus)))
	if err != nil {
		panic("sim: " + err.Error())
	}
	return laid
}

// roomy is a file that fits beside the same of every other service, and lets old
// replicas go before new ones come: where all wait for room that others hold, and
// none may do with less, nothing could ever go on.
func (w *World) roomy(file api.Document) api.Document {
	if w.room == nil {
		return file
	}
	each := w.room.cores / len(w.services)
	if w.room.gpus != nil {
		each = min(each, len(w.room.gpus)/len(w.services))
	}
	laid, err := api.Merge(w.asking(file, box, 1, 1), document(fmt.Sprintf(
		`{"metadata": {"instance": %d, "rolling_strategy": {"max_unavailable": "100%%"}}}`, 1+w.rand.IntN(each))))
	if err != nil {
		panic("sim: " + err.Error())
	}
	return laid
}

// checkRoom: what runs in the group never needs more than it has, and no two
// share a device.
func (w *World) checkRoom() {
	if w.room == nil {
		return
	}
	cores, holders := 0.0, map[string]string{}
	for _, id := range sorted(w.processes.all) {
		p := w.processes.all[id]
		if !p.alive || p.launch.Spec.Resource != box {
			continue
		}
		cores += p.launch.Spec.CPU
		if w.room.gpus == nil || p.launch.Spec.GPU == 0 {
			continue
		}
		given := strings.Split(p.launch.GPUs, ",")
		if p.launch.GPUs == "" || len(given) != p.launch.Spec.GPU {
			w.fail("%s asks for %d gpus and is given %q", id, p.launch.Spec.GPU, p.launch.GPUs)
		}
		for _, gpu := range given {
			if holders[gpu] != "" || !slices.Contains(w.room.gpus, gpu) {
				w.fail("gpu %s is given to %s; there is %v, and %q has it", gpu, id, w.room.gpus, holders[gpu])
			}
			holders[gpu] = id
		}
	}
	if cores > float64(w.room.cores) {
		w.fail("processes with %g cores run in a group that has %d", cores, w.room.cores)
	}
}

// notePending counts replicas that found no room.
func (w *World) notePending(ch *store.Change, old map[string]rollout.Replica) {
	for _, r := range ch.PutReplicas {
		if strings.HasPrefix(r.Core.Unplaced, "resource group "+box) && old[r.Core.ID].Unplaced == "" {
			w.pending++
		}
	}
}
