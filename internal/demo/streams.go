package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice.dev/sluice/examples/digits"
	"sluice.dev/sluice/internal/load"
)

const (
	// streamsOpen is how many callers hold a stream open all the time.
	streamsOpen = 4
	// streamBeat is the time between two digits of a stream.
	streamBeat = 200 * time.Millisecond

	maxStream = 1 << 20 // far more than the events of a stream have
)

// streamers are callers that write digits one by one into a request that stays
// open, and read an event for each: server-sent events one way, a chunked body
// the other. Each begins the next stream when one has ended.
type streamers struct {
	url     string
	client  *http.Client
	lines   [][]byte      // requests, one image each
	lasts   time.Duration // of each stream
	tally   *tally
	stopped chan struct{}
	running sync.WaitGroup
}

// startStreams begins to stream from so many callers; the tally must have a
// phase by then. Each stream lasts long enough to see replicas go, most of them
// its own.
func startStreams(endpoint string, t *tally, callers int, lasts time.Duration) *streamers {
	s := &streamers{
		url:     endpoint + "/v2/models/digits/infer_stream",
		lasts:   lasts,
		tally:   t,
		stopped: make(chan struct{}),
		client: &http.Client{
			Timeout:   lasts + patience, // for the whole of a stream
			Transport: &http.Transport{MaxIdleConnsPerHost: streamsOpen, DisableCompression: true},
		},
	}
	for i, img := range images(digits.TestSet()) {
		s.lines = append(s.lines, append(img.body(strconv.Itoa(i)), '\n'))
	}
	for n := range callers {
		// They begin one after the other, so that at any moment some are young and
		// some are old.
		s.running.Go(func() { s.call(n, lasts*time.Duration(n+1)/time.Duration(callers)) })
	}
	return s
}

// stop ends the streams that are open as a caller does who has no more to say,
// and waits for their last event.
func (s *streamers) stop() {
	close(s.stopped)
	s.running.Wait()
	s.client.CloseIdleConnections()
}

func (s *streamers) call(n int, lasts time.Duration) {
	for ; ; lasts = s.lasts {
		select {
		case <-s.stopped:
			return
		default:
		}
		p := s.tally.opening()
		failed, err := s.stream(n, lasts)
		fault := ""
		if err != nil {
			fault = fmt.Sprintf("stream of caller %d: %v", n+1, err)
		}
		s.tally.closed(p, failed, fault)
		if err != nil { // what refuses streams at once is not asked without end
			time.Sleep(streamBeat)
		}
	}
}

// stream makes one stream, and says at how many of its digits the model failed; an
// error if it is not whole.
func (s *streamers) stream(n int, lasts time.Duration) (failed failures, err error) {
	body, digits := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, s.url, body)
	if err != nil {
		return failed, err
	}
	written := make(chan int, 1)
	go func() { written <- s.write(digits, n, lasts) }()
	reply, outcome, err := load.Exchange(s.client, req, maxStream)
	body.CloseWithError(errors.New("the answer has ended"))
	sent := <-written
	switch {
	case outcome == load.Lost:
		return failed, fmt.Errorf("no answer: %w", err)
	case err != nil:
		return failed, err
	}
	return checkStream(reply, sent)
}

// write sends digits for as long as the stream lasts, and ends the body. It says
// how many it sent.
func (s *streamers) write(to *io.PipeWriter, n int, lasts time.Duration) (sent int) {
	defer to.Close()
	end := time.NewTimer(lasts)
	defer end.Stop()
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	for ; ; sent++ {
		if _, err := to.Write(s.lines[(n*len(s.lines)/streamsOpen+sent)%len(s.lines)]); err != nil {
			return sent // the reader knows why
		}
		select {
		case <-beat.C:
		case <-end.C:
			return sent + 1
		case <-s.stopped:
			return sent + 1
		}
	}
}

// failures are digits of a stream at which a version of the model failed.
type failures struct{ version, digits int }

// checkStream says why an answer is not the whole of a stream with so many
// digits: an event for each, all of the version that the gateway named, and the
// end. An event that says that the model failed is one; they are counted.
func checkStream(reply load.Reply, sent int) (failed failures, err error) {
	if reply.Code != http.StatusOK {
		return failed, fmt.Errorf("status %s: %s", reply.Status, load.FirstLine(reply.Body))
	}
	version, answered, ended := reply.Header.Get("X-Sluice-Version"), 0, false
	for event := range bytes.SplitSeq(reply.Body, []byte("\n\n")) {
		text := strings.TrimSpace(string(event))
		body, failure := strings.CutPrefix(text, "event: failed\n")
		data, plain := strings.CutPrefix(body, "data: ")
		switch {
		case text == "":
		case ended:
			return failed, fmt.Errorf("an event after the end: %s", load.FirstLine(event))
		case plain:
			var answer struct {
				ModelVersion string `json:"model_version"`
			}
			if err := json.Unmarshal([]byte(data), &answer); err != nil || answer.ModelVersion != version {
				return failed, fmt.Errorf("event %d is no answer of version %s: %s", answered+1, version, load.FirstLine(event))
			}
			answered++
			if failure {
				failed.digits++
				failed.version, _ = strconv.Atoi(version)
			}
		case strings.HasPrefix(text, "event: end\n"):
			ended = true
		default:
			return failed, fmt.Errorf("after %d digits: %s", answered, strings.ReplaceAll(text, "\n", ", "))
		}
	}
	if !ended || answered != sent {
		return failed, fmt.Errorf("%d of %d digits were answered; the end came: %t", answered, sent, ended)
	}
	return failed, nil
}
