// Package supervise keeps the gateway of this machine running: it adopts the one
// that an earlier run of the control plane left, starts one when there is none,
// and starts another when it dies. Replacing is all it does; routing tables come
// to the gateway over its own connection (package hub). On demand it has one
// gateway follow another without a connect being refused (Restart; how they do
// that between them is in handover.go of package gateway).
//
// The gateway is a session of its own with its output in a log file, so that
// nothing that happens to the control plane reaches it.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/store"
)

const (
	firstBackOff = 200 * time.Millisecond // before a gateway that died is replaced
	maxBackOff   = 5 * time.Second
	steadyAfter  = time.Minute // of running: the back-off begins anew
	// handOver is how long a gateway with another address may finish what it has
	// in hand before the new one is started.
	handOver = 30 * time.Second
	// stateLook is how often it is looked whether the gateway in charge retired.
	stateLook = time.Second
)

// Config says which gateway to keep running.
type Config struct {
	ID         string // of the first; the ones that follow are ID-2, ID-3 and so on
	Executable string // this program; it is run as `gateway`
	Listen     string // host:port for traffic
	Control    string // the control plane's socket
	MaxBody    int64  // 0 is the gateway's default
	MaxHeader  int
	SlowStart  time.Duration // 0 is the gateway's default, below 0 is off
	BodyWait   time.Duration // 0 is the gateway's default, and so is WriteWait
	WriteWait  time.Duration
	TLSCert    string // absolute paths of PEM files; "" without TLS
	TLSKey     string
	Handover   string        // socket by which one follows another
	Retire     time.Duration // that one which was followed may go on; 0 is the gateway's default
	LogFile    string
	Known      []store.Gateway // those recorded: the one in charge, and those that retire
	OnGone     func(id string) // its process is known to be gone
	// State is what the gateway with this id is, as the hub knows; nil never knows.
	State func(id string) State
	Log   *slog.Logger
}

// Supervisor keeps one gateway running until Close.
type Supervisor struct {
	cfg    Config
	cancel context.CancelFunc
	done   sync.WaitGroup
	failed chan error
	up     atomic.Bool
	at     atomic.Pointer[string] // where the gateway listens, once that is known
	orders chan order
	lead   atomic.Pointer[member] // the gateway in charge
	last   int                    // the highest number of an id so far; for Start and watch alone
}

