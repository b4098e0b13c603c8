package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Logs reads what a replica wrote; see runtime.Runtime. It knows replicas by
// their files, so also those of an earlier run. Without any it is an error that
// wraps fs.ErrNotExist.
func (r *Runtime) Logs(ctx context.Context, id string, tail int, follow bool) (io.ReadCloser, error) {
	var l *logFile
	if known := r.known(id); known != nil {
		l = known.log
	} else {
		l = newLogFile(r.logPath(id), r.cfg.LogMaxBytes)
	}
	if !l.exists() {
		return nil, fmt.Errorf("replica %s has no log: %w", id, fs.ErrNotExist)
	}
	ctx, cancel := context.WithCancel(ctx)
	reader := &logReader{ctx: ctx, cancel: cancel, log: l, at: l.begin(), end: l.end()}
	if follow {
		reader.end = -1
		reader.changes = watchFile(l.path)
	}
	if tail > 0 {
		reader.at = l.lastLines(tail, reader.at)
	}
	return reader, nil
}

// logReader reads a log from a position to end, or on and on.
type logReader struct {
	ctx     context.Context
	cancel  context.CancelFunc
	log     *logFile
	at, end int64 // end is -1 to follow
	changes *fileWatch
}

func (r *logReader) Read(p []byte) (int, error) {
	for {
		if r.ctx.Err() != nil || r.end >= 0 && r.at >= r.end {
			return 0, io.EOF
		}
		// What is dropped before it was read is left out.
		r.at = max(r.at, r.log.begin())
		want := p
		if r.end >= 0 && int64(len(want)) > r.end-r.at {
			want = want[:max(0, r.end-r.at)]
		}
		n, err := r.log.readAt(want, r.at)
		r.at += int64(n)
		switch {
		case n > 0:
			return n, nil
		case errors.Is(err, errDropped):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			if errors.Is(err, fs.ErrNotExist) { // forgotten meanwhile
				err = io.EOF
			}
			return 0, err
		case r.end >= 0:
			return 0, io.EOF
		}
		r.changes.wait(r.ctx)
	}
}

func (r *logReader) Close() error {
	r.cancel()
	if r.changes != nil {
		r.changes.close()
	}
	return nil
}

// lastLines is the position where the last n lines begin, not before from. A
// last line without an end counts.
func (l *logFile) lastLines(n int, from int64) int64 {
	const block = 32 << 10
	at, buf := l.end(), make([]byte, block)
	last := at
	for at > from {
		start := max(from, at-block)
		chunk := l.readFull(buf[:at-start], start)
		for i := len(chunk) - 1; i >= 0; i-- {
			if chunk[i] != '\n' || start+int64(i) == last-1 {
				continue
			}
			if n--; n == 0 {
				return start + int64(i) + 1
			}
		}
		at = start
	}
	return from
}

// readFull fills p from a position on, as far as there is something.
func (l *logFile) readFull(p []byte, position int64) []byte {
	filled := 0
	for filled < len(p) {
		n, err := l.readAt(p[filled:], position+int64(filled))
		filled += n
		if n == 0 || err != nil {
			break
		}
	}
	return p[:filled]
}

// What is kept of a log as the reason of an exit.
const (
	reasonLines = 20
	reasonBytes = 8 << 10
)

// reason is the last lines written since a position.
func (l *logFile) reason(since int64) []string {
	end := l.end()
	from := max(since, l.begin(), end-reasonBytes)
	text := l.readFull(make([]byte, max(0, end-from)), from)
	if from > since {
		if _, whole, found := bytes.Cut(text, []byte("\n")); found {
			text = whole // the first line was cut
		}
	}
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(string(text), "�")) {
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-reasonLines):]
}
