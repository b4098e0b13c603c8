package e2e

import (
	"strings"
	"syscall"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/testserver"
)

// crash is a replica's process that the test has killed with requests in hand.
type crash struct {
	replica string
	pid     int
	at      time.Time
}

// crash kills a replica that callers are with. What it has in hand is lost with
// it; nothing else may be.
func (l *load) crash(r api.Replica) {
	c := crash{replica: r.ID, pid: r.Pid, at: time.Now()}
	if syscall.Kill(r.Pid, syscall.SIGKILL) != nil {
		return // it has ended by itself meanwhile
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.crashes = append(l.crashes, c)
}

// afterwards is how long after a crash its requests may fail, on a busy machine.
const afterwards = 5 * time.Second

// excused are the requests that a crash may have lost: begun by the killed
// process and not ended (or ended just before, with the answer still unsent), or
// not begun, and failed within a moment with the killed replica named as the cause.
func (l *load) excused(events []testserver.Event) map[string]bool {
	ids := map[string]bool{}
	if len(l.crashes) == 0 {
		return ids
	}
	began, ended := map[string]testserver.Event{}, map[string]time.Time{}
	for _, e := range events {
		switch e.Kind {
		case "begin":
			began[e.ID] = e
		case "end":
			ended[e.ID] = e.At
		}
	}
	failed := map[string]failure{}
	for _, f := range l.problems {
		failed[f.id] = f
	}
	for _, c := range l.crashes {
		for id := range l.sent {
			b, ran := began[id]
			end, over := ended[id]
			f, fails := failed[id]
			soon := fails && f.at.After(c.at) && f.at.Sub(c.at) < afterwards
			if ran && b.Pid == c.pid && (!over || soon && c.at.Sub(end) < time.Second) || !ran && soon && c.names(f.err) {
				ids[id] = true
			}
		}
	}
	if most := len(l.crashes) * l.asking; len(ids) > most {
		l.t.Errorf("%d crashes with at most one request of each of %d callers in hand excuse no %d: %v", len(l.crashes), l.asking, len(ids), ids)
	}
	return ids
}

// names tells whether the gateway says that the request was in this replica's
// hand. Of a refused WebSocket the client shows the status only.
func (c crash) names(err error) bool {
	return strings.Contains(err.Error(), "replica "+c.replica+" failed with this request in hand") ||
		strings.Contains(err.Error(), "WebSocket") && strings.Contains(err.Error(), "got 502")
}
