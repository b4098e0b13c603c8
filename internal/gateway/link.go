package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/proc"
)

// How often a gateway reports, and how it dials a control plane that is away.
const (
	reportEvery = time.Second
	redialFirst = 100 * time.Millisecond
	redialMost  = time.Second
	writeWait   = 5 * time.Second
)

// link keeps in touch with the control plane until ctx is done. While there is
// none, the gateway serves with what it has.
func (g *Gateway) link(ctx context.Context) {
	wait := redialFirst
	var said string
	var acknowledged sync.Once
	for {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "unix", g.cfg.Control)
		if err == nil {
			g.log.Info("connected to the control plane", "socket", g.cfg.Control)
			begun := time.Now()
			err = g.talk(ctx, conn, &acknowledged)
			if time.Since(begun) > redialMost {
				wait = redialFirst
			}
		}
		if ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != said { // once for each reason
			said = text
			g.log.Warn("no connection to the control plane; serving with the last routing table", "error", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		wait = min(2*wait, redialMost)
	}
}

// talk speaks the protocol over one connection until it breaks, or until ctx is
// done, which it says goodbye for.
func (g *Gateway) talk(ctx context.Context, conn net.Conn, acknowledged *sync.Once) error {
	defer conn.Close()
	say := func(up wire.Up) error {
		conn.SetWriteDeadline(time.Now().Add(writeWait))
		return wire.Write(conn, &up)
	}
	started, err := proc.StartTime(os.Getpid())
	if err != nil {
		return err
	}
	hello := wire.Hello{Protocol: wire.Protocol, ID: g.cfg.ID, Pid: os.Getpid(), StartTime: started, Listen: g.Addr(), Groups: true}
	if t := g.board.current.Load(); t != nil {
		hello.Revision = t.revision
	}
	if err := say(wire.Up{Hello: &hello}); err != nil {
		return err
	}
	tables := make(chan error, 1)
	go func() { tables <- g.receive(wire.NewReader(conn)) }()

	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for all := true; ; all = false {
		report := g.board.report(all)
		report.State = g.state.Load().(string)
		if err := say(wire.Up{Report: &report}); err != nil {
			select { // why it was closed, if that was said
			case said := <-tables:
				return said
			default:
				return err
			}
		}
		if report.Revision != 0 {
			acknowledged.Do(func() { close(g.acknowledged) })
		}
		select {
		case <-g.board.wake:
		case <-tick.C:
		case err := <-tables:
			return err
		case <-ctx.Done():
			say(wire.Up{Bye: true})
			return ctx.Err()
		}
	}
}

// receive puts in force what the control plane sends.
func (g *Gateway) receive(in *wire.Reader) error {
	var parts wire.Assembly
	for {
		var down wire.Down
		if err := in.Read(&down); err != nil {
			return fmt.Errorf("the control plane's connection ended: %w", err)
		}
		if down.Refused != "" {
			return errors.New("the control plane refused this gateway: " + down.Refused)
		}
		if down.Table == nil {
			continue // a message of a later release
		}
		if table, complete := parts.Add(*down.Table); complete {
			g.board.apply(table)
			g.board.rouse()
		}
	}
}
