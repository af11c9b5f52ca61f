package console

import (
	"fmt"
	"strings"
	"time"

	"meterd/dlt645"
)

// ClockOpinion is what somebody who knows the time says of the board's clock.
type ClockOpinion struct {
	Source string  `json:"source"`   // "rtc", "platform NAME", "meters"
	Offset float64 `json:"offset_s"` // positive: the board is fast
	Age    int64   `json:"age_s"`
	Meters int     `json:"meters,omitempty"` // that agree with the median
}

// clockOff is how far the clock may be off somebody's before it is told as a
// problem.
const clockOff = 60 * time.Second

func (c ClockStatus) problems(lang string) []problem {
	var out []problem
	add := func(what, todo dlt645.Text, args ...any) {
		out = append(out, problem{say(lang, what, args...), todo.In(lang)})
	}
	if !c.Trusted {
		add(dlt645.Text{EN: "the clock is not trusted", ZH: "时钟不可信"},
			dlt645.Text{EN: "check NTP or the clock's battery, or see set in [clock]; readings wait", ZH: "请检查 NTP 或时钟电池，或 [clock] 的 set；数据等待校时"})
	}
	for _, o := range c.Opinions {
		if off := time.Duration(o.Offset * float64(time.Second)); c.Source != "ntp" && off.Abs() > clockOff {
			add(dlt645.Text{EN: "the clock is %s off that of: %s", ZH: "时钟与 %[2]s 相差 %[1]s"},
				dlt645.Text{EN: "check NTP, or see set in [clock]", ZH: "请检查 NTP，或 [clock] 的 set"}, off.Round(time.Second), o.sourceText(lang))
			break
		}
	}
	return out
}

// sourceText names a source for people.
func (o ClockOpinion) sourceText(lang string) string { return sourceText(lang, o.Source) }

func sourceText(lang, source string) string {
	if name, ok := strings.CutPrefix(source, "platform "); ok {
		return say(lang, dlt645.Text{EN: "platform %s", ZH: "平台 %s"}, name)
	}
	if name, ok := strings.CutPrefix(source, "server "); ok {
		return say(lang, dlt645.Text{EN: "NTP server %s", ZH: "NTP 服务器 %s"}, name)
	}
	t := map[string]dlt645.Text{
		"ntp":    {EN: "NTP", ZH: "NTP"},
		"rtc":    {EN: "the board's RTC", ZH: "板载 RTC"},
		"meters": {EN: "the meters (median)", ZH: "电表（中位数）"},
		"system": {EN: "nobody; it is after the build date", ZH: "无来源，但晚于编译日期"},
		"none":   {EN: "nobody", ZH: "无来源"},
	}
	if text, ok := t[source]; ok {
		return text.In(lang)
	}
	return source
}

// sourceWord names a source in a word.
func sourceWord(lang, source string) string {
	if lang != "zh" {
		return source
	}
	if word, ok := map[string]string{"ntp": "NTP", "rtc": "RTC", "meters": "电表", "system": "系统", "none": "无"}[source]; ok {
		return word
	}
	return sourceText(lang, source)
}

// TimeDetail is the answer of the command time.
type TimeDetail struct {
	ClockStatus
	Zone string `json:"zone"`
}

// Text tells the clock, by whose word, and what the others say.
func (t TimeDetail) Text(lang string) string {
	trusted := dlt645.Text{EN: "trusted", ZH: "可信"}
	if !t.Trusted {
		trusted = dlt645.Text{EN: "not trusted", ZH: "不可信"}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s  %s  %s\n", t.Time.Format("2006-01-02 15:04:05 -07:00"), t.Zone, sourceWord(lang, t.Source), trusted.In(lang))
	fmt.Fprintf(&b, "%s %s\n", dlt645.Text{EN: "by the word of:", ZH: "依据："}.In(lang), sourceText(lang, t.Source))
	for _, o := range t.Opinions {
		off := time.Duration(o.Offset * float64(time.Second)).Round(100 * time.Millisecond)
		line := say(lang, dlt645.Text{EN: "  %s: the board is %s off, asked %s ago", ZH: "  %s：本板相差 %s，%s 前获知"}, o.sourceText(lang), off, (time.Duration(o.Age) * time.Second).String())
		if o.Meters > 0 {
			line += say(lang, dlt645.Text{EN: " (%d meters agree)", ZH: "（%d 块电表一致）"}, o.Meters)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
