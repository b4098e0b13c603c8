package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// suggest says what an unknown key was probably meant to be: a key of the same
// object that is spelled nearly so, the same name in another place, or at least
// the nearest name of the object.
func suggest(name string, node *keyNode) string {
	near, distance := nearestName(name, slices.Sorted(maps.Keys(node.fields)))
	if near != "" && distance <= max(2, len(name)/4) {
		return fmt.Sprintf("unknown key; did you mean %q?", near)
	}
	if elsewhere := sameNameElsewhere(name); elsewhere != "" {
		return fmt.Sprintf("unknown key here; it is known as %s", elsewhere)
	}
	if near == "" {
		return "unknown key; nothing is allowed inside this one"
	}
	return fmt.Sprintf("unknown key; the nearest known one here is %q", near)
}

// nearestName folds case, dashes and underscores, which are the usual slips:
// maxSurge is at distance 0 from max_surge.
func nearestName(name string, known []string) (string, int) {
	best, distance := "", 1<<30
	for _, k := range known {
		if d := levenshtein.ComputeDistance(foldName(name), foldName(k)); d < distance {
			best, distance = k, d
		}
	}
	return best, distance
}

var foldDashes = strings.NewReplacer("_", "", "-", "")

func foldName(s string) string {
	if len(s) > 200 {
		s = s[:200] // the distance costs the product of the lengths
	}
	return foldDashes.Replace(strings.ToLower(s))
}

// sameNameElsewhere finds the key that ends in this name or dotted name, the
// shallowest first.
func sameNameElsewhere(name string) string {
	best := ""
	for _, path := range allPaths(keyTree, nil) {
		if (path == name || strings.HasSuffix(path, "."+name)) && (best == "" || strings.Count(path, ".") < strings.Count(best, ".")) {
			best = path
		}
	}
	return strings.ReplaceAll(best, "[]", "[0]")
}

func allPaths(node *keyNode, paths []string) []string {
	for _, name := range slices.Sorted(maps.Keys(node.fields)) {
		child := node.fields[name]
		if child.alias == "" {
			paths = allPaths(child, append(paths, child.path))
		}
	}
	if node.element != nil {
		paths = allPaths(node.element, paths)
	}
	return paths
}
