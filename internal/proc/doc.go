// Package proc names processes of this machine for good: by pid and start time,
// so that a signal never reaches one that merely got the pid of another. It
// tells what the system says of processes and waits for their end without
// polling. The process runtime holds replicas with it, the supervisor the
// gateway.
package proc
