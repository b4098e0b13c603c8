package api

import "encoding/json"

// Diff is the difference between two versions, field by field, or between a
// version and a service file.
type Diff struct {
	From    int           `json:"from"`
	To      int           `json:"to" doc:"0: the service file that was given"`
	Changes []FieldChange `json:"changes"`
	Lines   []DiffLine    `json:"lines,omitempty" doc:"both configurations as YAML, line beside line; where lines were asked for"`
}

// FieldChange is one field that differs; Path is written as --set takes it:
// containers[0].image.
type FieldChange struct {
	Path string          `json:"path"`
	Op   string          `json:"op" enum:"add,remove,replace"`
	From json.RawMessage `json:"from,omitempty"`
	To   json.RawMessage `json:"to,omitempty"`
}

// What became of a line.
const (
	LineSame    = "same"
	LineAdd     = "add"
	LineRemove  = "remove"
	LineReplace = "replace"
)

// DiffLine is one line of two texts beside each other. The From of all but added
// lines are the one text, the To of all but removed ones are the other.
type DiffLine struct {
	Op   string `json:"op" enum:"same,add,remove,replace"`
	From string `json:"from"`
	To   string `json:"to"`
}

// ConfigSection is a part of a configuration that is looked at together.
type ConfigSection struct {
	Title  string        `json:"title"`
	Fields []ConfigField `json:"fields"`
}

// ConfigField is one value of a configuration.
type ConfigField struct {
	Path    string          `json:"path" doc:"as --set takes it"`
	Value   json.RawMessage `json:"value"`
	Default bool            `json:"default,omitempty" doc:"the configuration does not name it; this holds"`
}
