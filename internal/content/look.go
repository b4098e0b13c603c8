package content

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxFiles bounds a folder, since links to folders can multiply without end
// though none is a loop.
const maxFiles = 1_000_000

// identity tells a file's content without reading it: a write changes ctime,
// which no program can set back.
type identity struct {
	dev, ino, size uint64
	mtime, ctime   int64
}

func identityOf(st *unix.Stat_t) identity {
	return identity{dev: uint64(st.Dev), ino: uint64(st.Ino), size: uint64(st.Size), mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano()}
}

// entryKind is a field of the list that is hashed (package comment), except for
// what cannot be read.
type entryKind byte

const (
	plain      entryKind = '-'
	executable entryKind = 'x'
	link       entryKind = 'l' // leads nowhere, or to a folder above itself
	empty      entryKind = 'd' // an empty folder
	unreadable entryKind = '!'
)

// entry is something in a folder, or the only entry of a file, named "".
type entry struct {
	name   string
	kind   entryKind
	id     identity // of plain and executable
	target string   // of a link; why it is unreadable
}

func (e *entry) regular() bool { return e.kind == plain || e.kind == executable }

// tree is a file, or a folder's entries sorted by name.
type tree struct {
	path    string
	folder  bool
	entries []entry
	bytes   int64
	tooMany bool
}

func (t *tree) at(e *entry) string {
	if e.name == "" {
		return t.path
	}
	return t.path + "/" + e.name
}

// look takes the state of a file or folder. The error says why there is none; it
// is fs.ErrNotExist for a path that leads nowhere, too.
func look(path string) (*tree, error) {
	t := &tree{path: path}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		if target, linkErr := os.Readlink(path); linkErr == nil && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP)) {
			return nil, fmt.Errorf("%s is a link to %s, which does not exist%w", path, target, hidden{fs.ErrNotExist})
		}
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			return nil, fmt.Errorf("%s does not exist%w", path, hidden{fs.ErrNotExist})
		}
		return nil, fmt.Errorf("%s cannot be looked at: %w", path, err)
	}
	switch uint32(st.Mode) & unix.S_IFMT {
	case unix.S_IFREG:
		t.add(entry{kind: mode(&st), id: identityOf(&st)})
	case unix.S_IFDIR:
		t.folder = true
		t.walk("", []identity{identityOf(&st)})
		slices.SortFunc(t.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	default:
		return nil, fmt.Errorf("%s is neither a file nor a folder%w", path, hidden{fs.ErrInvalid})
	}
	return t, nil
}

// hidden is an error to be told apart by errors.Is whose text is said already.
type hidden struct{ error }

func (hidden) Error() string   { return "" }
func (h hidden) Unwrap() error { return h.error }

func mode(st *unix.Stat_t) entryKind {
	if uint32(st.Mode)&unix.S_IXUSR != 0 {
		return executable
	}
	return plain
}

func (t *tree) add(e entry) {
	if len(t.entries) >= maxFiles {
		t.tooMany = true
		return
	}
	t.entries = append(t.entries, e)
	if e.regular() {
		t.bytes += int64(e.id.size)
	}
}

// walk adds what is in a folder. The folders above it, itself included, show a
// link that leads back.
func (t *tree) walk(rel string, above []identity) {
	path := filepath.Join(t.path, rel)
	dir, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	var list []os.DirEntry
	if err == nil {
		list, err = dir.ReadDir(-1)
		defer dir.Close()
	}
	if err != nil {
		t.add(entry{name: rel, kind: unreadable, target: err.Error()})
		return
	}
	type folder struct {
		name string
		id   identity
	}
	var below []folder
	found := false
	for _, d := range list {
		if t.tooMany {
			return
		}
		name := d.Name()
		if rel != "" {
			name = rel + "/" + name
		}
		var st unix.Stat_t
		switch err := unix.Fstatat(int(dir.Fd()), d.Name(), &st, 0); {
		case err != nil && d.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(filepath.Join(path, d.Name()))
			t.add(entry{name: name, kind: link, target: target})
		case errors.Is(err, fs.ErrNotExist):
			continue // gone meanwhile
		case err != nil:
			t.add(entry{name: name, kind: unreadable, target: err.Error()})
		case uint32(st.Mode)&unix.S_IFMT == unix.S_IFREG:
			t.add(entry{name: name, kind: mode(&st), id: identityOf(&st)})
		case uint32(st.Mode)&unix.S_IFMT != unix.S_IFDIR:
			continue
		case slices.ContainsFunc(above, func(a identity) bool { return a.dev == uint64(st.Dev) && a.ino == uint64(st.Ino) }):
			target, _ := os.Readlink(filepath.Join(path, d.Name()))
			t.add(entry{name: name, kind: link, target: target})
		default:
			below = append(below, folder{name, identityOf(&st)})
		}
		found = true
	}
	if !found && rel != "" {
		t.add(entry{name: rel, kind: empty})
	}
	dir.Close() // no more than one folder is open at a time, however deep they are
	for _, f := range below {
		t.walk(f.name, append(slices.Clip(above), f.id))
	}
}

// stat is Digest.Stat: it changes with each inode, size and time, and with what
// links mean. The device is left out: its number may be another after a boot.
func (t *tree) stat() string {
	sum := sha256.New()
	var b []byte
	for i := range t.entries {
		e := &t.entries[i]
		b = append(b[:0], e.name...)
		b = append(b, 0, byte(e.kind))
		for _, n := range []uint64{e.id.ino, e.id.size, uint64(e.id.mtime), uint64(e.id.ctime)} {
			b = strconv.AppendUint(append(b, 0), n, 16)
		}
		b = append(append(append(b, 0), e.target...), 0)
		sum.Write(b)
	}
	if t.folder {
		sum.Write([]byte{'/'})
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// problem says why a tree cannot be hashed whole, nil if it can.
func (t *tree) problem() error {
	if t.tooMany {
		return fmt.Errorf("%s has more than %d files", t.path, maxFiles)
	}
	for i := range t.entries {
		if e := &t.entries[i]; e.kind == unreadable {
			return fmt.Errorf("%s cannot be read: %s", t.at(e), e.target)
		}
	}
	return nil
}

// note tells what in a folder is no content, "" for nothing.
func (t *tree) note() string {
	n, first := 0, ""
	for i := range t.entries {
		if e := &t.entries[i]; e.kind == link {
			if n++; n == 1 {
				first = e.name + " -> " + e.target
			}
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%s: the link %s leads to no file", t.path, first)
	}
	return fmt.Sprintf("%s: %d links lead to no file, first %s", t.path, n, first)
}

// listed writes an entry's record of the list that is hashed.
func (e *entry) listed(to hash.Hash, sha string) {
	size := uint64(0)
	if e.regular() {
		size = e.id.size
	}
	fmt.Fprintf(to, "%s\x00%c\x00%d\x00%s\x00%s\x00", e.name, e.kind, size, sha, e.target)
}

// digest is the SHA-256 of the whole, from those of its entries.
func (t *tree) digest(sums []string) string {
	if !t.folder {
		return sums[0]
	}
	list := sha256.New()
	for i := range t.entries {
		t.entries[i].listed(list, sums[i])
	}
	return hex.EncodeToString(list.Sum(nil))
}
