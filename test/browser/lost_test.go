package browser

import (
	"testing"

	"sluice.dev/sluice/client"
)

// TestLostServer kills the server under a page: the page says that what it shows
// is old, goes on showing it, and is live again by itself when the server is.
func TestLostServer(t *testing.T) {
	s := fresh(t)
	must(t, s.Create(t.Context(), s.File("echo", 2, "one"), ""))
	p := visit(t, s)
	p.open("/services/echo")
	p.sees("2 of 2 ready")

	p.expect(`ERR_`, `(?i)failed request`) // of what is asked while nobody answers
	s.Kill()
	p.sees("connection to the server is lost")
	p.sees("lost .* ago")
	p.sees("2 of 2 ready") // as it was last seen

	must(t, s.Start())
	p.seesNot("connection to the server is lost")
	p.sees("live")
	answer, err := s.Client().Scale(t.Context(), "echo", 3, client.Because("more to do"))
	must(t, err)
	if answer.Replicas.Desired != 3 {
		t.Fatalf("scaled to %+v", answer.Replicas)
	}
	p.sees("3 of 3 ready")
	p.at("/services/echo")
}
