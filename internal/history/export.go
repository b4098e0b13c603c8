package history

import (
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"sluice.dev/sluice/api"
)

// CheckExport tells what is wrong with an export by itself: *api.InvalidError
// with every problem, or nil. Whether a server accepts the configurations in it
// is the server's to say.
func CheckExport(e api.Export) error {
	c := &exportCheck{}
	if e.Format != api.ExportFormat {
		c.wrong("format", e.Format, "only %q can be imported; `sluice export NAME` writes it", api.ExportFormat)
		return c.err() // nothing else is known of it
	}
	kept := c.versions(e)
	sv := e.Service
	if sv.Name == "" {
		c.wrong("service.name", nil, "it is missing")
	}
	if len(sv.Config) == 0 {
		c.wrong("service.config", nil, "it is missing")
	}
	if !kept[sv.CurrentVersion] {
		c.wrong("service.current_version", sv.CurrentVersion, "it is not among the versions")
	}
	if sv.BaseVersion != 0 && !kept[sv.BaseVersion] {
		c.wrong("service.base_version", sv.BaseVersion, "it is not among the versions; 0 is none")
	}
	for number := range kept {
		if number > sv.LatestVersion {
			c.wrong("service.latest_version", sv.LatestVersion, "there is a version %d", number)
			break
		}
	}
	if sv.Sequence < 0 {
		c.wrong("service.sequence", sv.Sequence, "a whole number from 0 is allowed")
	}
	if e.Plan != nil {
		if err := e.Plan.Check(); err != nil {
			c.under("plan", err)
		}
	}
	ids := map[string]bool{}
	for i, ro := range e.Rollouts {
		at := fmt.Sprintf("rollouts[%d].id", i)
		switch {
		case ro.ID == "":
			c.wrong(at, nil, "it is missing")
		case ids[ro.ID]:
			c.wrong(at, ro.ID, "there are two of this id")
		}
		ids[ro.ID] = true
	}
	return c.err()
}

type exportCheck struct{ problems []api.FieldProblem }

func (c *exportCheck) wrong(path string, value any, format string, args ...any) {
	p := api.FieldProblem{Path: path, Message: fmt.Sprintf(format, args...)}
	if value != nil {
		p.Value, _ = json.Marshal(value)
	}
	c.problems = append(c.problems, p)
}

// under adds the problems of a part of the export below its path.
func (c *exportCheck) under(at string, err error) {
	invalid, ok := err.(*api.InvalidError)
	if !ok {
		c.wrong(at, nil, "%v", err)
		return
	}
	for _, p := range invalid.Problems {
		p.Path = strings.TrimSuffix(at+": "+p.Path, ": ")
		c.problems = append(c.problems, p)
	}
}

func (c *exportCheck) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	return &api.InvalidError{What: "the export", Problems: c.problems}
}

func (c *exportCheck) versions(e api.Export) (kept map[int]bool) {
	kept = map[int]bool{}
	if len(e.Versions) == 0 {
		c.wrong("versions", nil, "there is none; a service has at least one")
	}
	last := 0
	for i, v := range e.Versions {
		at := fmt.Sprintf("versions[%d]", i)
		switch {
		case v.Number < 1:
			c.wrong(at+".number", v.Number, "a whole number from 1 is allowed")
		case kept[v.Number]:
			c.wrong(at+".number", v.Number, "there are two of this number")
		case v.Number < last:
			c.wrong(at+".number", v.Number, "it follows version %d; numbers ascend", last)
		}
		if len(v.Config) == 0 {
			c.wrong(at+".config", nil, "it is missing")
		}
		kept[v.Number], last = true, max(last, v.Number)
	}
	return kept
}

// Documents reads the configurations of an export, which CheckExport has passed,
// and gives them as accept returns them: what the receiving server makes of each,
// or why it refuses it. The error is an *api.InvalidError that names the version
// and the field of every problem.
func Documents(e api.Export, accept func(api.Document) (api.Document, error)) (inForce api.Document, versions []api.Document, err error) {
	c := &exportCheck{}
	read := func(at string, config json.RawMessage) api.Document {
		doc, err := api.ParseDocument(config)
		if err == nil {
			doc, err = accept(doc)
		}
		if err != nil {
			c.under(at, err)
		}
		return doc
	}
	inForce = read("service.config", e.Service.Config)
	for _, v := range e.Versions {
		versions = append(versions, read(fmt.Sprintf("version %d", v.Number), v.Config))
	}
	return inForce, versions, c.err()
}

// Unset are the paths of a configuration's secrets whose value is not known here
// and has to be set again: of one that was imported, or whose key was lost.
func Unset(doc api.Document) []string {
	var paths []string
	_, _ = doc.MapSecrets(func(path, value string) (string, error) { // it refuses nothing
		if value == api.Mask || value == api.SealedLost {
			paths = append(paths, path)
		}
		return value, nil
	})
	return paths
}

// Renamed is the export of the same service under another name: its record and
// its history. Configurations are left to Placed; messages say what was said.
func Renamed(e api.Export, name string) api.Export {
	was := e.Service.Name
	id := func(id string) string {
		if rest, ok := strings.CutPrefix(id, was+"-"); ok {
			return name + "-" + rest
		}
		return id
	}
	e.Service.Name = name
	e.Rollouts = append([]api.Rollout{}, e.Rollouts...)
	for i := range e.Rollouts {
		ro := &e.Rollouts[i]
		ro.ID, ro.Service = id(ro.ID), name
		if ro.History == nil {
			continue
		}
		history := *ro.History
		history.Failures = append([]api.ReplicaFailure{}, history.Failures...)
		for j := range history.Failures {
			history.Failures[j].Replica = id(history.Failures[j].Replica)
		}
		ro.History = &history
	}
	e.Events = append([]api.Event{}, e.Events...)
	for i := range e.Events {
		event := &e.Events[i]
		event.Seq, event.Service, event.Replica, event.Rollout = 0, name, id(event.Replica), id(event.Rollout)
	}
	return e
}

// Placed is a configuration under another name and, unless dir is "", with
// another working directory.
func Placed(doc api.Document, name, dir string) (api.Document, error) {
	doc, err := api.Set(doc, "metadata.name="+quoted(name))
	if _, has := doc.Lookup("containers[0]"); err != nil || dir == "" || !has {
		return doc, err
	}
	return api.Set(doc, "containers[0].working_dir="+quoted(dir))
}

func quoted(text string) string {
	b, _ := json.Marshal(text) // text: it cannot fail
	return string(b)
}

// PlacedFiles are the recorded files of a version whose working directory moved:
// those inside of it moved with it.
func PlacedFiles(digests []api.Digest, from, to string) []api.Digest {
	moved := make([]api.Digest, 0, len(digests))
	for _, d := range digests {
		if rest, inside := strings.CutPrefix(d.Path, strings.TrimSuffix(from, "/")+"/"); inside && from != "" && to != "" && d.Kind != api.FileImage {
			d.Path = path.Join(to, rest)
		}
		d.Retained = false // said of the server it came from
		moved = append(moved, d)
	}
	return moved
}

// NextSequence is the number from which on new ids meet none of the export's.
func NextSequence(e api.Export) int {
	next := e.Service.Sequence
	for _, ro := range e.Rollouts {
		_, digits, _ := cutLast(ro.ID, "-r")
		if n, err := strconv.Atoi(digits); err == nil {
			next = max(next, n+1)
		}
	}
	return next
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
