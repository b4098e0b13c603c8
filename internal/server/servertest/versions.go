package servertest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/history"
)

func missingVersion(service string, number int) error {
	return &controller.NotFoundError{Kind: "version", Name: strconv.Itoa(number), Hint: "`sluice versions " + service + "` lists them"}
}

// Versions implements server.Releases.
func (m *Memory) Versions(_ context.Context, name string, page controller.Page) ([]api.Version, error) {
	return look(m, name, func(r *record) ([]api.Version, error) {
		var list []api.Version
		for i := len(r.versions) - 1; i >= 0; i-- {
			before := page.Before > 0 && r.versions[i].Number >= page.Before
			if !before && (page.Limit == 0 || len(list) < page.Limit) {
				list = append(list, r.view(i))
			}
		}
		return list, nil
	})
}

// view shows the version of an index.
func (r *record) view(i int) api.Version {
	v := r.versions[i]
	v.Current, v.Latest = v.Number == r.CurrentVersion, v.Number == r.LatestVersion
	for _, p := range r.replicas {
		if p.Version == v.Number {
			v.Serving++
		}
	}
	v.Summary = history.FirstVersion
	if i > 0 {
		v.Summary = history.Summary(history.FieldDiff(r.document(i-1), r.document(i)), nil)
	}
	return v
}

func (r *record) document(i int) api.Document {
	doc, err := api.ParseDocument(r.versions[i].Config)
	if err != nil {
		panic(err) // it was valid when it was made
	}
	return doc
}

// Version implements server.Releases.
func (m *Memory) Version(_ context.Context, name string, number int) (api.Version, error) {
	return look(m, name, func(r *record) (api.Version, error) {
		if number > len(r.versions) {
			return api.Version{}, missingVersion(name, number)
		}
		v := r.view(number - 1)
		v.Sections = history.Sections(r.document(number - 1))
		return v, nil
	})
}

// Diff implements server.Releases.
func (m *Memory) Diff(_ context.Context, name string, pair controller.Pair) (api.Diff, error) {
	return look(m, name, func(r *record) (d api.Diff, err error) {
		var from, to api.Document
		if d.From, from, err = r.chosen(pair.From); err != nil {
			return d, err
		}
		if pair.File != nil {
			if to, err = api.Replace(from, *pair.File); err == nil {
				_, err = api.Parse(to)
			}
			if err == nil {
				to, err = sealed(from, api.SnapshotConfig(to))
			}
		} else {
			d.To, to, err = r.chosen(pair.To)
		}
		if err != nil {
			return d, err
		}
		d.Changes = history.FieldDiff(from, to)
		if pair.Lines {
			d.Lines = history.Lines(textLines(from), textLines(to))
		}
		return d, nil
	})
}

func (r *record) chosen(number int) (int, api.Document, error) {
	if number == 0 {
		number = r.CurrentVersion
	}
	if number > len(r.versions) {
		return 0, api.Document{}, missingVersion(r.Name, number)
	}
	return number, r.document(number - 1), nil
}

func textLines(d api.Document) []string {
	return slices.Collect(strings.SplitSeq(strings.TrimSuffix(d.YAML(), "\n"), "\n"))
}

// Pin implements server.Releases.
func (m *Memory) Pin(_ context.Context, by controller.By, name string, number int, pinned bool) (controller.Outcome, error) {
	return m.edit(by, name, func(r *record) (bool, string, error) {
		if number > len(r.versions) {
			return false, "", missingVersion(name, number)
		}
		v := &r.versions[number-1]
		if v.Pinned == pinned {
			return false, "nothing to change", nil
		}
		v.Pinned = pinned
		return true, map[bool]string{true: fmt.Sprintf("version %d is pinned", number), false: fmt.Sprintf("version %d is not pinned any more", number)}[pinned], nil
	})
}
