package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// tokens are kept as digests, which have one length: comparing them in constant
// time tells nothing about the token, not even how long it is.
type tokens []token

type token struct {
	digest   [sha256.Size]byte
	identity string
}

func newTokens(byToken map[string]string) tokens {
	var list tokens
	for secret, identity := range byToken {
		list = append(list, token{sha256.Sum256([]byte(secret)), identity})
	}
	return list
}

// open paths say nothing about services.
var open = map[string]bool{"/healthz": true, "/readyz": true, "/openapi.json": true}

// required lets requests with a known token through, with its identity.
func (t tokens) required(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if open[r.URL.Path] {
			next.ServeHTTP(w, r)
			return
		}
		secret, given := bearer(r)
		identity, known := t.identify(secret)
		if !known {
			detail := "the token is not known to this server"
			if !given {
				detail = "a token is needed: Authorization: Bearer TOKEN"
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="sluice"`)
			newProblem(http.StatusUnauthorized, codeUnauthorized, detail,
				"the server wrote one to admin.token in its data directory at its first start").write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, identity)))
	})
}

func bearer(r *http.Request) (secret string, given bool) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	return secret, strings.EqualFold(scheme, "Bearer") && secret != ""
}

func (t tokens) identify(secret string) (identity string, known bool) {
	digest := sha256.Sum256([]byte(secret))
	for _, k := range t {
		if subtle.ConstantTimeCompare(k.digest[:], digest[:]) == 1 {
			identity, known = k.identity, true
		}
	}
	return identity, known
}

type identityKey struct{}

// identityOf is who asks, as the token says.
func identityOf(ctx context.Context) string {
	identity, _ := ctx.Value(identityKey{}).(string)
	return identity
}
