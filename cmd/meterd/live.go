package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"meterd/board"
	"meterd/cmd/meterd/console"
	"meterd/dlt645"
	"meterd/meter"
)

// The console's commands that go to the meters.

// byConsole is who asked, in the record of what was done.
const byConsole = "console"

// find gives the poller and address of a meter by name or address.
func (d *daemon) find(who string) (*meter.Poller, dlt645.Address, error) {
	for _, p := range d.pollers {
		if a, ok := p.Find(who); ok {
			return p, a, nil
		}
	}
	return nil, dlt645.Address{}, console.Tell(dlt645.Text{EN: "there is no meter %q", ZH: "没有电表 %q"}, tryMeters, who)
}

func (d *daemon) readLive(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	if len(args) < 2 {
		return nil, console.Tell(dlt645.Text{EN: "read takes a meter, and points or data identifiers", ZH: "read 需要电表以及测点或数据标识"},
			dlt645.Text{EN: "try: read " + d.anyMeter() + " voltage", ZH: "请试：read " + d.anyMeter() + " voltage"})
	}
	p, a, err := d.find(args[0])
	if err != nil {
		return nil, err
	}
	reqs, err := d.wanted(p, a, args[1:])
	if err != nil {
		return nil, err
	}
	r := liveReader{ctx: ctx, poller: p, points: d.config.Points, language: d.config.Gateway.Language}
	for _, req := range reqs {
		for _, it := range r.read(a, req) {
			say(it)
		}
	}
	if r.failed > 0 {
		return nil, console.Tell(dlt645.Text{EN: "%d of %d reads failed", ZH: "%d 项失败，共 %d 项"}, dlt645.Text{}, r.failed, len(reqs))
	}
	return nil, nil
}

func (d *daemon) anyMeter() string {
	if len(d.config.Meters) > 0 {
		return strconv.Quote(d.config.Meters[0].Name)
	}
	return "METER"
}

