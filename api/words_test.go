package api_test

import (
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

func TestWords(t *testing.T) {
	env := func(name string) string {
		return map[string]string{"HOME": "/home/u", "PORT": "4711", "MODEL_PATH": "/m/my model", "FLAGS": "-a -b"}[name]
	}
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"./server", []string{"./server"}},
		{"  ./server\t--a   b ", []string{"./server", "--a", "b"}},
		{"./server --port={{port}} :$PORT", []string{"./server", "--port=4711", ":4711"}},
		{`./server '{{port}}' "{{port}}"`, []string{"./server", "4711", "4711"}},
		{`./server --model "$MODEL_PATH" $FLAGS`, []string{"./server", "--model", "/m/my model", "-a", "-b"}},
		{`./server '$HOME' \$HOME "a b"'c' ""`, []string{"./server", "$HOME", "$HOME", "a bc", ""}},
		{"./server ${NONE:-x} ${PORT:+y}", []string{"./server", "x", "y"}},
		{"./server $((PORT + 1))", []string{"./server", "4712"}},
		{"./server ~/m ~other/m", []string{"./server", "/home/u/m", "~other/m"}},
		{"./server {a,b} {1..3} *.txt", []string{"./server", "{a,b}", "{1..3}", "*.txt"}},
		{`./server --json '{"a": [1, 2]}'`, []string{"./server", "--json", `{"a": [1, 2]}`}},
		{"./server a\\\n b\nc # not this", []string{"./server", "a", "b", "c"}},
	} {
		got, err := api.Words(c.in, env)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q is %q, %v; want %q", c.in, got, err, c.want)
		}
	}
	for in, want := range map[string]string{
		"": "names no program", "  ": "names no program", "$NONE": "names no program", "# x": "names no program", `"" a`: "names no program",
		"a | b": "use script", "a; b": "use script", "a && b": "use script", "a > b": "use script", "(a)": "use script", "a &": "use script",
		"a $(b)": "command substitution", "a `b`": "command substitution", `a "$(b)"`: "command substitution", "a <(b)": "process substitution",
		"a 'b": "closing quote", "A=1 b": "assignment", "a ${X:=1}": "cannot be expanded", "a ${X?must be set}": "must be set", "a $((1/0))": "division by zero",
	} {
		if got, err := api.Words(in, env); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %q, %v; want an error that says %q", in, got, err, want)
		}
	}
}

// What a parser follows by recursion must not be able to fill the stack.
func TestNestedCommands(t *testing.T) {
	for _, in := range []string{strings.Repeat("$((", 10000), "a " + strings.Repeat("${a:-", 6000), "a " + strings.Repeat("$((", 6000) + "1" + strings.Repeat("))", 6000), strings.Repeat("x", 1<<20)} {
		words, err := api.Words(in, func(string) string { return "" })
		if err == nil && len(words) == 0 {
			t.Errorf("%.20q gives nothing at all", in)
		}
	}
}

func TestVersionFiles(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"all kinds", `{"model_path":"models/v1","warm_up_data_path":"/data/warm.bin","containers":[{"working_dir":"/srv",
			"command":"./model-server --model $MODEL_PATH --port {{port}} --config=conf/a.yaml -v $PORT http://x/y . labels.txt","env":[{"name":"X","value":"1"}]}]}`,
			[]string{"model /srv/models/v1", "warm_up /data/warm.bin", "program /srv/model-server", "argument /srv/conf/a.yaml", "argument /srv/labels.txt"}},
		{"a program in PATH", `{"containers":[{"working_dir":"/srv","command":"python3 -u serve.py ../lib/x.py"}]}`,
			[]string{"program python3", "argument /srv/serve.py", "argument /lib/x.py"}},
		{"variables of the file", `{"containers":[{"working_dir":"/srv","command":"$BIN/server","env":[{"name":"BIN","value":"/opt/b"}]}]}`, []string{"program /opt/b/server"}},
		{"without a working directory", `{"model_path":"m/v1","containers":[{"command":"./server"}]}`, []string{"model m/v1", "program server"}},
		{"what it writes", `{"containers":[{"working_dir":"/srv","command":"./server --log-file a.txt -record ids --stats=s.json --out b/c x.log conf.json"}]}`,
			[]string{"program /srv/server", "argument /srv/conf.json"}},
		{"a script names nothing", `{"model_path":"/m","containers":[{"script":"exec ./server"}]}`, []string{"model /m"}},
	} {
		var got []string
		for _, f := range api.Files(parse(t, with(t, c.file))) {
			got = append(got, string(f.Kind)+" "+f.Path)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
