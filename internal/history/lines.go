package history

import (
	"strings"

	"sluice.dev/sluice/api"
)

// Lines lays two texts beside each other. Lines that both have in the same order
// are the same; a line that went and one that came for the same key are one
// replaced line; the rest was added or removed.
//
//	cpu: 1        same       cpu: 1
//	image: m:1    replace    image: m:2
//	              add        gpu: 1
//
// Lines that occur once in both are matched first, so that large texts cost
// little; what lies between them is matched for the longest common part.
func Lines(from, to []string) []api.DiffLine {
	a := aligner{from: from, to: to, list: make([]api.DiffLine, 0, max(len(from), len(to)))}
	a.align(0, len(from), 0, len(to))
	a.flush(len(from), len(to))
	return a.list
}

// aligner writes the list as matches are found, in order: what lies before a
// match and is not written yet is what differs.
type aligner struct {
	from, to []string
	list     []api.DiffLine
	i, j     int // what is written of either text
}

// match notes that from[i] is to[j].
func (a *aligner) match(i, j int) {
	a.flush(i, j)
	a.list = append(a.list, api.DiffLine{Op: api.LineSame, From: a.from[i], To: a.to[j]})
	a.i, a.j = i+1, j+1
}

// align matches from[i:m] with to[j:n].
func (a *aligner) align(i, m, j, n int) {
	for i < m && j < n && a.from[i] == a.to[j] {
		a.match(i, j)
		i, j = i+1, j+1
	}
	tail := 0
	for i < m-tail && j < n-tail && a.from[m-1-tail] == a.to[n-1-tail] {
		tail++
	}
	a.middle(i, m-tail, j, n-tail)
	for k := tail; k > 0; k-- {
		a.match(m-k, n-k)
	}
}

// middle matches what begins and ends differently.
func (a *aligner) middle(i, m, j, n int) {
	if i == m || j == n {
		return
	}
	anchors := unique(a.from[i:m], a.to[j:n])
	if len(anchors) == 0 {
		for _, p := range longest(a.from[i:m], a.to[j:n]) {
			a.match(i+p[0], j+p[1])
		}
		return
	}
	at, bt := i, j
	for _, p := range anchors {
		a.align(at, i+p[0], bt, j+p[1])
		a.match(i+p[0], j+p[1])
		at, bt = i+p[0]+1, j+p[1]+1
	}
	a.align(at, m, bt, n)
}

// unique are the pairs of lines that occur once in either text, as many of them
// as are in the same order in both.
func unique(from, to []string) (pairs [][2]int) {
	type count struct{ inFrom, inTo, at int }
	seen := map[string]*count{}
	for _, line := range from {
		if seen[line] == nil {
			seen[line] = &count{}
		}
		seen[line].inFrom++
	}
	for j, line := range to {
		if c := seen[line]; c != nil {
			c.inTo++
			c.at = j
		}
	}
	for i, line := range from {
		if c := seen[line]; c.inFrom == 1 && c.inTo == 1 {
			pairs = append(pairs, [2]int{i, c.at})
		}
	}
	return rising(pairs)
}

// rising is a longest sublist whose second numbers rise; the first ones do.
func rising(pairs [][2]int) [][2]int {
	ends := []int{} // ends[k] ends the best run of k+1
	before := make([]int, len(pairs))
	for p := range pairs {
		lo, hi := 0, len(ends)
		for lo < hi {
			if mid := (lo + hi) / 2; pairs[ends[mid]][1] < pairs[p][1] {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		before[p] = -1
		if lo > 0 {
			before[p] = ends[lo-1]
		}
		if lo == len(ends) {
			ends = append(ends, p)
		} else {
			ends[lo] = p
		}
	}
	run := make([][2]int, len(ends))
	if len(ends) > 0 {
		for k, p := len(ends)-1, ends[len(ends)-1]; k >= 0; k, p = k-1, before[p] {
			run[k] = pairs[p]
		}
	}
	return run
}

// mostCells bounds what one table of longest may hold; beyond it all lines count
// as different.
const mostCells = 4 << 20

// longest are the pairs of a longest common part.
func longest(from, to []string) (pairs [][2]int) {
	m, n := len(from), len(to)
	if (m+1)*(n+1) > mostCells {
		return nil
	}
	length := make([]int32, (m+1)*(n+1)) // of from[i:] and to[j:]
	at := func(i, j int) int { return i*(n+1) + j }
	for i := m - 1; i >= 0; i-- {
		for j := n - 1; j >= 0; j-- {
			if from[i] == to[j] {
				length[at(i, j)] = length[at(i+1, j+1)] + 1
			} else {
				length[at(i, j)] = max(length[at(i+1, j)], length[at(i, j+1)])
			}
		}
	}
	for i, j := 0, 0; i < m && j < n; {
		switch {
		case from[i] == to[j]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case length[at(i+1, j)] >= length[at(i, j+1)]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// flush writes what differs before from[i] and to[j]: lines of one key beside
// each other, the others alone.
func (a *aligner) flush(i, j int) {
	if i == a.i && j == a.j {
		return
	}
	from, to := a.from[a.i:i], a.to[a.j:j]
	at, bt := 0, 0
	for _, p := range append(longest(keysOf(from), keysOf(to)), [2]int{len(from), len(to)}) {
		for ; at < p[0]; at++ {
			a.list = append(a.list, api.DiffLine{Op: api.LineRemove, From: from[at]})
		}
		for ; bt < p[1]; bt++ {
			a.list = append(a.list, api.DiffLine{Op: api.LineAdd, To: to[bt]})
		}
		if at < len(from) && bt < len(to) {
			op := api.LineReplace
			if from[at] == to[bt] {
				op = api.LineSame // the longest common part was too large to look for
			}
			a.list = append(a.list, api.DiffLine{Op: op, From: from[at], To: to[bt]})
			at, bt = at+1, bt+1
		}
	}
	a.i, a.j = i, j
}

// keysOf is what each line is about: what stands before the colon, or its
// indentation and the dash of an element.
func keysOf(lines []string) []string {
	keys := make([]string, len(lines))
	for i, line := range lines {
		key, _, found := strings.Cut(line, ":")
		if !found {
			body := strings.TrimLeft(line, " ")
			key = line[:len(line)-len(body)]
			if strings.HasPrefix(body, "- ") {
				key += "-"
			}
		}
		keys[i] = key
	}
	return keys
}
