package history_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

func read(t *testing.T, text string) api.Document {
	t.Helper()
	doc, err := api.ParseDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestFieldDiff(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		want           []string
	}{
		{"the same in other words", `{"metadata":{"eas.drain":"idle","instance":4}}`, `{"metadata":{"instance":4.0,"eas":{"drain":"idle"}}}`, nil},
		{"replace", `{"containers":[{"image":"m:1","port":1}]}`, `{"containers":[{"image":"m:2","port":1}]}`,
			[]string{`containers[0].image replace "m:1" "m:2"`}},
		{"add and remove", `{"model_path":"a","metadata":{"cpu":1}}`, `{"metadata":{"cpu":1,"gpu":2}}`,
			[]string{`metadata.gpu add  2`, `model_path remove "a" `}},
		{"variables by name", `{"containers":[{"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}]}`,
			`{"containers":[{"env":[{"name":"C","value":"3"},{"name":"B","value":"9"}]}]}`,
			[]string{`containers[0].env[A] remove "1" `, `containers[0].env[B] replace "2" "9"`, `containers[0].env[C] add  "3"`}},
		{"variables in another order", `{"containers":[{"env":[{"name":"A"},{"name":"B"}]}]}`, `{"containers":[{"env":[{"name":"B","value":""},{"name":"A"}]}]}`, nil},
		{"variables that are set twice go by index", `{"containers":[{"env":[{"name":"A","value":"1"}]}]}`, `{"containers":[{"env":[{"name":"A","value":"1"},{"name":"A","value":"2"}]}]}`,
			[]string{`containers[0].env[0].name add  "A"`, `containers[0].env[0].value add  "1"`, `containers[0].env[1].name add  "A"`,
				`containers[0].env[1].value add  "2"`, `containers[0].env[A] remove "1" `}},
		{"a list by index, in the order of numbers", `{"autoscaler":[0,0,0,0,0,0,0,0,0,0,0]}`, `{"autoscaler":[0,0,1,0,0,0,0,0,0,0,1,1]}`,
			[]string{"autoscaler[2] replace 0 1", "autoscaler[10] replace 0 1", "autoscaler[11] add  1"}},
		{"presence", `{"containers":[{"liveness_check":{"tcp_socket":{}}}]}`, `{"containers":[{}]}`, []string{"containers[0].liveness_check.tcp_socket remove {} "}},
		{"presence that gets content", `{"containers":[{"liveness_check":{"tcp_socket":{}}}]}`, `{"containers":[{"liveness_check":{"tcp_socket":{"port":1}}}]}`,
			[]string{"containers[0].liveness_check.tcp_socket.port add  1"}},
		{"content that goes", `{"autoscaler":{"a":{"b":1}}}`, `{"autoscaler":{"a":{}}}`, []string{"autoscaler.a.b remove 1 "}},
		{"names with dots", `{"labels":{"a.b":"1"}}`, `{"labels":{"a.b":"2"}}`, []string{`labels["a.b"] replace "1" "2"`}},
		{"another kind", `{"autoscaler":{"a":1}}`, `{"autoscaler":{"a":[1]}}`, []string{"autoscaler.a remove 1 ", "autoscaler.a[0] add  1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes := history.FieldDiff(read(t, c.from), read(t, c.to))
			if changes == nil {
				t.Fatal("no change is an empty list, which JSON writes as []")
			}
			var got []string
			for _, f := range changes {
				got = append(got, fmt.Sprintf("%s %s %s %s", f.Path, f.Op, f.From, f.To))
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// A path in a diff can be given to --set.
func TestPathsAreThoseOfSet(t *testing.T) {
	from := read(t, `{"metadata":{"name":"a"},"labels":{"a.b":"1"},"containers":[{"command":"./a","env":[{"name":"A","value":"1"}]}]}`)
	to := read(t, `{"metadata":{"name":"a","eas":{"drain":"idle"}},"labels":{"a.b":"2"},"containers":[{"command":"./b","env":[{"name":"A","value":"2"},{"name":"B","value":"3"}]}]}`)
	for _, change := range history.FieldDiff(from, to) {
		var err error
		if from, err = api.Set(from, change.Path+"="+string(change.To)); err != nil {
			t.Fatal(err)
		}
	}
	if rest := history.FieldDiff(from, to); len(rest) > 0 {
		t.Errorf("still different: %+v", rest)
	}
}
