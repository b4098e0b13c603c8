package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

// serviceFile is a service file that was read.
type serviceFile struct {
	label string // what errors call it
	dir   string // its folder, absolute
	doc   api.Document
}

// readFile reads a service file, "-" from standard input.
func (s *session) readFile(path string) (*serviceFile, error) {
	f := &serviceFile{label: path}
	var text []byte
	var err error
	if path == "-" {
		f.label = "standard input"
		f.dir, err = os.Getwd()
		if err == nil {
			text, err = io.ReadAll(io.LimitReader(s.in, 1<<20))
		}
	} else {
		f.dir, err = filepath.Abs(filepath.Dir(path))
		if err == nil {
			text, err = readRegular(path)
		}
	}
	if err != nil {
		return nil, Usagef("-f: %w", err)
	}
	if f.doc, err = api.ParseDocument(text); err != nil {
		return nil, f.blame(&usageError{err})
	}
	return f, nil
}

// readRegular stops early at what cannot be a service file.
func readRegular(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var b bytes.Buffer
	_, err = io.Copy(&b, io.LimitReader(in, 1<<20))
	return b.Bytes(), err
}

// whole gives the file where it is the whole configuration: relative paths in it
// are meant from its folder, so that becomes the working directory unless it
// names one.
func (f *serviceFile) whole() (api.Document, error) {
	if _, named := f.doc.Lookup("containers[0].working_dir"); named {
		return f.doc, nil
	}
	container, _ := f.doc.Lookup("containers[0]")
	if _, ok := container.(map[string]any); !ok {
		return f.doc, nil // the server says what is wrong with it
	}
	dir, err := json.Marshal(f.dir)
	if err != nil {
		return f.doc, err
	}
	return api.Set(f.doc, "containers[0].working_dir="+string(dir))
}

// blame names the file in an error about what stands in it; every field that is
// wrong comes on a line of its own.
func (f *serviceFile) blame(err error) error {
	var problem *client.Problem
	var invalid *api.InvalidError
	var fields []api.FieldProblem
	switch {
	case errors.As(err, &invalid):
		fields = invalid.Problems
	case errors.As(err, &problem) && problem.Code == client.CodeInvalid:
		fields = problem.Errors
	case errors.As(err, &problem) || !isUsage(err):
		return err
	}
	switch len(fields) {
	case 0:
		return Usagef("%s: %w", f.label, err)
	case 1:
		return Usagef("%s: %s", f.label, fields[0])
	}
	text := fmt.Sprintf("%s has %d problems:", f.label, len(fields))
	for _, field := range fields {
		text += "\n  " + field.String()
	}
	return Usagef("%s", text)
}

func isUsage(err error) bool {
	var usage *usageError
	return errors.As(err, &usage)
}
