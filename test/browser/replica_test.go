package browser

import "testing"

// TestReplicaHasAnAddress: a look at one replica, and at a day of charts, can be
// sent to somebody else.
func TestReplicaHasAnAddress(t *testing.T) {
	p := visit(t, sampled(t))
	p.open("/services/embeddings")
	p.until("replicas are there", `document.querySelector("[data-at]")`)
	p.eval(`document.querySelector("[data-at]").click()`, nil)
	p.sees("Last lines it wrote")
	var there string
	p.eval(`location.pathname + location.search`, &there)
	p.press("button", "^Close$")
	p.seesNot("Last lines it wrote")
	p.at("/services/embeddings")
	p.open(there)
	p.sees("Last lines it wrote")

	p.open("/services/embeddings?minutes=1440")
	p.until("a day is shown", `document.querySelector(".chart-window [aria-pressed=true]")?.innerText === "24 h"`)
}
