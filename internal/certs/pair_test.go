package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/internal/certs/certstest"
)

// rig is a pair whose clock the test moves.
type rig struct {
	t         *testing.T
	authority *certstest.Authority
	cert, key string
	pair      *Pair
	at        time.Time
	log       bytes.Buffer
}

func newRig(t *testing.T) *rig {
	dir := t.TempDir()
	r := &rig{t: t, authority: certstest.New(t), cert: filepath.Join(dir, "tls.crt"), key: filepath.Join(dir, "tls.key")}
	r.authority.Write("first", r.cert, r.key)
	var err error
	if r.pair, err = Load(r.cert, r.key, slog.New(slog.NewTextHandler(&r.log, nil))); err != nil {
		t.Fatal(err)
	}
	r.at = r.pair.looked
	r.pair.now = func() time.Time { return r.at }
	return r
}

// pass lets so much time go by that the next handshake looks at the files.
func (r *rig) pass() {
	r.pair.mu.Lock() // now is called under it
	defer r.pair.mu.Unlock()
	r.at = r.at.Add(lookEvery)
}

// inForce is the name in the certificate of the next handshake.
func (r *rig) inForce() string {
	r.t.Helper()
	cert, err := x509.ParseCertificate(r.pair.Certificate().Certificate[0])
	if err != nil {
		r.t.Fatal(err)
	}
	return cert.Subject.CommonName
}

func (r *rig) want(name string) {
	r.t.Helper()
	if got := r.inForce(); got != name {
		r.t.Fatalf("in force is %q, want %q; log: %s", got, name, r.log.String())
	}
}

func TestRenewed(t *testing.T) {
	r := newRig(t)
	r.want("first")
	r.authority.Write("second", r.cert, r.key)
	r.want("first") // looked at less than a second ago
	r.pass()
	r.want("second")
	r.pass()
	r.want("second")
	if r.log.Len() > 0 {
		t.Errorf("log: %s", r.log.String())
	}
}

// A renewal that writes one file after the other, with a look in between.
func TestHalfRenewed(t *testing.T) {
	r := newRig(t)
	cert, key := r.cert+".2", r.key+".2"
	r.authority.Write("second", cert, key)
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(cert, r.cert)
	for range 5 {
		r.pass()
		r.want("first")
	}
	if n := strings.Count(r.log.String(), "cannot be used"); n != 1 {
		t.Errorf("said %d times, want once: %s", n, r.log.String())
	}
	move(key, r.key)
	r.pass()
	r.want("second")
}

func TestDamagedAfterwards(t *testing.T) {
	for name, damage := range map[string]func(r *rig) error{
		"gone":      func(r *rig) error { return os.Remove(r.cert) },
		"key gone":  func(r *rig) error { return os.Remove(r.key) },
		"truncated": func(r *rig) error { return os.Truncate(r.cert, 40) },
		"nonsense":  func(r *rig) error { return os.WriteFile(r.key, []byte("hello"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if err := damage(r); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				r.pass()
				r.want("first")
			}
			if n := strings.Count(r.log.String(), "cannot be used"); n != 1 {
				t.Errorf("said %d times, want once: %s", n, r.log.String())
			}
			r.authority.Write("second", r.cert, r.key)
			r.pass()
			r.want("second")
		})
	}
}

func TestUnusableAtTheStart(t *testing.T) {
	r := newRig(t)
	other := filepath.Join(t.TempDir(), "other.key")
	r.authority.Write("other", other+".crt", other)
	for _, c := range []struct{ cert, key, says string }{
		{"/nowhere.crt", r.key, "/nowhere.crt"},
		{r.cert, "/nowhere.key", "/nowhere.key"},
		{r.cert, other, "does not match"},
		{r.key, r.cert, "PEM"},
	} {
		if _, err := Load(c.cert, c.key, slog.Default()); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s and %s: %v, want a word about %s", c.cert, c.key, err, c.says)
		}
	}
}

// Connections that are open go on over a renewal; new ones see the new one.
func TestOpenConnectionsGoOn(t *testing.T) {
	r := newRig(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", r.pair.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	old := r.dial(listener.Addr(), "first")
	defer old.Close()
	r.authority.Write("second", r.cert, r.key)
	r.pass()
	r.dial(listener.Addr(), "second").Close()
	echo(t, old)
}

// dial connects as somebody who trusts the authority, and wants to see name.
func (r *rig) dial(to net.Addr, name string) *tls.Conn {
	r.t.Helper()
	c, err := tls.Dial("tcp", to.String(), &tls.Config{RootCAs: r.authority.Pool})
	if err != nil {
		r.t.Fatal(err)
	}
	if got := c.ConnectionState().PeerCertificates[0].Subject.CommonName; got != name {
		r.t.Fatalf("the certificate is %q, want %q", got, name)
	}
	echo(r.t, c)
	return c
}

func echo(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, 5)
	if _, err := io.ReadFull(c, back); err != nil || string(back) != "hello" {
		t.Fatalf("%q, %v", back, err)
	}
}
