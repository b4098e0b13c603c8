package digits

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAccuracy: version 1 is modest, version 2 good, version 3 does not load.
// Version 5 is the best on all images, as the test of cmd/accuracy says.
func TestAccuracy(t *testing.T) {
	for version, bounds := range map[string][2]float64{"1": {0.80, 0.90}, "2": {0.96, 0.98}, "5": {0.96, 0.99}} {
		m := mustDecode(t, version)
		if m.Version != version || m.Name != "digits" {
			t.Errorf("version %s calls itself %s version %s", version, m.Name, m.Version)
		}
		images := TestSet()
		if version == "5" {
			images = images[:200] // it is slow
		}
		if got, failures := m.Accuracy(images); got < bounds[0] || got > bounds[1] || failures > 0 {
			t.Errorf("version %s: accuracy %.3f, want %.2f to %.2f; it fails at %d", version, got, bounds[0], bounds[1], failures)
		}
	}
	file, err := ModelFile("3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(file); !errors.Is(err, ErrNotModel) || !strings.Contains(err.Error(), "version 3 breaks off") {
		t.Errorf("version 3: %v", err)
	}
}

func mustDecode(t *testing.T, version string) *Model {
	t.Helper()
	file, err := ModelFile(version)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestScores(t *testing.T) {
	for _, version := range []string{"2", "5"} {
		t.Run(version, func(t *testing.T) { scoresOf(t, mustDecode(t, version)) })
	}
}

func scoresOf(t *testing.T, m *Model) {
	for _, s := range TestSet()[:50] {
		label, scores, err := m.Predict(s.Image())
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for digit, score := range scores {
			sum += score
			if score < 0 || score > scores[label] {
				t.Errorf("label %d with %v, digit %d has %v", label, scores[label], digit, score)
			}
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("scores sum to %v", sum)
		}
	}
}

func TestExp(t *testing.T) {
	for x := 0.0; x > -720; x -= 0.37 {
		want := math.Exp(x)
		if x < -700 {
			want = 0
		}
		if got := exp(x); math.Abs(got-want) > 1e-12*want {
			t.Fatalf("exp(%v) = %v, want %v", x, got, want)
		}
	}
}

func TestCoarsen(t *testing.T) {
	image := make([]float64, Pixels)
	for i := range image {
		image[i] = MaxPixel
	}
	image[0] = 0 // in the first square
	for pool, first := range map[int]float64{1: 0, 2: 3. / 4, 4: 15. / 16} {
		out := Coarsen(image, pool)
		if len(out) != Pixels/pool/pool || out[0] != first || out[1] != 1 || out[len(out)-1] != 1 {
			t.Errorf("pool %d: %v", pool, out)
		}
	}
}

// TestEncode: what was read is written the same.
func TestEncode(t *testing.T) {
	for _, version := range []string{"1", "2", "4", "5"} {
		want, err := ModelFile(version)
		if err != nil {
			t.Fatal(err)
		}
		got, err := mustDecode(t, version).Encode()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("version %s is not written as it was read: %v", version, err)
		}
	}
}

// TestDamagedModels: every way of damage is an error that says which.
func TestDamagedModels(t *testing.T) {
	good, err := ModelFile("1")
	if err != nil {
		t.Fatal(err)
	}
	// sealed puts a right checksum under wrong content.
	sealed := func(file []byte) []byte {
		body := file[:len(file)-4]
		return binary.LittleEndian.AppendUint32(bytes.Clone(body), crc32.ChecksumIEEE(body))
	}
	header := func(from, to string) []byte {
		if len(from) != len(to) || !bytes.Contains(good, []byte(from)) {
			t.Fatalf("header has no %s", from)
		}
		return sealed(bytes.Replace(good, []byte(from), []byte(to), 1))
	}
	flip := func(i int) []byte {
		file := bytes.Clone(good)
		file[i] ^= 0x10
		return file
	}
	nan := bytes.Clone(good)
	binary.LittleEndian.PutUint32(nan[len(nan)-8:], math.Float32bits(float32(math.NaN())))
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "does not begin"},
		{"text", []byte("<html>404 not found</html>"), "does not begin"},
		{"only the magic", good[:8], "breaks off in the header"},
		{"cut in the length", good[:10], "breaks off in the header"},
		{"cut in the header", good[:40], "breaks off in the header"},
		{"cut in the weights", good[:len(good)-100], "breaks off"},
		{"cut by one byte", good[:len(good)-1], "breaks off"},
		{"one byte more", append(bytes.Clone(good), 0), "1 bytes too many"},
		{"a bit in the weights", flip(300), "checksum"},
		{"a bit in the checksum", flip(len(good) - 1), "checksum"},
		{"length beyond all", flip(11), "breaks off in the header"},
		{"header is no JSON", header(`{"name"`, `["name"`), "header"},
		{"pool 3", header(`"pool":2`, `"pool":3`), "pool is 3"},
		{"sizes that do not fit", header(`[16,10]`, `[16,11]`), "begin with 16 and end with 10"},
		{"negative sizes", header(`[16,10]`, `[-6,10]`), "1 to 4096"},
		{"no number", sealed(nan), "no weight"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode(c.file)
			if !errors.Is(err, ErrNotModel) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %q", err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, version := range Versions {
		file, err := ModelFile(version)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	image := TestSet()[0].Image()
	f.Fuzz(func(t *testing.T, file []byte) {
		if m, err := Decode(file); err == nil {
			_, _, _ = m.Predict(image)
		}
	})
}

func TestWriteAndLoad(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // the second time over the first
		if err := WriteModels(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{filepath.Join(dir, "v2"), filepath.Join(dir, "v2", FileName)} {
		if m, err := Load(path); err != nil || m.Version != "2" {
			t.Errorf("Load(%s): %v", path, err)
		}
	}
	bad := filepath.Join(dir, "v3", FileName)
	if _, err := Load(filepath.Dir(bad)); err == nil || !strings.Contains(err.Error(), bad) {
		t.Errorf("Load of version 3: %v, want an error that names %s", err, bad)
	}
	if _, err := Load(filepath.Join(dir, "v6")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("Load of a missing model: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", "*.part-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != len(Versions) {
		t.Errorf("%d entries, %v; want %d", len(entries), err, len(Versions))
	}
}
