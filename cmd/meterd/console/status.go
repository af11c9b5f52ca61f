package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
)

// Status is the state of the whole board: what `exec -json status` gives.
type Status struct {
	Gateway string         `json:"gateway"`
	Version string         `json:"version"`
	Uptime  int64          `json:"uptime_s"`
	Clock   ClockStatus    `json:"clock"`
	Buses   []BusStatus    `json:"buses"`
	Meters  []MeterStatus  `json:"meters"`
	Uplinks []UplinkStatus `json:"uplinks"`
	Ring    RingStatus     `json:"ring"`

	Watchdog WatchdogStatus `json:"watchdog"`

	Now time.Time `json:"-"`
}

// ClockStatus tells whether the time is right.
type ClockStatus struct {
	Trusted bool      `json:"trusted"`
	Source  string    `json:"source"`
	Time    time.Time `json:"time"`
	// Opinions are of those who know the time, those first that count most.
	Opinions []ClockOpinion `json:"opinions"`
}

// BusStatus is a line. Load is the share of the time that the line was in
// use since the start.
type BusStatus struct {
	Name       string  `json:"name"`
	Port       string  `json:"port"`
	Load       float64 `json:"load"`    // of the last 15 minutes
	Planned    float64 `json:"planned"` // by the plan
	Requests   int     `json:"requests"`
	Answers    int     `json:"answers"`
	Noise      int     `json:"noise"`
	Silence    int     `json:"silence"`
	Refusals   int     `json:"refusals"`
	Retries    int     `json:"retries"`
	Late       int     `json:"late"`
	Echoes     int     `json:"echoes"`
	PortErrors int     `json:"port_errors"`
	PortErr    string  `json:"port_error"` // why the port does not work at present
}

// MeterStatus is a meter. Success is the share of the rounds that were read
// whole.
type MeterStatus struct {
	Name     string     `json:"name"`
	Address  string     `json:"address"`
	Bus      string     `json:"bus"`
	Online   bool       `json:"online"`
	Asked    bool       `json:"asked"`
	LastGood *time.Time `json:"last_good"`
	Success  float64    `json:"success"`
	Rounds   int        `json:"rounds"`
	Lost     int        `json:"lost"`
	Missed   int        `json:"missed"`
	LastErr  string     `json:"last_error"`

	Requests int     `json:"requests"`
	Answers  int     `json:"answers"` // refusals too
	Refusals int     `json:"refusals"`
	Silence  int     `json:"silence"`
	Noise    int     `json:"noise"`
	Retries  int     `json:"retries"`
	P50      float64 `json:"p50_ms"` // answer times
	P90      float64 `json:"p90_ms"`
	P99      float64 `json:"p99_ms"`
}

// UplinkStatus is a platform. Queued counts readings that are not
// acknowledged; the others count messages but for lost, which counts
// readings.
type UplinkStatus struct {
	Name         string         `json:"name"`
	Kind         string         `json:"kind"`
	Connected    bool           `json:"connected"`
	Since        time.Time      `json:"since"`
	Queued       int            `json:"queued"`
	Outstanding  int            `json:"outstanding"`
	Acked        int            `json:"acked"`
	Resent       int            `json:"resent"`
	Refused      int            `json:"refused"`
	Withheld     int            `json:"withheld"`
	Lost         int            `json:"lost"`
	Undated      int            `json:"undated"`
	Cursor       uint64         `json:"cursor"`
	Codes        map[string]int `json:"codes"`
	LastErr      string         `json:"last_error"`
	Hint         dlt645.Text    `json:"-"`
	LastRefusal  string         `json:"last_refusal"`
	Unregistered []string       `json:"unregistered"`
	// Oldest is the time of the oldest reading that is not acknowledged.
	Oldest *time.Time `json:"oldest"`
}

// RingStatus is the store.
type RingStatus struct {
	Capacity int64  `json:"capacity_bytes"`
	Used     int64  `json:"used_bytes"`
	First    uint64 `json:"first"`
	Last     uint64 `json:"last"`
	Lost     int    `json:"lost"`
	Corrupt  int    `json:"corrupt"`
	Written  int64  `json:"bytes_written"`
	Waiting  int    `json:"waiting"`
	LastErr  string `json:"last_error"`
}

// problem is something that is wrong, and what to do about it.
type problem struct {
	what, todo string
}

