package testserver

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// Event is one line of the file named by -record, which several servers may
// share. It outlives them: it tells after a rollout which replica was sent
// SIGTERM when, with how many requests in hand, and which ids it answered.
type Event struct {
	// Kind is "start", "sigterm", "exit" (by itself or after SIGTERM, not by
	// SIGKILL), "begin" or "end" (of a request with an id), or "broken" (a
	// WebSocket that ended without a farewell).
	Kind     string    `json:"kind"`
	At       time.Time `json:"at"`
	Pid      int       `json:"pid"`
	Replica  string    `json:"replica"`
	Version  string    `json:"version"`
	InFlight int       `json:"in_flight"`
	ID       string    `json:"id,omitempty"` // X-Request-Id of a begin or end
}

// record appends one event. One write of a line to a file opened for appending
// is not torn by another process that does the same.
func (s *server) record(kind, id string) {
	if s.options.record == "" {
		return
	}
	line, err := json.Marshal(Event{
		Kind: kind, At: time.Now(), Pid: os.Getpid(), ID: id,
		Replica: os.Getenv("SLUICE_REPLICA"), Version: os.Getenv("SLUICE_VERSION"),
		InFlight: int(s.inFlight.Load()),
	})
	if err != nil {
		panic(err) // a struct of plain values
	}
	s.fileOnce.Do(func() {
		s.file, err = os.OpenFile(s.options.record, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	})
	if err == nil && s.file != nil {
		_, err = s.file.Write(append(line, '\n'))
	}
	if err != nil {
		fmt.Println("record:", err)
	}
}

// ReadRecord reads a file written by -record; none yet is no event. A line that
// is being written is left out.
func ReadRecord(path string) ([]Event, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var events []Event
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		var e Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return nil, fmt.Errorf("%s: line %q: %w", path, line, err)
		}
		events = append(events, e)
	}
	return events, nil
}
