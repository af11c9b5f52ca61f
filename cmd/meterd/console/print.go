package console

import (
	"io"
	"strings"

	"meterd/dlt645"
)

// write sends bytes to the terminal. One that is gone is noticed by reading.
func (s *Session) write(text string) { io.WriteString(s.Out, text) }

// print shows lines. Where long answers are paged, it stops at each screen;
// when enough is seen, printed is negative and nothing more is shown.
func (s *Session) print(text string) {
	for line := range strings.Lines(text) {
		if s.paged && s.printed >= s.Terminal.Lines-1 {
			s.more()
		}
		if s.printed < 0 {
			return
		}
		text, whole := strings.CutSuffix(line, "\n")
		pieces := s.broken(text)
		for i, piece := range pieces {
			if i > 0 {
				s.write("\r\n")
			}
			s.write(s.dress(piece))
		}
		if !whole {
			return
		}
		s.write("\r\n")
		// A line that is longer than the screen's takes several.
		s.printed += len(pieces) + (cells.StringWidth(pieces[0])-1)/max(1, s.Terminal.Columns)
	}
}

// leastWidth is the width below which nothing is gained by breaking lines.
const leastWidth = 20

// broken breaks a line of ours at its blanks where the screen is narrower than
// they are made for, as that of a telephone. What is longer than a screen of the
// usual width is left to the terminal: a frame is copied whole.
func (s *Session) broken(line string) []string {
	if w := cells.StringWidth(line); w < s.Terminal.Columns || w > width || s.Terminal.Columns < leastWidth {
		return []string{line}
	}
	return wrap(line, s.Terminal.Columns-1, width, "  ")
}

// more waits for a key at the end of a screen.
func (s *Session) more() {
	text := say(s.Language, dlt645.Text{EN: "-- more: space, or q --", ZH: "-- 空格继续，q 结束 --"})
	s.write(text)
	c, err := s.key()
	s.write("\r" + strings.Repeat(" ", cells.StringWidth(text)) + "\r")
	if err != nil || c == 'q' || c == 'Q' || c == ctrlC {
		s.printed = -1
	}
}

// dress gives a line as the terminal can show it.
func (s *Session) dress(line string) string {
	line = Harmless(line)
	if !s.Terminal.UTF8 && s.Language != "zh" {
		line = plain().Replace(line)
	}
	if s.Terminal.Colors {
		for _, bad := range []string{"! ", "error: ", "错误："} {
			if strings.HasPrefix(line, bad) {
				return "\x1b[31m" + line + "\x1b[0m"
			}
		}
	}
	return line
}

// plain replaces the characters that our texts use by ASCII of the same
// width.
func plain() *strings.Replacer {
	return strings.NewReplacer("→", ">", "…", "~", "─", "-", "│", "|", "┤", "|", "┼", "+", "╭", ".", "╮", ".", "╰", "'", "╯", "'", "╴", "-", "╶", "-", "█", "#", "▌", "#", "▏", "|", "└", "+", "┬", "+")
}
