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
}

// The recipes of the versions in models/. Version 3 would be the best; its file
// is cut, as by an upload that broke off.
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
	return digits.New(r.Header, n.export())
}

// shuffle uses the generator's own numbers alone: how package rand makes other
// numbers from them may change.
func shuffle(order []int, random *rand.PCG) {
	for i := len(order) - 1; i > 0; i-- {
		j := int(random.Uint64() % uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
}
