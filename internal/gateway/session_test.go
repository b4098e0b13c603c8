package gateway

import (
	"io"
	"net/http"
	"slices"
	"testing"
)

func TestNoReplicaSeesAConsoleSession(t *testing.T) {
	for _, c := range []struct{ sent, want []string }{
		{nil, nil},
		{[]string{"a=1; b=2"}, []string{"a=1; b=2"}},
		{[]string{"sluice_session_7070=x"}, nil},
		{[]string{"a=1; sluice_session_7070=x; b=2"}, []string{"a=1; b=2"}},
		{[]string{"sluice_session=x; a=1"}, []string{"a=1"}},
		{[]string{"__Host-sluice_session_443=x;a=1"}, []string{"a=1"}},
		{[]string{"a=sluice_session"}, []string{"a=sluice_session"}},
		{[]string{"a=1", "  sluice_session_1=x ;sluice_session_2=y", "b=2"}, []string{"a=1", "b=2"}},
	} {
		h := http.Header{}
		if c.sent != nil {
			h["Cookie"] = slices.Clone(c.sent)
		}
		hideSession(h)
		if _, there := h["Cookie"]; !slices.Equal(h["Cookie"], c.want) || there != (len(c.want) > 0) {
			t.Errorf("%q becomes %q, want %q", c.sent, h["Cookie"], c.want)
		}
	}
}

func TestConsoleSessionStaysAtTheGateway(t *testing.T) {
	b := start(t, Config{})
	b.route(replica(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Cookie")) }))
	conn, in := b.dialRaw()
	io.WriteString(conn, "GET /api/predict/svc HTTP/1.1\r\nHost: h\r\nCookie: a=1; sluice_session_7070=x; b=2\r\n\r\n")
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := slurp(t, r); got != "a=1; b=2" {
		t.Errorf("the replica gets the cookies %q", got)
	}
}
