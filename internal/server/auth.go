package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/session"
	"sluice.dev/sluice/internal/token"
)

// caller is who asks: a token's holder, or the session of a browser.
type caller struct {
	holder  token.Holder // its name and role are those of the session
	session *session.Session
	cookie  string // the session's secret
}

// authorized lets requests through that come with a token or a session whose role
// suffices, with the identity of its holder.
func (s *server) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, route := s.mux.find(r)
		need := needed(route)
		if route != "" && need == anybody {
			next.ServeHTTP(w, r)
			return
		}
		who, _ := r.Context().Value(aboutKey{}).(*about)
		if who == nil {
			who = &about{} // nothing is recorded
		}
		from, refused := s.identify(r)
		if from != nil {
			who.actor, who.role = from.holder.Name, from.holder.Role
		}
		switch {
		case refused != nil:
			who.away = refused
		case route != "" && !from.holder.Role.Includes(need):
			who.away = forbidden(from, need, r)
		}
		if who.away != nil {
			who.away.write(w)
			return
		}
		ctx := context.WithValue(r.Context(), callerKey{}, from)
		// A stream ends with its token and with its session. A change does not: it was
		// allowed when it was accepted, and half of one helps nobody.
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			var cancel context.CancelFunc
			ctx, cancel = s.whileAllowed(ctx, from)
			defer cancel()
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// whileAllowed is done when the caller's token is revoked, and when its session
// ends.
func (s *server) whileAllowed(ctx context.Context, from *caller) (context.Context, context.CancelFunc) {
	if from.session == nil {
		ctx, cancel := context.WithCancel(ctx)
		go func() {
			select {
			case <-from.holder.Revoked:
				cancel()
			case <-ctx.Done():
			}
		}()
		return ctx, cancel
	}
	ctx, cancel := context.WithDeadline(ctx, from.session.ExpiresAt)
	release := s.sessions.Hold(from.cookie)
	go func() {
		select {
		case <-from.holder.Revoked:
			cancel()
		case <-from.session.Ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		release()
	}
}

// identify finds out who asks: an Authorization header says it, else the cookie
// of a session. A caller may be known and be refused all the same.
func (s *server) identify(r *http.Request) (*caller, *Problem) {
	if len(r.Header.Values("Authorization")) > 0 {
		secret, given := bearer(r)
		holder, known := s.cfg.Tokens.Identify(secret)
		if !known {
			return nil, unauthorized(given)
		}
		return &caller{holder: holder}, nil
	}
	from, given := s.bySession(r)
	if from == nil {
		p := unauthorized(false)
		if given {
			p.Detail = "the session has ended"
			p.Hint = "log in again; `sluice console` prints a link"
		}
		return nil, p
	}
	return from, crossed(r, from.session)
}

func unauthorized(given bool) *Problem {
	detail := "the token is not known to this server"
	if !given {
		detail = "a token is needed: Authorization: Bearer TOKEN"
	}
	return newProblem(http.StatusUnauthorized, codeUnauthorized, detail,
		"the server wrote one to admin.token in its data directory at its first start; `sluice token create` makes others")
}

func forbidden(from *caller, need api.Role, r *http.Request) *Problem {
	holder := fmt.Sprintf("token %q", from.holder.Name)
	if from.session != nil && from.session.Shared {
		holder = "a shared link"
	}
	return newProblem(http.StatusForbidden, codeForbidden,
		fmt.Sprintf("%s has the role %s, and %s %s needs %s", holder, from.holder.Role, r.Method, r.URL.Path, need),
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

type callerKey struct{}

// callerOf is who asks; nil where the route asks nobody for a token.
func callerOf(ctx context.Context) *caller {
	from, _ := ctx.Value(callerKey{}).(*caller)
	return from
}

// identityOf is who asks, as the token or the session says.
func identityOf(ctx context.Context) string {
	if from := callerOf(ctx); from != nil {
		return from.holder.Name
	}
	return ""
}
