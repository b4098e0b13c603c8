package content

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice.dev/sluice/api"
)

// The test binary is its own child in a mount namespace of its own.
const childVariable = "CONTENT_TEST_MOUNT"

func TestMain(m *testing.M) {
	what, dir, asked := strings.Cut(os.Getenv(childVariable), ":")
	if !asked {
		os.Exit(m.Run())
	}
	var err error
	if what == "full" {
		err = childFull(dir)
	} else {
		err = childClones(dir)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("ok")
}

const mountRefused = "may not mount here: "

func inNamespace(t *testing.T, what string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), childVariable+"="+what+":"+t.TempDir())
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := c.Output()
	switch said := strings.TrimSpace(string(out)); {
	case err != nil && said == "":
		t.Skipf("no mount namespace here: %v", err)
	case strings.HasPrefix(said, mountRefused):
		t.Skip(said)
	case said != "ok":
		t.Error(said)
	}
}

func private() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("%s%w", mountRefused, err)
	}
	return nil
}

// TestFullDisk fills a real file system of 1 MB.
func TestFullDisk(t *testing.T) { inNamespace(t, "full") }

func childFull(dir string) error {
	mounted, files := filepath.Join(dir, "disk"), filepath.Join(dir, "files")
	if err := errors.Join(os.Mkdir(mounted, 0o755), os.Mkdir(files, 0o755), private()); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", mounted, "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Errorf("%s%w", mountRefused, err)
	}
	a, err := Open(filepath.Join(mounted, "artifacts"), Options{})
	if err != nil {
		return err
	}
	small, large := filepath.Join(files, "small"), filepath.Join(files, "large")
	if err := errors.Join(os.WriteFile(small, make([]byte, 300<<10), 0o644), os.WriteFile(large, make([]byte, 800<<10), 0o644)); err != nil {
		return err
	}
	d := a.Digests([]api.File{{Kind: api.FileModel, Path: small}, {Kind: api.FileModel, Path: large}})
	kept, err := a.Keep(context.Background(), d[:1])
	if err != nil {
		return err
	}
	before, err := filesIn(mounted)
	if err != nil {
		return err
	}
	for _, blind := range []bool{false, true} { // the second time it is found out in the middle
		if blind {
			a.free = func() (int64, error) { return 1 << 40, nil }
		}
		_, err = a.Keep(context.Background(), d)
		if !errors.Is(err, ErrSpace) || !strings.Contains(err.Error(), "make room there") {
			return fmt.Errorf("blind %t: %v, want ErrSpace", blind, err)
		}
		after, err := filesIn(mounted)
		if err != nil || !maps.Equal(before, after) {
			return fmt.Errorf("blind %t: left %v, was %v, %v", blind, after, before, err)
		}
		if a.Kept(kept[0]) == "" || a.Usage().Bytes != 300<<10 {
			return fmt.Errorf("blind %t: %+v", blind, a.Usage())
		}
	}
	if err := a.Sweep(func(string) bool { return false }); err != nil {
		return err
	}
	if kept, err = a.Keep(context.Background(), d[1:]); err != nil || a.Kept(kept[0]) == "" {
		return fmt.Errorf("after there was room again: %v", err)
	}
	return nil
}

func filesIn(dir string) (map[string]int64, error) {
	found := map[string]int64{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			found[path] = info.Size()
		}
		return err
	})
	return found, err
}

// TestClones keeps files on a file system that shares blocks.
func TestClones(t *testing.T) {
	if _, err := exec.LookPath("mkfs.xfs"); err != nil {
		t.Skip(err)
	}
	inNamespace(t, "clones")
}

func childClones(dir string) error {
	disk, mounted := filepath.Join(dir, "disk.img"), filepath.Join(dir, "disk")
	if err := errors.Join(os.Mkdir(mounted, 0o755), private(), os.WriteFile(disk, nil, 0o600), os.Truncate(disk, 320<<20)); err != nil {
		return err
	}
	if out, err := exec.Command("mkfs.xfs", "-q", "-m", "reflink=1", disk).CombinedOutput(); err != nil {
		return fmt.Errorf("%smkfs.xfs: %w: %s", mountRefused, err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", disk, mounted).CombinedOutput(); err != nil {
		return fmt.Errorf("%s%w: %s", mountRefused, err, out)
	}
	defer syscall.Unmount(mounted, syscall.MNT_DETACH)
	a, err := Open(filepath.Join(mounted, "artifacts"), Options{})
	if err != nil {
		return err
	}
	if !a.Usage().Reflinks {
		return errors.New("reflinks are not found out")
	}
	here, elsewhere := filepath.Join(mounted, "model"), filepath.Join(dir, "model")
	text := strings.Repeat("weights!", 128<<10)
	if err := errors.Join(os.WriteFile(here, []byte(text), 0o644), os.WriteFile(elsewhere, []byte("other"+text), 0o644)); err != nil {
		return err
	}
	d := a.Digests([]api.File{{Kind: api.FileModel, Path: here}, {Kind: api.FileModel, Path: elsewhere}})
	if cost := a.Cost(d); cost != int64(len(text))+5 {
		return fmt.Errorf("cost %d, want that of the file on another file system", cost)
	}
	// Overwritten in place once it was taken, before it was read.
	a.step = func(name string) error {
		if name == "read" {
			return os.WriteFile(here, []byte("overwritten"), 0o644)
		}
		return nil
	}
	kept, err := a.Keep(context.Background(), d)
	if err != nil {
		return err
	}
	got, err := os.ReadFile(a.Kept(kept[0]))
	if err != nil || string(got) != text || kept[0].SHA256 != sha(text) {
		return fmt.Errorf("kept: %d bytes, %v, %+v", len(got), err, kept[0])
	}
	if got, err := os.ReadFile(a.Kept(kept[1])); err != nil || string(got) != "other"+text {
		return fmt.Errorf("kept from another file system: %d bytes, %v", len(got), err)
	}
	return nil
}
