// Package console holds the web console's page and files, and serves them: one
// page for every URL of the console, modules and style sheets below an address that
// has their digest in it.
//
// Contract: everything is in the binary, as it was written, without a build step;
// no page asks another host for anything, and a content security policy holds the
// browser to that. There is nothing secret in what is served here, so it needs no
// login; everything a page shows comes from the API.
//
// Neighbours: package server, which puts it before the API and logs people in.
package console
