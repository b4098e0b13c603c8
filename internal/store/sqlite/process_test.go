package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sluice.dev/sluice/internal/store"
)

// TestSecondServer: the lock keeps a second process out, says who holds it, and
// dies with its process however that ends.
func TestSecondServer(t *testing.T) {
	dir := t.TempDir()
	if pid, held := LockHolder(filepath.Join(dir, "missing")); held {
		t.Errorf("a missing directory is held by %d", pid)
	}
	first := newChild(t, "hold", dir)
	if err := first.start(t); err != nil {
		t.Fatal(err)
	}
	first.line(t)
	_, err := Open(t.Context(), dir)
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Pid != first.Process.Pid || locked.Dir != dir {
		t.Fatalf("Open: %v, want a LockedError with pid %d", err, first.Process.Pid)
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("process %d", first.Process.Pid)) {
		t.Errorf("message %q does not name the process", err)
	}
	if pid, held := LockHolder(dir); !held || pid != first.Process.Pid {
		t.Errorf("LockHolder: %d, %v; want %d", pid, held, first.Process.Pid)
	}
	first.Process.Kill()
	first.Wait()
	if pid, held := LockHolder(dir); held {
		t.Errorf("after kill -9 it is held by %d", pid)
	}
	s := mustOpen(t, dir)
	if pid, held := LockHolder(dir); !held || pid != os.Getpid() {
		t.Errorf("LockHolder: %d, %v; want ourselves, %d", pid, held, os.Getpid())
	}
	if _, err := Open(t.Context(), dir); !errors.As(err, &locked) {
		t.Errorf("second Open in one process: %v, want a LockedError", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, held := LockHolder(dir); held {
		t.Error("held after Close")
	}
}

// TestLookingKeepsNobodyOut: `sluice down` may look while a server starts.
func TestLookingKeepsNobodyOut(t *testing.T) {
	dir := t.TempDir()
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					LockHolder(dir)
				}
			}
		})
	}
	for range 20 {
		l, err := takeLock(dir)
		if err != nil {
			t.Error(err)
			break
		}
		l.release()
	}
	close(done)
	wg.Wait()
}

// TestKill9: the process is killed in a stream of commits; what it had answered
// is there, and every commit is there as a whole or not at all.
func TestKill9(t *testing.T) {
	dir := t.TempDir()
	for range 6 {
		c := newChild(t, "stream", dir)
		if err := c.start(t); err != nil {
			t.Fatal(err)
		}
		for range 1 + rand.IntN(60) {
			c.line(t)
		}
		c.Process.Kill()
		answered := 0
		for {
			n, err := strconv.Atoi(c.lines.Text())
			if err != nil {
				t.Fatalf("child says %q", c.lines.Text())
			}
			answered = n
			if !c.lines.Scan() {
				break
			}
		}
		c.Wait()
		s := mustOpen(t, dir)
		checkNumbered(t, s, answered)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func checkNumbered(t *testing.T, s *Store, answered int) {
	t.Helper()
	list, err := s.Load(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("Load: %d services, %v", len(list), err)
	}
	got := list[0]
	n := got.Service.Core.Latest
	if n < answered || n > answered+1 {
		t.Errorf("%d was answered, the store is at %d", answered, n)
	}
	if starts := got.Replicas[0].Core.Starts; starts != n {
		t.Errorf("service at %d, replica at %d", n, starts)
	}
	if len(got.Versions) != n {
		t.Errorf("service at %d, %d versions", n, len(got.Versions))
	}
	events, err := s.Events(t.Context(), store.EventQuery{Limit: n + 10})
	if err != nil || len(events) != n || events[n-1].Reason != fmt.Sprint(n) {
		t.Errorf("service at %d, %d events, %v", n, len(events), err)
	}
}
