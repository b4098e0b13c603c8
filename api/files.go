package api

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// FileKind says what a version uses a file for.
type FileKind string

const (
	FileModel    FileKind = "model"    // model_path
	FileWarmUp   FileKind = "warm_up"  // warm_up_data_path
	FileProgram  FileKind = "program"  // the first word of the command
	FileArgument FileKind = "argument" // another word of it
	FileImage    FileKind = "image"    // not a file: containers[0].image, whose digest a registry has
)

// File is something outside of its configuration that a version refers to.
type File struct {
	Kind FileKind
	Path string
}

// Files lists what makes up a version besides its configuration (design rule
// 5): model_path, warm_up_data_path, the program, and the other words of the
// command that may name a file, also behind --flag=. An argument counts only if
// it is a regular file, which the caller looks at.
//
// All are absolute when the file has a working directory, except that a program
// without a slash stays a bare name, to be looked up in PATH. Left out are
// addresses, what depends on the port, what only a script names, and what a
// replica writes rather than reads, by its name: --log-file x, --record=x,
// out.log.
func Files(s *Spec) []File {
	var files []File
	add := func(kind FileKind, path string) {
		clean := filepath.Clean(path)
		if path == "" || clean == "." || clean == ".." || clean == "/" || isAddress(path) || strings.Contains(path, portMark) {
			return
		}
		if kind != FileProgram || strings.Contains(path, "/") {
			path = filepath.Clean(s.Abs(path))
		}
		if !slices.ContainsFunc(files, func(f File) bool { return f.Path == path }) {
			files = append(files, File{kind, path})
		}
	}
	add(FileModel, s.ModelPath)
	add(FileWarmUp, s.WarmUpData)
	words, err := Words(s.Container.Command, s.lookupEnv(func(name string) string {
		if name == "PORT" {
			return portMark
		}
		return ""
	}))
	if err != nil {
		return files
	}
	add(FileProgram, words[0])
	for _, word := range readWords(words[1:]) {
		add(FileArgument, word)
	}
	return files
}

// Words that name something a replica writes: its content changes all the time
// and says nothing about the version.
var (
	writtenFlag = regexp.MustCompile(`(?i)^-+([a-z0-9]+[-_])*(log|logs|logfile|out|output|record|pid|pidfile|sock|socket|trace|profile|cache|tmp|temp|stats|metrics|report|dump|state|db|history)([-_](file|path|dir|to))*$`)
	writtenName = regexp.MustCompile(`(?i)\.(log|out|err|pid|sock|lock|tmp|jsonl|ndjson|db|sqlite|prof|trace)$`)
)

// readWords are the words that may name files which are read, flags taken off.
func readWords(words []string) []string {
	var read []string
	for i, word := range words {
		flag, value := "", word
		if strings.HasPrefix(word, "-") {
			flag, value, _ = strings.Cut(word, "=")
		} else if i > 0 && strings.HasPrefix(words[i-1], "-") {
			flag = words[i-1]
		}
		if !writtenFlag.MatchString(flag) && !writtenName.MatchString(value) {
			read = append(read, value)
		}
	}
	return read
}
