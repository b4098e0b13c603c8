package warmup

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "warm.jsonl")
	text := `{"path":"/a","body":{"inputs":[1, 2]},"repeat":3}

{"method":"GET","path":"/b?x=1","headers":{"X-Key":"v"}}
{"path":"/c","headers":{"content-type":"text/plain"},"body":"some \"text\""}
{"path":"/d","body_base64":"AAEC/w==","body":null}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Request{
		{Line: 1, Method: "POST", Path: "/a", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"inputs":[1, 2]}`), Repeat: 3},
		{Line: 3, Method: "GET", Path: "/b?x=1", Header: http.Header{"X-Key": {"v"}}, Repeat: 1},
		{Line: 4, Method: "POST", Path: "/c", Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte(`some "text"`), Repeat: 1},
		{Line: 5, Method: "POST", Path: "/d", Header: http.Header{}, Body: []byte{0, 1, 2, 255}, Repeat: 1},
	} {
		r := got[i]
		if r.Line != want.Line || r.Method != want.Method || r.Path != want.Path || r.Repeat != want.Repeat || string(r.Body) != string(want.Body) ||
			len(r.Header) != len(want.Header) {
			t.Errorf("got  %+v\nwant %+v", r, want)
		}
		for name := range want.Header {
			if r.Header.Get(name) != want.Header.Get(name) {
				t.Errorf("line %d: %s: %q, want %q", r.Line, name, r.Header.Get(name), want.Header.Get(name))
			}
		}
	}
	if n := Count(got); n != 6 || len(got) != 4 {
		t.Errorf("%d requests in %d lines", n, len(got))
	}
	if _, err := Read(path + "-not-there"); err == nil || !strings.Contains(err.Error(), "correct warm_up_data_path") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestMalformed(t *testing.T) {
	const good = `{"path":"/a"}` + "\n"
	for text, want := range map[string]string{
		"":                                      "it holds no request",
		"\n \n":                                 "it holds no request",
		good + "binary\x00":                     "line 2: invalid character",
		good + "\n[1]":                          "line 3: json: cannot unmarshal array",
		`{"path":"/a"} {"path":"/b"}`:           "line 1: there is more after the JSON object",
		`{"path":"/a","bodi":1}`:                `line 1: json: unknown field "bodi"`,
		`{"method":"GET"}`:                      `path "": a path that begins with "/"`,
		`{"path":"http://x/a"}`:                 `begins with "/"`,
		`{"path":"/a\nb"}`:                      "path",
		`{"path":"/a","method":"G T"}`:          `method "G T"`,
		`{"path":"/a","repeat":0}`:              "repeat 0: a number from 1 to 10000",
		`{"path":"/a","repeat":10001}`:          "repeat 10001",
		`{"path":"/a","headers":{"a b":"c"}}`:   `header "a b"`,
		`{"path":"/a","headers":{"A":"b\r\n"}}`: `header "A"`,
		`{"path":"/a","headers":{"content-length":"5"}}`: "leave it out",
		`{"path":"/a","body_base64":"?"}`:                "body_base64",
		`{"path":"/a","body_base64":"AA==","body":1}`:    "one is allowed",
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestSend(t *testing.T) {
	var seen []string
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Proto+" "+r.Method+" "+r.Host+r.URL.String()+" "+r.Header.Get("X-Key")+" "+string(body))
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/bad", http.StatusFound)
		case "/bad":
			http.Error(w, "the model is loading\nmore", http.StatusServiceUnavailable)
		case "/stuck":
			<-r.Context().Done()
		case "/pkg.Model/Fails":
			w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
			_, _ = io.WriteString(w, "x")
			w.Header().Set("Grpc-Status", "14")
			w.Header().Set("Grpc-Message", "not yet")
		}
	}))
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	defer srv.Close()
	at := srv.Listener.Addr().String()
	send := func(text string, patience time.Duration) error {
		requests, err := parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return Send(ctx, at, requests)
	}

	if err := send(`{"path":"/a?q=1","headers":{"X-Key":"v","Host":"model.test"},"body":[1],"repeat":2}
{"method":"GET","path":"/moved"}
{"path":"/pkg.Model/Good","headers":{"Content-Type":"application/grpc"},"body_base64":"AAAAAAA="}`, time.Minute); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"HTTP/1.1 POST model.test/a?q=1 v [1]", "HTTP/1.1 POST model.test/a?q=1 v [1]", "HTTP/1.1 GET " + at + "/moved  ",
		"HTTP/2.0 POST " + at + "/pkg.Model/Good  \x00\x00\x00\x00\x00",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("sent %q\nwant %q", seen, want)
	}
	for text, want := range map[string]string{
		`{"path":"/a","repeat":2}` + "\n\n" + `{"path":"/bad"}`:                     "request 3 of 3, POST /bad (line 3 of the file): status 503: the model is loading",
		`{"path":"/pkg.Model/Fails","headers":{"Content-Type":"application/grpc"}}`: "grpc-status 14 not yet",
	} {
		if err := send(text, time.Minute); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if err := send(`{"path":"/stuck"}`, 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("%v", err)
	}
}
