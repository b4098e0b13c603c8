package load

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestExchangeTellsWhatBecameOfARequest(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		outcome Outcome
		code    int
		body    string
		fault   string
	}{
		{"an answer", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "12345678") }, Answered, 200, "1234", ""},
		{"a refusal", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, Answered, 503, "", ""},
		{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Lost, 0, "", "EOF"},
		{"half an answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "12345678")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, Cut, 200, "1234", "broke off after 8 bytes"},
		{"a stream without its end", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "1234")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, Cut, 200, "1234", "broke off after 4 bytes"},
		{"silence", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, Lost, 0, "", "Timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(tt.handler)
			defer srv.Close()
			client := &http.Client{Timeout: 2 * time.Second}
			req, err := http.NewRequest(http.MethodGet, srv.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			reply, outcome, err := Exchange(client, req, 4)
			if outcome != tt.outcome || reply.Code != tt.code || string(reply.Body) != tt.body {
				t.Errorf("outcome %v, %+v", outcome, reply)
			}
			if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("error %v, want one with %q", err, tt.fault)
			}
		})
	}
}

// A transport sends a GET again when the kept connection breaks under it. Then
// a replica that drops its requests would look as if it lost none.
func TestARequestIsSentOnce(t *testing.T) {
	var arrived atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if arrived.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
	}))
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for i, want := range []Outcome{Answered, Lost, Answered} {
		req, err := http.NewRequest(http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, outcome, err := Exchange(client, req, 1); outcome != want {
			t.Errorf("request %d: outcome %v (%v), want %v", i+1, outcome, err, want)
		}
	}
	if n := arrived.Load(); n != 3 {
		t.Errorf("%d requests arrived of 3", n)
	}
}
