package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sluice.dev/sluice/client"
	"sluice.dev/sluice/internal/controller"
)

// serverBench measures how long `sluice server` takes from its start until
// /readyz says 200, its gateway's start included.
type serverBench struct {
	rounds   int
	services int
}

func serverFlags(f *flag.FlagSet) func(context.Context, *report) error {
	b := &serverBench{}
	f.IntVar(&b.rounds, "rounds", 5, "starts of each kind")
	f.IntVar(&b.services, "services", 1000, "recorded services of the full store, each with a version and no replica")
	return b.run
}

func (b *serverBench) run(ctx context.Context, r *report) error {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := build(ctx, dir)
	if err != nil {
		return err
	}
	full := filepath.Join(dir, "full")
	if err := b.fill(ctx, full); err != nil {
		return err
	}
	names := []string{"empty", fmt.Sprintf("%d services", b.services)}
	for i := range b.rounds {
		for k, data := range []string{filepath.Join(dir, fmt.Sprintf("empty%d", i)), full} {
			s, err := startServer(ctx, program, data)
			if err != nil {
				return err
			}
			size, sizeErr := resident(s.cmd.Process.Pid)
			if err := s.end(); err != nil {
				return err
			}
			if sizeErr != nil {
				return sizeErr
			}
			r.add("ready after start, "+names[k], "s", s.ready.Seconds())
			r.add("RSS when ready, "+names[k], "MiB", size)
		}
	}
	r.bar("ready after start, "+names[0], "median", 0.3)
	r.bar("ready after start, "+names[1], "median", 2)
	return nil
}

// fill records services as a server does.
func (b *serverBench) fill(ctx context.Context, data string) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	world, closeFleet, err := openFleet(ctx, data)
	if err != nil {
		return err
	}
	defer closeFleet()
	c := world.controller
	for i := range b.services {
		if _, err := c.Create(ctx, controller.By{Actor: "bench"}, serviceFile(fmt.Sprintf("s%04d", i), 0)); err != nil {
			return err
		}
	}
	return nil
}

// runningServer is a real server with its gateway and replicas.
type runningServer struct {
	cmd           *exec.Cmd
	program, data string
	client        *client.Client
	ready         time.Duration // from its start
	log           bytes.Buffer
}

func startServer(ctx context.Context, program, data string) (*runningServer, error) {
	api, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &runningServer{program: program, data: data}
	s.cmd = politely(exec.CommandContext(ctx, program, "server", "--data", data, "--listen", api, "--gateway", "127.0.0.1:0"))
	s.cmd.Stderr = &s.log
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	err = patiently(ctx, "the server to be ready", func() bool {
		answer, err := http.Get("http://" + api + "/readyz")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		_, _ = io.Copy(io.Discard, answer.Body)
		return answer.StatusCode == http.StatusOK
	})
	s.ready = time.Since(began)
	if err == nil {
		var token []byte
		token, err = os.ReadFile(filepath.Join(data, "admin.token"))
		s.client = client.New("http://"+api, strings.TrimSpace(string(token)))
	}
	if err != nil {
		_ = s.end()
		return nil, fmt.Errorf("%w: %s", err, s.log.String())
	}
	return s, nil
}

// end ends the server, its gateway and all replicas, also after an interrupt.
func (s *runningServer) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, s.program, "down", "--data", s.data).CombinedOutput()
	if err != nil {
		_ = s.cmd.Process.Kill()
		err = fmt.Errorf("sluice down: %w: %s", err, out)
	}
	_ = s.cmd.Wait()
	return err
}
