// Package content tells the state of the files a version refers to: its model,
// its program and its scripts. The controller compares that state to tell
// whether an update with the same configuration changes anything, and records
// it with each version. It only reads.
package content

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

// maxFiles bounds how many files of a model's folder are looked at; of a larger
// folder only the first that many, in order of name, count.
const maxFiles = 10_000

// Files implements the controller's Content on this machine's file system.
type Files struct{}

// Digests looks at inode, size and modification time. A name without a slash is
// a program and looked for in PATH. Content that is not there has an empty Stat;
// an argument counts only if it is a regular file.
func (Files) Digests(files []api.File) []api.Digest {
	digests := make([]api.Digest, 0, len(files))
	for _, f := range files {
		switch info, err := os.Stat(f.Path); {
		case f.Kind == api.FileImage:
			digests = append(digests, api.Digest{Kind: f.Kind, Path: f.Path})
		case f.Kind == api.FileArgument && (err != nil || !info.Mode().IsRegular()):
		default:
			path := located(f.Path)
			digests = append(digests, api.Digest{Kind: f.Kind, Path: path, Stat: stat(path)})
		}
	}
	return digests
}

func located(name string) string {
	if !strings.ContainsRune(name, filepath.Separator) {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return name
}

func stat(path string) string {
	sum := sha256.New()
	n := 0
	err := walk(path, func(name string, info fs.FileInfo) error {
		n++
		fmt.Fprintf(sum, "%s\x00%d\x00%d\x00%d\x00", name, inode(info), info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if err != nil || n == 0 {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// walk visits the regular files at and below path, links followed at the top
// only, by name relative to path.
func walk(path string, visit func(name string, info fs.FileInfo) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		return visit("", info)
	}
	if !info.IsDir() {
		return nil // a device or a socket has no content of its own
	}
	n := 0
	return filepath.WalkDir(path+string(filepath.Separator), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if n++; n > maxFiles {
			return fs.SkipAll
		}
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			return nil // a dangling link says nothing
		}
		rel, err := filepath.Rel(path, name)
		if err != nil {
			return err
		}
		return visit(rel, info)
	})
}

// Hash fills in SHA256: of a file its content's, of a folder that of the names
// and contents of its files.
func (Files) Hash(ctx context.Context, digests []api.Digest) ([]api.Digest, error) {
	hashed := make([]api.Digest, len(digests))
	for i, d := range digests {
		hashed[i] = d
		if d.Stat == "" {
			continue
		}
		sum, err := hash(ctx, d.Path)
		if err != nil {
			return nil, err
		}
		if stat(d.Path) == d.Stat { // else it changed meanwhile, and the hash is of something else
			hashed[i].SHA256 = sum
		}
	}
	return hashed, nil
}

func hash(ctx context.Context, path string) (string, error) {
	sum := sha256.New()
	err := walk(path, func(name string, _ fs.FileInfo) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		full := path
		if name != "" {
			full = filepath.Join(path, name)
			fmt.Fprintf(sum, "%s\x00", name)
		}
		f, err := os.Open(full)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(sum, f)
		return err
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Compare looks at inode, size and times.
func (Files) Compare(_ context.Context, d api.Digest, _ bool) (history.Condition, string) {
	switch stat(d.Path) {
	case d.Stat:
		return history.Same, ""
	case "":
		return history.Missing, d.Path + " does not exist"
	}
	return history.Changed, d.Path + " changed since"
}

func (Files) Cost([]api.Digest) int64 { return math.MaxInt64 }

func (Files) Keep(context.Context, []api.Digest) ([]api.Digest, error) {
	return nil, errors.New("no copies are kept here")
}

func (Files) Kept(api.Digest) string { return "" }

func (Files) Sweep(func(string) bool) error { return nil }
