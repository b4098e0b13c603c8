// Package sim runs the real controller and core on a virtual clock against a
// world of models: processes that start slowly, fail, crash and hang, gateways
// that die or stop acknowledging, health reports that come late or not at all, a
// store that fails, and a control plane that is killed between any two actions.
// After each action it checks what the design promises (check.go); at the end,
// that every service settles where it was told.
//
// A run is a function of its seed: Run with the same Config happens the same
// again, so a failure is replayed by its seed, and its report ends in the story
// of what led to it. Nothing here is concurrent.
//
// Neighbours: package controller is driven through the interfaces it has in
// production; the store is store/memory, or any other for slower runs.
package sim
