// Package session knows who is logged in to the console: it opens sessions for
// holders of tokens, makes links that open one, and says whose a cookie is.
//
// Contract: a session is bound to the very token that it was opened with. It may
// do what the token may, in its name, and ends with it; nobody has to be told of
// a revocation, since each request asks the token again. Of a session's secret and
// of a link's code nothing is kept but a digest. Sessions and links outlive the
// server if they are given a file.
//
// Neighbours: package token behind Tokens; package server, which reads cookies and
// decides by the role what a request may do.
package session
