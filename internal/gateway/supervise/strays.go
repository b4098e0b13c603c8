package supervise

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"sluice.dev/sluice/internal/proc"
)

// mark is the environment variable by which a gateway of a supervisor is known.
// Its value is the socket of the control plane.
const mark = "SLUICE_GATEWAY"

func marked(control string) string {
	dir, err := filepath.EvalSymlinks(filepath.Dir(control))
	if err != nil {
		dir = filepath.Dir(control)
	}
	return mark + "=" + filepath.Join(dir, filepath.Base(control))
}

// EndStrays ends every gateway that a supervisor started for this control
// socket but those recorded, whose pids keep are. A server that is
// killed after it has started its gateway and before that has reported leaves
// one that no record names: it would keep its port for ever. Such a one may
// finish what it has in hand. One that was about to take over from another has
// not: it is recorded before it gets the table without which it accepts nobody.
// EndStrays returns the pids.
func EndStrays(control string, keep ...int) (ended []int) {
	entry := marked(control)
	self := os.Getpid()
	for _, i := range proc.List() {
		if i.Pid == self || slices.Contains(keep, i.Pid) || i.Zombie || !slices.Contains(proc.Environ(i.Pid), entry) {
			continue
		}
		p, err := proc.Hold(i.Pid, i.Start)
		if err != nil {
			continue // it ended meanwhile
		}
		finish(context.Background(), p)
		ended = append(ended, i.Pid)
	}
	return ended
}

// finish asks a gateway to end, and makes it end when it takes longer than
// handOver. It lets go of it.
func finish(ctx context.Context, p *proc.Process) {
	defer p.Close()
	_ = p.Terminate()
	ctx, cancel := context.WithTimeout(ctx, handOver)
	defer cancel()
	if !p.Wait(ctx) {
		_ = p.Kill()
	}
	p.Reap()
}
