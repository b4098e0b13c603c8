package gateway

import (
	"context"
	"net"
	"net/http"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
)

// retireLook is how often a retiring gateway looks whether it has anything left.
const retireLook = 50 * time.Millisecond

// retire ends a gateway whose place another has taken. It closes nothing under
// a caller: a caller may send its next request on an idle connection at the very
// moment at which it is closed, and then cannot know whether it ran. So an idle
// HTTP/1.1 connection stays open, its next answer says Connection: close, and
// one without another request ends as it always would, after Config.CallerIdle;
// an HTTP/2 connection is told by GOAWAY (goaway.go) and ends with its last stream. What
// lasts longer than Config.Retire is cut. It is false when ctx is done first.
func (g *Gateway) retire(ctx context.Context) bool {
	g.state.Store(wire.Retiring)
	g.board.rouse()
	g.leavers.ask()
	insist := time.AfterFunc(lastGoAway, func() { g.insist.Store(true) })
	defer insist.Stop()
	limit := time.NewTimer(g.cfg.Retire)
	defer limit.Stop()
	look := time.NewTicker(retireLook)
	defer look.Stop()
	for g.callers.Load() > 0 || g.tunnels.count() > 0 {
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		case <-limit.C:
			g.log.Warn("requests, streams and tunnels in hand were cut: another gateway took over long ago",
				"limit", g.cfg.Retire, "connections", g.callers.Load(), "tunnels", g.tunnels.count())
			g.server.Close()
			over, cancel := context.WithCancel(context.Background())
			cancel()
			g.tunnels.end(over)
			return true
		}
	}
	return true
}

// count counts the connections that net/http has in hand; tunnels are counted
// by themselves.
func (g *Gateway) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		g.callers.Add(1)
	case http.StateHijacked, http.StateClosed:
		g.callers.Add(-1)
	}
}
