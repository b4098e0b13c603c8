package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/testserver"
)

// TestDrain checks on real processes in which order replicas end, and when
// (rules 8 to 10). Orders are exact. Times are exact where they are the least
// there may be; where they are the most, a busy machine is given long.
func TestDrain(t *testing.T) {
	p := parallel(t)
	for name, check := range map[string]func(p *plane, name string){
		"without-sigterm-the-whole-grace-period":      wholeGracePeriod,
		"sigterm-comes-after-the-last-request":        sigtermAfterLastRequest,
		"sigterm-comes-while-a-stream-goes-on":        sigtermDuringStream,
		"a-process-that-ignores-sigterm-is-killed":    ignoredSigterm,
		"idle-waits-for-streams-then-kills":           idleKills,
		"idle-waits-for-streams-then-sends-sigterm":   idleTerminates,
		"what-was-never-routed-is-killed-at-once":     neverRouted,
		"a-stream-is-cut-at-the-cap-and-not-before":   cutAtCap,
		"idle-also-cuts-a-stream-at-the-cap-and-only": cutAtCapIdle,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(p.in(t), name)
		})
	}
}

// old is a replica that is on its way out.
type old struct {
	api.Replica
	p     *plane
	name  string
	ended chan time.Time
}

// only is the service's only replica, from now on watched for its end.
func (p *plane) only(name string) *old {
	p.t.Helper()
	list := p.replicas(name)
	if len(list) != 1 || list[0].Pid == 0 {
		p.t.Fatalf("%s has not one replica but %+v", name, list)
	}
	return p.follow(name, list[0])
}

func (p *plane) follow(name string, r api.Replica) *old {
	o := &old{Replica: r, p: p, name: name, ended: make(chan time.Time, 1)}
	go func() {
		for end := time.Now().Add(2 * patience); alive(r.Pid) && time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		}
		o.ended <- time.Now()
	}()
	return o
}

// gone waits for the end of the process.
func (o *old) gone() time.Time {
	o.p.t.Helper()
	select {
	case at := <-o.ended:
		return at
	case <-time.After(patience):
		o.p.t.Fatalf("process %d of replica %s does not end", o.Pid, o.ID)
		return time.Time{}
	}
}

// drained is when it was decided that the replica shall go; it waits for that.
func (o *old) drained() (at time.Time) {
	o.p.t.Helper()
	await(o.p.t, "it is decided that replica "+o.ID+" goes", func() bool {
		for _, e := range o.p.events(o.name) {
			if e.Replica == o.ID && e.Reason == "ReplicaDraining" {
				at = e.Time.Time
			}
		}
		return !at.IsZero()
	})
	return at
}

