// Package certs keeps a TLS certificate as its files are: whoever renews it
// writes the files, and the next handshake uses them.
//
// Contract: what cannot be used (a half-written file, a key that does not fit)
// is reported and leaves the certificate before it in force. Connections that
// are open are not touched.
//
// Neighbours: the API's server and the gateway, which put Config into their
// listeners.
package certs
