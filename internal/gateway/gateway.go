package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sluice.dev/sluice/internal/certs"
	"sluice.dev/sluice/internal/gateway/wire"
)

// Config is what a gateway needs. Zero values are the defaults named.
type Config struct {
	ID      string // one process at a time has it
	Listen  string // host:port for traffic; port 0 takes a free one
	TLSCert string // PEM files of a certificate and its key, read again when they change; "" without TLS
	TLSKey  string
	Control string // path of the control plane's socket; "" serves without one

	MaxHeader    int           // bytes of a request's head; 64 KiB, beyond it 431
	MaxBody      int64         // bytes of a request's body; 64 MiB, beyond it 413; below 0 for no limit. Streams of gRPC and tunnels have none
	HeaderWait   time.Duration // for a caller to send its request's head; 10 s
	BodyWait     time.Duration // for the next byte of a request's body until its answer begins, beyond it 408; 30 s. Streams of gRPC and tunnels have none
	WriteWait    time.Duration // for a caller to take a part of its answer, beyond it the connection, or the HTTP/2 stream, ends; 60 s. Tunnels have none
	CallerIdle   time.Duration // that a caller's connection may wait for its next request; 120 s
	UpstreamIdle time.Duration // that a connection to a replica may wait for its next request; 4 s (design rule 8)
	DialWait     time.Duration // for a connection to a replica; 2 s
	SlowStart    time.Duration // that a replica which joins others takes to get its full share; 10 s, below 0 at once
	Grace        time.Duration // that requests in hand may take when the gateway ends; 30 s

	// Handover is the path of a socket, shared by the gateways that follow each
	// other at one address: who is started finds the one that accepts there, and
	// takes over from it (handover.go). "" takes over from nobody.
	Handover string
	Retire   time.Duration // that what is in hand may take once another gateway has taken over; 1 h

	Log *slog.Logger // nil is slog.Default()
}

func (c Config) withDefaults() Config {
	c.MaxHeader = cmp.Or(c.MaxHeader, 64<<10)
	c.MaxBody = cmp.Or(c.MaxBody, 64<<20)
	c.HeaderWait = cmp.Or(c.HeaderWait, 10*time.Second)
	c.BodyWait = cmp.Or(c.BodyWait, 30*time.Second)
	c.WriteWait = cmp.Or(c.WriteWait, 60*time.Second)
	c.CallerIdle = cmp.Or(c.CallerIdle, 120*time.Second)
	c.UpstreamIdle = cmp.Or(c.UpstreamIdle, 4*time.Second)
	c.DialWait = cmp.Or(c.DialWait, 2*time.Second)
	c.SlowStart = cmp.Or(c.SlowStart, 10*time.Second)
	c.Grace = cmp.Or(c.Grace, 30*time.Second)
	c.Retire = cmp.Or(c.Retire, time.Hour)
	c.Log = cmp.Or(c.Log, slog.Default())
	return c
}

// Gateway is one gateway. New makes it, Run runs it once.
type Gateway struct {
	cfg       Config
	log       *slog.Logger
	board     *board
	listener  net.Listener
	server    *http.Server
	pair      *certs.Pair // nil without TLS
	exchanges sync.Pool   // of *exchange
	tunnels   tunnels

	predecessor  *predecessor  // nil when it has taken over from nobody
	state        atomic.Value  // string, see wire.Report.State
	acknowledged chan struct{} // closed once a table is in force and the control plane was told so
	followed     chan struct{} // closed when a successor accepts callers
	let          chan struct{} // closed when this one accepts no more
	callers      atomic.Int64  // connections that net/http has in hand
	leavers      leavers
	insist       atomic.Bool // HTTP/2 callers are told by net/http, too, to leave
}

// New reads the certificate and listens on Config.Listen, or takes the listener
// of the gateway that accepts there over. Requests wait until Run.
func New(cfg Config) (*Gateway, error) {
	if cfg.ID == "" {
		return nil, errors.New("a gateway needs an id")
	}
	pair, err := cfg.certificate()
	if err != nil {
		return nil, err
	}
	l, before, err := takeOver(cfg.Handover, cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("--handover: %w", err)
	}
	if l == nil {
		if l, err = net.Listen("tcp", cfg.Listen); err != nil {
			return nil, fmt.Errorf("the gateway cannot listen on %q: %w", cfg.Listen, err)
		}
	}
	g := newGateway(cfg)
	g.listener, g.pair, g.predecessor = l, pair, before
	if before != nil {
		g.state.Store(wire.Waiting)
	}
	return g, nil
}

