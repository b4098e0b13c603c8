// Package stage runs the real program for people and tests that look at the
// console: a server on a data directory of its own, its gateway, and services
// that look like those of a real place (sample.go).
//
// The services are the calling program itself, run again as a model server: its
// main calls testserver.MaybeRun before anything else.
package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"sluice.dev/sluice/client"
)

// patience is how long a server may take to start or end on a busy machine.
const patience = 60 * time.Second

// Build compiles the sluice binary into dir.
func Build(dir string) (program string, err error) {
	program = filepath.Join(dir, "sluice")
	out, err := exec.Command("go", "build", "-o", program, "sluice.dev/sluice/cmd/sluice").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build sluice: %w\n%s", err, out)
	}
	return program, err
}

// Server is a data directory and the server that runs on it. After Kill, Start
// begins another one at the same address.
type Server struct {
	Program string
	Data    string // the data directory
	URL     string // of the API and the console, http://127.0.0.1:PORT
	Gateway string // where callers send requests
	Token   string // the admin's

	cmd   *exec.Cmd
	out   *output
	ended chan struct{}
}

// output is a buffer that can be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

var addresses = regexp.MustCompile(`(?m)^API\s+(http://\S+)\ngateway\s+(http://\S+)$`)

// Start starts the server and returns when it has printed its addresses.
func (s *Server) Start() error {
	listen, gateway := "127.0.0.1:0", "127.0.0.1:0"
	if s.URL != "" {
		listen, gateway = strings.TrimPrefix(s.URL, "http://"), strings.TrimPrefix(s.Gateway, "http://")
	}
	s.out, s.ended = &output{}, make(chan struct{})
	s.cmd = exec.Command(s.Program, "server", "--data", s.Data, "--listen", listen, "--gateway", gateway)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(s.cmd, s.ended)
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if found := addresses.FindStringSubmatch(s.out.String()); found != nil {
			s.URL, s.Gateway = found[1], found[2]
			break
		}
		select {
		case <-s.ended:
			return fmt.Errorf("the server ended:\n%s", s.out)
		default:
		}
		if time.Now().After(end) {
			s.Kill()
			return fmt.Errorf("the server does not print its addresses; it said:\n%s", s.out)
		}
	}
	token, err := os.ReadFile(filepath.Join(s.Data, "admin.token"))
	s.Token = strings.TrimSpace(string(token))
	return err
}

// Said is what the server has written.
func (s *Server) Said() string { return s.out.String() }

// Kill ends the server as a power cut would: replicas and gateway go on.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// Down ends everything that runs on the data directory.
func (s *Server) Down() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, s.Program, "down", "--data", s.Data).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("sluice down: %w\n%s", err, out)
	}
	if s.cmd == nil {
		return err
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.Kill()
		err = fmt.Errorf("the server goes on after sluice down: %w", err)
	}
	return err
}

// Client asks the server as the admin.
func (s *Server) Client() *client.Client { return client.New(s.URL, s.Token) }

// Link is a link that logs a browser in with the role of a token; shared, one
// that shows everything and changes nothing, for so many hours.
func Link(server, token string, shared bool, hours int) (string, error) {
	ask := map[string]any{"share": shared}
	if shared {
		ask["hours"] = hours
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodPost, strings.TrimRight(server, "/")+"/api/v1/console/links", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var link struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(text, &link); err != nil || link.URL == "" {
		return "", fmt.Errorf("no link: %s %s", resp.Status, text)
	}
	return link.URL, nil
}
