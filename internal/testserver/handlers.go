package testserver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

type server struct {
	options
	text     string // of the model
	started  time.Time
	inFlight atomic.Int64
	ready    atomic.Bool

	fileOnce sync.Once
	file     *os.File

	mu    sync.Mutex
	ids   map[string]int
	asked int // POST /infer so far
}

func newServer(o options) *server {
	s := &server{options: o, started: time.Now(), ids: map[string]int{}}
	s.ready.Store(!o.unready)
	return s
}

// Answer is the body of POST /infer.
type Answer struct {
	ID      string `json:"id"`
	Replica string `json:"replica"`
	Service string `json:"service"`
	Version string `json:"version"`
	Pid     int    `json:"pid"`
	Size    int64  `json:"size"`            // bytes of the request's body
	Model   string `json:"model,omitempty"` // the text of -model
}

// State is the body of GET /state.
type State struct {
	Pid      int      `json:"pid"`
	Dir      string   `json:"dir"`
	Args     []string `json:"args"`
	Env      []string `json:"env"`
	Ready    bool     `json:"ready"`
	InFlight int      `json:"in_flight"`
}

// routes are the paths a test can ask for.
//
//	GET  /ready               200 or 503; also /v2/health/ready
//	GET  /live                200; also /v2/health/live
//	POST /ready, /unready     switch what /ready answers
//	POST /infer               counts X-Request-Id, answers Answer; ?d=50ms takes that long
//	GET  /ids                 id -> how often it was asked for
//	GET  /stream?n=10&every=20ms   n server-sent events, "data: 1" first
//	GET  /slow?d=2s           answers after that long
//	GET  /redirect            302 to /ready
//	GET  /state               State
//	POST /print?n=100&width=80     prints lines
//	GET  /ws                  a WebSocket that says back every message
//	POST /crash?code=3        exits at once, without an answer
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, p := range []string{"GET /ready", "GET /v2/health/ready"} {
		mux.HandleFunc(p, s.getReady)
	}
	for _, p := range []string{"GET /live", "GET /v2/health/live"} {
		mux.HandleFunc(p, func(http.ResponseWriter, *http.Request) {})
	}
	mux.HandleFunc("POST /ready", func(http.ResponseWriter, *http.Request) { s.ready.Store(true) })
	mux.HandleFunc("POST /unready", func(http.ResponseWriter, *http.Request) { s.ready.Store(false) })
	mux.HandleFunc("POST /infer", s.infer)
	mux.HandleFunc("GET /ids", s.getIDs)
	mux.HandleFunc("GET /stream", s.stream)
	mux.HandleFunc("GET /slow", s.slow)
	mux.HandleFunc("GET /ws", s.webSocket)
	mux.Handle("GET /redirect", http.RedirectHandler("/ready", http.StatusFound))
	mux.HandleFunc("GET /state", s.state)
	mux.HandleFunc("POST /print", s.printLines)
	mux.HandleFunc("POST /crash", func(_ http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.URL.Query().Get("code"))
		os.Exit(code)
	})
	return mux
}

// busy counts a request in hand until the function it returns is called.
func (s *server) busy(id string) (done func()) {
	s.inFlight.Add(1)
	if id != "" {
		s.record("begin", id)
	}
	return func() {
		s.inFlight.Add(-1)
		if id != "" {
			s.record("end", id)
		}
	}
}

func (s *server) getReady(w http.ResponseWriter, _ *http.Request) {
	if !s.isReady() {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
	}
}

func (s *server) isReady() bool {
	return s.ready.Load() && time.Since(s.started) >= s.readyAfter
}

func (s *server) infer(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-Id")
	defer s.busy(id)()
	s.mu.Lock()
	s.ids[id]++
	s.asked++
	faulty := s.errEvery > 0 && s.asked%s.errEvery == 0
	s.mu.Unlock()
	size, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	wait(r, duration(r, "d", 0))
	if faulty {
		http.Error(w, "the model is faulty", http.StatusInternalServerError)
		return
	}
	writeJSON(w, Answer{
		ID: id, Size: size, Pid: os.Getpid(),
		Replica: os.Getenv("SLUICE_REPLICA"), Service: os.Getenv("SLUICE_SERVICE"), Version: os.Getenv("SLUICE_VERSION"),
		Model: s.text,
	})
}

func (s *server) getIDs(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, s.ids)
}

func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	defer s.busy(r.Header.Get("X-Request-Id"))()
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	for i := range number(r, "n", 10) {
		if i > 0 && !wait(r, duration(r, "every", 20*time.Millisecond)) {
			return
		}
		fmt.Fprintf(w, "data: %d\n\n", i+1)
		if flush.Flush() != nil {
			return
		}
	}
}

func (s *server) slow(w http.ResponseWriter, r *http.Request) {
	defer s.busy(r.Header.Get("X-Request-Id"))()
	wait(r, duration(r, "d", time.Second))
	fmt.Fprintln(w, "done")
}

func (s *server) state(w http.ResponseWriter, _ *http.Request) {
	dir, _ := os.Getwd()
	writeJSON(w, State{
		Pid: os.Getpid(), Dir: dir, Args: os.Args, Env: os.Environ(),
		Ready: s.isReady(), InFlight: int(s.inFlight.Load()),
	})
}

func (s *server) printLines(_ http.ResponseWriter, r *http.Request) {
	width := number(r, "width", 0)
	for i := range number(r, "n", 1) {
		fmt.Printf("%-*s\n", width, "printed "+strconv.Itoa(i+1))
	}
}

func number(r *http.Request, name string, otherwise int) int {
	if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil {
		return n
	}
	return otherwise
}

func duration(r *http.Request, name string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(r.URL.Query().Get(name)); err == nil {
		return d
	}
	return otherwise
}

// wait reports whether the caller is still there at the end.
func wait(r *http.Request, d time.Duration) bool {
	select {
	case <-r.Context().Done():
		return false
	case <-time.After(d):
		return true
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		fmt.Println("answer:", err)
	}
}
