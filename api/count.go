package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Count is a number of replicas, written as an integer or as a percentage of
// the desired replicas: 3 or "25%". The zero value is the integer 0.
type Count struct {
	Value   int
	Percent bool
}

// Up resolves the count against n replicas, a percentage rounded up: 25% of 10
// is 3.
func (c Count) Up(n int) int {
	if !c.Percent {
		return c.Value
	}
	return (c.Value*n + 99) / 100
}

// Down resolves the count against n replicas, a percentage rounded down: 25%
// of 10 is 2.
func (c Count) Down(n int) int {
	if !c.Percent {
		return c.Value
	}
	return c.Value * n / 100
}

// String writes the count as it stands in a service file.
func (c Count) String() string {
	if c.Percent {
		return strconv.Itoa(c.Value) + "%"
	}
	return strconv.Itoa(c.Value)
}

// ParseCount reads "3" or "25%". Negative numbers and percentages above 100 are
// refused.
func ParseCount(s string) (Count, error) {
	digits, percent := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil:
		return Count{}, fmt.Errorf("%q is neither a whole number nor a percentage such as \"25%%\"", s)
	case n < 0:
		return Count{}, fmt.Errorf("%q is negative; 0 or more is allowed", s)
	case percent && n > 100:
		return Count{}, fmt.Errorf("%q is more than 100%%", s)
	}
	return Count{Value: n, Percent: percent}, nil
}

// MarshalJSON writes an integer, or a string for a percentage.
func (c Count) MarshalJSON() ([]byte, error) {
	if c.Percent {
		return json.Marshal(c.String())
	}
	return json.Marshal(c.Value)
}

// UnmarshalJSON reads an integer, or a string as ParseCount does.
func (c *Count) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		text = string(b)
	}
	parsed, err := ParseCount(text)
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}
