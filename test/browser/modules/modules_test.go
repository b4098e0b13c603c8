package modules

import (
	"fmt"
	"net/http/httptest"
	"os"
	"testing"

	"sluice.dev/sluice/internal/console"
	"sluice.dev/sluice/test/browser/chrome"
)

// required has the tests fail where there is no Chromium, as those of test/browser.
const required = "SLUICE_TEST_BROWSER"

// opened is a page of a console without a server behind it, which is all that
// plain modules need.
func opened(t *testing.T) *chrome.Page {
	t.Helper()
	path, err := chrome.Find()
	if err != nil {
		if os.Getenv(required) == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	files := httptest.NewServer(console.New())
	t.Cleanup(files.Close)
	browser, err := chrome.Launch(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := browser.Close(); err != nil {
			t.Error(err)
		}
	})
	page, err := browser.Open(files.URL)
	if err == nil {
		err = page.Go("/login")
	}
	if err == nil {
		err = page.Until("the page's files are known", `document.querySelector("script[type=module]")`)
	}
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// TestModules: each expression is about module m and must be what it says, as
// JSON.
func TestModules(t *testing.T) {
	page := opened(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got string
			expression := fmt.Sprintf(`import(new URL(%q, document.querySelector("script[type=module]").src)).then((m) => JSON.stringify(%s))`, "./"+c.module, c.expression)
			if err := page.Eval(expression, &got); err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("%s\n is %s\nnot %s", c.expression, got, c.want)
			}
		})
	}
}
