package wire

import "sluice.dev/sluice/internal/traffic"

// partSize is the number of routes and endpoints after which a table is cut. At
// about a hundred bytes each a part stays far below MaxLine.
const partSize = 10_000

// Parts cuts a table into messages that fit a line. The last has More unset;
// there is at least one, as an empty table is news too.
func Parts(t Table) []Table {
	var parts []Table
	head := Table{Revision: t.Revision, Full: t.Full, More: true}
	part, size := head, 0
	cut := func(need int) {
		if size > 0 && size+need > partSize {
			parts = append(parts, part)
			part, size = head, 0
		}
		size += need
	}
	for _, route := range t.Routes {
		cut(1 + len(route.Endpoints))
		part.Routes = append(part.Routes, route)
	}
	for _, group := range t.Groups {
		cut(1 + len(group.Members) + len(group.Rules))
		part.Groups = append(part.Groups, group)
	}
	for _, service := range t.Withdrawn {
		cut(1)
		part.Withdrawn = append(part.Withdrawn, service)
	}
	part.More = false
	return append(parts, part)
}

// Assembly puts the parts of a table together again.
type Assembly struct {
	routes    []traffic.Route
	groups    []traffic.Group
	withdrawn []string
}

// Add takes one part and returns the whole table once the last has come.
func (a *Assembly) Add(part Table) (whole Table, complete bool) {
	a.routes = append(a.routes, part.Routes...)
	a.groups = append(a.groups, part.Groups...)
	a.withdrawn = append(a.withdrawn, part.Withdrawn...)
	if part.More {
		return Table{}, false
	}
	part.Routes, part.Groups, part.Withdrawn = a.routes, a.groups, a.withdrawn
	*a = Assembly{}
	return part, true
}
