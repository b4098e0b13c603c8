package api

import (
	"bytes"
	"encoding/json"
	"slices"
)

// ChangeSet says which classes of keys differ between two documents.
type ChangeSet struct {
	Scale, Live, Replica, Membership bool
	Paths                            []string // of the values that differ, sorted
}

// Empty means "nothing to change".
func (c ChangeSet) Empty() bool { return len(c.Paths) == 0 }

// Versioned tells whether the change makes a version: live and replica keys do,
// a scale and a change of membership do not (design rule 5).
func (c ChangeSet) Versioned() bool { return c.Live || c.Replica }

// Changes compares two documents. It sees the configuration only; that a file
// which the configuration refers to has other content is the caller's to find.
func Changes(from, to Document) ChangeSet {
	var set ChangeSet
	note := func(l Leaf) {
		set.Paths = append(set.Paths, l.Path)
		switch l.Class {
		case ClassScale:
			set.Scale = true
		case ClassLive:
			set.Live = true
		case ClassMembership:
			set.Membership = true
		default:
			set.Replica = true
		}
	}
	before := leavesByPath(from)
	for _, leaf := range to.Leaves() {
		old, there := before[leaf.Path]
		delete(before, leaf.Path)
		if !there || !bytes.Equal(old.Value, leaf.Value) {
			note(leaf)
		}
	}
	for _, leaf := range before {
		note(leaf)
	}
	slices.Sort(set.Paths)
	return set
}

func leavesByPath(d Document) map[string]Leaf {
	index := map[string]Leaf{}
	for _, leaf := range d.Leaves() {
		index[leaf.Path] = leaf
	}
	return index
}

// ReplicaKeys is canonical JSON of the replica keys alone, one member for each
// value by its path, spellings normalised and no defaults applied:
//
//	{"containers[0].command":"./server","containers[0].env[LOG_LEVEL]":"info"}
//
// Versions with equal ReplicaKeys (and equal digests of their files) are one for
// every count and decision (design.md 2b). It differs exactly when
// Changes(...).Replica is true.
func ReplicaKeys(d Document) json.RawMessage {
	object := map[string]any{}
	for _, leaf := range d.Leaves() {
		if leaf.Class == ClassReplica {
			object[leaf.Path] = leaf.Value
		}
	}
	return encode(object)
}

// Membership is what belongs to a service and not to its versions: its place in
// a group and its token. The update plan, of the same class, is not in the file.
type Membership struct {
	Group        string `json:"group,omitempty"`
	Token        string `json:"token,omitempty"`
	Weight       *int   `json:"weight,omitempty"` // nil when the file names none
	TrafficState string `json:"traffic_state,omitempty"`
}

// SplitMembership takes the membership keys out of a document.
func SplitMembership(d Document) (config Document, m Membership) {
	m = Membership{
		Group:        d.Text("metadata.group"),
		Token:        d.Text("token"),
		TrafficState: d.Text("metadata.traffic_state"),
	}
	if w, ok := d.Int("metadata.weight"); ok {
		m.Weight = &w
	}
	root := cloneObject(d.root)
	for _, key := range catalogue {
		if key.Class == ClassMembership {
			place, _ := parsePath(key.Path)
			remove(root, place)
		}
	}
	return Document{root: root}, m
}

// WithMembership is the opposite of SplitMembership.
func (d Document) WithMembership(m Membership) Document {
	config, _ := SplitMembership(d)
	root := config.root
	put := func(path string, value any) {
		place, _ := parsePath(path)
		if into, ok := makeObjects(root, place[:len(place)-1]); ok {
			into[place[len(place)-1].name] = value
		}
	}
	if m.Group != "" {
		put("metadata.group", m.Group)
	}
	if m.Token != "" {
		put("token", m.Token)
	}
	if m.TrafficState != "" {
		put("metadata.traffic_state", m.TrafficState)
	}
	if m.Weight != nil {
		put("metadata.weight", wholeNumber(*m.Weight))
	}
	return Document{root: root}
}

// SnapshotConfig is what a version keeps of a document: everything but the
// membership keys, which are not versioned.
func SnapshotConfig(d Document) Document {
	config, _ := SplitMembership(d)
	return config
}

// AsInForce is the configuration of an earlier version with what a rollback
// never changes taken from the document in force: the desired number of
// replicas, rolling_strategy and membership (design rule 24), and what is kept of
// versions.
func AsInForce(version, inForce Document) Document {
	root := cloneObject(version.root)
	for _, key := range catalogue {
		keeps := key.Class == ClassScale || key.Class == ClassMembership
		place, _ := parsePath(key.Path)
		if len(place) > 1 && slices.Contains([]string{"rolling_strategy", "retain", "on_drift", "keep_versions"}, place[1].name) {
			keeps = true
		}
		if !keeps {
			continue
		}
		remove(root, place)
		last := len(place) - 1
		if value, found := follow(inForce.root, place); found {
			if into, ok := makeObjects(root, place[:last]); ok {
				into[place[last].name] = clone(value)
			}
		}
	}
	return Document{root: root}
}
