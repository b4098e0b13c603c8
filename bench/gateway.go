package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"sluice.dev/sluice/internal/gateway/hub"
	"sluice.dev/sluice/internal/traffic"
)

// gatewayBench puts the same load through each proxy in turn. Each proxy has one
// core for itself, the last; load and backend share the first.
type gatewayBench struct {
	rounds  int
	lasting time.Duration
	body    int

	proxyCore, otherCore int
	proxies              []*proxy
}

// proxy is something between the load and the backend. The one without a
// process is nothing in between.
type proxy struct {
	name    string
	address string
	process *process
}

func gatewayFlags(f *flag.FlagSet) func(context.Context, *report) error {
	b := &gatewayBench{proxyCore: -1, otherCore: -1}
	f.IntVar(&b.rounds, "rounds", 5, "rounds, each with every proxy")
	f.DurationVar(&b.lasting, "for", 2*time.Second, "duration of one load")
	f.IntVar(&b.body, "body", 1000, "bytes of a request's body")
	return b.run
}

// connections are the loads that each proxy gets in a round.
var connections = []int{1, 32}

func (b *gatewayBench) run(ctx context.Context, r *report) error {
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() < 2 {
		r.note("nothing is pinned to a core: that takes two cores and taskset")
	} else {
		b.proxyCore, b.otherCore = runtime.NumCPU()-1, 0
	}
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	back, err := begin(child(ctx, b.otherCore, "backend"))
	if err != nil {
		return err
	}
	defer back.end()
	address, err := back.line()
	if err != nil {
		return err
	}
	defer b.end()
	if err := b.start(ctx, r, dir, address); err != nil {
		return err
	}
	for _, p := range b.proxies { // so that no round pays for a first time
		if _, err := b.load(ctx, p, 32, min(b.lasting, 300*time.Millisecond)); err != nil {
			return err
		}
	}
	for i := range b.rounds {
		if err := b.round(ctx, r, i); err != nil {
			return err
		}
	}
	b.bars(r)
	return nil
}

func (b *gatewayBench) end() {
	for _, p := range b.proxies {
		if p.process != nil {
			p.process.end()
		}
	}
}

func (b *gatewayBench) start(ctx context.Context, r *report, dir, backend string) error {
	if err := b.startSluice(ctx, dir, backend); err != nil {
		return err
	}
	plain, err := begin(child(ctx, b.proxyCore, "reverseproxy", backend))
	if err != nil {
		return err
	}
	p := &proxy{name: "reverseproxy", process: plain}
	b.proxies = append(b.proxies, p)
	if p.address, err = plain.line(); err != nil {
		return err
	}
	if file, err := exec.LookPath("nginx"); err != nil {
		r.note("nginx is not measured: it is not installed; `apt-get install nginx-light` or your system's way does that")
	} else if err := b.startNginx(ctx, file, dir, backend); err != nil {
		return fmt.Errorf("nginx: %w", err)
	}
	b.proxies = append(b.proxies, &proxy{name: "direct", address: backend})
	return nil
}

// startSluice starts the gateway as the control plane does, as a process of its
// own with a socket to a hub, which is here.
func (b *gatewayBench) startSluice(ctx context.Context, dir, backend string) error {
	program, err := build(ctx, dir)
	if err != nil {
		return err
	}
	socket := filepath.Join(dir, "gateway.sock")
	control, err := hub.New(hub.Config{Socket: socket, Epoch: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { control.Close() })
	control.Publish(traffic.Route{Service: "bench", Endpoints: []traffic.Endpoint{{Replica: "bench-1-0", Version: 1, Address: backend}}})
	control.Open()
	ours, err := begin(pinned(ctx, b.proxyCore, program, "gateway", "--id", "bench", "--listen", "127.0.0.1:0", "--control", socket))
	if err != nil {
		return err
	}
	p := &proxy{name: "sluice", process: ours}
	b.proxies = append(b.proxies, p)
	return patiently(ctx, "the gateway's first acknowledgement", func() bool {
		for _, g := range control.Gateways() {
			p.address = g.Listen
		}
		return p.address != "" && control.Settled()
	})
}

// patiently waits for something that comes within seconds.
func patiently(ctx context.Context, what string, there func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !there() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func (b *gatewayBench) load(ctx context.Context, p *proxy, connections int, lasting time.Duration) (l loaded, err error) {
	cmd := child(ctx, b.otherCore, "load", "-address", p.address, "-connections", strconv.Itoa(connections),
		"-body", strconv.Itoa(b.body), "-for", lasting.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &l)
	}
	if err != nil {
		return l, fmt.Errorf("load on %s: %w", p.name, err)
	}
	return l, nil
}

// round measures each proxy under each load, beginning with another one each
// time.
func (b *gatewayBench) round(ctx context.Context, r *report, number int) error {
	for _, c := range connections {
		spent, p50, rate := map[string]float64{}, map[string]float64{}, map[string]float64{}
		for i := range b.proxies {
			p := b.proxies[(i+number)%len(b.proxies)]
			l, used, err := b.measured(ctx, p, c)
			if err != nil {
				return err
			}
			name := fmt.Sprintf("%s, %s: ", p.name, spoken(c))
			r.add(name+"requests/s", "1/s", float64(l.Requests)/l.Seconds)
			r.add(name+"p50", "us", l.P50)
			r.add(name+"p99", "us", l.P99)
			p50[p.name], rate[p.name] = l.P50, float64(l.Requests)/l.Seconds
			if p.process == nil {
				continue
			}
			spent[p.name] = micros(used) / float64(l.Requests)
			r.add(name+"CPU per request", "us", spent[p.name])
			size, err := resident(p.process.cmd.Process.Pid)
			if err != nil {
				return err
			}
			r.add(name+"RSS", "MiB", size)
		}
		for _, peer := range []string{"nginx", "reverseproxy"} {
			if spent[peer] > 0 {
				r.add(ratioName(peer, c), "", spent["sluice"]/spent[peer])
				r.add(fmt.Sprintf("ratio, %s: requests/s, sluice / %s", spoken(c), peer), "", rate["sluice"]/rate[peer])
			}
		}
		r.add(addedName(c), "us", p50["sluice"]-p50["direct"])
	}
	return nil
}

func ratioName(peer string, connections int) string {
	return fmt.Sprintf("ratio, %s: CPU per request, sluice / %s", spoken(connections), peer)
}

func addedName(connections int) string {
	return fmt.Sprintf("added at p50, %s", spoken(connections))
}

func spoken(connections int) string {
	if connections == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", connections)
}

func (b *gatewayBench) measured(ctx context.Context, p *proxy, connections int) (l loaded, used time.Duration, err error) {
	var before, after time.Duration
	if p.process != nil {
		if before, err = cpu(p.process.cmd.Process.Pid); err != nil {
			return l, 0, err
		}
	}
	if l, err = b.load(ctx, p, connections, b.lasting); err != nil {
		return l, 0, err
	}
	if p.process != nil {
		after, err = cpu(p.process.cmd.Process.Pid)
	}
	return l, after - before, err
}

func (b *gatewayBench) bars(r *report) {
	for _, c := range connections {
		r.bar(ratioName("nginx", c), "median", 1.15)
		r.bar(ratioName("reverseproxy", c), "median", 0.5)
	}
	r.bar(addedName(1), "median", 60)
}
