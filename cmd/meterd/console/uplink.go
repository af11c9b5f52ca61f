package console

import (
	"maps"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
)

func (u UplinkStatus) lines(lang string) []string {
	state := dlt645.Text{EN: "connected", ZH: "已连接"}
	if !u.Connected {
		state = dlt645.Text{EN: "NOT CONNECTED", ZH: "未连接"}
	}
	lines := []string{fit(say(lang, dlt645.Text{
		EN: "uplink %s (%s)  %s  queued %d  acked %d  refused %d  lost %d",
		ZH: "上行 %s (%s)  %s  待发 %d  已确认 %d  拒收 %d  丢失 %d"},
		u.Name, u.Kind, state.In(lang), u.Queued, u.Acked, u.Refused, u.Lost), width)}
	if u.Brokers > 1 {
		on := dlt645.Text{EN: "  broker %s, one of %d", ZH: "  broker %s（共 %d 个）"}
		if !u.Connected {
			on = dlt645.Text{EN: "  next broker %s, one of %d", ZH: "  下一个 broker %s（共 %d 个）"}
		}
		lines = append(lines, fit(say(lang, on, u.Broker, u.Brokers), width))
	}
	return lines
}

// Uplinks is the answer to `uplinks`.
type Uplinks struct {
	List []UplinkStatus `json:"uplinks"`
	Now  time.Time      `json:"-"`
}

// Text gives some lines for each uplink.
func (u Uplinks) Text(lang string) string {
	var b strings.Builder
	for _, s := range u.List {
		b.WriteString(strings.Join(s.lines(lang), "\n") + "\n")
		b.WriteString(fit(s.more(lang, u.Now), width) + "\n")
		for _, line := range []string{s.LastErr, s.LastRefusal} {
			if line != "" {
				b.WriteString(fit("  "+line, width) + "\n")
			}
		}
	}
	if len(u.List) == 0 {
		b.WriteString(say(lang, dlt645.Text{EN: "there is no uplink; readings stay in the ring\n", ZH: "没有上行；数据保存在存储中\n"}))
	}
	return b.String()
}

func (u UplinkStatus) more(lang string, now time.Time) string {
	return say(lang, dlt645.Text{
		EN: "  since %s  outstanding %d  resent %d  withheld %d  cursor %d",
		ZH: "  自 %s  在途 %d  重发 %d  超范围未发 %d  游标 %d"}, u.Since.In(now.Location()).Format(time.DateTime), u.Outstanding, u.Resent, u.Withheld, u.Cursor)
}

// UplinkDetail is the answer to `uplink`.
type UplinkDetail struct {
	UplinkStatus
	Now time.Time `json:"-"`
}

// Text tells everything about one uplink.
func (u UplinkDetail) Text(lang string) string {
	lines := append(u.lines(lang), fit(u.more(lang, u.Now), width))
	add := func(t dlt645.Text, args ...any) {
		lines = append(lines, wrap("  "+say(lang, t, args...), width, 4, "    ")...) // what decides may stand at the end
	}
	if u.LastErr != "" {
		add(dlt645.Text{EN: "%s", ZH: "%s"}, u.LastErr)
		if u.Hint.EN != "" {
			add(dlt645.Text{EN: "→ %s", ZH: "→ %s"}, u.Hint.In(lang))
		}
	}
	if u.RTT50 > 0 {
		add(dlt645.Text{EN: "round trip to the acknowledgement: p50 %.0f ms, p99 %.0f ms", ZH: "发送至确认的往返时间：p50 %.0f ms，p99 %.0f ms"}, u.RTT50, u.RTT99)
	}
	if u.Oldest != nil {
		add(dlt645.Text{EN: "oldest that is not acknowledged: %s, %s ago", ZH: "最早未确认：%s，%s前"}, u.Oldest.In(u.Now.Location()).Format(time.DateTime), ago(u.Now, *u.Oldest))
	}
	if u.Undated > 0 {
		add(dlt645.Text{EN: "readings without a time that could be told: %d", ZH: "无法确定时间的记录：%d"}, u.Undated)
	}
	if u.Strangers > 0 {
		add(dlt645.Text{EN: "readings of meters that the configuration does not name, not sent: %d", ZH: "配置中没有的电表的读数，未上送：%d"}, u.Strangers)
	}
	for _, code := range slices.Sorted(maps.Keys(u.Codes)) {
		add(dlt645.Text{EN: "answered with code %s: %d", ZH: "应答代码 %s：%d 次"}, code, u.Codes[code])
	}
	if u.LastRefusal != "" {
		add(dlt645.Text{EN: "the last refusal: %s", ZH: "最近一次拒收：%s"}, u.LastRefusal)
	}
	for _, point := range slices.Sorted(maps.Keys(u.WithheldOf)) {
		add(dlt645.Text{EN: "withheld, since the platform cannot hold it: %s, %d values", ZH: "超出平台范围未发：%s，%d 个值"}, point, u.WithheldOf[point])
	}
	if u.LastAside != "" {
		add(dlt645.Text{EN: "set aside: %d, the last: %s", ZH: "搁置：%d 条，最近：%s"}, u.SetAside, u.LastAside)
	}
	for _, why := range u.Unregistered {
		add(dlt645.Text{EN: "not registered: meter %s", ZH: "未登记：电表 %s"}, why)
	}
	return strings.Join(lines, "\n") + "\n"
}
