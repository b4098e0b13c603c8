package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/store"
)

// Page chooses a part of a list of versions. The zero Page is the whole list.
type Page struct {
	Limit  int // the newest that many
	Before int // only lower numbers than this
}

// take gives the part of a list, newest first, that the page is.
func (p Page) take(list []version) []version {
	list = slices.Clone(list)
	slices.Reverse(list)
	if p.Before > 0 {
		list = slices.DeleteFunc(list, func(v version) bool { return v.Number >= p.Before })
	}
	if p.Limit > 0 && len(list) > p.Limit {
		list = list[:p.Limit]
	}
	return list
}

// Versions lists the versions, newest first.
func (c *Controller) Versions(_ context.Context, name string, page Page) ([]api.Version, error) {
	list := []api.Version{}
	var told []func() string // what changed, found out without the service's lock: documents never change
	err := c.read(name, func(s *service) error {
		serving := s.serving()
		for _, v := range page.take(s.versions) {
			before := s.before(v.Number)
			list = append(list, s.versionView(&v, serving))
			told = append(told, func() string { return summary(before, &v) })
		}
		return nil
	})
	for i := range list {
		list[i].Summary = told[i]()
	}
	return list, err
}

// Version shows one version.
func (c *Controller) Version(_ context.Context, name string, number int) (view api.Version, err error) {
	err = c.read(name, func(s *service) error {
		v := s.version(number)
		if v == nil {
			return s.noVersion(number)
		}
		view = s.versionView(v, s.serving())
		view.Summary = summary(s.before(number), v)
		view.Sections = history.Sections(v.doc)
		return nil
	})
	return view, err
}

// before is the version with the next lower number that is kept; nil for none.
// What it points to is the caller's own.
func (s *service) before(number int) *version {
	var best *version
	for i := range s.versions {
		if n := s.versions[i].Number; n < number && (best == nil || n > best.Number) {
			v := s.versions[i]
			best = &v
		}
	}
	return best
}

func (s *service) versionView(v *version, serving map[int]int) api.Version {
	view := v.Version.Version
	view.Current = v.Number == s.state.Service.Current.Version
	view.Latest = v.Number == s.state.Service.Latest
	view.Serving = serving[v.Number]
	view.Digests = slices.Clone(view.Digests)
	if view.Digests == nil {
		view.Digests = []api.Digest{}
	}
	for i := range view.Digests {
		view.Digests[i].Retained = s.c.cfg.Content.Kept(view.Digests[i]) != ""
	}
	view.Preflight = s.preflightOf(v.Number)
	return view
}

// serving counts the live replicas of each version: those that count as it.
func (s *service) serving() map[int]int {
	s.state.Now = s.c.now()
	serving := map[int]int{}
	for i := range s.state.Replicas {
		r := &s.state.Replicas[i]
		switch s.state.Phase(r) {
		case api.ReplicaPending, api.ReplicaStarting, api.ReplicaReady, api.ReplicaUnready:
			number := r.Version
			if e := s.effective(r.Revision, r.Version); e != nil {
				number = e.Number
			}
			serving[number]++
		}
	}
	return serving
}

// summary says what a version changed against the one before it.
func summary(before, v *version) string {
	switch {
	case before == nil && v.Number > 1:
		return history.OldestKept
	case before == nil:
		return history.FirstVersion
	}
	return history.Summary(history.FieldDiff(before.doc, v.doc), changedContent(before.Digests, v.Digests))
}

// Pin keeps a version for good, whatever limits are set, or lets it go with the
// others again.
func (c *Controller) Pin(ctx context.Context, by By, name string, number int, pinned bool) (Outcome, error) {
	reason, text := "VersionUnpinned", "version %d is not pinned any more"
	if pinned {
		reason, text = "VersionPinned", "version %d is pinned: it is kept for good"
	}
	return c.alter(ctx, by, name, reason, func(s *service, op *operation) error {
		v := s.version(number)
		if v == nil {
			return s.noVersion(number)
		}
		if v.Pinned == pinned {
			op.unchanged, op.text = true, fmt.Sprintf("nothing to change: version %d is pinned already", number)
			if !pinned {
				op.text = fmt.Sprintf("nothing to change: version %d is not pinned", number)
			}
			return nil
		}
		record := v.Version
		record.Pinned = pinned
		op.version, op.text = &record, fmt.Sprintf(text, number)
		return nil
	})
}

