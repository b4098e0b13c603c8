package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/runtime"
)

// drawer holds copies of some files.
type drawer struct {
	NoContent
	stands map[string]history.Condition
	kept   []string
}

func (c drawer) Compare(_ context.Context, d api.Digest, full bool) (history.Condition, string) {
	now, told := c.stands[d.Path]
	if !told || full && now == history.Unsure {
		return history.Same, ""
	}
	return now, d.Path + " " + string(now)
}

func (c drawer) Kept(d api.Digest) string {
	if slices.Contains(c.kept, d.Path) {
		return "/kept" + d.Path
	}
	return ""
}

// What a replica starts with: "copy F" from the store, "told F" with what is
// there and an event, "refused" not at all.
func TestSettle(t *testing.T) {
	file := func(kind api.FileKind, path string) api.Digest { return api.Digest{Kind: kind, Path: path, Stat: "s"} }
	model, argument := file(api.FileModel, "/m"), file(api.FileArgument, "/a")
	system, image, absent := file(api.FileProgram, "/p"), file(api.FileImage, "i"), api.Digest{Kind: api.FileModel, Path: "/never"}
	system.System = true
	for _, c := range []struct {
		name           string
		refuse, strict bool
		stands         map[string]history.Condition
		kept           []string
		want           string
	}{
		{"all as recorded", true, true, nil, nil, ""},
		{"a copy is kept", true, false, map[string]history.Condition{"/m": history.Changed}, []string{"/m"}, "copy /m"},
		{"gone, and a copy is kept", true, false, map[string]history.Condition{"/m": history.Missing, "/a": history.Missing}, []string{"/m", "/a"}, "copy /a, copy /m"},
		{"no copy", true, false, map[string]history.Condition{"/m": history.Changed}, nil, "refused"},
		{"no copy, in service", false, false, map[string]history.Condition{"/m": history.Changed}, nil, "told /m changed"},
		{"touched, read where it would be refused", true, false, map[string]history.Condition{"/m": history.Unsure}, nil, ""},
		{"touched, not read where it would not", false, false, map[string]history.Condition{"/m": history.Unsure}, nil, "told /m unsure"},
		{"an argument that the program may write", true, false, map[string]history.Condition{"/a": history.Changed}, []string{"/a"}, "told /a changed"},
		{"an argument of an earlier version", true, true, map[string]history.Condition{"/a": history.Changed}, []string{"/a"}, "copy /a"},
		{"an argument of an earlier version, no copy", true, true, map[string]history.Condition{"/a": history.Changed}, nil, "refused"},
		{"what the system brings, an image, what never was", true, true,
			map[string]history.Condition{"/p": history.Changed, "i": history.Missing, "/never": history.Missing}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := material{version: 2, service: "s", refuse: c.refuse, strict: c.strict, digests: []api.Digest{model, argument, system, image, absent}}
			l := runtime.Launch{}
			told, err := m.settle(t.Context(), drawer{stands: c.stands, kept: c.kept}, &l)
			var got []string
			for from, at := range l.Files {
				if at != "/kept"+from {
					t.Errorf("%s is run from %s", from, at)
				}
				got = append(got, "copy "+from)
			}
			for _, why := range told {
				got = append(got, "told "+why)
			}
			if err != nil {
				got = []string{"refused"}
				if !strings.Contains(fmt.Sprint(err), "metadata.on_drift") || !strings.Contains(fmt.Sprint(err), "sluice update s") {
					t.Errorf("the refusal: %v", err)
				}
			}
			slices.Sort(got)
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
