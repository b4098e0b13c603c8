package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const (
	left  = kb.ArrowLeft
	right = kb.ArrowRight
	enter = kb.Enter
	tabs  = kb.Tab
)

// TestGoToService goes to a service by typing alone.
func TestGoToService(t *testing.T) {
	p := visit(t, sampled(t))
	must(t, p.Settled())
	p.keys("/")
	p.until("the search has the focus", `document.activeElement.type === "search"`)
	p.keys("embed")
	p.until("it is found", `document.querySelector("#found li")?.innerText === "embeddings"`)
	p.keys(enter)
	p.at("/services/embeddings")
	must(t, p.Settled())
	p.keys("/")
	p.keys("sentiment-c" + enter)
	p.at("/services/sentiment-canary")
}

// TestTabReachesAll goes through pages by the Tab key: every button and link that
// can be used has its turn, and shows that it has.
func TestTabReachesAll(t *testing.T) {
	p := visit(t, sampled(t))
	for _, address := range []string{"/", "/services/sentiment", "/services/sentiment/versions", "/groups/sentiment-prod", "/settings"} {
		p.open(address)
		var usable int
		p.eval(`(() => {
			document.activeElement.blur();
			window.reached = new Set();
			window.usable = () => [...document.querySelectorAll("a[href], button:not(:disabled), summary")].filter((e) => e.checkVisibility() && !e.closest("dialog:not([open])") && e.tabIndex >= 0);
			return window.usable().length;
		})()`, &usable)
		for turn := 0; turn < 4*usable+50; turn++ {
			p.keys(tabs)
			var done bool
			p.eval(`(() => {
				const e = document.activeElement;
				if (e !== document.body && !e.matches(":focus-visible")) window.unseen = e.outerHTML.slice(0, 200);
				window.reached.add(e.id + e.outerHTML.slice(0, 300));
				return window.usable().every((e) => window.reached.has(e.id + e.outerHTML.slice(0, 300)));
			})()`, &done)
			if done {
				break
			}
		}
		var missed []string
		p.eval(`window.usable().filter((e) => !window.reached.has(e.id + e.outerHTML.slice(0, 300))).map((e) => e.outerHTML.slice(0, 160))`, &missed)
		if len(missed) > 0 {
			t.Errorf("%s: Tab never comes to\n  %s", address, strings.Join(missed, "\n  "))
		}
		var unseen string
		p.eval(`window.unseen ?? ""`, &unseen)
		if unseen != "" {
			t.Errorf("%s: it does not show that it has the focus: %s", address, unseen)
		}
		t.Logf("%s: %d buttons and links", address, usable)
	}
}
