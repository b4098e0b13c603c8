package probe

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
)

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommand(t *testing.T) {
	tests := []struct {
		name, command  string
		want           api.GateOutcome
		says, output   string
		refusedAtCheck bool
	}{
		{"passes", script(t, "echo about $SLUICE_SERVICE $SLUICE_OLD_VERSION to $SLUICE_NEW_VERSION"), api.GatePass, "passed", "about sentiment 2 to 3", false},
		{"variables in words", "test ${SLUICE_NEW_VERSION} = 3", api.GatePass, "", "", false},
		{"fails", script(t, "echo low; echo accuracy >&2; exit 3"), api.GateFail, "exit code 3", "low\naccuracy", false},
		{"is killed", script(t, "kill -9 $$"), api.GateFail, "signal: killed", "", false},
		{"says much", script(t, "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; exit 1"), api.GateFail, "", "line 2999", false},
		{"does not exist", "/nonexistent/check", api.GateNoData, "/nonexistent/check", "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := ruleOf(t, api.Gate{Command: &api.GateCommand{Command: test.command}})
			if err := Check(context.Background(), r, subject); (err != nil) != test.refusedAtCheck {
				t.Errorf("check: %v", err)
			}
			res := gate.Measured(r, Measure(context.Background(), r, subject), 1)
			if res.Outcome != test.want || !strings.Contains(res.Message, test.says) || !strings.HasSuffix(res.Output, test.output) || len(res.Output) > mostOutput {
				t.Errorf("%+v, want %s: %s", res, test.want, test.says)
			}
		})
	}
}

// TestCommandLeavesNothing: what a command started ends with it, at its time-out
// and at its end.
func TestCommandLeavesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want api.GateOutcome
		says string
	}{
		"time-out":         {"sleep 600 & echo $! > $0.pid; echo waiting; wait", api.GateFail, "did not end within"},
		"child left alone": {"sleep 600 & echo $! > $0.pid; echo waiting", api.GatePass, "passed"},
	} {
		t.Run(name, func(t *testing.T) {
			path := script(t, test.text)
			r := ruleOf(t, api.Gate{Command: &api.GateCommand{Command: path}})
			if test.want == api.GateFail {
				r.Timeout = 3 * time.Second // for its begin, too
			}
			res := gate.Measured(r, Measure(context.Background(), r, subject), 1)
			if res.Outcome != test.want || !strings.Contains(res.Message, test.says) {
				t.Errorf("%+v, want %s: %s", res, test.want, test.says)
			}
			said, err := os.ReadFile(path + ".pid")
			if err != nil {
				t.Fatalf("the command did not begin: %v", err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(said)))
			if err != nil {
				t.Fatal(err)
			}
			deadline := time.Now().Add(20 * time.Second)
			for running(pid) {
				if time.Now().After(deadline) {
					t.Fatalf("process %d, a child of the command, goes on", pid)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}

// running tells whether a process is there and is no zombie.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestCommandEndsWithItsGate(t *testing.T) {
	r := ruleOf(t, api.Gate{Command: &api.GateCommand{Command: "sleep 600"}})
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if m := Measure(ctx, r, subject); !strings.Contains(m.NoData, "was ended") {
		t.Errorf("%+v", m)
	}
}
