package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// lock has the service ask for a token; "" asks for none.
func (s *service) lock(token string) {
	s.private, s.token = token != "", sha256.Sum256([]byte(token))
}

// challenge answers a request without the token that who asks for.
func (s *service) challenge(w http.ResponseWriter, r *http.Request, who string, start instant) {
	w.Header()["Www-Authenticate"] = []string{`Bearer realm="` + s.name + `"`}
	s.refuse(w, r, http.StatusUnauthorized, who+` needs its token: send it as "Authorization: TOKEN" or "Authorization: Bearer TOKEN"`, start)
}

// admits tells whether the caller sent the service's token, bare or as a bearer
// token. A token that the gateway asks for ends there: the replica does not get
// the Authorization field of such a service. The time it takes says nothing about the token: digests are compared.
func (s *service) admits(authorization []string) bool {
	if !s.private {
		return true
	}
	if len(authorization) != 1 {
		return false
	}
	given := authorization[0]
	if scheme, token, ok := strings.Cut(given, " "); ok && strings.EqualFold(scheme, "bearer") {
		given = strings.TrimLeft(token, " ")
	}
	digest := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(digest[:], s.token[:]) == 1
}
