package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/testserver"
)

// answer is the body of an answered change.
type answer struct {
	api.Service
	Changed bool
	Text    string
}

// problem is the body of an answer that is an error, the API's or the gateway's.
type problem struct {
	Status int
	Code   string
	Detail string
	Hint   string
	Errors []api.FieldProblem
}

// call asks the API. A body that is not text is sent as JSON; header is pairs.
func (p *plane) call(method, path string, body any, header ...string) (status int, answer []byte, err error) {
	var text []byte
	switch b := body.(type) {
	case nil:
	case string:
		text = []byte(b)
	default:
		if text, err = json.Marshal(b); err != nil {
			return 0, nil, err
		}
	}
	req, err := p.request(context.Background(), method, "/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// change makes a change that has to succeed.
func (p *plane) change(method, path string, body any, header ...string) answer {
	p.t.Helper()
	status, text, err := p.call(method, path, body, header...)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	if status >= 300 {
		p.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		p.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return a
}

// refused makes a change that has to be refused with this status.
func (p *plane) refused(want int, method, path string, body any, header ...string) problem {
	p.t.Helper()
	status, text, err := p.call(method, path, body, header...)
	var pr problem
	if err == nil {
		err = json.Unmarshal(text, &pr)
	}
	if err != nil || status != want || pr.Status != want || pr.Detail == "" {
		p.t.Fatalf("%s %s: %d, want %d with a problem as the body, not %v %s", method, path, status, want, err, text)
	}
	return pr
}

// get reads what has to be there.
func get[T any](p *plane, path string) (v T) {
	p.t.Helper()
	status, text, err := p.call(http.MethodGet, path, nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%d %s", status, text)
	}
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		p.t.Errorf("GET %s: %v", path, err)
	}
	return v
}

func (p *plane) service(name string) api.Service { return get[api.Service](p, "/services/"+name) }

func (p *plane) services() []api.Service {
	return get[struct{ Services []api.Service }](p, "/services").Services
}

func (p *plane) replicas(name string) []api.Replica {
	return get[struct{ Replicas []api.Replica }](p, "/services/"+name+"/replicas").Replicas
}

func (p *plane) events(name string) []api.Event {
	return get[struct{ Events []api.Event }](p, "/services/"+name+"/events").Events
}

// until waits until the service is as the condition says.
func (p *plane) until(name, what string, holds func(api.Service) bool) (s api.Service) {
	p.t.Helper()
	await(p.t, name+" "+what, func() bool {
		s = p.service(name)
		return holds(s)
	})
	return s
}

// settled waits until the service runs this version and nothing else, drains
// included.
func (p *plane) settled(name string, version int) api.Service {
	p.t.Helper()
	return p.until(name, fmt.Sprintf("runs version %d and nothing else", version), func(s api.Service) bool {
		r := s.Replicas
		return s.Status == api.StatusRunning && s.CurrentVersion == version &&
			r.Updated == r.Desired && r.Live == r.Desired && r.Draining == 0 && r.Failed == 0
	})
}

// completed waits for the end of the rollout to this version; old replicas may
// still drain.
func (p *plane) completed(name string, version int) api.Service {
	p.t.Helper()
	return p.until(name, fmt.Sprintf("has completed the rollout to version %d", version), func(s api.Service) bool {
		return s.Rollout.ToVersion == version && s.Rollout.Phase == api.RolloutCompleted
	})
}

// pausedByFailure waits until the rollout has paused itself.
func (p *plane) pausedByFailure(name string) api.Service {
	p.t.Helper()
	return p.until(name, "has paused for a failure", func(s api.Service) bool {
		return s.Rollout.Phase == api.RolloutPaused && s.Reason == "failure"
	})
}

// object is a service file, or a part of one to be merged into it.
type object map[string]any

// file is a service of test servers: n replicas that are ready when GET /ready
// says so, and that record what happens to them.
func (p *plane) file(name string, n int, flags ...string) object {
	return object{
		"metadata":   object{"name": name, "instance": n},
		"containers": []object{p.container("", flags...)},
	}
}

// container runs the test server with these flags. mark is the value of a
// variable that changes nothing: with another one, the container is another.
func (p *plane) container(mark string, flags ...string) object {
	return object{
		"command":     testserver.Command(append([]string{"-record", p.record}, flags...)...),
		"working_dir": filepath.Dir(p.data), "port": 8000,
		"env":          []object{{"name": testserver.Marker, "value": "1"}, {"name": "MARK", "value": mark}},
		"health_check": object{"http_get": object{"path": "/ready"}, "period_seconds": 1},
	}
}

// with sets the settings of metadata.
func (o object) with(settings object) object {
	for key, value := range settings {
		o["metadata"].(object)[key] = value
	}
	return o
}

// ending are settings of metadata: how replicas end.
func ending(sigterm bool, drain string, grace int) object {
	return object{"rpc": object{"enable_sigterm": sigterm}, "eas": object{"drain": drain, "termination_grace_period": grace}}
}

// create makes the service and waits until it runs.
func (p *plane) create(f object) api.Service {
	p.t.Helper()
	p.change(http.MethodPost, "/services", f)
	name := f["metadata"].(object)["name"].(string)
	return p.settled(name, 1)
}

// update rolls a container out.
func (p *plane) update(name string, container object) answer {
	p.t.Helper()
	return p.change(http.MethodPut, "/services/"+name, object{"containers": []object{container}})
}

func (p *plane) put(name, what string, body any) answer {
	p.t.Helper()
	return p.change(http.MethodPut, "/services/"+name+"/"+what, body)
}

// recorded are the events that the plane's replicas have recorded by now.
func (p *plane) recorded() []testserver.Event {
	p.t.Helper()
	list, err := testserver.ReadRecord(p.record)
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s is %q, which does not contain %q", what, text, part)
		}
	}
}
