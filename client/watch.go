package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/api"
)

// News is one message of Watch. Exactly one member is set.
type News struct {
	// Resync is all services (of the watch), to be taken instead of what was
	// known before: it comes first, after every new connection, and when the
	// watcher was too slow. Never nil when it is what was sent.
	Resync  []api.Service
	Service *api.Service // as it is now
	Event   *api.Event
	Deleted string // the name of a service that is gone
}

// WatchOptions choose what Watch tells of.
type WatchOptions struct {
	Service string // only this service, which need not exist; "" is all
	After   int64  // begin with the stored events of a higher seq; 0 with what happens from now on
}

// Watch tells what happens until ctx is done. A broken connection comes as an
// error, and unless the caller leaves the loop, it is made again, after 0.2 s at
// first and every 5 s in the end; no event is told twice, and those stored
// meanwhile are told. An error of type *Problem with a status below 500 is the
// last: the server refuses.
func (c *Client) Watch(ctx context.Context, o WatchOptions) iter.Seq2[News, error] {
	return func(yield func(News, error) bool) {
		pause := c.backOff
		for ctx.Err() == nil {
			w := &watch{client: c, options: &o, yield: yield}
			err := w.run(ctx)
			if w.left || ctx.Err() != nil || !yield(News{}, err) {
				return
			}
			var problem *Problem
			if errors.As(err, &problem) && problem.Status < 500 {
				return
			}
			if w.told {
				pause = c.backOff
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, c.backOffTo)
		}
	}
}

// watch is one connection.
type watch struct {
	client  *Client
	options *WatchOptions
	yield   func(News, error) bool
	told    bool // something has come
	left    bool // the caller has had enough
}

var errSilent = errors.New("nothing has been heard from the server, not even its heartbeat")

func (w *watch) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := get("watch")
	if w.options.Service != "" {
		r.with("service", w.options.Service)
	}
	if w.options.After > 0 {
		r.with("after", strconv.FormatInt(w.options.After, 10))
	}
	silent := time.AfterFunc(w.client.silence, func() { cancel(errSilent) })
	defer silent.Stop()
	resp, err := w.client.open(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	kind, data := "", ""
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return &UnreachableError{w.client.base, w.broken(ctx, err)}
		}
		silent.Reset(w.client.silence)
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "event":
			kind = value
		case name == "data":
			data = value
		case name == "" && value == "" && kind != "":
			news, err := w.read(kind, data)
			if err != nil {
				return err
			}
			w.told = true
			if news != nil && !w.yield(*news, nil) {
				w.left = true
				return nil
			}
			kind, data = "", ""
		}
	}
}

func (w *watch) broken(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(err, io.EOF) {
		return errors.New("the server has ended the connection")
	}
	return err
}

// read gives nil for a kind of message that a newer server may send.
func (w *watch) read(kind, data string) (*News, error) {
	var news News
	var err error
	switch kind {
	case "resync":
		var all struct{ Services []api.Service }
		err = json.Unmarshal([]byte(data), &all)
		news.Resync = append([]api.Service{}, all.Services...)
	case "service":
		err = json.Unmarshal([]byte(data), &news.Service)
	case "event":
		if err = json.Unmarshal([]byte(data), &news.Event); err == nil {
			w.options.After = max(w.options.After, news.Event.Seq)
		}
	case "deleted":
		var gone struct{ Name string }
		err = json.Unmarshal([]byte(data), &gone)
		news.Deleted = gone.Name
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s of /watch: %w", kind, err)
	}
	return &news, nil
}
