package chrome

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// none are answers that say "there is none", by the contract of the API, which
// the browser writes down as errors: nobody is logged in; no request of a service
// is copied.
var none = regexp.MustCompile(`401.*/console/session$|404.*/api/v1/services/[^/]+/mirror$`)

// Expect has faults that match not counted from now on: those that a test
// brings about.
func (p *Page) Expect(pattern string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, regexp.MustCompile(pattern))
}

// Faults are what went wrong since the last call, in the order in which it was
// heard of.
func (p *Page) Faults() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	faults := p.faults
	p.faults = nil
	return faults
}

// Bytes is what has come over the wire so far, by URL: heads and bodies as they
// were sent.
func (p *Page) Bytes() map[string]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[string]int64{}
	for address, n := range p.bytes {
		all[address] = n
	}
	return all
}

// fault keeps one. p.mu is held.
func (p *Page) fault(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, e := range append(p.expected, none) {
		if e.MatchString(text) {
			return
		}
	}
	p.faults = append(p.faults, text)
}

// hear takes an event of the browser.
func (p *Page) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.fault("exception: %s", said(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert || e.Type == runtime.ConsoleAPICalledTypeWarning {
			var words []string
			for _, a := range e.Args {
				if a.Value != nil {
					words = append(words, string(a.Value))
				} else {
					words = append(words, a.Description)
				}
			}
			p.fault("console %s: %s", e.Type, strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		// Broken rules of the content security policy are errors of source "security".
		if e.Entry.Level == log.EntryLevelError {
			p.fault("%s error: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		p.asked[e.RequestID] = e.Request.Method + " " + e.Request.URL
		if e.Request.Method != "GET" && e.Request.Method != "HEAD" {
			p.changes = append(p.changes, p.asked[e.RequestID])
		}
		if !p.own(e.Request.URL) {
			p.fault("request to another host: %s", p.asked[e.RequestID])
		}
	case *network.EventWebSocketCreated:
		p.fault("WebSocket: %s", e.URL)
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			p.fault("answer %d: %s", e.Response.Status, e.Response.URL)
		}
		p.bytes[e.Response.URL] += int64(e.Response.EncodedDataLength)
	case *network.EventDataReceived:
		p.bytes[p.url(e.RequestID)] += e.EncodedDataLength
	case *network.EventLoadingFailed:
		if !e.Canceled { // a page that is left gives up what it was reading
			p.fault("failed request: %s: %s %s", p.asked[e.RequestID], e.ErrorText, e.BlockedReason)
		}
	}
}

// said is what an exception says, with its place.
func said(e *runtime.ExceptionDetails) string {
	text := e.Text
	if e.Exception != nil {
		text += " " + e.Exception.Description
	}
	return fmt.Sprintf("%s (%s line %d)", text, e.URL, e.LineNumber+1)
}

func (p *Page) url(id network.RequestID) string {
	_, address, _ := strings.Cut(p.asked[id], " ")
	return address
}

// Changes are the requests since the last call that were no mere reading.
func (p *Page) Changes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	changes := p.changes
	p.changes = nil
	return changes
}