// problems lists what is wrong, worst first.
func (s Status) problems(lang string) []problem {
	var out []problem
	add := func(what, todo dlt645.Text, args ...any) {
		out = append(out, problem{say(lang, what, args...), todo.In(lang)})
	}
	if s.Ring.LastErr != "" {
		add(dlt645.Text{EN: "ring: flash cannot be written: %s", ZH: "存储：无法写入闪存：%s"},
			dlt645.Text{EN: "check the flash; readings are in memory only", ZH: "请检查闪存；数据目前只在内存中"}, s.Ring.LastErr)
	}
	lostPorts := map[string]bool{}
	for _, b := range s.Buses {
		if b.PortErr != "" {
			add(dlt645.Text{EN: "bus %s: port %s does not work: %s", ZH: "总线 %s：端口 %s 不可用：%s"},
				dlt645.Text{EN: "check port in [[bus]] and that the adapter is plugged in", ZH: "请检查 [[bus]] 的 port 以及适配器是否插好"}, b.Name, b.Port, b.PortErr)
			lostPorts[b.Name] = true
		}
	}
	for _, m := range s.Meters {
		switch {
		case m.Online && m.LastErr != "":
			add(dlt645.Text{EN: "meter %s: the last round was not whole: %s", ZH: "电表 %s：最近一轮不完整：%s"},
				dlt645.Text{EN: "check wires, termination, and whether the meter has all points of its profile", ZH: "请检查接线、终端电阻，以及电表是否支持 profile 中的全部测点"}, m.Name, m.LastErr)
		case m.Missed*4 > m.Rounds && m.Missed > 5:
			add(dlt645.Text{EN: "meter %s: %d rounds were missed, the line is too full", ZH: "电表 %s：错过 %d 轮，线路过载"},
				dlt645.Text{EN: "read less often, fewer points, or on another bus: meterd check shows the load", ZH: "请减少抄读频率或测点，或分到其他总线：meterd check 可查看负载"}, m.Name, m.Missed)
		}
		if !m.Asked || m.Online || lostPorts[m.Bus] {
			continue
		}
		if m.LastGood == nil {
			add(dlt645.Text{EN: "meter %s (%s) has never answered", ZH: "电表 %s (%s) 从未应答"},
				dlt645.Text{EN: "check address, baud and parity, wires A and B, the meter's power", ZH: "请检查地址、波特率和校验、A/B 接线、电表供电"}, m.Name, m.Address)
			continue
		}
		add(dlt645.Text{EN: "meter %s (%s) is silent since %s", ZH: "电表 %s (%s) 已 %s 无应答"},
			dlt645.Text{EN: "check its wires and its power", ZH: "请检查其接线和供电"}, m.Name, m.Address, ago(s.Now, *m.LastGood))
	}
	for _, u := range s.Uplinks {
		if !u.Connected {
			add(dlt645.Text{EN: "uplink %s is not connected: %s", ZH: "上行 %s 未连接：%s"}, u.Hint, u.Name, u.LastErr)
		}
		for _, why := range u.Unregistered {
			add(dlt645.Text{EN: "uplink %s does not register meter %s", ZH: "上行 %s 未登记电表 %s"},
				dlt645.Text{EN: "check product_id and the device on the platform", ZH: "请检查 product_id 和平台上的设备"}, u.Name, why)
		}
		if u.Refused > 0 {
			add(dlt645.Text{EN: "uplink %s: %d items refused, the last: %s", ZH: "上行 %s：平台拒收 %d 项，最近：%s"},
				refusalHint(u), u.Name, u.Refused, u.LastRefusal)
		}
		if u.Lost > 0 {
			add(dlt645.Text{EN: "uplink %s: %d readings lost, the ring was full or damaged", ZH: "上行 %s：丢失 %d 条记录（存储已满或损坏）"},
				dlt645.Text{EN: "restore the connection sooner, or give store.size more", ZH: "请尽快恢复连接，或增大 store.size"}, u.Name, u.Lost)
		}
	}
	out = append(out, s.Watchdog.problems(lang, s.Now)...)
	out = append(out, s.Clock.problems(lang)...)
	for _, b := range s.Buses {
		if noisy := b.Noise * 20; noisy > b.Requests && b.Noise > 5 {
			add(dlt645.Text{EN: "bus %s: %d of %d requests met noise", ZH: "总线 %s：%d/%d 次请求遇到干扰"},
				dlt645.Text{EN: "check parity and baud, termination, shield", ZH: "请检查校验和波特率、终端电阻、屏蔽"}, b.Name, b.Noise, b.Requests)
		}
	}
	return out
}