// Start adopts the recorded gateway, or starts one.
func Start(cfg Config) (*Supervisor, error) {
	if err := os.MkdirAll(filepath.Dir(cfg.LogFile), 0o700); err != nil {
		return nil, fmt.Errorf("the gateway's log folder: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Supervisor{cfg: cfg, cancel: cancel, failed: make(chan error, 1), orders: make(chan order)}
	m, kept := s.adopt(ctx)
	if strays := EndStrays(cfg.Control, kept...); len(strays) > 0 {
		cfg.Log.Warn("gateways that an earlier server started and never recorded were ended", "pids", strays)
	}
	if m == nil {
		var err error
		if m, err = s.spawn(ctx); err != nil {
			cancel()
			return nil, err
		}
	}
	s.lead.Store(m)
	s.done.Go(func() { s.watch(ctx, m) })
	return s, nil
}

// Failed tells why the gateway ended before Up was called; the end of its log
// is in the error.
func (s *Supervisor) Failed() <-chan error { return s.failed }

// Up says that the gateway has come up, and where it listens: from now on its end
// is logged, and one that takes its place listens there too, whatever port was
// asked for.
func (s *Supervisor) Up(listen string) {
	s.at.Store(&listen)
	s.up.Store(true)
}

// listen is where a gateway that is started now shall listen.
func (s *Supervisor) listen() string {
	if at := s.at.Load(); at != nil {
		return *at
	}
	return s.cfg.Listen
}

// Close stops supervising. The gateway goes on.
func (s *Supervisor) Close() {
	s.cancel()
	s.done.Wait()
}

// wanted tells whether the address is the one asked for; any port is, when
// port 0 was asked for.
func (s *Supervisor) wanted(listen string) bool {
	host, anyPort := strings.CutSuffix(s.cfg.Listen, ":0")
	return listen == s.cfg.Listen || anyPort && strings.HasPrefix(listen, host+":")
}

// tlsMark is the environment variable that says what a gateway encrypts with, so
// that a server with another configuration knows: callers are told http or https.
const tlsMark = "SLUICE_GATEWAY_TLS"

func (s *Supervisor) encryption() string {
	if s.cfg.TLSCert == "" {
		return ""
	}
	return s.cfg.TLSCert + ":" + s.cfg.TLSKey
}

// encrypts tells whether a running gateway uses the files that are wanted.
func (s *Supervisor) encrypts(pid int) bool {
	for _, entry := range proc.Environ(pid) {
		if with, ok := strings.CutPrefix(entry, tlsMark+"="); ok {
			return with == s.encryption()
		}
	}
	return s.encryption() == ""
}

// spawn starts a gateway. If one accepts callers at the same address, the new
// one takes over from it; else it listens itself.
func (s *Supervisor) spawn(ctx context.Context) (*member, error) {
	log, err := os.OpenFile(s.cfg.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the gateway's log: %w", err)
	}
	defer log.Close()
	id := s.nextID()
	cmd := exec.Command(s.cfg.Executable, s.arguments(id)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), marked(s.cfg.Control), tlsMark+"="+s.encryption(), limitsMark+"="+s.limits())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the gateway cannot be started: %w", err)
	}
	p, err := proc.HoldChild(cmd.Process)
	if err != nil {
		return nil, err
	}
	return s.hold(ctx, id, p), nil
}

// arguments are those of the gateway; what is not set is left to its defaults.
func (s *Supervisor) arguments(id string) []string {
	args := []string{"gateway", "--id", id, "--listen", s.listen(), "--control", s.cfg.Control}
	if s.cfg.Handover != "" {
		args = append(args, "--handover", s.cfg.Handover)
	}
	args = append(args, s.settings()...)
	if s.cfg.TLSCert != "" {
		args = append(args, "--tls-cert", s.cfg.TLSCert, "--tls-key", s.cfg.TLSKey)
	}
	return args
}

// settings are the arguments that a restart of the gateway puts in force.
func (s *Supervisor) settings() (args []string) {
	if s.cfg.MaxBody != 0 {
		args = append(args, "--max-body", strconv.FormatInt(s.cfg.MaxBody, 10))
	}
	if s.cfg.MaxHeader != 0 {
		args = append(args, "--max-header", strconv.Itoa(s.cfg.MaxHeader))
	}
	if s.cfg.SlowStart != 0 {
		args = append(args, "--slow-start", max(0, s.cfg.SlowStart).String())
	}
	if s.cfg.BodyWait != 0 {
		args = append(args, "--body-wait", s.cfg.BodyWait.String())
	}
	if s.cfg.WriteWait != 0 {
		args = append(args, "--write-wait", s.cfg.WriteWait.String())
	}
	if s.cfg.Retire != 0 {
		args = append(args, "--retire", s.cfg.Retire.String())
	}
	return args
}

func (s *Supervisor) report(err error) {
	if s.up.Load() {
		s.cfg.Log.Error("the gateway is started again", "error", err)
		return
	}
	select {
	case s.failed <- err:
	default:
	}
}

// lastLine is the last line of the gateway's log.
func (s *Supervisor) lastLine() string {
	text, err := tail(s.cfg.LogFile)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func tail(path string) (string, error) {
	const most = 4096
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	b := make([]byte, min(most, info.Size()))
	n, err := f.ReadAt(b, info.Size()-int64(len(b)))
	if errors.Is(err, io.EOF) {
		err = nil // rotated meanwhile
	}
	return string(b[:n]), err
}
