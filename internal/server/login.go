package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/session"
)

const (
	consoleTag   = "console"
	sessionRoute = "GET /console/session"
)

// Browser is the request itself, for what huma has no words for: it is exported
// for huma, as Named is.
type Browser struct{ request *http.Request }

// Resolve is what huma calls.
func (b *Browser) Resolve(hc huma.Context) []error {
	b.request, _ = humago.Unwrap(hc)
	return nil
}

// Session is who is logged in.
type Session struct {
	Name          string    `json:"name" doc:"who acts: the token's name, or \"shared by NAME\" with a shared link"`
	Role          api.Role  `json:"role" enum:"viewer,operator,admin"`
	CSRF          string    `json:"csrf" doc:"what changes that come with the session's cookie show as X-CSRF-Token; empty for a caller with a token"`
	ExpiresAt     *api.Time `json:"expires_at" doc:"when the session ends at the latest; null for a caller with a token"`
	ServerVersion string    `json:"server_version" doc:"the version of the program that answers"`
}

type sessionOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Session
}

type loginInput struct {
	Browser
	Body struct {
		Token string `json:"token,omitempty" maxLength:"1000" doc:"a token"`
		Code  string `json:"code,omitempty" maxLength:"1000" doc:"what a link has in its address, instead of a token"`
	}
}

type loggedOut struct {
	SetCookie string `header:"Set-Cookie"`
}

func (s *server) routeLogin() {
	register(s, operation(http.MethodGet, "/console/session", "get-session", consoleTag, "Show who is logged in",
		"For the console's page, which comes with a cookie; a caller with a token is shown, too."),
		func(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
			from := callerOf(ctx)
			return &sessionOutput{Body: s.sessionOf(from.holder.Name, from.holder.Role, from.session)}, nil
		})
	login := operation(http.MethodPost, "/console/login", "login", consoleTag, "Log a browser in",
		fmt.Sprintf("With a token, or with the code of a link. The answer sets a cookie. After %d failures within a minute an address has to wait.", failedLogins),
		http.StatusForbidden, http.StatusTooManyRequests, http.StatusRequestEntityTooLarge)
	limitBody(&login)
	register(s, login, s.login)
	logout := operation(http.MethodPost, "/console/logout", "logout", consoleTag, "Log a browser out",
		"The session ends, and what it still watches.", http.StatusForbidden)
	logout.DefaultStatus = http.StatusNoContent
	register(s, logout, s.logout)
}

func (s *server) sessionOf(name string, role api.Role, known *session.Session) Session {
	out := Session{Name: name, Role: role, ServerVersion: s.cfg.Version}
	if known != nil {
		ends := api.At(known.ExpiresAt)
		out.CSRF, out.ExpiresAt = known.CSRF, &ends
	}
	return out
}

func (s *server) login(ctx context.Context, in *loginInput) (*sessionOutput, error) {
	who, _ := ctx.Value(aboutKey{}).(*about)
	if who == nil {
		who = &about{} // nothing is recorded
	}
	secret, known, refused := s.enter(in)
	if refused != nil {
		if refused.Code != codeInvalid {
			who.away = refused
		}
		return nil, refused
	}
	who.actor, who.role = known.Name, known.Role
	return &sessionOutput{SetCookie: sessionCookie(in.request, secret, known.ExpiresAt), Body: s.sessionOf(known.Name, known.Role, &known)}, nil
}

// enter opens a session, or says why not. A browser that was logged in is logged
// out: it has one cookie.
func (s *server) enter(in *loginInput) (secret string, known session.Session, refused *Problem) {
	r, address := in.request, remote(in.request)
	if p := foreign(r); p != nil {
		return "", known, p // another site would have this person work in its name
	}
	if (in.Body.Token == "") == (in.Body.Code == "") {
		return "", known, newProblem(http.StatusUnprocessableEntity, codeInvalid, "a token or a code is needed, and not both", "")
	}
	if wait := s.attempts.wait(address); wait > 0 {
		p := newProblem(http.StatusTooManyRequests, codeTooMany,
			fmt.Sprintf("%d logins from %s have failed within a minute", failedLogins, address), "wait a minute and try again")
		p.wait = wait
		return "", known, p
	}
	ok := false
	if in.Body.Code != "" {
		secret, known, ok = s.sessions.Redeem(in.Body.Code)
	} else if holder, is := s.cfg.Tokens.Identify(in.Body.Token); is {
		secret, known = s.sessions.Login(holder)
		ok = true
	}
	if !ok {
		s.attempts.fail(address)
		if in.Body.Code != "" {
			return "", known, newProblem(http.StatusUnauthorized, codeUnauthorized, "the link is not good any more, or never was",
				"a link for oneself opens one session within five minutes; `sluice console` prints another")
		}
		return "", known, unauthorized(true)
	}
	if before, _ := s.bySession(r); before != nil {
		s.sessions.End(before.cookie)
	}
	return secret, known, nil
}

func (s *server) logout(ctx context.Context, in *struct{ Browser }) (*loggedOut, error) {
	from := callerOf(ctx)
	if from.session == nil {
		return &loggedOut{}, nil // a token has nothing open
	}
	s.sessions.End(from.cookie)
	return &loggedOut{SetCookie: sessionCookie(in.request, "", time.Time{})}, nil
}
