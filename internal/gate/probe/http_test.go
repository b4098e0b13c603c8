package probe

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
)

func TestHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/sentiment/3":
			fmt.Fprint(w, `{"data": {"accuracy": 0.93, "model": "v3", "parts": [{"ok": true}, {"ok": false}]}}`)
		case "/broken":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
		case "/teapot":
			w.WriteHeader(http.StatusTeapot)
		default:
			http.Error(w, "no such thing", http.StatusNotFound)
		}
	}))
	defer server.Close()
	about := server.URL + "/{{service}}/{{new_version}}"
	tests := []struct {
		http api.GateHTTP
		gate api.Gate
		want api.GateOutcome
		says string
	}{
		{api.GateHTTP{URL: about}, api.Gate{}, api.GatePass, "passed"},
		{api.GateHTTP{URL: about, Field: "data.accuracy"}, api.Gate{Min: "0.9"}, api.GatePass, "0.93: within what is allowed (at least 0.9)"},
		{api.GateHTTP{URL: about, Field: "data.accuracy"}, api.Gate{Min: "0.95"}, api.GateFail, "0.93: outside"},
		{api.GateHTTP{URL: about, Field: "data.parts.1.ok", Match: "^true$"}, api.Gate{}, api.GateFail, `"false" does not match "^true$"`},
		{api.GateHTTP{URL: about, Field: "data.parts.0.ok", Match: "^true$"}, api.Gate{}, api.GatePass, ""},
		{api.GateHTTP{URL: about, Field: "data.model", Match: "v[34]"}, api.Gate{}, api.GatePass, ""},
		{api.GateHTTP{URL: about, Match: "accuracy"}, api.Gate{}, api.GatePass, ""},
		{api.GateHTTP{URL: about, Field: "data.parts.2.ok"}, api.Gate{}, api.GateFail, `no data.parts.2.ok (nothing at "2")`},
		{api.GateHTTP{URL: about, Field: "data.model"}, api.Gate{Max: "1"}, api.GateFail, `"v3", a number is needed`},
		{api.GateHTTP{URL: server.URL + "/else"}, api.Gate{}, api.GateFail, "/else: status 404, expected 200 to 299"},
		{api.GateHTTP{URL: server.URL + "/teapot", Status: 418}, api.Gate{}, api.GatePass, ""},
		{api.GateHTTP{URL: about, Status: 204}, api.Gate{}, api.GateFail, "status 200, expected 204"},
		{api.GateHTTP{URL: server.URL + "/broken"}, api.Gate{}, api.GateNoData, "broke off"},
		{api.GateHTTP{URL: "http://" + freeAddress(t)}, api.Gate{}, api.GateNoData, "refused"},
	}
	for _, test := range tests {
		test.gate.HTTP = &test.http
		r := ruleOf(t, test.gate)
		if err := Check(context.Background(), r, subject); err != nil {
			t.Errorf("check: %v", err)
		}
		res := gate.Measured(r, Measure(context.Background(), r, subject), 1)
		if res.Outcome != test.want || !strings.Contains(res.Message, test.says) {
			t.Errorf("%+v: %s: %s, want %s: %s", test.http, res.Outcome, res.Message, test.want, test.says)
		}
	}
	r := ruleOf(t, api.Gate{HTTP: &api.GateHTTP{URL: server.URL + "/else"}})
	if m := Measure(context.Background(), r, subject); m.Output != "no such thing" {
		t.Errorf("output %q", m.Output)
	}
}
