// Package rollout is the core.
package rollout
