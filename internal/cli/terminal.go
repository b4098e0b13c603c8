package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// terminal tells whether a person is at the other end: only a terminal has a
// window size.
func terminal(stream any) bool {
	_, ok := window(stream)
	return ok
}

// width is that of the terminal, 80 where it does not say.
func width(stream any) int {
	if size, ok := window(stream); ok && size.Col > 0 {
		return int(size.Col)
	}
	return 80
}

func window(stream any) (*unix.Winsize, bool) {
	file, ok := stream.(*os.File)
	if !ok {
		return nil, false
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	return size, err == nil
}

// dumb terminals, such as those of editors, cannot go back in a line.
func dumb() bool { return os.Getenv("TERM") == "dumb" }
