package history

import (
	"slices"
	"time"
)

// Standing is what keeps a version from being collected.
type Standing struct {
	Number        int
	Pinned, InUse bool
}

// Collectable are the versions, given in ascending order, that go so that at
// most limit stay: the lowest numbers first. Pinned ones and those in use stay,
// even if they are more than the limit.
//
//	limit 3 of 1 pinned, 2, 3, 4, 5 in use: 2 and 3 go
func Collectable(versions []Standing, limit int) []int {
	var gone []int
	for _, v := range versions {
		if len(versions)-len(gone) <= limit {
			break
		}
		if !v.Pinned && !v.InUse {
			gone = append(gone, v.Number)
		}
	}
	return gone
}

// Copy is a kept content as one version names it.
type Copy struct {
	SHA256 string
	Bytes  int64
	Made   time.Time // when the version was made
	Holds  bool      // the version is pinned or in use
}

// GiveUp chooses contents whose copies go so that short bytes are free: those
// that only old versions name, the oldest first, none that a version holds. It
// gives none when all together would not be enough, so that nothing is given up
// for nothing.
func GiveUp(copies []Copy, short int64) map[string]bool {
	newest := map[string]Copy{} // a content is as young as the youngest version that names it
	for _, c := range copies {
		known, there := newest[c.SHA256]
		if !there || c.Made.After(known.Made) {
			c.Holds = c.Holds || known.Holds
			newest[c.SHA256] = c
		} else if c.Holds {
			known.Holds = true
			newest[c.SHA256] = known
		}
	}
	var list []Copy
	for _, c := range newest {
		if !c.Holds {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Copy) int {
		if n := a.Made.Compare(b.Made); n != 0 {
			return n
		}
		return slices.Compare([]byte(a.SHA256), []byte(b.SHA256))
	})
	given, free := map[string]bool{}, int64(0)
	for _, c := range list {
		if free >= short {
			break
		}
		given[c.SHA256] = true
		free += c.Bytes
	}
	if free < short {
		return nil
	}
	return given
}
