package content

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"sluice.dev/sluice/api"
)

// keepable tells whether a copy elsewhere can take the place of the original:
// models, warm-up data and arguments can. A program can if it is a file by
// itself. A link, such as an environment's bin/python, one of the system's and
// one that PATH finds look for the rest of themselves where they are; the same
// goes for an argument that is a program.
func keepable(d api.Digest) bool {
	switch {
	case d.Kind == api.FileImage, d.System:
		return false
	}
	switch d.Kind {
	case api.FileProgram:
		return standsAlone(d.Path)
	case api.FileArgument:
		info, err := os.Stat(d.Path)
		return err != nil || info.Mode().Perm()&0o100 == 0 || standsAlone(d.Path)
	}
	return true
}

func standsAlone(path string) bool {
	if !strings.ContainsRune(path, filepath.Separator) || ofSystem(path) {
		return false
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return false
	}
	found, err := exec.LookPath(filepath.Base(path))
	return err != nil || found != path
}

// ofSystem tells whether a path is in a folder that belongs to the system, /opt
// not counted.
func ofSystem(path string) bool {
	parts := strings.Split(filepath.Clean(path), string(filepath.Separator))
	if len(parts) < 3 || parts[0] != "" {
		return false
	}
	return slices.Contains([]string{"usr", "bin", "sbin"}, parts[1]) || strings.HasPrefix(parts[1], "lib")
}
