package server

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// listener reads one /watch.
type listener struct {
	t     *testing.T
	lines *bufio.Scanner
	beats int
}

type message struct{ kind, id, data string }

func (r *rig) listen(query string, headers ...string) *listener {
	r.t.Helper()
	req, _ := http.NewRequestWithContext(r.t.Context(), "GET", r.url+"/api/v1/watch"+query, nil)
	req.Header.Set("Authorization", "Bearer "+secret)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	timer := time.AfterFunc(time.Minute, func() { resp.Body.Close() })
	r.t.Cleanup(func() { timer.Stop(); resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return &listener{t: r.t, lines: lines}
}

// next gives the next message; comments are counted.
func (l *listener) next() message {
	l.t.Helper()
	var m message
	for l.lines.Scan() {
		name, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch {
		case l.lines.Text() == "" && m.kind != "":
			return m
		case strings.HasPrefix(l.lines.Text(), ":"):
			l.beats++
		case name == "event":
			m.kind = value
		case name == "id":
			m.id = value
		case name == "data":
			m.data = value
		}
	}
	l.t.Fatalf("the stream ended: %v", l.lines.Err())
	return m
}

// until skips to the first message of a kind that contains the text.
func (l *listener) until(kind, text string) message {
	l.t.Helper()
	for {
		if m := l.next(); m.kind == kind && strings.Contains(m.data, text) {
			return m
		}
	}
}

func TestWatchTellsAStory(t *testing.T) {
	r := start(t, nil)
	l := r.listen("")
	if m := l.next(); m.kind != "resync" || m.data != `{"services":[]}` {
		t.Errorf("first: %+v", m)
	}
	r.create()
	l.until("event", `"reason":"Changed"`)
	m := l.until("service", `"status":"running"`)
	var s api.Service
	if err := json.Unmarshal([]byte(m.data), &s); err != nil || s.Replicas.Ready != 2 || s.Rollout.Phase != api.RolloutCompleted {
		t.Errorf("%v: %s", err, m.data)
	}
	r.ask("DELETE", "/api/v1/services/a", "")
	if m := l.until("deleted", ""); m.data != `{"name":"a"}` {
		t.Errorf("%+v", m)
	}
}

func TestWatchOneService(t *testing.T) {
	r := start(t, nil)
	l := r.listen("?service=b")
	l.until("resync", "")
	r.create()
	r.ask("POST", "/api/v1/services", strings.Replace(file, `"a"`, `"b"`, 1))
	for {
		m := l.next()
		if strings.Contains(m.data, `"a"`) {
			t.Fatalf("told of another service: %+v", m)
		}
		if m.kind == "service" && strings.Contains(m.data, `"status":"running"`) {
			break
		}
	}
}

// One who was too slow is shown everything again.
func TestWatchResyncs(t *testing.T) {
	r := start(t, nil)
	r.create()
	l := r.listen("")
	l.until("resync", `"name":"a"`)
	r.memory.Overrun()
	l.until("resync", `"name":"a"`)
}

// One who connects again gets what happened meanwhile, once, and then the news.
func TestWatchAfter(t *testing.T) {
	for name, ask := range map[string]func(*rig) *listener{
		"query":  func(r *rig) *listener { return r.listen("?after=1") },
		"header": func(r *rig) *listener { return r.listen("", "Last-Event-ID: 1") },
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			r.create()
			stored, _ := r.memory.Events(t.Context(), store.EventQuery{Service: "a"})
			l := ask(r)
			l.until("resync", "")
			for _, want := range stored[1:] {
				if m := l.next(); m.kind != "event" || m.id != strconv.FormatInt(want.Seq, 10) {
					t.Errorf("%+v, want %+v", m, want)
				}
			}
			r.ask("PUT", "/api/v1/services/a/restart", "")
			if m := l.until("event", ""); m.id != strconv.Itoa(len(stored)+1) {
				t.Errorf("after the stored %d came %+v", len(stored), m)
			}
		})
	}
}

func TestWatchBeats(t *testing.T) {
	r := start(t, nil)
	l := r.listen("")
	l.until("resync", "")
	for l.beats < 3 {
		if !l.lines.Scan() {
			t.Fatal(l.lines.Err())
		}
		if strings.HasPrefix(l.lines.Text(), ":") {
			l.beats++
		}
	}
}
