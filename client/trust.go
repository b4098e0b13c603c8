package client

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
)

// TrustCA has the client accept an https server whose certificate is signed by
// an authority in file (PEM), and no other: neither those that the system
// trusts. It is for a server with a private authority, and comes before the
// first request.
func (c *Client) TrustCA(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s holds no certificate in PEM", file)
	}
	transport := &http.Transport{}
	if usual, ok := http.DefaultTransport.(*http.Transport); ok { // else somebody has replaced it
		transport = usual.Clone()
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	c.http = &http.Client{Transport: transport}
	return nil
}
