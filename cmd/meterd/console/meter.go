package console

import (
	"fmt"
	"strings"
	"time"

	"meterd/dlt645"
)

func (m MeterStatus) line(lang string, now time.Time) string {
	state := dlt645.Text{EN: "waits", ZH: "等待"}
	last := ""
	switch {
	case m.Online:
		state = dlt645.Text{EN: "online", ZH: "在线"}
	case m.Asked:
		state = dlt645.Text{EN: "OFFLINE", ZH: "离线"}
	}
	if m.LastGood != nil {
		last = say(lang, dlt645.Text{EN: "%s ago", ZH: "%s前"}, ago(now, *m.LastGood))
	}
	return fit(fmt.Sprintf("%s %s %s %s %3d%%", pad(fit(m.Name, 20), 20), m.Address, pad(state.In(lang), 8), pad(last, 8), int(m.Success*100+0.5)), width)
}

// Meters is the answer to `meters`.
type Meters struct {
	List []MeterStatus `json:"meters"`
	Now  time.Time     `json:"-"`
}

// Text gives a line for each meter.
func (m Meters) Text(lang string) string {
	p := page{lang: lang}
	p.line(say(lang, dlt645.Text{
		EN: "meter                address      state    last ok  good p50/p99ms retry noise",
		ZH: "电表                 地址         状态     最近应答 成功 p50/p99ms  重试  干扰"}))
	for _, s := range m.List {
		p.line(pad(s.line(lang, m.Now), 56) + fmt.Sprintf(" %4.0f/%-4.0f %5d %5d", s.P50, s.P99, s.Retries, s.Noise))
		if s.Relay == RelayOpen {
			p.line("  " + say(lang, dlt645.Text{EN: "relay open: no power after it", ZH: "继电器断开：表后无电"}))
		}
		if s.LastErr != "" {
			p.wrapped("  " + s.LastErr)
		}
	}
	return p.b.String()
}

// MeterDetail is the answer to `meter`.
type MeterDetail struct {
	MeterStatus
	ReadAt *time.Time   `json:"read_at"`
	Values []PointValue `json:"values"`
	// Learned tells what was learned of the meter.
	Learned LearnedText `json:"learned"`
	Now     time.Time   `json:"-"`
}

// LearnedText is what was learned of a meter.
type LearnedText struct {
	Protocol string         `json:"protocol,omitempty"` // where the configuration leaves it open
	Number   string         `json:"number,omitempty"`
	Preamble string         `json:"preamble"`
	Lacking  []string       `json:"lacking"` // identifiers that it has not
	Widths   map[string]int `json:"widths"`  // bytes of answers that the table has otherwise
	preamble dlt645.Text
}

// NewLearned gives the text of what was learned.
func NewLearned(protocol, number string, preamble dlt645.Text, lacking []string, widths map[string]int) LearnedText {
	return LearnedText{Protocol: protocol, Number: number, Preamble: preamble.EN, Lacking: lacking, Widths: widths, preamble: preamble}
}

// PointValue is the last value of a point.
type PointValue struct {
	Point string `json:"point"`
	Value string `json:"value"`
	Unit  string `json:"unit"`
}

// Text gives the meter's line, how it answers, and its last values.
func (m MeterDetail) Text(lang string) string {
	p := page{lang: lang}
	p.line(m.line(lang, m.Now))
	p.add(dlt645.Text{EN: "bus %s  rounds %d  lost %d  missed %d", ZH: "总线 %s  轮次 %d  丢失 %d  错过 %d"}, m.Bus, m.Rounds, m.Lost, m.Missed)
	p.add(dlt645.Text{EN: "requests %d  answers %d  refusals %d  silence %d  noise %d  retries %d", ZH: "请求 %d  应答 %d  拒绝 %d  无应答 %d  干扰 %d  重试 %d"},
		m.Requests, m.Answers, m.Refusals, m.Silence, m.Noise, m.Retries)
	p.add(dlt645.Text{EN: "answer time p50 %.0f ms  p90 %.0f ms  p99 %.0f ms  preamble: %s", ZH: "应答时间 p50 %.0f ms  p90 %.0f ms  p99 %.0f ms  前导：%s"},
		m.P50, m.P90, m.P99, m.Learned.preamble.In(lang))
	var own []string
	if m.Learned.Protocol != "" {
		own = append(own, say(lang, dlt645.Text{EN: "edition %s", ZH: "规约 %s"}, m.Learned.Protocol))
	}
	if m.Learned.Number != "" {
		own = append(own, say(lang, dlt645.Text{EN: "number %s", ZH: "表号 %s"}, m.Learned.Number))
	}
	if len(own) > 0 {
		p.line(strings.Join(own, "  "))
	}
	if len(m.Learned.Lacking) > 0 {
		p.add(dlt645.Text{EN: "has no %s", ZH: "不支持 %s"}, strings.Join(m.Learned.Lacking, " "))
	}
	if m.Relay == RelayOpen {
		p.line("! " + say(lang, dlt645.Text{EN: "relay open: no power after it", ZH: "继电器断开：表后无电"}))
	}
	if m.LastErr != "" {
		p.wrapped("! " + m.LastErr)
	}
	if m.ReadAt != nil {
		p.add(dlt645.Text{EN: "last values, of %s:", ZH: "最近数值（%s）："}, m.ReadAt.In(m.Now.Location()).Format(time.DateTime))
	}
	values(&p, m.Values)
	return p.b.String()
}

// values are told in two columns: a three-phase meter has more than a screen
// has lines.
func values(p *page, list []PointValue) {
	const column = width / 2
	rows := (len(list) + 1) / 2
	for i := range rows {
		row := list[i].text()
		if i+rows < len(list) {
			row = pad(fit(row, column-1), column) + list[i+rows].text()
		}
		p.line(row)
	}
}

// text tells a value; a list of faults may be empty.
func (v PointValue) text() string {
	if v.Value == "" {
		v.Value = "-"
	}
	return strings.TrimRight(fmt.Sprintf("%s %s %s", pad(v.Point, 22), v.Value, v.Unit), " ")
}
