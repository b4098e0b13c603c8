package rollout

import "time"

// The Note functions write what was seen of a replica into its record. They
// keep the record whole (an exited process is not healthy), so that no caller
// has to.

// NoteStarted: its process runs since at.
func (r *Replica) NoteStarted(at time.Time) {
	r.Process, r.StartedAt, r.Unplaced = Running, at, ""
	if r.FirstStartAt.IsZero() {
		r.FirstStartAt = at
	}
}

// NoteUnplaced: there was no room for it. The start does not count.
func (r *Replica) NoteUnplaced(why string, at time.Time) {
	r.Process, r.Unplaced, r.UnplacedAt = Absent, why, at
	r.Starts--
}

// NoteRoom: something was released that it may have room in. It need not wait
// any longer for its next try.
func (r *Replica) NoteRoom() {
	if r.Process == Absent && r.Unplaced != "" {
		r.UnplacedAt = time.Time{}
	}
}

// NoteExit: its process has ended; text says how. The back-off begins anew when
// it had been ready for a minute (rule 4).
func (r *Replica) NoteExit(text string, at time.Time) {
	if r.Healthy && r.proven() && at.Sub(r.HealthyAt) >= forgivenAfter {
		r.Streak = 0
	}
	r.Streak++
	r.Process, r.ExitedAt, r.Exit = Exited, at, text
	r.Healthy, r.Acked = false, false
}

// NoteUnstartable: no number of tries will start it.
func (r *Replica) NoteUnstartable(why string, at time.Time) {
	r.NoteExit(why, at)
	r.Unstartable = why
}

// NoteHealthy: its checks pass.
func (r *Replica) NoteHealthy(at time.Time) {
	r.Healthy, r.HealthyAt, r.Complaint = true, at, ""
}

// NoteUnhealthy: its checks do not pass, as why says.
func (r *Replica) NoteUnhealthy(why string) {
	r.Healthy, r.Acked, r.Complaint = false, false, why
}

// NoteNotYet: its checks have not passed so far, as why says.
func (r *Replica) NoteNotYet(why string) {
	if !r.Healthy {
		r.Complaint = why
	}
}

// NoteNotLive: its liveness check gave up on it.
func (r *Replica) NoteNotLive(why string) {
	r.NoteUnhealthy(why)
	r.NotLive = true
}

// NoteRouted: it was put into a routing table; acked tells whether every live
// gateway has acknowledged that.
func (r *Replica) NoteRouted(acked bool) { r.Routed, r.Acked = true, acked }

// NoteUnrouted: every live gateway has acknowledged, at that time, a table
// without it.
func (r *Replica) NoteUnrouted(at time.Time) {
	r.Acked = false
	if r.UnroutedAt.IsZero() {
		r.UnroutedAt = at
	}
}

// NoteReady: it counts as ready now.
func (r *Replica) NoteReady(at time.Time) { r.ReadyAt = at }

// NotePutDown: its process was ended together with the control plane, which is
// no fault of it; when the control plane comes back it starts afresh.
func (r *Replica) NotePutDown() {
	r.start()
	r.Process, r.Starts = Absent, 0
}
