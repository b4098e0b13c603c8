package history_test

import (
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

// Each row is what was found out of one version, and what a person reads of it:
// the verdict and the findings that are not plainly fine, "!" for those that a
// rollback would fail on.
func TestPreflight(t *testing.T) {
	model := api.Digest{Kind: api.FileModel, Path: "/m/v1", Stat: "s", SHA256: "h"}
	python := api.Digest{Kind: api.FileProgram, Path: "/usr/bin/python3", Stat: "s", System: true}
	server := api.Digest{Kind: api.FileProgram, Path: "/srv/server", Stat: "s"}
	image := api.Digest{Kind: api.FileImage, Path: "reg/m:1"}
	file := func(d api.Digest, now history.Condition, why string) history.FileFact {
		return history.FileFact{Digest: d, Now: now, Why: why}
	}
	kept := func(f history.FileFact) history.FileFact { f.Kept = true; return f }
	gone := file(model, history.Missing, "/m/v1 does not exist")
	for _, c := range []struct {
		name  string
		facts history.Facts
		want  string
	}{
		{"nothing to look at", history.Facts{}, "ok"},
		{"all as recorded", history.Facts{Files: []history.FileFact{file(model, history.Same, ""), file(server, history.Same, "")}}, "ok"},
		{"model gone", history.Facts{Files: []history.FileFact{gone}}, "missing | !model /m/v1: missing, /m/v1 does not exist"},
		{"model gone, a copy is kept", history.Facts{Files: []history.FileFact{kept(gone)}}, "ok | model /m/v1: ok, /m/v1 does not exist; the kept copy is run"},
		{"model changed", history.Facts{Files: []history.FileFact{file(model, history.Changed, "/m/v1 changed since")}},
			"changed | !model /m/v1: changed, /m/v1 changed since, and no copy was kept"},
		{"model changed, a copy is kept", history.Facts{Files: []history.FileFact{kept(file(model, history.Changed, "/m/v1 changed since"))}},
			"ok | model /m/v1: ok, /m/v1 changed since; the kept copy is run"},
		{"model not compared yet", history.Facts{Files: []history.FileFact{file(model, history.Unsure, "other times")}}, "unknown | model /m/v1: unknown, other times"},
		{"model was never there", history.Facts{Files: []history.FileFact{file(api.Digest{Kind: api.FileModel, Path: "/m/v1"}, history.Missing, "/m/v1 does not exist")}},
			"missing | !model /m/v1: missing, /m/v1 does not exist"},
		{"model came later", history.Facts{Files: []history.FileFact{file(api.Digest{Kind: api.FileModel, Path: "/m/v1"}, history.Changed, "")}},
			"unknown | model /m/v1: unknown, /m/v1 was not there when the version was made"},
		{"system's program changed", history.Facts{Files: []history.FileFact{file(python, history.Changed, "/usr/bin/python3 changed since")}},
			"ok | program /usr/bin/python3: changed, /usr/bin/python3 changed since; what the system brings is run as it is"},
		{"system's program gone", history.Facts{Files: []history.FileFact{file(python, history.Missing, "/usr/bin/python3 does not exist")}},
			"missing | !program /usr/bin/python3: missing, /usr/bin/python3 does not exist"},
		{"own program changed", history.Facts{Files: []history.FileFact{file(server, history.Changed, "/srv/server changed since")}},
			"changed | !program /srv/server: changed, /srv/server changed since, and no copy was kept"},
		{"missing is worse than changed, changed than unknown", history.Facts{Files: []history.FileFact{
			file(server, history.Changed, "a"), gone, file(model, history.Unsure, "b")}},
			"missing | !program /srv/server: changed, a, and no copy was kept | !model /m/v1: missing, /m/v1 does not exist | model /m/v1: unknown, b"},
		{"image gone where it is run", history.Facts{Images: true, Files: []history.FileFact{file(image, history.Missing, "no such manifest")}},
			"missing | !image reg/m:1: missing, no such manifest"},
		{"registry not reached where it is run", history.Facts{Images: true, Files: []history.FileFact{file(image, history.Unsure, "no route")}}, "unknown | image reg/m:1: unknown, no route"},
		{"image gone where replicas are processes", history.Facts{Files: []history.FileFact{file(image, history.Missing, "no such manifest")}},
			"ok | image reg/m:1: missing, no such manifest; replicas are processes here and do not need it"},
		{"configuration refused", history.Facts{Config: "metadata.gpu: too many"}, "missing | !configuration: missing, metadata.gpu: too many"},
		{"secrets not set", history.Facts{Unset: []string{"containers[0].env[KEY]"}}, "missing | !secrets: missing, not known on this server: containers[0].env[KEY]; set them with an update"},
		{"cannot start", history.Facts{Start: "the executable is not in PATH"}, "missing | !start: missing, the executable is not in PATH"},
		{"cannot start because of what is said already", history.Facts{Start: "model_path /m/v1 does not exist", Files: []history.FileFact{gone}},
			"missing | !model /m/v1: missing, /m/v1 does not exist"},
		{"no capacity", history.Facts{Capacity: "it has 4 gpus in all"}, "missing | !capacity: missing, it has 4 gpus in all"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := history.Preflight(c.facts)
			words := []string{p.Verdict}
			for _, f := range p.Findings {
				mark := ""
				if f.Blocks {
					mark = "!"
				}
				if f.Blocks || f.Verdict != history.VerdictOK || strings.Contains(f.Reason, ";") {
					words = append(words, mark+f.Subject+": "+f.Verdict+", "+f.Reason)
				}
			}
			if got := strings.Join(words, " | "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if blocks := len(history.Obstacles(p)) > 0; blocks != (p.Verdict == history.VerdictMissing || p.Verdict == history.VerdictChanged) {
				t.Errorf("verdict %s, but %d obstacles", p.Verdict, len(history.Obstacles(p)))
			}
		})
	}
}

// TestPreflightSaysWhatIsKept: of a file that is as recorded it is said whether
// its original may be overwritten; nothing of what is never copied.
func TestPreflightSaysWhatIsKept(t *testing.T) {
	for _, c := range []struct {
		fact history.FileFact
		want string
	}{
		{history.FileFact{Digest: api.Digest{Kind: api.FileModel, Path: "/m", Stat: "s"}, Now: history.Same}, "as recorded, and no copy is kept"},
		{history.FileFact{Digest: api.Digest{Kind: api.FileModel, Path: "/m", Stat: "s"}, Now: history.Same, Kept: true}, "as recorded, and a copy is kept"},
		{history.FileFact{Digest: api.Digest{Kind: api.FileProgram, Path: "/usr/bin/python3", Stat: "s", System: true}, Now: history.Same}, "as recorded"},
		{history.FileFact{Digest: api.Digest{Kind: api.FileImage, Path: "m:1"}, Now: history.Same}, "as recorded"},
	} {
		p := history.Preflight(history.Facts{Files: []history.FileFact{c.fact}})
		if got := p.Findings[1]; got.Reason != c.want || got.Verdict != history.VerdictOK {
			t.Errorf("%+v: %+v, want %q", c.fact, got, c.want)
		}
	}
}
