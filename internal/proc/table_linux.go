package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Info is what is told of a process by the system.
type Info struct {
	Pid, Parent, Group int
	Start              uint64 // clock ticks after boot
	Zombie             bool
}

// List gives the given processes that exist, or all of them.
func List(pids ...int) []Info {
	if len(pids) == 0 {
		pids = allPids()
	}
	list := make([]Info, 0, len(pids))
	for _, pid := range pids {
		if i, err := readStat(pid); err == nil {
			list = append(list, i)
		}
	}
	return list
}

func allPids() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// readStat reads /proc/PID/stat. The name of the program, in parentheses, may
// hold anything, so fields are counted from its end: "12 (a) b) S 1 12 ...".
func readStat(pid int) (Info, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Info{}, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const state, parent, group, start = 0, 1, 2, 19 // fields 3, 4, 5 and 22 of proc(5)
	if len(fields) <= start {
		return Info{}, fmt.Errorf("/proc/%d/stat has %d fields after the name", pid, len(fields))
	}
	i := Info{Pid: pid, Zombie: fields[state] == "Z" || fields[state] == "X"}
	i.Parent, _ = strconv.Atoi(fields[parent])
	i.Group, _ = strconv.Atoi(fields[group])
	i.Start, err = strconv.ParseUint(fields[start], 10, 64)
	return i, err
}

func StartTime(pid int) (uint64, error) {
	i, err := readStat(pid)
	return i.Start, err
}

// StartedAt turns a start time into one of the calendar; the zero time when the
// time of boot is not told. A clock tick is 10 ms for all programs on Linux.
func StartedAt(start uint64) time.Time {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	for line := range strings.Lines(string(text)) {
		if boot, found := strings.CutPrefix(line, "btime "); found {
			seconds, _ := strconv.ParseInt(strings.TrimSpace(boot), 10, 64)
			return time.Unix(seconds, 0).Add(time.Duration(start) * 10 * time.Millisecond)
		}
	}
	return time.Time{}
}

// Environ is the environment that a process was started with, as NAME=VALUE.
// None is told of a zombie and of other users' processes.
func Environ(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
}

func BootID() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text)), err
}
