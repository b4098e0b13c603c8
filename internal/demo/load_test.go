package demo

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/examples/digits"
	"sluice.dev/sluice/examples/digits/server"
	"sluice.dev/sluice/internal/load"
)

// modelServer2 is the real model server, as the gateway shows it.
func modelServer2(t *testing.T) http.Handler { return gatewayShows(t, "2") }

func gatewayShows(t *testing.T, version string) http.Handler {
	t.Helper()
	file, err := digits.ModelFile(version)
	if err != nil {
		t.Fatal(err)
	}
	model, err := digits.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	real := server.New(model)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Sluice-Version", version)
		w.Header().Set("X-Sluice-Replica", "digits-"+version+"-1")
		real.ServeHTTP(w, r)
	})
}

func TestSendTellsWhatBecameOfARequest(t *testing.T) {
	const id = "7"
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Sluice-Version", "1")
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	from := func(replica string, status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Sluice-Version", "4")
			w.Header().Set("X-Sluice-Replica", replica)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	valid := func(id, version, label string) string {
		return fmt.Sprintf(`{"id":%q,"model_version":%q,"outputs":[{"name":"label","data":[%s]}]}`, id, version, label)
	}
	for _, tt := range []struct {
		name    string
		handler http.Handler
		want    result
		fault   string
	}{
		{"the real server", modelServer2(t), result{version: 2, right: true}, ""},
		{"a right label", text(200, valid(id, "1", "3")), result{version: 1, right: true}, ""},
		{"a wrong label", text(200, valid(id, "1", "4")), result{version: 1}, ""},
		{"another request's answer", text(200, valid("8", "1", "3")), result{outcome: load.Lost}, `that of request "8"`},
		{"two labels", text(200, valid(id, "1", "3,3")), result{outcome: load.Lost}, "not exactly one label"},
		{"no JSON", text(200, "hello"), result{outcome: load.Lost}, "not one of the protocol"},
		{"another version than the gateway says", text(200, valid(id, "2", "3")), result{outcome: load.Lost}, `"1", the model "2"`},
		{"an error of the model", from("digits-4-9", 500, `{"error":"image 0: the model's scores are not numbers"}`), result{version: 4, failed: true}, ""},
		{"an error without a replica", from("", 500, `{"error":"image 0: the model's scores are not numbers"}`), result{outcome: load.Lost}, "500 Internal Server Error: "},
		{"another error of a replica", from("digits-4-9", 500, `{"error":"the answer cannot be written as JSON"}`), result{outcome: load.Lost}, "500 Internal Server Error: "},
		{"a replica that the gateway lost", from("digits-4-9", 502, `{"error":"image 0: the model's scores are not numbers"}`), result{outcome: load.Lost}, "502 Bad Gateway: "},
		{"unavailable", text(503, "nothing is ready"), result{outcome: load.Lost}, "503 Service Unavailable: nothing is ready"},
		{"no answer", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), result{outcome: load.Lost}, "EOF"},
		{"half an answer", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, valid(id, "1", "3"))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}), result{outcome: load.Cut}, "broke off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(tt.handler)
			defer srv.Close()
			l := &callers{url: srv.URL + "/v2/models/digits/infer", client: &http.Client{Timeout: patience}}
			// The first test image that version 2 knows and that shows a 3.
			img := firstOf(t, 3)
			got := l.send(id, img)
			if !strings.Contains(got.fault, tt.fault) || tt.fault == "" && got.fault != "" {
				t.Errorf("fault %q, want one with %q", got.fault, tt.fault)
			}
			got.fault = ""
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func firstOf(t *testing.T, label int) image {
	t.Helper()
	for _, img := range images(digits.TestSet()) {
		if img.label == label {
			return img
		}
	}
	t.Fatalf("no test image shows a %d", label)
	return image{}
}

func TestLoadAccountsForEveryRequestThatArrived(t *testing.T) {
	var arrived, failed atomic.Int64
	real := modelServer2(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := arrived.Add(1); {
		case n%10 == 0:
			failed.Add(1)
			http.Error(w, "not now", http.StatusServiceUnavailable)
		default:
			real.ServeHTTP(w, r)
		}
	}))
	defer srv.Close()
	tally := newTally(time.Now)
	tally.enter("all")
	l := startLoad(srv.URL, tally)
	for deadline := time.Now().Add(20 * time.Second); arrived.Load() < 100 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	l.stop()
	tally.leave()
	got := tally.results()[0]
	if int64(got.Sent) != arrived.Load() || int64(got.Lost) != failed.Load() || got.Sent < 100 {
		t.Errorf("sent %d and lost %d; %d arrived and %d were refused", got.Sent, got.Lost, arrived.Load(), failed.Load())
	}
	if got.Answers[2] != got.Sent-got.Lost || got.Accuracy < 0.9 || got.P50 <= 0 || got.P99 < got.P50 {
		t.Errorf("answers: %+v", got)
	}
}

// Version 4 loses nothing: each of its answers is a label or an error of its own,
// as the model itself says of the image.
func TestErrorsOfTheModelAreAnswers(t *testing.T) {
	srv := httptest.NewServer(gatewayShows(t, "4"))
	defer srv.Close()
	tally := newTally(time.Now)
	tally.enter("try of version 4")
	l := &callers{url: srv.URL + "/v2/models/digits/infer", client: &http.Client{Timeout: patience}}
	all := images(digits.TestSet())
	for i, img := range all {
		tally.done(tally.sending(), l.send(fmt.Sprint(i), img))
	}
	now := tally.live()
	tally.leave()
	got := tally.results()[0]
	g := GatedResult{Version: 4}
	if err := g.meet(got); err != nil {
		t.Fatal(err)
	}
	if got.Lost+got.Cut > 0 || g.Images != len(all) || g.Errors != g.FailsImages || g.Errors == 0 || g.Answered != len(all) {
		t.Errorf("%+v %+v", got, g)
	}
	if got.Accuracy < 0.95 || now.Errors != g.Errors || now.Accuracy < 0.95 || len(now.Shares) != 1 || now.Shares[0] != (share{4, 1}) {
		t.Errorf("%+v %+v", got, now)
	}
}

// A stall is seen by the requests that it delays, not only by the one it holds.
func TestLatencyCountsFromWhenARequestWasDue(t *testing.T) {
	const stall = 500 * time.Millisecond
	var arrived atomic.Int64
	real := modelServer2(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if arrived.Add(1) <= workers {
			time.Sleep(stall)
		}
		real.ServeHTTP(w, r)
	}))
	defer srv.Close()
	tally := newTally(time.Now)
	p := tally.enter("all")
	l := startLoad(srv.URL, tally)
	for deadline := time.Now().Add(20 * time.Second); arrived.Load() < 6*workers && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	l.stop()
	late := 0
	for _, d := range p.latencies {
		if d > stall/2 {
			late++
		}
	}
	if late <= workers {
		t.Errorf("%d requests saw the stall of %d workers; those due meanwhile must see it, too", late, workers)
	}
}
