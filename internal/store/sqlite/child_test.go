package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// The test binary runs itself as the second process of a test: the variable
// names what it does, SLUICE_TEST_DIR where.
const childVariable = "SLUICE_TEST_CHILD"

var children = map[string]func(ctx context.Context, dir string) error{
	"hold":   childHold,
	"stream": childStream,
	"open":   childOpen,
}

func TestMain(m *testing.M) {
	do, ok := children[os.Getenv(childVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := do(context.Background(), os.Getenv("SLUICE_TEST_DIR")); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is that process, with its lines of output.
type child struct {
	*exec.Cmd
	lines *bufio.Scanner
}

func newChild(t *testing.T, what, dir string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childVariable+"="+what, "SLUICE_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	return &child{Cmd: cmd}
}

func (c *child) start(t *testing.T) error {
	t.Helper()
	stdin, err := c.StdinPipe() // it ends when this closes, so when we end
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		return err
	}
	c.lines = bufio.NewScanner(stdout)
	limit := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
	t.Cleanup(func() {
		limit.Stop()
		stdin.Close()
		c.Process.Kill()
		c.Wait()
	})
	return nil
}

func (c *child) line(t *testing.T) string {
	t.Helper()
	if !c.lines.Scan() {
		t.Fatalf("child ended: %v", c.lines.Err())
	}
	return c.lines.Text()
}

func childHold(ctx context.Context, dir string) error {
	s, err := Open(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Println("held")
	io.Copy(io.Discard, os.Stdin)
	return s.Close()
}

// childStream commits numbers and says each one that was answered.
func childStream(ctx context.Context, dir string) error {
	s, err := Open(ctx, dir)
	if err != nil {
		return err
	}
	list, err := s.Load(ctx)
	if err != nil {
		return err
	}
	n := 0
	if len(list) > 0 {
		n = list[0].Service.Core.Latest
	}
	for {
		n++
		if _, err := s.Commit(ctx, numbered(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// numbered writes n into a service, a replica, a version and an event.
func numbered(n int) store.Change {
	c := store.Change{
		Name:        "digits",
		Service:     &store.Service{Core: rollout.Service{Name: "digits", Latest: n}},
		PutReplicas: []store.Replica{{Core: rollout.Replica{ID: "digits-1", Starts: n}}},
		Events:      []api.Event{{Reason: fmt.Sprint(n)}},
	}
	c.Versions = []store.Version{{Version: api.Version{Number: n, Message: fmt.Sprint(n)}}}
	return c
}

func childOpen(ctx context.Context, dir string) error {
	s, err := Open(ctx, dir)
	if err != nil {
		return err
	}
	return s.Close()
}
