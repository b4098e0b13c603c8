package chrome

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Theme is what the system says that it prefers.
type Theme string

// The two themes.
const (
	Light Theme = "light"
	Dark  Theme = "dark"
)

// Page is a tab with cookies and storage of its own.
type Page struct {
	ctx    context.Context
	cancel context.CancelFunc
	server string // http://host:port, the only one it may ask

	// Patience is how long it waits for a condition; it may be changed.
	Patience time.Duration

	mu       sync.Mutex
	expected []*regexp.Regexp
	faults   []string
	changes  []string                     // requests that are no mere reading
	asked    map[network.RequestID]string // method and URL
	bytes    map[string]int64             // over the wire, by URL
}

// Open opens an empty tab for the console at server, as wide and high as a
// window is on a desk. Reduced motion is asked for, so that nothing moves while
// it is looked at; times are shown in UTC.
func (b *Browser) Open(server string) (*Page, error) {
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext()) // cookies and cache of its own
	p := &Page{ctx: ctx, cancel: cancel, server: server, Patience: Patience, asked: map[network.RequestID]string{}, bytes: map[string]int64{}}
	// The first use of a context opens the tab, which lives as long as it: it must
	// not have an end of its own.
	err := chromedp.Listen(ctx, p.hear)
	if err == nil {
		err = p.do(
			send(network.Enable, network.EnableParams{}),
			send(accessibility.Enable, cdp.Empty{}),
			send(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "UTC"}))
	}
	if err == nil {
		err = p.Show(1280, 900, Light)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Close closes the tab.
func (p *Page) Close() error {
	defer p.cancel()
	ended := make(chan error, 1)
	go func() { ended <- chromedp.Cancel(p.ctx) }()
	select {
	case err := <-ended:
		return err
	case <-time.After(10 * time.Second):
		return nil
	}
}

// do runs actions within Patience.
func (p *Page) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// ask sends a command of the DevTools protocol and returns its answer.
func ask[P, R any](p *Page, command cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	return chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) })
}

// send is a command whose answer nobody needs.
func send[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// Show sets the window's size and the theme.
func (p *Page) Show(width, height int64, theme Theme) error {
	return p.do(
		send(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1}),
		send(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: string(theme)},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}}))
}

// Go opens an address of the server, /services for one, or a whole URL of it.
func (p *Page) Go(address string) error {
	if strings.HasPrefix(address, "/") {
		address = p.server + address
	}
	answer, err := ask(p, page.Navigate, page.NavigateParams{URL: address})
	if err == nil && answer.ErrorText != "" {
		err = fmt.Errorf("open %s: %s", address, answer.ErrorText)
	}
	return err
}

// Moved tells the page that the server has another address now.
func (p *Page) Moved(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = server
}

// Eval evaluates an expression, awaits it, and reads its value, which must be
// JSON, into value (nil: it is not read).
func (p *Page) Eval(expression string, value any) error {
	yes := true
	answer, err := ask(p, runtime.Evaluate, runtime.EvaluateParams{
		Expression: "(async () => JSON.stringify(await (" + expression + ")) ?? 'null')()", AwaitPromise: &yes, ReturnByValue: &yes,
	})
	if err != nil {
		return err
	}
	if answer.ExceptionDetails != nil {
		return fmt.Errorf("evaluate %.200s: %s", expression, said(answer.ExceptionDetails))
	}
	if value == nil {
		return nil
	}
	var text string
	if err := json.Unmarshal(answer.Result.Value, &text); err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), value)
}

// Until waits until an expression is true in the page. Its evaluation may fail
// meanwhile: the page may be about to be another one.
func (p *Page) Until(what, expression string) error {
	return p.Await(what, func() (bool, error) {
		var holds bool
		err := p.Eval("!!("+expression+")", &holds)
		return holds, err
	})
}

// Await waits until a condition holds; its errors count as "not yet".
func (p *Page) Await(what string, holds func() (bool, error)) error {
	var last error
	for end := time.Now().Add(p.Patience); ; time.Sleep(30 * time.Millisecond) {
		ok, err := holds()
		if err == nil && ok {
			return nil
		}
		if p.ctx.Err() != nil {
			return fmt.Errorf("waiting until %s: the page is closed: %w", what, p.ctx.Err())
		}
		last = err
		if time.Now().After(end) {
			break
		}
	}
	text, _ := p.Text()
	if last != nil {
		return fmt.Errorf("waited %s in vain until %s (%w); the page shows:\n%s", p.Patience, what, last, text)
	}
	return fmt.Errorf("waited %s in vain until %s; the page shows:\n%s", p.Patience, what, text)
}

// Text is what can be read on the page.
func (p *Page) Text() (string, error) {
	var text string
	err := p.Eval("location.pathname + location.search + '\\n' + document.body.innerText", &text)
	return text, err
}

// Where is the path and query in the address bar.
func (p *Page) Where() (string, error) {
	var where string
	err := p.Eval("location.pathname + location.search", &where)
	return where, err
}

// Screenshot is a PNG of what the window shows, or of the whole page.
func (p *Page) Screenshot(whole bool) ([]byte, error) {
	answer, err := ask(p, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: &whole})
	return answer.Data, err
}

// own tells whether a URL is one of the server's.
func (p *Page) own(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "data", "blob", "about":
		return true // they ask nobody
	}
	return u.Scheme+"://"+u.Host == p.server
}
