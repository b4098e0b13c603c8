package history

import "fmt"

// QuotaError says that kept copies would take more room than they may.
type QuotaError struct {
	Short int64  // bytes that have to go first
	Text  string // what is needed, used and allowed, and which setting says so
}

func (e *QuotaError) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("%d bytes more than may be kept", e.Short)
	}
	return e.Text
}
