package demo

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestAStreamIsWholeOrAFault: the real model server is whole, and each way in
// which a stream can go wrong is told.
func TestAStreamIsWholeOrAFault(t *testing.T) {
	real := modelServer2(t)
	event := func(version string) string { return `data: {"model_version":"` + version + "\"}\n\n" }
	// stream answers each digit with text, and calls end after the first n.
	stream := func(text string, n int, end func(w http.ResponseWriter, r *http.Request)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			_ = control.EnableFullDuplex()
			w.Header().Set("X-Sluice-Version", "2")
			lines := bufio.NewScanner(r.Body)
			for i := 0; i < n && lines.Scan(); i++ {
				io.WriteString(w, text)
				_ = control.Flush()
			}
			end(w, r)
		}
	}
	say := func(text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, text)
			_, _ = io.Copy(io.Discard, r.Body) // the caller is not cut while it writes
		}
	}
	for _, tt := range []struct {
		name    string
		handler http.Handler
		fault   string
	}{
		{"the real server", real, ""},
		{"refused", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "nothing is ready", http.StatusServiceUnavailable)
		}), "status 503 Service Unavailable: nothing is ready"},
		{"no answer", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "no answer"},
		{"an error of the model", stream("event: failed\n"+event("2"), 99, say("event: end\ndata: {}\n\n")), ""},
		{"an error of another version", stream("event: failed\n"+event("1"), 99, say("")), "event 1 is no answer of version 2"},
		{"an error too few", stream("event: failed\n"+event("2"), 1, say("event: end\ndata: {}\n\n")), "digits were answered; the end came: true"},
		{"cut", stream(event("2"), 2, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "broke off"},
		{"ended early and politely", stream(event("2"), 1, say("")), "digits were answered; the end came: false"},
		{"an end too early", stream(event("2"), 1, say("event: end\ndata: {}\n\n")), "digits were answered; the end came: true"},
		{"without its end", stream(event("2"), 99, say("")), "digits were answered; the end came: false"},
		{"another version", stream(event("1"), 9, say("")), "event 1 is no answer of version 2"},
		{"an error", stream(event("2"), 1, say("event: error\ndata: {}\n\n")), "after 1 digits: event: error"},
		{"more after the end", stream(event("2"), 99, say("event: end\ndata: {}\n\n"+event("2"))), "an event after the end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(tt.handler)
			defer srv.Close()
			s := startStreams(srv.URL, nil, 0, time.Minute)
			// Beats at 0, 200, 400 and 600 ms, or fewer of them on a busy machine.
			failed, err := s.stream(0, 3*streamBeat+streamBeat/2)
			if said := fmt.Sprint(err); (err == nil) != (tt.fault == "") || !strings.Contains(said, tt.fault) && err != nil {
				t.Errorf("%v, want %q", err, tt.fault)
			}
			if all := strings.HasPrefix(tt.name, "an error of the"); err == nil && (failed.digits > 0) != all || all && failed.version != 2 {
				t.Errorf("%+v", failed)
			}
		})
	}
}

// Streams are open all the time, and whole when the callers stop in the middle.
func TestStreamsEndWholeWhenTheLoadStops(t *testing.T) {
	srv := httptest.NewServer(modelServer2(t))
	defer srv.Close()
	tally := newTally(time.Now)
	p := tally.enter("all")
	s := startStreams(srv.URL, tally, streamsOpen, time.Minute)
	for deadline := time.Now().Add(20 * time.Second); tally.live().Streams < streamsOpen && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	s.stop()
	tally.leave()
	if got := tally.results()[0].Streams; got.Opened < streamsOpen || got.Whole != got.Opened || got.Cut != 0 {
		t.Errorf("%+v %v", got, p.faults)
	}
}
