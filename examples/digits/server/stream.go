package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"sluice.dev/sluice/examples/digits"
)

const (
	// maxLine holds the images of one request of a stream, as maxBody those of a
	// request alone.
	maxLine = maxBody

	eventStream = "text/event-stream"
)

// inferStream answers a sequence of requests for as long as the caller goes on:
// each line of the body is one inference request, and is answered by one
// server-sent event as soon as it has come. The pace is the caller's, a hand
// that writes digits, say. When the caller ends the body, an event "end" says
// how many were answered, so that a stream that broke off looks like one. A
// request at which the model fails is answered by an event "failed", and the
// stream goes on; a line that is no request is answered by an event "error", which
// is the last one.
func (h *Handler) inferStream(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	// HTTP/2 goes both ways without being asked.
	if err := control.EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		refuse(w, http.StatusInternalServerError, "the connection cannot go both ways: %v", err)
		return
	}
	w.Header().Set("Content-Type", eventStream)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	send := func(kind string, v any) error {
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if kind != "" {
			kind = "event: " + kind + "\n"
		}
		if _, err := fmt.Fprintf(w, "%sdata: %s\n\n", kind, data); err != nil {
			return err
		}
		return control.Flush()
	}
	if control.Flush() != nil {
		return // the caller is gone
	}
	answered, failed := 0, 0
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		response, err := h.respond(line)
		switch {
		case errors.Is(err, digits.ErrNoScores):
			failed++
			err = send("failed", streamFailure{response.ModelVersion, response.ID, err.Error()})
		case err != nil:
			_ = send("error", errorResponse{fmt.Sprintf("request %d of the stream: %v", answered+failed+1, err)})
			return
		default:
			answered++
			err = send("", response)
		}
		if err != nil {
			return
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		_ = send("error", errorResponse{fmt.Sprintf("request %d of the stream has more than %d bytes; send fewer images at a time", answered+failed+1, maxLine)})
	case err != nil:
		_ = send("error", errorResponse{fmt.Sprintf("the body broke off after %d requests: %v", answered+failed, err)})
	default:
		_ = send("end", streamEnd{answered, failed})
	}
}

// streamEnd is the last event of a stream that is whole.
type streamEnd struct {
	Answered int `json:"answered"`
	Failed   int `json:"failed,omitempty"`
}

// streamFailure is the event of a request at which the model failed.
type streamFailure struct {
	ModelVersion string  `json:"model_version"`
	ID           *string `json:"id,omitempty"` // as in the request
	Error        string  `json:"error"`
}
