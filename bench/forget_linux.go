package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget has the kernel drop what it holds of a file in memory.
func forget(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
