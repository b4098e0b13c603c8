package supervise

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/internal/proc"
)

// State is what a gateway does with callers.
type State int

const (
	Unknown State = iota // not connected, or it has yet to say
	Serves               // it accepts callers
	Waits                // it takes over from another and does not accept yet
	Retires              // another took over from it
)

// succession is how long a new gateway may take until it accepts callers.
const succession = 30 * time.Second

// order is a wish for a restart.
type order struct {
	ctx    context.Context
	answer chan<- outcome
}

type outcome struct {
	change Change
	err    error
}

// Change is a gateway that took another's place.
type Change struct {
	ID, Before  string
	Pid, PidWas int
}

// Restart has another gateway, of this program and with the limits of Config,
// take over from the one in charge: callers connect to the one or the other at
// every moment, and the old one ends when what it has in hand has ended. When the
// new one does not come up, the old one goes on and the error says why.
func (s *Supervisor) Restart(ctx context.Context) (Change, error) {
	answer := make(chan outcome, 1)
	select {
	case s.orders <- order{ctx, answer}:
	case <-ctx.Done():
		return Change{}, ctx.Err()
	}
	o := <-answer
	return o.change, o.err
}

// follow starts a gateway and waits until it serves in the place of current.
func (s *Supervisor) follow(ctx context.Context, current *member) (*member, error) {
	if s.cfg.Handover == "" || s.cfg.State == nil {
		return nil, errors.New("this gateway cannot hand over")
	}
	next, err := s.spawn(ctx)
	if err != nil {
		return nil, err
	}
	over := time.NewTimer(succession)
	defer over.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		if s.cfg.State(next.id) == Serves {
			return next, nil
		}
		select {
		case <-look.C:
		case <-next.ended:
			return nil, fmt.Errorf("the new gateway ended (%s): %s; the one before goes on", next.exit, s.lastLine())
		case <-over.C:
			_ = next.process.Terminate()
			select {
			case <-next.ended:
			case <-time.After(handOver):
				_ = next.process.Kill()
				<-next.ended
			}
			return nil, fmt.Errorf("the new gateway did not come up within %s: %s; the one before goes on", succession, s.lastLine())
		case <-ctx.Done():
			return nil, errors.New("the server ends; the new gateway takes over by itself if it still can")
		}
	}
}

// nextID is one that no gateway of this supervisor had.
func (s *Supervisor) nextID() string {
	s.last++
	if s.last == 1 {
		return s.cfg.ID
	}
	return s.cfg.ID + "-" + strconv.Itoa(s.last)
}

// Number is the place of a gateway in the line that began with the one whose id
// is first: 1 for that one, 2 for first-2; 0 for one that is not of the line.
func Number(first, id string) int {
	if id == first {
		return 1
	}
	rest, ok := strings.CutPrefix(id, first+"-")
	n, err := strconv.Atoi(rest)
	if !ok || err != nil || n < 2 {
		return 0
	}
	return n
}

// limitsMark is the environment variable that says which limits a gateway was
// started with.
const limitsMark = "SLUICE_GATEWAY_LIMITS"

func (s *Supervisor) limits() string { return strings.Join(s.settings(), " ") }

// Outdated says in which way the gateway in charge differs from one that would be
// started now, "" when it does not: another server started it.
func (s *Supervisor) Outdated() string {
	pid := s.lead.Load().process.Pid
	if mark, ok := environ(pid, limitsMark); ok && mark != s.limits() {
		return "it has other limits than the configuration file"
	}
	if !sameProgram(s.cfg.Executable, fmt.Sprintf("/proc/%d/exe", pid)) {
		return "it is another build of sluice"
	}
	return ""
}

func environ(pid int, name string) (value string, ok bool) {
	for _, entry := range proc.Environ(pid) {
		if value, ok = strings.CutPrefix(entry, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// sameProgram compares two executables; what cannot be read counts as the same.
func sameProgram(a, b string) bool {
	fa, err := os.Open(a)
	if err != nil {
		return true
	}
	defer fa.Close()
	fb, err := os.Open(b)
	if err != nil {
		return true
	}
	defer fb.Close()
	ia, err := fa.Stat()
	if err != nil {
		return true
	}
	ib, err := fb.Stat()
	switch {
	case err != nil || os.SameFile(ia, ib):
		return true
	case ia.Size() != ib.Size():
		return false
	}
	x, y := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, err := io.ReadFull(fa, x)
		m, _ := io.ReadFull(fb, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false
		}
		if err != nil {
			return true
		}
	}
}
