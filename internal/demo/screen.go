package demo

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// screen shows the story on a terminal: a line for each step that has ended, and
// below them one block that is drawn again and again. Everything is cut to the
// terminal's width, since a line that wraps could not be taken back.
type screen struct {
	out     io.Writer
	columns func() int

	title, command string
	drawn          int           // lines of the block on the terminal
	at             time.Duration // of the last drawing, since the story began
}

// frame is the least time between two drawings.
const frame = 100 * time.Millisecond

func (s *screen) say(text string) { s.draw(text+"\n", nil) }

func (s *screen) begin(title, command string) {
	s.title, s.command, s.at = title, command, -frame
}

func (s *screen) show(v view) {
	if v.since-s.at < frame {
		return
	}
	s.at = v.since
	s.draw("", s.block(v))
}

func (s *screen) end(ok bool, text string) {
	mark := "✓"
	if !ok {
		mark = "✗"
	}
	stays := s.fit(fmt.Sprintf("%s %s: %s", mark, s.title, text)) + "\n"
	if s.command != "" {
		stays += s.fit("    $ "+s.command) + "\n"
	}
	s.draw(stays, nil)
}

// draw takes the block back, prints what stays, and the new block below it, in
// one write.
func (s *screen) draw(stays string, block []string) {
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", s.drawn)
	}
	b.WriteString(stays)
	for _, line := range block {
		b.WriteString(s.fit(line))
		b.WriteByte('\n')
	}
	s.drawn = len(block)
	_, _ = io.WriteString(s.out, b.String())
}

// fit cuts a line to the terminal's width. The last column stays free: some
// terminals wrap when it is written to.
func (s *screen) fit(line string) string {
	room := max(20, s.columns()-1)
	if utf8.RuneCountInString(line) <= room {
		return line
	}
	return string([]rune(line)[:room-1]) + "…"
}

const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

func (s *screen) block(v view) []string {
	turn := []rune(spinner)
	block := []string{fmt.Sprintf("%c %s  %s", turn[int(v.since/frame)%len(turn)], s.title, seconds(v.step))}
	if s.command != "" {
		block = append(block, "    $ "+s.command)
	}
	if len(v.replicas) > 0 {
		block = append(block, "", "    replicas  "+dots(v), "              ● ready  ◐ starting  ○ draining  ✗ failed")
	}
	if v.live.Accuracy >= 0 && v.live.Sent > 0 {
		block = append(block,
			"    answers   "+bars(v.live),
			fmt.Sprintf("    accuracy  %s in the last %.0f seconds, %.0f requests a second", accuracy(v.live), window.Seconds(), v.live.Rate))
	}
	if v.live.Sent > 0 {
		if v.live.Errors > 0 {
			block = append(block, fmt.Sprintf("    errors    %s requests were answered with an error by the model", grouped(v.live.Errors)))
		}
		block = append(block, fmt.Sprintf("    lost      %s of %s sent; %d streams are open", grouped(v.live.Lost+v.live.Cut), grouped(v.live.Sent), v.live.Streams))
	}
	if v.message != "" {
		block = append(block, "    sluice    "+v.message)
	}
	return block
}

// dots shows every replica as one sign.
func dots(v view) string {
	var parts []string
	for _, c := range crews(v.replicas) {
		parts = append(parts, fmt.Sprintf("v%d %s%s%s%s", c.version, strings.Repeat("●", c.ready),
			strings.Repeat("◐", c.starting), strings.Repeat("○", c.draining), strings.Repeat("✗", c.failed)))
	}
	return strings.Join(parts, "   ")
}

// bars shows how the answers of the window divide between the versions.
func bars(l live) string {
	const cells = 24
	var parts []string
	for _, sh := range l.Shares {
		bar := strings.Repeat("█", max(1, int(math.Round(sh.Part*cells))))
		parts = append(parts, fmt.Sprintf("v%d %s %.0f%%", sh.Version, bar, 100*sh.Part))
	}
	return strings.Join(parts, "  ")
}
