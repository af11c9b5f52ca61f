package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"meterd/cmd/meterd/console"
	"meterd/dlt645"
	"meterd/meter"
)

// commands is the console's table of commands.
func (d *daemon) commands() console.Commands {
	simple := func(f func() console.Answer) func(context.Context, []string, func(console.Answer)) (console.Answer, error) {
		return func(_ context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
			if len(args) > 0 {
				return nil, console.Tell(dlt645.Text{EN: "%q is too much: the command takes no argument", ZH: "多余的参数 %q：该命令不带参数"}, tryHelp, args[0])
			}
			return f(), nil
		}
	}
	return console.Commands{Gateway: d.config.Gateway.ID, Version: version, Language: d.config.Gateway.Language, PIN: d.config.Console.PIN, Log: func(err error) { d.log.Error("no console", "err", err) }, List: []console.Command{
		{Name: "status", Help: dlt645.Text{EN: "the whole board, worst first", ZH: "全板状态一屏，问题在前"}, Run: simple(func() console.Answer { return d.status() })},
		{Name: "meters", Help: dlt645.Text{EN: "a line for each meter", ZH: "每块电表一行"}, Run: simple(func() console.Answer { return d.meterList() })},
		{Name: "meter", Args: "NAME|ADDRESS", Help: dlt645.Text{EN: "one meter, and its last values", ZH: "一块电表的全部信息和最近数值"}, Run: d.meterDetail, Words: d.meterWords},
		{Name: "read", Args: "NAME|ADDRESS POINT|DI…", Help: dlt645.Text{EN: "live, in turn with the poller", ZH: "实时抄读，与轮询轮流占用总线"}, Run: d.readLive, Words: d.pointWords, Slow: true},
		{Name: "scan", Args: "BUS [BAUD…]", Help: dlt645.Text{EN: "finds meters", ZH: "搜索电表"}, Run: d.scanBus, Words: d.busWords, Slow: true},
		{Name: "trace", Args: "[BUS] [-n N] [-f]", Help: dlt645.Text{EN: "the last frames, explained; -f follows", ZH: "最近的帧及解释；-f 继续跟踪"}, Run: d.traceBus, Words: d.traceWords, Slow: true},
		{Name: "relay", Args: "NAME trip|permit|close [-yes]", Help: dlt645.Text{EN: "switches a meter, and sees that it did", ZH: "拉合闸并确认"}, Run: d.switchRelay, Words: d.relayWords, Slow: true, Changes: console.Always},
		{Name: "plot", Args: "NAME [POINT|answers] [-h HOURS]", Help: dlt645.Text{EN: "a point over a day, or answer times", ZH: "最近一天的曲线，或应答时间分布"}, Run: d.plot, Words: d.plotWords, Slow: true},
		{Name: "write", Args: "NAME DI|POINT VALUE [-yes]", Help: dlt645.Text{EN: "writes a value, and reads it back", ZH: "写入数据并回读"}, Run: d.writeMeter, Words: d.writeWords, Slow: true, Changes: console.Always},
		{Name: "freeze", Args: "NAME [-yes]", Help: dlt645.Text{EN: "freezes a meter's registers at once", ZH: "瞬时冻结"}, Run: d.freezeMeter, Words: d.meterYesWords, Slow: true, Changes: console.Always},
		{Name: "demand-reset", Args: "NAME [-yes]", Help: dlt645.Text{EN: "sets the maximum demands to zero", ZH: "最大需量清零"}, Run: d.resetDemand, Words: d.meterYesWords, Slow: true, Changes: console.Always},
		{Name: "time", Args: "[sync]", Help: dlt645.Text{EN: "the clock; sync tells it to the meters", ZH: "时钟；sync 向电表广播校时"}, Run: d.timeCommand, Words: choice("sync"), Slow: true, Changes: func(args []string) bool { return len(args) > 0 }},
		{Name: "config", Args: "[reload]", Help: dlt645.Text{EN: "what runs; reload takes the file over", ZH: "当前配置；reload 采用修改后的文件"}, Run: d.configCommand, Words: choice("reload"), Slow: true, Changes: func(args []string) bool { return len(args) > 0 }},
		{Name: "log", Args: "[-n N] [-f] [-e]", Help: dlt645.Text{EN: "the log; -f follows, -e errors on flash", ZH: "日志；-f 继续跟踪，-e 闪存中的错误"}, Run: d.showLog, Words: choice("-n", "-f", "-e"), Slow: true},
		{Name: "uplinks", Help: dlt645.Text{EN: "the platforms", ZH: "各上行平台"}, Run: simple(func() console.Answer { return d.uplinkList() })},
		{Name: "uplink", Args: "NAME", Help: dlt645.Text{EN: "one platform: what waits, refusals by code", ZH: "某一平台：待发、按代码的拒收"}, Run: d.uplinkDetail, Words: d.uplinkWords},
		{Name: "ring", Help: dlt645.Text{EN: "the store, and what each uplink has left", ZH: "存储及各上行的积压"}, Run: simple(func() console.Answer { return d.ringDetail() })},
		{Name: "reboot", Args: "[-yes]", Help: dlt645.Text{EN: "starts the board anew", ZH: "重启本板"}, Run: d.reboot, Words: choice("-yes"), Slow: true, Changes: console.Always},
		{Name: "version", Help: dlt645.Text{EN: "the version", ZH: "版本"}, Run: simple(func() console.Answer { return console.Line{Value: version} })},
	}}
}

