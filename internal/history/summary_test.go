package history_test

import (
	"strings"
	"testing"

	"sluice.dev/sluice/internal/history"
)

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		files          []string
		want           string
	}{
		{"nothing", `{"metadata":{"name":"a"}}`, `{"metadata":{"name":"a"}}`, nil, "nothing"},
		{"one value", `{"metadata":{"cpu":1}}`, `{"metadata":{"cpu":2}}`, nil, "cpu 1 -> 2"},
		{"the image first, the replicas last", `{"metadata":{"cpu":1,"instance":1},"containers":[{"image":"m:1"}]}`,
			`{"metadata":{"cpu":2,"instance":3},"containers":[{"image":"m:2"}]}`, nil, "image m:1 -> m:2, cpu 1 -> 2, instance 1 -> 3"},
		{"variables by name", `{"containers":[{"env":[{"name":"A","value":"1"},{"name":"B","value":"1"}]}]}`,
			`{"containers":[{"env":[{"name":"B","value":"2"},{"name":"C","value":""}]}]}`, nil, "env A removed, env B 1 -> 2, env C added"},
		{"a sealed value", `{"containers":[{"env":[{"name":"A","value":"sealed:v1:x","secret":true}]}]}`,
			`{"dockerAuth":"sealed:v1:z","containers":[{"env":[{"name":"A","value":"sealed:v1:y","secret":true}]}]}`, nil, "env A changed, dockerAuth added"},
		{"content only", `{"model_path":"models/v1"}`, `{"model_path":"models/v1"}`, []string{"models/v1"}, "content of models/v1"},
		{"model before content before the rest", `{"model_path":"a","metadata":{"cpu":1},"containers":[{"command":"x"}]}`,
			`{"model_path":"b","metadata":{"gpu":1},"containers":[{"command":"y"}]}`, []string{"/x/y"},
			"model_path a -> b, content of /x/y, command x -> y, cpu removed, 1 more"},
		{"what is long is cut at its beginning", `{"model_path":"/srv/models/sentiment/2024/01/large/v1"}`, `{"model_path":"v2"}`, nil,
			"model_path ...ls/sentiment/2024/01/large/v1 -> v2"},
		{"what has many lines is not shown", `{"containers":[{"script":"a"}]}`, `{"containers":[{"script":"a\nb"}]}`, nil, "script changed"},
		{"an object that came", `{"containers":[{}]}`, `{"containers":[{"liveness_check":{"tcp_socket":{}}}]}`, nil, "liveness_check.tcp_socket added"},
		{"a secret", `{"containers":[{"env":[{"name":"A","value":"sealed:v1:0123456789012345678901234567890123456789","secret":true}]}]}`,
			`{"containers":[{"env":[{"name":"A","value":"sealed:v1:9876543210987654321098765432109876543210","secret":true}]}]}`, nil, "env A changed"},
		{"a secret that came", `{}`, `{"dockerAuth":"sealed:v1:0123456789012345678901234567890123456789"}`, nil, "dockerAuth added"},
		{"empty text", `{"containers":[{"env":[{"name":"A","value":"1"}]}]}`, `{"containers":[{"env":[{"name":"A","value":""}]}]}`, nil, `env A 1 -> ""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := history.Summary(history.FieldDiff(read(t, c.from), read(t, c.to)), c.files); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// However much changed, the line stays one that a list can show.
func TestSummaryIsBounded(t *testing.T) {
	var env []string
	for _, name := range strings.Fields(strings.Repeat("VERY_LONG_NAME_OF_A_VARIABLE ", 50)) {
		env = append(env, `{"name":"`+name+strings.Repeat("X", len(env))+`","value":"`+strings.Repeat("v", 500)+`"}`)
	}
	got := history.Summary(history.FieldDiff(read(t, `{"containers":[{}]}`), read(t, `{"containers":[{"env":[`+strings.Join(env, ",")+`]}]}`)), nil)
	if len(got) > 100 || !strings.HasSuffix(got, " more") || strings.Contains(got, "\n") {
		t.Errorf("%d: %s", len(got), got)
	}
}
