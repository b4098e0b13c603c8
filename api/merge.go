package api

import (
	"encoding/json"
	"strconv"
)

// Merge lays an update over the current document (design rule 27, RFC 7396):
// objects merge, arrays are replaced as a whole, null removes. A container keeps
// its working_dir unless the update names it. The update may not have unknown
// keys or another metadata.name; the result is not validated, Parse does that.
// Laid over the zero Document it gives the file without its nulls, which is what
// a create keeps.
func Merge(current, patch Document) (Document, error) {
	if err := fitsUpdate(current, patch); err != nil {
		return Document{}, err
	}
	root := mergeObject(cloneObject(current.root), patch.root)
	keepWorkingDir(current.root, patch.root, root)
	return settled(root), nil
}

// Replace takes the file as the whole, except that scale and membership keys,
// the working_dir and the name stay where the file does not name them; null
// removes them (design rule 27).
func Replace(current, file Document) (Document, error) {
	if err := fitsUpdate(current, file); err != nil {
		return Document{}, err
	}
	root := cloneObject(file.root)
	for _, key := range catalogue {
		if key.Class != ClassScale && key.Class != ClassMembership && key.Path != "metadata.name" {
			continue
		}
		place, _ := parsePath(key.Path)
		last := len(place) - 1
		value, had := follow(current.root, place)
		if _, named := follow(file.root, place); named || !had {
			continue
		}
		if into, ok := makeObjects(root, place[:last]); ok {
			into[place[last].name] = clone(value)
		}
	}
	keepWorkingDir(current.root, file.root, root)
	return settled(root), nil
}

// settled is the document that remains: no nulls, and no empty text where that
// means "none", so that leaving a group has one spelling.
func settled(root map[string]any) Document {
	withoutNulls(root)
	for _, key := range catalogue {
		place, _ := parsePath(key.Path)
		if value, _ := follow(root, place); key.Class == ClassMembership && value == "" {
			remove(root, place)
		}
	}
	return Document{root: root}
}

func fitsUpdate(current, update Document) error {
	if err := knownKeys(update); err != nil {
		return err
	}
	name, given := update.Lookup("metadata.name")
	if was := current.Name(); given && was != "" && name != was {
		return invalid("metadata.name", shownValue(name), "the name of a service cannot be changed; it is %q; create another service instead", was)
	}
	return nil
}

func mergeObject(into, patch map[string]any) map[string]any {
	for key, v := range patch {
		object, isObject := v.(map[string]any)
		switch {
		case v == nil:
			delete(into, key)
		case isObject:
			base, _ := into[key].(map[string]any)
			if base == nil {
				base = map[string]any{}
			}
			into[key] = mergeObject(base, object)
		default:
			into[key] = clone(v)
		}
	}
	return into
}

// keepWorkingDir carries containers[0].working_dir over: the command line sets it
// to the folder of the file, and an update sent without it still means paths
// relative to that folder.
func keepWorkingDir(current, update, result map[string]any) {
	place, _ := parsePath("containers[0].working_dir")
	value, had := follow(current, place)
	if _, named := follow(update, place); !had || named {
		return
	}
	container, _ := follow(result, place[:2])
	if object, ok := container.(map[string]any); ok {
		object["working_dir"] = value
	}
}

// withoutNulls removes keys that hold null, also inside lists, where RFC 7396
// leaves them: {"image": null} and {} are the same container.
func withoutNulls(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if inner == nil {
				delete(v, key)
				continue
			}
			v[key] = withoutNulls(inner)
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return value
}

func wholeNumber(n int) json.Number { return json.Number(strconv.Itoa(n)) }
