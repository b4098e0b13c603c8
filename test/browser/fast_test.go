package browser

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice.dev/sluice/test/browser/stage"
)

// useful is the time in ms from the start of the page to its first row: what
// somebody came for can be read.
const useful = `new Promise((done) => {
	const there = () => { if (document.querySelector("main tbody tr")) { done(performance.now()); return true; } return false; };
	if (!there()) new MutationObserver((_, o) => there() && o.disconnect()).observe(document, { childList: true, subtree: true });
})`

// TestFirstView measures what a first visit takes: less than 100 KiB over the
// wire; the time is reported, and bounded as machines that are busy allow.
func TestFirstView(t *testing.T) {
	s := sampled(t)
	var times []float64
	for range 3 {
		p := visit(t, s) // with an empty cache
		must(t, p.Settled())
		total := int64(0)
		for address, n := range p.Bytes() {
			if !strings.Contains(address, "/console/login") {
				total += n
			}
		}
		if total == 0 || total > 100<<10 {
			t.Errorf("a first visit takes %d bytes: %v", total, p.Bytes())
		}
		must(t, p.Go("/"))
		var ms float64
		p.eval(useful, &ms)
		times = append(times, ms)
		t.Logf("%d bytes; useful after %.0f ms", total, ms)
	}
	if best := slices.Min(times); best > 2000 {
		t.Errorf("useful after %.0f ms at best", best)
	}
}

// TestThousandServices lists a thousand: how long until it is useful, how long a
// frame takes while it is scrolled through, and a change is seen at once.
func TestThousandServices(t *testing.T) {
	s := fresh(t)
	var group sync.WaitGroup
	failed := make(chan error, 1000)
	for worker := range 8 {
		group.Go(func() {
			for i := worker; i < 1000; i += 8 {
				doc, err := stage.Document(s.File(fmt.Sprintf("service-%04d", i), 0, "one"))
				if err == nil {
					_, err = s.Client().Create(context.Background(), doc)
				}
				if err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	must(t, <-failed)

	p := visit(t, s)
	must(t, p.Go("/"))
	var ms float64
	p.eval(useful, &ms)
	p.sees("1,?000 services")
	var frames []float64
	p.eval(`new Promise((done) => {
		const frames = []; let last = performance.now(), y = 0;
		const step = (now) => {
			frames.push(now - last); last = now; y += 400; scrollTo(0, y);
			y < document.documentElement.scrollHeight && frames.length < 120 ? requestAnimationFrame(step) : done(frames);
		};
		requestAnimationFrame(step);
	})`, &frames)
	slices.Sort(frames)
	median, worst := frames[len(frames)/2], frames[len(frames)-1]
	t.Logf("useful after %.0f ms; while scrolling a frame takes %.0f ms (median of %d), %.0f at worst", ms, median, len(frames), worst)
	if ms > 5000 || median > 250 {
		t.Error("that is not smooth")
	}
	p.until("what is scrolled to is shown", `document.querySelectorAll("main tbody tr:not(.gap)").length > 5 && document.querySelectorAll("main tbody tr").length < 400`)

	p.keys("/")
	p.keys("service-0777")
	p.keys(enter)
	p.at("/services/service-0777")
	start := time.Now()
	_, err := s.Client().Scale(t.Context(), "service-0777", 1)
	must(t, err)
	p.sees("1 of 1 ready")
	t.Logf("a change of one is seen after %s", time.Since(start).Round(time.Millisecond))
}