func (d *daemon) status() console.Status {
	now := time.Now()
	s := console.Status{
		Gateway: d.config.Gateway.ID, Version: version, Uptime: int64(now.Sub(d.started).Seconds()), Now: now,
		Clock:  d.clockStatus(now),
		Buses:  []console.BusStatus{},
		Meters: d.meterList().List, Uplinks: d.uplinkList().List, Ring: d.ringStatus(), Watchdog: d.watchdogStatus(), Config: d.configStatus(),
	}
	for i, p := range d.pollers {
		s.Buses = append(s.Buses, d.busStatus(p, d.portOf(i), now))
	}
	return s
}

// portOf gives the port of a poller's bus.
func (d *daemon) portOf(poller int) string {
	name := d.pollers[poller].Bus().Name()
	for _, b := range d.config.Buses {
		if b.Name == name {
			return b.Port
		}
	}
	return ""
}

func (d *daemon) busStatus(p *meter.Poller, port string, now time.Time) console.BusStatus {
	b := p.Bus()
	c := b.Counts()
	return console.BusStatus{
		Name: b.Name(), Port: port, Load: b.Load(now), Planned: p.PlannedLoad(), Requests: c.Requests, Answers: c.Answers,
		Noise: c.Noise, Silence: c.Silence, Refusals: c.Refusals, Retries: c.Retries, Late: c.Late, Echoes: c.Echoes, PortErrors: c.PortErrors, PortErr: c.PortErr,
	}
}

func (d *daemon) meterList() console.Meters {
	m := console.Meters{List: []console.MeterStatus{}, Now: time.Now().In(d.config.Gateway.Zone)}
	for _, s := range d.meters() {
		m.List = append(m.List, meterStatus(s))
	}
	return m
}

func meterStatus(s meter.MeterState) console.MeterStatus {
	m := console.MeterStatus{
		Name: s.Name, Address: s.Address.String(), Bus: s.Bus, Online: s.Online, Asked: s.Known,
		Rounds: s.Rounds, Lost: s.Lost, Missed: s.Missed, LastErr: s.LastErr, LastGood: known(s.LastGood),
		Requests: s.Requests, Answers: s.Answers, Refusals: s.Refusals, Silence: s.Silence, Noise: s.Noise, Retries: s.Retries,
		P50: millis(s.P50), P90: millis(s.P90), P99: millis(s.P99),
	}
	if s.Rounds > 0 {
		m.Success = float64(s.Rounds-s.Lost) / float64(s.Rounds)
	}
	return m
}

func millis(d time.Duration) float64 {
	return float64(d.Round(100*time.Microsecond).Microseconds()) / 1000
}

// known gives nil for a time that never was.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (d *daemon) meterDetail(_ context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	if len(args) != 1 {
		return nil, console.Tell(dlt645.Text{EN: "meter takes a name or an address", ZH: "meter 需要名称或地址"}, tryMeters)
	}
	all := d.meters()
	i := slices.IndexFunc(all, func(s meter.MeterState) bool { return s.Name == args[0] || s.Address.String() == args[0] })
	if i < 0 {
		return nil, console.Tell(dlt645.Text{EN: "there is no meter %q", ZH: "没有电表 %q"}, tryMeters, args[0])
	}
	s := all[i]
	detail := console.MeterDetail{MeterStatus: meterStatus(s), ReadAt: known(s.ReadAt), Values: []console.PointValue{}, Now: time.Now().In(d.config.Gateway.Zone)}
	for _, p := range d.pollers {
		for _, l := range p.Learned() {
			if l.Address == s.Address.String() {
				detail.Learned = learnedText(l)
			}
		}
	}
	for _, v := range s.Values {
		p, _ := d.config.Points.Lookup(v.Point)
		detail.Values = append(detail.Values, console.PointValue{Point: v.Point, Value: v.Value.String(), Unit: p.Unit})
	}
	return detail, nil
}

