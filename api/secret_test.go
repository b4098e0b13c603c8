package api_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

// marked is an env list with one marked variable.
func marked(name, value string) string {
	return fmt.Sprintf(`[{"name":%q,"value":%q,"secret":true}]`, name, value)
}

func withEnv(t *testing.T, env string) api.Document {
	t.Helper()
	return with(t, `{"containers":[{"command":"./server","env":`+env+`}]}`)
}

func TestMarkedVariables(t *testing.T) {
	spec, err := api.Parse(withEnv(t, `[{"name":"A","value":"x","secret":true},{"name":"B","value":"y","secret":false},{"name":"C","value":"z"}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []api.EnvVar{{Name: "A", Value: "x", Secret: true}, {Name: "B", Value: "y"}, {Name: "C", Value: "z"}}
	if !slices.Equal(spec.Container.Env, want) {
		t.Errorf("%+v, want %+v", spec.Container.Env, want)
	}
}

func TestPathsOfMarkedVariables(t *testing.T) {
	plain, mark := withEnv(t, `[{"name":"A","value":"x"}]`), withEnv(t, marked("A", "x"))
	for _, c := range []struct {
		name     string
		from, to api.Document
		want     []string
	}{
		{"another value", mark, withEnv(t, marked("A", "y")), []string{"containers[0].env[A]"}},
		{"the mark", plain, mark, []string{"containers[0].env[A].secret"}},
		{"the mark goes", mark, plain, []string{"containers[0].env[A].secret"}},
		{"both", plain, withEnv(t, marked("A", "y")), []string{"containers[0].env[A]", "containers[0].env[A].secret"}},
		{"not marked in words", plain, withEnv(t, `[{"name":"A","value":"x","secret":false}]`), nil},
		{"the same in another order", mark, withEnv(t, `[{"secret":true,"value":"x","name":"A"}]`), nil},
	} {
		changes := api.Changes(c.from, c.to)
		if !slices.Equal(changes.Paths, c.want) || changes.Replica != (c.want != nil) {
			t.Errorf("%s: %v, want %v", c.name, changes.Paths, c.want)
		}
	}
}

func TestSetKeepsTheMark(t *testing.T) {
	doc := withEnv(t, marked("A", "x"))
	for _, c := range []struct{ set, want string }{
		{"containers[0].env[A]=y", marked("A", "y")},
		{"containers[0].env[A].secret=false", `[{"name":"A","value":"x","secret":false}]`},
		{"containers[0].env[A].secret=null", `[{"name":"A","value":"x"}]`},
	} {
		got, err := api.Set(doc, c.set)
		if err != nil {
			t.Fatal(err)
		}
		if got, err = api.Merge(api.Document{}, got); err != nil || !got.Equal(withEnv(t, c.want)) {
			t.Errorf("--set %s: %s, %v", c.set, got.JSON(), err)
		}
	}
}

// all are the secret places of a document that has one of each.
const all = `{"token":"t0","dockerAuth":"d0","containers":[{"command":"./server","env":[
	{"name":"A","value":"a0","secret":true},{"name":"B","value":"b0"},{"name":"C","value":"","secret":true},{"name":"D","secret":true}]}]}`

func TestMapSecrets(t *testing.T) {
	doc := with(t, all)
	var seen []string
	mapped, err := doc.MapSecrets(func(path, value string) (string, error) {
		seen = append(seen, path+"="+value)
		return strings.ToUpper(value), nil
	})
	slices.Sort(seen)
	if want := []string{"containers[0].env[A]=a0", "dockerAuth=d0", "token=t0"}; err != nil || !slices.Equal(seen, want) {
		t.Fatalf("%v, %v, want %v", seen, err, want)
	}
	if !mapped.Equal(with(t, strings.NewReplacer("t0", "T0", "d0", "D0", "a0", "A0").Replace(all))) || !doc.Equal(with(t, all)) {
		t.Errorf("%s\nof %s", mapped.JSON(), doc.JSON())
	}
	_, err = doc.MapSecrets(func(string, string) (string, error) { return "", errors.New("no") })
	if refused := (*api.InvalidError)(nil); !errors.As(err, &refused) || len(refused.Problems) != 3 {
		t.Errorf("%v", err)
	}
	if text := string(doc.Masked().JSON()); strings.Contains(text, "a0") || strings.Contains(text, "t0") || strings.Contains(text, "d0") || !strings.Contains(text, "b0") {
		t.Errorf("shown as %s", text)
	}
	for text, want := range map[string]bool{all: true, `{}`: false, `{"containers":[{"command":"./server","env":[{"name":"B","value":"secret"}]}]}`: false} {
		if doc := with(t, text); doc.HasSecrets() != want || !api.MayHoldSecrets(doc.JSON()) && want {
			t.Errorf("%s: %v, %v", text, doc.HasSecrets(), api.MayHoldSecrets(doc.JSON()))
		}
	}
	if api.MayHoldSecrets([]byte(valid)) {
		t.Error("a file without any looks as if it had secrets")
	}
}

func TestKeepSecrets(t *testing.T) {
	current := with(t, `{"token":"t0","containers":[{"command":"./server","env":[{"name":"A","value":"a0","secret":true},{"name":"B","value":"b0"}]}]}`)
	env := func(env string) string { return `{"containers":[{"command":"./server","env":` + env + `}]}` }
	for _, c := range []struct{ name, next, want, path, refusal string }{
		{name: "as shown", next: `{"token":"********","containers":[{"command":"./server","env":[{"name":"B","value":"b0"},` + marked("A", api.Mask)[1:] + `}]}`,
			want: `{"token":"t0","containers":[{"command":"./server","env":[{"name":"B","value":"b0"},` + marked("A", "a0")[1:] + `}]}`},
		{name: "another value", next: env(marked("A", "a1")), want: env(marked("A", "a1"))},
		{name: "another name", next: env(marked("Z", api.Mask)), path: "containers[0].env[Z]", refusal: "there is none here"},
		{name: "not marked before", next: env(marked("B", api.Mask)), path: "containers[0].env[B]", refusal: "there is none here"},
		{name: "not marked any more", next: env(`[{"name":"A","value":"********"}]`), path: "containers[0].env[A]", refusal: "keep secret: true"},
		{name: "not marked any more, with its value", next: env(`[{"name":"A","value":"a0"}]`), want: env(`[{"name":"A","value":"a0"}]`)},
		{name: "asterisks of somebody's own", next: env(`[{"name":"B","value":"********"}]`), want: env(`[{"name":"B","value":"********"}]`)},
		{name: "the prefix without the mark", next: env(`[{"name":"B","value":"sealed:v1:x"}]`), path: "containers[0].env[B]", refusal: "is not allowed"},
		{name: "the prefix with the mark", next: env(marked("B", "sealed:v1:x")), want: env(marked("B", "sealed:v1:x"))},
		{name: "registry account", next: `{"dockerAuth":"********"}`, path: "dockerAuth", refusal: "there is none here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := api.KeepSecrets(current, with(t, c.next))
			var refused *api.InvalidError
			switch {
			case c.refusal == "" && (err != nil || !got.Equal(with(t, c.want))):
				t.Errorf("%s, %v, want %s", got.JSON(), err, c.want)
			case c.refusal != "" && (!errors.As(err, &refused) || refused.Problems[0].Path != c.path || refused.Problems[0].Value != nil || !strings.Contains(err.Error(), c.refusal)):
				t.Errorf("%v, want %s: %s", err, c.path, c.refusal)
			}
		})
	}
}

func TestSealedTextIsValid(t *testing.T) {
	sealed := api.SealedPrefix + strings.Repeat("AZaz09_-", 1000)
	doc := with(t, `{"token":"`+sealed+`","dockerAuth":"`+sealed+`","containers":[{"command":"./server $A","env":`+marked("A", sealed)+`}]}`)
	if _, err := api.Parse(doc); err != nil {
		t.Error(err)
	}
}

// No error shows what stands beside a mark, whatever else is wrong with it.
func TestErrorsShowNoMarkedValue(t *testing.T) {
	for _, patch := range []string{
		`{"containers":[{"command":"./server","env":[{"name":"A","value":4711,"secret":true}]}]}`,
		`{"containers":[{"command":"./server","env":[{"name":"A","value":["4711"],"secret":true}]}]}`,
		`{"containers":[{"command":"./server","env":[{"name":"A","value":"4711","secret":"yes"}]}]}`,
		`{"containers":[{"command":"./server","env":[{"name":"A","value":"\u00004711","secret":true}]}]}`,
		`{"containers":[{"command":"./server","env":[{"name":"A=B","value":"4711","secret":true}]}]}`,
		`{"containers":[{"command":"./server","env":[{"value":"4711","secret":true}]}]}`,
		`{"containers":[{"command":"./server","env":[{"name":"A","value":"4711","secret":true},{"name":"A","value":"4711","secret":true}]}]}`,
		`{"containers":[{"command":"./server","env":{"A":{"value":"4711","secret":true}}}]}`,
		`{"containers":[{"command":"./server","env":{"name":"A","value":4711,"secret":true}}]}`,
		`{"containers":{"command":"./server","env":[{"name":"A","value":"4711","secret":true}]}}`,
		`{"containers":[{"command":"${A?} 'open","env":[{"name":"A","value":"4711","secret":true}]}]}`,
		`{"containers":[{"command":"$((A b))","env":[{"name":"A","value":"4711","secret":true}]}]}`,
		`{"containers":[{"command":"./server $A","health_check":{"period_seconds":1},"env":[{"name":"A","value":"4711","secret":true}]}]}`,
	} {
		if _, err := api.Parse(with(t, patch)); err == nil || strings.Contains(err.Error(), "4711") {
			t.Errorf("%s: %v", patch, err)
		}
	}
	if _, err := api.ParseGroupChange([]byte(`{"token":4711}`)); err == nil || strings.Contains(err.Error(), "4711") {
		t.Errorf("a group's token: %v", err)
	}
	if _, err := api.ParseGroupChange([]byte(`{"rules":{"token":"4711"}}`)); err == nil || strings.Contains(err.Error(), "4711") {
		t.Errorf("a token in the wrong place: %v", err)
	}
	if _, err := api.Merge(document(t, valid), document(t, `{"containers":[{"env":[{"name":"A","value":"4711","secert":true}]}]}`)); err == nil || strings.Contains(err.Error(), "4711") {
		t.Errorf("a mark that is misspelt: %v", err)
	}
}

func TestWarningsAboutNamesOfSecrets(t *testing.T) {
	for name, want := range map[string]bool{
		"HF_TOKEN": true, "TOKEN": true, "DB_PASSWORD": true, "AWS_SECRET": true, "OPENAI_API_KEY": true, "GOOGLE_CREDENTIALS": true, "aws_secret_access_key": true,
		"MAX_TOKENS": false, "TOKENIZER": false, "PASSWORD_FILE": false, "KEY": false, "LOG_LEVEL": false, "APITOKEN": false,
	} {
		for _, c := range []struct {
			entry string
			warns bool
		}{
			{fmt.Sprintf(`[{"name":%q,"value":"4711"}]`, name), want},
			{marked(name, "4711"), false},
			{fmt.Sprintf(`[{"name":%q,"value":""}]`, name), false},
		} {
			text := strings.Join(api.Warnings(withEnv(t, c.entry)), "\n")
			if strings.Contains(text, "looks like a secret") != c.warns || strings.Contains(text, "4711") ||
				c.warns && !strings.Contains(text, "--set containers[0].env["+name+"].secret=true") {
				t.Errorf("%s: %q", c.entry, text)
			}
		}
	}
}
