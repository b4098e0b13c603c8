// Package testserver is a small model server for tests: a real process that
// can be told to start slowly, fail, fork, ignore signals or drain, and that
// counts what it answered.
//
// A test binary is its own test server. Its TestMain calls MaybeRun before
// anything else; the binary, started again with the environment variable
// TESTSERVER=1, then is the server and never reaches the tests:
//
//	func TestMain(m *testing.M) {
//		testserver.MaybeRun()
//		os.Exit(m.Run())
//	}
//
// Container gives a container that runs it so. What it does is told by flags,
// see options.go; what it can be asked over HTTP is in handlers.go; what it
// records for after its end is in record.go. It listens on 127.0.0.1:$PORT.
package testserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"sluice.dev/sluice/api"
)

// Marker is the environment variable that makes a test binary the server.
const Marker = "TESTSERVER"

// MaybeRun runs the server and exits when the environment asks for it, and
// returns at once otherwise.
func MaybeRun() {
	if os.Getenv(Marker) == "" {
		return
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "testserver:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Command is the command line of a service file that runs this binary as the
// server with these flags: Command("-drain", "1s"). The container also needs
// Marker=1 in its environment.
func Command(flags ...string) string { return CommandOf(os.Args[0], flags...) }

// CommandOf is Command for a copy of this binary.
func CommandOf(program string, flags ...string) string {
	words := append([]string{program}, flags...)
	for i, w := range words {
		words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(words, " ")
}

// Container runs this binary as the server with these flags, in dir (which
// must be absolute), and sets no checks.
func Container(dir string, flags ...string) api.Container {
	return api.Container{
		Command:    Command(flags...),
		WorkingDir: dir,
		Port:       8000,
		Env:        []api.EnvVar{{Name: Marker, Value: "1"}},
	}
}

func run(args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.daemonize {
		return startCopy(o, true, without(args, "-daemonize")...)
	}
	if o.fork {
		if err := startCopy(o, false, "-idle"); err != nil {
			return err
		}
	}
	if o.setsidChild {
		if err := startCopy(o, true, "-idle"); err != nil {
			return err
		}
	}
	s := newServer(o)
	if o.model != "" {
		text, err := os.ReadFile(o.model)
		if err != nil {
			return err
		}
		s.text = string(text)
	}
	return s.serve()
}

// startCopy starts this binary once more, in a session of its own when setsid
// is set, and does not wait for it.
func startCopy(o options, setsid bool, args ...string) error {
	if o.record != "" {
		args = append(args, "-record", o.record)
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: setsid}
	return cmd.Start()
}

func without(args []string, flag string) []string {
	var kept []string
	for _, a := range args {
		if strings.TrimLeft(a, "-") != strings.TrimLeft(flag, "-") {
			kept = append(kept, a)
		}
	}
	return kept
}

func (s *server) serve() error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM)
	s.record("start", "")
	for i := range s.print {
		fmt.Printf("line %d\n", i+1)
	}
	if s.exitAfter >= 0 {
		time.AfterFunc(s.exitAfter, func() { s.exit(s.exitCode) })
	}

	srv := &http.Server{Handler: s.withGRPC(s.routes()), Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	served := make(chan error, 1)
	if !s.idle && !s.neverListen {
		go func() { served <- s.listen(srv) }()
	}
	for {
		select {
		case err := <-served:
			return err
		case <-signals:
			s.record("sigterm", "")
			if s.ignoreSigterm {
				continue
			}
			if s.hasty {
				s.exit(0)
			}
			s.shutDown(srv)
		}
	}
}

func (s *server) listen(srv *http.Server) error {
	time.Sleep(s.listenAfter)
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("PORT")))
	if err != nil {
		return err
	}
	fmt.Println("listening on", l.Addr())
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	select {} // shutDown ends the process
}

// shutDown is what a well-made server does on SIGTERM: no new connection, the
// requests in hand are answered, WebSockets come to their end, which
// http.Server.Shutdown does not wait for, then it ends.
func (s *server) shutDown(srv *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		fmt.Println("shutdown:", err)
	}
	for s.inFlight.Load() > 0 && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(s.drain)
	s.exit(0)
}

func (s *server) exit(code int) {
	s.record("exit", "")
	os.Exit(code)
}
