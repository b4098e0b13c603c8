package hub

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"sluice.dev/sluice/internal/gateway/wire"
	"sluice.dev/sluice/internal/store"
)

// helloWait is how long a new connection may take to introduce itself.
const helloWait = 5 * time.Second

func (h *Hub) accept() {
	for {
		conn, err := h.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors: wait for some to be freed
			h.log.Error("a gateway's connection was not accepted", "error", err)
			time.Sleep(time.Second)
			continue
		}
		h.sessions.Go(func() { h.session(conn) })
	}
}

// session is one connection from its first byte to its last.
func (h *Hub) session(conn net.Conn) {
	defer conn.Close()
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.conns[conn] = struct{}{}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.conns, conn)
		h.mu.Unlock()
	}()

	in := wire.NewReader(conn)
	conn.SetReadDeadline(time.Now().Add(helloWait))
	var first wire.Up
	err := in.Read(&first)
	if err == nil {
		err = checkHello(first.Hello)
	}
	if errors.Is(err, io.EOF) { // it only looked whether somebody listens
		return
	}
	if err != nil {
		h.log.Warn("a gateway's connection was refused", "error", err)
		wire.Write(conn, &wire.Down{Refused: err.Error()})
		return
	}
	p, wake := h.attach(conn, first.Hello)
	if p == nil {
		return
	}
	stop := make(chan struct{})
	h.sessions.Go(func() { h.send(p, conn, wake, stop) })
	err = h.receive(p, conn, in)
	h.detach(p, conn)
	close(stop)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		h.log.Warn("a gateway's connection broke", "gateway", p.record.ID, "error", err)
	}
}

func checkHello(hello *wire.Hello) error {
	switch {
	case hello == nil:
		return errors.New("the first message of a gateway must be hello")
	case hello.Protocol != wire.Protocol:
		return fmt.Errorf("the gateway speaks protocol %d, this control plane %d: use the same release of sluice for both", hello.Protocol, wire.Protocol)
	case hello.ID == "" || len(hello.ID) > 200:
		return errors.New("hello: id must have 1 to 200 bytes")
	}
	return nil
}

// attach makes conn the connection of its gateway. A connection that the same
// process had before is replaced; another process under the same id is a new
// gateway, and the one before it counts no longer.
func (h *Hub) attach(conn net.Conn, hello *wire.Hello) (p *peer, wake <-chan struct{}) {
	record := store.Gateway{ID: hello.ID, Pid: hello.Pid, StartTime: hello.StartTime, Listen: hello.Listen, SeenAt: time.Now()}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, nil
	}
	p = h.peers[hello.ID]
	if p != nil && !sameProcess(p.record, record) {
		h.remove(p)
		h.retire(p)
		p = nil
	}
	if p == nil {
		p = h.newPeer(record)
		h.peers[hello.ID] = p
		h.comeBack(p)
	}
	if p.conn != nil {
		p.conn.Close()
	}
	p.record, p.conn, p.sent, p.wake, p.groups = record, conn, 0, make(chan struct{}, 1), hello.Groups
	wake = p.wake
	h.hear(p)
	p.wakeUp()
	h.mu.Unlock()
	if !hello.Groups {
		h.log.Warn("a gateway of an older release serves no groups and mirrors nothing: let a new one take over from it", "gateway", hello.ID)
	}
	h.cfg.OnGateway(record)
	h.notify(nil)
	return p, wake
}

// detach leaves the gateway its lease.
func (h *Hub) detach(p *peer, conn net.Conn) {
	h.mu.Lock()
	if p.conn == conn {
		p.conn = nil
	}
	h.mu.Unlock()
}

// send keeps one gateway's table up to date until the connection ends.
func (h *Hub) send(p *peer, conn net.Conn, wake, stop <-chan struct{}) {
	for {
		select {
		case <-wake:
		case <-stop:
			return
		}
		table, ok := h.next(p, conn)
		if !ok {
			continue
		}
		for _, part := range wire.Parts(table) {
			// A gateway that does not read for so long would not keep its lease.
			conn.SetWriteDeadline(time.Now().Add(h.cfg.Lease))
			if err := wire.Write(conn, &wire.Down{Table: &part}); err != nil {
				conn.Close() // the receiving side says why
				return
			}
		}
	}
}

