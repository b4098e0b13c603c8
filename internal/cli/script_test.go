package cli_test

import (
	"context"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/cli"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/server"
	"sluice.dev/sluice/internal/server/servertest"
	"sluice.dev/sluice/internal/store/memory"
	"sluice.dev/sluice/internal/token"
)

var update = flag.Bool("update", false, "rewrite what is recorded")

// TestMain lets scripts run the command line as a process of its own, as a shell
// does.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sluice": func() {
		os.Exit(cli.Run(context.Background(), cli.Options{
			Version: "1.2.3", Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
			Commands: []*cobra.Command{added()},
		}))
	}})
}

// added is a command as cmd/sluice hands them in.
func added() *cobra.Command {
	return &cobra.Command{Use: "added", Short: "For the test of Options.Commands", Args: cobra.NoArgs, RunE: func(_ *cobra.Command, args []string) error {
		return cli.Usagef("--added: not today")
	}}
}

// world is the server of one script.
type world struct {
	memory    *servertest.Memory
	tokens    *token.Book
	web       *httptest.Server
	secure    *httptest.Server // the same over TLS
	down      atomic.Bool
	interfere atomic.Int32 // how many changes of an expected revision come too late
}

func (w *world) ServeHTTP(out http.ResponseWriter, in *http.Request, next http.Handler) {
	if w.down.Load() {
		panic(http.ErrAbortHandler)
	}
	if in.Header.Get("If-Match") != "" && w.interfere.Add(-1) >= 0 {
		n := 2 + int(w.interfere.Load())
		if _, err := w.memory.Scale(in.Context(), controller.By{Actor: "somebody"}, "a", n); err != nil {
			panic(err)
		}
	}
	next.ServeHTTP(out, in)
}

// TestScripts runs the stories in testdata against the real server over real
// HTTP. `go test ./internal/cli -update` rewrites their cmp files.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			w := &world{memory: servertest.New(), tokens: servertest.Tokens("secret")}
			w.memory.Pace = 30 * time.Millisecond
			handler := server.New(server.Config{Releases: w.memory, Tokens: w.tokens, Audit: memory.New()})
			w.web = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
				w.ServeHTTP(out, in, handler)
			}))
			env.Defer(func() {
				w.web.CloseClientConnections()
				w.memory.Close()
				w.web.Close()
			})
			env.Values["world"] = w
			w.secure = httptest.NewTLSServer(handler)
			w.secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of callers that do not trust it
			env.Defer(w.secure.Close)
			if err := os.WriteFile(filepath.Join(env.WorkDir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.secure.Certificate().Raw}), 0o600); err != nil {
				return err
			}
			env.Setenv("SECURE", w.secure.URL)
			env.Setenv("SLUICE_SERVER", w.web.URL)
			env.Setenv("SLUICE_TOKEN", "secret")
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("TERM", "xterm")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // with -race every process would sleep a second at its end
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "ending": ending, "pace": pace, "broken": broken, "reach": reach, "plain": plain, "until": until, "watched": watched,
			"server": control, "interfere": interfere, "give": give,
		},
	})
}

func of(ts *testscript.TestScript) *world { return ts.Value("world").(*world) }

// exits CODE ARGS...: `sluice ARGS...` ends with this very exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS...")
	}
	err := ts.Exec("sluice", args[1:]...)
	code := 0
	var status interface{ ExitCode() int }
	if errors.As(err, &status) {
		code = status.ExitCode()
	} else if err != nil {
		ts.Fatalf("sluice: %v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("sluice %s ends with exit code %d, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// ending ENDING...: how the next rollouts end.
func ending(ts *testscript.TestScript, _ bool, args []string) {
	for _, a := range args {
		of(ts).memory.Endings(servertest.Ending(a))
	}
}

// pace DURATION: the time between two steps of a rollout.
func pace(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	of(ts).memory.Pace = d
}

// broken MESSAGE: every change fails so; without one they work again.
func broken(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		of(ts).memory.FailWith(nil)
		return
	}
	of(ts).memory.FailWith(errors.New(args[0]))
}

// server down|up: the control plane dies, and comes back.
func control(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	w.down.Store(args[0] == "down")
	w.web.CloseClientConnections()
}

// give NAME ROLE: makes a token NAME-2 and uses it from now on; $LAST keeps it.
func give(ts *testscript.TestScript, _ bool, args []string) {
	_, secret, err := of(ts).tokens.Create(context.Background(), "admin", args[0]+"-2", api.Role(args[1]))
	ts.Check(err)
	ts.Setenv("SLUICE_TOKEN", secret)
	ts.Setenv("LAST", secret)
}

// interfere N: somebody else changes service a right before each of the next N
// changes that are made for a revision.
func interfere(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	of(ts).interfere.Store(int32(n))
}

// reach NAME STATUS: waits until the service has it; "gone" is a status, too.
func reach(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		service, err := of(ts).memory.Get(context.Background(), args[0])
		var missing *controller.NotFoundError
		switch {
		case errors.As(err, &missing) && args[1] == "gone", err == nil && string(service.Status) == args[1]:
			return
		case time.Now().After(deadline):
			ts.Fatalf("service %s is %s, %v; want %s", args[0], service.Status, err, args[1])
		}
	}
}

// until FILE PATTERN: waits until a line of the file, which a command in the
// background writes, matches.
func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[1])
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		switch {
		case err == nil && pattern.Match(text):
			return
		case time.Now().After(deadline):
			ts.Fatalf("%s has no line like %s: %v\n%s", args[0], args[1], err, text)
		}
	}
}

// watched N: waits until that many watch, or follow logs.
func watched(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for deadline := time.Now().Add(time.Minute); of(ts).memory.Watched() != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%d watch, want %d", of(ts).memory.Watched(), n)
		}
	}
}

// plain FILE...: no color, no bar, no cursor movement.
func plain(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		if text := ts.ReadFile(file); strings.ContainsAny(text, "\x1b\r") || strings.Contains(text, "[#") || strings.Contains(text, "[-") {
			ts.Fatalf("%s is not plain: %q", file, text)
		}
	}
}

func TestEveryCommandIsDocumented(t *testing.T) {
	commands := cli.New(cli.Options{}).Commands()
	for _, cmd := range commands {
		commands = append(commands, cmd.Commands()...)
	}
	for _, cmd := range commands {
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s needs one sentence, details and an example", cmd.Name())
		}
		for _, line := range strings.Split(cmd.Long, "\n") {
			if len(line) > 82 {
				t.Errorf("%s: a line of its help is %d wide: %s", cmd.Name(), len(line), line)
			}
		}
	}
}

func TestDefaultDataDir(t *testing.T) {
	for _, c := range []struct{ data, xdg, want string }{
		{"/srv/sluice", "/xdg", "/srv/sluice"},
		{"", "/xdg", "/xdg/sluice"},
		{"", "relative", "/home/me/.local/share/sluice"}, // the XDG specification says to ignore it
		{"", "", "/home/me/.local/share/sluice"},
	} {
		t.Setenv("HOME", "/home/me")
		t.Setenv("SLUICE_DATA", c.data)
		t.Setenv("XDG_DATA_HOME", c.xdg)
		if got := cli.DefaultDataDir(); got != c.want {
			t.Errorf("SLUICE_DATA=%q XDG_DATA_HOME=%q: %s, want %s", c.data, c.xdg, got, c.want)
		}
	}
}

func ExampleUsagef() {
	err := cli.Usagef("--port: %d is taken", 80)
	fmt.Println(err, cli.ExitCode(err))
	// Output: --port: 80 is taken 2
}
