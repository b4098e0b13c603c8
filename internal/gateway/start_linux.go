package gateway

import (
	"bytes"
	"os"
	"strconv"
)

// startTime is when this process started, in clock ticks since the machine did:
// field 22 of /proc/self/stat. With the pid it names one process for good. 0
// when it cannot be read.
func startTime() uint64 {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	// The second field, the name in brackets, may hold spaces and brackets.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0
	}
	ticks, _ := strconv.ParseUint(string(fields[19]), 10, 64)
	return ticks
}
