package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// plainDigits is the longest number that is written without an exponent.
const plainDigits = 40

// canonicalNumber writes a decimal number in its one normal spelling, without
// losing a digit: "30.0", "+30" and "3e1" become "30", ".5" becomes "0.5". Two
// files that mean the same number are then the same document, and a changed
// spelling makes no version.
func canonicalNumber(s string) (json.Number, error) {
	refuse := fmt.Errorf("%q is not a decimal number", s)
	rest, negative := strings.CutPrefix(s, "-")
	if !negative {
		rest = strings.TrimPrefix(rest, "+")
	}
	exponent := 0
	if at := strings.IndexAny(rest, "eE"); at >= 0 {
		n, err := strconv.Atoi(rest[at+1:])
		if err != nil || n > 1e6 || n < -1e6 {
			return "", refuse
		}
		rest, exponent = rest[:at], n
	}
	whole, fraction, _ := strings.Cut(rest, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", refuse
	}
	exponent -= len(fraction)
	digits = strings.TrimLeft(digits, "0")
	significant := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(significant)
	if significant == "" {
		return "0", nil
	}
	text := placePoint(significant, exponent)
	if negative {
		text = "-" + text
	}
	return json.Number(text), nil
}

// placePoint writes digits x 10^exponent, digits having no zero at either end.
func placePoint(digits string, exponent int) string {
	switch {
	case exponent >= 0 && len(digits)+exponent <= plainDigits:
		return digits + strings.Repeat("0", exponent)
	case exponent < 0 && -exponent < len(digits):
		at := len(digits) + exponent
		return digits[:at] + "." + digits[at:]
	case exponent < 0 && -exponent <= plainDigits:
		return "0." + strings.Repeat("0", -exponent-len(digits)) + digits
	}
	return digits + "e" + strconv.Itoa(exponent)
}
