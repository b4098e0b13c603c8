package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	c, _, web := connect(t)
	running(t, c)
	last, err := c.Events(t.Context(), "a", 0, 1)
	if err != nil || len(last) != 1 {
		t.Fatal(last, err)
	}
	var seqs []int64
	resyncs, broken, shown := 0, 0, 0
	for news, err := range c.Watch(t.Context(), WatchOptions{Service: "a", After: last[0].Seq}) {
		switch {
		case err != nil:
			broken++
		case news.Resync != nil:
			if resyncs++; resyncs == 1 {
				if _, err := c.Scale(t.Context(), "a", 5); err != nil {
					t.Fatal(err)
				}
			}
		case news.Service != nil:
			shown++
		case news.Event != nil:
			if seqs = append(seqs, news.Event.Seq); len(seqs) == 1 {
				web.CloseClientConnections() // what happens meanwhile is told afterwards
			}
		}
		if len(seqs) == 3 && shown > 0 {
			break
		}
	}
	for i, seq := range seqs {
		if seq != last[0].Seq+int64(i)+1 {
			t.Errorf("events %v after %d: not each one once", seqs, last[0].Seq)
			break
		}
	}
	if resyncs < 2 || broken == 0 {
		t.Errorf("%d resyncs, %d times broken", resyncs, broken)
	}
}

func TestWatchTellsOfAnEnd(t *testing.T) {
	c, _, _ := connect(t)
	running(t, c)
	for news, err := range c.Watch(t.Context(), WatchOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if news.Resync != nil {
			if _, err := c.Delete(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		if news.Deleted == "a" {
			return
		}
	}
	t.Error("the watch ended")
}

// A refusal is the last thing that a watch says; it does not knock for ever.
func TestWatchIsRefused(t *testing.T) {
	_, _, web := connect(t)
	n := 0
	var problem *Problem
	for _, err := range New(web.URL, "wrong").Watch(t.Context(), WatchOptions{}) {
		if n++; !errors.As(err, &problem) || problem.Code != CodeUnauthorized {
			t.Errorf("%v", err)
		}
	}
	if n != 1 {
		t.Errorf("told %d times", n)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	c, _, web := connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	for _, err := range c.Watch(ctx, WatchOptions{}) {
		if err != nil {
			t.Errorf("%v", err)
		}
		cancel()
	}
	web.Close()
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	for _, err := range c.Watch(ctx, WatchOptions{}) {
		var unreachable *UnreachableError
		if !errors.As(err, &unreachable) {
			t.Errorf("%v", err)
		}
	}
}

// A connection on which not even a heartbeat comes is given up; heartbeats keep
// one open.
func TestWatchNoticesSilence(t *testing.T) {
	connections := make(chan struct{}, 100)
	beats := 250
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections <- struct{}{}
		fmt.Fprint(w, "event: resync\ndata: {\"services\":[]}\n\nevent: of a newer server\ndata: {}\n\n")
		w.(http.Flusher).Flush()
		for range beats {
			time.Sleep(10 * time.Millisecond)
			fmt.Fprint(w, ": still here\n\n")
			w.(http.Flusher).Flush()
		}
		beats = 0
		<-r.Context().Done()
	}))
	defer silent.Close()
	c := New(silent.URL, "")
	c.silence, c.backOff = 2*time.Second, time.Millisecond
	begun := time.Now()
	for news, err := range c.Watch(t.Context(), WatchOptions{}) {
		if err == nil && news.Resync == nil {
			t.Errorf("told of %+v", news)
		}
		if len(connections) == 2 {
			break
		}
		if err != nil && (!errors.Is(err, errSilent) || time.Since(begun) < 2500*time.Millisecond) {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	}
}
