package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "sluice.dev/sluice"

// core packages decide. They import api and the standard library alone, and
// those beside them that besides names.
var core = []string{"internal/rollout", "internal/traffic", "internal/history", "internal/gate", "internal/preview", "internal/canary", "internal/series"}

// besides are the pure packages that a core package is made of.
var besides = map[string][]string{"internal/preview": {"internal/rollout", "internal/placement"}, "internal/series": {"internal/history"}}

// pure packages touch no clock, disk, socket or process and start no goroutine.
var pure = append([]string{"api", "internal/placement"}, core...)

// edges are below a core package and reach outside for it.
var edges = []string{"internal/gate/probe"}

// impure are the standard library's doors to the outside.
var impure = []string{"os", "net", "syscall", "log", "sync", "context", "math/rand", "crypto/rand", "io/fs", "runtime", "unsafe"}

// clocked are the parts of package time that read or use a clock.
var clocked = map[string]bool{"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true,
	"Tick": true, "NewTimer": true, "NewTicker": true}

// inward says what a package must not import: arrows point to the core, and
// nothing but the wiring knows implementations.
var inward = map[string][]string{
	"internal/controller": {"internal/store/sqlite", "internal/runtime/process", "internal/gateway", "internal/server", "internal/cli", "internal/daemon", "client"},
	"internal/server":     {"internal/store/sqlite", "internal/runtime", "internal/gateway", "internal/cli", "internal/daemon", "client"},
	"internal/gateway":    {"internal/controller", "internal/server", "internal/store/sqlite", "internal/runtime/process", "internal/rollout"},
	"internal/runtime":    {"internal/controller", "internal/gateway", "internal/server", "internal/store", "internal/rollout"},
	"internal/store":      {"internal/controller", "internal/gateway", "internal/server"},
	"internal/cli":        {"internal/controller", "internal/gateway", "internal/store", "internal/runtime", "internal/server", "internal/daemon", "internal/rollout"},
	"client":              {"internal"},
	"api":                 {"internal", "client"},
	"examples":            {"internal", "client"},
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// sources parses the non-test Go files of every folder at and below dir.
func sources(t *testing.T, dir string, visit func(pkg, path string, f *ast.File, fset *token.FileSet)) {
	t.Helper()
	top := root(t)
	fset := token.NewFileSet()
	err := filepath.WalkDir(filepath.Join(top, dir), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, path)
		visit(filepath.ToSlash(filepath.Dir(rel)), rel, f, fset)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func imports(f *ast.File) []string {
	var list []string
	for _, i := range f.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		list = append(list, path)
	}
	return list
}

func below(path, of string) bool { return path == of || strings.HasPrefix(path, of+"/") }

func TestCoreImportsOnlyAPI(t *testing.T) {
	for _, dir := range core {
		sources(t, dir, func(pkg, path string, f *ast.File, _ *token.FileSet) {
			if slices.Contains(edges, pkg) {
				return
			}
			for _, i := range imports(f) {
				ours, foreign := below(i, module), strings.Contains(strings.Split(i, "/")[0], ".")
				if foreign && !ours || ours && i != module+"/api" && !slices.Contains(besides[dir], strings.TrimPrefix(i, module+"/")) {
					t.Errorf("%s imports %s: the core imports api and the standard library alone", path, i)
				}
			}
		})
	}
}

func TestCoreIsPure(t *testing.T) {
	for _, dir := range pure {
		sources(t, dir, func(pkg, path string, f *ast.File, fset *token.FileSet) {
			if slices.Contains(edges, pkg) {
				return
			}
			for _, fault := range impurities(f, fset) {
				t.Error(fault)
			}
		})
	}
}

// shared are packages of the core with a value that many goroutines ask at once:
// the exact split counts turns, and a lock is no door to the outside.
var shared = map[string][]string{"traffic": {"sync", "sync/atomic"}}

// impurities finds doors to the outside in a file.
func impurities(f *ast.File, fset *token.FileSet) (faults []string) {
	say := func(n ast.Node, what string) {
		faults = append(faults, fmt.Sprintf("%s: %s", fset.Position(n.Pos()), what))
	}
	for _, i := range f.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		for _, door := range impure {
			if below(path, door) && !slices.Contains(shared[f.Name.Name], path) {
				say(i, "imports "+path)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			say(n, "starts a goroutine")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && clocked[n.Sel.Name] {
				say(n, "reads the clock: time."+n.Sel.Name)
			}
		}
		return true
	})
	return faults
}

// TestImpuritiesAreFound makes sure that the test above can fail.
func TestImpuritiesAreFound(t *testing.T) {
	const bad = `package x
import ("os"; "time"; "net/http")
func f() { go f(); _ = time.Now(); _ = os.Args; _ = http.Get }`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "bad.go", bad, 0)
	if err != nil {
		t.Fatal(err)
	}
	if faults := impurities(f, fset); len(faults) != 4 {
		t.Errorf("found %q", faults)
	}
}

func TestArrowsPointInward(t *testing.T) {
	for dir, never := range inward {
		sources(t, dir, func(pkg, path string, f *ast.File, _ *token.FileSet) {
			for _, i := range imports(f) {
				for _, n := range never {
					if below(i, module+"/"+n) {
						t.Errorf("%s imports %s, which %s must not know", path, i, dir)
					}
				}
			}
		})
	}
}

// TestPackagesAreDocumented wants a package comment in every package: its job,
// its contract, its neighbours.
func TestPackagesAreDocumented(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", "{{if not .Doc}}{{.ImportPath}}{{end}}", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range strings.Fields(string(out)) {
		t.Errorf("%s has no package comment", pkg)
	}
}

// TestFilesAreSmall keeps one idea to a file.
func TestFilesAreSmall(t *testing.T) {
	const most = 400
	sources(t, ".", func(pkg, path string, f *ast.File, fset *token.FileSet) {
		if lines := fset.Position(f.End()).Line; lines > most {
			t.Errorf("%s has %d lines; more than %d is more than one idea", path, lines, most)
		}
	})
}

// TestFunctionsAreShort keeps one thought to a function.
func TestFunctionsAreShort(t *testing.T) {
	const most = 60
	sources(t, ".", func(pkg, path string, f *ast.File, fset *token.FileSet) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; lines > most {
				t.Errorf("%s: %s has %d lines, more than %d", path, fn.Name.Name, lines, most)
			}
		}
	})
}
