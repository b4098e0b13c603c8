package sqlite

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// The write-ahead log as https://sqlite.org/fileformat2.html tells of it: a head,
// then frames, each a page behind a head of its own. The last frame of a
// transaction holds the size of the database after it. A checksum runs through
// all of them from the head on, and every frame repeats the salts of the head.
const (
	walHead   = 32
	frameHead = 24
	walMagic  = 0x377f0682 // the lowest bit: its checksums are of big-endian words
)

// tail is what is known of the log of a database that was not closed.
type tail struct {
	unclosed bool // there is a log: the server before was killed, or the machine lost power
	frames   bool // it has room for more than its head
	// bytes were left over behind the last whole transaction; lost is how many ends of
	// transactions are among them.
	bytes int64
	lost  int
}

// lookAtLog reads the log before SQLite does. SQLite takes the whole transactions
// up to the first frame that is not as it was written, and says nothing of what
// comes behind. Behind it may be the transaction that was being written when the
// power went: nobody was told that it is stored, and it is left out. As every
// transaction is on the disk before the next one begins, there cannot be two of
// them: then stored changes are damaged, which is an error that is ErrCorrupt.
func lookAtLog(path string) (tail, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return tail{}, nil
	}
	if err != nil {
		return tail{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return tail{}, err
	}
	t := tail{unclosed: true, bytes: info.Size()}
	if info.Size() <= walHead {
		return t, nil // no frame was written yet
	}
	r := bufio.NewReaderSize(f, 1<<20)
	t.frames = true
	log, err := readHead(r)
	if err != nil {
		return t, fmt.Errorf("%w: the beginning of %s, which holds the last changes: %w", ErrCorrupt, path, err)
	}
	if err := log.readFrames(r); err != nil {
		return t, err
	}
	t.bytes, t.lost = info.Size()-log.whole, log.lost
	if log.foreign && log.lost == 0 {
		t.bytes = 0 // all of it is of an earlier round of the log
	}
	if log.lost > 1 {
		return t, fmt.Errorf("%w: %s, which holds the last changes, is whole up to byte %d; %d changes that were stored behind it cannot be read",
			ErrCorrupt, path, log.whole, log.lost)
	}
	return t, nil
}

// walReader follows the checksum through a log.
type walReader struct {
	order  binary.ByteOrder
	sum    [2]uint32
	salts  [8]byte
	page   int
	whole  int64 // where the last whole transaction ends
	lost   int   // ends of transactions behind it
	broken bool
	// foreign: what is behind has the salts of another round, it was written before.
	foreign bool
}

func readHead(r io.Reader) (*walReader, error) {
	head := make([]byte, walHead)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	magic := binary.BigEndian.Uint32(head)
	w := &walReader{order: binary.LittleEndian, page: int(binary.BigEndian.Uint32(head[8:])), whole: walHead, salts: [8]byte(head[16:])}
	if magic&1 == 1 {
		w.order = binary.BigEndian
	}
	if magic&^1 != walMagic || w.page < 512 || w.page > 65536 || w.page&(w.page-1) != 0 {
		return nil, errors.New("it is not that of a log")
	}
	w.add(head[:24])
	if !w.is(head[24:]) {
		return nil, errors.New("its checksum is wrong")
	}
	return w, nil
}

// readFrames reads to the end.
func (w *walReader) readFrames(r io.Reader) error {
	frame := make([]byte, frameHead+w.page)
	at := int64(walHead)
	for {
		_, err := io.ReadFull(r, frame)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at += int64(len(frame))
		ours := [8]byte(frame[8:]) == w.salts
		ends := binary.BigEndian.Uint32(frame[4:]) != 0
		if !w.broken {
			w.add(frame[:8])
			w.add(frame[frameHead:])
			w.broken = !ours || binary.BigEndian.Uint32(frame) == 0 || !w.is(frame[16:])
			w.foreign = w.broken && !ours
		}
		switch {
		case !w.broken && ends:
			w.whole = at
		case w.broken && ours && ends:
			w.lost++
		}
	}
}

// add has the checksum go on over b, whose length is a multiple of 8.
func (w *walReader) add(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		w.sum[0] += w.order.Uint32(b) + w.sum[1]
		w.sum[1] += w.order.Uint32(b[4:]) + w.sum[0]
	}
}

func (w *walReader) is(b []byte) bool {
	return w.sum[0] == binary.BigEndian.Uint32(b) && w.sum[1] == binary.BigEndian.Uint32(b[4:])
}
