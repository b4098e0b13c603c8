package api

// Accepts tells whether a key of this type may hold a JSON value.
func (t KeyType) Accepts(text string) bool {
	value, err := decodeJSON([]byte(text))
	return err == nil && t.accepts(value)
}

// Validates tells whether every value is of the kind its key takes.
func Validates(d Document) bool {
	c := &checker{}
	c.object("", keyTree, d.root)
	return len(c.problems) == 0
}