// certificate is nil without TLS.
func (c Config) certificate() (*certs.Pair, error) {
	switch {
	case c.TLSCert == "" && c.TLSKey == "":
		return nil, nil
	case c.TLSCert == "" || c.TLSKey == "":
		return nil, fmt.Errorf("--tls-cert %q and --tls-key %q: TLS needs both, a certificate and its key", c.TLSCert, c.TLSKey)
	}
	pair, err := certs.Load(c.TLSCert, c.TLSKey, cmp.Or(c.Log, slog.Default()))
	if err != nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return pair, nil
}

// listen takes connections until the server is shut down.
func (g *Gateway) listen() error {
	l := callers{g.listener, g.cfg.WriteWait, &g.leavers}
	if g.pair == nil {
		return g.server.Serve(l)
	}
	g.server.TLSConfig = g.pair.Config()
	return g.server.ServeTLS(l, "", "")
}

func newGateway(cfg Config) *Gateway {
	g := &Gateway{cfg: cfg.withDefaults(), acknowledged: make(chan struct{}), followed: make(chan struct{}), let: make(chan struct{})}
	g.state.Store("")
	g.log = g.cfg.Log
	g.board = newBoard(&g.cfg)
	g.exchanges.New = func() any { return newExchange(g) }
	g.server = &http.Server{
		Handler: g,
		// net/http allows 4096 bytes more than it is told.
		MaxHeaderBytes:    max(g.cfg.MaxHeader-4096, 1),
		ReadHeaderTimeout: g.cfg.HeaderWait,
		IdleTimeout:       g.cfg.CallerIdle,
		ConnContext:       withCaller,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
		ConnState:         g.count,
		Protocols:         new(http.Protocols),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 1000},
	}
	g.server.Protocols.SetHTTP1(true)
	g.server.Protocols.SetHTTP2(true) // over TLS
	g.server.Protocols.SetUnencryptedHTTP2(true)
	return g
}

// Addr is the address it listens on, with the real port.
func (g *Gateway) Addr() string { return g.listener.Addr().String() }

// Run serves until ctx is done, then takes no new connection, lets requests,
// streams and tunnels in hand finish for up to Config.Grace, and says goodbye to
// the control plane, with which it keeps in touch until then. When another
// gateway takes over it does the same, more patiently, by itself (retire). The
// error is nil unless serving itself failed.
func (g *Gateway) Run(ctx context.Context) error {
	linked, unlink := context.WithCancel(context.WithoutCancel(ctx))
	var link sync.WaitGroup
	if g.cfg.Control != "" {
		link.Go(func() { g.link(linked) })
	}
	defer link.Wait()
	defer unlink()
	if !g.mayAccept(ctx) {
		return g.listener.Close()
	}

	failed := make(chan error, 1)
	go func() { failed <- g.listen() }()
	endOffer, err := g.succeed()
	if err != nil {
		g.server.Close()
		return err
	}
	defer endOffer()
	select {
	case err := <-failed:
		return fmt.Errorf("the gateway stopped serving on %s: %w", g.Addr(), err)
	case <-g.followed:
		g.listener.Close()
		<-failed // every connection that was accepted is counted now
		endOffer()
		if g.retire(ctx) {
			return nil
		}
	case <-ctx.Done():
	}
	g.finish(linked)
	return nil
}

// finish lets what is in hand end for up to Config.Grace.
func (g *Gateway) finish(linked context.Context) {
	grace, cancel := context.WithTimeout(linked, g.cfg.Grace)
	defer cancel()
	if err := g.server.Shutdown(grace); err != nil {
		g.log.Warn("requests in hand were cut when the gateway's grace period ended", "grace", g.cfg.Grace)
		g.server.Close()
	}
	if n := g.tunnels.end(grace); n > 0 {
		g.log.Warn("tunnels in hand were cut when the gateway's grace period ended", "tunnels", n)
	}
}

// Run makes a gateway, tells its address to listening (which may be nil), and
// runs it.
func Run(ctx context.Context, cfg Config, listening func(addr string)) error {
	g, err := New(cfg)
	if err != nil {
		return err
	}
	if listening != nil {
		listening(g.Addr())
	}
	return g.Run(ctx)
}
