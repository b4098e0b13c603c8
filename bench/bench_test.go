package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if inChild() {
		return
	}
	os.Exit(m.Run())
}

// TestSubcommands runs each benchmark with tiny numbers. What it finds is not
// judged, only that it finds it.
func TestSubcommands(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("CPU and memory are read from /proc")
	}
	// One loop is enough for decide, and the flag is the test binary's, too.
	was := flag.Lookup("test.benchtime").Value.String()
	flag.Set("test.benchtime", "10x")
	defer flag.Set("test.benchtime", was)
	for _, c := range []struct {
		args    string
		figures []string
	}{
		{"decide -rounds 1 -most 100", []string{"100 replicas, a batch is ready: time", "1 replicas, nothing to do: time"}},
		{"gateway -rounds 1 -for 100ms", []string{"sluice, 32 connections: requests/s", "reverseproxy, 1 connection: p50", "added at p50, 1 connection"}},
		{"server -rounds 1 -services 3", []string{"ready after start, empty", "ready after start, 3 services"}},
		{"scale -services 3 -replicas 4 -changes 3 -idle 50ms", []string{updated, routedOut, rss}},
		{"rollout -rounds 1 -replicas 3 -surge 2 -startup 50ms -simulated 20", []string{realRatio, simulatedRatio}},
		{"content -rounds 1 -mib 8", []string{hashRatio, keepRatio, "turn during keep: longest"}},
	} {
		args := strings.Fields(c.args)
		t.Run(args[0], func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "figures.json")
			var out bytes.Buffer
			if err := run(t.Context(), append([]string{args[0], "-json", file}, args[1:]...), &out); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var r report
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			for _, name := range c.figures {
				if m := r.find(name); m == nil || m.Max <= 0 {
					t.Errorf("%q is not measured: %s", name, out.String())
				}
				if !strings.Contains(out.String(), name) {
					t.Errorf("the table does not have %q:\n%s", name, out.String())
				}
			}
		})
	}
}

func TestReport(t *testing.T) {
	r := newReport(nil)
	for _, v := range []float64{5, 1, 3, 4} {
		r.add("a", "us", v)
	}
	r.bar("a", "median", 3.5)
	m := r.find("a")
	if m.Median != 3.5 || m.Min != 1 || m.Max != 5 || m.verdict() != "met" {
		t.Errorf("%+v: %s", m, m.verdict())
	}
	r.bar("a", "max", 4.9)
	if m.verdict() != "missed" {
		t.Errorf("%+v: %s", m, m.verdict())
	}
	if err := run(t.Context(), []string{"gatewy"}, nil); err == nil || !strings.Contains(err.Error(), "go run ./bench gateway") {
		t.Errorf("an unknown benchmark: %v", err)
	}
}