// next is what p has not been sent yet, everything for a new connection.
func (h *Hub) next(p *peer, conn net.Conn) (wire.Table, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open || p.conn != conn || p.sent == h.revision {
		return wire.Table{}, false
	}
	table := wire.Table{Revision: h.revision, Full: p.sent == 0}
	for at := h.order.Back(); at != nil; at = at.Prev() {
		e := at.Value.(*entry)
		if e.revision <= p.sent {
			break
		}
		switch {
		case !e.withdrawn && e.group == nil:
			table.Routes = append(table.Routes, e.route)
		case !e.withdrawn && p.groups:
			table.Groups = append(table.Groups, *e.group)
		case !table.Full:
			table.Withdrawn = append(table.Withdrawn, e.name)
		}
	}
	p.sent = h.revision
	return table, true
}

// receive takes in what the gateway says until the connection ends.
func (h *Hub) receive(p *peer, conn net.Conn, in *wire.Reader) error {
	for {
		conn.SetReadDeadline(time.Now().Add(h.cfg.Lease))
		var up wire.Up
		if err := in.Read(&up); err != nil {
			return err
		}
		switch {
		case up.Bye:
			h.Drop(p.record.ID)
			return nil
		case up.Report != nil:
			if err := h.report(p, conn, up.Report); err != nil {
				return err
			}
		default: // a message of a later release
			h.mu.Lock()
			h.hear(p)
			h.mu.Unlock()
		}
	}
}

// report takes in one report and tells the controller what it may act on.
func (h *Hub) report(p *peer, conn net.Conn, r *wire.Report) error {
	if err := checkReport(r); err != nil {
		return err
	}
	h.mu.Lock()
	if p.conn != conn || h.peers[p.record.ID] != p {
		h.mu.Unlock()
		return net.ErrClosed
	}
	acked := r.Revision
	if acked>>32 != h.cfg.Epoch { // a table of an earlier control plane
		acked = 0
	}
	if acked > h.revision {
		h.mu.Unlock()
		return fmt.Errorf("the gateway acknowledges revision %d, the highest is %d", acked, h.revision)
	}
	h.hear(p)
	p.state = r.State
	var touched []string
	first := !p.reported
	if acked > p.acked {
		touched = h.servicesSince(p.acked)
		first = first || p.acked == 0
		p.acked = acked
	}
	touched = append(touched, p.takeLoads(r)...)
	p.take(r)
	h.noteCounted(p, r)
	if r.All && !p.reported {
		p.reported, p.since = true, p.heard
	}
	first = first && p.reported
	h.mu.Unlock()
	switch {
	case first:
		h.notify(nil)
	case len(touched) > 0:
		h.notify(touched)
	}
	return nil
}

func checkReport(r *wire.Report) error {
	for _, l := range r.Loads {
		if l.InFlight < 0 || l.IdleAge < 0 || l.PickedAge < -1 || l.OldestAge < 0 {
			return fmt.Errorf("the gateway reports a negative count or age for replica %q", l.Replica)
		}
	}
	for _, t := range r.Tallies {
		if err := checkTally(t); err != nil {
			return err
		}
	}
	for _, m := range r.Mirrors {
		if err := checkTally(m.Copies); err != nil {
			return err
		}
	}
	return nil
}

func checkTally(t wire.Tally) error {
	for _, pair := range t.Latency {
		if pair[0] >= wire.Buckets {
			return fmt.Errorf("the gateway reports latency bucket %d, the highest is %d", pair[0], wire.Buckets-1)
		}
	}
	return nil
}

// servicesSince lists the services that changed after a revision.
func (h *Hub) servicesSince(revision uint64) []string {
	var services []string
	for at := h.order.Back(); at != nil; at = at.Prev() {
		e := at.Value.(*entry)
		if e.revision <= revision {
			break
		}
		services = append(services, e.name)
	}
	return services
}
