package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/certs"
	"sluice.dev/sluice/internal/content"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/gateway/hub"
	"sluice.dev/sluice/internal/gateway/supervise"
	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/runtime/process"
	"sluice.dev/sluice/internal/secret"
	"sluice.dev/sluice/internal/server"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/store/sqlite"
	"sluice.dev/sluice/internal/token"
)

// gatewayStart is how long the gateway may take to answer at the start.
const gatewayStart = 10 * time.Second

// plane is a control plane put together.
type plane struct {
	cfg         Config
	file        File
	store       *sqlite.Store
	hub         *hub.Hub
	controller  *controller.Controller
	artifacts   *content.Artifacts
	supervisor  *supervise.Supervisor
	api         net.Listener
	certificate *certs.Pair // nil: the API is not encrypted
	tokens      *token.Book
	secrets     *secret.Key
	adopted     []int // pids of the gateways that were recorded when this server started
	up          bool  // everything runs
}

// Serve runs the control plane of one machine until ctx is done. When it
// returns, replicas and the gateway go on.
func Serve(ctx context.Context, cfg Config, out io.Writer) error {
	p := &plane{cfg: cfg}
	defer p.close()
	if err := p.open(ctx); err != nil {
		return err
	}
	if err := p.run(ctx); err != nil {
		return err
	}
	p.up = true
	fmt.Fprintf(out, "API      %s\ngateway  %s\ndata     %s (token in admin.token)\n", p.apiAddress(), p.address(), cfg.Data)
	if err := serveAPI(ctx, p.api, p.certificate, p.handler(), cfg.Log); err != nil {
		return err
	}
	p.farewell(out)
	return nil
}

// open takes what only one server can have: the data directory and the ports.
func (p *plane) open(ctx context.Context) (err error) {
	if p.file, err = p.cfg.readFile(); err != nil {
		return &UsageError{err}
	}
	if p.certificate, err = p.cfg.certificate(p.file); err != nil {
		return err
	}
	g := &p.file.Gateway
	if g.TLSCert, g.TLSKey, err = p.cfg.gatewayFiles(*g); err != nil {
		return err
	}
	for _, s := range []socket{
		{"--listen", p.cfg.Listen, p.certificate != nil, "give it a certificate with --tls-cert and --tls-key"},
		{"--gateway", p.cfg.Gateway, p.file.Gateway.encrypted(), "give it a certificate with gateway.tls_cert and gateway.tls_key in " + p.cfg.path()},
	} {
		if err := p.cfg.checkListen(s); err != nil {
			return &UsageError{err}
		}
	}
	if p.store, err = sqlite.Open(ctx, p.cfg.Data); err != nil {
		return err
	}
	for _, note := range p.store.Notes() {
		p.cfg.Log.Warn(note)
	}
	admin, err := adminToken(p.cfg.Data)
	if err != nil {
		return err
	}
	if p.tokens, err = token.Open(ctx, p.store, admin, p.cfg.Log); err != nil {
		return err
	}
	if p.secrets, err = secret.Open(secret.File(p.cfg.Data)); err != nil {
		return err
	}
	p.api, err = listen("--listen", p.cfg.Listen)
	return err
}

func (p *plane) run(ctx context.Context) error {
	file := p.file
	epoch, err := p.store.NextEpoch(ctx)
	if err != nil {
		return err
	}
	all, err := p.store.Gateways(ctx)
	if err != nil {
		return err
	}
	if err := p.makeController(file); err != nil {
		return err
	}
	known := slices.DeleteFunc(slices.Clone(all), func(g store.Gateway) bool { return !isLocal(g.ID) })
	for _, g := range known {
		p.adopted = append(p.adopted, g.Pid)
	}
	p.hub, err = hub.New(hub.Config{
		Socket: SocketFile(p.cfg.Data), Epoch: epoch, Known: all,
		OnChange:  p.controller.GatewaysChanged,
		OnGateway: p.recordGateway,
		OnGone:    func(id string) { _ = p.store.DropGateway(context.Background(), id) },
		Log:       p.cfg.Log,
	})
	if err != nil {
		return err
	}
	p.supervisor, err = supervise.Start(supervise.Config{
		ID: localGateway, Executable: p.cfg.Executable, Listen: p.cfg.Gateway, Control: SocketFile(p.cfg.Data),
		MaxBody: file.Gateway.MaxBodyBytes, MaxHeader: file.Gateway.MaxHeaderBytes, SlowStart: file.Gateway.slowStart(),
		TLSCert: file.Gateway.TLSCert, TLSKey: file.Gateway.TLSKey,
		Handover: filepath.Join(p.cfg.Data, "gateway.next"), Retire: span(file.Gateway.RetireSeconds),
		BodyWait: span(file.Gateway.BodyWaitSeconds), WriteWait: span(file.Gateway.WriteWaitSeconds), State: p.gatewayState,
		LogFile: filepath.Join(p.cfg.Data, "logs", "gateway.log"), Known: known, OnGone: p.hub.Drop, Log: p.cfg.Log,
	})
	if err != nil {
		return err
	}
	if err := p.controller.Run(ctx); err != nil {
		return err
	}
	if err := p.secrets.Keep(); err != nil {
		return err
	}
	return p.awaitGateway(ctx)
}

