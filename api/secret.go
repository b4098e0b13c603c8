package api

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Mask stands for a secret value wherever one is shown. In an update it keeps
// the value in force of the same variable or key (see KeepSecrets), so that what
// was shown can be edited and sent back.
const Mask = "********"

// Secret values are the text of keys that are secret by themselves (token,
// dockerAuth) and of variables marked with secret: true. Behind the server's door
// each is sealed: text that begins with SealedPrefix, which only the server's key
// opens. The prefix is taken: no value that somebody writes may begin with it.
const SealedPrefix = "sealed:v1:"

// SealedLost is the sealed text of a value whose key was lost for good. Nothing
// opens it.
const SealedLost = SealedPrefix + "lost"

// IsSealed tells sealed text from a value in clear.
func IsSealed(value string) bool { return strings.HasPrefix(value, SealedPrefix) }

// secretPlace is where a secret value, or the value of an unmarked variable, stands.
type secretPlace struct {
	path   string // token, containers[0].env[API_KEY]
	value  string
	holder map[string]any
	field  string
	marked bool // false: a variable without the mark
}

// secretPlaces finds the secret values that are text, and with them the values of
// variables that are not marked. Empty text is no secret: there is nothing in it,
// and an empty token means none. Values of another kind are Parse's to refuse.
func secretPlaces(root map[string]any) (places []secretPlace) {
	note := func(path string, holder map[string]any, field string, marked bool) {
		if text, ok := holder[field].(string); ok && text != "" {
			places = append(places, secretPlace{path, text, holder, field, marked})
		}
	}
	for _, key := range catalogue {
		if place, err := parsePath(key.Path); key.Secret && err == nil {
			holder, _ := follow(root, place[:len(place)-1])
			if object, ok := holder.(map[string]any); ok {
				note(key.Path, object, place[len(place)-1].name, true)
			}
		}
	}
	containers, _ := root["containers"].([]any)
	for i, container := range containers {
		object, _ := container.(map[string]any)
		env, _ := object["env"].([]any)
		for _, item := range env {
			if entry, ok := item.(map[string]any); ok {
				name, _ := entry["name"].(string)
				note(fmt.Sprintf("%s.env[%s]", joinIndex("containers", i), name), entry, "value", markedSecret(entry))
			}
		}
	}
	return places
}

// markedSecret reads the mark of a variable. Whatever is no clear "no" counts as
// one, so that a mark that is misspelt shows nothing before it is refused.
func markedSecret(entry map[string]any) bool {
	mark, given := entry["secret"]
	return given && mark != nil && mark != false
}

// HasSecrets tells whether there is any secret value.
func (d Document) HasSecrets() bool {
	for _, p := range secretPlaces(d.root) {
		if p.marked {
			return true
		}
	}
	return false
}

// MapSecrets gives the document with each secret value replaced by what do makes
// of it. path is as diffs write it: token, containers[0].env[API_KEY]. Errors of
// do become the *InvalidError of their fields, all at once.
func (d Document) MapSecrets(do func(path, value string) (string, error)) (Document, error) {
	root := cloneObject(d.root)
	c := &checker{}
	for _, p := range secretPlaces(root) {
		if !p.marked {
			continue
		}
		value, err := do(p.path, p.value)
		if err != nil {
			c.add(p.path, nil, "%s", err)
			continue
		}
		p.holder[p.field] = value
	}
	if err := c.err(); err != nil {
		return Document{}, err
	}
	return Document{root: root}, nil
}

// Masked gives the document as it is shown: Mask in place of each secret value.
func (d Document) Masked() Document {
	masked, _ := d.MapSecrets(func(string, string) (string, error) { return Mask, nil })
	return masked
}

var (
	errNothingKept = errors.New(`"` + Mask + `" stands for a secret that is in force already, and there is none here; write the value itself`)
	errUnmarked    = errors.New(`"` + Mask + `" is shown in place of the secret value; write the value itself, or keep secret: true beside it`)
	errPrefixTaken = errors.New(`a value that begins with "` + SealedPrefix + `" is not allowed: so the server writes what it has sealed; write the value itself`)
)

// KeepSecrets puts the values in force in place of each Mask in next, by the name
// of the variable or key. Refused with an *InvalidError are a Mask where nothing
// is in force (a new service, a variable with another name), one whose variable is
// no longer marked, and sealed text as the value of a variable without the mark.
func KeepSecrets(current, next Document) (Document, error) {
	inForce := map[string]string{}
	for _, p := range secretPlaces(current.root) {
		if p.marked {
			inForce[p.path] = p.value
		}
	}
	root := cloneObject(next.root)
	c := &checker{}
	for _, p := range secretPlaces(root) {
		was, had := inForce[p.path]
		switch {
		case p.value == Mask && p.marked && had:
			p.holder[p.field] = was
		case p.value == Mask && p.marked:
			c.add(p.path, nil, "%s", errNothingKept)
		case p.value == Mask && had:
			c.add(p.path, nil, "%s", errUnmarked)
		case !p.marked && IsSealed(p.value):
			c.add(p.path, nil, "%s", errPrefixTaken)
		}
	}
	if err := c.err(); err != nil {
		return Document{}, err
	}
	return Document{root: root}, nil
}

// secretNames are the last names of the keys that are secret by themselves.
var secretNames = func() map[string]bool {
	names := map[string]bool{}
	for _, key := range catalogue {
		if key.Secret {
			names[key.Path[strings.LastIndexByte(key.Path, '.')+1:]] = true
		}
	}
	return names
}()

// withoutSecrets is a value as an error may show it: what stands beside a mark, or
// has the name of a secret key, is masked, at any depth and of any kind.
func withoutSecrets(value any) any {
	switch v := value.(type) {
	case map[string]any:
		shown := make(map[string]any, len(v))
		for key, inner := range v {
			shown[key] = withoutSecrets(inner)
			if secretNames[key] && inner != nil {
				shown[key] = Mask
			}
		}
		if _, given := v["value"]; given && markedSecret(v) {
			shown["value"] = Mask
		}
		return shown
	case []any:
		shown := make([]any, len(v))
		for i := range v {
			shown[i] = withoutSecrets(v[i])
		}
		return shown
	}
	return value
}

// secretWords are what names of variables end with that hold a secret.
var secretWords = []string{"TOKEN", "PASSWORD", "PASSWD", "SECRET", "API_KEY", "APIKEY", "ACCESS_KEY", "SECRET_KEY", "PRIVATE_KEY", "CREDENTIALS", "CREDENTIAL"}

// looksSecret goes by the name alone: HF_TOKEN, but neither MAX_TOKENS nor
// PASSWORD_FILE.
func looksSecret(name string) bool {
	name = strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	for _, word := range secretWords {
		if name == word || strings.HasSuffix(name, "_"+word) {
			return true
		}
	}
	return false
}

// MayHoldSecrets tells quickly whether the JSON of a document is worth looking
// into: false is certain.
func MayHoldSecrets(config []byte) bool {
	if bytes.Contains(config, []byte(`"secret"`)) {
		return true
	}
	for name := range secretNames {
		if bytes.Contains(config, []byte(`"`+name+`"`)) {
			return true
		}
	}
	return false
}
