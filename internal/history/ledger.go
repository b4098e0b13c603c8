package history

import (
	"slices"
	"strings"

	"sluice.dev/sluice/api"
)

// mostFailures is how many failures are kept; replicas that fail for ever fail for
// the same reason.
const mostFailures = 100

// Ledger is what is kept of one rollout for good. It is made of the very events
// that are committed with it, so that it never says something else than they do,
// and stays when they are pruned. It is a value: noting gives another one.
type Ledger struct {
	Rollout string // the rollout's id
	Why     string // the message that it was begun with
	History api.RolloutHistory
	// Accounts are the requests by version; History.Traffic is made of them.
	Accounts []Account
}

// Begin is the ledger of a rollout that nothing has happened to.
func Begin(rollout, why string) Ledger {
	return Ledger{Rollout: rollout, Why: why, History: api.RolloutHistory{
		Actions: []api.RolloutAction{}, Failures: []api.ReplicaFailure{}, Traffic: []api.VersionTraffic{}}}
}

// decided are the reasons of events that tell of a decision about a rollout that
// nobody asked for just then: its plan's, its gates', or one that a failure made.
var decided = map[string]bool{
	"RolloutPaused": true, "RolloutResumed": true, "RolloutGoesBack": true, "RolloutCompleted": true, "RolloutRolledBack": true,
	"RolloutSuperseded": true, "BatchCompleted": true, "BatchBegan": true, "GatesPassed": true,
}

// Note adds those of the events that are of the rollout and are an action on it
// or the failure of a replica. Changed is false when there was none.
//
// Whatever somebody did to the service during its rollout is an action: a scale
// or a freeze changes how the rollout goes on, too.
func (l Ledger) Note(events []api.Event) (noted Ledger, changed bool) {
	h := l.History
	h.Actions, h.Failures = slices.Clone(h.Actions), slices.Clone(h.Failures)
	for _, e := range events {
		switch {
		case e.Rollout != l.Rollout:
			continue
		case e.Actor != "" || decided[e.Reason]:
			h.Actions = append(h.Actions, api.RolloutAction{At: e.Time, Actor: e.Actor, Action: e.Reason, Text: e.Message})
		case e.Reason == "ReplicaFailed":
			h.FailureCount++
			if len(h.Failures) < mostFailures {
				why := strings.TrimPrefix(e.Message, "replica "+e.Replica+" failed: ")
				h.Failures = append(h.Failures, api.ReplicaFailure{Replica: e.Replica, Version: e.Version, At: e.Time, Reason: why})
			}
		default:
			continue
		}
		changed = true
	}
	if extra := len(h.Actions) - api.FirstRolloutActions - api.LastRolloutActions; extra > 0 {
		h.Actions = slices.Delete(h.Actions, api.FirstRolloutActions, api.FirstRolloutActions+extra)
		h.ActionsLeft += extra
	}
	l.History = h
	return l, changed
}
