package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"
)

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
