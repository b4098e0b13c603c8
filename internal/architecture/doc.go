// Package architecture holds the tests that keep the parts of Sluice apart:
// which package may import which, and what the core may never touch. It has no
// code of its own; ARCHITECTURE.md says in words what it checks.
package architecture
