package gateway

import (
	"net/http"
	"slices"
	"strings"
)

// consoleSession begins the name of the console's cookie, after __Host- with TLS.
const consoleSession = "sluice_session"

// hideSession takes the console's cookies out of a request. Cookies know no ports:
// a browser that is logged in to the console sends its session to the gateway of
// the same host, and no replica may have it.
func hideSession(h http.Header) {
	lines := h["Cookie"]
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, consoleSession) }) {
		return
	}
	kept := make([]string, 0, len(lines))
	for _, line := range lines {
		pairs := slices.DeleteFunc(strings.Split(line, ";"), func(pair string) bool {
			return strings.HasPrefix(strings.TrimPrefix(strings.TrimSpace(pair), "__Host-"), consoleSession)
		})
		if line = strings.TrimSpace(strings.Join(pairs, ";")); line != "" {
			kept = append(kept, line)
		}
	}
	if h["Cookie"] = kept; len(kept) == 0 {
		delete(h, "Cookie")
	}
}
