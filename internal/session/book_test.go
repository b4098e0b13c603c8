package session

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/server/servertest"
	"sluice.dev/sluice/internal/token"
)

// desk is a book of sessions with the tokens behind it.
type desk struct {
	*testing.T
	*Book
	tokens *token.Book
	log    bytes.Buffer
}

// at opens one in a bubble of its own, where time passes as the test says.
func at(t *testing.T, test func(d *desk)) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, tokens: servertest.Tokens("secret")}
		d.Book = Open(d.tokens, filepath.Join(t.TempDir(), "sessions.json"), slog.New(slog.NewTextHandler(&d.log, nil)))
		test(d)
		d.tokens.Close()
	})
}

func (d *desk) holder(name string, role api.Role) token.Holder {
	d.Helper()
	if name == token.Admin {
		h, _ := d.tokens.Identify("secret")
		return h
	}
	_, secret, err := d.tokens.Create(d.Context(), token.Admin, name, role)
	if err != nil {
		d.Fatal(err)
	}
	h, _ := d.tokens.Identify(secret)
	return h
}

// again is another server with the same file.
func (d *desk) again() { d.Book = Open(d.tokens, d.file, slog.New(slog.NewTextHandler(&d.log, nil))) }

// in tells whether a session is good.
func (d *desk) in(secret string) bool {
	_, ok := d.Identify(secret)
	return ok
}

func TestSessionIsItsTokens(t *testing.T) {
	at(t, func(d *desk) {
		bob := d.holder("bob", api.RoleOperator)
		secret, s := d.Login(bob)
		if s.Name != "bob" || s.Role != api.RoleOperator || s.Shared || s.CSRF == "" || strings.Contains(secret, s.CSRF) || !s.ExpiresAt.Equal(time.Now().Add(Longest)) {
			t.Errorf("%+v", s)
		}
		other, o := d.Login(bob)
		if other == secret || o.CSRF == s.CSRF {
			t.Error("two sessions share a secret")
		}
		got, ok := d.Identify(secret)
		if !ok || got.CSRF != s.CSRF || got.Name != "bob" {
			t.Errorf("%+v, %v", got, ok)
		}
		for _, wrong := range []string{"", "x", secret + "x", secret[1:], digest(secret), s.CSRF} {
			if d.in(wrong) {
				t.Errorf("%q is a session", wrong)
			}
		}
		if err := d.tokens.Revoke(t.Context(), "bob"); err != nil {
			t.Fatal(err)
		}
		d.holder("bob", api.RoleAdmin) // the name again, not the token
		if d.in(secret) || d.in(other) {
			t.Error("the sessions of a revoked token go on")
		}
		select {
		case <-s.Ended:
		default:
			t.Error("the session's streams are not told")
		}
	})
}

func TestHowLongASessionLasts(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(d *desk, secret string)
		want bool
	}{
		"used":        {func(*desk, string) { time.Sleep(Idle - time.Second) }, true},
		"idle":        {func(*desk, string) { time.Sleep(Idle) }, false},
		"used often":  {func(d *desk, s string) { often(d, s, Longest-time.Second) }, true},
		"too long":    {func(d *desk, s string) { often(d, s, Longest) }, false},
		"with stream": {func(d *desk, s string) { d.Hold(s); time.Sleep(3 * Idle) }, true},
		"stream gone": {func(d *desk, s string) { d.Hold(s)(); time.Sleep(Idle) }, false},
		"after one":   {func(d *desk, s string) { r := d.Hold(s); time.Sleep(2 * Idle); r(); time.Sleep(Idle / 2) }, true},
		"logout":      {func(d *desk, s string) { d.End(s) }, false},
		"restart":     {func(d *desk, _ string) { d.again() }, true},
		"late start":  {func(d *desk, _ string) { time.Sleep(Idle); d.again() }, false},
		"out and up":  {func(d *desk, s string) { d.End(s); d.again() }, false},
		"no file":     {func(d *desk, _ string) { os.Remove(d.file); d.again() }, false},
		"bad file":    {func(d *desk, _ string) { os.WriteFile(d.file, []byte(`{"sessions":[null,`), 0o600); d.again() }, false},
		"odd file": {func(d *desk, _ string) {
			os.WriteFile(d.file, []byte(`{"sessions":[null],"links":[null]}`), 0o600)
			d.again()
		}, false},
	} {
		at(t, func(d *desk) {
			secret, s := d.Login(d.holder(token.Admin, api.RoleAdmin))
			c.do(d, secret)
			got, ok := d.Identify(secret)
			if ok != c.want || ok && got.CSRF != s.CSRF {
				t.Errorf("%s: %v, want %v", name, ok, c.want)
			}
			if warned := strings.Contains(d.log.String(), "people log in again"); warned != (name == "bad file") {
				t.Errorf("%s: the log: %s", name, d.log.String())
			}
		})
	}
}

