package demo

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
)

// format is how the result is written.
type format string

const (
	table  format = "table"
	asJSON format = "json"
	asYAML format = "yaml"
)

// String, Set and Type make it a flag.
func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "FORMAT" }
func (f *format) Set(s string) error {
	switch format(s) {
	case table, asJSON, asYAML:
		*f = format(s)
		return nil
	}
	return fmt.Errorf("table, json and yaml are allowed")
}

// print writes the result; an error if the demo did not go as it should.
func (r *Result) print(o options) error {
	if err := r.encode(o); err != nil {
		return err
	}
	if !r.OK {
		return errors.New("the demo did not go as it should; the result says what happened")
	}
	return nil
}

func (r *Result) encode(o options) error {
	if o.format == table {
		return r.write(o.out)
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil && o.format == asYAML {
		text, err = yaml.JSONToYAML(text)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "%s\n", text)
	return err
}
