package controller

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/placement"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/runtime"
)

// rooms is the account of the resource groups over all services, and who waits
// for something to be given back to it.
//
// A service tells its turn of what it hears while mu is held, so that no word of
// free room can overtake the word that there was none.
type rooms struct {
	mu      sync.Mutex
	book    *placement.Book
	waiting map[string]map[*service]bool // by group
}

func newRooms(groups map[string]Group) *rooms {
	capacities := make(map[string]placement.Capacity, len(groups))
	for name, g := range groups {
		capacities[name] = g.Capacity
	}
	return &rooms{book: placement.New(capacities), waiting: map[string]map[*service]bool{}}
}

func needOf(spec *api.Spec) placement.Need {
	return placement.Need{CPU: spec.CPU, MemoryMB: spec.MemoryMB, GPU: spec.GPU}
}

// occupies tells whether what a replica was given is still its own: from the
// order to start it until its process has ended for good. One that ended by
// itself keeps it, so that its restart does not depend on others.
func occupies(r *rollout.Replica) bool {
	switch r.Process {
	case rollout.Running, rollout.Ordered:
		return true
	case rollout.Exited:
		return r.Stage == rollout.Live
	}
	return false
}

// place gives the replica about to be launched what it needs of its resource
// group. Where there is too little, that is what is seen of the start.
func (s *service) place(l *runtime.Launch) bool {
	if l.Spec == nil || l.Spec.Resource == "" {
		return true
	}
	rooms, group := s.c.rooms, l.Spec.Resource
	rooms.mu.Lock()
	defer rooms.mu.Unlock()
	gpus, why := rooms.book.Reserve(l.Replica, group, needOf(l.Spec))
	if why == "" {
		l.GPUs = strings.Join(gpus, ",")
		s.held[l.Replica] = group
		return true
	}
	delete(s.held, l.Replica)
	if rooms.waiting[group] == nil {
		rooms.waiting[group] = map[*service]bool{}
	}
	rooms.waiting[group][s] = true
	id, attempt := l.Replica, l.Attempt
	s.see(func() { s.seeStart(id, attempt, runtime.Handle{}, &runtime.UnplacedError{Reason: why}) })
	return false
}

// occupy enters into the account what a replica of an earlier run of the control
// plane has.
func (s *service) occupy(r *rollout.Replica, h *runtime.Handle) {
	l := s.launchOf(r)
	if h == nil || l.Spec == nil || l.Spec.Resource == "" || !occupies(r) {
		return
	}
	var gpus []string
	if l.Spec.GPU > 0 && h.GPUs != "" {
		gpus = strings.Split(h.GPUs, ",")
	}
	s.c.rooms.mu.Lock()
	defer s.c.rooms.mu.Unlock()
	s.c.rooms.book.Hold(r.ID, l.Spec.Resource, needOf(l.Spec), gpus)
	s.held[r.ID] = l.Spec.Resource
}

// vacate gives back what replicas held that have ended, and tells those who
// wait for it.
func (s *service) vacate() {
	if len(s.held) == 0 {
		return
	}
	gone := maps.Clone(s.held)
	for i := range s.state.Replicas {
		if r := &s.state.Replicas[i]; occupies(r) {
			delete(gone, r.ID)
		}
	}
	if len(gone) == 0 {
		return
	}
	rooms := s.c.rooms
	rooms.mu.Lock()
	defer rooms.mu.Unlock()
	for id, group := range gone {
		delete(s.held, id)
		if rooms.book.Release(id) {
			rooms.wake(group)
		}
	}
}

// wake has everybody who waits for the group try again.
func (r *rooms) wake(group string) {
	list := slices.SortedFunc(maps.Keys(r.waiting[group]), func(a, b *service) int { return cmp.Compare(a.name(), b.name()) })
	delete(r.waiting, group)
	for _, s := range list {
		s.see(func() {
			for i := range s.state.Replicas {
				s.state.Replicas[i].NoteRoom()
			}
		})
	}
}

// fits refuses what the resource group could never hold, were it empty.
func (c *Controller) fits(spec *api.Spec) error {
	if spec.Resource == "" || len(c.cfg.Resources) == 0 {
		return nil
	}
	name := spec.Resource
	g, known := c.cfg.Resources[name]
	if !known {
		return invalid("metadata.resource", name, fmt.Sprintf(
			"no resource group of this name is configured; there is %s; correct it, leave it out to run without a group, or add the group to resource_groups in the server's configuration",
			strings.Join(slices.Sorted(maps.Keys(c.cfg.Resources)), ", ")))
	}
	problems := &api.InvalidError{}
	for _, short := range g.Capacity.TooMuch(spec.Instance, needOf(spec)) {
		var p *api.InvalidError
		if short.Most == 0 {
			p = invalid(short.Field, asked(spec, short.Field), fmt.Sprintf(
				"a replica asks for %s and resource group %s has %s in all; ask for less, name another group in metadata.resource, or give the group more capacity in the server's configuration",
				short.Asked, name, short.Has))
		} else {
			p = invalid("metadata.instance", spec.Instance, fmt.Sprintf(
				"resource group %s has %s in all and each replica asks for %s (%s), so the most replicas it holds is %d; ask for no more, for less per replica, or give the group more capacity in the server's configuration",
				name, short.Has, short.Asked, short.Field, short.Most))
		}
		problems.Problems = append(problems.Problems, p.Problems...)
	}
	if len(problems.Problems) == 0 {
		return nil
	}
	return problems
}

func asked(spec *api.Spec, field string) any {
	return map[string]any{"metadata.cpu": spec.CPU, "metadata.memory": spec.MemoryMB, "metadata.gpu": spec.GPU}[field]
}

func invalid(path string, value any, message string) *api.InvalidError {
	text, _ := json.Marshal(value)
	return &api.InvalidError{Problems: []api.FieldProblem{{Path: path, Value: text, Message: message}}}
}

// crowded warns of a rollout, begun by an operation, that waits for others: no
// replica may be missing, and there is no room for one more (the end of rule 4).
func (s *service) crowded(before *rollout.Rollout) []string {
	sv := &s.state.Service
	ro, v := sv.Rollout, s.version(sv.Current.Version)
	begun := ro.Active() && (before == nil || before.ID != ro.ID) && !sv.Stopped
	if !begun || v == nil || v.spec.Resource == "" || sv.Strategy.Resolve(sv.Desired).Unavailable > 0 {
		return nil
	}
	fresh, old := 0, 0
	for i := range s.state.Replicas {
		switch r := &s.state.Replicas[i]; {
		case r.Stage != rollout.Live:
		case r.Revision == sv.Current.Revision && (ro.Kind != api.KindRestart || r.Generation >= ro.Generation):
			fresh++
		default:
			old++
		}
	}
	if old == 0 || fresh >= sv.Desired {
		return nil
	}
	s.c.rooms.mu.Lock()
	why := s.c.rooms.book.Full(v.spec.Resource, needOf(v.spec))
	s.c.rooms.mu.Unlock()
	if why == "" {
		return nil
	}
	return []string{fmt.Sprintf("metadata.rolling_strategy.max_unavailable: it is 0, and there is no room for a replica beside the old ones: %s; "+
		"the rollout waits until something is released; 1 lets it go on: `sluice update %s --set metadata.rolling_strategy.max_unavailable=1`", why, s.name())}
}