func often(d *desk, secret string, span time.Duration) {
	for end := time.Now().Add(span); ; {
		d.in(secret)
		if time.Until(end) <= time.Hour {
			time.Sleep(time.Until(end))
			return
		}
		time.Sleep(time.Hour)
	}
}

func TestFileOpensNothing(t *testing.T) {
	at(t, func(d *desk) {
		admin := d.holder(token.Admin, api.RoleAdmin)
		secret, s := d.Login(admin)
		code, _, err := d.Link(admin, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(d.file)
		info, statErr := os.Stat(d.file)
		if err != nil || statErr != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, %v, %v", err, statErr, info.Mode())
		}
		for _, hidden := range []string{secret, code, s.CSRF, "secret"} {
			if bytes.Contains(text, []byte(hidden)) {
				t.Errorf("the file holds %q: %s", hidden, text)
			}
		}
		// What the file holds is no secret of a session or code of a link.
		for _, found := range strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(`{}[]",:`, r) }) {
			if _, _, ok := d.Redeem(found); ok || d.in(found) {
				t.Errorf("%q opens a session", found)
			}
		}
	})
}

// TestFileThatCannotBeWritten: people work on.
func TestFileThatCannotBeWritten(t *testing.T) {
	at(t, func(d *desk) {
		d.file = filepath.Join(d.file, "no", "such", "folder")
		secret, _ := d.Login(d.holder(token.Admin, api.RoleAdmin))
		if !d.in(secret) || !strings.Contains(d.log.String(), "cannot be written") {
			t.Errorf("%s", d.log.String())
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	at(t, func(d *desk) {
		admin, bob := d.holder(token.Admin, api.RoleAdmin), d.holder("bob", api.RoleViewer)
		code, _, _ := d.Link(admin, time.Hour)
		first, _ := d.Login(admin)
		other, _ := d.Login(bob)
		shared, _, _ := d.Redeem(code)
		var used string
		for i := range sessionsEach {
			time.Sleep(time.Second)
			if secret, _ := d.Login(admin); i == 0 {
				used = secret
			}
			if i < sessionsEach-1 {
				d.in(first) // the others are older in use
			}
		}
		if !d.in(first) || d.in(used) || !d.in(other) || !d.in(shared) {
			t.Errorf("the one in use %v, the unused %v, another token's %v, a guest's %v", d.in(first), d.in(used), d.in(other), d.in(shared))
		}
		if n := len(d.sessions); n != sessionsEach+2 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestLinks(t *testing.T) {
	for name, c := range map[string]struct {
		share time.Duration
		do    func(d *desk, code string)
		want  string // who comes in
	}{
		"own":            {0, func(*desk, string) {}, "bob operator"},
		"just in time":   {0, func(*desk, string) { time.Sleep(OneTime - time.Second) }, "bob operator"},
		"too late":       {0, func(*desk, string) { time.Sleep(OneTime) }, ""},
		"twice":          {0, func(d *desk, code string) { d.Redeem(code) }, ""},
		"restart":        {0, func(d *desk, _ string) { d.again() }, "bob operator"},
		"twice, restart": {0, func(d *desk, code string) { d.Redeem(code); d.again() }, ""},
		"revoked":        {0, func(d *desk, _ string) { d.tokens.Revoke(d.Context(), "bob") }, ""},
		"unshare":        {0, func(d *desk, _ string) { d.Unshare(d.holder(token.Admin, "")) }, "bob operator"},
		"shared":         {time.Hour, func(*desk, string) {}, "shared by bob viewer"},
		"shared, twice":  {time.Hour, func(d *desk, code string) { d.Redeem(code); d.again() }, "shared by bob viewer"},
		"shared, late":   {time.Hour, func(*desk, string) { time.Sleep(time.Hour) }, ""},
		"shared, gone":   {time.Hour, func(d *desk, _ string) { d.tokens.Revoke(d.Context(), "bob"); d.again() }, ""},
	} {
		at(t, func(d *desk) {
			code, ends, err := d.Link(d.holder("bob", api.RoleOperator), c.share)
			if want := max(OneTime, c.share); err != nil || !ends.Equal(time.Now().Add(want)) {
				t.Errorf("%s: ends %v, %v", name, ends, err)
			}
			c.do(d, code)
			secret, s, ok := d.Redeem(code)
			if got := strings.TrimSpace(s.Name + " " + string(s.Role)); got != c.want || ok != (c.want != "") || ok != d.in(secret) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		})
	}
}

// TestSharedSessionsEndWithTheirLink: by time, and by hand, also after a restart.
func TestSharedSessionsEndWithTheirLink(t *testing.T) {
	for name, end := range map[string]func(d *desk, by token.Holder){
		"time": func(*desk, token.Holder) { time.Sleep(2 * time.Hour) },
		"hand": func(d *desk, by token.Holder) {
			if n := d.Unshare(by); n != 1 {
				d.Errorf("%d links have ended", n)
			}
		},
		"restart": func(d *desk, by token.Holder) { d.Unshare(by); d.again() },
	} {
		at(t, func(d *desk) {
			bob, admin := d.holder("bob", api.RoleOperator), d.holder(token.Admin, "")
			own, _ := d.Login(bob)
			code, _, _ := d.Link(bob, 2*time.Hour)
			others, _, _ := d.Link(admin, 3*time.Hour)
			guest, s, _ := d.Redeem(code)
			another, _, _ := d.Redeem(others)
			if !s.Shared || !s.ExpiresAt.Equal(time.Now().Add(2*time.Hour)) || !d.in(guest) {
				t.Fatalf("%s: %+v", name, s)
			}
			d.again()
			if !d.in(guest) {
				t.Errorf("%s: ended by a restart", name)
			}
			end(d, bob)
			if d.in(guest) || !d.in(own) || !d.in(another) {
				t.Errorf("%s: guest %v, own %v, another's guest %v", name, d.in(guest), d.in(own), d.in(another))
			}
		})
	}
}

func TestLinksAreBounded(t *testing.T) {
	at(t, func(d *desk) {
		bob, admin := d.holder("bob", api.RoleViewer), d.holder(token.Admin, "")
		for range linksEach {
			if _, _, err := d.Link(bob, 0); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := d.Link(bob, 0); err == nil || !strings.Contains(err.Error(), `100 links of token "bob"`) {
			t.Errorf("one more: %v", err)
		}
		if _, _, err := d.Link(admin, 0); err != nil {
			t.Errorf("another's: %v", err)
		}
		time.Sleep(OneTime)
		if _, _, err := d.Link(bob, 0); err != nil {
			t.Errorf("when those are over: %v", err)
		}
	})
}

// TestOthersTokensLookUnused: an admin who asks which tokens nobody uses any more
// must not be misled by sessions that lie about.
func TestOthersTokensLookUnused(t *testing.T) {
	at(t, func(d *desk) {
		bob, admin := d.holder("bob", api.RoleViewer), d.holder(token.Admin, "")
		left, _ := d.Login(bob)
		if _, _, err := d.Link(bob, 48*time.Hour); err != nil {
			t.Fatal(err)
		}
		used := func() time.Time {
			for _, one := range d.tokens.List() {
				if one.Name == "bob" && one.LastUsedAt != nil {
					return one.LastUsedAt.Time
				}
			}
			t.Fatal("bob's token was never used")
			return time.Time{}
		}
		before := used()
		time.Sleep(Idle - time.Minute)
		d.Login(admin)
		d.again()
		if got := used(); !got.Equal(before) {
			t.Errorf("another's login made it look used at %s, not %s", got, before)
		}
		time.Sleep(2 * time.Minute)
		if d.in(left) || !used().Equal(before) {
			t.Errorf("a session that was over made it look used at %s, not %s", used(), before)
		}
	})
}
