package sqlite

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// A wreck is what a killed server leaves: its database and its log.
type wreck struct {
	database, log []byte
	// ends are the lengths of the log after each change; the last is all of it. The
	// first change is in the database alone.
	ends []int64
}

// changesInLog is how many changes the wreck's log holds, each counted by the
// number in its records.
const changesInLog = 12

var wrecked = sync.OnceValues(func() (w wreck, err error) {
	dir, err := os.MkdirTemp("", "sluice-wreck-")
	if err != nil {
		return w, err
	}
	defer os.RemoveAll(dir)
	ctx, path := context.Background(), filepath.Join(dir, "sluice.db")
	s, err := Open(ctx, dir)
	if err != nil {
		return w, err
	}
	defer func() { _ = s.Close() }()
	for n := 1; n <= 1+changesInLog; n++ {
		c := numbered(n)
		c.Rollouts = []store.Rollout{{Rollout: api.Rollout{ID: fmt.Sprintf("r%d", n), Message: strings.Repeat("many words ", 300)}}}
		if _, err := s.Commit(ctx, c); err != nil {
			return w, err
		}
		if n == 1 { // so that the log begins anew
			if _, err := s.conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
				return w, err
			}
			continue
		}
		info, err := os.Stat(path + "-wal")
		if err != nil {
			return w, err
		}
		w.ends = append(w.ends, info.Size())
	}
	if w.database, err = os.ReadFile(path); err != nil {
		return w, err
	}
	w.log, err = os.ReadFile(path + "-wal")
	return w, err
})

// hurt damages the files as steps of 8 bytes say: which file, how, where and with
// what. cut tells that the log lost its end, changed that a byte of it is another.
func (w wreck) hurt(steps []byte) (database, log []byte, cut, changed bool) {
	database, log = bytes.Clone(w.database), bytes.Clone(w.log)
	for ; len(steps) >= 8 && len(steps) <= 64; steps = steps[8:] {
		file := &log
		if steps[0]&1 == 1 {
			file = &database
		}
		if len(*file) == 0 {
			continue
		}
		at := int(binary.BigEndian.Uint32(steps[2:])) % len(*file)
		length := min(len(*file)-at, 1+int(steps[6])*16)
		part := (*file)[at : at+length]
		switch steps[1] % 5 {
		case 0:
			*file = (*file)[:at]
		case 1:
			part[0] ^= 1 << (steps[7] % 8)
		case 2:
			clear(part)
		case 3:
			for i := range part {
				part[i] = steps[7]
			}
		case 4: // a write that went elsewhere
			copy(part, (*file)[int(steps[7])*97%len(*file):])
		}
	}
	kept := min(len(log), len(w.log))
	return database, log, len(log) < len(w.log), !bytes.Equal(log[:kept], w.log[:kept])
}

// FuzzRecovery opens what is left of a damaged database. Either it is refused, by
// an error that names the file and says what to do, and nothing is changed; or it
// is open, all of it can be read or is refused in the same way, it goes on, and
// changes that are lost are told of, unless the log ends just where one of them did.
func FuzzRecovery(f *testing.F) {
	for _, steps := range recoverySeeds {
		f.Add(steps)
	}
	f.Fuzz(func(t *testing.T, steps []byte) { recovery(t, steps) })
}

var (
	wrecks    = flag.Int("wrecks", 60, "how many wrecks TestRecoveryAtRandom opens")
	wreckSeed = flag.Uint64("wreckseed", 1, "the first of them")
)

// TestRecoveryAtRandom is the same without the instruments of fuzzing, which make
// SQLite slow: damage at random places, another for each seed.
func TestRecoveryAtRandom(t *testing.T) {
	refused, noted := 0, 0
	for seed := *wreckSeed; seed < *wreckSeed+uint64(*wrecks) && !t.Failed(); seed++ {
		draw := rand.New(rand.NewPCG(seed, 0xdb))
		var steps []byte
		for range 1 + draw.IntN(3) {
			steps = append(steps, step(byte(draw.IntN(2)), byte(draw.IntN(5)), draw.Uint32(), byte(draw.IntN(256)), byte(draw.IntN(256)))...)
		}
		switch recovery(t, steps) {
		case wasRefused:
			refused++
		case wasNoted:
			noted++
		}
		if t.Failed() {
			t.Logf("replay: go test ./internal/store/sqlite -run TestRecoveryAtRandom -wreckseed %d -wrecks 1", seed)
		}
	}
	t.Logf("%d of %d wrecks were refused, with %d it was said that something was left out", refused, *wrecks, noted)
	if *wrecks >= 20 && (refused == 0 || noted == 0) {
		t.Error("the damage is of one kind only")
	}
}

type verdict int

const (
	wasRead    verdict = iota
	wasNoted           // read, and it was said that something is missing
	wasRefused         // at once, or when it was read
)