// recorded are the events of this kind that the process recorded.
func (o *old) recorded(kind string) (list []testserver.Event) {
	o.p.t.Helper()
	for _, e := range o.p.recorded() {
		if e.Pid == o.Pid && e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// heard waits until the process has recorded a SIGTERM.
func (o *old) heard() time.Time {
	o.p.t.Helper()
	await(o.p.t, "replica "+o.ID+" hears SIGTERM", func() bool { return len(o.recorded("sigterm")) > 0 })
	return o.recorded("sigterm")[0].At
}

// heardNothing checks that the process was never sent SIGTERM.
func (o *old) heardNothing() {
	o.p.t.Helper()
	if got := o.recorded("sigterm"); len(got) > 0 {
		o.p.t.Errorf("replica %s was sent SIGTERM: %+v", o.ID, got)
	}
}

// within checks how long after some moment another came. least is exact, but
// for the millisecond to which times are shown; nothing here takes most.
func within(t *testing.T, what string, from, to time.Time, least, most time.Duration) {
	t.Helper()
	if d := to.Sub(from); d < least-time.Millisecond || d > most {
		t.Errorf("%s: after %s, want at least %s and at most %s", what, d, least, most)
	}
}

// held is a stream that goes on until its end is asked for.
type held struct {
	t     *testing.T
	body  io.ReadCloser
	lines *bufio.Scanner
	leave context.CancelFunc
	items int
}

func (p *plane) hold(endpoint string) *held {
	p.t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	p.t.Cleanup(leave)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/stream?n=1000000&every=10ms", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("the stream is answered with %s", resp.Status)
	}
	h := &held{t: p.t, body: resp.Body, lines: bufio.NewScanner(resp.Body), leave: leave}
	h.read(1)
	return h
}

// read reads that many more items, each of which has to be the next.
func (h *held) read(n int) {
	h.t.Helper()
	for range n {
		if !h.next() {
			h.t.Fatalf("the stream ended after %d items: %v", h.items, h.lines.Err())
		}
	}
}

func (h *held) next() bool {
	h.t.Helper()
	for h.lines.Scan() {
		if h.lines.Text() == "" {
			continue
		}
		h.items++
		if want := fmt.Sprintf("data: %d", h.items); h.lines.Text() != want {
			h.t.Fatalf("the stream says %q, want %q", h.lines.Text(), want)
		}
		return true
	}
	return false
}

// readOn reads all that has come by now and one item more, which shows that
// the stream goes on at this moment.
func (h *held) readOn() {
	h.t.Helper()
	for began := time.Now(); time.Since(began) < 50*time.Millisecond; {
		h.read(1)
	}
}

// one makes the service with one replica.
func (p *plane) one(name string, settings object, flags ...string) (api.Service, *old) {
	p.t.Helper()
	s := p.create(p.file(name, 1, flags...).with(settings))
	return s, p.only(name)
}

func wholeGracePeriod(p *plane, name string) {
	_, o := p.one(name, ending(false, "grace_period", 2))
	p.update(name, p.container("two"))
	within(p.t, "SIGKILL", o.drained(), o.gone(), 2*time.Second, patience)
	o.heardNothing()
}

func sigtermAfterLastRequest(p *plane, name string) {
	s, o := p.one(name, ending(true, "grace_period", 120))
	load := startLoad(p.t, s.Endpoint, 8, 0)
	load.more(50)
	p.update(name, p.container("two"))
	heard, gone := o.heard(), o.gone()
	load.end()
	for _, problem := range load.problems {
		p.t.Error(problem)
	}
	began, ended, exit := o.recorded("begin"), o.recorded("end"), o.recorded("exit")
	for _, e := range began {
		if e.At.After(heard) {
			p.t.Errorf("SIGTERM at %s, but request %s began at %s", heard, e.ID, e.At)
		}
	}
	if len(began) == 0 || len(began) != len(ended) {
		p.t.Errorf("%d requests began, %d ended", len(began), len(ended))
	}
	if len(exit) != 1 || exit[0].InFlight != 0 {
		p.t.Fatalf("the replica ended by itself like this: %+v", exit)
	}
	within(p.t, "its exit ends the wait", o.drained(), gone, 0, patience)
}

func sigtermDuringStream(p *plane, name string) {
	s, o := p.one(name, ending(true, "grace_period", 120))
	stream := p.hold(s.Endpoint)
	p.update(name, p.container("two"))
	heard := o.heard()
	within(p.t, "SIGTERM", o.drained(), heard, 0, patience)
	stream.readOn()
	stream.leave()
	left := time.Now()
	within(p.t, "its exit ends the wait", left, o.gone(), 0, patience)
	if len(o.recorded("exit")) != 1 {
		p.t.Error("the replica did not end by itself")
	}
}

func ignoredSigterm(p *plane, name string) {
	_, o := p.one(name, ending(true, "grace_period", 2), "-ignore-sigterm")
	p.update(name, p.container("two"))
	heard, gone := o.heard(), o.gone()
	within(p.t, "SIGTERM", o.drained(), heard, 0, patience)
	within(p.t, "SIGKILL", o.drained(), gone, 2*time.Second, patience)
	if !gone.After(heard) || len(o.recorded("sigterm")) != 1 || len(o.recorded("exit")) != 0 {
		p.t.Errorf("SIGTERM %+v, exit %+v, gone %s", o.recorded("sigterm"), o.recorded("exit"), gone)
	}
}

func idleKills(p *plane, name string) {
	s, o := p.one(name, ending(false, "idle", 120))
	stream := p.hold(s.Endpoint)
	p.update(name, p.container("two"))
	p.completed(name, 2)
	stream.readOn()
	left := time.Now()
	stream.leave()
	within(p.t, "SIGKILL after the last stream", left, o.gone(), 100*time.Millisecond, patience)
	o.heardNothing()
}

func idleTerminates(p *plane, name string) {
	s, o := p.one(name, ending(true, "idle", 120))
	stream := p.hold(s.Endpoint)
	p.update(name, p.container("two"))
	p.completed(name, 2)
	stream.readOn()
	o.heardNothing()
	left := time.Now()
	stream.leave()
	within(p.t, "SIGTERM after the last stream", left, o.heard(), 100*time.Millisecond, patience)
	o.gone()
	if exit := o.recorded("exit"); len(exit) != 1 || exit[0].InFlight != 0 {
		p.t.Errorf("the replica ended by itself like this: %+v", exit)
	}
}

func neverRouted(p *plane, name string) {
	p.one(name, ending(true, "grace_period", 120))
	p.update(name, p.container("two", "-unready"))
	var fresh api.Replica
	await(p.t, "the new replica listens", func() bool {
		for _, r := range p.replicas(name) {
			if r.Version == 2 && r.Pid != 0 {
				fresh = r
				resp, err := http.Get("http://" + r.Address + "/live")
				if err == nil {
					resp.Body.Close()
				}
				return err == nil
			}
		}
		return false
	})
	o := p.follow(name, fresh)
	p.put(name, "version", nil)
	within(p.t, "SIGKILL", o.drained(), o.gone(), 0, patience)
	o.heardNothing()
}

func cutAtCap(p *plane, name string)     { cutStream(p, name, ending(true, "grace_period", 2)) }
func cutAtCapIdle(p *plane, name string) { cutStream(p, name, ending(false, "idle", 2)) }

func cutStream(p *plane, name string, settings object) {
	s, o := p.one(name, settings)
	stream := p.hold(s.Endpoint)
	p.update(name, p.container("two"))
	for stream.next() {
	}
	cut := time.Now()
	if stream.lines.Err() == nil {
		p.t.Error("the stream ended as if it were whole")
	}
	within(p.t, "the stream is cut", o.drained(), cut, 2*time.Second, patience)
	o.gone()
	p.until(name, "is rid of the old replica", func(s api.Service) bool { return s.Replicas.Draining == 0 })
	told := false
	for _, e := range p.events(name) {
		told = told || e.Reason == "SigkillSent" && e.Type == "warning" && strings.Contains(e.Message, "1 requests in hand are cut")
	}
	if !told {
		p.t.Error("no event tells of the stream that was cut")
	}
	want := fmt.Sprintf("sluice_requests_cut_total{service=%q,version=\"1\"} 1\n", name)
	await(p.t, "the cut stream is counted", func() bool { return strings.Contains(p.metrics(), want) })
}

// metrics are what GET /metrics says.
func (p *plane) metrics() string {
	p.t.Helper()
	req, err := p.request(context.Background(), http.MethodGet, "/metrics", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}
