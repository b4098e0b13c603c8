package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice.dev/sluice/examples/digits"
)

const (
	workers  = 8
	rate     = 25 * workers // requests a second, of all workers
	patience = 10 * time.Second

	// maxAnswer is far more than an answer has.
	maxAnswer = 64 << 10
)

// load sends the test images, one by one, again and again, at a steady rate on
// connections that are kept, and checks every answer.
type load struct {
	url    string
	client *http.Client
	images []image
	tally  *tally

	stopped chan struct{}
	running sync.WaitGroup
}

// image is a request but for its id, and the digit that it shows.
type image struct {
	rest  []byte // of the body, behind the id
	label int
}

// startLoad begins to send; the tally must have a phase by then. The endpoint is
// that of the service at the gateway.
func startLoad(endpoint string, t *tally) *load {
	l := &load{
		url:    endpoint + "/v2/models/digits/infer",
		images: images(digits.TestSet()),
		tally:  t,
		client: &http.Client{
			Timeout:   patience,
			Transport: &http.Transport{MaxIdleConnsPerHost: workers, DisableCompression: true},
		},
		stopped: make(chan struct{}),
	}
	began := time.Now()
	for n := range workers {
		l.running.Go(func() { l.work(n, began) })
	}
	return l
}

// stop sends no more and waits for every answer.
func (l *load) stop() {
	close(l.stopped)
	l.running.Wait()
	l.client.CloseIdleConnections()
}

func images(samples []digits.Sample) []image {
	list := make([]image, len(samples))
	for i := range samples {
		pixels := make([]int, digits.Pixels)
		for j, p := range samples[i].Pixels {
			pixels[j] = int(p)
		}
		rest, err := json.Marshal(map[string]any{
			"inputs": []any{map[string]any{
				"name": "image", "datatype": "UINT8", "shape": []int{1, digits.Pixels}, "data": pixels,
			}},
			"outputs": []any{map[string]any{"name": "label"}},
		})
		if err != nil {
			panic("demo: an image cannot be written as JSON: " + err.Error()) // only numbers and text
		}
		list[i] = image{rest: rest[1:], label: samples[i].Label}
	}
	return list
}

func (i image) body(id string) []byte {
	return append([]byte(`{"id":"`+id+`",`), i.rest...)
}

// work is one worker: it sends when a request is due, and at once while it is
// behind.
func (l *load) work(n int, began time.Time) {
	const interval = time.Second * workers / rate
	due := began.Add(interval * time.Duration(n) / workers)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := n; ; i += workers {
		from, early := due, time.Until(due)
		timer.Reset(max(0, early))
		select {
		case <-l.stopped:
			return
		case <-timer.C:
		}
		// A timer that is late is this machine's fault, a worker that is late the
		// service's.
		if early > 0 {
			from = time.Now()
		}
		p := l.tally.sending()
		r := l.send(strconv.Itoa(i), l.images[i%len(l.images)])
		r.latency = time.Since(from)
		l.tally.done(p, r)
		due = due.Add(interval)
	}
}

// send makes one request. It is not bound to anything but its time-out: who
// stops the load still waits for the answer.
func (l *load) send(id string, img image) result {
	resp, err := l.client.Post(l.url, "application/json", bytes.NewReader(img.body(id)))
	if err != nil {
		return result{outcome: lost, fault: fmt.Sprintf("request %s: %v", id, err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return result{outcome: cut, fault: fmt.Sprintf("request %s: the answer broke off after %d bytes: %v", id, len(body), err)}
	}
	version, right, err := check(resp, body, id, img.label)
	if err != nil {
		return result{outcome: lost, fault: fmt.Sprintf("request %s: %v", id, err)}
	}
	return result{version: version, right: right}
}

// check says which version answered and whether the label is the right one; an
// error if it is no valid answer to this request.
func check(resp *http.Response, body []byte, id string, label int) (version int, right bool, err error) {
	if resp.StatusCode != http.StatusOK {
		return 0, false, fmt.Errorf("status %s: %s", resp.Status, firstLine(body))
	}
	var answer struct {
		ID           string `json:"id"`
		ModelVersion string `json:"model_version"`
		Outputs      []struct {
			Name string `json:"name"`
			Data []int  `json:"data"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, false, fmt.Errorf("the answer is not one of the protocol: %w", err)
	}
	if answer.ID != id {
		return 0, false, fmt.Errorf("the answer is that of request %q", answer.ID)
	}
	if len(answer.Outputs) != 1 || answer.Outputs[0].Name != "label" || len(answer.Outputs[0].Data) != 1 {
		return 0, false, fmt.Errorf("the answer has not exactly one label: %s", firstLine(body))
	}
	// Version N of the demo's service serves version N of the model.
	if named := resp.Header.Get("X-Sluice-Version"); named != answer.ModelVersion {
		return 0, false, fmt.Errorf("the gateway says version %q, the model %q", named, answer.ModelVersion)
	}
	if version, err = strconv.Atoi(answer.ModelVersion); err != nil {
		return 0, false, fmt.Errorf("the model's version %q is not a number", answer.ModelVersion)
	}
	return version, answer.Outputs[0].Data[0] == label, nil
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if len(line) > 200 {
		line = line[:200] + "..."
	}
	return line
}
