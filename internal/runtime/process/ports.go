package process

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"

	"sluice.dev/sluice/internal/runtime"
)

// PortRange is First to Last, both included.
type PortRange struct{ First, Last int }

func (p PortRange) String() string { return fmt.Sprintf("%d-%d", p.First, p.Last) }

func (p PortRange) overlaps(q PortRange) bool { return p.First <= q.Last && q.First <= p.Last }

var defaultPorts = PortRange{20000, 29999}

// choosePorts settles on a range. It should not overlap the kernel's ephemeral
// range: any outgoing connection may hold a port of that for a moment, just
// when a replica wants to listen on it.
func choosePorts(asked PortRange, log *slog.Logger) (PortRange, error) {
	ephemeral := ephemeralPorts()
	if asked == (PortRange{}) {
		return disjointPorts(ephemeral, log), nil
	}
	if asked.First < 1 || asked.Last > 65535 || asked.First > asked.Last {
		return asked, fmt.Errorf("port range %v: both ends must be within 1-65535, the first not above the last", asked)
	}
	if asked.overlaps(ephemeral) {
		log.Warn("the port range of replicas overlaps the kernel's ephemeral ports; a port may be taken by an outgoing connection when a replica wants it",
			"ports", asked.String(), "ephemeral", ephemeral.String())
	}
	return asked, nil
}

// disjointPorts is the default range, or ten thousand ports (fewer where there
// is no more room) just below or above the ephemeral ones.
func disjointPorts(ephemeral PortRange, log *slog.Logger) PortRange {
	if !defaultPorts.overlaps(ephemeral) {
		return defaultPorts
	}
	const lowest, enough = 1024, 1000
	below := PortRange{max(lowest, ephemeral.First-10000), ephemeral.First - 1}
	above := PortRange{ephemeral.Last + 1, min(65535, ephemeral.Last+10000)}
	for _, p := range []PortRange{below, above} {
		if p.Last-p.First+1 >= enough {
			return p
		}
	}
	log.Warn("the kernel's ephemeral ports leave no room for those of replicas; a port may be taken by an outgoing connection when a replica wants it",
		"ports", defaultPorts.String(), "ephemeral", ephemeral.String())
	return defaultPorts
}

// ports hands out ports. One is handed out again as late as possible, so that
// nothing that still knows an old address meets another replica there.
//
// A port is claimed for the whole machine before it is handed out: a replica may
// load its model for minutes before it listens, and until then the port looks
// free to another server. Were it given away twice, the checks of the slower
// replica would pass at the faster one, and requests would go to the wrong
// service.
type ports struct {
	all   PortRange
	host  string
	free  func(host string, port int) bool // as the machine sees it
	claim func(port int) (claim, error)    // errClaimed: another server has it

	mu    sync.Mutex
	taken map[int]claim
	next  int
}

// claim is a port claimed for the whole machine, until Close or the end of this
// process.
type claim = io.Closer

var errClaimed = errors.New("another server on this machine has claimed the port")

// newPorts begins at a random port, so that two servers on one machine hardly
// ever look at the same one at the same time.
func newPorts(all PortRange, host string) *ports {
	return &ports{
		all: all, host: host, free: bindable, claim: claimPort, taken: map[int]claim{},
		next: all.First + rand.IntN(all.Last-all.First+1),
	}
}

// reserve returns the port that the caller holds already (own, 0 for none) when
// it is still free, or else gives that back and takes another.
func (p *ports) reserve(own int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if own != 0 && p.free(p.host, own) && p.take(own) {
		return own, nil
	}
	p.giveBack(own)
	for range p.all.Last - p.all.First + 1 {
		port := p.next
		if p.next++; p.next > p.all.Last {
			p.next = p.all.First
		}
		if _, taken := p.taken[port]; taken || !p.take(port) {
			continue
		}
		if p.free(p.host, port) {
			return port, nil
		}
		p.giveBack(port)
	}
	return 0, &runtime.UnplacedError{Reason: fmt.Sprintf("no port of %v is free; end other processes or give the server a wider range", p.all)}
}

// take claims a port, or keeps its claim. A machine that cannot claim (it is out
// of file descriptors) hands the port out all the same.
func (p *ports) take(port int) bool {
	if p.taken[port] != nil {
		return true
	}
	c, err := p.claim(port)
	if errors.Is(err, errClaimed) {
		return false
	}
	p.taken[port] = c
	return true
}

func (p *ports) giveBack(port int) {
	if c := p.taken[port]; c != nil {
		c.Close()
	}
	delete(p.taken, port)
}

// hold marks the port of an adopted replica, which listens there whoever has
// claimed it.
func (p *ports) hold(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.take(port) {
		p.taken[port] = nil
	}
}

func (p *ports) release(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.giveBack(port)
}

// bindable tries both: a replica listens on host, or on all addresses, and
// another process may hold the port on either.
func bindable(host string, port int) bool {
	for _, h := range []string{host, ""} {
		l, err := net.Listen("tcp", net.JoinHostPort(h, strconv.Itoa(port)))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}
