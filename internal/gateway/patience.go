package gateway

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"
)

// errKeepalive ends an exchange whose answer has not begun in time.
var errKeepalive = errors.New("the answer did not begin in time")

// patience ends an HTTP/2 exchange whose answer has not begun when rpc.keepalive
// is over. It counts from the end of what the caller sends: until then the
// exchange is a stream, and may well go on for hours before it is answered.
// Nil waits for ever.
type patience struct {
	context context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	limit   time.Duration
	outcome atomic.Int32 // 0 while it waits, 1 when the answer began first, 2 when the time did
}

func newPatience(r *http.Request, limit time.Duration) *patience {
	if limit <= 0 {
		return nil
	}
	p := &patience{limit: limit}
	p.context, p.cancel = context.WithCancelCause(r.Context())
	p.timer = time.AfterFunc(limit, func() {
		if p.outcome.CompareAndSwap(0, 2) {
			p.cancel(errKeepalive)
		}
	})
	if r.ContentLength != 0 {
		p.timer.Stop()
	}
	return p
}

// sent says that the caller has sent everything.
func (p *patience) sent() {
	if p != nil && p.outcome.Load() == 0 {
		p.timer.Reset(p.limit)
	}
}

// answered says that the answer has begun. It is false when it came too late.
func (p *patience) answered() bool {
	return p == nil || p.outcome.CompareAndSwap(0, 1)
}

func (p *patience) over() bool { return p != nil && p.outcome.Load() == 2 }

func (p *patience) end() {
	if p != nil {
		p.outcome.CompareAndSwap(0, 1)
		p.timer.Stop()
		p.cancel(nil)
	}
}
