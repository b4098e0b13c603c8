package history_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

func TestLines(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"the same", "a|b", "a|b", "= a|= b"},
		{"nothing at all", "", "", ""},
		{"one replaced", "a: 1|b: 2", "a: 1|b: 3", "= a: 1|~ b: 2 / b: 3"},
		{"added", "a: 1", "a: 1|b: 2", "= a: 1|+ b: 2"},
		{"removed", "a: 1|b: 2", "b: 2", "- a: 1|= b: 2"},
		{"other keys are not beside each other", "a: 1|z: 1", "b: 1|z: 1", "- a: 1|+ b: 1|= z: 1"},
		{"replaced among others", "x: 1|image: 1|y: 1", "image: 2|w: 1", "- x: 1|~ image: 1 / image: 2|- y: 1|+ w: 1"},
		{"lines that occur often", "- a|- a|- b", "- a|- b|- b", "= - a|~ - a / - b|= - b"},
		{"moved", "a: 1|b: 1|c: 1", "c: 1|a: 1|b: 1", "+ c: 1|= a: 1|= b: 1|- c: 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, l := range history.Lines(split(c.from), split(c.to)) {
				switch l.Op {
				case api.LineSame:
					got = append(got, "= "+l.From)
				case api.LineAdd:
					got = append(got, "+ "+l.To)
				case api.LineRemove:
					got = append(got, "- "+l.From)
				default:
					got = append(got, "~ "+l.From+" / "+l.To)
				}
			}
			if text := strings.Join(got, "|"); text != c.want {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "|")
}

// The lines give both texts back, a line that is replaced is another one, and
// texts that are equal have nothing but lines that are the same.
func TestLinesGiveBothTextsBack(t *testing.T) {
	line := rapid.OneOf(rapid.StringMatching(`[ab]{0,1}: [12]`), rapid.StringMatching(` {0,2}- [ab]`), rapid.Just(""))
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SliceOfN(line, 0, 30).Draw(t, "from")
		to := rapid.SliceOfN(line, 0, 30).Draw(t, "to")
		if rapid.Bool().Draw(t, "alike") {
			to = slices.Clone(from)
			for range rapid.IntRange(0, 3).Draw(t, "edits") {
				i := rapid.IntRange(0, len(to)).Draw(t, "at")
				to = slices.Insert(to, i, line.Draw(t, "line"))
			}
		}
		var a, b []string
		for _, l := range history.Lines(from, to) {
			if l.Op != api.LineAdd {
				a = append(a, l.From)
			}
			if l.Op != api.LineRemove {
				b = append(b, l.To)
			}
			if (l.Op == api.LineSame) != (l.From == l.To) && l.Op != api.LineAdd && l.Op != api.LineRemove {
				t.Fatalf("%+v", l)
			}
			if l.Op != api.LineSame && slices.Equal(from, to) {
				t.Fatalf("the texts are equal: %+v", l)
			}
		}
		if !slices.Equal(a, from) && len(a)+len(from) > 0 || !slices.Equal(b, to) && len(b)+len(to) > 0 {
			t.Fatalf("got %q and %q", a, b)
		}
	})
}

// Texts of any size are compared in bounded memory.
func TestLinesOfLargeTexts(t *testing.T) {
	from, to := make([]string, 30000), make([]string, 30000)
	for i := range from {
		from[i], to[i] = fmt.Sprint("a", i%7), fmt.Sprint("b", i%7)
	}
	if got := history.Lines(from, to); len(got) < 30000 || len(got) > 60000 {
		t.Errorf("%d lines", len(got))
	}
}
