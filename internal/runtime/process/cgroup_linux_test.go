package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/runtime/runtimetest"
)

// tree makes a folder that looks like a part of cgroup v2.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	mount := t.TempDir()
	for name, text := range files {
		path := filepath.Join(mount, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		file(t, path, text, 0o644)
	}
	return mount
}

func content(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func TestCgroupsRefused(t *testing.T) {
	stranger := strconv.Itoa(os.Getppid())
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"no memory controller", map[string]string{"own/cgroup.controllers": "hugetlb cpu\n"}, []string{"memory controller", "hugetlb, cpu", "Delegate=yes"}},
		{"a machine of cgroup v1", map[string]string{"cgroup.controllers": "hugetlb\n", "own/cgroup.controllers": "hugetlb\n"}, []string{"this machine has no memory controller", "only: hugetlb", "unified_cgroup_hierarchy"}},
		{"no cpu controller", map[string]string{"own/cgroup.controllers": "memory\n"}, []string{"cpu controller", "(there are: memory)"}},
		{"another's process beside the server", map[string]string{"own/cgroup.controllers": "cpu memory", "own/cgroup.procs": stranger + "\n"},
			[]string{"process " + stranger + ", which is not the server's", "Delegate=yes"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mount := tree(t, tt.files)
			g := cgroupsIn(mount, "/own", "/data")
			for _, part := range tt.want {
				if g.refused == nil || !strings.Contains(g.refused.Error(), part) {
					t.Errorf("refused because %v, want %q", g.refused, part)
				}
			}
			if c, err := g.make("a", &runtime.Launch{Spec: &api.Spec{MemoryMB: 1}}); c != nil || err != nil {
				t.Errorf("made %v, %v", c, err)
			}
			if left, _ := filepath.Glob(mount + "/own/sluice*"); len(left) > 0 {
				t.Errorf("it was changed: %v", left)
			}
		})
	}
}

func TestCgroupLimits(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	mount := tree(t, map[string]string{"own/cgroup.controllers": "cpuset cpu io memory pids\n", "own/cgroup.subtree_control": "", "own/cgroup.procs": self + "\n"})
	g := cgroupsIn(mount, "/own", "/data")
	if g.refused != nil {
		t.Fatal(g.refused)
	}
	if got := content(t, mount, "own", serverLeaf, "cgroup.procs"); got != self {
		t.Errorf("moved %q, want itself, %s", got, self)
	}
	for _, folder := range []string{filepath.Join(mount, "own"), g.folder} {
		if got := content(t, folder, "cgroup.subtree_control"); got != "+memory +cpu" {
			t.Errorf("%s hands out %q", folder, got)
		}
	}
	for _, tt := range []struct {
		id          string
		spec        api.Spec
		memory, cpu string
	}{
		{"both", api.Spec{MemoryMB: 512, CPU: 1.5}, "536870912", "150000 100000"},
		{"memory", api.Spec{MemoryMB: 1}, "1048576", "max 100000"},
		{"a little cpu", api.Spec{CPU: 0.001}, "max", "1000 100000"},
	} {
		c, err := g.make(tt.id, &runtime.Launch{Spec: &tt.spec})
		if err != nil {
			t.Fatal(err)
		}
		if got := content(t, c.folder, "memory.max"); got != tt.memory {
			t.Errorf("%s: memory.max %q, want %q", tt.id, got, tt.memory)
		}
		if got := content(t, c.folder, "cpu.max"); got != tt.cpu {
			t.Errorf("%s: cpu.max %q, want %q", tt.id, got, tt.cpu)
		}
		if got := content(t, c.folder, "memory.oom.group"); got != "1" {
			t.Errorf("%s: memory.oom.group %q", tt.id, got)
		}
	}
	if c, err := g.make("none", &runtime.Launch{Spec: &api.Spec{}}); c != nil || err != nil {
		t.Errorf("a replica that asks for nothing: %v, %v", c, err)
	}
}

func TestOutOfMemoryIsNamed(t *testing.T) {
	dir := tree(t, map[string]string{"memory.events": "low 0\nhigh 0\nmax 31\noom 3\noom_kill 2\noom_group_kill 1\n"})
	now := &run{cgroup: &cgroup{dir}, ooms: 2, memoryMB: 512}
	if got := now.outOfMemory(); got != "" {
		t.Errorf("what an earlier attempt was ended for: %q", got)
	}
	now.ooms = 1
	exit := runtime.Exit{Known: true, Signal: "killed", Cause: now.outOfMemory()}
	if got := exit.String(); !strings.HasPrefix(got, "ended by signal: killed; ") || !strings.Contains(got, "its limit of 512 MB; raise metadata.memory") {
		t.Errorf("%q", got)
	}
	if n := (&run{}).outOfMemory(); n != "" {
		t.Errorf("without a cgroup: %q", n)
	}
}

// TestCgroupOfAProcess uses the kernel's own cgroups, where this process may
// make them; no controller is needed for it.
func TestCgroupOfAProcess(t *testing.T) {
	mount, own, err := ownCgroup()
	if err != nil {
		t.Skip(err)
	}
	folder := filepath.Join(mount, own, cgroupPrefix+"test-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Skip("no cgroup may be made here:", err)
	}
	t.Cleanup(func() { _ = os.Remove(folder) })
	c := &cgroup{filepath.Join(folder, "sentiment-3-a")}
	if err := os.Mkdir(c.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.remove() })

	path, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	p := &program{path: path, argv: []string{"sleep", "1000"}, dir: t.TempDir(), cgroup: c}
	out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	process, err := p.start(out)
	if err != nil {
		t.Skip("this kernel starts no process in a cgroup:", err)
	}
	defer process.Close()
	defer func() { _ = process.Kill() }()
	if got := cgroupOf(process.Pid, "sentiment-3-a"); got == nil || got.folder != c.folder {
		t.Errorf("the process is in %+v, want %s", got, c.folder)
	}
	if got := cgroupOf(process.Pid, "sentiment-3-b"); got != nil {
		t.Errorf("another replica's: %+v", got)
	}
	if err := c.remove(); err == nil {
		t.Error("a cgroup with a process in it is removed")
	}
	c.end()
	runtimetest.Eventually(t, func() bool { i := proc.List(process.Pid); return len(i) == 0 || i[0].Zombie }, "all that is in the cgroup to end")
	if exit := process.Reap(); exit.Signal != "killed" {
		t.Errorf("%+v", exit)
	}
	if err := c.remove(); err != nil {
		t.Error(err)
	}
	if err := c.remove(); err != nil {
		t.Error("once more:", err)
	}
}

// TestLimitsAreSaidNotToHold: where no cgroup may be made the service learns it,
// and its replicas run without.
func TestLimitsAreSaidNotToHold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	spec := &api.Spec{MemoryMB: 64, CPU: 1, Container: api.Container{Command: "sleep 1000", WorkingDir: b.dir}}
	got := b.Warnings(spec)
	if len(got) != 2 || !strings.HasPrefix(got[0], "metadata.cpu: not enforced on this server") || !strings.HasPrefix(got[1], "metadata.memory: ") {
		t.Errorf("%q", got)
	}
	if got := b.Warnings(&api.Spec{}); len(got) != 0 {
		t.Errorf("nothing asked for: %q", got)
	}
	if _, err := b.Start(t.Context(), runtime.Launch{Replica: "a", Attempt: 1, Service: "s", Version: 1, Spec: spec}); err != nil {
		t.Error(err)
	}
}
