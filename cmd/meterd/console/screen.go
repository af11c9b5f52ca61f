package console

import (
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
)

const (
	// screen is the lines of a console.
	screen = 24
	// statusLines leaves room for the command above it and the prompt below.
	statusLines = screen - 2
	// leastBody is what buses, meters, uplinks and the ring need, however much
	// is wrong.
	leastBody = 7
)

// Text is one screen of at most 80 columns and 24 lines, worst first.
func (s Status) Text(lang string) string {
	trusted := dlt645.Text{EN: "trusted", ZH: "可信"}
	if !s.Clock.Trusted {
		trusted = dlt645.Text{EN: "NOT TRUSTED", ZH: "不可信"}
	}
	lines := []string{fit(say(lang, dlt645.Text{EN: "meterd %s  %s  up %s  %s  clock: %s, %s", ZH: "meterd %s  %s  运行 %s  %s  时钟：%s，%s"},
		fit(s.Gateway, 20), fit(s.Version, 12), span(time.Duration(s.Uptime)*time.Second), s.Clock.Time.Format(time.DateTime), sourceWord(lang, s.Clock.Source), trusted.In(lang)), width)}
	least := leastBody
	if s.Health.MemoryTotal > 0 {
		least++
	}
	if s.Network != nil {
		least++
	}
	if s.Program.replaced() {
		least++
	}
	lines = append(lines, s.problemLines(lang, statusLines-least-len(lines))...)
	body := s.body(lang, statusLines-len(lines))
	return strings.Join(slices.Concat(lines, body), "\n") + "\n"
}

// problemLines tells the worst problems in at most n lines: what is wrong in
// one or two, and what to do about it.
func (s Status) problemLines(lang string, n int) []string {
	list := s.problems(lang)
	if len(list) == 0 {
		return []string{say(lang, dlt645.Text{EN: "all is well", ZH: "一切正常"})}
	}
	var lines []string
	for i, p := range list {
		next := wrap("! "+p.what, width, 2, "  ")
		if p.todo != "" {
			next = append(next, wrap("  → "+p.todo, width, 2, "    ")...)
		}
		room := n - len(lines)
		if i < len(list)-1 {
			room-- // for the count of those that are left out
		}
		if len(next) > room {
			return append(lines, say(lang, dlt645.Text{EN: "! and %d more", ZH: "! 另有 %d 项"}, len(list)-i))
		}
		lines = append(lines, next...)
	}
	return lines
}

// body tells buses, meters, uplinks and the ring in at most n lines. The worst
// stand first; what does not fit is counted.
func (s Status) body(lang string, n int) []string {
	var buses, meters, uplinks []string
	for _, b := range worstFirst(s.Buses, func(b BusStatus) bool { return b.PortErr != "" || s.dead(b.Name) || s.garbled(b) }) {
		buses = append(buses, b.line(lang, s))
	}
	for _, u := range worstFirst(s.Uplinks, func(u UplinkStatus) bool { return !u.Connected }) {
		uplinks = append(uplinks, u.lines(lang)...)
	}
	for _, m := range worstFirst(s.Meters, func(m MeterStatus) bool { return m.Asked && !m.Online }) {
		meters = append(meters, m.line(lang, s.Now))
	}
	last := []string{s.Ring.line(lang)}
	if s.Health.MemoryTotal > 0 {
		last = append(last, s.Health.line(lang))
	}
	if line := s.Network.line(lang); line != "" {
		last = append(last, line)
	}
	if s.Program.replaced() {
		last = append(last, fit(s.Program.line(lang), width))
	}
	if s.Record != nil {
		last = append(last, s.Record.lines(lang)...)
	}
	n -= 1 + len(last) // the line above
	buses = atMost(buses, max(2, n/4), lang)
	uplinks = atMost(uplinks, max(2, n/4), lang)
	if room := max(1, n-len(buses)-len(uplinks)); len(meters) > room {
		online := 0
		for _, m := range s.Meters {
			if m.Online {
				online++
			}
		}
		more := say(lang, dlt645.Text{EN: "… and %d more; %d of all %d meters are online", ZH: "… 另有 %d 块；全部 %d/%d 在线"}, len(meters)-room+1, online, len(meters))
		meters = append(meters[:room-1:room-1], fit(more, width))
	}
	return slices.Concat([]string{""}, buses, meters, uplinks, last)
}

func (b BusStatus) line(lang string, s Status) string {
	asked, online := s.metersOf(b.Name)
	return fit(say(lang, dlt645.Text{
		EN: "bus %s  load %d%%  online %d/%d  requests %d  silence %d  noise %d  refused %d",
		ZH: "总线 %s  负载 %d%%  在线 %d/%d  请求 %d  无应答 %d  干扰 %d  拒绝 %d"},
		fit(b.Name, 16), percent(b.Load), online, asked, b.Requests, b.Silence, b.Noise, b.Refusals), width)
}

// atMost keeps n lines; the last of them counts what is left out.
func atMost(lines []string, n int, lang string) []string {
	if len(lines) <= n {
		return lines
	}
	return append(lines[:n-1:n-1], say(lang, dlt645.Text{EN: "… and %d more", ZH: "… 另有 %d 项"}, len(lines)-n+1))
}

// worstFirst puts what is bad first and keeps the order otherwise.
func worstFirst[T any](list []T, bad func(T) bool) []T {
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b T) int {
		switch {
		case bad(a) == bad(b):
			return 0
		case bad(a):
			return -1
		}
		return 1
	})
	return sorted
}
