package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
	"sluice.dev/sluice/internal/testserver"
)

// Object is a JSON object.
type Object = map[string]any

// File is a service file that runs the calling program as a model server with
// these flags. Its process ends as soon as it has nothing in hand, so that
// releases are quick. MARK changes nothing but the version: with another value
// the container is another.
func (s *Server) File(name string, replicas int, mark string, flags ...string) Object {
	return Object{
		"metadata": Object{
			"name": name, "instance": replicas,
			"rpc": Object{"enable_sigterm": true}, "eas": Object{"drain": "idle", "termination_grace_period": 20},
		},
		"containers": []Object{Container(filepath.Dir(s.Data), mark, flags...)},
	}
}

// Container runs the calling program as a model server in dir.
func Container(dir, mark string, flags ...string) Object {
	return Object{
		"command": testserver.Command(flags...), "working_dir": dir, "port": 8000,
		"env": []Object{
			{"name": testserver.Marker, "value": "1"},
			{"name": "MARK", "value": mark},
		},
		"health_check": Object{"http_get": Object{"path": "/ready"}, "period_seconds": 1},
	}
}

// Document is the file as the client sends it.
func Document(file Object) (api.Document, error) {
	text, err := json.Marshal(file)
	if err != nil {
		return api.Document{}, err
	}
	return api.ParseDocument(text)
}

// Create creates a service and waits until its replicas are ready.
func (s *Server) Create(ctx context.Context, file Object, message string) error {
	doc, err := Document(file)
	if err != nil {
		return err
	}
	answer, err := s.Client().Create(ctx, doc, client.Because(message))
	if err != nil {
		return err
	}
	return s.settled(ctx, answer, client.Rolled)
}

// Update changes a service's file and waits until the rollout has ended or
// waits for somebody.
func (s *Server) Update(ctx context.Context, name string, change Object, message string) error {
	doc, err := Document(change)
	if err != nil {
		return err
	}
	answer, err := s.Client().Update(ctx, name, doc, client.Merge, client.Because(message))
	if err != nil {
		return err
	}
	return s.settled(ctx, answer, client.Rolled)
}

func (s *Server) settled(ctx context.Context, answer client.Answer, goal client.Goal) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	end, err := s.Client().Wait(ctx, answer, goal, nil)
	if err != nil {
		return fmt.Errorf("%s: %s, %s: %w", answer.Name, end.Service.Status, end.Service.Message, err)
	}
	return nil
}

// Until waits until a service is as a test needs it.
func (s *Server) Until(ctx context.Context, name, what string, holds func(api.Service) bool) error {
	var last api.Service
	var err error
	for end := time.Now().Add(2 * patience); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if last, err = s.Client().Service(ctx, name); err == nil && holds(last) {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("waited in vain until %s %s: it is %s, %q, replicas %+v", name, what, last.Status, last.Message, last.Replicas), err)
}

// Model writes a file that a version can refer to, and returns its path.
func (s *Server) Model(name, text string) (string, error) {
	path := filepath.Join(filepath.Dir(s.Data), "models", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(text), 0o644)
}
