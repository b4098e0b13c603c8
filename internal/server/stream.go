package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// patience is how long a caller may take no byte before its stream is ended.
const patience = 30 * time.Second

// errGone says that the caller does not read any more.
var errGone = errors.New("the caller is gone")

// stream writes an answer without an end: each write reaches the caller at once
// or fails.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func newStream(hc huma.Context) *stream {
	_, w := humago.Unwrap(hc)
	return &stream{w: w, control: http.NewResponseController(w)}
}

func (s *stream) Write(b []byte) (int, error) {
	// A writer without deadlines (none of net/http's own) just has none.
	_ = s.control.SetWriteDeadline(time.Now().Add(patience))
	n, err := s.w.Write(b)
	if err != nil {
		return n, errors.Join(errGone, err)
	}
	return n, s.flush()
}

func (s *stream) flush() error {
	if err := s.control.Flush(); err != nil {
		return errors.Join(errGone, err)
	}
	return nil
}
