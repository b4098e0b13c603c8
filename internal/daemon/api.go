package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"sluice.dev/sluice/internal/certs"
)

// lastAnswers is how long requests may take that are in hand when the server
// ends.
const lastAnswers = 2 * time.Second

// APIFile is the part of the server's configuration file that is about the API.
type APIFile struct {
	// TLSCert and TLSKey are PEM files, read again when they change. Without
	// them the API is not encrypted. A relative path is one from the folder of
	// the configuration file.
	TLSCert string `yaml:"tls_cert"`
	TLSKey  string `yaml:"tls_key"`
}

// certificate opens what the API is encrypted with: what the flags name, else
// the configuration file; nil when neither names one.
func (c Config) certificate(f File) (*certs.Pair, error) {
	cert, key, where := c.TLSCert, c.TLSKey, [2]string{"--tls-cert", "--tls-key"}
	if cert == "" && key == "" {
		cert, key, where = c.beside(f.API.TLSCert), c.beside(f.API.TLSKey), [2]string{"api.tls_cert", "api.tls_key"}
	}
	return loadPair(cert, key, where, c.Log)
}

// gatewayFiles are the files that the gateway encrypts with, as absolute paths;
// "" for none. That they are usable is seen here, where the answer is at hand,
// and not in the log of the gateway, which reads them itself.
func (c Config) gatewayFiles(g GatewayLimits) (cert, key string, err error) {
	cert, key = c.beside(g.TLSCert), c.beside(g.TLSKey)
	pair, err := loadPair(cert, key, [2]string{"gateway.tls_cert", "gateway.tls_key"}, c.Log)
	if err != nil || pair == nil {
		return "", "", err
	}
	if cert, err = filepath.Abs(cert); err != nil {
		return "", "", err
	}
	key, err = filepath.Abs(key)
	return cert, key, err
}

// loadPair is nil when neither file is named; where are the names of the
// settings.
func loadPair(cert, key string, where [2]string, log *slog.Logger) (*certs.Pair, error) {
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "":
		return nil, fmt.Errorf("%s is missing; %s %q needs the certificate that belongs to it", where[0], where[1], key)
	case key == "":
		return nil, fmt.Errorf("%s is missing; %s %q needs the key that belongs to it", where[1], where[0], cert)
	}
	pair, err := certs.Load(cert, key, log)
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", where[0], where[1], err)
	}
	return pair, nil
}

// beside is a path of the configuration file, from the folder it is in.
func (c Config) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(c.path()), path)
}

// apiAddress is where callers reach the API.
func (p *plane) apiAddress() string {
	if p.certificate != nil {
		return "https://" + p.api.Addr().String()
	}
	return "http://" + p.api.Addr().String()
}

// serveAPI answers until ctx is done; pair nil is without TLS. Then no more are
// taken, watchers and followed logs, which have no end of their own, are told to
// end, and the others have lastAnswers to finish.
func serveAPI(ctx context.Context, l net.Listener, pair *certs.Pair, h http.Handler, log *slog.Logger) error {
	open, end := context.WithCancel(context.Background())
	defer end()
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return open },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelInfo), // mostly handshakes that callers gave up
	}
	failed := make(chan error, 1)
	if pair != nil {
		srv.TLSConfig = pair.Config()
		go func() { failed <- srv.ServeTLS(l, "", "") }()
	} else {
		go func() { failed <- srv.Serve(l) }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
	defer cancel()
	if srv.Shutdown(last) != nil {
		_ = srv.Close()
	}
	return nil
}
