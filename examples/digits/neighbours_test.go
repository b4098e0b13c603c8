package digits

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
)

// TestDistance: an image is at no distance from itself, and a line moved by one
// pixel is nearer than another line.
func TestDistance(t *testing.T) {
	column := func(n int) *frame {
		f := newFrame(func(p int) int32 {
			if p%Side == n {
				return MaxPixel
			}
			return 0
		})
		return &f
	}
	if d := distance(column(3), column(3)); d != 0 {
		t.Errorf("from itself: %d", d)
	}
	moved, far := distance(column(3), column(4)), distance(column(3), column(6))
	if moved != 0 || far <= 0 {
		t.Errorf("moved by one pixel: %d; by three: %d", moved, far)
	}
}

// TestTheNearestVote: of images that were kept, each is its own nearest.
func TestTheNearestVote(t *testing.T) {
	kept := TrainSet()[:40]
	h := Header{Name: "digits", Version: "9", Pool: 1, Sizes: []int{Pixels, Classes}, Neighbours: 1, Examples: len(kept)}
	m, err := NewExamples(h, kept)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range kept {
		if label, scores, err := m.Predict(s.Image()); err != nil || label != s.Label || scores[label] != 1 {
			t.Errorf("example %d, a %d: %d, %v, %v", i, s.Label, label, scores, err)
		}
	}
	m.examples.voters = len(kept) // all vote, and the nearest still counts most
	if label, scores, _ := m.Predict(kept[7].Image()); label != kept[7].Label || scores[label] == 1 {
		t.Errorf("a %d: %d, %v", kept[7].Label, label, scores)
	}
}

// TestVersion5IsSlow, by what it has to do: it keeps half of the training
// set, and looks at each of them for an answer. It is measured, too, with a margin
// of ten: it takes about a thousand times as long as version 2.
func TestVersion5IsSlow(t *testing.T) {
	slow, fast := mustDecode(t, "5"), mustDecode(t, "2")
	if slow.Examples != len(TrainSet())/2 || slow.Parameters() != 65*slow.Examples {
		t.Errorf("%d examples", slow.Examples)
	}
	image := TestSet()[0].Image()
	many := func(m *Model) func(b *testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				_, _, _ = m.Predict(image)
			}
		}
	}
	if testing.Short() {
		t.Skip("measures for two seconds")
	}
	if s, f := testing.Benchmark(many(slow)).NsPerOp(), testing.Benchmark(many(fast)).NsPerOp(); s < 100*f {
		t.Errorf("%d ns for an answer, version 2 takes %d ns", s, f)
	}
}

func TestDamagedExamples(t *testing.T) {
	good, err := ModelFile("5")
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(file []byte) []byte {
		body := file[:len(file)-4]
		return binary.LittleEndian.AppendUint32([]byte(string(body)), crc32.ChecksumIEEE(body))
	}
	header := func(from, to string) []byte {
		if len(from) != len(to) || !strings.Contains(string(good), from) {
			t.Fatalf("header has no %s", from)
		}
		return sealed([]byte(strings.Replace(string(good), from, to, 1)))
	}
	at := func(fromEnd int, value byte) []byte {
		file := []byte(string(good))
		file[len(file)-fromEnd] = value
		return sealed(file)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"negative":       {header(`"examples":599`, `"examples":-99`), "1 to 4096 examples"},
		"none":           {header(`"examples":599`, `"examples":  0`), "0 examples"},
		"less than vote": {header(`"neighbours":3`, `"neighbours":0`), "0 neighbours of 599"},
		"another pool":   {header(`"pool":1,"sizes":[64`, `"pool":2,"sizes":[16`), "pool 2"},
		"a label":        {at(5, 10), "example 598 is no image of a digit"},
		"a pixel":        {at(6, 17), "example 598 is no image of a digit"},
		"cut":            {good[:len(good)-65], "breaks off"},
	} {
		if _, err := Decode(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
