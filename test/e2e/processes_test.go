package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// seen is a process as /proc shows it.
type seen struct {
	pid     int
	command string
}

// processesOf finds every process that names the path in its command line or
// environment: server and gateway have the data directory as an argument,
// replicas and all that they start have it as SLUICE_DATA. A machine without
// /proc shows none.
func processesOf(path string) []seen {
	return scan(func(dir string) bool { return holds(dir, "cmdline", path) || holds(dir, "environ", path) })
}

// runningReplicas counts the main processes of replicas that record to the file.
func runningReplicas(record string) int {
	return len(scan(func(dir string) bool { return holds(dir, "cmdline", record) && !holds(dir, "cmdline", "-idle\x00") }))
}

func scan(match func(dir string) bool) []seen {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var found []seen
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() || !match(dir) {
			continue
		}
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if len(command) == 0 {
			continue // a zombie, which has neither
		}
		found = append(found, seen{pid, strings.ReplaceAll(string(command), "\x00", " ")})
	}
	return found
}

func holds(dir, file, text string) bool {
	b, err := os.ReadFile(filepath.Join(dir, file))
	return err == nil && bytes.Contains(b, []byte(text))
}

// alive tells whether the process runs. One that has ended and that nobody has
// reaped yet does not: it is a zombie and its last thread. Before that, some of
// its connections may still be open.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return syscall.Kill(pid, 0) == nil // no /proc here, or gone just now
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	threads, _ := os.ReadDir(filepath.Join(dir, "task"))
	return !strings.HasPrefix(state, "Z") || len(threads) > 1
}

// kill9 kills the process and waits until it is gone.
func kill9(t *testing.T, pid int) {
	t.Helper()
	if pid <= 0 {
		t.Fatalf("there is no process %d to kill", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %d: %v", pid, err)
	}
	await(t, "a killed process is gone", func() bool { return !alive(pid) })
}
