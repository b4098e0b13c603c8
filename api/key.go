package api

import (
	"slices"
	"strings"
)

// Class says what a changed key asks for (design rule 5).
type Class string

const (
	ClassScale      Class = "scale"      // no version, no rollout; other replicas are untouched
	ClassLive       Class = "live"       // a version; nothing is replaced, complete at once
	ClassReplica    Class = "replica"    // a version and a rollout
	ClassMembership Class = "membership" // not versioned
)

// Effect says whether a key does anything.
type Effect string

const (
	EffectUsed  Effect = "used"
	EffectLater Effect = "later" // validated and recorded; a later release acts on it
	EffectNone  Effect = "none"  // part of EAS's file that has no meaning here
)

// Key is one key of the service file. The catalogue of all of them (Keys) is
// the only place that knows names, types, defaults and classes; parsing,
// validation, warnings, --set and docs/service-file.md are made from it.
type Key struct {
	Path    string // containers[].env[].name
	Type    KeyType
	Class   Class
	Default string // the JSON value taken when a file does not name the key; "" for none
	Rule    string // the default in words, where it depends on something
	Doc     string // what it means
	Effect  Effect
	Why     string // why it has no effect (yet); "" where the key around it says so
	Secret  bool   // errors and warnings do not show its value
	Section string // title in the reference
}

// Keys is the catalogue, in the order of the reference.
func Keys() []Key { return append([]Key(nil), catalogue...) }

// Aliases maps another spelling of a key to its normal one.
func Aliases() map[string]string {
	return map[string]string{
		"containers[].readiness_check":     "containers[].health_check",
		"runtime.termination_grace_period": "metadata.eas.termination_grace_period",
		"retain":                           "metadata.retain",
		"on_drift":                         "metadata.on_drift",
		"keep_versions":                    "metadata.keep_versions",
	}
}

// keyNode is the catalogue as a tree, one node for each object key, and one for
// the elements of a list.
type keyNode struct {
	path    string // generic: containers[].port
	key     *Key   // nil for an object or list that has no entry of its own
	fields  map[string]*keyNode
	element *keyNode
	alias   string // generic path of the normal spelling
}

var (
	catalogue = slices.Concat(metadataKeys(), containerKeys(), modelKeys(), cloudKeys())
	keyTree   = buildTree()
	keyByPath = indexKeys()
)

// section completes the keys of one part of the reference: a key has an effect
// and is of class replica unless its line says otherwise (design rule 5).
func section(title string, keys []Key) []Key {
	for i := range keys {
		k := &keys[i]
		k.Section = title
		if k.Effect == "" {
			k.Effect = EffectUsed
		}
		if k.Class == "" {
			k.Class = ClassReplica
		}
	}
	return keys
}

func indexKeys() map[string]*Key {
	index := make(map[string]*Key, len(catalogue))
	for i := range catalogue {
		index[catalogue[i].Path] = &catalogue[i]
	}
	return index
}

func buildTree() *keyNode {
	root := &keyNode{}
	for i := range catalogue {
		root.grow(catalogue[i].Path).key = &catalogue[i]
	}
	for other, normal := range Aliases() {
		node, target := root.grow(other), root.grow(normal)
		node.alias, node.key, node.fields = normal, target.key, target.fields
	}
	return root
}

// grow returns the node of a generic path, making what is missing.
func (n *keyNode) grow(path string) *keyNode {
	for part := range strings.SplitSeq(path, ".") {
		name, list := strings.CutSuffix(part, "[]")
		if n.fields == nil {
			n.fields = map[string]*keyNode{}
		}
		next := n.fields[name]
		if next == nil {
			next = &keyNode{path: joinField(n.path, name)}
			n.fields[name] = next
		}
		if n = next; !list {
			continue
		}
		if n.element == nil {
			n.element = &keyNode{path: n.path + "[]"}
		}
		n = n.element
	}
	return n
}

// free tells that no key inside is known.
func (n *keyNode) free() bool { return n.key != nil && n.key.Type.free }

// holdsObject tells that an object with known keys stands here.
func (n *keyNode) holdsObject() bool { return n.fields != nil }

func (n *keyNode) listOfText() bool { return n.key != nil && n.key.Type.Name == "list of text" }
