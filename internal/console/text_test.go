package console

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

// markup are the ways by which text becomes markup or a program. Names, messages
// and logs come from whoever deploys: the console's own modules use none of them.
var markup = regexp.MustCompile(`(?i)innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|srcdoc|DOMParser|document\.write|\beval\(|new Function|javascript:|setTimeout\("|style="|\bon[a-z]+="`)

func TestTextStaysText(t *testing.T) {
	read := 0
	err := fs.WalkDir(static, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(name, "/vendor/") || path.Ext(name) != ".js" && path.Ext(name) != ".html" {
			return err
		}
		text, err := static.ReadFile(name)
		read++
		if found := markup.FindString(string(text)); found != "" {
			t.Errorf("%s has %s", name, found)
		}
		return err
	})
	if err != nil || read < 20 {
		t.Fatalf("%d files read, %v", read, err)
	}
}
