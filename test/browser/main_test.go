package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"sluice.dev/sluice/internal/testserver"
	"sluice.dev/sluice/test/browser/chrome"
	"sluice.dev/sluice/test/browser/stage"
)

// required has the tests fail where there is no Chromium.
const required = "SLUICE_TEST_BROWSER"

// The program, the browser and a server with the sample's services are made once,
// when the first test asks for them.
var (
	dir     string // of what lasts as long as the tests
	loading context.Context
	ends    []func() error

	program = sync.OnceValues(func() (string, error) { return stage.Build(dir) })

	browser = sync.OnceValues(func() (*chrome.Browser, error) {
		path, err := chrome.Find()
		if err != nil {
			return nil, err
		}
		b, err := chrome.Launch(path)
		if err == nil {
			ends = append(ends, b.Close)
		}
		return b, err
	})

	sample = sync.OnceValues(func() (*stage.Server, error) {
		s, err := started(filepath.Join(dir, "sample", "data"))
		if err != nil {
			return nil, err
		}
		ends = append(ends, s.Down)
		return s, s.Sample(loading)
	})
)

func started(data string) (*stage.Server, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil {
		return nil, err
	}
	s := &stage.Server{Program: path, Data: data}
	return s, s.Start()
}

func TestMain(m *testing.M) {
	testserver.MaybeRun()
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	var err error
	if dir, err = os.MkdirTemp("", "sluice-browser-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	var cancel context.CancelFunc
	loading, cancel = context.WithCancel(context.Background())
	code = m.Run()
	cancel()
	for _, end := range ends {
		err = errors.Join(err, end())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// needed skips a test where there is no Chromium, unless it has to be there.
func needed(t *testing.T) *chrome.Browser {
	t.Helper()
	if _, err := chrome.Find(); err != nil {
		if os.Getenv(required) == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	b, err := browser()
	must(t, err)
	return b
}

// sampled is the server with the sample's services. Tests that share it change
// only what no other one looks at.
func sampled(t *testing.T) *stage.Server {
	t.Helper()
	needed(t)
	s, err := sample()
	must(t, err)
	return s
}

// fresh is a server of a test's own.
func fresh(t *testing.T) *stage.Server {
	t.Helper()
	needed(t)
	s, err := started(filepath.Join(t.TempDir(), "data"))
	if s != nil && s.URL != "" {
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("the server said:\n%s", s.Said())
			}
			if err := s.Down(); err != nil {
				t.Error(err)
			}
		})
	}
	must(t, err)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
