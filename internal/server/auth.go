package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/token"
)

// authorized lets requests through that come with a token whose role suffices,
// with the identity of its holder.
func (s *server) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, route := s.mux.find(r)
		need := needed(route)
		if route != "" && need == anybody {
			next.ServeHTTP(w, r)
			return
		}
		secret, given := bearer(r)
		holder, known := s.cfg.Tokens.Identify(secret)
		who, _ := r.Context().Value(aboutKey{}).(*about)
		if who == nil {
			who = &about{} // nothing is recorded
		}
		if known {
			who.actor, who.role = holder.Name, holder.Role
		}
		switch {
		case !known:
			who.away = unauthorized(given)
		case route != "" && !holder.Role.Includes(need):
			who.away = forbidden(holder, need, r)
		}
		if who.away != nil {
			who.away.write(w)
			return
		}
		ctx := context.WithValue(r.Context(), identityKey{}, holder.Name)
		// A stream ends with its token. A change does not: it was allowed when it
		// was accepted, and half of one helps nobody.
		if r.Method == http.MethodGet {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(ctx)
			defer cancel()
			go func() {
				select {
				case <-holder.Revoked:
					cancel()
				case <-ctx.Done():
				}
			}()
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func unauthorized(given bool) *Problem {
	detail := "the token is not known to this server"
	if !given {
		detail = "a token is needed: Authorization: Bearer TOKEN"
	}
	return newProblem(http.StatusUnauthorized, codeUnauthorized, detail,
		"the server wrote one to admin.token in its data directory at its first start; `sluice token create` makes others")
}

func forbidden(holder token.Holder, need api.Role, r *http.Request) *Problem {
	return newProblem(http.StatusForbidden, codeForbidden,
		fmt.Sprintf("token %q has the role %s, and %s %s needs %s", holder.Name, holder.Role, r.Method, r.URL.Path, need),
		fmt.Sprintf("use a token of role %s; an admin makes one with `sluice token create NAME --role %s`", enough(need), need))
}

// enough lists the roles that suffice where one is needed.
func enough(need api.Role) string {
	var names []string
	for _, role := range api.Roles {
		if role.Includes(need) {
			names = append(names, string(role))
		}
	}
	return strings.Join(names, " or ")
}

func bearer(r *http.Request) (secret string, given bool) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	return secret, strings.EqualFold(scheme, "Bearer") && secret != ""
}

type identityKey struct{}

// identityOf is who asks, as the token says.
func identityOf(ctx context.Context) string {
	identity, _ := ctx.Value(identityKey{}).(string)
	return identity
}
