package client

import (
	"crypto/tls"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice.dev/sluice/internal/certs/certstest"
	"sluice.dev/sluice/internal/server"
	"sluice.dev/sluice/internal/server/servertest"
)

// secure is the real server behind TLS, and the file of the authority that
// signed its certificate.
func secure(t *testing.T) (address, ca string) {
	authority, dir := certstest.New(t), t.TempDir()
	authority.Write("sluice", filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	memory := servertest.New()
	web := httptest.NewUnstartedServer(server.New(server.Config{Releases: memory, Tokens: servertest.Tokens("secret")}))
	web.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	web.StartTLS()
	t.Cleanup(func() {
		web.CloseClientConnections()
		memory.Close()
		web.Close()
	})
	return web.URL, authority.File
}

func TestPrivateAuthority(t *testing.T) {
	address, ca := secure(t)
	c := New(address, "secret")
	var unknown *tls.CertificateVerificationError
	if _, err := c.Services(t.Context()); !errors.As(err, &unknown) {
		t.Errorf("without the authority: %v", err)
	}
	if err := c.TrustCA(ca); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Services(t.Context()); err != nil {
		t.Errorf("with the authority: %v", err)
	}
	other := New(address, "secret")
	if err := other.TrustCA(certstest.New(t).File); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Services(t.Context()); !errors.As(err, &unknown) {
		t.Errorf("with another authority: %v", err)
	}
}

func TestWrongSchemeIsExplained(t *testing.T) {
	address, _ := secure(t)
	_, err := New(strings.Replace(address, "https:", "http:", 1), "secret").Services(t.Context())
	if err == nil || !strings.Contains(err.Error(), "https://") {
		t.Errorf("http to an https server: %v", err)
	}
}

func TestUnusableAuthority(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"/nowhere.pem", empty} {
		if err := New("https://localhost", "").TrustCA(file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
