package proc

import (
	"bufio"
	"os/exec"
	"testing"
)

// TestOnTerm asks real shells, which say when they have set themselves up.
func TestOnTerm(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         TermFate
	}{
		{"a handler", `trap 'exit 0' TERM; echo up; while :; do sleep 1; done`, HandlesTerm},
		{"none", `echo up; while :; do sleep 1; done`, EndsByTerm},
		{"ignored", `trap '' TERM; echo up; while :; do sleep 1; done`, IgnoresTerm},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command("sh", "-c", c.script)
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
			if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			start, err := StartTime(cmd.Process.Pid)
			if err != nil {
				t.Fatal(err)
			}
			if got := OnTerm(cmd.Process.Pid, start); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
			if got := OnTerm(cmd.Process.Pid, start+1); got != TermUnknown {
				t.Errorf("another process of the pid: %d", got)
			}
		})
	}
}
