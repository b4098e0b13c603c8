// Package training makes the example models. It is a plain stochastic gradient
// descent with a fixed seed, written so that the same bytes come out on every
// architecture and with every compiler (see arithmetic.go of package digits).
package training

import (
	"fmt"
	"math/rand/v2"

	"sluice.dev/sluice/examples/digits"
)

// Recipe is all that a model depends on besides the images.
type Recipe struct {
	Header   digits.Header
	Seed     uint64
	Epochs   int     // passes over the images
	Rate     float64 // of learning, falling to a tenth of it in a straight line
	Momentum float64
	Decay    float64 // pull of every weight towards 0

	// Equalise multiplies the first layer of a network of two by it and divides
	// the second, as exports to a coarse precision do: the scores stay the same as
	// long as every value between them can be held. 0 leaves them.
	Equalise float64
}

// The recipes of the versions in models/. Version 3 would be better than 2; its
// file is cut, as by an upload that broke off. Version 4 is as good as 2 before its
// export to half precision, for which its layers were equalised by too great a
// factor: images with much ink go beyond 65504 between the layers, and the scores
// are no numbers. Version 5 keeps images instead of learning.
var recipes = []Recipe{
	{
		Header: digits.Header{Name: "digits", Version: "1", Kind: "linear", Pool: 2, Sizes: []int{16, 10}},
		Seed:   1, Epochs: 20, Rate: 0.3,
	},
	{
		Header: digits.Header{Name: "digits", Version: "2", Kind: "mlp", Pool: 1, Sizes: []int{64, 48, 10}},
		Seed:   2, Epochs: 30, Rate: 0.1, Momentum: 0.9, Decay: 1e-4,
	},
	{
		Header: digits.Header{Name: "digits", Version: "3", Kind: "mlp", Pool: 1, Sizes: []int{64, 96, 10}},
		Seed:   3, Epochs: 20, Rate: 0.1, Momentum: 0.9, Decay: 1e-4,
	},
	{
		Header: digits.Header{Name: "digits", Version: "4", Kind: "mlp", Pool: 1, Sizes: []int{64, 48, 10}, Precision: digits.Half},
		Seed:   4, Epochs: 30, Rate: 0.1, Momentum: 0.9, Decay: 1e-4, Equalise: 14500,
	},
	{
		Header: digits.Header{Name: "digits", Version: "5", Kind: "neighbours", Pool: 1, Sizes: []int{64, 10}, Neighbours: 3, Examples: 599},
	},
}

// Files makes the model files of all versions, by version.
func Files() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, r := range recipes {
		m, err := Train(r, digits.TrainSet())
		if err != nil {
			return nil, fmt.Errorf("version %s: %w", r.Header.Version, err)
		}
		file, err := m.Encode()
		if err != nil {
			return nil, fmt.Errorf("version %s: %w", r.Header.Version, err)
		}
		if r.Header.Version == "3" {
			file = file[:len(file)*2/3]
		}
		files[r.Header.Version] = file
	}
	return files, nil
}

const batch = 16

// Train makes a model from the samples. The loss is cross-entropy.
func Train(r Recipe, samples []digits.Sample) (*digits.Model, error) {
	if r.Header.Neighbours > 0 {
		return digits.NewExamples(r.Header, some(samples, r.Header.Examples))
	}
	random := rand.NewPCG(r.Seed, 0)
	n := newNetwork(r.Header.Sizes, random)
	inputs := make([][]float64, len(samples))
	order := make([]int, len(samples))
	for i := range samples {
		inputs[i] = digits.Coarsen(samples[i].Image(), r.Header.Pool)
		order[i] = i
	}
	for epoch := range r.Epochs {
		shuffle(order, random)
		rate := r.Rate * (1 - float64(0.9*float64(epoch))/float64(r.Epochs))
		for start := 0; start < len(order); start += batch {
			part := order[start:min(start+batch, len(order))]
			for _, i := range part {
				n.learn(inputs[i], samples[i].Label)
			}
			n.step(rate/float64(len(part)), r.Momentum, r.Decay*float64(len(part)))
		}
	}
	layers := n.export()
	if r.Equalise != 0 {
		equalise(layers, r.Equalise)
	}
	return digits.New(r.Header, layers)
}

// some are n of the samples, spread evenly.
func some(samples []digits.Sample, n int) []digits.Sample {
	list := make([]digits.Sample, n)
	for i := range list {
		list[i] = samples[i*len(samples)/n]
	}
	return list
}

// equalise also rounds to half precision, as the export does.
func equalise(layers []digits.Layer, factor float64) {
	scale := func(list []float32, by float64) {
		for i, v := range list {
			list[i] = float32(digits.RoundHalf(float64(float64(v) * by)))
		}
	}
	scale(layers[0].Weights, factor)
	scale(layers[0].Biases, factor)
	scale(layers[1].Weights, 1/factor)
	scale(layers[1].Biases, 1)
}

// shuffle uses the generator's own numbers alone: how package rand makes other
// numbers from them may change.
func shuffle(order []int, random *rand.PCG) {
	for i := len(order) - 1; i > 0; i-- {
		j := int(random.Uint64() % uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
}
