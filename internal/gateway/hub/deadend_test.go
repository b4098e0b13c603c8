package hub

import (
	"io"
	"net"
)

// deadEnd is a connection whose other end sends raw, then closes, and reads
// whatever comes. The returned function waits until it is over.
func deadEnd(raw []byte) (wait func(), conn net.Conn) {
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		read := make(chan struct{})
		go func() { defer close(read); io.Copy(io.Discard, ours) }()
		ours.Write(raw) // fails when the hub hangs up first
		ours.Close()
		<-read
	}()
	return func() { <-done }, theirs
}