func (d *daemon) uplinkList() console.Uplinks {
	list := console.Uplinks{List: []console.UplinkStatus{}, Now: time.Now().In(d.config.Gateway.Zone)}
	for _, u := range d.uplinks {
		s := u.State()
		us := console.UplinkStatus{
			Name: s.Name, Kind: s.Kind, Connected: s.Connected, Since: s.Since, Queued: s.Queued, Outstanding: s.Outstanding,
			Acked: s.Counts.Acked, Resent: s.Counts.Resent, Refused: s.Counts.Refused, Withheld: s.Counts.Withheld, Lost: s.Counts.Lost,
			Undated: s.Counts.Undated, Cursor: s.Cursor, Codes: s.Counts.Codes, LastErr: s.LastErr, Hint: s.Hint,
			RTT50: millis(s.Counts.Trips.Percentile(0.5)), RTT99: millis(s.Counts.Trips.Percentile(0.99)), LastRefusal: s.Counts.LastRefusal, Unregistered: []string{},
		}
		for a, why := range s.Unregistered {
			us.Unregistered = append(us.Unregistered, fmt.Sprintf("%s: %s", a, why))
		}
		slices.Sort(us.Unregistered)
		if s.Queued > 0 {
			us.Oldest = d.timeOf(s.Cursor)
		}
		list.List = append(list.List, us)
	}
	return list
}

func (d *daemon) uplinkDetail(_ context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	if len(args) != 1 {
		return nil, console.Tell(dlt645.Text{EN: "uplink takes a name", ZH: "uplink 需要上行名称"}, dlt645.Text{EN: "try: uplinks", ZH: "请试：uplinks"})
	}
	all := d.uplinkList()
	i := slices.IndexFunc(all.List, func(u console.UplinkStatus) bool { return u.Name == args[0] })
	if i < 0 {
		return nil, console.Tell(dlt645.Text{EN: "there is no uplink %q", ZH: "没有上行 %q"}, dlt645.Text{EN: "try: uplinks", ZH: "请试：uplinks"}, args[0])
	}
	return console.UplinkDetail{UplinkStatus: all.List[i], Now: all.Now}, nil
}

func (d *daemon) ringStatus() console.RingStatus {
	s := d.ring.Stats()
	r := console.RingStatus{
		Capacity: s.CapacityBytes, Used: s.UsedBytes, First: s.First, Last: s.Last, Lost: s.Dropped + int(d.dropped.Load()),
		Corrupt: s.Corrupt, Written: s.BytesWritten, Waiting: s.Waiting, LastErr: s.LastErr, Holds: int64(s.Holds.Seconds()),
	}
	most := 0
	for _, n := range s.Lost {
		most = max(most, n)
	}
	r.Lost += most
	return r
}

// ringLook is how long a look into the ring may take before it is given up:
// what the console tells must not wait for a flash that hangs.
const ringLook = 300 * time.Millisecond

// timeOf gives the time of the record behind a number; nil if there is none
// that has one, or the ring does not answer.
func (d *daemon) timeOf(after uint64) *time.Time {
	found := make(chan *time.Time, 1)
	go func() {
		rd := d.ring.NewReader(after)
		for range 4 { // a gap or two may stand before it
			e, ok := rd.Next()
			if !ok {
				break
			}
			if e.Gap == nil {
				found <- d.stampOf(e.Data)
				return
			}
		}
		found <- nil
	}()
	select {
	case at := <-found:
		return at
	case <-time.After(ringLook):
		return nil
	}
}

// stampOf gives a record's time in the board's zone; nil where the clock was
// not trusted.
func (d *daemon) stampOf(record []byte) *time.Time {
	var at time.Time
	if meter.IsEvent(record) {
		var e meter.Event
		if e.UnmarshalBinary(record) != nil || !e.Trusted {
			return nil
		}
		at = e.Time
	} else {
		var r meter.Reading
		if r.UnmarshalBinary(record) != nil || !r.Trusted {
			return nil
		}
		at = r.Time
	}
	at = at.In(d.config.Gateway.Zone)
	return &at
}

func (d *daemon) configStatus() console.ConfigStatus {
	v := d.view()
	return console.ConfigStatus{State: v.state.String(), Until: known(v.until), Says: v.text}
}

func (d *daemon) ringDetail() console.Ring {
	r := console.Ring{RingStatus: d.ringStatus(), Cursors: []console.CursorStatus{}}
	if r.Last >= r.First && r.First > 0 {
		r.OldestAt, r.NewestAt = d.timeOf(r.First-1), d.timeOf(r.Last-1)
	}
	for _, u := range d.uplinks {
		s := u.State()
		r.Cursors = append(r.Cursors, console.CursorStatus{Name: s.Name, Cursor: s.Cursor, Queued: s.Queued, Lost: s.Counts.Lost})
	}
	return r
}
