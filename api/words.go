package api

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// portMark stands for the replica's port in a command.
const portMark = "{{port}}"

// maxCommandBytes also bounds how deep expansions can nest, which the parser
// follows by recursion.
const maxCommandBytes = 32 << 10

var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// Words splits containers[].command into the program and its arguments, as a
// POSIX shell splits and unquotes words and expands variables, but without a
// shell: pipes, redirections, lists and command substitution are refused, there
// is no globbing. An empty variable counts as unset. {{port}} becomes env("PORT").
//
//	./model-server --model "$MODEL_PATH" --listen :{{port}}
func Words(command string, env func(string) string) (words []string, err error) {
	defer func() {
		// Expansion runs on what a user wrote; a fault in it must not end the server.
		if r := recover(); r != nil {
			words, err = nil, fmt.Errorf("the command cannot be split into words: %v", r)
		}
	}()
	if len(command) > maxCommandBytes {
		return nil, fmt.Errorf("the command has %d bytes; at most %d are allowed", len(command), maxCommandBytes)
	}
	parsed, err := parseWords(command)
	if err != nil {
		return nil, err
	}
	config := &expand.Config{Env: expand.FuncEnviron(func(name string) string {
		if user, ok := strings.CutPrefix(name, "HOME "); ok {
			return "~" + user // else the user database would be asked
		}
		return env(name)
	})}
	words, err = expand.Fields(config, parsed...)
	if err != nil {
		return nil, fmt.Errorf("the command cannot be expanded: %w", err)
	}
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], portMark, env("PORT"))
	}
	switch {
	case len(words) == 0 || words[0] == "":
		return nil, errors.New("the command names no program")
	case assignment.MatchString(words[0]):
		return nil, fmt.Errorf("the command begins with the assignment %q; set variables in env, or use script", words[0])
	}
	return words, nil
}

func parseWords(command string) ([]*syntax.Word, error) {
	const refused = "a command is one program with its arguments; use script for what needs a shell"
	var words []*syntax.Word
	for word, err := range syntax.NewParser().WordsSeq(strings.NewReader(command)) {
		if err != nil {
			return nil, fmt.Errorf("%w; %s", err, refused)
		}
		words = append(words, word)
	}
	for _, word := range words {
		var found error
		syntax.Walk(word, func(node syntax.Node) bool {
			switch node.(type) {
			case *syntax.CmdSubst:
				found = errors.New("command substitution is not available; " + refused)
			case *syntax.ProcSubst:
				found = errors.New("process substitution is not available; " + refused)
			}
			return found == nil
		})
		if found != nil {
			return nil, found
		}
		for _, part := range word.Parts {
			if lit, ok := part.(*syntax.Lit); ok {
				lit.Value = escapeBraces(lit.Value)
			}
		}
	}
	return words, nil
}

// escapeBraces keeps braces as they are. sh expands none, and {{port}} needs them.
func escapeBraces(lit string) string {
	var b strings.Builder
	for i := 0; i < len(lit); i++ {
		switch {
		case lit[i] == '\\' && i+1 < len(lit):
			b.WriteByte(lit[i])
			i++
		case lit[i] == '{':
			b.WriteByte('\\')
		}
		b.WriteByte(lit[i])
	}
	return b.String()
}
