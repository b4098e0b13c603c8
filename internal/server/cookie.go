package server

import (
	"net"
	"net/http"
	"strings"
	"time"

	"crypto/subtle"

	"sluice.dev/sluice/internal/session"
)

// cookieName is that of the session's cookie. Cookies know no ports, so the port
// is part of it: two servers on one machine do not log each other's people out.
// With TLS, the prefix keeps other hosts of the domain from setting it.
func cookieName(r *http.Request) string {
	name := "sluice_session"
	if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
		name += "_" + port
	}
	if r.TLS != nil {
		return "__Host-" + name
	}
	return name
}

// sessionCookie gives a browser its session; secret "" takes it away.
func sessionCookie(r *http.Request, secret string, ends time.Time) string {
	c := &http.Cookie{
		Name: cookieName(r), Value: secret, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
		MaxAge: -1,
	}
	if secret != "" {
		c.MaxAge = max(1, int(time.Until(ends).Seconds()))
	}
	return c.String()
}

// bySession is who a browser's cookie stands for, nil for nobody.
func (s *server) bySession(r *http.Request) (from *caller, given bool) {
	for _, c := range r.CookiesNamed(cookieName(r)) {
		given = true
		if known, ok := s.sessions.Identify(c.Value); ok {
			from = &caller{holder: known.Holder, session: &known, cookie: c.Value}
			from.holder.Name, from.holder.Role = known.Name, known.Role
			return from, true
		}
	}
	return nil, given
}

// crossed refuses what another site has a browser send with its cookie: a change
// shows the session's CSRF token, which no other site can read, and a browser that
// says where a request comes from says here.
func crossed(r *http.Request, known *session.Session) *Problem {
	if p := foreign(r); p != nil {
		return p
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	given := r.Header.Get("X-CSRF-Token")
	if subtle.ConstantTimeCompare([]byte(given), []byte(known.CSRF)) == 1 {
		return nil
	}
	detail := "X-CSRF-Token is not the session's"
	if given == "" {
		detail = "X-CSRF-Token is missing; a change with a session's cookie needs it"
	}
	return newProblem(http.StatusForbidden, codeForbidden, detail, "GET /console/session shows it as csrf; load the page again")
}

// foreign refuses what a browser says comes from another origin: another port of
// the same host is one.
func foreign(r *http.Request) *Problem {
	site := r.Header.Get("Sec-Fetch-Site")
	if site == "cross-site" || site == "same-site" {
		return newProblem(http.StatusForbidden, codeForbidden, "the request comes from another site (Sec-Fetch-Site: "+site+")", "use the console at the server's own address")
	}
	origin := r.Header.Get("Origin")
	if origin == "" || site == "same-origin" {
		return nil
	}
	if _, host, found := strings.Cut(origin, "://"); found && strings.EqualFold(host, r.Host) {
		return nil
	}
	return newProblem(http.StatusForbidden, codeForbidden, "the request comes from another site (Origin: "+short(origin, 100)+")", "use the console at the server's own address")
}
