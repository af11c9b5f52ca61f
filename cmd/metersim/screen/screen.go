// Package screen draws what a run is about: lines that stay in their places on
// a terminal, a plain line now and then where there is none, and a picture for
// the documentation.
package screen

import (
	"fmt"
	"html"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Screen shows lines in place on a terminal, and now and then a plain line
// where there is none.
type Screen struct {
	out   *os.File
	live  bool
	shown bool
	last  time.Time
}

// New gives a screen.
func New(out *os.File) *Screen {
	return &Screen{out: out, live: term.IsTerminal(int(out.Fd()))}
}

// plainEvery is how often a line is printed where there is no terminal.
const plainEvery = 2 * time.Second

// Show draws lines. Without a terminal it prints the first and the last of them, every
// two seconds.
func (s *Screen) Show(lines []string) {
	if !s.live {
		if phase := lines[0]; time.Since(s.last) >= plainEvery {
			s.last = time.Now()
			fmt.Fprintln(s.out, strings.TrimSpace(phase)+" | "+strings.TrimSpace(lines[len(lines)-1]))
		}
		return
	}
	var b strings.Builder
	if !s.shown {
		b.WriteString("\x1b[?25l\x1b[2J")
		s.shown = true
	}
	b.WriteString("\x1b[H")
	for _, l := range lines {
		b.WriteString(style(l) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	fmt.Fprint(s.out, b.String())
}

// End gives the cursor back.
func (s *Screen) End() {
	if s.shown {
		fmt.Fprint(s.out, "\x1b[?25h\n")
		s.shown = false
	}
}

// style colours a line of the terminal by what it begins with.
func style(l string) string {
	switch color(l) {
	case "":
		return l
	case "alarm":
		return "\x1b[1;31m" + l + "\x1b[0m"
	case "head":
		return "\x1b[1m" + l + "\x1b[0m"
	}
	return "\x1b[36m" + l + "\x1b[0m"
}

func color(l string) string {
	switch {
	case strings.Contains(l, "STOPPED"), strings.Contains(l, "KILLED"), strings.Contains(l, "NOT CONNECTED"):
		return "alarm"
	case strings.Contains(l, " ← "):
		return "answer"
	case l != "" && l[0] != ' ':
		return "head"
	}
	return ""
}

// Bar draws the backlog against the largest so far.
func Bar(n, most int) string {
	const width = 40
	full := 0
	if most > 0 {
		full = (n*width + most - 1) / most
	}
	return fmt.Sprintf("%s%s %d readings", strings.Repeat("█", full), strings.Repeat("·", width-full), n)
}

// Clip cuts a line to n characters.
func Clip(s string, n int) string {
	r := []rune(s)
	if len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// WriteSVG draws the lines as a picture for the documentation.
func WriteSVG(path string, lines []string) error {
	const charWidth, lineHeight, margin = 8.0, 18.0, 12.0
	colors := map[string]string{"": "#d8d8d8", "alarm": "#ff6b6b", "head": "#ffffff", "answer": "#6fd3d8"}
	var b strings.Builder
	width, height := 2*margin+100*charWidth, 2*margin+lineHeight*float64(len(lines))
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="6" fill="#1c1f24"/>`+"\n")
	fmt.Fprintf(&b, `<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13" xml:space="preserve">`+"\n")
	for i, l := range lines {
		if l == "" {
			continue
		}
		c := color(l)
		weight := "normal"
		if c == "head" || c == "alarm" {
			weight = "bold"
		}
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" fill="%s" font-weight="%s" textLength="%.0f" lengthAdjust="spacingAndGlyphs">%s</text>`+"\n",
			margin, margin+lineHeight*(float64(i)+0.8), colors[c], weight, charWidth*float64(len([]rune(l))), html.EscapeString(l))
	}
	b.WriteString("</g>\n</svg>\n")
	return os.WriteFile(path, []byte(b.String()), 0o644)
}
