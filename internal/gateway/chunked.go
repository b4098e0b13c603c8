package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

var errChunk = errors.New("the replica's answer breaks the chunked encoding")

// chunks reads a chunked body. Unlike net/http's reader it never waits for more
// when it has something to give, so that half a chunk goes on at once.
type chunks struct {
	in   *bufio.Reader
	left uint64 // of the current chunk
	tail bool   // the line break after a chunk is still to come
	end  bool
}

// read returns what there is. It may return io.EOF together with the last
// bytes; the trailer is then next in in.
func (c *chunks) read(p []byte) (int, error) {
	if c.end {
		return 0, io.EOF
	}
	if c.left == 0 {
		if err := c.begin(); err != nil {
			return 0, err
		}
		if c.end {
			return 0, io.EOF
		}
	}
	if uint64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.in.Read(p)
	if err != nil {
		return n, unexpected(err)
	}
	if c.left -= uint64(n); c.left == 0 {
		c.tail = true
		// When the last chunk lies there already, the caller need not be
		// flushed to before more is waited for.
		if c.in.Buffered() >= 7 {
			if next, _ := c.in.Peek(7); string(next) == "\r\n0\r\n\r\n" {
				if err := c.begin(); err != nil {
					return n, err
				}
				return n, io.EOF
			}
		}
	}
	return n, nil
}

// begin reads the line break of the chunk before and the size of the next.
func (c *chunks) begin() error {
	if c.tail {
		if line, err := c.in.ReadSlice('\n'); err != nil || string(line) != "\r\n" {
			return chunkError(err)
		}
		c.tail = false
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return chunkError(err)
	}
	size, digits := uint64(0), 0
	for ; digits < len(line); digits++ {
		d, ok := hexDigit(line[digits])
		if !ok {
			break
		}
		size = size<<4 | d
	}
	if digits == 0 || digits > 15 {
		return fmt.Errorf("%w: chunk size %.20q", errChunk, line)
	}
	// Only a line end or an extension may follow; extensions are for the next hop alone.
	switch rest := line[digits:]; {
	case string(rest) == "\r\n", rest[0] == ';', rest[0] == ' ', rest[0] == '\t':
	default:
		return fmt.Errorf("%w: chunk size %.20q", errChunk, line)
	}
	c.left, c.end = size, size == 0
	return nil
}

func hexDigit(b byte) (uint64, bool) {
	switch {
	case '0' <= b && b <= '9':
		return uint64(b - '0'), true
	case 'a' <= b && b <= 'f':
		return uint64(b-'a') + 10, true
	case 'A' <= b && b <= 'F':
		return uint64(b-'A') + 10, true
	}
	return 0, false
}

func chunkError(err error) error {
	if err == nil || isBufferFull(err) {
		return errChunk
	}
	return unexpected(err)
}

// unexpected names the end of a connection for what it is inside a message.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func isBufferFull(err error) bool { return errors.Is(err, bufio.ErrBufferFull) }