// recovery makes one wreck and opens it.
func recovery(t *testing.T, steps []byte) verdict {
	w, err := wrecked()
	if err != nil {
		t.Fatal(err)
	}
	database, log, cut, changed := w.hurt(steps)
	dir, err := os.MkdirTemp("", "sluice-recovery-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sluice.db")
	for name, content := range map[string][]byte{path: database, path + "-wal": log} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(t.Context(), dir)
	if err != nil {
		checkRefusal(t, err, path)
		if !bytes.Equal(read(t, path), database) || !sameLog(t, path+"-wal", log) {
			t.Errorf("it was refused with %q, and the files were changed", err)
		}
		return wasRefused
	}
	defer func() { s.Close() }()
	n, err := s.readAll(t.Context())
	if err != nil {
		checkRefusal(t, err, path)
		return wasRefused
	}
	if n == 0 && len(log) > walHead {
		t.Errorf("%d bytes of changes became an empty store", len(log))
	}
	if bytes.Equal(database, w.database) {
		w.checkLoss(t, s, n, int64(len(log)), cut, changed)
	}
	goesOn(t, s, dir)
	if len(s.Notes()) > 0 {
		return wasNoted
	}
	return wasRead
}

// sameLog takes no log for an empty one: SQLite removes that, and nothing was in it.
func sameLog(t *testing.T, path string, log []byte) bool {
	t.Helper()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return len(log) == 0
	}
	return bytes.Equal(read(t, path), log)
}

// checkRefusal wants an error that an operator can do something with.
func checkRefusal(t *testing.T, err error, path string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Hint == "" || !strings.Contains(err.Error(), path) {
		t.Errorf("error %q lacks a hint or the path %s", err, path)
	}
}

// checkLoss is for a database that is as it was: what the log held is there, or it
// is said that something is missing.
func (w wreck) checkLoss(t *testing.T, s *Store, n int, length int64, cut, changed bool) {
	t.Helper()
	atEnd := length == 0
	for _, end := range w.ends {
		atEnd = atEnd || length == end
	}
	switch {
	case n == 1+changesInLog && !cut && !changed:
		if len(s.Notes()) > 0 {
			t.Errorf("nothing is damaged, and it is said: %q", s.Notes())
		}
	case changed && !cut && n < changesInLog-4:
		t.Errorf("only %d of %d changes are there, and it was not refused", n, 1+changesInLog)
	case n < 1+changesInLog && len(s.Notes()) == 0 && (changed || !atEnd):
		t.Errorf("%d of %d changes are there, and nothing is said", n, 1+changesInLog)
	}
}

// readAll reads every record and says which change was the last.
func (s *Store) readAll(ctx context.Context) (last int, err error) {
	list, err := s.Load(ctx)
	if err != nil {
		return 0, err
	}
	for _, snap := range list {
		last = snap.Service.Core.Latest
		if _, err := s.Rollouts(ctx, snap.Service.Core.Name); err != nil {
			return 0, err
		}
	}
	if _, err := s.Events(ctx, store.EventQuery{}); err != nil {
		return 0, err
	}
	if _, err := s.Gateways(ctx); err != nil {
		return 0, err
	}
	_, err = s.Tokens(ctx)
	return last, err
}

// goesOn stores a change and finds it again after the next start. Damage that is
// met only now is refused like any other.
func goesOn(t *testing.T, s *Store, dir string) {
	t.Helper()
	path := filepath.Join(dir, "sluice.db")
	added := store.Change{Name: "new", Service: &store.Service{Core: rollout.Service{Name: "new", Latest: 7}}, Events: []api.Event{{Reason: "Created"}}}
	if _, err := s.Commit(t.Context(), added); err != nil {
		checkRefusal(t, err, path)
		return
	}
	if err := s.Close(); err != nil {
		checkRefusal(t, err, path)
		return
	}
	again, err := Open(t.Context(), dir)
	if err != nil {
		checkRefusal(t, err, path)
		return
	}
	defer again.Close()
	list, err := again.Load(t.Context())
	if err != nil {
		checkRefusal(t, err, path)
		return
	}
	for _, snap := range list {
		if snap.Service.Core.Name == "new" && snap.Service.Core.Latest == 7 {
			return
		}
	}
	t.Error("a change that was stored after the recovery is gone")
}

func step(file, how byte, at uint32, length, with byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{file, how}, at), length, with)
}

const (
	inLog, inDatabase                        = 0, 1
	cutOff, flip, zero, overwrite, misplaced = 0, 1, 2, 3, 4
)

// recoverySeeds: nothing, then each kind of damage at places that differ.
var recoverySeeds = [][]byte{
	nil,
	step(inLog, cutOff, 0, 0, 0), step(inLog, cutOff, 20, 0, 0), step(inLog, cutOff, 32, 0, 0), step(inLog, cutOff, 9000, 0, 0), step(inLog, cutOff, 70001, 0, 0),
	step(inLog, flip, 3, 0, 0), step(inLog, flip, 18, 0, 1), step(inLog, flip, 40, 0, 2), step(inLog, flip, 5000, 0, 3), step(inLog, flip, 90000, 0, 4),
	step(inLog, zero, 12000, 200, 0), step(inLog, overwrite, 30, 4, 255), step(inLog, misplaced, 20000, 255, 9),
	step(inDatabase, cutOff, 0, 0, 0), step(inDatabase, cutOff, 100, 0, 0), step(inDatabase, cutOff, 8192, 0, 0), step(inDatabase, cutOff, 20001, 0, 0),
	step(inDatabase, flip, 18, 0, 1), step(inDatabase, flip, 60, 0, 3), step(inDatabase, flip, 105, 0, 2), step(inDatabase, flip, 4100, 0, 5),
	step(inDatabase, zero, 4096, 255, 0), step(inDatabase, overwrite, 24, 1, 255), step(inDatabase, misplaced, 16384, 255, 40),
	append(step(inLog, cutOff, 0, 0, 0), step(inDatabase, flip, 12300, 0, 6)...),
}
