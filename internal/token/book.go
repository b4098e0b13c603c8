package token

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// Admin is the name of the token that the server makes at its first start. Its
// file is what it lives by: it cannot be revoked here.
const Admin = "admin"

// mark begins every token that is made here, so that people and programs that
// look for leaked secrets know one when they see it.
const mark = "sluice_"

// usedEvery is how exact the recorded time of the last use is: a write for every
// request would cost more than the request.
const usedEvery = 5 * time.Minute

// Records is where tokens are kept: the part of store.Store that they need.
type Records interface {
	Tokens(ctx context.Context) ([]store.Token, error)
	PutToken(ctx context.Context, t store.Token) error
	DropToken(ctx context.Context, name string) error
}

// Book holds all tokens. It is safe for concurrent use.
type Book struct {
	records Records
	log     *slog.Logger
	now     func() time.Time

	writing sync.Mutex // held over a look and the write that follows from it

	mu     sync.RWMutex
	byName map[string]*entry
	// byDigest is looked up with what a caller sends. How long that takes may
	// tell of digests, but no digest leads back to a token of 130 random bits.
	byDigest map[string]*entry

	using sync.WaitGroup // writes of last uses
}

type entry struct {
	store.Token
	revoked chan struct{}
	written time.Time // when LastUsedAt was last recorded
}

// Holder is who asks.
type Holder struct {
	Name string
	Role api.Role
	// Key tells this very token from others of its name, before and after it: what
	// Resume takes. It is no secret that opens anything.
	Key string
	// Revoked is closed when the token is revoked.
	Revoked <-chan struct{}
}

// Open reads the tokens. admin is the token of the name Admin, which replaces
// the one of an earlier start.
func Open(ctx context.Context, records Records, admin string, log *slog.Logger) (*Book, error) {
	return open(ctx, records, admin, log, time.Now)
}

func open(ctx context.Context, records Records, admin string, log *slog.Logger, now func() time.Time) (*Book, error) {
	b := &Book{records: records, log: log, now: now, byName: map[string]*entry{}, byDigest: map[string]*entry{}}
	list, err := records.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		b.put(t)
	}
	first := store.Token{Name: Admin, Role: api.RoleAdmin, SHA256: digest(admin), CreatedAt: b.instant()}
	if known := b.byName[Admin]; known != nil && known.SHA256 == first.SHA256 && known.Role == first.Role {
		return b, nil
	}
	if err := records.PutToken(ctx, first); err != nil {
		return nil, err
	}
	b.forget(Admin)
	b.put(first)
	return b, nil
}

// Close waits for what is being written. The records may be closed afterwards.
func (b *Book) Close() { b.using.Wait() }

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// instant is now, as the store gives it back.
func (b *Book) instant() time.Time { return b.now().UTC().Round(0) }

func (b *Book) put(t store.Token) {
	e := &entry{Token: t, revoked: make(chan struct{}), written: t.LastUsedAt}
	b.byName[t.Name], b.byDigest[t.SHA256] = e, e
}

func (b *Book) forget(name string) {
	if e := b.byName[name]; e != nil {
		delete(b.byName, name)
		delete(b.byDigest, e.SHA256)
		close(e.revoked)
	}
}

// Identify tells whose token it is.
func (b *Book) Identify(secret string) (Holder, bool) {
	if secret == "" {
		return Holder{}, false
	}
	return b.find(digest(secret))
}

// Resume tells whether the token that a Holder was made of is still good. It is a
// use of the token.
func (b *Book) Resume(key string) (Holder, bool) { return b.find(key) }

// Good tells the same without being a use: nobody has come with the token.
func (b *Book) Good(key string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.byDigest[key] != nil
}

