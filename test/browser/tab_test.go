package browser

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sluice.dev/sluice/test/browser/chrome"
	"sluice.dev/sluice/test/browser/stage"
)

// tab is a page of the browser as one test uses it: what fails ends the test.
type tab struct {
	t *testing.T
	*chrome.Page
	server *stage.Server
}

// empty opens a tab in which nobody is logged in. At its end the test fails for
// everything that went wrong unseen.
func empty(t *testing.T, s *stage.Server) *tab {
	t.Helper()
	page, err := needed(t).Open(s.URL)
	must(t, err)
	p := &tab{t, page, s}
	t.Cleanup(func() {
		for _, f := range page.Faults() {
			t.Errorf("unseen: %s", f)
		}
		if err := page.Close(); err != nil {
			t.Errorf("close the tab: %v", err)
		}
	})
	return p
}

// visit opens a tab in which the admin is logged in.
func visit(t *testing.T, s *stage.Server) *tab {
	t.Helper()
	p := empty(t, s)
	p.enter(s.Token)
	return p
}

// enter logs in by a link made with a token.
func (p *tab) enter(token string) {
	p.t.Helper()
	link, err := stage.Link(p.server.URL, token, false, 0)
	must(p.t, err)
	must(p.t, p.LogIn(link))
}

// open opens a page and waits until it is there.
func (p *tab) open(address string) {
	p.t.Helper()
	must(p.t, p.Go(address))
	must(p.t, p.Settled())
}

func (p *tab) press(role, name string) {
	p.t.Helper()
	must(p.t, p.Press(role, name))
}

func (p *tab) fill(name, value string) {
	p.t.Helper()
	must(p.t, p.Fill("textbox", name, value))
}

func (p *tab) keys(keys string) {
	p.t.Helper()
	must(p.t, p.Keys(keys))
}

// sees waits until what can be read on the page matches.
func (p *tab) sees(pattern string) {
	p.t.Helper()
	p.reads(pattern, true)
}

// seesNot waits until nothing on the page matches.
func (p *tab) seesNot(pattern string) {
	p.t.Helper()
	p.reads(pattern, false)
}

func (p *tab) reads(pattern string, wanted bool) {
	p.t.Helper()
	re := regexp.MustCompile("(?s)" + pattern)
	what := "the page says"
	if !wanted {
		what = "the page does not say"
	}
	must(p.t, p.Await(fmt.Sprintf("%s %q", what, pattern), func() (bool, error) {
		text, err := p.Text()
		return re.MatchString(text) == wanted, err
	}))
}

// at waits until the address bar shows this path.
func (p *tab) at(path string) {
	p.t.Helper()
	must(p.t, p.Await("the address is "+path, func() (bool, error) {
		where, err := p.Where()
		return where == path, err
	}))
}

// until waits until an expression is true in the page.
func (p *tab) until(what, expression string) {
	p.t.Helper()
	must(p.t, p.Until(what, expression))
}

func (p *tab) eval(expression string, value any) {
	p.t.Helper()
	must(p.t, p.Eval(expression, value))
}

// find lists the elements of a role whose name matches.
func (p *tab) find(role, name string) []chrome.Found {
	p.t.Helper()
	found, err := p.Find(role, regexp.MustCompile(name))
	must(p.t, err)
	return found
}

// disabled waits until there is an element, and fails unless it is greyed out.
func (p *tab) disabled(role, name string) {
	p.t.Helper()
	must(p.t, p.Await(fmt.Sprintf("there is a %s %q, greyed out", role, name), func() (bool, error) {
		found, err := p.Find(role, regexp.MustCompile(name))
		return len(found) > 0 && found[0].Disabled, err
	}))
}

// pages are all pages of the console.
func (p *tab) pages() []stage.Page {
	p.t.Helper()
	pages, err := stage.Pages(p.t.Context(), p.server.URL, p.server.Token)
	must(p.t, err)
	return pages
}

// expect has faults that match not counted.
func (p *tab) expect(patterns ...string) { p.Expect(strings.Join(patterns, "|")) }
