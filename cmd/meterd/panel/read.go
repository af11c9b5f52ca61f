package panel

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/explain"
	"meterd/dlt645"
	"meterd/meter"
)

// The console's commands that go to the meters.

// find gives the meter of a name or an address.
func (p *Panel) find(who string) (*meter.Handle, error) {
	m, ok := p.Desk.Find(who)
	if !ok {
		return m, console.Tell(dlt645.Text{EN: "there is no meter %q", ZH: "没有电表 %q"}, p.meant(who), who)
	}
	return m, nil
}

// meant tells which meter was meant by a name that none has.
func (p *Panel) meant(who string) dlt645.Text {
	plain := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }
	for _, m := range p.Desk.Meters {
		if plain(m.Name) == plain(who) {
			return dlt645.Text{EN: fmt.Sprintf("do you mean %q?", m.Name), ZH: fmt.Sprintf("是否为 %q？", m.Name)}
		}
	}
	for _, m := range p.Desk.Meters {
		if strings.HasPrefix(m.Name, who+" ") {
			return dlt645.Text{EN: fmt.Sprintf("a name with blanks stands in quotes: %q", m.Name), ZH: fmt.Sprintf("名称含空格时须加引号：%q", m.Name)}
		}
	}
	return tryMeters
}

func (p *Panel) readLive(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	if len(args) < 2 {
		return nil, console.Tell(dlt645.Text{EN: "read takes a meter, and points or data identifiers", ZH: "read 需要电表以及测点或数据标识"},
			dlt645.Text{EN: "try: read " + p.anyMeter() + " voltage", ZH: "请试：read " + p.anyMeter() + " voltage"})
	}
	m, err := p.find(args[0])
	if err != nil {
		return nil, err
	}
	reqs, err := p.wanted(m, args[1:])
	if err != nil {
		return nil, err
	}
	r := liveReader{ctx: ctx, line: p.Desk.Line(m), meter: m, points: p.Config.Points, language: p.Config.Gateway.Language}
	for _, req := range reqs {
		for _, it := range r.read(req) {
			say(it)
		}
	}
	if r.failed > 0 {
		return nil, console.Tell(dlt645.Text{EN: "%d of %d reads failed", ZH: "%d 项失败，共 %d 项"}, dlt645.Text{}, r.failed, len(reqs))
	}
	return nil, nil
}

func (p *Panel) anyMeter() string {
	if len(p.Config.Meters) > 0 {
		return strconv.Quote(p.Config.Meters[0].Name)
	}
	return "METER"
}

func (p *Panel) wanted(m *meter.Handle, words []string) ([]meter.Request, error) {
	var out []meter.Request
	for _, w := range words {
		if di, err := dlt645.ParseDI(w); err == nil {
			out = append(out, meter.Request{DI: di})
			continue
		}
		points, ok := p.Config.Points.Expand(w)
		if !ok {
			return nil, console.Tell(dlt645.Text{EN: "%q is neither a point nor a data identifier", ZH: "%q 既不是测点也不是数据标识"},
				dlt645.Text{EN: "8 hexadecimal digits for 2007, 4 for 1997, or a name such as voltage.a", ZH: "2007 为 8 位十六进制，1997 为 4 位，或如 voltage.a 的名称"}, w)
		}
		reqs, err := p.Desk.Line(m).PlanFor(m, points)
		if err != nil {
			return nil, err
		}
		if len(reqs) == 0 {
			return nil, console.Tell(dlt645.Text{EN: "the meter's edition has no %s", ZH: "该电表的规约没有 %s"}, dlt645.Text{}, w)
		}
		out = append(out, reqs...)
	}
	return out, nil
}

// liveReader reads a meter on a line that is in use.
type liveReader struct {
	ctx      context.Context
	line     *meter.Poller
	meter    *meter.Handle
	points   *meter.Points
	language string
	failed   int
}

func (r *liveReader) read(req meter.Request) []explain.Item {
	items := r.one(req.DI)
	if explain.RefusedBlock(req, items) {
		items = nil
		for _, p := range req.Points {
			items = append(items, r.one(p.DI)...)
		}
	}
	for _, it := range items {
		if it.Err != nil {
			r.failed++
		}
	}
	return items
}

func (r *liveReader) one(di dlt645.DI) []explain.Item {
	res, err := r.line.ReadNow(r.ctx, r.meter, di)
	return explain.ItemsOf(r.meter.Address, di, res, err, r.points, r.language)
}

