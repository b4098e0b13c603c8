package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/examples/digits"
	"sluice.dev/sluice/internal/load"
)

const (
	workers  = 8
	rate     = 25 * workers // requests a second, of all workers
	patience = 10 * time.Second

	// maxAnswer is far more than an answer has.
	maxAnswer = 64 << 10
)

// traffic is all that comes in while the story is told.
type traffic struct {
	callers   *callers
	streamers *streamers
}

// startTraffic begins to send; the tally must have a phase by then.
func startTraffic(endpoint string, t *tally, streamLasts time.Duration) *traffic {
	return &traffic{startLoad(endpoint, t), startStreams(endpoint, t, streamsOpen, streamLasts)}
}

// stop sends no more and waits for every answer and every stream's end.
func (t *traffic) stop() {
	t.callers.stop()
	t.streamers.stop()
}

// callers send the test images, one by one, again and again, at a steady rate on
// connections that are kept, and check every answer.
type callers struct {
	url    string
	client *http.Client
	images []image
	tally  *tally
	steady *load.Steady
}

// image is a request but for its id, and the digit that it shows.
type image struct {
	rest  []byte // of the body, behind the id
	label int
}

// startLoad begins to send; the tally must have a phase by then. The endpoint is
// that of the service at the gateway.
func startLoad(endpoint string, t *tally) *callers {
	c := &callers{
		url:    endpoint + "/v2/models/digits/infer",
		images: images(digits.TestSet()),
		tally:  t,
		client: &http.Client{
			Timeout:   patience,
			Transport: &http.Transport{MaxIdleConnsPerHost: workers, DisableCompression: true},
		},
	}
	c.steady = load.Start(rate, workers, func(n int, due time.Time) {
		p := t.sending()
		r := c.send(strconv.Itoa(n), c.images[n%len(c.images)])
		r.latency = time.Since(due)
		t.done(p, r)
	})
	return c
}

// stop sends no more and waits for every answer.
func (c *callers) stop() {
	c.steady.Stop()
	c.client.CloseIdleConnections()
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

// send makes one request. It is not bound to anything but its time-out: who
// stops the load still waits for the answer.
func (c *callers) send(id string, img image) result {
	req, err := http.NewRequest(http.MethodPost, c.url, bytes.NewReader(img.body(id)))
	if err != nil {
		return result{outcome: load.Lost, fault: fmt.Sprintf("request %s: %v", id, err)}
	}
	req.Header.Set("Content-Type", "application/json")
	reply, outcome, err := load.Exchange(c.client, req, maxAnswer)
	if err != nil {
		return result{outcome: outcome, fault: fmt.Sprintf("request %s: %v", id, err)}
	}
	if version, ok := modelError(reply); ok {
		return result{version: version, failed: true}
	}
	version, right, err := check(reply, id, img.label)
	if err != nil {
		return result{outcome: load.Lost, fault: fmt.Sprintf("request %s: %v", id, err)}
	}
	return result{version: version, right: right}
}

// modelError tells an error that the model itself gave as its whole answer, and
// of which version it is. A status 500 without a replica's name and the model
// server's text is none: whoever gave it, the request had no answer.
func modelError(reply load.Reply) (version int, ok bool) {
	if reply.Code != http.StatusInternalServerError || reply.Header.Get("X-Sluice-Replica") == "" {
		return 0, false
	}
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(reply.Body, &said) != nil || !strings.Contains(said.Error, digits.ErrNoScores.Error()) {
		return 0, false
	}
	version, err := strconv.Atoi(reply.Header.Get("X-Sluice-Version"))
	return version, err == nil
}

// check says which version answered and whether the label is the right one; an
// error if it is no valid answer to this request.
func check(reply load.Reply, id string, label int) (version int, right bool, err error) {
	if reply.Code != http.StatusOK {
		return 0, false, fmt.Errorf("status %s: %s", reply.Status, load.FirstLine(reply.Body))
	}
	var answer struct {
		ID           string `json:"id"`
		ModelVersion string `json:"model_version"`
		Outputs      []struct {
			Name string `json:"name"`
			Data []int  `json:"data"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal(reply.Body, &answer); err != nil {
		return 0, false, fmt.Errorf("the answer is not one of the protocol: %w", err)
	}
	if answer.ID != id {
		return 0, false, fmt.Errorf("the answer is that of request %q", answer.ID)
	}
	if len(answer.Outputs) != 1 || answer.Outputs[0].Name != "label" || len(answer.Outputs[0].Data) != 1 {
		return 0, false, fmt.Errorf("the answer has not exactly one label: %s", load.FirstLine(reply.Body))
	}
	// Version N of the demo's service serves version N of the model.
	if named := reply.Header.Get("X-Sluice-Version"); named != answer.ModelVersion {
		return 0, false, fmt.Errorf("the gateway says version %q, the model %q", named, answer.ModelVersion)
	}
	if version, err = strconv.Atoi(answer.ModelVersion); err != nil {
		return 0, false, fmt.Errorf("the model's version %q is not a number", answer.ModelVersion)
	}
	return version, answer.Outputs[0].Data[0] == label, nil
}
