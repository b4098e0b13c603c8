package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice.dev/sluice/examples/digits"
)

// The test binary runs itself as the server: real processes, signals and
// sockets.
func TestMain(m *testing.M) {
	if os.Getenv("DIGITS_TEST_SERVER") == "" {
		os.Exit(m.Run())
	}
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	os.Exit(Run(ctx, os.Args[1:], os.Getenv, os.Stderr))
}

const patience = 30 * time.Second

type process struct {
	*exec.Cmd
	address string
	lines   chan string // of stderr; closed at its end
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "DIGITS_TEST_SERVER=1", "PORT=0")
	return cmd
}

var addressPattern = regexp.MustCompile(` on (127\.0\.0\.1:\d+), pid `)

func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: command(t, args...), lines: make(chan string, 100)}
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			p.lines <- lines.Text()
		}
		close(p.lines)
	}()
	first := <-p.lines
	match := addressPattern.FindStringSubmatch(first)
	if match == nil {
		t.Fatalf("first line %q names no address", first)
	}
	p.address = match[1]
	return p
}

// end waits for the process and returns the lines it wrote since its first.
func (p *process) end(t *testing.T) (lines []string, code int) {
	t.Helper()
	limit := time.AfterFunc(patience, func() { p.Process.Kill() })
	defer limit.Stop()
	for line := range p.lines {
		lines = append(lines, line)
	}
	err := p.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return lines, p.ProcessState.ExitCode()
}

