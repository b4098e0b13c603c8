package digits

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// A model file is, in this order:
//
//	8 bytes   "DIGITS1\n"
//	4 bytes   length of the header, little-endian as every number here
//	          the header, JSON
//	          for each layer its weights, row by row, then its biases, each a float32;
//	          or each example, 64 pixels and the digit, each one byte
//	4 bytes   CRC-32 (IEEE) of all before
const magic = "DIGITS1\n"

// FileName is the name of a model's file in its folder.
const FileName = "model.bin"

// maxFile is more than the greatest model a server should take in.
const maxFile = 64 << 20

// ErrNotModel tells that a file is no whole, undamaged model.
var ErrNotModel = errors.New("not a digits model")

// Load reads the model at path, which is a model file or a folder with a
// model.bin. The error names the file and what is wrong with it.
func Load(path string) (*Model, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("model %s does not exist", path)
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	if info.IsDir() {
		return Load(filepath.Join(path, FileName))
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("model %s: %d bytes; at most %d are allowed", path, info.Size(), maxFile)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	m, err := Decode(file)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	return m, nil
}

// Decode reads a model file.
func Decode(file []byte) (*Model, error) {
	rest, ok := bytes.CutPrefix(file, []byte(magic))
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrNotModel, magic)
	}
	if len(rest) < 4 {
		return nil, fmt.Errorf("%w: it breaks off in the header", ErrNotModel)
	}
	length := uint64(binary.LittleEndian.Uint32(rest))
	rest = rest[4:]
	if uint64(len(rest)) < length {
		return nil, fmt.Errorf("%w: it breaks off in the header", ErrNotModel)
	}
	var h Header
	if err := json.Unmarshal(rest[:length], &h); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrNotModel, err)
	}
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotModel, err)
	}
	rest = rest[length:]
	want := h.bodySize() + 4
	switch {
	case len(rest) < want:
		return nil, fmt.Errorf("%w: version %s breaks off: %d of %d bytes are there", ErrNotModel, h.Version, len(file), len(file)-len(rest)+want)
	case len(rest) > want:
		return nil, fmt.Errorf("%w: %d bytes too many at its end", ErrNotModel, len(rest)-want)
	}
	body, sum := file[:len(file)-4], binary.LittleEndian.Uint32(file[len(file)-4:])
	if got := crc32.ChecksumIEEE(body); got != sum {
		return nil, fmt.Errorf("%w: version %s is damaged: its checksum is %08x, should be %08x", ErrNotModel, h.Version, got, sum)
	}
	m, err := read(h, rest)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotModel, err)
	}
	return m, nil
}

// bodySize is the number of bytes between header and checksum.
func (h Header) bodySize() int {
	if h.Neighbours > 0 {
		return h.Parameters()
	}
	return 4 * h.Parameters()
}

func read(h Header, raw []byte) (*Model, error) {
	if h.Neighbours > 0 {
		return NewExamples(h, readExamples(h, raw))
	}
	return New(h, readLayers(h, raw))
}

func readExamples(h Header, raw []byte) []Sample {
	list := make([]Sample, h.Examples)
	for i := range list {
		of := raw[i*(Pixels+1):]
		copy(list[i].Pixels[:], of)
		list[i].Label = int(of[Pixels])
	}
	return list
}

func readLayers(h Header, raw []byte) []Layer {
	next := func(n int) []float32 {
		list := make([]float32, n)
		for i := range list {
			list[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		raw = raw[4*n:]
		return list
	}
	var layers []Layer
	for i := range len(h.Sizes) - 1 {
		layers = append(layers, Layer{Weights: next(h.Sizes[i] * h.Sizes[i+1]), Biases: next(h.Sizes[i+1])})
	}
	return layers
}

// Encode writes the model as Decode reads it; the same model gives the same
// bytes.
func (m *Model) Encode() ([]byte, error) {
	header, err := json.Marshal(m.Header)
	if err != nil {
		return nil, err
	}
	file := []byte(magic)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(header)))
	file = append(file, header...)
	for _, l := range m.layers {
		for _, list := range [][]float32{l.Weights, l.Biases} {
			for _, v := range list {
				file = binary.LittleEndian.AppendUint32(file, math.Float32bits(v))
			}
		}
	}
	if m.examples != nil {
		for _, s := range m.examples.kept {
			file = append(append(file, s.Pixels[:]...), byte(s.Label))
		}
	}
	return binary.LittleEndian.AppendUint32(file, crc32.ChecksumIEEE(file)), nil
}
