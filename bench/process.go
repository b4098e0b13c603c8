package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// childVariable makes this program one of its own parts.
const childVariable = "BENCH_CHILD"

// beChild runs a part. Each that listens prints its address first.
func beChild(what string, args []string) error {
	parts := map[string]func([]string) error{"backend": backend, "reverseproxy": reverseProxy, "load": load}
	part, ok := parts[what]
	if !ok {
		return fmt.Errorf("%s=%s: there is no such part", childVariable, what)
	}
	return part(args)
}

// process is something that was started to be measured or to measure with.
type process struct {
	cmd  *exec.Cmd
	said *bufio.Reader
}

// pinned is a command on one core, where the system has taskset; core below 0
// leaves it free.
func pinned(ctx context.Context, core int, name string, args ...string) *exec.Cmd {
	if taskset, err := exec.LookPath("taskset"); err == nil && core >= 0 {
		return exec.CommandContext(ctx, taskset, append([]string{"-c", strconv.Itoa(core), name}, args...)...)
	}
	return exec.CommandContext(ctx, name, args...)
}

// child is the command that runs a part of this program.
func child(ctx context.Context, core int, what string, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := pinned(ctx, core, self, args...)
	cmd.Env = append(os.Environ(), childVariable+"="+what)
	return cmd
}

func begin(cmd *exec.Cmd) (*process, error) {
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd, said: bufio.NewReader(out)}, nil
}

// line is the next line that the process prints.
func (p *process) line() (string, error) {
	line, err := p.said.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s ended before it said where it listens: %w", p.cmd.Path, err)
	}
	return strings.TrimSpace(line), nil
}

func (p *process) end() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// tick is the unit of /proc/PID/stat on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// cpu is the user and system time of a process so far.
func cpu(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name, in parentheses, may hold anything; the 12th and 13th field after
	// it are what is looked for.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// resident is the resident set of a process in MiB.
func resident(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm is %q", pid, text)
	}
	pages, err := strconv.Atoi(fields[1])
	return float64(pages) * float64(os.Getpagesize()) / (1 << 20), err
}

// build makes the program in dir and returns its path.
func build(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(dir, "sluice")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", file, "sluice.dev/sluice/cmd/sluice").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w: %s; run it inside the module", err, out)
	}
	return file, nil
}

// freeAddress is a port that was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// politely makes a cancelled command end by SIGTERM, and by force later.
func politely(cmd *exec.Cmd) *exec.Cmd {
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}
