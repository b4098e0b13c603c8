package session

import (
	"fmt"
	"time"

	"sluice.dev/sluice/internal/token"
)

const (
	// OneTime is how long a link for oneself is good.
	OneTime = 5 * time.Minute
	// linksEach bounds the links of one token that are good at a time.
	linksEach = 100
)

// link opens sessions.
type link struct {
	Digest string    `json:"digest"`
	Token  string    `json:"token"` // the key of the token that made it
	Share  bool      `json:"share"`
	Ends   time.Time `json:"ends"`
}

// TooManyError is the refusal of one more link.
type TooManyError struct{ Holder string }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("%d links of token %q are good now, and that is the most there may be", linksEach, e.Holder)
}

// Link makes a link for the holder of a token: with share 0 one that opens one
// session as the holder within OneTime; with more one that opens sessions of role
// viewer for others, which all end after that time. The code is shown this one
// time. The error is a *TooManyError.
func (b *Book) Link(h token.Holder, share time.Duration) (code string, ends time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now().UTC()
	b.prune(now)
	n := 0
	for _, l := range b.links {
		if l.Token == h.Key {
			n++
		}
	}
	if n >= linksEach {
		return "", time.Time{}, &TooManyError{h.Name}
	}
	code = random(20)
	l := &link{Digest: digest(code), Token: h.Key, Share: share > 0, Ends: now.Add(OneTime)}
	if l.Share {
		l.Ends = now.Add(share)
	}
	b.links[l.Digest] = l
	b.save()
	return code, l.Ends, nil
}

// Redeem opens a session with a link's code.
func (b *Book) Redeem(code string) (secret string, s Session, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prune(time.Now())
	l := b.links[digest(code)]
	if l == nil {
		return "", Session{}, false
	}
	h, known := b.tokens.Resume(l.Token)
	if !known { // revoked this moment
		return "", Session{}, false
	}
	if l.Share {
		secret, s = b.open(h, l)
		return secret, s, true
	}
	delete(b.links, l.Digest)
	secret, s = b.open(h, nil)
	return secret, s, true
}

// Unshare ends all shared links of a holder and every session that came from
// one; it tells how many links there were.
func (b *Book) Unshare(h token.Holder) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, l := range b.links {
		if l.Token == h.Key && l.Share {
			delete(b.links, l.Digest)
			n++
		}
	}
	for _, e := range b.sessions {
		if e.Token == h.Key && e.Link != "" {
			b.drop(e)
		}
	}
	b.save()
	return n
}
