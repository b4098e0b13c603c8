package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice.dev/sluice/internal/runtime/runtimetest"
)

// numbered is "000001\n000002\n..." from first to last.
func numbered(first, last int) string {
	var b strings.Builder
	for i := first; i <= last; i++ {
		fmt.Fprintf(&b, "%06d\n", i)
	}
	return b.String()
}

func appendTo(t *testing.T, l *logFile, text string) {
	t.Helper()
	f, err := l.open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func readLog(t *testing.T, l *logFile, tail int) string {
	t.Helper()
	at := l.begin()
	if tail > 0 {
		at = l.lastLines(tail, at)
	}
	text, err := io.ReadAll(&logReader{ctx: t.Context(), log: l, at: at, end: l.end()})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// logPlaces are file systems of both kinds: one that can cut the head off a
// file, one that cannot (where this machine has them).
func logPlaces(t *testing.T) map[string]string {
	places := map[string]string{"disk": t.TempDir()}
	if dir, err := os.MkdirTemp("/dev/shm", "sluice-test"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		places["memory"] = dir
	}
	return places
}

func TestLogIsBounded(t *testing.T) {
	const limit = 16 << 10
	for name, dir := range logPlaces(t) {
		t.Run(name, func(t *testing.T) {
			l := newLogFile(filepath.Join(dir, "a.log"), limit)
			written := 0
			for range 20 {
				appendTo(t, l, numbered(written+1, written+1000)) // 7,000 bytes
				written += 1000
				if err := l.bound(); err != nil {
					t.Fatal(err)
				}
				if size := sizeOf(l.path); size > limit {
					t.Fatalf("the file has %d bytes, limit %d", size, limit)
				}
				if size := sizeOf(l.older()); size > limit+8192 {
					t.Fatalf("the older file has %d bytes, limit %d", size, limit)
				}
				all := numbered(1, written)
				got := readLog(t, l, 0)
				if !strings.HasSuffix(all, got) || len(got) < min(len(all), limit) {
					t.Fatalf("after %d lines %d bytes are kept, and not the last ones: begins %.20q, ends %q",
						written, len(got), got, got[max(0, len(got)-20):])
				}
			}
			if got := readLog(t, l, 3); got != numbered(written-2, written) {
				t.Errorf("last 3 lines %q", got)
			}
			if got := readLog(t, l, 1500); got != numbered(written-1499, written) {
				t.Errorf("the last 1500 lines, over both files, begin %.20q", got)
			}
		})
	}
}

// TestRotationLosesNothing rotates under a writer that never pauses, while a
// follower reads.
func TestRotationLosesNothing(t *testing.T) {
	dir := t.TempDir()
	skipUnlessCut(t, dir)
	l := newLogFile(filepath.Join(dir, "a.log"), 64<<10)
	appendTo(t, l, "")
	const lines = 100_000
	want := numbered(1, lines)
	ctx, cancel := context.WithTimeout(t.Context(), runtimetest.Patience)
	defer cancel()

	var read atomic.Int64 // bytes
	var all sync.WaitGroup
	all.Go(func() { writeNumbered(ctx, t, l, lines, &read) })
	rotations := 0
	all.Go(func() {
		for read.Load() < int64(len(want)) && ctx.Err() == nil {
			before := sizeOf(l.path)
			if err := l.bound(); err != nil {
				t.Error(err)
			}
			if sizeOf(l.path) < before {
				rotations++
			}
		}
	})
	follower := &logReader{ctx: ctx, cancel: cancel, log: l, end: -1, changes: watchFile(l.path)}
	got := make([]byte, len(want))
	for n := 0; n < len(got); read.Store(int64(n)) {
		more, err := follower.Read(got[n:])
		if n += more; err != nil {
			t.Errorf("after %d of %d bytes: %v", n, len(want), err)
			break
		}
	}
	follower.Close()
	all.Wait()
	if string(got) != want {
		t.Error("lines were lost or torn")
	}
	if rotations < 3 {
		t.Errorf("%d rotations; the test shows nothing", rotations)
	}
}

// skipUnlessCut skips where a rotation may lose a line.
func skipUnlessCut(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "probe"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(numbered(1, 2000)); err != nil {
		t.Fatal(err)
	}
	if cut, ok := wholeBlocks(f); !ok || cutHead(f, cut) != nil {
		t.Skip("this file system cannot cut the head off a file")
	}
}

// writeNumbered writes lines one by one, never further ahead of the reader than
// what is kept.
func writeNumbered(ctx context.Context, t *testing.T, l *logFile, lines int, read *atomic.Int64) {
	w, err := l.open()
	if err != nil {
		t.Error(err)
		return
	}
	defer w.Close()
	for i := 1; i <= lines && ctx.Err() == nil; i++ {
		if _, err := fmt.Fprintf(w, "%06d\n", i); err != nil {
			t.Error(err)
			return
		}
		for i%2000 == 0 && read.Load() < int64(i)*7-32<<10 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}
}

func TestLogOnAFullDiskIsBoundedAllTheSame(t *testing.T) {
	l := newLogFile(filepath.Join(t.TempDir(), "a.log"), 1000)
	// What is in its way stands for a disk that takes no more.
	if err := os.MkdirAll(filepath.Join(l.older()+".tmp", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	appendTo(t, l, numbered(1, 2000))
	if err := l.bound(); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("bound: %v", err)
	}
	if size := sizeOf(l.path); size > 8192 {
		t.Errorf("the file has %d bytes", size)
	}
	appendTo(t, l, "more\n")
	if got := readLog(t, l, 1); got != "more\n" {
		t.Errorf("last line %q", got)
	}
}

func TestLastLines(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		want string
	}{
		{"", 3, ""},
		{"a\nb\nc\n", 1, "c\n"},
		{"a\nb\nc\n", 2, "b\nc\n"},
		{"a\nb\nc\n", 3, "a\nb\nc\n"},
		{"a\nb\nc\n", 9, "a\nb\nc\n"},
		{"a\nb\nc", 1, "c"},
		{"a\nb\nc", 2, "b\nc"},
		{"a\n\n\n", 2, "\n\n"},
		{strings.Repeat("x", 100_000) + "\nlast\n", 1, "last\n"},
		{"first\n" + strings.Repeat("x", 100_000) + "\n", 1, strings.Repeat("x", 100_000) + "\n"},
	} {
		l := newLogFile(filepath.Join(t.TempDir(), "a.log"), 1<<20)
		appendTo(t, l, tt.text)
		if got := readLog(t, l, tt.n); got != tt.want {
			t.Errorf("the last %d lines of %.20q are %.20q, want %.20q", tt.n, tt.text, got, tt.want)
		}
	}
}

func TestReasonIsShort(t *testing.T) {
	l := newLogFile(filepath.Join(t.TempDir(), "a.log"), 1<<20)
	appendTo(t, l, "before\n")
	since := l.end()
	appendTo(t, l, "panic: \xff\r\n\n")
	if got := l.reason(since); len(got) != 1 || got[0] != "panic: �" {
		t.Errorf("%q", got)
	}
	appendTo(t, l, strings.Repeat("x", 100_000)+"\n"+numbered(1, 100))
	if got := l.reason(since); len(got) != reasonLines || got[reasonLines-1] != "000100" {
		t.Errorf("%q", got)
	}
}

func TestFollowSeesChangesAtOnceAndEnds(t *testing.T) {
	rt := newRuntime(t, Config{DataDir: t.TempDir()})
	defer rt.Close()
	l := newLogFile(rt.logPath("a"), 1000)
	appendTo(t, l, "1\n2\n")
	ctx, cancel := context.WithCancel(t.Context())
	r, err := rt.Logs(ctx, "a", 1, true)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 10)
	go func() {
		defer close(lines)
		buf := make([]byte, 100)
		for {
			n, err := r.Read(buf)
			if n > 0 {
				lines <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	if got := <-lines; got != "2\n" {
		t.Errorf("first %q", got)
	}
	appendTo(t, l, "3\n")
	select {
	case got := <-lines:
		if got != "3\n" {
			t.Errorf("then %q", got)
		}
	case <-time.After(runtimetest.Patience):
		t.Error("what is written is not followed")
	}
	cancel()
	select {
	case _, more := <-lines:
		if more {
			t.Error("more lines")
		}
	case <-time.After(runtimetest.Patience):
		t.Error("following does not end")
	}
	r.Close()
}
