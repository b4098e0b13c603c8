package process

import (
	"path/filepath"
	"strings"
)

// kept says where files are run from of which the place no longer has what the
// version recorded (see runtime.Launch.Files).
type kept struct {
	files map[string]string // from absolute path to that of the copy
	dir   string            // that relative paths are meant from
}

// path gives where a file is now. One below a folder of which there is a copy is
// in the copy. moved is false when it is where it was.
//
//	{/m/v1: /d/artifacts/trees/ab/v1}: /m/v1/config.json is /d/artifacts/trees/ab/v1/config.json
func (k kept) path(name string) (at string, moved bool) {
	if len(k.files) == 0 || name == "" {
		return name, false
	}
	full := within(k.dir, name)
	for place := full; ; place = filepath.Dir(place) {
		if copied, ok := k.files[place]; ok {
			return filepath.Join(copied, strings.TrimPrefix(full, place)), true
		}
		if place == filepath.Dir(place) {
			return name, false
		}
	}
}

// words replaces the files that a command names, also behind --flag=. The
// program's own name further on is a name: ./server --name server.
func (k kept) words(argv []string) {
	program := ""
	if len(argv) > 0 {
		program = within(k.dir, argv[0])
	}
	for i, word := range argv {
		flag, value, cut := strings.Cut(word, "=")
		switch {
		case i == 0 && !strings.Contains(word, "/"): // looked up in PATH
		case i > 0 && within(k.dir, word) == program:
		case strings.HasPrefix(word, "-") && cut:
			if at, moved := k.path(value); moved {
				argv[i] = flag + "=" + at
			}
		case !strings.HasPrefix(word, "-"):
			argv[i], _ = k.path(word)
		}
	}
}

// variables replaces the values that are the path of a file. A Python program
// looks for its modules beside itself, where those of a copy are not: they stay
// importable from where they were.
func (k kept) variables(env environment) {
	for name, value := range env {
		if name == "PWD" || name == "PATH" || name == "HOME" {
			continue
		}
		if at, moved := k.path(value); moved {
			env[name] = at
		}
	}
	for from := range k.files {
		if strings.HasSuffix(from, ".py") {
			list := []string{filepath.Dir(from)}
			if was := env["PYTHONPATH"]; was != "" {
				list = append(list, was)
			}
			env["PYTHONPATH"] = strings.Join(list, string(filepath.ListSeparator))
		}
	}
}
