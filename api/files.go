package api

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Files lists what makes up a version besides its configuration (design rule
// 5): content is model_path, warm_up_data_path and the program; arguments are
// the other words of the command that may name a file, also behind --flag=. An
// argument counts only if it is a regular file, which the caller looks at.
//
// All are absolute when the file has a working directory, except that a program
// without a slash stays a bare name, to be looked up in PATH. Left out are
// addresses, what depends on the port, what only a script names, and what a
// replica writes rather than reads, by its name: --log-file x, --record=x,
// out.log.
func Files(s *Spec) (content, arguments []string) {
	add := func(list *[]string, path string) {
		clean := filepath.Clean(path)
		if path == "" || clean == "." || clean == ".." || clean == "/" || isAddress(path) || strings.Contains(path, portMark) {
			return
		}
		path = filepath.Clean(s.Abs(path))
		if !slices.Contains(content, path) && !slices.Contains(arguments, path) {
			*list = append(*list, path)
		}
	}
	add(&content, s.ModelPath)
	add(&content, s.WarmUpData)
	words, err := Words(s.Container.Command, s.lookupEnv(func(name string) string {
		if name == "PORT" {
			return portMark
		}
		return ""
	}))
	if err != nil {
		return content, arguments
	}
	if program := words[0]; strings.Contains(program, "/") {
		add(&content, program)
	} else if !slices.Contains(content, program) {
		content = append(content, program)
	}
	for _, word := range readWords(words[1:]) {
		add(&arguments, word)
	}
	return content, arguments
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
