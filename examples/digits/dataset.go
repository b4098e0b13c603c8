package digits

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"sync"
)

// Sizes of an image and its greatest pixel.
const (
	Side     = 8
	Pixels   = Side * Side
	MaxPixel = 16
	Classes  = 10
)

//go:embed data/digits.csv.gz
var dataset []byte

// Sample is one image with the digit it shows.
type Sample struct {
	Pixels [Pixels]uint8 // row by row, 0 (paper) to 16 (ink)
	Label  int           // 0 to 9
}

// Image is the pixels as Predict takes them.
func (s *Sample) Image() []float64 {
	image := make([]float64, Pixels)
	for i, p := range s.Pixels {
		image[i] = float64(p)
	}
	return image
}

// TrainSet is the 1,198 images that the models were made from.
func TrainSet() []Sample { return split(false) }

// TestSet is the 599 others: every third of the data set.
func TestSet() []Sample { return split(true) }

func split(test bool) []Sample {
	var part []Sample
	for i, s := range samples() {
		if (i%3 == 2) == test {
			part = append(part, s)
		}
	}
	return part
}

// The data set is part of the program: if it cannot be read, the program was
// built wrong.
var samples = sync.OnceValue(func() []Sample {
	list, err := readSamples(dataset)
	if err != nil {
		panic("digits: embedded data set: " + err.Error())
	}
	return list
})

func readSamples(zipped []byte) ([]Sample, error) {
	text, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, err
	}
	rows := csv.NewReader(text)
	rows.FieldsPerRecord = Pixels + 1
	records, err := rows.ReadAll()
	if err != nil {
		return nil, err
	}
	list := make([]Sample, len(records))
	for i, record := range records {
		for j, field := range record {
			limit := MaxPixel
			if j == Pixels {
				limit = Classes - 1
			}
			n, err := strconv.Atoi(field)
			if err != nil || n < 0 || n > limit {
				return nil, fmt.Errorf("line %d, field %d: %q is not a number from 0 to %d", i+1, j+1, field, limit)
			}
			if j == Pixels {
				list[i].Label = n
			} else {
				list[i].Pixels[j] = uint8(n)
			}
		}
	}
	return list, nil
}
