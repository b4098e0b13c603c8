package session

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"
)

// kept is the file: digests and times, nothing that opens anything.
type kept struct {
	Sessions []*entry `json:"sessions"`
	Links    []*link  `json:"links"`
}

func (b *Book) load() {
	if b.file == "" {
		return
	}
	var k kept
	text, err := os.ReadFile(b.file)
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			b.log.Warn("the sessions of the console cannot be read; people log in again", "file", b.file, "error", err)
		}
		return
	}
	for _, e := range k.Sessions {
		if e != nil {
			e.written, e.ended = e.Used, make(chan struct{})
			b.sessions[e.Digest] = e
		}
	}
	for _, l := range k.Links {
		if l != nil {
			b.links[l.Digest] = l
		}
	}
	b.prune(time.Now())
}

// save needs b.mu. Nobody is kept out by a file that cannot be written: what is
// in memory holds until the server ends.
func (b *Book) save() {
	if b.file == "" {
		return
	}
	k := kept{Sessions: []*entry{}, Links: []*link{}}
	for _, e := range b.sessions {
		e.written = e.Used
		k.Sessions = append(k.Sessions, e)
	}
	for _, l := range b.links {
		k.Links = append(k.Links, l)
	}
	text, err := json.Marshal(k)
	if err == nil {
		// Written beside and renamed: the file is never half there.
		draft := b.file + ".new"
		if err = os.WriteFile(draft, text, 0o600); err == nil {
			err = os.Rename(draft, b.file)
		}
	}
	if err != nil {
		b.log.Warn("the sessions of the console cannot be written; after a restart of the server people log in again", "file", b.file, "error", err)
	}
}
