package certs

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often handshakes look at the files at most.
const lookEvery = time.Second

// Pair is a certificate chain and its key in two PEM files. It is safe for
// concurrent use.
type Pair struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	mu     sync.Mutex
	cert   *tls.Certificate
	is     files     // what cert was read from
	said   string    // why the files cannot be used at present, so that it is said once
	looked time.Time // when handshakes last looked
}

// files are both files at one moment.
type files struct{ cert, key os.FileInfo }

// same tells whether nothing was written in between. A renewal may keep size and
// time (a restored backup), but then it is another file.
func (f files) same(g files) bool { return same(f.cert, g.cert) && same(f.key, g.key) }

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Load reads the two files, which have to be usable now. Later failures go to
// log.
func Load(certFile, keyFile string, log *slog.Logger) (*Pair, error) {
	p := &Pair{certFile: certFile, keyFile: keyFile, log: log, now: time.Now}
	at, err := p.stat()
	if err != nil {
		return nil, err
	}
	if p.cert, err = p.read(); err != nil {
		return nil, err
	}
	p.is, p.looked = at, p.now()
	return p, nil
}

// Config is for a server: TLS 1.2 at least, with the certificate that the files
// hold at each handshake.
func (p *Pair) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.Certificate(), nil },
	}
}

// Certificate is the one in force, after a look at the files if the last one is
// a second ago.
func (p *Pair) Certificate() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); now.Sub(p.looked) >= lookEvery {
		p.looked = now
		p.look()
	}
	return p.cert
}

// look takes over what has changed. Files that do not fit together are mostly a
// renewal between its two writes: they are tried again at the next look.
func (p *Pair) look() {
	at, err := p.stat()
	if err == nil && at.same(p.is) {
		p.said = ""
		return
	}
	var cert *tls.Certificate
	if err == nil {
		cert, err = p.read()
	}
	if err != nil {
		if p.said != err.Error() {
			p.log.Warn("the changed certificate cannot be used; the one before stays in force", "error", err)
		}
		p.said = err.Error()
		return
	}
	p.cert, p.is, p.said = cert, at, ""
}

// stat comes before read: what is written in between is seen at the next look.
func (p *Pair) stat() (at files, err error) {
	if at.cert, err = os.Stat(p.certFile); err != nil {
		return files{}, fmt.Errorf("the certificate cannot be read: %w", err)
	}
	if at.key, err = os.Stat(p.keyFile); err != nil {
		return files{}, fmt.Errorf("the key cannot be read: %w", err)
	}
	return at, nil
}

func (p *Pair) read() (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return nil, fmt.Errorf("%s and %s are no certificate with its key in PEM: %w", p.certFile, p.keyFile, err)
	}
	return &cert, nil
}
