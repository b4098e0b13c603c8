package browser

import "testing"

// TestFrozen: what a freeze refuses is greyed out, with the reason beside it.
func TestFrozen(t *testing.T) {
	p := visit(t, sampled(t))
	p.open("/services/embeddings")
	p.sees("Frozen until")
	for _, name := range []string{"^Restart embeddings$", "^Stop embeddings$", "^Delete embeddings$"} {
		p.disabled("button", name)
	}
	p.sees("Stop embeddings\\s+frozen: quarter end")
	if len(p.find("button", "^Unfreeze embeddings$")) != 1 {
		t.Error("there is no way to unfreeze it")
	}
}