func (b *Book) find(key string) (Holder, bool) {
	now := b.instant()
	b.mu.RLock()
	e := b.byDigest[key]
	var fresh bool
	if e != nil {
		fresh = now.Sub(e.written) < usedEvery
	}
	b.mu.RUnlock()
	if e == nil {
		return Holder{}, false
	}
	if !fresh {
		b.used(e, now)
	}
	return Holder{Name: e.Name, Role: e.Role, Key: key, Revoked: e.revoked}, true
}

// used records a use. The request does not wait for it and does not fail with
// it: a full disk must not keep anybody from looking.
func (b *Book) used(e *entry, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(e.written) < usedEvery {
		return // another request was first
	}
	e.written, e.LastUsedAt = now, now
	b.using.Go(func() {
		b.writing.Lock()
		defer b.writing.Unlock()
		b.mu.RLock()
		record, here := e.Token, b.byName[e.Name] == e
		b.mu.RUnlock()
		if !here { // revoked meanwhile: writing it would bring it back
			return
		}
		if err := b.records.PutToken(context.Background(), record); err != nil {
			b.log.Warn("the last use of a token cannot be recorded", "token", record.Name, "error", err)
		}
	})
}

// List shows all tokens by name.
func (b *Book) List() []api.Token {
	b.mu.RLock()
	defer b.mu.RUnlock()
	list := make([]api.Token, 0, len(b.byName))
	for _, e := range b.byName {
		list = append(list, shown(e.Token))
	}
	slices.SortFunc(list, func(a, b api.Token) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func shown(t store.Token) api.Token {
	return api.Token{Name: t.Name, Role: t.Role, CreatedAt: api.At(t.CreatedAt), CreatedBy: t.CreatedBy, LastUsedAt: api.AtPtr(t.LastUsedAt)}
}

// Create makes a token; by is who asks for it. The error is an *InvalidError or
// an *ExistsError, else the records could not be written.
func (b *Book) Create(ctx context.Context, by, name string, role api.Role) (made api.Token, secret string, err error) {
	if err := api.ValidName(name); err != nil {
		return made, "", &InvalidError{Field: "name", Value: name, Message: err.Error()}
	}
	if !slices.Contains(api.Roles, role) {
		return made, "", &InvalidError{Field: "role", Value: string(role), Message: "viewer, operator and admin are allowed"}
	}
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.RLock()
	taken := b.byName[name] != nil
	b.mu.RUnlock()
	if taken {
		return made, "", &ExistsError{Name: name}
	}
	secret = mark + rand.Text()
	record := store.Token{Name: name, Role: role, SHA256: digest(secret), CreatedAt: b.instant(), CreatedBy: by}
	if err := b.records.PutToken(ctx, record); err != nil {
		return made, "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(record)
	return shown(record), secret, nil
}

// Revoke has a token refused from now on and ends what it has open. The error is
// a *NotFoundError or a *KeptError, else the records could not be written.
func (b *Book) Revoke(ctx context.Context, name string) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.RLock()
	known := b.byName[name] != nil
	b.mu.RUnlock()
	switch {
	case !known:
		return &NotFoundError{Name: name}
	case name == Admin:
		return &KeptError{}
	}
	if err := b.records.DropToken(ctx, name); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(name)
	return nil
}

// InvalidError is a token that cannot be made as it was asked for.
type InvalidError struct{ Field, Value, Message string }

func (e *InvalidError) Error() string {
	if e.Field == "name" {
		return e.Field + ": " + e.Message
	}
	return fmt.Sprintf("%s: %q: %s", e.Field, e.Value, e.Message)
}

// ExistsError is a name that is taken.
type ExistsError struct{ Name string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("token %q exists already; revoke it first, or choose another name", e.Name)
}

// NotFoundError is a token that is not there.
type NotFoundError struct{ Name string }

func (e *NotFoundError) Error() string { return fmt.Sprintf("token %q does not exist", e.Name) }

// KeptError is the refusal to revoke the first token.
type KeptError struct{}

func (*KeptError) Error() string {
	return `token "admin" is the one in admin.token and cannot be revoked here; delete that file and restart the server, which makes a new one`
}