// Pair says which two configurations to compare: From and To are versions, 0 is
// the current one. With a File, To does not count.
type Pair struct {
	From, To int
	File     *api.Document // read as apply does: what it does not name of scale and membership stays
	Lines    bool          // the texts beside each other, too
}

// Diff compares two versions, or a version and a file: their configurations, and
// the state of the files they refer to.
func (c *Controller) Diff(_ context.Context, name string, pair Pair) (api.Diff, error) {
	var from, to version
	err := c.read(name, func(s *service) (err error) {
		if from, err = s.chosen(pair.From); err == nil && pair.File == nil {
			to, err = s.chosen(pair.To)
		}
		return err
	})
	if err == nil && pair.File != nil {
		to, err = c.asVersion(from.doc, *pair.File)
	}
	if err != nil {
		return api.Diff{}, err
	}
	d := api.Diff{From: from.Number, To: to.Number, Changes: history.FieldDiff(from.doc, to.doc)}
	d.Changes = append(d.Changes, contentDiff(from.Digests, to.Digests)...)
	if pair.Lines {
		d.Lines = history.Lines(linesOf(&from, &to), linesOf(&to, &from))
	}
	return d, nil
}

// chosen is a copy of the version of a number, of the current one for 0.
func (s *service) chosen(number int) (version, error) {
	if number == 0 {
		number = s.state.Service.Current.Version
	}
	if v := s.version(number); v != nil {
		return *v, nil
	}
	return version{}, s.noVersion(number)
}

// asVersion is the version that applying the file to this configuration would
// make. Nothing is recorded.
func (c *Controller) asVersion(config, file api.Document) (version, error) {
	next, err := api.Replace(config, file)
	if err != nil {
		return version{}, err
	}
	if next, err = c.placed(next); err != nil {
		return version{}, err
	}
	if _, err := api.Parse(next); err != nil {
		return version{}, err
	}
	doc, spec, err := c.sealed(config, api.SnapshotConfig(next)) // versions have no token that could be kept
	if err != nil {
		return version{}, err
	}
	digests := c.cfg.Content.Digests(api.Files(spec))
	return version{Version: store.Version{Version: api.Version{Config: doc.JSON(), Digests: digests}}, doc: doc, spec: spec}, nil
}

// linesOf is a version as text: its configuration as YAML, and the files whose
// content differs from the other's.
func linesOf(v, other *version) []string {
	lines := strings.Split(strings.TrimSuffix(v.doc.YAML(), "\n"), "\n")
	changed := changedContent(v.Digests, other.Digests)
	if len(changed) > 0 {
		lines = append(lines, "", "# content")
	}
	for _, path := range changed {
		lines = append(lines, "# "+path+": "+contentOf(v.Digests, path))
	}
	return lines
}

// contentOf says in one word what content a file had.
func contentOf(digests []api.Digest, path string) string {
	for _, d := range digests {
		switch {
		case d.Path != path:
		case d.SHA256 != "":
			return "sha256 " + d.SHA256
		case d.Stat == "":
			return "missing"
		default:
			return "state " + d.Stat
		}
	}
	return "not used"
}

// changedContent names the files of both lists whose content differs. Equal
// hashes win over what the file system says of a file: copied elsewhere and back
// it is the same.
func changedContent(a, b []api.Digest) []string {
	var changed []string
	for _, x := range a {
		for _, y := range b {
			same := x.Stat == y.Stat || x.SHA256 != "" && x.SHA256 == y.SHA256
			if x.Path == y.Path && !same && !slices.Contains(changed, x.Path) {
				changed = append(changed, x.Path)
			}
		}
	}
	return changed
}

// contentDiff shows files of both versions whose content differs.
func contentDiff(a, b []api.Digest) []api.FieldChange {
	var changes []api.FieldChange
	for _, path := range changedContent(a, b) {
		changes = append(changes, api.FieldChange{Path: "content of " + path, Op: "replace", From: quote(a, path), To: quote(b, path)})
	}
	return changes
}

func quote(digests []api.Digest, path string) json.RawMessage {
	i := slices.IndexFunc(digests, func(d api.Digest) bool { return d.Path == path })
	b, _ := json.Marshal(map[string]string{"stat": digests[i].Stat, "sha256": digests[i].SHA256})
	return b
}