// makeController makes the controller and the runtime, which know each other.
// Neither does anything before the controller runs.
func (p *plane) makeController(file File) error {
	replicas, err := process.New(process.Config{
		DataDir: p.cfg.Data, Log: p.cfg.Log, Limits: true,
		Events: func(e runtime.Event) { p.controller.Observe(e) },
	})
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("the working directory is not known: %w", err)
	}
	p.artifacts, err = content.Open(filepath.Join(p.cfg.Data, "artifacts"), file.History.options())
	if err != nil {
		return err
	}
	for _, note := range p.artifacts.Notes() {
		p.cfg.Log.Warn(note)
	}
	p.controller = controller.New(controller.Config{
		Store: p.store, Runtime: replicas, Gateways: gateways{p}, Fleet: gateways{p}, Warn: replicas.Warnings, Probe: probes{},
		Insight: p.insight(), Foretell: true, Secrets: p.secrets, GiveUpSecrets: p.cfg.GiveUpSecrets,
		History: controller.History{CheapBytes: file.History.cheapBytes(), KeepVersions: file.History.KeepVersions, PreflightEvery: time.Minute, Startable: replicas.Check},
		Content: p.artifacts, Resources: file.resources(), Dir: dir, Log: p.cfg.Log,
	})
	return nil
}

// awaitGateway waits until the gateway of this machine has connected.
func (p *plane) awaitGateway(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, gatewayStart)
	defer cancel()
	for {
		if at := p.listening(); at != "" {
			p.supervisor.Up(at)
			if why := p.supervisor.Outdated(); why != "" {
				p.cfg.Log.Warn("the gateway was started by an earlier server and goes on as it is: " + why +
					"; `sluice gateway restart` has another take over, without losing a request")
			}
			return nil
		}
		select {
		case err := <-p.supervisor.Failed():
			return fmt.Errorf("--gateway: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("the gateway did not come up within %s; %s says why", gatewayStart, filepath.Join(p.cfg.Data, "logs", "gateway.log"))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// listening is where the gateway of this machine takes traffic, "" before it
// has connected.
func (p *plane) listening() string {
	for _, g := range p.hub.Gateways() {
		if isLocal(g.ID) && g.Connected && g.State != wire.Retiring {
			return g.Listen
		}
	}
	return ""
}

func (p *plane) recordGateway(g store.Gateway) {
	if err := p.store.PutGateway(context.Background(), g); err != nil {
		p.cfg.Log.Error("a gateway cannot be recorded; after a restart of the server nobody waits for it", "gateway", g.ID, "error", err)
	}
}

func (p *plane) handler() http.Handler {
	return server.New(server.Config{
		Releases: p.controller, Tokens: p.tokens, Audit: p.store, RestartGateway: p.restartGateway, Artifacts: p.kept,
		Metrics: metrics(p), Version: p.cfg.Version, SessionsFile: filepath.Join(p.cfg.Data, "sessions.json"),
		Ready: func() error {
			if p.listening() == "" {
				return errors.New("the gateway is not connected")
			}
			return nil
		},
	})
}

// kept is what there is of copies, and what is being read.
func (p *plane) kept() api.Artifacts {
	a := p.artifacts.Usage()
	a.Hashing = p.artifacts.Progress()
	return a
}

func (p *plane) farewell(out io.Writer) {
	n := 0
	for _, s := range p.controller.List(context.Background()) {
		n += s.Replicas.Live + s.Replicas.Draining
	}
	fmt.Fprintf(out, "stopped; %d replicas and the gateway go on; `sluice down --data %s` ends them\n", n, p.cfg.Data)
}

// close lets go in the reverse order. Whatever was not opened is nil.
func (p *plane) close() {
	if p.supervisor != nil {
		p.supervisor.Close()
		if !p.up { // the gateway that it started has nothing to do
			supervise.EndStrays(SocketFile(p.cfg.Data), p.adopted...)
		}
	}
	if p.controller != nil {
		p.controller.Close()
	}
	if p.hub != nil {
		p.hub.Close()
	}
	if p.api != nil {
		p.api.Close()
	}
	if p.tokens != nil {
		p.tokens.Close()
	}
	if p.store != nil {
		p.store.Close()
	}
}
