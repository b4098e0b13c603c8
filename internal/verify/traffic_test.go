package verify

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

func options() Options {
	return Options{Rate: 200, Callers: 20, Timeout: 5 * time.Second, Method: http.MethodPost, Path: "/predict?x=1", Body: []byte("body"),
		Header: http.Header{"Authorization": {"secret"}}, Before: time.Second, Tail: time.Second, Limit: MaxLimit}
}

// send runs a load until enough requests have ended in each of three phases.
func send(t *testing.T, o Options, handler http.HandlerFunc) (*Report, *traffic) {
	t.Helper()
	srv := httptest.NewServer(handler)
	defer srv.Close()
	load := startTraffic(&o, srv.URL+o.Path)
	for phase := range phases {
		if phase > 0 {
			load.enter(phase)
		}
		from, _ := load.counts()
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if n, _ := load.counts(); n >= from+40 {
				break
			}
		}
	}
	load.stop()
	r := load.report("model", [phases]string{"before", "during", "after"})
	r.conclude()
	return r, load
}

func TestEveryRequestIsAccountedFor(t *testing.T) {
	var arrived, lost, cut atomic.Int64
	r, _ := send(t, options(), func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n := arrived.Add(1)
		if r.URL.RequestURI() != "/predict?x=1" || r.Method != http.MethodPost || string(body) != "body" || r.Header.Get("Authorization") != "secret" {
			t.Errorf("%s %s %v %q", r.Method, r.URL, r.Header, body)
		}
		w.Header().Set("X-Sluice-Version", fmt.Sprint(1+n%2))
		switch {
		case n < 45: // all is well before
		case n%10 == 0:
			lost.Add(1)
			http.Error(w, "not now", http.StatusServiceUnavailable)
		case n%10 == 1:
			lost.Add(1)
			panic(http.ErrAbortHandler)
		case n%10 == 2:
			cut.Add(1)
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	if int64(r.Sent) != arrived.Load() || int64(r.Lost) != lost.Load() || int64(r.Cut) != cut.Load() || r.Lost == 0 || r.Cut == 0 {
		t.Errorf("%d, %d lost and %d cut; the server saw %d, %d and %d", r.Sent, r.Lost, r.Cut, arrived.Load(), lost.Load(), cut.Load())
	}
	answers := 0
	for _, v := range r.Versions {
		answers += v.Answers
	}
	if answers != r.Sent-r.Lost-r.Cut || len(r.Versions) != 2 || len(r.Phases) != 3 || r.OK || len(r.Faults) != maxFaults {
		t.Errorf("%+v", r)
	}
}

func TestWhatIsSlowerThanBeforeIsLate(t *testing.T) {
	var arrived, slow atomic.Int64
	o := options()
	o.Late = 2 * time.Second
	o.Callers = 200
	r, load := send(t, o, func(_ http.ResponseWriter, r *http.Request) {
		if n := arrived.Add(1); n > 60 && n%20 == 0 {
			slow.Add(1)
			time.Sleep(2100 * time.Millisecond)
		}
	})
	// On a machine that stalls for seconds more are late; fewer never.
	if int64(r.Late) < slow.Load() || slow.Load() == 0 || !r.OK {
		t.Errorf("%d late of %d that were held: %+v", r.Late, slow.Load(), r)
	}
	load.options.Late = 0
	for i := range load.samples {
		load.samples[i].latency = 50 * time.Millisecond
	}
	if got := load.late(); got != 150*time.Millisecond {
		t.Errorf("3 times a p99 of 50 ms is %s", got)
	}
	for i := range load.samples {
		load.samples[i].latency = time.Millisecond
	}
	if got := load.late(); got != leastLate {
		t.Errorf("at least %s, not %s", leastLate, got)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request went elsewhere") }))
	defer elsewhere.Close()
	r, _ := send(t, options(), func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) })
	if !r.OK {
		t.Errorf("%+v", r)
	}
}

func TestRunTwiceIsCountedInTheServicesFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ids")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var mu sync.Mutex
	n := 0
	r, load := send(t, options(), func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		n++
		for range 1 + n%2 {
			fmt.Fprintf(out, "ran %s for somebody\n", r.Header.Get("X-Request-Id"))
		}
	})
	fmt.Fprint(out, "sluice-verify-another-1\nsluice-verify-another-1")
	v := &run{options: &Options{IDsFile: file}, traffic: load}
	v.countRuns(r)
	if r.RanTwice == nil || *r.RanTwice != (n+1)/2 {
		t.Errorf("%v of %d ran twice, want every other", r.RanTwice, n)
	}
	if r.conclude(); r.OK {
		t.Error("that is not as it should be")
	}
	for _, unknown := range []string{file + "-is-missing", os.Args[0]} {
		r := &Report{}
		v.options.IDsFile = unknown
		if v.countRuns(r); r.RanTwice != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "not known") {
			t.Errorf("%s: %+v", unknown, r)
		}
	}
}

func TestTrafficStaysOnThisMachine(t *testing.T) {
	for _, tt := range []struct {
		endpoint string
		status   api.Status
		remote   bool
		want     string
	}{
		{"http://127.0.0.1:8080/api/predict/m", api.StatusRunning, false, "http://127.0.0.1:8080/api/predict/m/x"},
		{"https://localhost/api/predict/m/", api.StatusPaused, false, "https://localhost/api/predict/m/x"},
		{"http://[::1]:1/m", api.StatusRunning, false, "http://[::1]:1/m/x"},
		{"http://192.0.2.7:8080/m", api.StatusRunning, false, ""},
		{"http://127.0.0.1.example.com/m", api.StatusRunning, false, ""},
		{"http://192.0.2.7:8080/m", api.StatusRunning, true, "http://192.0.2.7:8080/m/x"},
		{"http://127.0.0.1/m", api.StatusStopped, false, ""},
		{"", api.StatusRunning, true, ""},
	} {
		got, err := target(&api.Service{Name: "m", Endpoint: tt.endpoint, Status: tt.status}, &Options{Path: "/x", AllowRemote: tt.remote})
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %q, %v", tt.endpoint, got, err)
		}
	}
}

func TestOptionsAreBounded(t *testing.T) {
	for flag, spoil := range map[string]func(*Options){
		"":              func(*Options) {},
		"--rate":        func(o *Options) { o.Rate = MaxRate + 1 },
		"--concurrency": func(o *Options) { o.Callers = 0 },
		"--timeout":     func(o *Options) { o.Timeout = 0 },
		"--duration":    func(o *Options) { o.Limit = MaxLimit + 1 },
		"--before":      func(o *Options) { o.Before = 0 },
		"--tail":        func(o *Options) { o.Tail = -1 },
		"--late":        func(o *Options) { o.Late = -1 },
		"--path":        func(o *Options) { o.Path = "predict" },
		"--method":      func(o *Options) { o.Method = "A B" },
	} {
		o := options()
		spoil(&o)
		err := o.Check()
		if (err == nil) != (flag == "") || err != nil && !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

func TestTheVerdictNamesWhatWentWrong(t *testing.T) {
	r := &Report{Sent: 10, Lost: 2, Phases: []PhasePart{{Name: "before"}, {Name: "during", Lost: 2}}, Faults: []string{"request 7: EOF"},
		Release: &ReleaseEnd{What: "update", Text: "it was superseded"}}
	r.conclude()
	got := strings.Join(r.Problems, "|")
	if got != "2 lost and 0 cut of those sent during; request 7: EOF|the update: it was superseded" || r.OK {
		t.Errorf("%q", got)
	}
}
