package main

import (
	"regexp"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var out strings.Builder
	if err := table(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`(?m)^VERSION +KIND +PARAMETERS +ACCURACY ON 599 TEST IMAGES$`,
		`(?m)^1 +linear +170 +8\d\.\d%$`, `(?m)^2 +mlp +3610 +9\d\.\d%$`, `(?m)^3 +- +- +fails to load: .+$`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no line %s in\n%s", want, out.String())
		}
	}
}
