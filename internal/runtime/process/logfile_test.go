package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// TestRotationLosesNothing rotates under a writer that never pauses.
func TestRotationLosesNothing(t *testing.T) {
	dir := t.TempDir()
	probe := newLogFile(filepath.Join(dir, "probe.log"), 1)
	appendTo(t, probe, numbered(1, 2000))
	f, err := os.OpenFile(probe.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	cut, ok := wholeBlocks(f)
	if !ok || cutHead(f, cut) != nil {
		t.Skip("this file system cannot cut the head off a file; a line may be lost there")
	}
	f.Close()

	l := newLogFile(filepath.Join(dir, "a.log"), 64<<10)
	appendTo(t, l, "")
	const lines = 100_000
	var read atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), runtimetest.Patience)
	follower := &logReader{ctx: ctx, cancel: cancel, log: l, end: -1, changes: watchFile(l.path)}
	defer follower.Close()
	done := make(chan error, 1)
	go func() {
		w, err := l.open()
		for i := 1; i <= lines && err == nil; i++ {
			_, err = fmt.Fprintf(w, "%06d\n", i)
			if i%2000 == 0 {
				// As much as is kept; the follower reads on before more comes.
				for read.Load() < l.end()-32<<10 && ctx.Err() == nil {
					time.Sleep(time.Millisecond)
				}
			}
		}
		done <- err
	}()
	stop := make(chan struct{})
	stopped := make(chan struct{})
	rotations := 0
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			before := sizeOf(l.path)
			if err := l.bound(); err != nil {
				t.Error(err)
				return
			}
			if sizeOf(l.path) < before {
				rotations++
			}
		}
	}()
	want := numbered(1, lines)
	got := make([]byte, len(want))
	for n := 0; n < len(got) && err == nil; read.Store(int64(n)) {
		var more int
		more, err = follower.Read(got[n:])
		n += more
	}
	cancel()
	close(stop)
	<-stopped
	if err != nil {
		t.Errorf("after %d of %d bytes: %v", read.Load(), len(want), err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("lines were lost or torn")
	}
	if rotations < 3 {
		t.Errorf("%d rotations; the test shows nothing", rotations)
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
