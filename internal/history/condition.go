package history

// Condition is how something that a version recorded stands now.
type Condition string

const (
	Same    Condition = "same"
	Changed Condition = "changed"
	Missing Condition = "missing"
	// Unsure: it could not be found out, or only by reading it whole.
	Unsure Condition = "unsure"
)