// timeCommand tells the clock, or broadcasts it.
func (p *Panel) timeCommand(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	if len(args) == 0 {
		return p.timeDetail(), nil
	}
	if len(args) != 1 || args[0] != "sync" {
		return nil, console.Tell(dlt645.Text{EN: "time takes nothing or sync, not %q", ZH: "time 不带参数或带 sync，不能是 %q"}, dlt645.Text{}, strings.Join(args, " "))
	}
	failed := 0
	for _, line := range p.Lines {
		m := p.witness(line.Bus().Name())
		if m == nil {
			continue
		}
		r := p.Desk.Do(ctx, meter.Command{Op: meter.OpTime, Meter: m})
		switch r.Outcome {
		case meter.Done:
			say(p.done(dlt645.Text{EN: "done: broadcast on %s, and the clock of %s shows it; read METER clock.offset tells others", ZH: "已完成：已在 %s 广播校时，%s 的时钟已更新；其他电表可 read METER clock.offset 查看"}, m.Bus, m.Name))
		default:
			failed++
			say(p.done(dlt645.Text{EN: "bus %s: %s\n  meters ignore a time near midnight, when over 5 minutes off, and a second time a\n  day; read METER clock.offset tells", ZH: "总线 %s：%s\n  临近午夜、偏差超过 5 分钟、当日第二次时电表会忽略；可 read METER clock.offset 查看"}, m.Bus, r.Text.In(p.Config.Gateway.Language)))
		}
	}
	if failed > 0 {
		return nil, console.Tell(dlt645.Text{EN: "not confirmed on %d of %d buses", ZH: "%[2]d 条总线中有 %[1]d 条未确认"}, dlt645.Text{}, failed, len(p.Lines))
	}
	return nil, nil
}

// witness gives a meter of a line whose clock shows whether a time was taken:
// one that answers, if there is one.
func (p *Panel) witness(bus string) *meter.Handle {
	online := map[dlt645.Address]bool{}
	for _, s := range p.meters() {
		online[s.Address] = s.Online
	}
	var any *meter.Handle
	for _, m := range p.Config.Meters {
		if m.Bus == bus && (any == nil || online[m.Address] && !online[any.Address]) {
			any = m.Handle
		}
	}
	return any
}

func (p *Panel) anyBus() string {
	if len(p.Lines) > 0 {
		return p.Lines[0].Bus().Name()
	}
	return "BUS"
}

func (p *Panel) lineOf(bus string) (*meter.Poller, error) {
	for _, line := range p.Lines {
		if line.Bus().Name() == bus {
			return line, nil
		}
	}
	return nil, console.Tell(dlt645.Text{EN: "there is no bus %q", ZH: "没有总线 %q"}, dlt645.Text{EN: "try: status", ZH: "请试：status"}, bus)
}

// scanTold is how often is told how far a search is: its console may be a slow
// line.
const scanTold = time.Second

// scanBus searches a line for meters while it is polled.
func (p *Panel) scanBus(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	if len(args) == 0 {
		return nil, console.Tell(dlt645.Text{EN: "scan takes a bus", ZH: "scan 需要总线名称"}, dlt645.Text{EN: "try: scan " + p.anyBus(), ZH: "请试：scan " + p.anyBus()})
	}
	line, err := p.lineOf(args[0])
	if err != nil {
		return nil, err
	}
	var bauds []int
	for _, s := range args[1:] {
		n, err := strconv.Atoi(s)
		if err != nil || n < 300 || n > 115200 {
			return nil, console.Tell(dlt645.Text{EN: "%q is no rate", ZH: "%q 不是波特率"}, dlt645.Text{EN: "300 to 115200", ZH: "300 至 115200"}, s)
		}
		bauds = append(bauds, n)
	}
	found := 0
	var told time.Time
	err = meter.Scan(ctx, meter.ScanConfig{
		Bus: line.Bus(), Bauds: bauds,
		Found: func(f meter.Discovery) {
			found++
			say(explain.Found{Discovery: f, Bus: args[0]})
		},
		Progress: func(at meter.Progress) {
			if now := time.Now(); now.Sub(told) >= scanTold {
				told = now
				say(console.Passing{Answer: console.Line{Value: explain.ScanText(at, found).In(p.Config.Gateway.Language)}})
			}
		},
	})
	if err != nil {
		return nil, err
	}
	return p.done(dlt645.Text{EN: "%d found", ZH: "找到 %d 块"}, found), nil
}

// learnedText tells what was learned of a meter.
func learnedText(l meter.Learned) console.LearnedText {
	lacking := []string{}
	for di := range l.Lacking {
		lacking = append(lacking, di)
	}
	slices.Sort(lacking)
	return console.NewLearned(l.Protocol, l.Number, l.Preamble.Text(), lacking, l.Widths)
}
