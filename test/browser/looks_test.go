package browser

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice.dev/sluice/test/browser/chrome"
)

var themes = []chrome.Theme{chrome.Light, chrome.Dark}

// TestNoFaultForReaders has axe-core look at every page in both themes: nothing it
// finds may be serious or critical for people who cannot see or use a mouse.
func TestNoFaultForReaders(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join("testdata", "axe-core", "axe.min.js"))
	must(t, err)
	script, err := json.Marshal(string(axe))
	must(t, err)
	p := visit(t, sampled(t))
	for _, page := range p.pages() {
		for _, theme := range themes {
			must(t, p.Show(1280, 900, theme))
			p.open(page.URL)
			p.eval(`(window.axe || (0, eval)(`+string(script)+`), 0)`, nil)
			var found []struct {
				ID, Impact, Help string
				Nodes            []string
			}
			p.eval(`axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations
				.filter((v) => v.impact === "serious" || v.impact === "critical")
				.map((v) => ({ ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + " " + n.failureSummary.replaceAll("\n", " ")) })))`, &found)
			for _, f := range found {
				t.Errorf("%s, %s: %s (%s): %s\n  %s", page.URL, theme, f.ID, f.Impact, f.Help, strings.Join(f.Nodes, "\n  "))
			}
		}
	}
}

// TestNarrow: at 360 pixels, a small telephone's width, no page scrolls sideways;
// nor at 2,560.
func TestNarrow(t *testing.T) {
	p := visit(t, sampled(t))
	for _, page := range p.pages() {
		for _, width := range []int64{360, 2560} {
			must(t, p.Show(width, 800, chrome.Light))
			p.open(page.URL)
			over, err := p.Overflow()
			must(t, err)
			if over != "" {
				t.Errorf("%s is wider than %d pixels: %s", page.URL, width, over)
			}
		}
	}
}
