package sim

import (
	"fmt"
	"strings"
)

// storyLines is how much of what led to a failure is told.
const storyLines = 80

// story remembers the last lines of what happened.
type story struct {
	lines [storyLines]string
	n     int
}

func (w *World) say(format string, args ...any) {
	w.log.lines[w.log.n%storyLines] = fmt.Sprintf("%9.3fs  ", w.now.Sub(epoch).Seconds()) + fmt.Sprintf(format, args...)
	w.log.n++
}

// String is the story in order.
func (s *story) String() string {
	var b strings.Builder
	for i := max(0, s.n-storyLines); i < s.n; i++ {
		b.WriteString(s.lines[i%storyLines])
		b.WriteByte('\n')
	}
	return b.String()
}
