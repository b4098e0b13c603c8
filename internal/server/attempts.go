package server

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// failedLogins is how many logins of one address may fail within a minute.
	failedLogins = 10
	// addresses bounds those that are remembered.
	addresses = 10_000
)

// attempts counts logins that failed, so that nobody guesses.
type attempts struct {
	mu     sync.Mutex
	failed map[string]*tries
}

// tries are those of one address within a minute.
type tries struct {
	n    int
	over time.Time
}

func newAttempts() *attempts { return &attempts{failed: map[string]*tries{}} }

// wait is how long an address has to wait before it may try; 0 for now.
func (a *attempts) wait(address string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.failed[network(address)]
	if t == nil || t.n < failedLogins {
		return 0
	}
	return max(0, time.Until(t.over))
}

// fail counts one.
func (a *attempts) fail(address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, of := time.Now(), network(address)
	t := a.failed[of]
	if t == nil && len(a.failed) >= addresses {
		for other, t := range a.failed {
			if !now.Before(t.over) {
				delete(a.failed, other)
			}
		}
	}
	if t == nil && len(a.failed) >= addresses {
		of, t = "", a.failed[""] // all further ones together
	}
	if t == nil || !now.Before(t.over) {
		t = &tries{over: now.Add(time.Minute)}
		a.failed[of] = t
	}
	t.n++
}

// network is the part of an address that one caller has to himself: of IPv6 the
// first 64 bits.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	p, _ := ip.WithZone("").Prefix(64) // 64 is never too long
	return p.String()
}
