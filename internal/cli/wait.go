package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

var errTimeout = errors.New("time is up")

// wait follows a change and shows how far it is, until it ends or time is up.
func (s *session) wait(ctx context.Context, c *client.Client, timeout time.Duration, answer client.Answer, goal client.Goal) (client.End, error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
	}
	p := newProgress(s.err)
	end, err := c.Wait(ctx, answer, goal, p.show)
	p.clear()
	why := ""
	switch {
	case err == nil:
		return end, nil
	case errors.Is(err, errTimeout):
		why = "time is up after " + timeout.String()
	case errors.Is(err, context.Canceled):
		why = "interrupted"
	default:
		return end, err
	}
	return end, &unfinishedError{fmt.Sprintf("%s: %s is %s; it goes on, and `sluice status %s --watch` shows it", why, answer.Name, summary(&end.Service), answer.Name)}
}

// progress is one updating line on a terminal, and elsewhere a plain line each
// time something has changed.
type progress struct {
	w    io.Writer
	bar  bool
	last string
}

func newProgress(w io.Writer) *progress { return &progress{w: w, bar: terminal(w) && !dumb()} }

func (p *progress) show(now client.Progress) {
	line := summary(&now.Service)
	if now.Trouble != nil {
		line = now.Trouble.Error() + "; trying again"
	}
	if line == p.last {
		return
	}
	p.last = line
	if !p.bar {
		fmt.Fprintln(p.w, line)
		return
	}
	if done, total, ok := fraction(&now.Service); ok && now.Trouble == nil {
		line = drawn(done, total) + " " + line
	}
	fmt.Fprint(p.w, "\r\x1b[K"+cut(line, width(p.w)-1))
}

func (p *progress) clear() {
	if p.bar && p.last != "" {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

const barWidth = 10

func drawn(done, total int) string {
	n := barWidth
	if total > 0 {
		n = min(barWidth, barWidth*done/total)
	}
	return "[" + strings.Repeat("#", n) + strings.Repeat("-", barWidth-n) + "]"
}

func cut(line string, width int) string {
	if r := []rune(line); width > 3 && len(r) > width {
		return string(r[:width-3]) + "..."
	}
	return line
}

// fraction is how far the service is on its way, where that is a number.
func fraction(s *api.Service) (done, total int, ok bool) {
	switch ro := s.Rollout; {
	case s.Status == api.StatusDeleting || s.Status == api.StatusStopping || s.Status == api.StatusStopped:
		return 0, 0, false
	case rolling(s):
		return ro.Updated, ro.Total, true
	}
	return s.Replicas.Ready, s.Replicas.Desired, true
}

func rolling(s *api.Service) bool { return s.Rollout != nil && !s.Rollout.Phase.Ended() }

// summary is how a service is, in one line: "updating: 2 of 4 updated; waiting
// for replica a-2-3 to become ready".
func summary(s *api.Service) string {
	line := string(s.Status)
	switch done, total, ok := fraction(s); {
	case s.Status == api.StatusPaused || s.Status == api.StatusFailed || !ok || !rolling(s) && s.Message != "":
		if s.Message != "" {
			line += ": " + s.Message
		}
	case rolling(s) && s.Rollout.Kind != api.KindCreate:
		line += fmt.Sprintf(": %d of %d updated", done, total)
	default:
		line += fmt.Sprintf(": %d of %d ready", done, total)
	}
	// After a failure the message says what to do already.
	if rolling(s) && s.Rollout.WaitingFor != "" && s.Rollout.Reason != "failure" && s.Rollout.Reason != "gate" {
		line += "; waiting for " + s.Rollout.WaitingFor
		if at := s.Rollout.NextBatchAt; at != nil {
			line += ", not before " + at.Local().Format(time.TimeOnly)
		}
	}
	return oneLine(line)
}
