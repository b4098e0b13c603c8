//go:build !linux

package gateway

// startTime is not known here; the pid alone names the process.
func startTime() uint64 { return 0 }
