package browser

import (
	"regexp"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/test/browser/stage"
)

// TestLogIn logs in with a token, a wrong one first, and out again.
func TestLogIn(t *testing.T) {
	p := empty(t, sampled(t))
	p.expect(`401`) // of the wrong token
	must(t, p.Go("/services/embeddings"))
	p.fill("^Token$", "no-such-token")
	p.press("button", "^Log in$")
	p.until("the page says what is wrong", `document.querySelector("[role=alert]")?.innerText`)
	p.fill("^Token$", p.server.Token)
	p.press("button", "^Log in$")
	p.sees("embeddings")
	p.at("/services/embeddings") // where one wanted to go
	must(t, p.Settled())

	// No script can read what the session is.
	var readable string
	p.eval(`document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)`, &readable)
	if strings.Contains(readable, p.server.Token) || strings.Contains(readable, "session") {
		t.Errorf("a script can read %s", readable)
	}
	p.press("button", "^Log out$")
	p.sees("admin.token") // the page to log in says where the first one is
	must(t, p.Go("/"))
	p.sees("admin.token")
}

// TestLink logs in with a link, which works once and stays in no address bar.
func TestLink(t *testing.T) {
	s := sampled(t)
	link, err := stage.Link(s.URL, s.Token, false, 0)
	must(t, err)
	p := empty(t, s)
	must(t, p.LogIn(link))
	p.at("/")
	p.sees("sentiment-canary")

	other := empty(t, s)
	other.expect(`401`)
	must(t, other.Go(link))
	other.until("the page says that the link is used up", `document.querySelector("[role=alert]")?.innerText`)
	other.at("/login")
	if len(other.find("button", "^Log out$")) != 0 {
		t.Error("a link logs in twice")
	}
}

// TestSharedLink shares a link that many may use, who look and change nothing.
func TestSharedLink(t *testing.T) {
	s := sampled(t)
	link, err := stage.Link(s.URL, s.Token, true, 1)
	must(t, err)
	for range 2 {
		p := empty(t, s)
		must(t, p.LogIn(link))
		p.sees("sentiment-canary")
		p.sees("viewer")
		p.open("/services/translate")
		p.changesNothing()
	}
}

// changing are names of buttons that change something.
var changing = regexp.MustCompile(`(?i)^(pause|resume|roll|update|scale|restart|stop|start|delete|freeze|unfreeze|set|promote|abandon|shift|abort|pin|unpin|evict|isolate|copy .* to|divide|make|create|revoke|have the next|begin|take|end|log in)\b`)

// own are names of buttons for one's own session and links, which every role has.
var own = regexp.MustCompile(`(?i)^(log out|end shared links|.*\blink\b.*)$`)

// changesNothing fails for every button whose name says that it changes
// something.
func (p *tab) changesNothing() {
	p.t.Helper()
	where, err := p.Where()
	must(p.t, err)
	for _, role := range []string{"button", "slider", "spinbutton"} {
		for _, b := range p.find(role, "") {
			if own.MatchString(b.Name) {
				continue
			}
			if role != "button" || changing.MatchString(b.Name) {
				p.t.Errorf("%s: a viewer is offered the %s %q", where, role, b.Name)
			}
		}
	}
}

// TestViewer: on no page is a viewer offered anything that changes something, and
// pressing every button there is asks the server for nothing but to read.
func TestViewer(t *testing.T) {
	s := sampled(t)
	token, err := s.Client().CreateToken(t.Context(), "onlooker", api.RoleViewer)
	must(t, err)
	p := empty(t, s)
	p.enter(token.Secret)
	for _, page := range p.pages() {
		if page.Name == "audit" {
			continue // it is an admin's; what a viewer sees there is its own test
		}
		if page.Name == "compare" {
			p.open(page.URL) // versions to compare are chosen there by number, which changes nothing
		} else {
			p.open(page.URL)
			p.changesNothing()
		}
		p.Changes()
		p.eval(`[...document.querySelectorAll("main button:not(:disabled)")].filter((b) => !/log out|link/i.test(b.innerText)).map((b) => b.isConnected && b.click()).length`, nil)
		must(t, p.Settled())
		if asked := p.Changes(); len(asked) != 0 {
			t.Errorf("%s: a viewer's buttons ask for %q", page.URL, asked)
		}
	}
}

// TestViewerElsewhere: what is an admin's alone is refused in words.
func TestViewerElsewhere(t *testing.T) {
	s := sampled(t)
	token, err := s.Client().CreateToken(t.Context(), "passer-by", api.RoleViewer)
	must(t, err)
	p := empty(t, s)
	p.enter(token.Secret)
	p.expect(`403.*/audit`, `/audit.*403`, `403.*/tokens`)
	must(t, p.Go("/audit"))
	p.sees("(?i)admin")
	if len(p.find("link", "^Audit$")) != 0 {
		t.Error("a viewer is shown the way to the audit")
	}
}
