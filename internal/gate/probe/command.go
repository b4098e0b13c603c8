package probe

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/proc"
)

// mostOutput is how much of what a command or an answer said is kept: its end,
// where the reason stands.
const mostOutput = 2 << 10

// afterEnd is how long output is read after the command's group is gone: only a
// process that left the group can still hold it.
const afterEnd = time.Second

func variables(s Subject) []string {
	return append(os.Environ(), "SLUICE_SERVICE="+s.Service, "SLUICE_NEW_VERSION="+strconv.Itoa(s.NewVersion),
		"SLUICE_OLD_VERSION="+strconv.Itoa(s.OldVersion))
}

// words splits a command and finds its program.
func words(command string, s Subject) ([]string, error) {
	known := map[string]string{}
	for _, v := range variables(s) {
		name, value, _ := strings.Cut(v, "=")
		known[name] = value
	}
	argv, err := api.Words(command, func(name string) string { return known[name] })
	if err != nil {
		return nil, fmt.Errorf("command.command: %q: %w", command, err)
	}
	if argv[0], err = exec.LookPath(argv[0]); err != nil {
		return nil, fmt.Errorf("command.command: %q: %w; name a program that the server's machine has", command, err)
	}
	return argv, nil
}

// measureCommand runs a command as the leader of a process group, which ends
// with it: nothing that a check started outlives it.
func measureCommand(ctx context.Context, r api.GateRule, s Subject) gate.Measurement {
	argv, err := words(r.Command.Command, s)
	if err != nil {
		return gate.Measurement{NoData: err.Error()}
	}
	out, in, err := os.Pipe()
	if err != nil {
		return gate.Measurement{NoData: err.Error()}
	}
	defer out.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = variables(s), in, in
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	in.Close()
	if err != nil {
		return gate.Measurement{NoData: "the command could not be started: " + err.Error()}
	}
	child, err := proc.HoldChild(cmd.Process)
	if err != nil {
		return gate.Measurement{NoData: err.Error()}
	}
	defer child.Close()
	said := make(chan string, 1)
	go func() { said <- tail(out) }()

	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	over := child.Wait(limited)
	child.KillGroup()
	child.Wait(context.WithoutCancel(ctx))
	end := child.Reap()
	out.SetReadDeadline(time.Now().Add(afterEnd))
	m := gate.Measurement{Output: <-said}
	switch {
	case !over && ctx.Err() != nil:
		m.NoData = "the command was ended, as its gate was"
	case !over:
		m.Failed = fmt.Sprintf("the command did not end within %s and was killed", r.Timeout)
	case !end.Known:
		m.NoData = "the command's exit code is not known"
	case end.Code != 0 || end.Signal != "":
		m.Failed = "the command failed: " + end.String()
	}
	return m
}

// tail reads to the end and returns the last part.
func tail(from *os.File) string {
	var kept []byte
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		kept = append(kept, buffer[:n]...)
		if len(kept) > 2*mostOutput {
			kept = append(kept[:0], kept[len(kept)-mostOutput:]...)
		}
		if err != nil {
			return tailOf(kept)
		}
	}
}

// tailOf is the end of a text, whole runes only.
func tailOf(b []byte) string {
	if len(b) > mostOutput {
		b = b[len(b)-mostOutput:]
		for len(b) > 0 && !utf8.RuneStart(b[0]) {
			b = b[1:]
		}
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(b)), "\uFFFD")
}
