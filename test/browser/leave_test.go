package browser

import (
	"testing"

	"sluice.dev/sluice/test/browser/stage"
)

// TestLinkOverSession: a link that somebody else shared does not put another name
// to what one does next, unless one wants it to.
func TestLinkOverSession(t *testing.T) {
	s := sampled(t)
	link, err := stage.Link(s.URL, s.Token, true, 1)
	must(t, err)
	p := visit(t, s)
	must(t, p.Go(link))
	p.sees("You are logged in as admin")
	p.at("/login")
	p.press("button", "^Go on as admin$")
	p.at("/")
	p.sees("admin admin")

	must(t, p.Go(link))
	p.press("button", "^Use the link$")
	p.at("/")
	p.sees("shared by admin viewer")
}

// TestLogOutOfLostServer: who cannot be logged out is told so.
func TestLogOutOfLostServer(t *testing.T) {
	s := fresh(t)
	p := visit(t, s)
	must(t, p.Settled())
	p.expect(`ERR_`, `(?i)failed request`)
	s.Kill()
	p.sees("connection to the server is lost")
	p.press("button", "^Log out$")
	p.sees("You are still logged in")
	must(t, s.Start())
	p.seesNot("connection to the server is lost")
	p.press("button", "^Log out$")
	p.sees("admin.token")
}
