package content

import (
	"context"
	"sync"
)

// Of a cache that is full, any entry goes: it costs the reading of one file.
const (
	maxSums  = 200_000 // about 30 MB
	maxFacts = 10_000
)

// cache remembers what was read. The zero value is ready.
type cache struct {
	mu      sync.Mutex
	sums    map[identity]string        // SHA-256 of a file's content
	reading map[identity]chan struct{} // closed when nobody reads it any more
	facts   map[string]string          // Digest.Stat to SHA256
}

func put[K comparable, V any](m *map[K]V, key K, value V, most int) {
	if *m == nil {
		*m = map[K]V{}
	}
	if _, there := (*m)[key]; !there && len(*m) >= most {
		for other := range *m {
			delete(*m, other)
			break
		}
	}
	(*m)[key] = value
}

// sum is "" for a file that was not read.
func (c *cache) sum(id identity) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sums[id]
}

func (c *cache) putSum(id identity, sha string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	put(&c.sums, id, sha, maxSums)
}

func (c *cache) fact(stat string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.facts[stat]
}

func (c *cache) putFact(stat, sha string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	put(&c.facts, stat, sha, maxFacts)
}

// once reads a file if it is not known, and lets others who want the same wait
// rather than read it, too.
func (c *cache) once(ctx context.Context, id identity, read func() (string, error)) (string, error) {
	for {
		c.mu.Lock()
		if sha := c.sums[id]; sha != "" {
			c.mu.Unlock()
			return sha, nil
		}
		busy := c.reading[id]
		if busy == nil {
			done := make(chan struct{})
			if c.reading == nil {
				c.reading = map[identity]chan struct{}{}
			}
			c.reading[id] = done
			c.mu.Unlock()
			sha, err := read()
			c.mu.Lock()
			delete(c.reading, id)
			if err == nil {
				put(&c.sums, id, sha, maxSums)
			}
			c.mu.Unlock()
			close(done)
			return sha, err
		}
		c.mu.Unlock()
		select {
		case <-busy: // it is known now, or its reader gave up
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
