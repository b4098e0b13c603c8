package process

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"sluice.dev/sluice/internal/proc"
	"sluice.dev/sluice/internal/runtime"
)

// cgroups makes a cgroup (version 2) for each replica that asks for a limit:
//
//	BASE/sluice.server             the server, when it had to move out of BASE
//	BASE/sluice-DATA/REPLICA       one replica; DATA is a hash of the data directory
//
// BASE is the parent of the server's own cgroup when systemd delegated that
// (DelegateSubgroup), else the server's own. A cgroup that hands out controllers
// may hold no process, so the server moves into a child; where processes that
// are not its own are in BASE it touches nothing and refuses.
type cgroups struct {
	folder  string // BASE/sluice-DATA
	refused error  // why no limit can be enforced; nil when all can
}

// cgroup is that of one replica, by its folder; nil for a replica without.
type cgroup struct{ folder string }

const (
	cgroupPrefix = "sluice-"
	serverLeaf   = "sluice.server"
	delegateHint = "run the server in a cgroup of its own: as a systemd unit with Delegate=yes and DelegateSubgroup=server, or by systemd-run --user --scope -p Delegate=yes"
)

func openCgroups(data string) *cgroups {
	mount, own, err := ownCgroup()
	if err != nil {
		return &cgroups{refused: err}
	}
	return cgroupsIn(mount, own, data)
}

// ownCgroup is where cgroup v2 is mounted and the path of this process in it.
func ownCgroup() (mount, own string, err error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(before); strings.HasPrefix(after, "cgroup2 ") && len(fields) > 4 {
			mount = fields[4]
		}
	}
	if mount == "" {
		return "", "", errors.New("cgroup v2 is not mounted on this machine")
	}
	own, found := cgroupPath(os.Getpid())
	if !found {
		return "", "", errors.New("this process is in no cgroup of version 2")
	}
	return mount, own, nil
}

// cgroupPath is where a process is, from the top of cgroup v2.
func cgroupPath(pid int) (string, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(text)) {
		if path, found := strings.CutPrefix(line, "0::"); found {
			return strings.TrimSpace(path), true
		}
	}
	return "", false
}

func cgroupsIn(mount, own, data string) *cgroups {
	base := filepath.Join(mount, own)
	if parent := filepath.Dir(base); own != "/" && delegated(parent) {
		base = parent
	}
	h := fnv.New32a()
	h.Write([]byte(data))
	g := &cgroups{folder: filepath.Join(base, fmt.Sprintf("%s%08x", cgroupPrefix, h.Sum32()))}
	g.refused = g.prepare(mount, base, data)
	return g
}

// delegated tells whether systemd marked a cgroup as somebody's own to divide.
func delegated(folder string) bool {
	var value [1]byte
	n, err := unix.Getxattr(folder, "user.delegate", value[:])
	return err == nil && n == 1 && value[0] == '1'
}

func (g *cgroups) prepare(mount, base, data string) error {
	top := words(filepath.Join(mount, "cgroup.controllers"))
	controllers := words(filepath.Join(base, "cgroup.controllers"))
	for _, c := range []string{"memory", "cpu"} {
		if len(top) > 0 && !slices.Contains(top, c) {
			return fmt.Errorf("this machine has no %s controller of cgroup v2 (only: %s), as when cgroup v1 holds it; boot it with systemd.unified_cgroup_hierarchy=1", c, strings.Join(top, ", "))
		}
		if !slices.Contains(controllers, c) {
			return fmt.Errorf("the %s controller of cgroup v2 is not available in %s (there are: %s); %s", c, base, strings.Join(controllers, ", "), delegateHint)
		}
	}
	if err := unix.Access(base, unix.W_OK); err != nil {
		return fmt.Errorf("the cgroup %s may not be written to; %s", base, delegateHint)
	}
	if err := divide(base, data); err != nil {
		return err
	}
	if err := os.Mkdir(g.folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; %s", err, delegateHint)
	}
	return enable(g.folder)
}

