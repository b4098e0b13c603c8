package chrome

// What follows knows how the console's page is built, in as few places as can be.

// LogIn opens a link that logs in and waits until the page is there.
func (p *Page) LogIn(link string) error {
	if err := p.Go(link); err != nil {
		return err
	}
	return p.Until("somebody is logged in", `document.querySelector("header.top .who")`)
}

// Settled waits until the page has what it shows: a heading or what went wrong,
// nothing that is still being read, the event stream, and two frames to draw it.
func (p *Page) Settled() error {
	return p.Until("the page is there", `document.querySelector("main h1, main .notice.bad") &&
		!document.querySelector("main .loading, main [aria-busy=true]") &&
		!document.querySelector(".connection:not(.good)") &&
		await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
}

// Overflow names the first element that makes the page wider than the window;
// "" if none does. What scrolls within itself does not.
func (p *Page) Overflow() (string, error) {
	var found string
	err := p.Eval(`(() => {
		const width = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= width) return "";
		const inside = (e) => { for (e = e.parentElement; e && e !== document.body; e = e.parentElement) if (getComputedStyle(e).overflowX !== "visible") return true; return false; };
		for (const e of document.body.querySelectorAll("*")) if (e.getBoundingClientRect().right > width + 1 && !inside(e)) return e.outerHTML.slice(0, 160);
		return "scroll width " + document.documentElement.scrollWidth;
	})()`, &found)
	return found, err
}
