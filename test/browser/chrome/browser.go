// Package chrome drives a real Chromium as a person would: pages are looked at by
// the roles and names that a screen reader is told, buttons are pressed where
// they are on the screen, and whatever goes wrong unseen (errors in the console,
// broken rules of the content security policy, requests that fail or go to
// another host) is kept as a fault.
//
// The tests of the console (test/browser) and its screenshots
// (test/browser/shots) use it; it knows nothing of Sluice but the address it is
// given.
package chrome

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// Variable names the program when it is not in PATH.
const Variable = "SLUICE_TEST_CHROMIUM"

// Patience is how long a condition may take to come about on a busy machine.
// Nothing is expected to take a tenth of it.
const Patience = 60 * time.Second

// Find looks for Chromium: $SLUICE_TEST_CHROMIUM, else a program in PATH.
func Find() (string, error) {
	if path := os.Getenv(Variable); path != "" {
		return exec.LookPath(path)
	}
	names := []string{"chromium", "chromium-browser", "google-chrome", "chrome"}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium: none of %s is in PATH; install Debian's chromium or name the program in %s", strings.Join(names, ", "), Variable)
}

// Browser is one Chromium without a window, with a profile of its own.
type Browser struct {
	ctx     context.Context
	cancel  context.CancelFunc
	profile string
}

// Launch starts Chromium.
func Launch(path string) (*Browser, error) {
	profile, err := os.MkdirTemp("", "sluice-chromium-")
	if err != nil {
		return nil, err
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.NoSandbox, // tests run as root in containers, where it cannot be had
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-dev-shm-usage", true), // containers have little of it
		chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("lang", "en-US"),
		chromedp.WSURLReadTimeout(Patience),
	)
	// A newer Chromium says things that chromedp does not know yet; none matters here.
	quiet := func(string, ...any) {}
	ctx, _ := chromedp.NewContext(allocator, chromedp.WithErrorf(quiet), chromedp.WithLogf(quiet))
	b := &Browser{ctx: ctx, cancel: cancel, profile: profile}
	if err := chromedp.Do(ctx); err != nil {
		b.Close()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return b, nil
}

// Version is what the browser calls itself.
func (b *Browser) Version() (string, error) {
	return chromedp.Run(b.ctx, func(ctx context.Context, t *chromedp.Target) (string, error) {
		v, err := cdp.Call(ctx, t, browser.GetVersion, cdp.Empty{})
		return v.Product, err
	})
}

// Close ends the browser and removes its profile.
func (b *Browser) Close() error {
	ended := make(chan error, 1)
	go func() { ended <- chromedp.Cancel(b.ctx) }()
	var err error
	select {
	case err = <-ended:
		if errors.Is(err, context.Canceled) {
			err = nil
		}
	case <-time.After(10 * time.Second): // then it is killed
	}
	b.cancel()
	if c := chromedp.FromContext(b.ctx); c != nil && c.Allocator != nil {
		c.Allocator.Wait()
	}
	return errors.Join(err, os.RemoveAll(b.profile))
}
