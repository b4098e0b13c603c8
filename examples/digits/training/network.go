package training

import (
	"math"
	"math/rand/v2"

	"sluice.dev/sluice/examples/digits"
)

// network is a model while it learns, in float64.
type network struct{ layers []*layer }

type layer struct {
	in, out       int
	weights, bias []float64

	// Sums of the batch, and the last step, for momentum.
	weightsGradient, biasGradient []float64
	weightsStep, biasStep         []float64

	// Of the image at hand.
	input, output, error []float64
}

// newNetwork begins with weights spread evenly in +-sqrt(6/in), which keeps the
// size of values alike from layer to layer where half of them are cut to 0.
func newNetwork(sizes []int, random *rand.PCG) *network {
	n := &network{}
	for i := range len(sizes) - 1 {
		in, out := sizes[i], sizes[i+1]
		l := &layer{
			in: in, out: out,
			weights: make([]float64, in*out), bias: make([]float64, out),
			weightsGradient: make([]float64, in*out), biasGradient: make([]float64, out),
			weightsStep: make([]float64, in*out), biasStep: make([]float64, out),
			output: make([]float64, out), error: make([]float64, out),
		}
		limit := math.Sqrt(6 / float64(in))
		for j := range l.weights {
			l.weights[j] = limit * (float64(float64(random.Uint64()>>11)/(1<<52)) - 1)
		}
		n.layers = append(n.layers, l)
	}
	return n
}

// learn adds one image's gradient to the sums.
func (n *network) learn(image []float64, label int) {
	last := len(n.layers) - 1
	values := image
	for i, l := range n.layers {
		l.forward(values, i < last)
		values = l.output
	}
	top := n.layers[last]
	copy(top.error, digits.Softmax(values))
	top.error[label]--
	for i := last; i >= 0; i-- {
		var below *layer
		if i > 0 {
			below = n.layers[i-1]
		}
		n.layers[i].backward(below)
	}
}

func (l *layer) forward(input []float64, cut bool) {
	l.input = input
	for o := range l.out {
		sum := l.bias[o]
		for j, w := range l.weights[o*l.in : (o+1)*l.in] {
			sum += float64(w * input[j])
		}
		if cut {
			sum = max(0, sum)
		}
		l.output[o] = sum
	}
}

// backward adds to the sums and hands the error to the layer below, which lets
// it through where its output was not cut.
func (l *layer) backward(below *layer) {
	if below != nil {
		clear(below.error)
	}
	for o, e := range l.error {
		if e == 0 {
			continue
		}
		l.biasGradient[o] += e
		row := l.weightsGradient[o*l.in : (o+1)*l.in]
		for j, v := range l.input {
			row[j] += float64(e * v)
		}
		if below != nil {
			for j, w := range l.weights[o*l.in : (o+1)*l.in] {
				below.error[j] += float64(e * w)
			}
		}
	}
	if below != nil {
		for j, v := range below.output {
			if v == 0 {
				below.error[j] = 0
			}
		}
	}
}

// step moves the weights against the sums and begins new sums.
func (n *network) step(rate, momentum, decay float64) {
	for _, l := range n.layers {
		move(l.weights, l.weightsGradient, l.weightsStep, rate, momentum, decay)
		move(l.bias, l.biasGradient, l.biasStep, rate, momentum, 0)
	}
}

func move(values, gradient, last []float64, rate, momentum, decay float64) {
	for i := range values {
		g := gradient[i] + float64(decay*values[i])
		last[i] = float64(momentum*last[i]) - float64(rate*g)
		values[i] += last[i]
		gradient[i] = 0
	}
}

// export rounds to the float32 of the model file.
func (n *network) export() []digits.Layer {
	var out []digits.Layer
	for _, l := range n.layers {
		out = append(out, digits.Layer{Weights: round(l.weights), Biases: round(l.bias)})
	}
	return out
}

func round(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}
