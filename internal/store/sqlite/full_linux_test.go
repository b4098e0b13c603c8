package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func init() { children["fill"] = childFill }

const mountRefused = "may not mount here: "

// TestFullDisk fills a real file system of 1 MB, which the child mounts where
// only it can see it.
func TestFullDisk(t *testing.T) {
	c := newChild(t, "fill", t.TempDir())
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if err := c.start(t); err != nil {
		t.Skipf("no mount namespace here: %v", err)
	}
	switch line := c.line(t); {
	case strings.HasPrefix(line, mountRefused):
		t.Skip(line)
	case line != "ok":
		t.Error(line)
	}
}

func childFill(ctx context.Context, dir string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("%s%w", mountRefused, err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Errorf("%s%w", mountRefused, err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 300<<10), 0o600); err != nil {
		return err
	}
	s, err := Open(ctx, dir)
	if err != nil {
		return err
	}
	n := 0
	for err == nil && n < 20000 {
		n++
		_, err = s.Commit(ctx, numbered(n))
	}
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, ErrFull) || e.Hint != hintFull {
		return fmt.Errorf("after %d commits: %v, want an *Error that is ErrFull", n, err)
	}
	list, err := s.Load(ctx)
	if err != nil || list[0].Service.Core.Latest != n-1 {
		return fmt.Errorf("read on a full disk: %v, want number %d", err, n-1)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if _, err := s.Commit(ctx, numbered(n)); err != nil {
		return fmt.Errorf("commit after there was room again: %w", err)
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = Open(ctx, dir); err != nil {
		return err
	}
	if list, err = s.Load(ctx); err != nil || list[0].Service.Core.Latest != n {
		return fmt.Errorf("opened again: %v, want number %d", err, n)
	}
	fmt.Println("ok")
	return s.Close()
}
