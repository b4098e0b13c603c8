package placement

import "maps"

// Copy is an account of its own that begins with what is held now: for asking
// "what if".
func (b *Book) Copy() *Book {
	return &Book{groups: b.groups, held: maps.Clone(b.held)}
}
