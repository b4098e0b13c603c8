package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gateway/supervise"
	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/runtime/process"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/store/sqlite"
)

const (
	serverEnds  = 30 * time.Second // for the server to let go of the data directory
	gatewayEnds = 40 * time.Second // for the gateway to finish what it has in hand
	killEnds    = 10 * time.Second // for a killed process to be gone
)

// Down ends everything of a data directory: the server if it runs, then the
// gateways, which finish what they have in hand, then the replicas. Services and
// versions stay; the next server starts them again.
func Down(ctx context.Context, data string, out io.Writer, log *slog.Logger) error {
	if err := endServer(ctx, data, out); err != nil {
		return err
	}
	st, err := sqlite.Open(ctx, data)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := endGateways(ctx, st, data, out); err != nil {
		return err
	}
	n, err := endReplicas(ctx, st, data, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d replicas ended; services and versions are kept in %s\n", n, data)
	return nil
}

func endServer(ctx context.Context, data string, out io.Writer) error {
	pid, held := sqlite.LockHolder(data)
	if !held {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("the server (process %d) cannot be ended: %w", pid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, serverEnds)
	defer cancel()
	for {
		if _, held := sqlite.LockHolder(data); !held {
			fmt.Fprintf(out, "server ended (process %d)\n", pid)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server (process %d) did not let go of %s within %s", pid, data, serverEnds)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func endGateways(ctx context.Context, st *sqlite.Store, data string, out io.Writer) error {
	known, err := st.Gateways(ctx)
	if err != nil {
		return err
	}
	var ends sync.WaitGroup
	for _, g := range known {
		if p, err := proc.Hold(g.Pid, g.StartTime); err == nil {
			ends.Go(func() { endProcess(ctx, p, gatewayEnds) })
			fmt.Fprintf(out, "gateway %s ends (process %d)\n", g.ID, g.Pid)
		}
	}
	ends.Wait()
	for _, g := range known {
		if err := st.DropGateway(ctx, g.ID); err != nil {
			return err
		}
	}
	for _, pid := range supervise.EndStrays(SocketFile(data)) {
		fmt.Fprintf(out, "gateway ended that was not recorded (process %d)\n", pid)
	}
	return nil
}

// endProcess asks the process to end, and makes it end after the time given.
func endProcess(ctx context.Context, p *proc.Process, patience time.Duration) {
	defer p.Close()
	_ = p.Terminate()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !p.Wait(ctx) {
		_ = p.Kill()
		last, cancel := context.WithTimeout(context.Background(), killEnds)
		defer cancel()
		p.Wait(last)
	}
}

// ending is one replica on its way out.
type ending struct {
	record store.Replica
	launch runtime.Launch
	drain  api.Drain
	ended  chan struct{}
}

// endReplicas ends every replica at the same time and records that this was
// no fault of theirs.
func endReplicas(ctx context.Context, st *sqlite.Store, data string, log *slog.Logger) (int, error) {
	snapshots, err := st.Load(ctx)
	if err != nil {
		return 0, err
	}
	all := map[string]*ending{}
	for _, snap := range snapshots {
		for _, e := range endingsOf(snap) {
			all[e.record.Core.ID] = e
		}
	}
	rt, err := process.New(process.Config{DataDir: data, Log: log, Events: func(e runtime.Event) {
		if r := all[e.Replica]; r != nil && e.Kind == runtime.Exited {
			close(r.ended)
		}
	}})
	if err != nil {
		return 0, err
	}
	defer rt.Close()
	var list []runtime.Adoption
	for _, e := range all {
		list = append(list, runtime.Adoption{Launch: e.launch, Handle: e.record.Handle})
	}
	adopted, err := rt.Adopt(ctx, list)
	if err != nil {
		return 0, err
	}
	var group sync.WaitGroup
	n := 0
	for _, a := range adopted {
		if e := all[a.Replica]; a.Handle != nil && e != nil {
			n++
			rt.Quiet(a.Replica)
			group.Go(func() { e.end(ctx, rt) })
		}
	}
	group.Wait()
	return n, recordDown(ctx, st, snapshots)
}

func endingsOf(snap store.Snapshot) []*ending {
	var list []*ending
	for _, r := range snap.Replicas {
		if r.Core.Process != rollout.Running && r.Core.Process != rollout.Ordered {
			continue
		}
		e := &ending{record: r, ended: make(chan struct{})}
		e.launch = runtime.Launch{Replica: r.Core.ID, Attempt: r.Core.Starts, Service: snap.Service.Core.Name, Version: r.Core.Version}
		for _, v := range snap.Versions {
			if v.Number != r.Core.Version {
				continue
			}
			if doc, err := api.ParseDocument(v.Config); err == nil {
				if spec, err := api.Parse(doc); err == nil {
					e.launch.Spec, e.drain = spec, spec.Drain
				}
			}
		}
		list = append(list, e)
	}
	return list
}

// end ends one replica. No gateway is left, so nothing is in its hands; what
// hears SIGTERM gets its grace period to put things in order.
func (e *ending) end(ctx context.Context, rt *process.Runtime) {
	id := e.record.Core.ID
	if e.drain.Sigterm {
		_ = rt.Terminate(ctx, id)
		select {
		case <-e.ended:
			return
		case <-ctx.Done():
		case <-time.After(e.drain.Grace):
		}
	}
	_ = rt.Kill(ctx, id)
	select {
	case <-e.ended:
	case <-time.After(killEnds):
	}
}

func recordDown(ctx context.Context, st *sqlite.Store, snapshots []store.Snapshot) error {
	for _, snap := range snapshots {
		change := store.Change{Name: snap.Service.Core.Name}
		for _, r := range snap.Replicas {
			switch r.Core.Stage {
			case rollout.Live:
				r.Core.NotePutDown()
				r.Handle = nil
				change.PutReplicas = append(change.PutReplicas, r)
			case rollout.Draining:
				change.DropReplicas = append(change.DropReplicas, r.Core.ID)
			}
		}
		if len(change.PutReplicas)+len(change.DropReplicas) == 0 {
			continue
		}
		if _, err := st.Commit(ctx, change); err != nil {
			return err
		}
	}
	return nil
}
