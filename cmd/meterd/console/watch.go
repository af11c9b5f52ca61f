package console

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"meterd/cmd/meterd/console/lineedit"
	"meterd/dlt645"
)

// watchEvery is how often a command is repeated unless said otherwise.
const watchEvery = 5 * time.Second

// watch repeats a command and shows what changes, until q or Ctrl-C.
func (s *Session) watch(ctx context.Context, args []string) error {
	every := watchEvery
	if len(args) > 1 && args[0] == "-n" {
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 1 || n > 3600 {
			return Tell(dlt645.Text{EN: "-n %s: want seconds, 1 to 3600", ZH: "-n %s：应为 1 至 3600 秒"}, dlt645.Text{}, args[1])
		}
		every, args = time.Duration(n)*time.Second, args[2:]
	}
	if len(args) == 0 {
		return Tell(dlt645.Text{EN: "watch takes a command", ZH: "watch 需要一条命令"}, dlt645.Text{EN: "try: watch status", ZH: "请试：watch status"})
	}
	if args[0] == "watch" || args[0] == "exit" {
		return Tell(dlt645.Text{EN: "%s cannot be watched", ZH: "%s 不能用于 watch"}, dlt645.Text{}, args[0])
	}
	s.paged = false
	f := frame{escapes: s.Terminal.Escapes}
	for {
		s.measure()
		var b strings.Builder
		err := s.call(ctx, Request{Command: args}, func(out string) {
			if b.Len() < mostWatched {
				b.WriteString(out)
			}
		})
		if _, wants := errors.AsType[*Wanting](err); wants || errors.Is(err, errInterrupted) || errors.Is(err, errGone) {
			s.write(f.leave())
			return err
		}
		if err != nil {
			text, hint := s.reason(err)
			fmt.Fprintf(&b, "! %s\n  → %s\n", text, hint)
		}
		head := say(s.Language, dlt645.Text{EN: "every %v, q ends: %s", ZH: "每 %v 刷新，q 结束：%s"}, every, strings.Join(args, " "))
		s.write(f.draw(s.rows(b.String(), head)))
		again, err := s.pause(ctx, every)
		if err != nil || !again {
			s.write(f.leave())
			return err
		}
	}
}

// mostWatched bounds what one answer may take; a screen is less.
const mostWatched = 64 << 10

// rows cuts an answer to the screen: its last line is left free for the
// heading, the very last for the cursor.
func (s *Session) rows(text, head string) []string {
	var rows []string
	for line := range strings.Lines(text) {
		rows = append(rows, fit(strings.TrimSuffix(line, "\n"), s.Terminal.Columns-1))
	}
	room := max(1, s.Terminal.Lines-2)
	if len(rows) > room {
		rows = append(rows[:room-1:room-1], say(s.Language, dlt645.Text{EN: "… and %d more lines", ZH: "… 另有 %d 行"}, len(rows)-room+1))
	}
	rows = append(rows, fit(head, s.Terminal.Columns-1))
	for i, r := range rows {
		r = Harmless(r)
		if !s.Terminal.UTF8 && s.Language != "zh" {
			r = plain().Replace(r)
		}
		rows[i] = r
	}
	return rows
}

// pause waits; false if the person ends it. Any other key draws at once.
func (s *Session) pause(ctx context.Context, d time.Duration) (again bool, err error) {
	t := time.NewTimer(d)
	defer t.Stop()
	for _, c := range s.ahead {
		if c == 'q' || c == ctrlC {
			s.ahead = nil
			return false, nil
		}
	}
	s.ahead = nil
	select {
	case <-t.C:
		return true, nil
	case <-ctx.Done():
		return false, nil
	case c, ok := <-s.keys:
		if !ok {
			return false, errGone
		}
		return c != 'q' && c != ctrlC && c != 4, nil
	}
}

// frame is what watch has drawn: rows from the top of the screen. Only the
// columns that differ are sent again.
type frame struct {
	escapes bool
	rows    [][]lineedit.Cell
	drawn   bool
}

// draw gives what brings the terminal to show these rows.
func (f *frame) draw(rows []string) string {
	var b strings.Builder
	if !f.escapes {
		return strings.Join(rows, "\r\n") + "\r\n"
	}
	if !f.drawn {
		b.WriteString("\x1b[H\x1b[2J")
		f.drawn = true
	}
	next := make([][]lineedit.Cell, len(rows))
	for i, r := range rows {
		next[i] = lineedit.Cells(r)
	}
	for y := range max(len(next), len(f.rows)) {
		var was, is []lineedit.Cell
		if y < len(f.rows) {
			was = f.rows[y]
		}
		if y < len(next) {
			is = next[y]
		}
		if d := lineedit.Diff(was, is, 0, 0, true); d != "" {
			fmt.Fprintf(&b, "\x1b[%dH%s", y+1, d)
		}
	}
	f.rows = next
	fmt.Fprintf(&b, "\x1b[%dH", len(rows)+1)
	return b.String()
}

// leave puts the cursor after what was drawn.
func (f *frame) leave() string {
	if !f.drawn {
		return ""
	}
	return fmt.Sprintf("\x1b[%dH", len(f.rows)+1)
}
