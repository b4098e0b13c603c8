package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/runtime"
)

// outputPatience is how long after the end of a check's command its output is
// still read: what it left behind may hold the pipe open for ever.
const outputPatience = 100 * time.Millisecond

// execute runs the command of an exec check beside its replica, in its working
// directory and with its environment. It returns nil when the command exits 0.
// The command is a session of its own; its group is killed when it has ended
// and when ctx is done. What leaves the group ends with the replica at the
// latest, by its environment (sweep.go), as does a check that outlives the
// control plane with the next Adopt.
func (r *Runtime) execute(ctx context.Context, l runtime.Launch, port int, command []string) error {
	p, err := r.prepareCheck(l, port, command)
	if err != nil {
		return err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	process, err := p.start(in)
	in.Close()
	if err != nil {
		return err
	}
	defer process.Close()
	last := make(chan string, 1)
	go func() { last <- lastLine(out) }()
	exit, err := endOf(ctx, process)
	if err != nil {
		return err
	}
	if exit.Known && exit.Code == 0 && exit.Signal == "" {
		return nil
	}
	_ = out.SetReadDeadline(time.Now().Add(outputPatience)) // a pipe has deadlines
	if line := <-last; line != "" {
		return fmt.Errorf("%s: %s", exit, line)
	}
	return errors.New(exit.String())
}

// prepareCheck makes the command of a check ready to run. The paths of its
// environment are those that the replica was started with, though they may
// not exist any more.
func (r *Runtime) prepareCheck(l runtime.Launch, port int, command []string) (*program, error) {
	dir, err := workingDir(l.Spec.Container.WorkingDir)
	if err != nil {
		return nil, err
	}
	model := ""
	if l.Spec.ModelPath != "" {
		model = within(dir, l.Spec.ModelPath)
	}
	env := r.environment(l, dir, model, port)
	env[envCheck] = "1"
	p := &program{dir: dir, env: env.list()}
	for _, word := range command {
		p.argv = append(p.argv, strings.ReplaceAll(word, "{{port}}", strconv.Itoa(port)))
	}
	if len(p.argv) == 0 || p.argv[0] == "" {
		return nil, errors.New("exec.command names no program")
	}
	p.path, err = lookUp(p.argv[0], dir, env["PATH"], "exec.command of the check")
	return p, err
}

// exitOf is the end of a process just reaped, for the record.
func exitOf(e proc.End) runtime.Exit {
	return runtime.Exit{Known: e.Known, Code: e.Code, Signal: e.Signal, At: time.Now()}
}

// endOf waits for the end of a check's command and kills its group.
func endOf(ctx context.Context, process *proc.Process) (runtime.Exit, error) {
	over := process.Wait(ctx)
	// Before it is reaped: until then its group is its own.
	if err := process.KillGroup(); err != nil {
		return runtime.Exit{}, err
	}
	if over {
		return exitOf(process.Reap()), nil
	}
	killed, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if process.Wait(killed) { // else it hangs in the kernel, and is reaped as an orphan when it has ended
		process.Reap()
	}
	return runtime.Exit{}, ctx.Err()
}

// lastLine reads to the end and returns the last line that is not blank, of the
// last few thousand bytes.
func lastLine(out *os.File) string {
	const kept = 4096
	var tail []byte
	buffer := make([]byte, kept)
	for {
		n, err := out.Read(buffer)
		tail = append(tail, buffer[:n]...)
		tail = tail[max(0, len(tail)-kept):]
		if err != nil {
			break
		}
	}
	lines := bytes.Split(bytes.TrimSpace(tail), []byte("\n"))
	return strings.ToValidUTF8(string(bytes.TrimSpace(lines[len(lines)-1])), "?")
}
