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
	trust, err := TrustedBy(file)
	if err != nil {
		return err
	}
	transport := &http.Transport{}
	if usual, ok := http.DefaultTransport.(*http.Transport); ok { // else somebody has replaced it
		transport = usual.Clone()
	}
	transport.TLSClientConfig = trust
	c.http = &http.Client{Transport: transport}
	return nil
}

// TrustedBy accepts servers whose certificate is signed by an authority in file
// (PEM), and no others.
func TrustedBy(file string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
