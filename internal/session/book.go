package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/token"
)

const (
	// Idle is how long a session lasts without a request. A stream that is open is
	// a use of it.
	Idle = 12 * time.Hour
	// Longest is how long a session lasts whatever is done with it.
	Longest = 7 * 24 * time.Hour

	// sessionsEach bounds the sessions of one token, and those of one shared link:
	// where there are as many, the one unused for the longest time ends.
	sessionsEach = 50
	// usedEvery is how exact the recorded time of the last use is.
	usedEvery = 10 * time.Minute
)

// Tokens is the part of token.Book that sessions need.
type Tokens interface {
	Resume(key string) (token.Holder, bool)
	Good(key string) bool
}

// Book holds all sessions and links. It is safe for concurrent use.
type Book struct {
	tokens Tokens
	file   string // "" keeps them in memory alone
	log    *slog.Logger

	mu       sync.Mutex
	sessions map[string]*entry // by the digest of their secrets
	links    map[string]*link  // by the digest of their codes
}

// entry is one session.
type entry struct {
	Digest  string    `json:"digest"`
	Token   string    `json:"token"`          // the key of its token
	Link    string    `json:"link,omitempty"` // the digest of the shared link it came from
	Opened  time.Time `json:"opened"`
	Used    time.Time `json:"used"`
	Ends    time.Time `json:"ends"` // at the latest
	written time.Time // Used as the file has it
	streams int
	ended   chan struct{}
}

// Session is one person's browser.
type Session struct {
	// Name is who acts: the token's name, or "shared by NAME" for one that came
	// from a shared link.
	Name string
	Role api.Role
	// Shared sessions came from a link that was given to others; they cannot make
	// links.
	Shared bool
	// CSRF is what a request that changes something has to show besides the cookie.
	CSRF string
	// ExpiresAt is when the session ends at the latest; without a request for the
	// time Idle it ends before.
	ExpiresAt time.Time
	// Ended is closed when the session is, Holder.Revoked when its token is.
	Ended  <-chan struct{}
	Holder token.Holder
}

// Open reads what an earlier server kept in file; "" keeps nothing. What cannot
// be read is forgotten, with a warning: people log in again.
func Open(tokens Tokens, file string, log *slog.Logger) *Book {
	b := &Book{tokens: tokens, file: file, log: log, sessions: map[string]*entry{}, links: map[string]*link{}}
	b.load()
	return b
}

// Login opens a session for the holder of a token. The secret is the cookie's
// value.
func (b *Book) Login(h token.Holder) (secret string, s Session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open(h, nil)
}

// open needs b.mu; from is the shared link that leads here, nil for none.
func (b *Book) open(h token.Holder, from *link) (string, Session) {
	now := time.Now().UTC()
	secret := random(32)
	e := &entry{Digest: digest(secret), Token: h.Key, Opened: now, Used: now, Ends: now.Add(Longest), written: now, ended: make(chan struct{})}
	if from != nil {
		e.Link = from.Digest
		if from.Ends.Before(e.Ends) {
			e.Ends = from.Ends
		}
	}
	b.prune(now)
	b.makeRoom(e)
	b.sessions[e.Digest] = e
	b.save()
	return secret, e.shown(h, secret)
}

func (e *entry) shown(h token.Holder, secret string) Session {
	s := Session{Name: h.Name, Role: h.Role, CSRF: csrf(secret), ExpiresAt: e.Ends, Ended: e.ended, Holder: h}
	if e.Link != "" {
		// No token has this name: names have no spaces.
		s.Name, s.Role, s.Shared = "shared by "+h.Name, api.RoleViewer, true
	}
	return s
}

// makeRoom ends the session of the same token or link that has not been used for
// the longest time, where there are too many.
func (b *Book) makeRoom(e *entry) {
	var oldest *entry
	n := 0
	for _, other := range b.sessions {
		if other.Token != e.Token || other.Link != e.Link {
			continue
		}
		n++
		if oldest == nil || other.Used.Before(oldest.Used) {
			oldest = other
		}
	}
	if n >= sessionsEach {
		b.drop(oldest)
	}
}

// Identify tells whose session it is. It is a use of it.
func (b *Book) Identify(secret string) (Session, bool) {
	if secret == "" {
		return Session{}, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.sessions[digest(secret)]
	if e == nil {
		return Session{}, false
	}
	now := time.Now().UTC()
	over := e.over(now)
	var h token.Holder
	if !over { // a session that is over is no use of its token
		var known bool
		h, known = b.tokens.Resume(e.Token)
		over = !known
	}
	if over {
		b.drop(e)
		b.save()
		return Session{}, false
	}
	e.Used = now
	if now.Sub(e.written) >= usedEvery {
		b.save()
	}
	return e.shown(h, secret), true
}

// Hold keeps a session in use while a stream of it is open; release ends that.
func (b *Book) Hold(secret string) (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.sessions[digest(secret)]
	if e == nil {
		return func() {}
	}
	e.streams++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		e.streams--
		e.Used = time.Now().UTC()
	}
}

// End ends a session: a person logs out.
func (b *Book) End(secret string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.sessions[digest(secret)]; e != nil {
		b.drop(e)
		b.save()
	}
}

func (e *entry) over(now time.Time) bool {
	return !now.Before(e.Ends) || e.streams == 0 && now.Sub(e.Used) >= Idle
}

func (b *Book) drop(e *entry) {
	delete(b.sessions, e.Digest)
	close(e.ended)
}

// prune forgets what is over. It is no use of the tokens of what is left: whoever
// logs in must not make the tokens of others look used.
func (b *Book) prune(now time.Time) {
	for _, e := range b.sessions {
		if !b.tokens.Good(e.Token) || e.over(now) {
			b.drop(e)
		}
	}
	for _, l := range b.links {
		if !b.tokens.Good(l.Token) || !now.Before(l.Ends) {
			delete(b.links, l.Digest)
		}
	}
}

// random is text for URLs and cookies, of n random bytes.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// csrf follows from the session's secret, so that it need not be kept, and does
// not lead back to it.
func csrf(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("csrf"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
