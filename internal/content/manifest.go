package content

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

// manifest says what is in a kept content.
type manifest struct {
	SHA256 string `json:"sha256"`
	Folder bool   `json:"folder"`
	Items  []item `json:"items"` // sorted by name; of a file one, named ""
}

type item struct {
	Name   string    `json:"name"`
	Kind   entryKind `json:"kind"`
	Size   int64     `json:"size,omitempty"`
	SHA256 string    `json:"sha256,omitempty"`
	Target string    `json:"target,omitempty"`
	// Modified is the copy's own time, in nanoseconds: another one shows that
	// somebody wrote to the copy.
	Modified int64 `json:"modified,omitempty"`
}

func (it *item) regular() bool { return it.Kind == plain || it.Kind == executable }

func (it *item) key() objectKey { return keyOf(it.SHA256, it.Kind) }

var sha256Name = regexp.MustCompile(`^[0-9a-f]{64}$`)

// readManifest refuses what this package did not write.
func readManifest(text []byte, name string) (*manifest, error) {
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, err
	}
	if m.SHA256 != name || !sha256Name.MatchString(name) || !m.Folder && len(m.Items) != 1 {
		return nil, fmt.Errorf("it is not the list of %s", name)
	}
	for i := range m.Items {
		if it := &m.Items[i]; it.regular() && (!sha256Name.MatchString(it.SHA256) || it.Size < 0) {
			return nil, fmt.Errorf("%s has no SHA-256 or no size", it.Name)
		}
	}
	return &m, nil
}

func (m *manifest) bytes() int64 {
	n := int64(0)
	for i := range m.Items {
		n += m.Items[i].Size
	}
	return n
}

// runs tells whether a kept file may be executed.
func (m *manifest) runs() bool { return !m.Folder && m.Items[0].Kind == executable }

// differing counts the names of both whose content or kind is not the same;
// sum is "" for an entry whose content is not known, which counts as the same
// when its size is.
func (m *manifest) differing(t *tree, sum func(i int) string) (n, of int, first string) {
	note := func(name string) {
		if n++; n == 1 || name < first {
			first = name
		}
	}
	seen := make(map[string]bool, len(t.entries))
	for i := range t.entries {
		e := &t.entries[i]
		seen[e.name] = true
		at, found := slices.BinarySearchFunc(m.Items, e.name, func(it item, name string) int {
			switch {
			case it.Name < name:
				return -1
			case it.Name > name:
				return 1
			}
			return 0
		})
		if !found {
			note(e.name)
			continue
		}
		it := &m.Items[at]
		sha := sum(i)
		if it.Kind != e.kind || it.Target != e.target || e.regular() && (uint64(it.Size) != e.id.size || sha != "" && sha != it.SHA256) {
			note(e.name)
		}
	}
	of = len(t.entries)
	for i := range m.Items {
		if !seen[m.Items[i].Name] {
			of++
			note(m.Items[i].Name)
		}
	}
	return n, of, first
}
