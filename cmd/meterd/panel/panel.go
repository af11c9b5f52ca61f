// Package panel is what the console shows and takes: the table of its commands,
// and the answers of each.
//
// A Panel owns nothing; it looks at the parts of the board that run, each of
// which guards its own state, and asks the desk for whatever goes to a meter.
// It never waits for a flash that hangs and never shows a secret.
package panel

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/desk"
	"meterd/cmd/meterd/explain"
	"meterd/cmd/meterd/journal"
	"meterd/cmd/meterd/record"
	"meterd/cmd/meterd/takeover"
	"meterd/cmd/meterd/update"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
)

// Panel is what the console of one configuration looks at.
type Panel struct {
	Version  string
	Started  time.Time // of the program
	Config   *config.Config
	Lines    []*meter.Poller
	Uplinks  []*uplink.Uplink
	Desk     *desk.Desk
	Ring     *store.Ring
	Dropped  func() int // records that the ring did not take
	Clock    *board.Clock
	Journal  *journal.Journal
	Takeover *takeover.Takeover
	Watchdog func() console.WatchdogStatus
	Save     func()         // writes what was learned of the meters
	Unkept   func() *string // why the state could not be kept last; nil: it was
	Restart  func() error   // starts the board anew
	Update   func() update.View
	// TakeUpdate takes an update file of the board's own. The program ends a moment
	// later, so that what it brings starts.
	TakeUpdate func(ctx context.Context, path string) (update.Facts, error)
	Doctor     *board.Doctor
	Why        string // the program was started, see console.HealthStatus
	Log        *slog.Logger
}

