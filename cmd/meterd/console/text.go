package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"meterd/dlt645"
)

// width is the columns of the console.
const width = 80

// cells counts columns; a Chinese character takes two.
var cells = &runewidth.Condition{EastAsianWidth: false}

// pad fills with blanks to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-cells.StringWidth(s))) }

// fit cuts a line to n columns.
func fit(s string, n int) string { return cells.Truncate(s, n, "…") }

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
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