func models(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := digits.WriteModels(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestUnloadable: one line on stderr, exit code 1, nothing was listened on.
func TestUnloadable(t *testing.T) {
	dir := models(t)
	if err := os.WriteFile(filepath.Join(dir, "text"), []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"v3": "v3/model.bin: not a digits model: version 3 breaks off", "text": "does not begin with", "v9": "does not exist", "": "model.bin does not exist",
	} {
		cmd := command(t, "--model", filepath.Join(dir, name))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		cmd.Run()
		text := stderr.String()
		if cmd.ProcessState.ExitCode() != 1 || strings.Count(text, "\n") != 1 || !strings.Contains(text, want) {
			t.Errorf("%q: exit code %d, stderr %q; want 1 and one line with %q", name, cmd.ProcessState.ExitCode(), text, want)
		}
	}
}

func TestArguments(t *testing.T) {
	dir := models(t)
	for _, c := range []struct {
		args []string
		env  map[string]string
		code int
		want string
	}{
		{[]string{"--help"}, nil, 0, "usage:"},
		{nil, nil, 2, "give --model"},
		{[]string{"--model", dir, "x"}, nil, 2, `argument "x"`},
		{[]string{"--modell", dir}, nil, 2, "modell"},
		{[]string{"--model", dir, "--port", "70000"}, nil, 2, `--port is "70000"`},
		{nil, map[string]string{"MODEL_PATH": dir, "PORT": "http"}, 2, `$PORT is "http"`},
		{[]string{"--host", "203.0.113.1"}, map[string]string{"MODEL_PATH": dir + "/v1", "PORT": "1"}, 1, "203.0.113.1:1"},
	} {
		var stderr bytes.Buffer
		code := Run(t.Context(), c.args, func(name string) string { return c.env[name] }, &stderr)
		if code != c.code || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%q with %v: %d %q, want %d with %q", c.args, c.env, code, stderr.String(), c.code, c.want)
		}
	}
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	var stderr bytes.Buffer
	env := map[string]string{"PORT": port, "MODEL_PATH": models(t) + "/v1"}
	code := Run(t.Context(), nil, func(name string) string { return env[name] }, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "address already in use") {
		t.Errorf("%d %q", code, stderr.String())
	}
}

// TestAccuracyOverHTTP sends the whole test set, some in batches: the answers
// are as good as the model.
func TestAccuracyOverHTTP(t *testing.T) {
	p := start(t, "--model", models(t)+"/v2")
	test := digits.TestSet()
	right := 0
	for begin := 0; begin < len(test); begin += 100 {
		part := test[begin:min(begin+100, len(test))]
		for i, label := range infer(t, http.DefaultClient, p.address, part) {
			if int(label) == part[i].Label {
				right++
			}
		}
	}
	if accuracy := float64(right) / float64(len(test)); accuracy < 0.96 {
		t.Errorf("accuracy %.3f", accuracy)
	}
	http.DefaultClient.CloseIdleConnections()
	p.Process.Signal(syscall.SIGTERM)
	lines, code := p.end(t)
	if code != 0 || len(lines) != 1 || !strings.Contains(lines[0], "stopped (terminated signal received) after 6 requests") {
		t.Errorf("exit code %d, lines %q", code, lines)
	}
}

func infer(t *testing.T, client *http.Client, address string, samples []digits.Sample) []float64 {
	t.Helper()
	labels, err := tryInfer(client, address, body(t, samples))
	if err != nil {
		t.Fatal(err)
	}
	return labels
}

func body(t testing.TB, samples []digits.Sample) string {
	var flat []int
	for i := range samples {
		for _, p := range samples[i].Pixels {
			flat = append(flat, int(p))
		}
	}
	return request(t, "x", samples, []int{64}, flat)
}

func tryInfer(client *http.Client, address, body string) ([]float64, error) {
	response, err := client.Post("http://"+address+"/v2/models/digits/infer", "application/json", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return readLabels(response)
}

// TestDrain: requests in hand when SIGTERM comes (half of each body is there)
// are answered, though no new connection is taken; idle connections do not hold
// the process.
func TestDrain(t *testing.T) {
	p := start(t, "--model", models(t)+"/v1")
	idle, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	fmt.Fprintf(idle, "GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(idle), nil); err != nil {
		t.Fatal(err)
	}

	const inHand = 20
	text := body(t, digits.TestSet()[:1])
	half := len(text) / 2
	var connections []net.Conn
	for range inHand {
		c, err := net.Dial("tcp", p.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		// "100 Continue" comes when the handler reads the body: from then on the
		// request is in hand.
		fmt.Fprintf(c, "POST /v2/models/digits/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(text))
		if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || answer.StatusCode != 100 {
			t.Fatalf("%v, %v", answer, err)
		}
		io.WriteString(c, text[:half])
		connections = append(connections, c)
	}
	p.Process.Signal(syscall.SIGTERM)
	waitRefused(t, p.address)
	for i, c := range connections {
		io.WriteString(c, text[half:])
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("request %d in hand was lost: %v", i, err)
		}
		if labels, err := readLabels(answer); err != nil || len(labels) != 1 {
			t.Errorf("request %d: %v, %v", i, labels, err)
		}
		if !answer.Close {
			t.Errorf("request %d: the answer does not say that the connection ends", i)
		}
	}
	lines, code := p.end(t)
	if code != 0 || len(lines) != 1 || !strings.Contains(lines[0], fmt.Sprintf("after %d requests", inHand)) {
		t.Errorf("exit code %d, lines %q", code, lines)
	}
}

func waitRefused(t *testing.T, address string) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		c.Close()
		if time.Since(begin) > patience {
			t.Fatal("new connections are still taken")
		}
	}
}

// TestDrainUnderLoad: clients send without a pause while SIGTERM comes. What
// was answered was answered right, and the process counts as many requests as
// the clients have answers: none was begun and thrown away.
func TestDrainUnderLoad(t *testing.T) {
	p := start(t, "--model", models(t)+"/v2")
	sample := digits.TestSet()[:1]
	text := body(t, sample)
	want := infer(t, http.DefaultClient, p.address, sample)[0]
	http.DefaultClient.CloseIdleConnections()

	const clients = 8
	var mu sync.Mutex
	answered := 1
	enough := make(chan struct{})
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			// A connection for each request: whether one that is idle at the
			// server has a request under way to it, no server can know.
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
			for {
				labels, err := tryInfer(client, p.address, text)
				if err != nil {
					return // not accepted: not in hand
				}
				if len(labels) != 1 || labels[0] != want {
					t.Errorf("labels %v, want %v", labels, want)
				}
				mu.Lock()
				answered++
				if answered == 500 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(patience):
		t.Fatal("the load does not run")
	}
	p.Process.Signal(syscall.SIGTERM)
	wg.Wait()
	lines, code := p.end(t)
	if want := fmt.Sprintf("after %d requests", answered); code != 0 || len(lines) != 1 || !strings.Contains(lines[0], want) {
		t.Errorf("exit code %d, lines %q; want %q", code, lines, want)
	}
}