// Commands is the console's table of commands.
func (p *Panel) Commands() console.Commands {
	simple := func(f func() console.Answer) func(context.Context, []string, func(console.Answer)) (console.Answer, error) {
		return func(_ context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
			if len(args) > 0 {
				return nil, console.Tell(dlt645.Text{EN: "%q is too much: the command takes no argument", ZH: "多余的参数 %q：该命令不带参数"}, tryHelp, args[0])
			}
			return f(), nil
		}
	}
	return console.Commands{Gateway: p.Config.Gateway.ID, Version: p.Version, Language: p.Config.Gateway.Language, PIN: p.Config.Console.PIN, Log: func(err error) { p.Log.Error("no console", "err", err) }, List: []console.Command{
		{Name: "status", Help: dlt645.Text{EN: "the whole board, worst first", ZH: "全板状态一屏，问题在前"}, Run: simple(func() console.Answer { return p.Status() })},
		{Name: "meters", Help: dlt645.Text{EN: "a line for each meter", ZH: "每块电表一行"}, Run: simple(func() console.Answer { return p.meterList() })},
		{Name: "meter", Args: "NAME|ADDRESS", Help: dlt645.Text{EN: "one meter, and its last values", ZH: "一块电表的全部信息和最近数值"}, Run: p.meterDetail, Words: p.meterWords},
		{Name: "read", Args: "NAME|ADDRESS POINT|DI…", Help: dlt645.Text{EN: "live, in turn with the poller", ZH: "实时抄读，与轮询轮流占用总线"}, Run: p.readLive, Words: p.pointWords, Slow: true},
		{Name: "scan", Args: "BUS [BAUD…]", Help: dlt645.Text{EN: "finds meters", ZH: "搜索电表"}, Run: p.scanBus, Words: p.busWords, Slow: true, Changes: console.Always},
		{Name: "trace", Args: "[BUS] [-n N] [-f]", Help: dlt645.Text{EN: "the last frames, explained; -f follows", ZH: "最近的帧及解释；-f 继续跟踪"}, Run: p.traceBus, Words: p.traceWords, Slow: true},
		{Name: "relay", Args: "NAME trip|permit|close [-yes]", Help: dlt645.Text{EN: "switches a meter, and sees that it did", ZH: "拉合闸并确认"}, Run: p.switchRelay, Words: p.relayWords, Slow: true, Changes: console.Always},
		{Name: "plot", Args: "NAME [POINT|answers] [-h HOURS]", Help: dlt645.Text{EN: "a point over a day, or answer times", ZH: "最近一天的曲线，或应答时间分布"}, Run: p.plot, Words: p.plotWords, Slow: true},
		{Name: "history", Args: "[NAME|fetch NAME] [-days N]", Help: dlt645.Text{EN: "how whole the record is; fetch makes up", ZH: "记录完整性；fetch 补抄"}, Run: p.recordHistory, Words: p.historyWords, Slow: true},
		{Name: "write", Args: "NAME DI|POINT VALUE [-yes]", Help: dlt645.Text{EN: "writes a value, and reads it back", ZH: "写入数据并回读"}, Run: p.writeMeter, Words: p.writeWords, Slow: true, Changes: console.Always},
		{Name: "freeze", Args: "NAME [-yes]", Help: dlt645.Text{EN: "freezes a meter's registers at once", ZH: "瞬时冻结"}, Run: p.freezeMeter, Words: p.meterYesWords, Slow: true, Changes: console.Always},
		{Name: "demand-reset", Args: "NAME [-yes]", Help: dlt645.Text{EN: "sets the maximum demands to zero", ZH: "最大需量清零"}, Run: p.resetDemand, Words: p.meterYesWords, Slow: true, Changes: console.Always},
		{Name: "time", Args: "[sync]", Help: dlt645.Text{EN: "the clock; sync tells it to the meters", ZH: "时钟；sync 向电表广播校时"}, Run: p.timeCommand, Words: choice("sync"), Slow: true, Changes: func(args []string) bool { return len(args) > 0 }},
		{Name: "config", Args: "[reload]", Help: dlt645.Text{EN: "what runs; reload takes the file over", ZH: "当前配置；reload 采用修改后的文件"}, Run: p.configCommand, Words: choice("reload"), Slow: true, Changes: func(args []string) bool { return len(args) > 0 }},
		{Name: "log", Args: "[-n N] [-f] [-e]", Help: dlt645.Text{EN: "the log; -f follows, -e errors on flash", ZH: "日志；-f 继续跟踪，-e 闪存中的错误"}, Run: p.showLog, Words: choice("-n", "-f", "-e"), Slow: true},
		{Name: "uplinks", Help: dlt645.Text{EN: "the platforms", ZH: "各上行平台"}, Run: simple(func() console.Answer { return p.uplinkList() })},
		{Name: "uplink", Args: "NAME", Help: dlt645.Text{EN: "one platform: what waits, refusals by code", ZH: "某一平台：待发、按代码的拒收"}, Run: p.uplinkDetail, Words: p.uplinkWords},
		{Name: "ring", Help: dlt645.Text{EN: "the store, and what each uplink has left", ZH: "存储及各上行的积压"}, Run: simple(func() console.Answer { return p.ringDetail() })},
		{Name: "reboot", Args: "[-yes]", Help: dlt645.Text{EN: "starts the board anew", ZH: "重启本板"}, Run: p.reboot, Words: choice("-yes"), Slow: true, Changes: console.Always},
		{Name: "version", Args: "[update [FILE]]", Help: dlt645.Text{EN: "of the program; update FILE takes another", ZH: "程序版本；update FILE 装入新程序"}, Run: p.version, Words: choice("update"), Slow: true, Changes: func(args []string) bool { return len(args) > 1 }},
	}}
}

// Status sums the whole board up.
func (p *Panel) Status() console.Status {
	now := time.Now()
	s := console.Status{
		Gateway: p.Config.Gateway.ID, Version: p.Version, Uptime: int64(now.Sub(p.Started).Seconds()), Now: now,
		Clock:  p.clockStatus(now),
		Unkept: p.unkept(),
		Buses:  []console.BusStatus{},
		Meters: p.meterList().List, Uplinks: p.uplinkList().List, Ring: p.ringStatus(), Watchdog: p.Watchdog(), Config: p.configStatus(),
		Record: p.RecordStatus(now), Program: p.programStatus(),
	}
	s.Health, s.Network = p.Health(now), p.network()
	for _, line := range p.Lines {
		s.Buses = append(s.Buses, busStatus(line, p.portOf(line.Bus().Name()), now))
	}
	return s
}

// Health tells how the board itself is.
func (p *Panel) Health(now time.Time) console.HealthStatus {
	h := console.HealthStatus{Started: p.Why, BoardUptime: int64(board.Uptime().Seconds()), DataInMemory: board.DataInMemory()}
	if p.Why == console.StartedBoard && p.Watchdog().BootCause == "watchdog" {
		h.Started = console.StartedWatch
	}
	if p.Doctor == nil {
		return h
	}
	look := p.Doctor.Look(now)
	h.MemoryTotal, h.MemoryAvailable, h.MemoryUsed = look.MemoryTotal, look.MemoryAvailable, look.MemoryUsed
	if look.CPUKnown {
		h.CPU = &look.CPU
	}
	if look.TemperatureKnown {
		h.Temperature = dlt645.Decimal{Coef: int64(look.Temperature / 100), Scale: 1}.String()
	}
	return h
}

