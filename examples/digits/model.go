package digits

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Model tells which digit an image shows. It is a neural network: the image, made
// coarser by Pool, goes through layers of weights with max(0, x) between them;
// softmax of what comes out are the scores. Or, where its header names
// Neighbours, it is images that vote.
type Model struct {
	Header
	layers   []Layer
	examples *examples // nil for a network
}

// Header is the part of a model file that a person can read.
type Header struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Kind    string `json:"kind"`  // "linear", "mlp" or "neighbours", for a person
	Pool    int    `json:"pool"`  // side of the squares of pixels that are averaged: 1, 2 or 4
	Sizes   []int  `json:"sizes"` // values going into each layer, then the 10 that come out

	// Precision is that of the values between layers: "half", or "" for all that
	// a float64 holds.
	Precision string `json:"precision,omitempty"`
	// Neighbours is how many of the Examples vote; 0 for a network.
	Neighbours int `json:"neighbours,omitempty"`
	Examples   int `json:"examples,omitempty"`
}

// Layer is a matrix of weights, one row for each value that comes out, and a
// bias for each.
type Layer struct {
	Weights []float32 // row by row
	Biases  []float32
}

// ErrNoScores tells that a model failed at an image: what it computed are no
// numbers. The fault is the model's, not the image's.
var ErrNoScores = errors.New("the model's scores are not numbers")

// New makes a network; the layers must have the sizes that the header tells.
func New(h Header, layers []Layer) (*Model, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	if h.Neighbours != 0 {
		return nil, errors.New("the header is that of a model of examples")
	}
	if len(layers) != len(h.Sizes)-1 {
		return nil, fmt.Errorf("%d layers, the header tells of %d", len(layers), len(h.Sizes)-1)
	}
	for i, l := range layers {
		if len(l.Biases) != h.Sizes[i+1] || len(l.Weights) != h.Sizes[i]*h.Sizes[i+1] {
			return nil, fmt.Errorf("layer %d has not the %d x %d weights that the header tells of", i, h.Sizes[i+1], h.Sizes[i])
		}
		for _, v := range slices.Concat(l.Weights, l.Biases) {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return nil, fmt.Errorf("layer %d holds %v, which is no weight", i, v)
			}
		}
	}
	return &Model{Header: h, layers: layers}, nil
}

// NewExamples makes a model of images that vote, as many as the header tells.
func NewExamples(h Header, kept []Sample) (*Model, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	if len(kept) != h.Examples || h.Neighbours == 0 {
		return nil, fmt.Errorf("%d examples, the header tells of %d, of which %d vote", len(kept), h.Examples, h.Neighbours)
	}
	for i, s := range kept {
		if s.Label < 0 || s.Label >= Classes || slices.Max(s.Pixels[:]) > MaxPixel {
			return nil, fmt.Errorf("example %d is no image of a digit", i)
		}
	}
	return &Model{Header: h, examples: newExamples(h.Neighbours, kept)}, nil
}

// Greatest number of values between two layers: keeps a wrong header from
// asking for all memory.
const maxSize = 4096

func (h Header) check() error {
	if h.Pool != 1 && h.Pool != 2 && h.Pool != 4 {
		return fmt.Errorf("header: pool is %d; 1, 2 or 4 is allowed", h.Pool)
	}
	if len(h.Sizes) < 2 || len(h.Sizes) > 8 {
		return fmt.Errorf("header: sizes %v; 2 to 8 of them are allowed", h.Sizes)
	}
	for _, n := range h.Sizes {
		if n < 1 || n > maxSize {
			return fmt.Errorf("header: sizes %v; 1 to %d is allowed", h.Sizes, maxSize)
		}
	}
	if in := Pixels / (h.Pool * h.Pool); h.Sizes[0] != in || h.Sizes[len(h.Sizes)-1] != Classes {
		return fmt.Errorf("header: sizes %v; with pool %d they begin with %d and end with %d", h.Sizes, h.Pool, in, Classes)
	}
	if h.Precision != "" && h.Precision != Half {
		return fmt.Errorf("header: precision is %q; %q, or none is allowed", h.Precision, Half)
	}
	if h.Neighbours == 0 && h.Examples == 0 {
		return nil
	}
	if h.Neighbours < 1 || h.Examples < h.Neighbours || h.Examples > maxExamples || h.Pool != 1 || len(h.Sizes) != 2 {
		return fmt.Errorf("header: %d neighbours of %d examples, pool %d, sizes %v; 1 to %d examples, no more neighbours than that, pool 1 and sizes [%d %d] are allowed",
			h.Neighbours, h.Examples, h.Pool, h.Sizes, maxExamples, Pixels, Classes)
	}
	return nil
}

// Parameters is the number of weights and biases, or of pixels and labels.
func (h Header) Parameters() int {
	if h.Neighbours > 0 {
		return h.Examples * (Pixels + 1)
	}
	n := 0
	for i := range len(h.Sizes) - 1 {
		n += (h.Sizes[i] + 1) * h.Sizes[i+1]
	}
	return n
}

// Predict tells which digit the image shows, and the score of each: they sum to
// 1. The image is 64 pixels from 0 to 16, row by row. It is safe for concurrent
// use, and gives the same bits on every architecture. The error is ErrNoScores.
func (m *Model) Predict(image []float64) (label int, scores [Classes]float64, err error) {
	if m.examples != nil {
		scores = m.examples.scores(image)
	} else {
		copy(scores[:], Softmax(m.forward(Coarsen(image, m.Pool))))
	}
	for digit, score := range scores {
		if math.IsNaN(score) {
			return 0, scores, ErrNoScores
		}
		if score > scores[label] {
			label = digit
		}
	}
	return label, scores, nil
}

// forward is what comes out of the last layer.
func (m *Model) forward(values []float64) []float64 {
	for i, l := range m.layers {
		out := make([]float64, len(l.Biases))
		for o := range out {
			sum := float64(l.Biases[o])
			for j, w := range l.Weights[o*len(values) : (o+1)*len(values)] {
				sum += float64(float64(w) * values[j])
			}
			if i < len(m.layers)-1 {
				sum = max(0, sum)
			}
			if m.Precision == Half {
				sum = RoundHalf(sum)
			}
			out[o] = sum
		}
		values = out
	}
	return values
}

// Accuracy is the part of the samples, 0 to 1, that the model tells right, and at
// how many it fails.
func (m *Model) Accuracy(samples []Sample) (accuracy float64, failures int) {
	right := 0
	for i := range samples {
		switch label, _, err := m.Predict(samples[i].Image()); {
		case err != nil:
			failures++
		case label == samples[i].Label:
			right++
		}
	}
	return float64(right) / float64(len(samples)), failures
}
