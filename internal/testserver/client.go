package testserver

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Get asks the server at address (host:port) and returns the body.
func Get(t testing.TB, address, path string) string {
	t.Helper()
	return ask(t, http.MethodGet, address, path)
}

// Post is for the paths that switch something. /crash gives no answer, which is
// no failure.
func Post(t testing.TB, address, path string) string {
	t.Helper()
	return ask(t, http.MethodPost, address, path)
}

func ask(t testing.TB, method, address, path string) string {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if !strings.HasPrefix(path, "/crash") {
			t.Errorf("%s %s%s: %v", method, address, path, err)
		}
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s %s%s: %v", method, address, path, err)
	}
	return string(body)
}

// GetState asks for GET /state.
func GetState(t testing.TB, address string) State {
	t.Helper()
	var s State
	if err := json.Unmarshal([]byte(Get(t, address, "/state")), &s); err != nil {
		t.Error("GET /state:", err)
	}
	return s
}
