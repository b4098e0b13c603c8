package token

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/store/sqlite"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// disk is a real database that counts and refuses writes.
type disk struct {
	*sqlite.Store
	mu      sync.Mutex
	puts    int
	failure error
}

func (d *disk) PutToken(ctx context.Context, t store.Token) error {
	d.mu.Lock()
	d.puts++
	err := d.failure
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.Store.PutToken(ctx, t)
}

func (d *disk) DropToken(ctx context.Context, name string) error {
	d.mu.Lock()
	err := d.failure
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.Store.DropToken(ctx, name)
}

func (d *disk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failure = err
}

func (d *disk) written() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.puts
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &disk{Store: s}
}

// book opens one; it is closed before its disk.
func book(t *testing.T, d *disk, admin string, c *clock) *Book {
	t.Helper()
	b, err := open(t.Context(), d, admin, quiet, c.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func noon() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func who(t *testing.T, b *Book, secret string) string {
	t.Helper()
	h, ok := b.Identify(secret)
	if !ok {
		return "nobody"
	}
	return h.Name + " " + string(h.Role)
}

func TestTokenOutlivesTheServer(t *testing.T) {
	d, c := newDisk(t), noon()
	b := book(t, d, "first", c)
	made, secret, err := b.Create(t.Context(), "admin", "ci", api.RoleOperator)
	if err != nil || made.Name != "ci" || made.Role != api.RoleOperator || made.CreatedBy != "admin" || made.LastUsedAt != nil ||
		!strings.HasPrefix(secret, "sluice_") || len(secret) < 30 {
		t.Fatalf("%+v, %q, %v", made, secret, err)
	}
	_, gone, err := b.Create(t.Context(), "admin", "gone", api.RoleViewer)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Revoke(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	b.Close()
	records, err := d.Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if strings.Contains(secret, r.SHA256) || r.SHA256 == "" {
			t.Errorf("the record holds the token: %+v", r)
		}
	}
	// The admin token's file was deleted meanwhile, so there is another.
	again := book(t, d, "second", c)
	for secret, want := range map[string]string{
		secret: "ci operator", gone: "nobody", "first": "nobody", "second": "admin admin", "": "nobody", "x": "nobody",
	} {
		if got := who(t, again, secret); got != want {
			t.Errorf("%q is %s, want %s", secret, got, want)
		}
	}
	if list := again.List(); len(list) != 2 || list[0].Name != "admin" || list[1].Name != "ci" {
		t.Errorf("List: %+v", list)
	}
}

func TestRevokedAtOnce(t *testing.T) {
	b := book(t, newDisk(t), "first", noon())
	_, secret, err := b.Create(t.Context(), "admin", "ci", api.RoleViewer)
	if err != nil {
		t.Fatal(err)
	}
	h, ok := b.Identify(secret)
	if !ok {
		t.Fatal("a new token is not known")
	}
	select {
	case <-h.Revoked:
		t.Fatal("revoked before it was")
	default:
	}
	if err := b.Revoke(t.Context(), "ci"); err != nil {
		t.Fatal(err)
	}
	if got := who(t, b, secret); got != "nobody" {
		t.Errorf("a revoked token is %s", got)
	}
	select {
	case <-h.Revoked:
	default:
		t.Error("the holder is not told")
	}
	// The name may be used again, with another token.
	if _, again, err := b.Create(t.Context(), "admin", "ci", api.RoleAdmin); err != nil || again == secret || who(t, b, again) != "ci admin" || who(t, b, secret) != "nobody" {
		t.Errorf("made again: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	d := newDisk(t)
	b := book(t, d, "first", noon())
	if _, _, err := b.Create(t.Context(), "admin", "ci", api.RoleViewer); err != nil {
		t.Fatal(err)
	}
	create := func(name string, role api.Role) error {
		_, secret, err := b.Create(t.Context(), "admin", name, role)
		if secret != "" {
			t.Errorf("%s: a token and %v", name, err)
		}
		return err
	}
	var (
		invalid *InvalidError
		exists  *ExistsError
		missing *NotFoundError
		kept    *KeptError
	)
	for _, c := range []struct {
		what string
		err  error
		as   any
		says string
	}{
		{"taken", create("ci", api.RoleAdmin), &exists, `"ci"`},
		{"admin", create("admin", api.RoleAdmin), &exists, `"admin"`},
		{"no name", create("", api.RoleViewer), &invalid, "name"},
		{"bad name", create("Me!", api.RoleViewer), &invalid, `"Me!"`},
		{"bad role", create("x", "root"), &invalid, "viewer, operator and admin"},
		{"no role", create("x", ""), &invalid, "role"},
		{"revoke nobody", b.Revoke(t.Context(), "x"), &missing, `"x"`},
		{"revoke admin", b.Revoke(t.Context(), "admin"), &kept, "admin.token"},
	} {
		if c.err == nil || !errors.As(c.err, c.as) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v", c.what, c.err)
		}
	}
	if list := b.List(); len(list) != 2 {
		t.Errorf("%+v", list)
	}
	// What cannot be written has not happened.
	full := errors.New("the disk is full")
	d.fail(full)
	if err := create("x", api.RoleViewer); !errors.Is(err, full) {
		t.Errorf("create on a full disk: %v", err)
	}
	if err := b.Revoke(t.Context(), "ci"); !errors.Is(err, full) {
		t.Errorf("revoke on a full disk: %v", err)
	}
	if list := b.List(); len(list) != 2 {
		t.Errorf("after failures: %+v", list)
	}
	if got := who(t, b, "first"); got != "admin admin" {
		t.Errorf("a use that cannot be recorded: %s", got)
	}
}

func TestLastUseIsCoarse(t *testing.T) {
	d, c := newDisk(t), noon()
	b := book(t, d, "first", c)
	before := d.written()
	for range 100 {
		b.Identify("first")
		c.pass(time.Second)
	}
	b.Close()
	if n := d.written() - before; n != 1 {
		t.Errorf("%d writes for 100 uses within two minutes, want 1", n)
	}
	c.pass(usedEvery)
	b.Identify("first")
	b.Close()
	again := book(t, d, "first", c)
	if last := again.List()[0].LastUsedAt; last == nil || !last.Equal(c.now()) {
		t.Errorf("last use %v, want %v", last, c.now())
	}
}

// A token that is used and revoked at the same moment stays revoked.
func TestUseDoesNotBringBack(t *testing.T) {
	d, c := newDisk(t), noon()
	b := book(t, d, "first", c)
	for range 30 {
		_, secret, err := b.Create(t.Context(), "admin", "ci", api.RoleViewer)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { b.Identify(secret) })
		}
		wg.Go(func() {
			if err := b.Revoke(context.Background(), "ci"); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		b.Close()
		list, err := d.Tokens(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
	}
}
