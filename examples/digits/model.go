package digits

import (
	"fmt"
	"math"
	"slices"
)

// Model is a neural network: the image, made coarser by Pool, goes through
// layers of weights with max(0, x) between them; softmax of what comes out are
// the scores.
type Model struct {
	Header
	layers []Layer
}

// Header is the part of a model file that a person can read.
type Header struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Kind    string `json:"kind"`  // "linear" or "mlp", for a person
	Pool    int    `json:"pool"`  // side of the squares of pixels that are averaged: 1, 2 or 4
	Sizes   []int  `json:"sizes"` // values going into each layer, then the 10 that come out
}

// Layer is a matrix of weights, one row for each value that comes out, and a
// bias for each.
type Layer struct {
	Weights []float32 // row by row
	Biases  []float32
}

// New makes a model; the layers must have the sizes that the header tells.
func New(h Header, layers []Layer) (*Model, error) {
	if err := h.check(); err != nil {
		return nil, err
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
	return &Model{h, layers}, nil
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
	return nil
}

// Parameters is the number of weights and biases.
func (h Header) Parameters() int {
	n := 0
	for i := range len(h.Sizes) - 1 {
		n += (h.Sizes[i] + 1) * h.Sizes[i+1]
	}
	return n
}

// Predict tells which digit the image shows, and the score of each: they sum to
// 1. The image is 64 pixels from 0 to 16, row by row. It is safe for concurrent
// use, and gives the same bits on every architecture.
func (m *Model) Predict(image []float64) (label int, scores [Classes]float64) {
	values := Coarsen(image, m.Pool)
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
			out[o] = sum
		}
		values = out
	}
	copy(scores[:], Softmax(values))
	for digit, score := range scores {
		if score > scores[label] {
			label = digit
		}
	}
	return label, scores
}

// Accuracy is the part of the samples, 0 to 1, that the model tells right.
func (m *Model) Accuracy(samples []Sample) float64 {
	right := 0
	for i := range samples {
		if label, _ := m.Predict(samples[i].Image()); label == samples[i].Label {
			right++
		}
	}
	return float64(right) / float64(len(samples))
}
