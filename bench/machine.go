package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine is what figures depend on.
type machine struct {
	Cores  int    `json:"cores"`
	CPU    string `json:"cpu"`
	Go     string `json:"go"`
	Kernel string `json:"kernel"`
	// Load is the load average of the last minute before the run: above 0 other
	// work shared the cores.
	Load string `json:"load"`
}

func thisMachine() machine {
	m := machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Kernel: runtime.GOOS + " " + firstField("/proc/sys/kernel/osrelease"), Load: firstField("/proc/loadavg")}
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}

func (m machine) String() string {
	return fmt.Sprintf("%d cores (%s), %s, %s, load before %s", m.Cores, m.CPU, m.Go, m.Kernel, m.Load)
}

// firstField reads what Linux says; "" elsewhere.
func firstField(file string) string {
	text, _ := os.ReadFile(file)
	if fields := strings.Fields(string(text)); len(fields) > 0 {
		return fields[0]
	}
	return ""
}
