package series

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// Hour is the minutes of one service in one hour, as they are stored.
type Hour struct {
	Service string
	Hour    int64 // its number since 1970: it begins at second 3600 x Hour
	Points  []byte
}

// HourOf is the number of the hour that a time is in.
func HourOf(t time.Time) int64 { return t.Unix() / 3600 }

// Changed are the hours that are to be stored, of services whose series has
// changed. What only goes on as it was is left out unless all is set: it is written
// now and then, since its loss is that of a time in which nothing happened.
// The caller says Stored once they are; until then they are given again.
func (b *Book) Changed(all bool) []Hour {
	var list []Hour
	for name, t := range b.tracks {
		if !t.changed && !(all && t.extended) {
			continue
		}
		for hour := int64(b.oldest(t) / perHour); hour <= int64(b.minute/perHour); hour++ {
			if points := encode(t.coarse, hour); points != nil {
				list = append(list, Hour{name, hour, points})
			}
		}
	}
	return list
}

// oldest is the first minute of a track.
func (b *Book) oldest(t *track) uint32 {
	first := b.minute
	for _, l := range t.coarse {
		if len(l) > 0 {
			first = min(first, l[0].from)
		}
	}
	return first
}

// Stored says that what Changed gave is stored: past hours are kept in memory no
// longer.
func (b *Book) Stored(hours []Hour) {
	present := b.minute / perHour * perHour
	for _, h := range hours {
		t := b.tracks[h.Service]
		if t == nil {
			continue
		}
		t.changed, t.extended = false, false
		for version, l := range t.coarse {
			kept := line{}
			for _, r := range l {
				if r.to >= present {
					r.from = max(r.from, present)
					kept = append(kept, r)
				}
			}
			t.coarse[version] = kept
		}
	}
}

// Load gives a book an hour that an earlier one had stored, to go on with.
func (b *Book) Load(h Hour) error {
	lines, err := decode(h)
	if err == nil {
		b.track(h.Service).coarse = lines
	}
	return err
}

// format is the first byte of an hour.
const format = 1

// encode makes the bytes of an hour; nil when there is nothing in it. For each
// version: its number, the number of runs, and of each run the minute within the
// hour, how many minutes it holds, and the point.
func encode(lines map[int]line, hour int64) []byte {
	first := uint32(hour) * perHour
	b := []byte{format}
	for _, version := range versions(lines) {
		var within line
		for _, r := range lines[version] {
			if r.to >= first && r.from < first+perHour {
				within = append(within, run{max(r.from, first) - first, min(r.to, first+perHour-1) - first, r.Point})
			}
		}
		if len(within) == 0 {
			continue
		}
		b = number(number(b, version), len(within))
		for _, r := range within {
			b = number(number(b, int(r.from)), int(r.to-r.from))
			b = number(number(b, int(r.Requests)), int(r.Errors))
			b = number(number(b, int(r.Ready)), int(r.Seconds))
			for _, f := range [...]float32{r.P50, r.P95, r.P99} {
				b = binary.AppendUvarint(b, uint64(math.Float32bits(f)))
			}
		}
	}
	if len(b) == 1 {
		return nil
	}
	return b
}

func number(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

var errDamaged = errors.New("the series of an hour is damaged, or of a later release")

// decode reads the bytes of an hour.
func decode(h Hour) (map[int]line, error) {
	b := h.Points
	if len(b) == 0 || b[0] != format {
		return nil, errDamaged
	}
	b = b[1:]
	bad := false
	next := func(most uint64) uint64 {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > most {
			bad = true
			return 0
		}
		b = b[size:]
		return n
	}
	lines := map[int]line{}
	first := uint32(h.Hour) * perHour
	for len(b) > 0 && !bad {
		version, count := int(next(1<<31)), next(uint64(perHour))
		var l line
		for ; count > 0 && !bad; count-- {
			from := uint32(next(uint64(perHour - 1)))
			to := from + uint32(next(uint64(perHour-1)))
			r := run{from: first + from, to: first + to}
			r.Requests, r.Errors = uint32(next(math.MaxUint32)), uint32(next(math.MaxUint32))
			r.Ready, r.Seconds = uint16(next(math.MaxUint16)), uint16(next(math.MaxUint16))
			for _, f := range []*float32{&r.P50, &r.P95, &r.P99} {
				*f = math.Float32frombits(uint32(next(math.MaxUint32)))
			}
			if to >= perHour || len(l) > 0 && r.from <= l[len(l)-1].to {
				bad = true
			}
			l = append(l, r)
		}
		lines[version] = l
	}
	if bad {
		return nil, errDamaged
	}
	return lines, nil
}