// refusalHint tells what to look at when a platform refuses items.
func refusalHint(u UplinkStatus) dlt645.Text {
	if u.Codes["1001"] > 0 {
		return dlt645.Text{EN: "the platform does not take the time of old readings: see stale in [uplink.tuya]", ZH: "平台不接受旧数据的时间：见 [uplink.tuya] 的 stale"}
	}
	return dlt645.Text{EN: "check [[uplink.map]] and the product on the platform", ZH: "请检查 [[uplink.map]] 和平台上的产品定义"}
}

// Text is one screen of 80 columns and 24 lines, worst first.
func (s Status) Text(lang string) string {
	var lines []string
	add := func(t dlt645.Text, args ...any) { lines = append(lines, fit(say(lang, t, args...), width)) }
	add(dlt645.Text{EN: "meterd %s  %s  up %s  %s  clock: %s", ZH: "meterd %s  %s  运行 %s  %s  时钟：%s"},
		s.Gateway, s.Version, ago(s.Now, s.Now.Add(-time.Duration(s.Uptime)*time.Second)), s.Clock.Time.Format("2006-01-02 15:04:05"), s.Clock.Source)
	problems := s.problems(lang)
	if len(problems) == 0 {
		add(dlt645.Text{EN: "all is well", ZH: "一切正常"})
	}
	const mostProblems = 5
	for i, p := range problems {
		if i == mostProblems {
			add(dlt645.Text{EN: "! and %d more", ZH: "! 另有 %d 项"}, len(problems)-i)
			break
		}
		lines = append(lines, fit("! "+p.what, width))
		if p.todo != "" {
			lines = append(lines, fit("  → "+p.todo, width))
		}
	}
	lines = append(lines, "")
	// What is left of the screen: a line for the ring, buses and uplinks first,
	// meters in the rest. The worst stand first; what does not fit is counted.
	room := screen - len(lines) - 1
	buses := worstFirst(s.Buses, func(b BusStatus) bool { return b.PortErr != "" })
	uplinks := worstFirst(s.Uplinks, func(u UplinkStatus) bool { return !u.Connected })
	meters := worstFirst(s.Meters, func(m MeterStatus) bool { return m.Asked && !m.Online })
	var busLines, meterLines, uplinkLines []string
	for _, b := range buses {
		busLines = append(busLines, fit(say(lang, dlt645.Text{
			EN: "bus %s  load %d%%  req %d  ans %d  silent %d  noise %d  refused %d",
			ZH: "总线 %s  负载 %d%%  请求 %d  应答 %d  无应答 %d  干扰 %d  拒绝 %d"}, b.Name, int(b.Load*100+0.5), b.Requests, b.Answers, b.Silence, b.Noise, b.Refusals), width))
	}
	for _, u := range uplinks {
		uplinkLines = append(uplinkLines, u.lines(lang)...)
	}
	for _, m := range meters {
		meterLines = append(meterLines, m.line(lang, s.Now))
	}
	busLines = atMost(busLines, max(2, room/4), lang)
	uplinkLines = atMost(uplinkLines, max(2, room/4), lang)
	meterLines = atMost(meterLines, max(1, room-len(busLines)-len(uplinkLines)), lang)
	lines = slices.Concat(lines, busLines, meterLines, uplinkLines)
	r := s.Ring
	add(dlt645.Text{EN: "ring  %s of %s used  records %d to %d  waiting %d  written %s", ZH: "存储  已用 %s / %s  记录 %d 至 %d  待写 %d  写入 %s"},
		bytesText(r.Used), bytesText(r.Capacity), r.First, r.Last, r.Waiting, bytesText(r.Written))
	return strings.Join(lines, "\n") + "\n"
}

// screen is the lines of the console.
const screen = 24

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

func (u UplinkStatus) lines(lang string) []string {
	state := dlt645.Text{EN: "connected", ZH: "已连接"}
	if !u.Connected {
		state = dlt645.Text{EN: "NOT CONNECTED", ZH: "未连接"}
	}
	return []string{fit(say(lang, dlt645.Text{
		EN: "uplink %s (%s)  %s  queued %d  acked %d  refused %d  lost %d",
		ZH: "上行 %s (%s)  %s  待发 %d  已确认 %d  拒收 %d  丢失 %d"},
		u.Name, u.Kind, state.In(lang), u.Queued, u.Acked, u.Refused, u.Lost), width)}
}

