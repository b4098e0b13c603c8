// Command shots takes pictures of every page of the console: both themes, three
// widths. People who change a page look at them; those at 1280 are in
// docs/screenshots.
//
//	go run ./test/browser/shots -out /tmp/shots                       a server and services of its own
//	go run ./test/browser/shots -server URL -token T -out /tmp/shots  a server that runs
//	go run ./test/browser/shots -out DIR -only '^group' -widths 360 -themes dark
//	go run ./test/browser/shots -stay                                 no pictures: a server to look at by hand
//
// It says on stderr what went wrong in a page (errors in the console, broken
// rules of its policy, failed requests, a page wider than the window) and then
// exits with 1.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sluice.dev/sluice/internal/testserver"
	"sluice.dev/sluice/test/browser/chrome"
	"sluice.dev/sluice/test/browser/stage"
)

func main() {
	testserver.MaybeRun()
	var o options
	flag.StringVar(&o.server, "server", "", "the address of a server that runs, http://127.0.0.1:7070; without it one is started with services to look at")
	flag.StringVar(&o.token, "token", os.Getenv("SLUICE_TOKEN"), "a token of that server")
	flag.StringVar(&o.out, "out", "", "the folder for the pictures")
	flag.StringVar(&o.only, "only", "", "a regular expression: only the pages whose name matches")
	flag.StringVar(&o.widths, "widths", "1280,360,2560", "window widths in pixels")
	flag.StringVar(&o.themes, "themes", "light,dark", "themes")
	flag.BoolVar(&o.stay, "stay", false, "take no pictures; print a link to log in with, and go on until Ctrl-C")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}

type options struct {
	server, token, out, only, widths, themes string
	stay                                     bool
}

func run(ctx context.Context, o options) (err error) {
	if o.out == "" && !o.stay {
		return fmt.Errorf("-out: give a folder for the pictures, or -stay")
	}
	if o.server == "" {
		server, end, err := started(ctx)
		defer end()
		if err != nil {
			return err
		}
		o.server, o.token = server.URL, server.Token
	}
	if o.stay {
		link, err := stage.Link(o.server, o.token, false, 0)
		if err != nil {
			return err
		}
		fmt.Printf("server %s\ntoken  %s\nlink   %s\n", o.server, o.token, link)
		<-ctx.Done()
		return nil
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	return shoot(ctx, o)
}

// started starts a server with the sample's services.
func started(ctx context.Context) (*stage.Server, func(), error) {
	dir, err := os.MkdirTemp("", "sluice-shots-")
	if err != nil {
		return nil, func() {}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &stage.Server{Data: filepath.Join(dir, "data")}
	end := func() {
		cancel()
		if s.URL != "" {
			if err := s.Down(); err != nil {
				fmt.Fprintln(os.Stderr, "shots:", err)
			}
		}
		os.RemoveAll(dir)
	}
	if s.Program, err = stage.Build(dir); err != nil {
		return nil, end, err
	}
	if err := s.Start(); err != nil {
		return nil, end, err
	}
	fmt.Fprintln(os.Stderr, "making services")
	return s, end, s.Sample(ctx)
}

func shoot(ctx context.Context, o options) error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	path, err := chrome.Find()
	if err != nil {
		return err
	}
	browser, err := chrome.Launch(path)
	if err != nil {
		return err
	}
	defer browser.Close()
	page, err := browser.Open(o.server)
	if err != nil {
		return err
	}
	page.Patience = 15 * time.Second
	defer context.AfterFunc(ctx, func() { page.Close() })()
	link, err := stage.Link(o.server, o.token, false, 0)
	if err != nil {
		return err
	}
	if err := page.LogIn(link); err != nil {
		return err
	}
	pages, err := stage.Pages(ctx, o.server, o.token)
	if err != nil {
		return err
	}
	faults := page.Faults()
	for _, at := range pages {
		if !only.MatchString(at.Name) {
			continue
		}
		more, err := shootPage(page, at, o)
		if err != nil {
			return err
		}
		faults = append(faults, more...)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d faults:\n  %s", len(faults), strings.Join(faults, "\n  "))
	}
	return nil
}

// shootPage takes the pictures of one page, and returns what went wrong.
func shootPage(page *chrome.Page, at stage.Page, o options) (faults []string, err error) {
	if err := page.Go(at.URL); err != nil {
		return nil, err
	}
	if err := page.Settled(); err != nil {
		return []string{at.URL + ": " + err.Error()}, nil
	}
	for _, theme := range strings.Split(o.themes, ",") {
		for _, text := range strings.Split(o.widths, ",") {
			width, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, err
			}
			if err := page.Show(width, height(width), chrome.Theme(theme)); err != nil {
				return nil, err
			}
			if err := page.Settled(); err != nil {
				return nil, err
			}
			if over, err := page.Overflow(); err != nil {
				return nil, err
			} else if over != "" {
				faults = append(faults, fmt.Sprintf("%s at %d pixels is wider than the window: %s", at.URL, width, over))
			}
			png, err := page.Screenshot(false)
			if err != nil {
				return nil, err
			}
			file := filepath.Join(o.out, fmt.Sprintf("%s-%s-%d.png", at.Name, theme, width))
			if err := os.WriteFile(file, png, 0o644); err != nil {
				return nil, err
			}
			fmt.Printf("%s %s (%d KiB)\n", file, at.URL, (len(png)+1023)/1024)
		}
	}
	for _, f := range page.Faults() {
		faults = append(faults, at.URL+": "+f)
	}
	return faults, nil
}

// height is that of a window so wide.
func height(width int64) int64 {
	switch {
	case width < 600:
		return 800
	case width > 2000:
		return 1440
	}
	return 800
}