// divide has base hand the controllers to its children.
func divide(base, data string) error {
	handed := words(filepath.Join(base, "cgroup.subtree_control"))
	if slices.Contains(handed, "memory") && slices.Contains(handed, "cpu") {
		return nil
	}
	pids := words(filepath.Join(base, "cgroup.procs"))
	var numbers []int
	for _, p := range pids {
		pid, _ := strconv.Atoi(p)
		if pid != os.Getpid() && marksOf(pid).data != data && !childOf(pid, os.Getpid()) {
			return fmt.Errorf("process %s, which is not the server's, is in the same cgroup %s; %s", p, base, delegateHint)
		}
		numbers = append(numbers, pid)
	}
	if len(numbers) > 0 {
		leaf := filepath.Join(base, serverLeaf)
		if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%w; %s", err, delegateHint)
		}
		for _, pid := range numbers {
			err := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
			if err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("%w; %s", err, delegateHint)
			}
		}
	}
	return enable(base)
}

func childOf(pid, parent int) bool {
	i := proc.List(pid)
	return len(i) == 1 && i[0].Parent == parent
}

func enable(folder string) error {
	if err := os.WriteFile(filepath.Join(folder, "cgroup.subtree_control"), []byte("+memory +cpu"), 0o644); err != nil {
		return fmt.Errorf("%w; %s", err, delegateHint)
	}
	return nil
}

func words(path string) []string {
	text, _ := os.ReadFile(path) // what cannot be read says nothing
	return strings.Fields(string(text))
}

// make makes the cgroup of a replica that asks for limits, or sets those of the
// one it has; nil when it asks for none or none can be enforced.
func (g *cgroups) make(id string, l *runtime.Launch) (*cgroup, error) {
	if g.refused != nil || !limited(l.Spec) {
		return nil, nil
	}
	c := &cgroup{filepath.Join(g.folder, id)}
	if err := os.Mkdir(c.folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	for name, value := range map[string]string{
		"memory.max": memoryMax(l.Spec.MemoryMB), "cpu.max": cpuMax(l.Spec.CPU),
		"memory.oom.group": "1", // half a replica serves nobody
	} {
		if err := os.WriteFile(filepath.Join(c.folder, name), []byte(value), 0o644); err != nil {
			return nil, fmt.Errorf("set the limits of replica %s: %w", id, err)
		}
	}
	return c, nil
}

// cgroupOf is the cgroup of a running replica, whichever run of the server made
// it; nil when it has none.
func cgroupOf(pid int, id string) *cgroup {
	path, found := cgroupPath(pid)
	if !found || filepath.Base(path) != id || !strings.HasPrefix(filepath.Base(filepath.Dir(path)), cgroupPrefix) {
		return nil
	}
	mount, _, err := ownCgroup()
	if err != nil {
		return nil
	}
	return &cgroup{filepath.Join(mount, path)}
}

// clean removes the empty cgroups of replicas that are not kept.
func (g *cgroups) clean(kept func(id string) bool) {
	if g.refused != nil {
		return
	}
	entries, _ := os.ReadDir(g.folder)
	for _, e := range entries {
		if e.IsDir() && !kept(e.Name()) {
			_ = unix.Rmdir(filepath.Join(g.folder, e.Name())) // one that is not empty stays
		}
	}
}

// enter has a process be started in the cgroup; release is called afterwards.
func (c *cgroup) enter(attr *syscall.SysProcAttr) (release func(), err error) {
	if c == nil {
		return func() {}, nil
	}
	folder, err := os.Open(c.folder)
	if err != nil {
		return nil, err
	}
	attr.UseCgroupFD, attr.CgroupFD = true, int(folder.Fd())
	return func() { folder.Close() }, nil
}

// oomKills counts the processes that the kernel ended because the limit of
// memory was reached.
func (c *cgroup) oomKills() int {
	if c == nil {
		return 0
	}
	text, _ := os.ReadFile(filepath.Join(c.folder, "memory.events"))
	for line := range bytes.Lines(text) {
		if count, found := bytes.CutPrefix(line, []byte("oom_kill ")); found {
			n, _ := strconv.Atoi(string(bytes.TrimSpace(count)))
			return n
		}
	}
	return 0
}

// end kills all that is in the cgroup. Kernels before 5.14 cannot; the sweep
// finds what it would have.
func (c *cgroup) end() {
	if c != nil {
		_ = os.WriteFile(filepath.Join(c.folder, "cgroup.kill"), []byte("1"), 0o644)
	}
}

func (c *cgroup) remove() error {
	if c == nil {
		return nil
	}
	if err := unix.Rmdir(c.folder); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove %s: %w", c.folder, err)
	}
	return nil
}
