package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice.dev/sluice/examples/digits"
)

// asked is a request for one image.
func asked(t *testing.T, id string, s digits.Sample) string {
	t.Helper()
	pixels := make([]int, digits.Pixels)
	for i, p := range s.Pixels {
		pixels[i] = int(p)
	}
	return request(t, id, []digits.Sample{s}, []int{digits.Pixels}, pixels)
}

// TestVersion4AnswersSomeRequestsWith500: it is ready, and each answer is 200 or
// 500 as the model works or fails at the image.
func TestVersion4AnswersSomeRequestsWith500(t *testing.T) {
	h := handler(t, "4")
	s := httptest.NewServer(h)
	defer s.Close()
	if status, _, _ := call(t, s, http.MethodGet, "/v2/health/ready", ""); status != 200 {
		t.Errorf("ready: %d", status)
	}
	failed := 0
	const many = 100
	for i, sample := range digits.TestSet()[:many] {
		want := 200
		if _, _, err := h.model.Predict(sample.Image()); err != nil {
			want = 500
			failed++
		}
		status, _, answer := call(t, s, http.MethodPost, "/v2/models/digits/infer", asked(t, fmt.Sprint(i), sample))
		if status != want || status == 500 && answer["error"] != "image 0: "+digits.ErrNoScores.Error() {
			t.Errorf("image %d: %d %s, want %d", i, status, compact(t, answer), want)
		}
	}
	if failed < 3 || h.Served() != int64(many-failed) {
		t.Errorf("%d failed, %d were served", failed, h.Served())
	}
}

// TestAStreamOutlivesAFailureOfTheModel: the event says which request failed, and
// the end counts both.
func TestAStreamOutlivesAFailureOfTheModel(t *testing.T) {
	h := handler(t, "4")
	s := httptest.NewServer(h)
	defer s.Close()
	c := converse(t, s.URL)
	failed := 0
	const many = 60
	for i, sample := range digits.TestSet()[:many] {
		id := fmt.Sprint("digit ", i)
		if _, err := io.WriteString(c.write, asked(t, id, sample)+"\n"); err != nil {
			t.Fatal(err)
		}
		kind, data := c.event()
		want := ""
		if _, _, err := h.model.Predict(sample.Image()); err != nil {
			want = "failed"
			failed++
		}
		var said struct {
			ID           string
			ModelVersion string `json:"model_version"`
			Error        string
		}
		if err := json.Unmarshal([]byte(data), &said); err != nil || kind != want || said.ID != id || said.ModelVersion != "4" ||
			strings.Contains(said.Error, digits.ErrNoScores.Error()) != (want != "") {
			t.Fatalf("event %d: %q %q, want %q", i, kind, data, want)
		}
	}
	c.write.Close()
	if kind, data := c.event(); kind != "end" || failed == 0 || data != fmt.Sprintf(`{"answered":%d,"failed":%d}`, many-failed, failed) {
		t.Errorf("the end after %d failures: %q %q", failed, kind, data)
	}
}
