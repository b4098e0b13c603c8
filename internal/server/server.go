package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/console"
	"sluice.dev/sluice/internal/session"
	"sluice.dev/sluice/internal/token"
)

const (
	prefix  = "/api/v1"
	maxBody = 1 << 20 // bytes; api.ParseDocument has a limit of its own
)

// Config is what an API server is made of.
type Config struct {
	Releases Releases
	// Tokens are the bearer tokens that are accepted. The name of one becomes the
	// creator and actor of changes; its role says what it may do (see access).
	Tokens *token.Book
	// SessionsFile is where sessions of the console and its links are kept over a
	// restart; "" forgets them.
	SessionsFile string
	// Audit records what is asked for; nil for a server that keeps no audit log.
	Audit Audit
	// Metrics answers /metrics; nil leaves the path out.
	Metrics http.Handler
	// RestartGateway has another gateway take over from the one in charge; nil
	// for a server without a gateway of its own.
	RestartGateway func(context.Context) (api.GatewayRestart, error)
	// Artifacts tells what is kept of versions' files; nil for a server that keeps
	// none.
	Artifacts func() api.Artifacts
	// Ready says why the server is not ready, for /readyz; nil is always ready.
	Ready func() error
	// Version of the program, for openapi.json; "" is "dev".
	Version string
	Log     *slog.Logger // nil is slog.Default()
}

type server struct {
	cfg     Config
	log     *slog.Logger
	mux     *routes
	api     huma.API
	beat    time.Duration // between heartbeats of /watch
	openapi []byte
	audit   *auditor // nil without a log

	console  *console.Console
	sessions *session.Book
	attempts *attempts

	operations map[string]string // ids by route
}

// New makes the handler of the whole API. Streams (/watch and logs that follow)
// end when their request's context does: give the http.Server a BaseContext that
// is cancelled when it shuts down, since Shutdown alone waits for them.
func New(cfg Config) http.Handler { return newServer(cfg, 15*time.Second) }

func newServer(cfg Config, beat time.Duration) http.Handler {
	s := makeServer(cfg, beat)
	return s.faced(packed(s.audited(s.recovered(s.authorized(s.found(s.prepared(s.mux)))))))
}

func makeServer(cfg Config, beat time.Duration) *server {
	s := &server{cfg: cfg, log: cfg.Log, mux: &routes{mux: http.NewServeMux()}, beat: beat, operations: map[string]string{}}
	if cfg.Audit != nil {
		s.audit = &auditor{s: s, log: cfg.Audit, away: map[string]*turned{}}
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.cfg.Version == "" {
		s.cfg.Version = "dev"
	}
	s.console, s.attempts = console.New(), newAttempts()
	s.sessions = session.Open(cfg.Tokens, cfg.SessionsFile, s.log)
	s.api = humago.New(s.mux, describe(s.cfg.Version))
	s.routeServices()
	s.routeSeries()
	s.routeChanges()
	s.routeRollouts()
	s.routePlans()
	s.routeGroups()
	s.routeShifts()
	s.routeFreezes()
	s.routeMirrors()
	s.routePreview()
	s.routeVersions()
	s.routePreflight()
	s.routeArtifacts()
	s.routeExports()
	s.routeReplicas()
	s.routeWatch()
	s.routeTokens()
	s.routeAudit()
	s.routeGateway()
	s.routeLogin()
	s.routeLinks()
	s.routeProbes()
	s.finishOpenAPI()
	return s
}

// faced serves the console's page and files; all else is the API's.
func (s *server) faced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.console.Serves(r) {
			s.console.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// recovered answers a panic with a problem and keeps the server going.
func (s *server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.log.Error("a request made the API panic", "method", r.Method, "path", r.URL.Path, "panic", p)
			newProblem(http.StatusInternalServerError, codeInternal, "Sluice made a mistake while it answered; its log has the details",
				"what serves goes on; please report it").write(w)
		}()
		next.ServeHTTP(w, r)
	})
}

// found answers what no route takes: 404, or 405 where the path has other
// methods. The mux's own answers are plain text.
func (s *server) found(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler, pattern := s.mux.find(r); pattern == "" {
			probe := &headerOnly{header: http.Header{}}
			handler.ServeHTTP(probe, r)
			if allow := probe.header.Get("Allow"); probe.status == http.StatusMethodNotAllowed {
				w.Header().Set("Allow", allow)
				newProblem(http.StatusMethodNotAllowed, codeNoMethod, r.Method+" is not allowed on "+r.URL.Path, "allowed: "+allow).write(w)
				return
			}
			newProblem(http.StatusNotFound, codeNotFound, "the API has no path "+r.URL.Path, "/openapi.json lists them").write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// headerOnly keeps what a handler says about its answer and drops the answer.
type headerOnly struct {
	header http.Header
	status int
}

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (h *headerOnly) WriteHeader(status int)      { h.status = status }

// prepared settles what holds for every route: answers are never stored by a
// cache, and a body is read as what the route takes whatever Content-Type says,
// so that `curl -d` works.
func (s *server) prepared(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		r.Header.Set("Content-Type", "application/json")
		next.ServeHTTP(w, r)
	})
}

// register adds an operation whose errors are those of Releases.
func register[I, O any](s *server, op huma.Operation, answer func(context.Context, *I) (*O, error)) {
	s.operations[op.Method+" "+op.Path] = op.OperationID
	huma.Register(s.api, secured(op), func(ctx context.Context, in *I) (*O, error) {
		out, err := answer(ctx, in)
		if err != nil {
			return nil, problemOf(err)
		}
		return out, nil
	})
}