// Meters is the answer to `meters`.
type Meters struct {
	List []MeterStatus `json:"meters"`
	Now  time.Time     `json:"-"`
}

// Text gives a line for each meter.
func (m Meters) Text(lang string) string {
	var b strings.Builder
	for _, s := range m.List {
		b.WriteString(s.line(lang, m.Now) + "\n")
		if s.LastErr != "" {
			b.WriteString(fit("  "+s.LastErr, width) + "\n")
		}
	}
	return b.String()
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

// Text gives the meter's line and its last values.
func (m MeterDetail) Text(lang string) string {
	var b strings.Builder
	b.WriteString(m.line(lang, m.Now) + "\n")
	fmt.Fprintf(&b, "%s\n", say(lang, dlt645.Text{
		EN: "bus %s  rounds %d  lost %d  missed %d", ZH: "总线 %s  轮次 %d  丢失 %d  错过 %d"}, m.Bus, m.Rounds, m.Lost, m.Missed))
	fmt.Fprintf(&b, "%s\n", say(lang, dlt645.Text{
		EN: "requests %d  answers %d  refusals %d  silence %d  noise %d  retries %d", ZH: "请求 %d  应答 %d  拒绝 %d  无应答 %d  噪声 %d  重试 %d"},
		m.Requests, m.Answers, m.Refusals, m.Silence, m.Noise, m.Retries))
	fmt.Fprintf(&b, "%s\n", say(lang, dlt645.Text{
		EN: "answer time p50 %.0f ms  p90 %.0f ms  p99 %.0f ms  preamble: %s", ZH: "应答时间 p50 %.0f ms  p90 %.0f ms  p99 %.0f ms  前导：%s"},
		m.P50, m.P90, m.P99, m.Learned.preamble.In(lang)))
	if m.Learned.Protocol != "" || m.Learned.Number != "" {
		fmt.Fprintf(&b, "%s\n", say(lang, dlt645.Text{EN: "edition %s  number %s", ZH: "规约 %s  表号 %s"}, m.Learned.Protocol, m.Learned.Number))
	}
	if len(m.Learned.Lacking) > 0 {
		b.WriteString(fit(say(lang, dlt645.Text{EN: "has no %s", ZH: "不支持 %s"}, strings.Join(m.Learned.Lacking, " ")), width) + "\n")
	}
	if m.LastErr != "" {
		b.WriteString(fit(m.LastErr, width) + "\n")
	}
	for _, v := range m.Values {
		fmt.Fprintf(&b, "  %s %s %s\n", pad(v.Point, 28), v.Value, v.Unit)
	}
	return b.String()
}

// Ring is the answer to `ring`.
type Ring struct {
	RingStatus
	Cursors []CursorStatus `json:"cursors"`
}

// CursorStatus tells what an uplink has left.
type CursorStatus struct {
	Name   string `json:"name"`
	Cursor uint64 `json:"cursor"`
	Queued int    `json:"queued"`
	Lost   int    `json:"lost"`
}

// Text tells about the ring and each cursor.
func (r Ring) Text(lang string) string {
	var b strings.Builder
	b.WriteString(say(lang, dlt645.Text{
		EN: "capacity %s  used %s\noldest %d  newest %d  waiting %d  lost %d  corrupt %d  written %s\n",
		ZH: "容量 %s  已用 %s\n最旧 %d  最新 %d  待写 %d  丢失 %d  损坏 %d  写入 %s\n"},
		bytesText(r.Capacity), bytesText(r.Used), r.First, r.Last, r.Waiting, r.Lost, r.Corrupt, bytesText(r.Written)))
	if r.LastErr != "" {
		b.WriteString("! " + r.LastErr + "\n")
	}
	for _, c := range r.Cursors {
		b.WriteString(say(lang, dlt645.Text{
			EN: "cursor %s  at %d  queued %d  lost %d\n", ZH: "游标 %s  位于 %d  待发 %d  丢失 %d\n"}, c.Name, c.Cursor, c.Queued, c.Lost))
	}
	return b.String()
}

// Line is an answer of one line, such as the version.
type Line struct {
	Value string `json:"value"`
}

// Text gives the line.
func (l Line) Text(string) string { return l.Value + "\n" }
