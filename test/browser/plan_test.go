package browser

import (
	"testing"

	"sluice.dev/sluice/api"
)

// TestUpdateWithPlan does what an operator does with a risky release: a plan for
// two of ten, the update with its preview, a pause, a look at the numbers, and
// the way back to none.
func TestUpdateWithPlan(t *testing.T) {
	s := fresh(t)
	must(t, s.Create(t.Context(), s.File("translate", 10, "one"), "first release"))
	p := visit(t, s)
	p.press("link", "^translate$")
	p.at("/services/translate")
	p.sees("10 of 10 ready")

	p.fill("^Target", "2")
	p.press("button", "^Begin the next update with 2 of 10$")
	p.sees("The next update begins with it")

	p.press("link", "^Update$")
	p.at("/services/translate/update")
	for _, label := range []string{"Exceeds the expected number of replicas", "Maximum unavailable replicas", "Graceful shutdown time", "Send SIGTERM"} {
		p.sees(label)
	}
	p.fill("^Value of MARK$", "two")
	p.press("button", "^Preview$")
	p.sees(`containers\[0\]\.env`)
	p.sees("never fewer than 10 of 10")
	if v := must1(t)(s.Client().Service(t.Context(), "translate")); v.LatestVersion != 1 {
		t.Fatalf("a preview made version %d", v.LatestVersion)
	}
	p.press("button", "^Update 2 of 10 replicas and wait")
	p.at("/services/translate")
	p.sees("2 of 10 run version 2")
	must(t, s.Until(t.Context(), "translate", "has 2 of 10 updated", func(v api.Service) bool { return v.Replicas.Updated == 2 && v.Replicas.Kept == 8 }))

	p.press("button", "^Pause$")
	p.sees("Paused")
	must(t, s.Until(t.Context(), "translate", "is paused", func(v api.Service) bool { return v.Status == api.StatusPaused }))
	// The numbers, as they are: whose they are and how many of each.
	p.sees("version 2 current: 2 . ready")
	p.sees("version 1: 8 . ready")

	p.fill("^Target", "0")
	p.press("button", "^Roll back all of translate$")
	p.sees("the rollout ends rolled back")
	p.press("button", "^Roll back all of translate$") // the one in the dialog: nothing else can be pressed
	p.sees("Last rollout: update 1 → 2")
	p.sees("rolled.back")
	p.sees("10 of 10 ready")
	must(t, s.Until(t.Context(), "translate", "is as it was", func(v api.Service) bool {
		return v.CurrentVersion == 1 && v.Replicas.Ready == 10 && v.Rollout.Phase == api.RolloutRolledBack
	}))
}

// must1 ends the test for an error and returns the value otherwise.
func must1(t *testing.T) func(api.Service, error) api.Service {
	t.Helper()
	return func(s api.Service, err error) api.Service {
		t.Helper()
		must(t, err)
		return s
	}
}
