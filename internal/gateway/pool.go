package gateway

import (
	"sync"
	"time"
)

// maxIdle is the number of idle connections kept per endpoint.
const maxIdle = 512

// pool keeps the idle connections of one endpoint, the one used last on top. A
// connection leaves it after limit, before its server would close it under a
// request (design rule 8), and at once when the endpoint leaves the table. The
// lock is held for a few instructions.
type pool struct {
	limit time.Duration

	mu     sync.Mutex
	closed bool
	idle   []*upstream
	timer  *time.Timer // runs while idle is not empty
	armed  bool
}

// get returns a connection that its server has not closed, or nil.
func (p *pool) get() *upstream {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return nil
		}
		c := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if now() < c.expires && !c.stale() {
			return c
		}
		c.Close()
	}
}

// put takes back a connection between two requests.
func (p *pool) put(c *upstream) {
	limit := p.limit
	if c.keepAlive > 0 {
		limit = min(limit, c.keepAlive)
	}
	c.expires = now() + instant(limit)
	p.mu.Lock()
	if p.closed || len(p.idle) >= maxIdle {
		p.mu.Unlock()
		c.Close()
		return
	}
	p.idle = append(p.idle, c)
	if !p.armed {
		p.armed = true
		if p.timer == nil {
			p.timer = time.AfterFunc(limit, p.reap)
		} else {
			p.timer.Reset(limit)
		}
	}
	p.mu.Unlock()
}

// reap closes what has been idle for too long and comes back for the rest.
func (p *pool) reap() {
	p.mu.Lock()
	var old []*upstream
	kept := p.idle[:0]
	next := instant(0)
	for t, i := now(), 0; i < len(p.idle); i++ {
		c := p.idle[i]
		if c.expires <= t {
			old = append(old, c)
			continue
		}
		if next == 0 || c.expires < next {
			next = c.expires
		}
		kept = append(kept, c)
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	if p.armed = len(kept) > 0; p.armed {
		p.timer.Reset(max(time.Duration(next-now()), time.Millisecond))
	}
	p.mu.Unlock()
	for _, c := range old {
		c.Close()
	}
}

func (p *pool) open() {
	p.mu.Lock()
	p.closed = false
	p.mu.Unlock()
}

func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		c.Close()
	}
}