func (d *daemon) wanted(p *meter.Poller, a dlt645.Address, words []string) ([]meter.Request, error) {
	var out []meter.Request
	for _, w := range words {
		if di, err := dlt645.ParseDI(w); err == nil {
			out = append(out, meter.Request{DI: di})
			continue
		}
		points, ok := d.config.Points.Expand(w)
		if !ok {
			return nil, console.Tell(dlt645.Text{EN: "%q is neither a point nor a data identifier", ZH: "%q 既不是测点也不是数据标识"},
				dlt645.Text{EN: "8 hexadecimal digits for 2007, 4 for 1997, or a name such as voltage.a", ZH: "2007 为 8 位十六进制，1997 为 4 位，或如 voltage.a 的名称"}, w)
		}
		reqs, err := p.PlanFor(a, points)
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

// liveReader reads by the poller of a line that is in use.
type liveReader struct {
	ctx      context.Context
	poller   *meter.Poller
	points   *meter.Points
	language string
	failed   int
}

// liveItem is an item for the console.
type liveItem struct {
	itemJSON
	language string
}

// Text tells the item in one line.
func (it liveItem) Text(string) string { return it.line() }

// MarshalJSON gives the shape of `read -json`.
func (it liveItem) MarshalJSON() ([]byte, error) { return it.itemJSON.marshal() }

func (r *liveReader) read(a dlt645.Address, req meter.Request) []liveItem {
	res, err := r.poller.ReadNow(r.ctx, a, req.DI)
	items := itemsOf(a, req.DI, res, err, r.points, r.language)
	if refusedBlock(req, items) {
		items = nil
		for _, p := range req.Points {
			res, err := r.poller.ReadNow(r.ctx, a, p.DI)
			items = append(items, itemsOf(a, p.DI, res, err, r.points, r.language)...)
		}
	}
	var out []liveItem
	for _, it := range items {
		if it.err != nil {
			r.failed++
		}
		out = append(out, liveItem{it, r.language})
	}
	return out
}

// timeCommand tells the clock, or broadcasts it.
func (d *daemon) timeCommand(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	if len(args) == 0 {
		return d.timeDetail(), nil
	}
	if len(args) != 1 || args[0] != "sync" {
		return nil, console.Tell(dlt645.Text{EN: "time takes nothing or sync, not %q", ZH: "time 不带参数或带 sync，不能是 %q"}, dlt645.Text{}, strings.Join(args, " "))
	}
	for _, p := range d.pollers {
		if err := p.SyncTime(ctx, byConsole); err != nil {
			return nil, console.Tell(dlt645.Text{EN: "bus %s: %v", ZH: "总线 %s：%v"}, dlt645.Text{}, p.Bus().Name(), err)
		}
		say(d.done(dlt645.Text{EN: "broadcast on %s\n  meters may ignore it: near midnight, when over 5 minutes off, a second time a\n  day; read METER clock.offset tells", ZH: "已在 %s 广播校时\n  电表可能忽略：临近午夜、偏差超过 5 分钟、当日第二次；可 read METER clock.offset 查看"}, p.Bus().Name()))
	}
	return nil, nil
}

func (d *daemon) anyBus() string {
	if len(d.pollers) > 0 {
		return d.pollers[0].Bus().Name()
	}
	return "BUS"
}

func (d *daemon) pollerOf(bus string) (*meter.Poller, error) {
	for _, p := range d.pollers {
		if p.Bus().Name() == bus {
			return p, nil
		}
	}
	return nil, console.Tell(dlt645.Text{EN: "there is no bus %q", ZH: "没有总线 %q"}, dlt645.Text{EN: "try: status", ZH: "请试：status"}, bus)
}

// scanBus searches a line for meters while it is polled.
func (d *daemon) scanBus(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	if len(args) == 0 {
		return nil, console.Tell(dlt645.Text{EN: "scan takes a bus", ZH: "scan 需要总线名称"}, dlt645.Text{EN: "try: scan " + d.anyBus(), ZH: "请试：scan " + d.anyBus()})
	}
	p, err := d.pollerOf(args[0])
	if err != nil {
		return nil, err
	}
	var bauds []int
	for _, s := range args[1:] {
		n, err := strconv.Atoi(s)
		if err != nil || n < 300 || n > 19200 {
			return nil, console.Tell(dlt645.Text{EN: "%q is no rate", ZH: "%q 不是波特率"}, dlt645.Text{EN: "300 to 19200", ZH: "300 至 19200"}, s)
		}
		bauds = append(bauds, n)
	}
	found := 0
	err = meter.Scan(ctx, meter.ScanConfig{Bus: p.Bus(), Bauds: bauds, Found: func(f meter.Discovery) {
		found++
		say(scanned{f, args[0]})
	}})
	if err != nil {
		return nil, err
	}
	return d.done(dlt645.Text{EN: "%d found", ZH: "找到 %d 块"}, found), nil
}

// scanned is a meter that a scan found.
type scanned struct {
	meter.Discovery
	bus string
}

// MarshalJSON gives the shape of `scan -json`.
func (s scanned) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"address":%q,"protocol":%q,"baud":%d,"ms":%v}`, s.Address, s.Protocol, s.Baud, millis(s.Took)), nil
}

// Text gives the [[meter]] that the configuration needs.
func (s scanned) Text(string) string {
	return fmt.Sprintf("[[meter]]\nname     = %q\nbus      = %q\naddress  = %q\nprotocol = %q\nprofile  = \"three-phase\"   # %d baud, answered in %.0f ms\n\n",
		"meter "+s.Address.String()[6:], s.bus, s.Address, s.Protocol, s.Baud, millis(s.Took))
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

// openBoardPort opens a port by the words of a command line.
func openBoardPort(port string, baud int, parity string) (meter.Port, error) {
	if board.IsTCP(port) {
		return board.OpenTCP(port)
	}
	return board.OpenSerial(board.SerialConfig{Path: port, Baud: baud, Parity: parity})
}