// unkept tells why the state could not be kept.
func (p *Panel) unkept() string {
	if p.Unkept == nil {
		return ""
	}
	if why := p.Unkept(); why != nil {
		return *why
	}
	return ""
}

// portOf gives the port of a bus.
func (p *Panel) portOf(bus string) string {
	for _, b := range p.Config.Buses {
		if b.Name == bus {
			return b.Port
		}
	}
	return ""
}

// otherFor is how long another protocol counts as being on a line after its last
// frame.
const otherFor = time.Hour

func busStatus(p *meter.Poller, port string, now time.Time) console.BusStatus {
	b := p.Bus()
	c := b.Counts()
	if now.Sub(c.OtherAt) > otherFor {
		c.Other = ""
	}
	return console.BusStatus{
		Name: b.Name(), Port: port, Load: b.Load(now), Planned: p.PlannedLoad(), Requests: c.Requests, Answers: c.Answers,
		Noise: c.Noise, Garbled: c.Garbled, Silence: c.Silence, Refusals: c.Refusals, Retries: c.Retries, Late: c.Late, Echoes: c.Echoes, Other: c.Other, PortErrors: c.PortErrors, PortErr: c.PortErr,
	}
}

func (p *Panel) meters() []meter.MeterState {
	var all []meter.MeterState
	for _, line := range p.Lines {
		all = append(all, line.Meters()...)
	}
	return all
}

func (p *Panel) meterList() console.Meters {
	m := console.Meters{List: []console.MeterStatus{}, Now: time.Now().In(p.Config.Gateway.Zone)}
	for _, s := range p.meters() {
		m.List = append(m.List, meterStatus(s))
	}
	return m
}

func meterStatus(s meter.MeterState) console.MeterStatus {
	m := console.MeterStatus{
		Name: s.Name, Address: s.Address.String(), Bus: s.Bus, Online: s.Online, Asked: s.Known,
		Rounds: s.Rounds, Lost: s.Lost, Missed: s.Missed, LastErr: s.LastErr, LastGood: known(s.LastGood),
		Requests: s.Requests, Answers: s.Answers, Refusals: s.Refusals, Silence: s.Silence, Noise: s.Noise, Foreign: s.Foreign, Retries: s.Retries, Late: explain.Millis(s.Late),
		P50: explain.Millis(s.P50), P90: explain.Millis(s.P90), P99: explain.Millis(s.P99),
	}
	for _, v := range s.Values {
		if v.Point == "relay" {
			m.Relay = v.Value.String()
		}
	}
	if s.Rounds > 0 {
		m.Success = float64(s.Rounds-s.Lost) / float64(s.Rounds)
	}
	return m
}

// known gives nil for a time that never was.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (p *Panel) meterDetail(_ context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	if len(args) != 1 {
		return nil, console.Tell(dlt645.Text{EN: "meter takes a name or an address", ZH: "meter 需要名称或地址"}, tryMeters)
	}
	h, err := p.find(args[0])
	if err != nil {
		return nil, err
	}
	all := p.meters()
	s := all[slices.IndexFunc(all, func(s meter.MeterState) bool { return s.Address == h.Address })]
	detail := console.MeterDetail{MeterStatus: meterStatus(s), ReadAt: known(s.ReadAt), Values: []console.PointValue{}, Now: time.Now().In(p.Config.Gateway.Zone)}
	for _, line := range p.Lines {
		for _, l := range line.Learned() {
			if l.Address == s.Address.String() {
				detail.Learned = learnedText(l)
			}
		}
	}
	for _, v := range s.Values {
		point, _ := p.Config.Points.Lookup(v.Point)
		detail.Values = append(detail.Values, console.PointValue{Point: v.Point, Value: v.Value.String(), Unit: point.Unit})
	}
	return detail, nil
}

