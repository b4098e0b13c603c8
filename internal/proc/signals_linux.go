package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// OnTerm tells what SIGTERM does to the process that began with this pid at this
// start time. It reads SigCgt and SigIgn of proc(5), whose lowest bit is signal 1.
func OnTerm(pid int, start uint64) TermFate {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return TermUnknown
	}
	if is, err := StartTime(pid); err != nil || is != start {
		return TermUnknown // another has got the pid
	}
	caught, known := hasTerm(string(text), "SigCgt:")
	ignored, _ := hasTerm(string(text), "SigIgn:")
	switch {
	case !known:
		return TermUnknown
	case caught:
		return HandlesTerm
	case ignored:
		return IgnoresTerm
	}
	return EndsByTerm
}

func hasTerm(status, set string) (has, known bool) {
	for line := range strings.Lines(status) {
		if mask, found := strings.CutPrefix(line, set); found {
			bits, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return bits&(1<<(syscall.SIGTERM-1)) != 0, err == nil
		}
	}
	return false, false
}
