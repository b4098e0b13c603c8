package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/examples/digits"
)

const (
	serverStarts = 20 * time.Second
	downTakes    = 90 * time.Second // the gateway and every replica have their grace periods
	logTail      = 10               // lines of the server's log that a failure shows
)

// sandbox is the temporary directory with everything that the demo runs in it.
//
//	bin/sluice    this program; `go run` removes the file that it runs
//	models/v1..5  the models
//	service.json  the service file of version 1
//	plan.yaml     the plan with a gate
//	request.json  a request, for --keep
//	data          the server's data directory
//	server.out, server.log
type sandbox struct {
	dir    string
	server *exec.Cmd
	exited chan struct{} // closed when the server has ended

	API     string // http://host:port of the API
	Gateway string // http://host:port of the gateway
	Token   string
}

const (
	serviceFile = "service.json"
	requestFile = "request.json"
	planFile    = "plan.yaml"
)

func (s *sandbox) path(name string) string { return filepath.Join(s.dir, name) }
func (s *sandbox) executable() string      { return s.path("bin/sluice") }
func (s *sandbox) data() string            { return s.path("data") }

// newSandbox lays out the directory. The caller ends the sandbox, also after an
// error.
func newSandbox(executable string, minReady int) (*sandbox, error) {
	dir, err := os.MkdirTemp("", "sluice-demo-")
	if err != nil {
		return nil, fmt.Errorf("no temporary directory can be made: %w; $TMPDIR names where", err)
	}
	s := &sandbox{dir: dir}
	return s, errors.Join(
		copyProgram(executable, s.executable()),
		digits.WriteModels(s.path("models")),
		s.writeServiceFile(minReady),
		os.WriteFile(s.path(planFile), []byte(plan), 0o644),
		os.WriteFile(s.path(requestFile), images(digits.TestSet()[:1])[0].body("1"), 0o644),
	)
}

func copyProgram(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func (s *sandbox) writeServiceFile(minReady int) error {
	check := func(path string) map[string]any { return map[string]any{"http_get": map[string]any{"path": path}} }
	file, err := json.MarshalIndent(map[string]any{
		"metadata": map[string]any{
			"name":     service,
			"instance": desired,
			"rolling_strategy": map[string]any{
				"max_surge": surge, "max_unavailable": unavailable, "min_ready_seconds": minReady,
			},
			"eas": map[string]any{"termination_grace_period": 30, "drain": "idle"},
			"rpc": map[string]any{"enable_sigterm": true},
		},
		"containers": []any{map[string]any{
			"command":        "bin/sluice demo model-server",
			"working_dir":    s.dir,
			"port":           8000,
			"health_check":   check("/v2/health/ready"),
			"liveness_check": check("/v2/health/live"),
		}},
		"model_path": modelPath(1),
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.path(serviceFile), append(file, '\n'), 0o644)
}

func (s *sandbox) readServiceFile() (api.Document, error) {
	file, err := os.ReadFile(s.path(serviceFile))
	if err != nil {
		return api.Document{}, err
	}
	return api.ParseDocument(file)
}

// modelPath names a model as the service file does: from the directory.
func modelPath(version int) string { return fmt.Sprintf("models/v%d", version) }

// start starts the server and waits until it says where it listens. Its session
// is its own, so that Ctrl-C reaches the demo alone, which ends it in order, and
// so that it outlives the terminal with --keep.
func (s *sandbox) start(ctx context.Context) error {
	stdout, err := os.Create(s.path("server.out"))
	if err != nil {
		return err
	}
	defer stdout.Close()
	stderr, err := os.Create(s.path("server.log"))
	if err != nil {
		return err
	}
	defer stderr.Close()
	s.server = exec.Command(s.executable(), "server", "--data", s.data(), "--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0")
	s.server.Dir, s.server.Stdout, s.server.Stderr = s.dir, stdout, stderr
	s.server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.server.Start(); err != nil {
		s.server = nil
		return fmt.Errorf("the server cannot be started: %w; if %s may not hold programs (noexec), set $TMPDIR to a directory that may", err, os.TempDir())
	}
	s.exited = make(chan struct{})
	go func() { _ = s.server.Wait(); close(s.exited) }()
	return s.awaitAddresses(ctx)
}

func (s *sandbox) awaitAddresses(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, serverStarts, fmt.Errorf("the server did not say where it listens within %s", serverStarts))
	defer cancel()
	for {
		text, err := os.ReadFile(s.path("server.out"))
		if err != nil {
			return err
		}
		if s.API, s.Gateway = addresses(string(text)); s.API != "" {
			token, err := os.ReadFile(filepath.Join(s.data(), "admin.token"))
			s.Token = strings.TrimSpace(string(token))
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.exited:
			return fmt.Errorf("the server ended at once: %s", s.server.ProcessState)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// addresses reads what the server prints when it is ready; the line with the
// data directory is the last, so with it the others are whole.
func addresses(text string) (api, gateway string) {
	said := map[string]string{}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasSuffix(line, "\n") {
			said[f[0]] = f[1]
		}
	}
	if said["data"] == "" {
		return "", ""
	}
	return said["API"], said["gateway"]
}

// end ends the server, the gateway and every replica, and removes the directory.
// When that does not succeed the directory stays, and the error says what to do.
func (s *sandbox) end() error {
	if err := s.down(); err != nil {
		return fmt.Errorf("not everything could be ended: %w; `%s down --data %s` tries again, then remove %s", err, s.executable(), s.data(), s.dir)
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("the temporary directory cannot be removed: %w", err)
	}
	return nil
}

func (s *sandbox) down() error {
	if s.server == nil {
		return nil
	}
	// Not bound to the story's context: an interrupted demo has to clean up, too.
	ctx, cancel := context.WithTimeout(context.Background(), downTakes)
	defer cancel()
	var said bytes.Buffer
	down := exec.CommandContext(ctx, s.executable(), "down", "--data", s.data())
	down.Dir, down.Stdout, down.Stderr = s.dir, &said, &said
	down.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err := down.Run()
	if err == nil {
		select {
		case <-s.exited:
			return nil
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	// A server that ended before it had a data directory leaves nothing to end.
	select {
	case <-s.exited:
		if _, missing := os.Stat(s.data()); errors.Is(missing, os.ErrNotExist) {
			return nil
		}
	default:
	}
	return fmt.Errorf("`sluice down`: %w: %s", err, strings.TrimSpace(said.String()))
}

// serves tells whether the server answers. One that was killed may have closed its
// connections a moment before its end is known.
func (s *sandbox) serves() bool {
	if s.API == "" {
		return false
	}
	asker := http.Client{Timeout: 5 * time.Second}
	defer asker.CloseIdleConnections()
	resp, err := asker.Get(s.API + "/healthz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// log is the end of what the server and the gateway wrote, for a failure.
func (s *sandbox) log() string {
	var b strings.Builder
	for _, name := range []string{"server.log", "data/logs/gateway.log"} {
		text, err := os.ReadFile(s.path(name))
		if err != nil || len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		fmt.Fprintf(&b, "the end of %s:\n", filepath.Base(name))
		for _, line := range lines[max(0, len(lines)-logTail):] {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}