func (p *Panel) uplinkList() console.Uplinks {
	list := console.Uplinks{List: []console.UplinkStatus{}, Now: time.Now().In(p.Config.Gateway.Zone)}
	ring := p.Ring.Stats()
	for _, u := range p.Uplinks {
		s := u.State()
		us := console.UplinkStatus{
			Name: s.Name, Kind: s.Kind, Broker: s.Broker, Brokers: s.Brokers, Held: s.Held, Twin: s.Twin, Connected: s.Connected, Since: s.Since, Queued: s.Queued, Outstanding: s.Outstanding,
			Acked: s.Counts.Acked, Resent: s.Counts.Resent, Refused: s.Counts.Refused, SetAside: s.Counts.SetAside, LastAside: s.Counts.LastAside, Withheld: s.Counts.Withheld, WithheldOf: s.Counts.WithheldOf, Lost: s.Counts.Lost, Overwritten: ring.Unseen[s.Name], OverwrittenSince: known(inZone(ring.UnseenSince[s.Name], p.Config.Gateway.Zone)),
			Undated: s.Counts.Undated, Strangers: s.Counts.Strangers, Cursor: s.Cursor, Codes: s.Counts.Codes, LastErr: s.LastErr, Hint: s.Hint,
			RTT50: explain.Millis(s.Counts.Trips.Percentile(0.5)), RTT99: explain.Millis(s.Counts.Trips.Percentile(0.99)), LastRefusal: s.Counts.LastRefusal, Unregistered: []string{},
		}
		for a, why := range s.Unregistered {
			us.Unregistered = append(us.Unregistered, fmt.Sprintf("%s: %s", a, why))
		}
		slices.Sort(us.Unregistered)
		if s.Queued > 0 {
			us.Oldest = p.timeOf(s.Cursor)
		}
		list.List = append(list.List, us)
	}
	return list
}

func (p *Panel) uplinkDetail(_ context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	if len(args) != 1 {
		return nil, console.Tell(dlt645.Text{EN: "uplink takes a name", ZH: "uplink 需要上行名称"}, dlt645.Text{EN: "try: uplinks", ZH: "请试：uplinks"})
	}
	all := p.uplinkList()
	i := slices.IndexFunc(all.List, func(u console.UplinkStatus) bool { return u.Name == args[0] })
	if i < 0 {
		return nil, console.Tell(dlt645.Text{EN: "there is no uplink %q", ZH: "没有上行 %q"}, dlt645.Text{EN: "try: uplinks", ZH: "请试：uplinks"}, args[0])
	}
	return console.UplinkDetail{UplinkStatus: all.List[i], Now: all.Now}, nil
}

func (p *Panel) ringStatus() console.RingStatus {
	s := p.Ring.Stats()
	r := console.RingStatus{
		Capacity: s.CapacityBytes, Used: s.UsedBytes, First: s.First, Last: s.Last, Lost: s.Dropped + p.Dropped(),
		Corrupt: s.Corrupt, Written: s.BytesWritten, Waiting: s.Waiting, LastErr: s.LastErr, Holds: int64(s.Holds.Seconds()), Path: p.Config.Store.Path, Foreign: s.Foreign,
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

// timeOf gives the time of the record after a number; nil if there is none
// that has one, or the ring does not answer.
func (p *Panel) timeOf(after uint64) *time.Time {
	found := make(chan *time.Time, 1)
	go func() {
		at, ok := record.After(p.Ring, after)
		if !ok {
			found <- nil
			return
		}
		at = at.In(p.Config.Gateway.Zone)
		found <- &at
	}()
	select {
	case at := <-found:
		return at
	case <-time.After(ringLook):
		return nil
	}
}

func (p *Panel) configStatus() console.ConfigStatus {
	v := p.Takeover.View()
	return console.ConfigStatus{State: v.Phase.String(), Blank: p.Config.Blank, Until: known(v.Until), Says: v.Says}
}

func (p *Panel) ringDetail() console.Ring {
	r := console.Ring{RingStatus: p.ringStatus(), Cursors: []console.CursorStatus{}}
	if r.Last >= r.First && r.First > 0 {
		r.OldestAt, r.NewestAt = p.timeOf(r.First-1), p.timeOf(r.Last-1)
	}
	for _, u := range p.Uplinks {
		s := u.State()
		r.Cursors = append(r.Cursors, console.CursorStatus{Name: s.Name, Cursor: s.Cursor, Queued: s.Queued, Lost: s.Counts.Lost})
	}
	return r
}
