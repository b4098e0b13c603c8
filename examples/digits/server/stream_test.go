package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice.dev/sluice/examples/digits"
)

// conversation is an open stream: the caller writes, and reads event by event.
type conversation struct {
	t     *testing.T
	write *io.PipeWriter
	lines *bufio.Scanner
}

func converse(t *testing.T, url string) *conversation {
	t.Helper()
	body, write := io.Pipe()
	request, err := http.NewRequest(http.MethodPost, url+"/v2/models/digits/infer_stream", body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { write.Close(); response.Body.Close() })
	if got := response.Header.Get("Content-Type"); response.StatusCode != 200 || got != eventStream {
		t.Fatalf("%s, %s", response.Status, got)
	}
	return &conversation{t, write, bufio.NewScanner(response.Body)}
}

// event reads the next one; "" and "" after the last.
func (c *conversation) event() (kind, data string) {
	c.t.Helper()
	for c.lines.Scan() {
		name, value, _ := strings.Cut(c.lines.Text(), ": ")
		switch name {
		case "event":
			kind = value
		case "data":
			data = value
		case "":
			return kind, data
		}
	}
	return kind, data
}

// Every answer comes before the next request is sent.
func TestAStreamAnswersEachRequestAsItComes(t *testing.T) {
	h := handler(t, "2")
	s := httptest.NewServer(h)
	defer s.Close()
	c := converse(t, s.URL)
	right := 0
	const many = 40
	for i, sample := range digits.TestSet()[:many] {
		id := fmt.Sprint("digit ", i)
		one := []digits.Sample{sample}
		pixels := make([]int, digits.Pixels)
		for j, p := range sample.Pixels {
			pixels[j] = int(p)
		}
		if _, err := io.WriteString(c.write, request(t, id, one, []int{digits.Pixels}, pixels)+"\n"); err != nil {
			t.Fatal(err)
		}
		kind, data := c.event()
		var answer struct {
			ID           string
			ModelVersion string `json:"model_version"`
			Outputs      []struct {
				Data []float64
			}
		}
		if err := json.Unmarshal([]byte(data), &answer); err != nil || kind != "" || answer.ID != id || answer.ModelVersion != "2" {
			t.Fatalf("event %d: %q %q: %v", i, kind, data, err)
		}
		if int(answer.Outputs[0].Data[0]) == sample.Label {
			right++
		}
	}
	if right < many*9/10 {
		t.Errorf("%d of %d digits are right", right, many)
	}
	c.write.Close()
	if kind, data := c.event(); kind != "end" || data != `{"answered":40}` {
		t.Errorf("the end: %q %q", kind, data)
	}
	if n := h.Served(); n != many {
		t.Errorf("%d requests were counted", n)
	}
}

func TestAStreamEndsAtALineThatIsNoRequest(t *testing.T) {
	s := httptest.NewServer(handler(t, "1"))
	defer s.Close()
	for line, want := range map[string]string{
		"hello":         "request 1 of the stream: the body is not an inference request",
		`{"inputs":[]}`: "request 1 of the stream: inputs: 0 tensors",
	} {
		c := converse(t, s.URL)
		if _, err := io.WriteString(c.write, "\n"+line+"\n"); err != nil {
			t.Fatal(err)
		}
		if kind, data := c.event(); kind != "error" || !strings.Contains(data, want) {
			t.Errorf("%s: %q %q", line, kind, data)
		}
		if kind, data := c.event(); kind != "" || data != "" {
			t.Errorf("%s: after the error: %q %q", line, kind, data)
		}
	}
}
