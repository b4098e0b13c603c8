package content

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"sluice.dev/sluice/api"
)

// reading is one file or folder that is being read.
type reading struct {
	path  string
	total int64
	done  atomic.Int64
}

// desk holds what is being read now. The zero value is ready.
type desk struct {
	mu   sync.Mutex
	work map[*reading]bool
}

func (d *desk) begin(t *tree) (r *reading, end func()) {
	r = &reading{path: t.path, total: t.bytes}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.work == nil {
		d.work = map[*reading]bool{}
	}
	d.work[r] = true
	return r, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.work, r)
	}
}

// Progress lists what is being read at this moment, by path.
func (f *Files) Progress() []api.Hashing {
	f.desk.mu.Lock()
	defer f.desk.mu.Unlock()
	list := make([]api.Hashing, 0, len(f.desk.work))
	for r := range f.desk.work {
		list = append(list, api.Hashing{Path: r.path, Done: min(r.done.Load(), r.total), Total: r.total})
	}
	slices.SortFunc(list, func(a, b api.Hashing) int { return strings.Compare(a.Path, b.Path) })
	return list
}
