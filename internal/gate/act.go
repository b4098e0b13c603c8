package gate

import (
	"cmp"
	"fmt"
	"time"

	"sluice.dev/sluice/api"
)

// Verdict is what follows from a judgement.
type Verdict struct {
	Action api.GateAction // what to do now; wait means ask again
	// Would is the action of a gate that is not dry_run; a dry one continues.
	Would  api.GateAction
	Reason string // one sentence
}

// Act says what follows from an outcome, elapsed after the gate began.
//
//   - fail acts at once: waiting longer would only hurt more callers.
//   - pass continues once the window is over.
//   - no_data and unsure wait until the window is over, then do what the rule
//     says; what would wait still at max_wait pauses.
func Act(r api.GateRule, res api.GateResult, elapsed time.Duration) Verdict {
	action, why := decide(r, res.Outcome, elapsed)
	v := Verdict{Action: action, Would: action, Reason: fmt.Sprintf("gate %s: %s%s", r.Name, res.Message, why)}
	if r.DryRun {
		v.Action = api.GateContinue
		v.Reason = fmt.Sprintf("gate %s (dry run): it would %s: %s%s", r.Name, action, res.Message, why)
	}
	return v
}

func decide(r api.GateRule, outcome api.GateOutcome, elapsed time.Duration) (action api.GateAction, why string) {
	early := elapsed < r.Window
	switch outcome {
	case api.GateFail:
		return r.OnFail, ""
	case api.GatePass:
		if early {
			return api.GateWait, fmt.Sprintf("; its window of %s is not over", r.Window)
		}
		return api.GateContinue, ""
	case api.GateNoData:
		action = r.OnNoData
	default:
		action = r.OnUnsure
	}
	switch {
	case early:
		return api.GateWait, ""
	case action == api.GateWait && elapsed >= r.MaxWait:
		return api.GatePause, fmt.Sprintf("; it has waited for %s, the most that max_wait allows", r.MaxWait)
	}
	return action, ""
}

// severity orders actions: of several gates the strictest word counts.
var severity = map[api.GateAction]int{api.GateContinue: 0, api.GateWait: 1, api.GatePause: 2, api.GateRollback: 3}

// Strictest is the verdict that counts among those of all gates of a plan; the
// first of equals. No gates is continue.
func Strictest(verdicts []Verdict) Verdict {
	if len(verdicts) == 0 {
		return Verdict{Action: api.GateContinue, Would: api.GateContinue}
	}
	most := verdicts[0]
	for _, v := range verdicts[1:] {
		if cmp.Compare(severity[v.Action], severity[most.Action]) > 0 {
			most = v
		}
	}
	return most
}
