package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// wholeBlocks is the largest number of bytes that can be cut off the head of f:
// whole blocks of its file system, and not all of it.
func wholeBlocks(f *os.File) (cut int64, ok bool) {
	info, err := f.Stat()
	if err != nil {
		return 0, false
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil || fs.Bsize <= 0 {
		return 0, false
	}
	block := int64(fs.Bsize)
	cut = (info.Size() - 1) / block * block
	return cut, cut > 0
}

// cutHead removes the first n bytes of f in one step; a writer that appends
// goes on at the new end.
func cutHead(f *os.File, n int64) error {
	return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_COLLAPSE_RANGE, 0, n)
}
