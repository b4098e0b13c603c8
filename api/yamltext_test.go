package api_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"sluice.dev/sluice/api"
)

func TestYAMLText(t *testing.T) {
	doc, err := api.ParseDocument([]byte(`{"model_path":"models/v1","labels":{},"metadata":{"name":"a","instance":2,"cpu":0.5,"rpc":{"enable_sigterm":true}},
		"containers":[{"command":"./server --port {{port}}","script":"set -e\n  exec x\n","env":[{"name":"B","value":"1"},{"name":"A","value":"yes"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	const want = `containers:
- command: ./server --port {{port}}
  env:
  - name: A
    value: "yes"
  - name: B
    value: "1"
  script: |
    set -e
      exec x
labels: {}
metadata:
  cpu: 0.5
  instance: 2
  name: a
  rpc:
    enable_sigterm: true
model_path: models/v1
`
	if got := doc.YAML(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := (api.Document{}).YAML(); got != "{}\n" {
		t.Errorf("the empty document: %q", got)
	}
}

// Whatever stands in a document, its YAML reads as the same document.
func TestYAMLTextReadsBack(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[-a-z0-9:.#\n \t"'{}\[\],&*!|>%@~=+]{0,12}`), rapid.SampledFrom([]string{
		"", "1e3", "0x1F", "~", "yes", "No", ".5", "12345678901234567890123", "- x", " lead", "trail ", "a: b", "a #b", "#", "two\nlines", "two\nlines\n", "two\nlines\n\n",
		"\n", "\n\nx", "  x\ny", "x\n\ny", "x\n  y", "x \ny", "\tx\ny", "é\nü", "a\u2028b\nc", "<<", "=", "2020-01-01", "!!str x", "'", `"`, `\`, "a\r\nb", "x:", "null", "---", "...\nx",
	}))
	rapid.Check(t, func(t *rapid.T) {
		var value func(depth int) any
		value = func(depth int) any {
			if depth == 0 {
				return text.Draw(t, "text")
			}
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				return json.Number(rapid.SampledFrom([]string{"0", "-1", "0.5", "12345678901234567890123", "1e30"}).Draw(t, "number"))
			case 1:
				return rapid.Bool().Draw(t, "flag")
			case 2:
				list := []any{}
				for range rapid.IntRange(0, 3).Draw(t, "items") {
					list = append(list, value(depth-1))
				}
				return list
			case 3:
				object := map[string]any{}
				for range rapid.IntRange(0, 3).Draw(t, "keys") {
					object[text.Draw(t, "key")] = value(depth - 1)
				}
				return object
			}
			return text.Draw(t, "text")
		}
		given, err := json.Marshal(map[string]any{"autoscaler": value(3), "containers": []any{map[string]any{"command": value(0), "script": value(0)}}})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := api.ParseDocument(given)
		if err != nil {
			t.Skip(err) // two spellings of one key
		}
		back, err := api.ParseDocument([]byte(doc.YAML()))
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, doc.YAML(), doc.JSON())
		}
		if !back.Equal(doc) {
			t.Fatalf("got %s\nfrom\n%s\nof %s", back.JSON(), doc.YAML(), doc.JSON())
		}
	})
}
