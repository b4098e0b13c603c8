package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxLine is the longest line either end accepts. A route with 100,000
// endpoints takes about 10 MiB; larger tables go in parts.
const MaxLine = 32 << 20

// ErrLineTooLong ends a connection whose other end does not speak this protocol.
var ErrLineTooLong = fmt.Errorf("a line of the gateway protocol is longer than %d bytes", MaxLine)

// Reader reads messages. It holds no more than one line in memory.
type Reader struct {
	in   *bufio.Reader
	max  int
	long []byte // a line that did not fit in's buffer
}

// NewReader returns a Reader of the messages in r.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 16<<10), max: MaxLine}
}

// Read reads the next message into v, a *Up or *Down. It returns io.EOF only at
// the end of a complete line.
func (r *Reader) Read(v any) error {
	line, err := r.line()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("a line of the gateway protocol is not understood: %w", err)
	}
	return nil
}

func (r *Reader) line() ([]byte, error) {
	r.long = r.long[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		if len(r.long)+len(part) > r.max {
			return nil, ErrLineTooLong
		}
		switch {
		case err == nil && len(r.long) == 0:
			return part, nil
		case err == nil:
			return append(r.long, part...), nil
		case errors.Is(err, bufio.ErrBufferFull):
			r.long = append(r.long, part...)
		case errors.Is(err, io.EOF) && len(r.long)+len(part) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// Write writes one message, a *Up or *Down, in one call of w.
func Write(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(line) >= MaxLine {
		return ErrLineTooLong
	}
	_, err = w.Write(append(line, '\n'))
	return err
}
