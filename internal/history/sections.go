package history

import (
	"encoding/json"
	"strings"

	"sluice.dev/sluice/api"
)

// The titles of a configuration's sections, in the order they are shown.
var titles = []string{"Image", "Model", "Resources", "Command", "Environment", "Checks", "Strategy", "Requests", "Placement", "Versions", "Other"}

// Sections sorts a configuration's values into the groups that are looked at
// together, with the defaults that hold for what it leaves out: those of keys
// that have an effect, in objects that are there. Sections without a value are
// left out.
func Sections(doc api.Document) []api.ConfigSection {
	fields := map[string][]api.ConfigField{}
	named := map[string]bool{}
	for _, leaf := range doc.Leaves() {
		key := generic(leaf.Path)
		title := titleOf(key)
		fields[title] = append(fields[title], api.ConfigField{Path: leaf.Path, Value: leaf.Value})
		for ; key != ""; key = parent(key) {
			named[key] = true
		}
	}
	for _, key := range api.Keys() {
		if path, ok := standing(key, named); ok {
			title := titleOf(key.Path)
			fields[title] = append(fields[title], api.ConfigField{Path: path, Value: json.RawMessage(key.Default), Default: true})
		}
	}
	sections := []api.ConfigSection{}
	for _, title := range titles {
		if len(fields[title]) > 0 {
			sections = append(sections, api.ConfigSection{Title: title, Fields: fields[title]})
		}
	}
	return sections
}

// standing tells whether a key's default holds though no one named it, and the
// path it would have.
func standing(key api.Key, named map[string]bool) (path string, ok bool) {
	if key.Default == "" || named[key.Path] || key.Effect != api.EffectUsed || key.Class == api.ClassMembership {
		return "", false
	}
	inContainer, nested := strings.CutPrefix(key.Path, "containers[].")
	if strings.Contains(inContainer, "[]") {
		return "", false // elements that are not there have no defaults
	}
	for up := parent(key.Path); up != ""; up = parent(up) {
		if optional[up] && !named[up] {
			return "", false
		}
	}
	if nested {
		return "containers[0]." + inContainer, true
	}
	return key.Path, true
}

// optional are the objects whose keys mean nothing while they are absent, such
// as a check.
var optional = func() map[string]bool {
	set := map[string]bool{}
	for _, key := range api.Keys() {
		if key.Type.Name == "object" {
			set[key.Path] = true
		}
	}
	return set
}()

// generic is the key of a leaf's path: containers[0].env[A] is
// containers[].env[].value, labels["a.b"] is labels[].
func generic(path string) string {
	var b strings.Builder
	for rest := path; rest != ""; {
		open := strings.IndexByte(rest, '[')
		if open < 0 {
			b.WriteString(rest)
			break
		}
		end := closing(rest, open)
		b.WriteString(rest[:open] + "[]")
		rest = rest[end:]
	}
	key := b.String()
	if key == "containers[].env[]" {
		return key + ".value"
	}
	return key
}

// closing is where the bracket that opens at open has ended; a quoted name may
// hold brackets itself.
func closing(path string, open int) int {
	quoted := false
	for i := open; i < len(path); i++ {
		switch {
		case path[i] == '\\' && quoted:
			i++
		case path[i] == '"':
			quoted = !quoted
		case path[i] == ']' && !quoted:
			return i + 1
		}
	}
	return len(path)
}

func parent(key string) string {
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		return key[:i]
	}
	return ""
}

// titleOf is the section that a key belongs to: by what it is about where the
// reference has it among others, else by its part of the reference.
func titleOf(key string) string {
	switch {
	case key == "containers[].image" || strings.HasPrefix(key, "containers[].prepare"):
		return "Image"
	case strings.HasPrefix(key, "containers[].env"):
		return "Environment"
	case strings.Contains(key, "_check.") || strings.HasSuffix(key, "_check"):
		return "Checks"
	case strings.HasPrefix(key, "containers[]."):
		return "Command"
	case key == "metadata.instance", resources[strings.TrimPrefix(key, "metadata.")]:
		return "Resources"
	}
	switch sectionOf(key) {
	case "Model", "Storage":
		return "Model"
	case "Rolling update and shutdown":
		return "Strategy"
	case "Requests":
		return "Requests"
	case "Resources and placement":
		return "Placement"
	case "Versions":
		return "Versions"
	}
	return "Other"
}

var resources = map[string]bool{"cpu": true, "memory": true, "gpu": true, "gpu_memory": true, "gpu_core_percentage": true, "shm_size": true}

// sectionOf is the part of the reference that a key, or the nearest one above
// it, is in.
func sectionOf(key string) string {
	for ; key != ""; key = parent(key) {
		if title, ok := parts[strings.TrimSuffix(key, "[]")]; ok {
			return title
		}
	}
	return ""
}

var parts = func() map[string]string {
	index := map[string]string{}
	for _, key := range api.Keys() {
		index[strings.TrimSuffix(key.Path, "[]")] = key.Section
	}
	return index
}()
