package browser

import (
	"os"
	"path/filepath"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/test/browser/stage"
)

// TestCompare picks two of four versions in the list and reads what changed, in
// both views.
func TestCompare(t *testing.T) {
	p := visit(t, sampled(t))
	must(t, p.Go("/"))
	p.press("link", "^4$") // the current version of sentiment leads to its versions
	p.at("/services/sentiment/versions")
	p.press("checkbox", "^Pick version 1 to compare$")
	p.press("checkbox", "^Pick version 3 to compare$")
	p.press("button", "^Compare version 1 with 3$")
	p.at("/services/sentiment/compare?from=1&to=3")
	p.sees("model_path.*sentiment-v1.txt.*sentiment-v3.txt")
	p.press("button", "^Side by side$")
	p.until("both are shown beside each other", `document.querySelector("table.sides")?.innerText.includes("sentiment-v3.txt")`)
	p.press("button", "^Swap")
	p.until("they are swapped", `location.search.includes("from=3&to=1")`)
}

// TestRollBackToMissing tries to go back to a version whose model is gone: the
// button is greyed out and says why, and only who types what is going to happen
// can do it nevertheless.
func TestRollBackToMissing(t *testing.T) {
	s := fresh(t)
	models := []string{}
	for _, n := range []string{"1", "2"} {
		model, err := s.Model("m"+n, "weights "+n)
		must(t, err)
		models = append(models, model)
	}
	file := s.File("ranker", 1, "one")
	file["metadata"].(stage.Object)["retain"] = api.RetainNone // no copy stands in for it
	file["model_path"] = models[0]
	must(t, s.Create(t.Context(), file, ""))
	must(t, s.Update(t.Context(), "ranker", stage.Object{"model_path": models[1]}, ""))
	must(t, os.Remove(models[0]))

	p := visit(t, s)
	p.open("/services/ranker/versions")
	p.disabled("button", "^Roll back to version 2")
	p.press("button", "^Preflight of version 1")
	p.press("button", "^Check in full$")
	p.sees("A rollback would fail on it")
	p.press("button", "^Close$")
	p.disabled("button", "^Roll back to version 1")
	p.sees("would fail: .*" + filepath.Base(models[0]))

	p.press("button", "^Preflight of version 1")
	p.press("button", "^Look at version 1")
	p.sees("It would fail")
	p.disabled("button", "^Roll ranker back to version 1$")
	p.fill("^Type .force 1.", "force")
	p.disabled("button", "^Roll ranker back to version 1$")
	p.fill("^Type .force 1.", "force 1")
	if v, err := s.Client().Service(t.Context(), "ranker"); err != nil || v.CurrentVersion != 2 {
		t.Fatalf("it is at version %d (%v) before anybody said so", v.CurrentVersion, err)
	}
	p.press("button", "^Force ranker to version 1$")
	must(t, s.Until(t.Context(), "ranker", "goes back to version 1", func(v api.Service) bool { return v.CurrentVersion == 1 }))
}
