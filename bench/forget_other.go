//go:build !linux

package main

// forget: only Linux is asked to read from the disk again.
func forget(string) error { return nil }
