// Package storetest is the suite that every implementation of store.Store
// passes: what was committed is read back the same, also after the store was
// closed and opened again; a change that fails leaves nothing; events are in
// order and never share a Seq.
//
// An implementation's own tests call Run, and add what is theirs: locks,
// damage, full disks.
package storetest

import (
	"testing"

	"sluice.dev/sluice/internal/store"
)

// Open opens the store of one place. The store it returned before has been
// closed by then, and what that one was told is there.
type Open func() store.Store

// Run runs the suite. fresh makes a new, empty place; the suite closes what it
// opens.
func Run(t *testing.T, fresh func(t testing.TB) Open) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open Open)
	}{
		{"Empty", testEmpty},
		{"RoundTrip", testRoundTrip},
		{"Replace", testReplace},
		{"Delete", testDelete},
		{"Atomic", testAtomic},
		{"Refused", testRefused},
		{"Cancelled", testCancelled},
		{"RolloutOrder", testRolloutOrder},
		{"Events", testEvents},
		{"EventFilters", testEventFilters},
		{"Gateways", testGateways},
		{"Tokens", testTokens},
		{"Audit", testAudit},
		{"Groups", testGroups},
		{"Series", testSeries},
		{"Scrub", testScrub},
		{"Epoch", testEpoch},
		{"Concurrent", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
	t.Run("Reopen", func(t *testing.T) { testReopen(t, fresh) })
}
