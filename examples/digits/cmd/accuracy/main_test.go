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
		`(?m)^VERSION +KIND +PARAMETERS +ACCURACY ON 599 TEST IMAGES +FAILS AT +TIME FOR ONE$`,
		`(?m)^1 +linear +170 +8\d\.\d% +0 +0\.\d+ ms$`, `(?m)^2 +mlp +3610 +9\d\.\d% +0 +0\.\d+ ms$`, `(?m)^3 +- +- +- +- +fails to load: .+$`,
		`(?m)^4 +mlp +3610 +7\d\.\d% +119 +0\.\d+ ms$`, `(?m)^5 +neighbours +38935 +98\.\d% +0 +\d+\.\d+ ms$`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no line %s in\n%s", want, out.String())
		}
	}
}
