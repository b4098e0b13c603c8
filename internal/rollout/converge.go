package rollout

// converge drains and creates replicas so that the mix comes nearer, as far as
// the bounds allow (rules 1, 3 and 6).
//
// Example, N = 4, surge 1, unavailable 0, four old ready: create one new (live
// 5). It becomes ready: ready is 5, so one old may go (live 4, ready 4), and in
// the same decision the next new one is created. With surge 1 and unavailable 1
// one old goes at once (live 3, ready 3) and two new are created (live 5).
func (d *decision) converge() {
	s := d.s
	b := s.Service.Strategy.Resolve(s.Service.desired())
	m := s.Service.mix()
	if s.Service.frozen() {
		m = mix{target: s.Service.Rollout.Frozen, base: s.Service.Rollout.FrozenBase}
		d.drainOthers(b, d.c.evicted[target]+d.c.evicted[base]+d.c.evicted[other], true)
	} else {
		d.drainOthers(b, d.c.live[other], false)
		d.drain(b, base, d.c.live[base]-m.base)
		d.drain(b, target, d.c.live[target]-m.target)
	}
	room := b.max() - d.c.allLive()
	if s.Service.Strategy.TerminationComplete {
		room -= d.c.draining
	}
	// The base first: it is known to serve.
	room -= d.create(base, min(room, m.base-d.c.live[base]-d.c.failed[base]))
	d.create(target, min(room, m.target-d.c.live[target]-d.c.failed[target]))
}

func (d *decision) create(sd side, n int) int {
	to, generation := d.s.Service.Current, d.s.Service.Generation
	if sd == base && d.s.Service.Base != nil {
		to = *d.s.Service.Base
		if d.s.Restarting() {
			generation-- // it takes the place of one that is not restarted
		}
	}
	made := 0
	for i := range d.Steps {
		if d.Steps[i].Kind == Create {
			made++
		}
	}
	for k := range max(0, n) {
		d.step(Step{Kind: Create, To: to, Generation: generation, Replica: d.s.Service.replicaID(to.Version, made+k)})
		d.c.live[sd]++
	}
	return max(0, n)
}

// drainOthers drains replicas that nobody wants: of versions in between, and
// evicted ones; onlyEvicted leaves the former.
func (d *decision) drainOthers(b Bounds, n int, onlyEvicted bool) {
	d.drainSome(b, other, n, func(r *Replica) bool { return !onlyEvicted || r.Evicted })
}

func (d *decision) drain(b Bounds, sd side, n int) {
	d.drainSome(b, sd, n, func(*Replica) bool { return true })
}

// drainSome drains up to n replicas of the side: those that are not ready
// first, and of equals the youngest, since the others have warmed up.
func (d *decision) drainSome(b Bounds, sd side, n int, want func(*Replica) bool) {
	for _, ready := range [...]bool{false, true} {
		if !ready && d.c.live[sd] == d.c.ready[sd] {
			continue // there is none
		}
		for i := len(d.s.Replicas) - 1; i >= 0 && n > 0; i-- {
			if !d.mayDrain(b, sd, ready) {
				break
			}
			r := &d.s.Replicas[i]
			if r.Stage != Live || d.s.sideOf(r) != sd || d.s.isReady(r) != ready || !want(r) || d.failing(i) {
				continue
			}
			d.c.add(d.s, r, -1)
			if r.Process == Running || r.Process == Ordered {
				d.c.draining++
			}
			d.replace(Step{Kind: Drain, Replica: r.ID, index: i})
			n--
		}
	}
}

func (d *decision) failing(i int) bool {
	k := d.own(i)
	return k >= 0 && d.Steps[k].Kind == Fail
}

// replace puts a step in the place of the replica's own one, if it has one: a
// replica that drains is not restarted first.
func (d *decision) replace(st Step) {
	if k := d.own(st.index); k >= 0 {
		d.Steps[k] = st
		return
	}
	d.step(st)
}

// own finds the step that lives() took for replica i, -1 for none.
func (d *decision) own(i int) int {
	for k := range d.Steps[:d.ownSteps] {
		if d.Steps[k].index == i && d.Steps[k].Replica != "" {
			return k
		}
	}
	return -1
}

// mayDrain tells whether draining one more replica of the side keeps the
// bounds. One that is not ready costs no ready one, but a fault that all old
// replicas share for a moment must not remove them all: at most as many of a
// side may be missing as the others have ready, plus surge and unavailable
// (rule 3).
func (d *decision) mayDrain(b Bounds, sd side, ready bool) bool {
	if b.Desired == 0 {
		return true
	}
	if d.c.allLive()-1 < b.min() {
		return false
	}
	if ready {
		return d.c.allReady()-1 >= b.min()
	}
	mine, others := d.c.live[base]+d.c.live[other], d.c.ready[target]
	if sd == target {
		mine, others = d.c.live[target], d.c.ready[base]+d.c.ready[other]
	}
	return mine-1 >= b.Desired-others-b.Surge-b.Unavailable
}
