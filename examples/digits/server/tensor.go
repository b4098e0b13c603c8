package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"sluice.dev/sluice/examples/digits"
)

// maxBatch is the greatest number of images in one request.
const maxBatch = 1024

var (
	wholeTypes = []string{"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"}
	floatTypes = []string{"FP16", "FP32", "FP64"}
)

// images takes the input "image" apart: n x 64 or n x 8 x 8 numbers from 0 to 16
// of any numeric type, written flat or nested.
func images(inputs []inputTensor) ([][]float64, error) {
	if len(inputs) != 1 {
		return nil, fmt.Errorf("inputs: %d tensors; exactly one is wanted, %q", len(inputs), inputName)
	}
	in := inputs[0]
	if in.Name != inputName {
		return nil, fmt.Errorf("inputs[0].name is %q; the model's input is %q", in.Name, inputName)
	}
	whole := slices.Contains(wholeTypes, in.Datatype)
	if !whole && !slices.Contains(floatTypes, in.Datatype) {
		return nil, fmt.Errorf("inputs[0].datatype is %q; allowed are %v and %v", in.Datatype, floatTypes, wholeTypes)
	}
	if err := checkShape(in.Shape); err != nil {
		return nil, err
	}
	flat, err := flatten(in.Data, in.Shape)
	if err != nil {
		return nil, fmt.Errorf("inputs[0].data: %w", err)
	}
	for i, v := range flat {
		if v < 0 || v > digits.MaxPixel || whole && v != float64(int(v)) {
			return nil, fmt.Errorf("inputs[0].data: pixel %d of image %d is %v; 0 to %d of type %s is allowed",
				i%digits.Pixels, i/digits.Pixels, v, digits.MaxPixel, in.Datatype)
		}
	}
	return slices.Collect(slices.Chunk(flat, digits.Pixels)), nil
}

func checkShape(shape []int) error {
	ok := len(shape) == 2 && shape[1] == digits.Pixels ||
		len(shape) == 3 && shape[1] == digits.Side && shape[2] == digits.Side
	if !ok {
		return fmt.Errorf("inputs[0].shape is %v; [n, %d] or [n, %d, %d] is wanted", shape, digits.Pixels, digits.Side, digits.Side)
	}
	if shape[0] < 1 || shape[0] > maxBatch {
		return fmt.Errorf("inputs[0].shape is %v; 1 to %d images are allowed in a request", shape, maxBatch)
	}
	return nil
}

// flatten reads data of the shape, nested as deep as the shape has dimensions or
// not at all.
func flatten(data json.RawMessage, shape []int) ([]float64, error) {
	// null in a list of numbers would be read as 0.
	if len(data) == 0 || bytes.ContainsRune(data, 'n') {
		return nil, fmt.Errorf("missing, or null is among the numbers")
	}
	if !nested(data) {
		return numbers(data, product(shape))
	}
	return rows(data, shape)
}

func rows(data json.RawMessage, shape []int) ([]float64, error) {
	if len(shape) == 1 {
		return numbers(data, shape[0])
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return nil, err
	}
	if len(parts) != shape[0] {
		return nil, fmt.Errorf("%d rows where the shape tells of %d", len(parts), shape[0])
	}
	flat := make([]float64, 0, product(shape))
	for _, part := range parts {
		row, err := rows(part, shape[1:])
		if err != nil {
			return nil, err
		}
		flat = append(flat, row...)
	}
	return flat, nil
}

func numbers(data json.RawMessage, want int) ([]float64, error) {
	flat := make([]float64, 0, want)
	if err := json.Unmarshal(data, &flat); err != nil {
		return nil, fmt.Errorf("not a list of numbers: %w", err)
	}
	if len(flat) != want {
		return nil, fmt.Errorf("%d numbers where the shape tells of %d", len(flat), want)
	}
	return flat, nil
}

// nested tells whether data is a list of lists.
func nested(data json.RawMessage) bool {
	inner, ok := bytes.CutPrefix(bytes.TrimSpace(data), []byte("["))
	return ok && bytes.HasPrefix(bytes.TrimSpace(inner), []byte("["))
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
