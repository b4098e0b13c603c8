package api

import (
	"fmt"
	"strings"
)

// ServiceFileReference writes docs/service-file.md from the catalogue; a test
// holds the two together.
func ServiceFileReference() []byte {
	var b strings.Builder
	b.WriteString(`<!-- Generated from the catalogue of keys in api/: go test ./api -run TestReference -update -->

# The service file

JSON or YAML, one service in one file. An EAS service file is read as it is: what has no meaning here is
accepted with a warning, and what is not known is refused with the nearest known name.

- A dotted key is the nested one: ` + "`\"eas.termination_grace_period\": 30` in `metadata` is the same as `\"eas\": {\"termination_grace_period\": 30}`" + `.
- ` + "`null` stands for \"not given\"" + `; in an update it removes the key.
- An update is laid over the current file: objects merge, lists are replaced. A file given as the whole (` + "`apply`, `update --replace`" + `)
  keeps what it does not name of the classes scale and membership, and ` + "`working_dir`" + `.

## Classes: what a change of a key does

| class | a change of it |
|---|---|
| scale | starts or stops replicas at once; no version, no rollout |
| live | makes a version; nothing is replaced, it holds for running replicas at once |
| replica | makes a version and a rollout that replaces the replicas |
| membership | is not versioned |
`)
	title := ""
	for _, k := range catalogue {
		if k.Section != title {
			title = k.Section
			fmt.Fprintf(&b, "\n## %s\n\n| key | type | default | class | meaning |\n|---|---|---|---|---|\n", title)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", k.Path, cell(k.Type.Name), cell(k.defaultText()), k.Class, cell(k.meaning()))
	}
	b.WriteString("\n## Other spellings\n\n| written | read as |\n|---|---|\n")
	for _, other := range []string{"containers[].readiness_check", "runtime.termination_grace_period"} {
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", other, Aliases()[other])
	}
	return []byte(b.String())
}

func (k Key) defaultText() string {
	if k.Default != "" {
		return "`" + k.Default + "`"
	}
	return k.Rule
}

func (k Key) meaning() string {
	switch {
	case k.Why == "" && k.Effect == EffectNone:
		return k.Doc + " **No effect here.**"
	case k.Why == "" && k.Effect == EffectLater:
		return k.Doc + " **Not in this release.**"
	case k.Effect == EffectNone:
		return k.Doc + " **No effect here:** " + k.Why + "."
	case k.Effect == EffectLater:
		return k.Doc + " **Not in this release:** " + k.Why + "."
	}
	return k.Doc
}

// cell keeps text inside one cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
