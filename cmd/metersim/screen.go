package main

import (
	"fmt"
	"html"
	"os"
	"strings"
	"time"

	"meterd/cmd/meterd/console"
)

// screen shows lines in place on a terminal, and now and then a plain line
// where there is none.
type screen struct {
	out   *os.File
	live  bool
	shown bool
	last  time.Time
}

func newScreen(out *os.File) *screen { return &screen{out: out, live: interactive(out)} }

// plainEvery is how often a line is printed where there is no terminal.
const plainEvery = 2 * time.Second

func (s *screen) show(lines []string) {
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

func (s *screen) end() {
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
	case strings.Contains(l, "STOPPED"), strings.Contains(l, "NOT CONNECTED"):
		return "alarm"
	case strings.Contains(l, " ← "):
		return "answer"
	case l != "" && l[0] != ' ':
		return "head"
	}
	return ""
}

const framesShown = 8

// lines draws the demo.
func (d *demo) lines(elapsed time.Duration) []string {
	out := []string{
		fmt.Sprintf("meterd demo  %4.0fs of %.0fs   %s", elapsed.Seconds(), d.length.Seconds(), d.phase),
		"",
		fmt.Sprintf("LINE  %s  2400 baud 8E1  %d meters  load %.0f %%  requests %d  answers %d  noise %d  silence %d",
			d.pty.path, demoMeters, 100*d.busStatus().Load, d.busStatus().Requests, d.busStatus().Answers, d.busStatus().Noise, d.busStatus().Silence),
	}
	d.mu.Lock()
	frames := append([]string(nil), d.frames...)
	d.mu.Unlock()
	for i := range framesShown {
		line := ""
		if i < len(frames) {
			line = clipLine("  "+frames[i], 98)
		}
		out = append(out, line)
	}
	out = append(out, "", fmt.Sprintf("%-10s%9s%9s%9s%10s%9s%8s%8s%13s", "METER", "Ua V", "Ub V", "Uc V", "Ia A", "P kW", "PF", "Hz", "kWh"))
	for _, m := range d.meters {
		v := func(point string) string { return valueOf(m, point) }
		out = append(out, fmt.Sprintf("  %-8s%9s%9s%9s%10s%9s%8s%8s%13s", m.Name, v("voltage.a"), v("voltage.b"), v("voltage.c"), v("current.a"),
			v("power.active.total"), v("power.factor.total"), v("frequency"), v("energy.forward.total")))
	}
	r, u := d.status.Ring, d.uplink()
	link := "connected"
	if !u.Connected {
		link = "NOT CONNECTED"
	}
	repeats, violations := d.stage.tally()
	return append(out, "",
		fmt.Sprintf("RING  records %d to %d  waiting for flash %d  written %d KiB", r.First, r.Last, r.Waiting, r.Written>>10),
		fmt.Sprintf("UPLINK  %s %s  backlog %s", d.stage.kind, link, bar(u.Queued, d.most)),
		fmt.Sprintf("CLOUD  stored %d  repeats %d  violations %d", len(d.stage.seen()), repeats, len(violations)),
		fmt.Sprintf("TOTAL  backlog %d readings, outstanding %d, acknowledged %d messages, sent again %d", u.Queued, u.Outstanding, u.Acked, u.Resent),
	)
}

func valueOf(m console.MeterDetail, point string) string {
	for _, v := range m.Values {
		if v.Point == point {
			return v.Value
		}
	}
	return "–"
}

// bar draws the backlog against the largest so far.
func bar(n, most int) string {
	const width = 40
	full := 0
	if most > 0 {
		full = (n*width + most - 1) / most
	}
	return fmt.Sprintf("%s%s %d readings", strings.Repeat("█", full), strings.Repeat("·", width-full), n)
}

func clipLine(s string, n int) string {
	r := []rune(s)
	if len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// writeSVG draws the lines as a picture for the documentation.
func writeSVG(path string, lines []string) error {
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
