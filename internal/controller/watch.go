package controller

import (
	"context"
	"sync"
)

// newsKept is how many pieces of news a watcher may be behind.
const newsKept = 256

// newsstand hands news to every watcher.
type newsstand struct {
	mu       sync.Mutex
	watchers map[chan News]bool // true: it has missed something
}

func (n *newsstand) tell(news News) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for w, missed := range n.watchers {
		news.Missed = missed
		select {
		case w <- news:
			n.watchers[w] = false
		default:
			n.watchers[w] = true
		}
	}
}

// Watch sends what changes until ctx is done. A watcher that is too slow loses
// news, and the next piece it gets says so.
func (c *Controller) Watch(ctx context.Context) <-chan News {
	w := make(chan News, newsKept)
	n := &c.news
	n.mu.Lock()
	if n.watchers == nil {
		n.watchers = map[chan News]bool{}
	}
	n.watchers[w] = false
	n.mu.Unlock()
	context.AfterFunc(ctx, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.watchers, w)
		close(w)
	})
	return w
}
