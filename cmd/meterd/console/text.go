package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"meterd/dlt645"
)

// width is the columns of the console. The last one is left free: terminals
// differ in when they wrap.
const width = 79

// cells counts columns; a Chinese character takes two.
var cells = &runewidth.Condition{EastAsianWidth: false}

// pad fills with blanks to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-cells.StringWidth(s))) }

// fit cuts a line to n columns.
func fit(s string, n int) string { return cells.Truncate(oneLine(s), n, "…") }

// oneLine takes line ends out, which words of others may hold.
func oneLine(s string) string { return strings.ReplaceAll(Harmless(s), "\n", " ") }

// say fills a text in the language of the console.
func say(language string, t dlt645.Text, args ...any) string {
	return fmt.Sprintf(t.In(language), args...)
}

// ago tells how long something is past, roughly: "12s", "5m", "3h", "9d".
func ago(now, at time.Time) string {
	d := max(0, now.Sub(at))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}

// bytesText gives a size for people.
func bytesText(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<20:
		return fmt.Sprintf("%d.%d MiB", n>>20, n%(1<<20)*10>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// span tells a length of time, roughly.
func span(d time.Duration) string { return ago(time.Time{}.Add(d), time.Time{}) }

// wrap cuts a text into lines of n columns at blanks, or anywhere where there
// are none; what goes beyond the most lines is left out. Lines after the
// first begin with indent.
func wrap(s string, n, most int, indent string) []string {
	var lines []string
	s = oneLine(s)
	for s != "" && len(lines) < most {
		room, begin := n, ""
		if len(lines) > 0 {
			begin = indent
			room -= cells.StringWidth(indent)
		}
		if len(lines) == most-1 || cells.StringWidth(s) <= room {
			return append(lines, begin+fit(s, room))
		}
		head := cells.Truncate(s, room, "")
		if at := strings.LastIndexByte(head, ' '); at > 0 && at > len(head)/2 {
			head = head[:at]
		}
		lines = append(lines, begin+head)
		s = strings.TrimLeft(s[len(head):], " ")
	}
	return lines
}

// page gathers lines of an answer, each cut to the width of the console.
type page struct {
	lang string
	b    strings.Builder
}

func (p *page) add(t dlt645.Text, args ...any) { p.line(say(p.lang, t, args...)) }

// wrapped is a line whose end decides, such as an error: it takes two if it must.
func (p *page) wrapped(s string) {
	p.b.WriteString(strings.Join(wrap(s, width, 2, "  "), "\n") + "\n")
}

func (p *page) line(s string) { p.b.WriteString(fit(s, width) + "\n") }
