package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
)

// readRequest reads one request's head and sized body, as a raw replica.
func readRequest(in *bufio.Reader) error {
	r, err := http.ReadRequest(in)
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	return err
}

func TestAnswersPass(t *testing.T) {
	for name, c := range map[string]struct {
		raw    string
		method string
		status int
		body   string
		header map[string]string
		gone   []string
	}{
		"sized":              {raw: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello", status: 200, body: "hello", header: map[string]string{"X-A": "1", "Content-Length": "5"}},
		"no type is guessed": {raw: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", status: 200, body: "<html>", gone: []string{"Content-Type"}},
		"chunked":            {raw: "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", status: 201, body: "abcde"},
		"until closed":       {raw: "HTTP/1.0 200 OK\r\n\r\nto the end", status: 200, body: "to the end"},
		"bare line feeds":    {raw: "HTTP/1.1 200\nContent-Length: 2\n\nok", status: 200, body: "ok"},
		"empty":              {raw: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", status: 200},
		"204":                {raw: "HTTP/1.1 204 No Content\r\n\r\n", status: 204},
		"304":                {raw: "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n", status: 304, header: map[string]string{"Etag": `"x"`}},
		"head":               {raw: "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", method: "HEAD", status: 200, header: map[string]string{"Content-Length": "99"}},
		"hop by hop goes": {raw: "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\nUpgrade: x\r\n\r\n",
			status: 200, gone: []string{"X-Hop", "Keep-Alive", "Upgrade"}},
		"ours win": {raw: "HTTP/1.1 200 OK\r\nX-Sluice-Replica: forged\r\nContent-Length: 0\r\n\r\n", status: 200, header: map[string]string{"X-Sluice-Replica": "r1"}},
		"repeated": {raw: "HTTP/1.1 200 OK\r\nset-cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", status: 200, header: map[string]string{"Set-Cookie": "a"}},

		"two lengths":        {raw: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", status: 502},
		"length and chunked": {raw: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status: 502},
		"negative length":    {raw: "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", status: 502},
		"unknown coding":     {raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", status: 502},
		"space before colon": {raw: "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", status: 502},
		"continued line":     {raw: "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", status: 502},
		"not HTTP":           {raw: "SSH-2.0-x\r\n\r\n", status: 502},
		"odd status":         {raw: "HTTP/1.1 2x0 OK\r\n\r\n", status: 502},
		"switch unasked":     {raw: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", status: 502},
		"half a head":        {raw: "HTTP/1.1 200 OK\r\nContent-", status: 502},
		"nothing":            {raw: "", status: 502},
		"endless head":       {raw: "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 300), status: 502},
		"endless interim":    {raw: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100), status: 502},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, Config{})
			b.route(rawReplica(t, func(conn net.Conn, in *bufio.Reader) {
				if readRequest(in) == nil {
					io.WriteString(conn, c.raw)
				}
			}))
			method := c.method
			if method == "" {
				method = "GET"
			}
			r, _ := http.NewRequest(method, b.url, nil)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body := slurp(t, answer)
			if answer.StatusCode != c.status || c.status != 502 && body != c.body {
				t.Errorf("got %d %q, want %d %q", answer.StatusCode, body, c.status, c.body)
			}
			for key, want := range c.header {
				if answer.Header.Get(key) != want {
					t.Errorf("%s: %q, want %q", key, answer.Header.Get(key), want)
				}
			}
			for _, key := range c.gone {
				if answer.Header[key] != nil {
					t.Errorf("%s: %q came through", key, answer.Header[key])
				}
			}
			b.settle()
			lost := uint64(0)
			if c.status == 502 {
				lost = 1
			}
			if w := b.tallied(3); w.Lost != lost || w.Class[c.status/100] != 1-lost {
				t.Errorf("counted %+v", w)
			}
		})
	}
}

func TestBrokenBodiesBreakOff(t *testing.T) {
	for name, raw := range map[string]string{
		"short":             "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
		"no last chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"bad chunk size":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
		"huge chunk size":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nffffffffffffffffff\r\n",
		"chunk without end": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello55\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, Config{})
			b.route(rawReplica(t, func(conn net.Conn, in *bufio.Reader) {
				if readRequest(in) == nil {
					io.WriteString(conn, raw)
				}
			}))
			r, err := http.Get(b.url)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			if body, err := io.ReadAll(r.Body); err == nil || string(body) != "hello" {
				t.Errorf("read %q, %v, want hello and an error", body, err)
			}
			b.settle()
			if w := b.tallied(3); w.Cut != 1 || w.Class[2] != 1 {
				t.Errorf("counted %+v, want one cut", w)
			}
		})
	}
}

func TestTrailersBothWays(t *testing.T) {
	b := start(t, Config{})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.Copy(w, r.Body)
		w.Header().Set("X-Sum", "got "+r.Trailer.Get("X-Check"))
		w.Header().Set(http.TrailerPrefix+"X-Late", "yes")
	}))
	r, _ := http.NewRequest("POST", b.url, io.MultiReader(strings.NewReader("some "), strings.NewReader("body")))
	r.Trailer = http.Header{"X-Check": {"17"}}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if body := slurp(t, answer); body != "some body" || answer.Trailer.Get("X-Sum") != "got 17" || answer.Trailer.Get("X-Late") != "yes" {
		t.Errorf("got %q with trailer %v", body, answer.Trailer)
	}
}

func TestInterimAnswers(t *testing.T) {
	b := start(t, Config{})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		io.WriteString(w, "done")
	}))
	var hints []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(code, h.Get("Link")))
		return nil
	}}
	r, _ := http.NewRequest("GET", b.url, nil)
	answer, err := http.DefaultClient.Do(r.WithContext(httptrace.WithClientTrace(t.Context(), trace)))
	if err != nil {
		t.Fatal(err)
	}
	if body := slurp(t, answer); body != "done" || answer.Header.Get("Link") != "" || len(hints) != 1 || hints[0] != "103</a.css>" {
		t.Errorf("got %q, hints %v, header %v", body, hints, answer.Header)
	}
}

func TestContinueIsAnsweredOnceAReplicaHasTheRequest(t *testing.T) {
	b := start(t, Config{})
	b.apply(routeWithNothing())
	conn, in := b.dialRaw()
	io.WriteString(conn, "POST /api/predict/svc HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	if line, _ := in.ReadString('\n'); !strings.Contains(line, " 503 ") {
		t.Errorf("with nothing ready: %q", line)
	}
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "" {
			t.Error("the replica was asked to say continue")
		}
		io.Copy(w, r.Body)
	}))
	conn, in = b.dialRaw()
	io.WriteString(conn, "POST /api/predict/svc HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	if line, _ := in.ReadString('\n'); !strings.Contains(line, " 100 ") {
		t.Fatalf("got %q, want 100", line)
	}
	in.ReadString('\n')
	io.WriteString(conn, "data")
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := slurp(t, r); body != "data" {
		t.Errorf("got %q", body)
	}
}
