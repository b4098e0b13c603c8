package browser

import (
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
	"sluice.dev/sluice/test/browser/stage"
)

// TestTextIsText puts markup wherever a user's text is shown: it stays text.
func TestTextIsText(t *testing.T) {
	const evil = `<img src=x onerror=window.run=1>"'&lt;<script>window.run=2</script>`
	s := fresh(t)
	file := s.File("echo", 1, evil)
	file["labels"] = stage.Object{"team": evil}
	must(t, s.Create(t.Context(), file, "first "+evil))
	// It cannot find its model, and says so with the name in its last line.
	broken := s.File("echo", 1, evil+"2", "-model", "/"+evil)
	doc, err := stage.Document(stage.Object{"containers": broken["containers"]})
	must(t, err)
	_, err = s.Client().Update(t.Context(), "echo", doc, client.Merge, client.Because("second "+evil))
	must(t, err)
	must(t, s.Until(t.Context(), "echo", "has failed", func(v api.Service) bool { return v.Status == api.StatusPaused }))

	p := visit(t, s)
	at := "/services/echo"
	for address, shown := range map[string]string{
		at: "onerror", at + "/versions": "onerror", at + "/versions/2": "onerror", at + "/compare?from=1&to=2": "onerror",
		at + "/update": "", "/events": "onerror", "/audit": "onerror", "/": "",
	} {
		p.open(address)
		if shown != "" {
			p.sees(shown)
		}
		var wrong string
		p.eval(`window.run ? "it ran" : document.querySelector("img, main script")?.outerHTML ?? ""`, &wrong)
		if wrong != "" {
			t.Errorf("%s: %s", address, wrong)
		}
	}
	p.open(at + "/update")
	var value string
	p.eval(`[...document.querySelectorAll("input")].map((e) => e.value).join("\n")`, &value)
	if !strings.Contains(value, evil) {
		t.Errorf("the form has %q", value)
	}
}
