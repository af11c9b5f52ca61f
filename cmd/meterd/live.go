package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
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
	return nil, dlt645.Address{}, &console.Error{Text: fmt.Sprintf("there is no meter %q", who), Hint: "try: meters"}
}

func (d *daemon) readLive(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	if len(args) < 2 {
		return nil, &console.Error{Text: "read takes a meter, and points or data identifiers", Hint: "try: read " + d.anyMeter() + " voltage"}
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
		return nil, &console.Error{Text: fmt.Sprintf("%d of %d reads failed", r.failed, len(reqs))}
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
			return nil, &console.Error{Text: fmt.Sprintf("%q is neither a point nor a data identifier", w), Hint: "8 hexadecimal digits for 2007, 4 for 1997, or a name such as voltage.a"}
		}
		reqs, err := p.PlanFor(a, points)
		if err != nil {
			return nil, err
		}
		if len(reqs) == 0 {
			return nil, &console.Error{Text: fmt.Sprintf("the meter's edition has no %s", w)}
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

// switchRelay commands a relay from the console.
func (d *daemon) switchRelay(ctx context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	yes := slices.Contains(args, "-yes")
	args = slices.DeleteFunc(slices.Clone(args), func(s string) bool { return s == "-yes" })
	if len(args) != 2 {
		return nil, &console.Error{Text: "relay takes a meter and trip, permit or close", Hint: "try: relay " + d.anyMeter() + " close -yes"}
	}
	c, ok := commands1C[args[1]]
	if !ok {
		return nil, &console.Error{Text: fmt.Sprintf("%q is no command to a relay", args[1]), Hint: "trip, permit, close, alarm, alarm-off, protect, protect-off"}
	}
	p, a, err := d.find(args[0])
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(d.config.Meters, func(m config.Meter) bool { return m.Address == a && m.HasPassword }) {
		return nil, &console.Error{Text: "the configuration has no password for this meter", Hint: "add password, PA P0 P1 P2 as 8 hexadecimal digits, to its [[meter]]"}
	}
	if !yes {
		return nil, &console.Error{Text: fmt.Sprintf("this switches the power of %s: %s", args[0], c.Text().In(d.config.Gateway.Language)), Hint: "say it again with -yes"}
	}
	out, err := p.Relay(ctx, a, c, byConsole)
	if out != meter.Done {
		hint := "look at the meter: status word 3 tells its relay (read " + strconv.Quote(args[0]) + " 04000503)"
		if r, ok := errors.AsType[*dlt645.Refusal](err); ok {
			return nil, &console.Error{Text: fmt.Sprintf("%s: %s", out, r.Text().In(d.config.Gateway.Language)), Hint: "password, programming key, or the meter takes enciphered commands alone"}
		}
		return nil, &console.Error{Text: fmt.Sprintf("%s: %v", out, err), Hint: hint}
	}
	return console.Line{Value: fmt.Sprintf("%s: %s", out, c.Text().In(d.config.Gateway.Language))}, nil
}

// timeCommand tells the clock, or broadcasts it.
func (d *daemon) timeCommand(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	if len(args) == 0 {
		return d.timeDetail(), nil
	}
	if len(args) != 1 || args[0] != "sync" {
		return nil, &console.Error{Text: fmt.Sprintf("time takes nothing or sync, not %q", strings.Join(args, " "))}
	}
	for _, p := range d.pollers {
		if err := p.SyncTime(ctx, byConsole); err != nil {
			return nil, &console.Error{Text: fmt.Sprintf("bus %s: %v", p.Bus().Name(), err)}
		}
		say(console.Line{Value: fmt.Sprintf("broadcast on %s; meters may ignore it near midnight, when they are over 5 minutes off, or twice a day: see clock.offset", p.Bus().Name())})
	}
	return nil, nil
}

func (d *daemon) pollerOf(bus string) (*meter.Poller, error) {
	for _, p := range d.pollers {
		if p.Bus().Name() == bus {
			return p, nil
		}
	}
	return nil, &console.Error{Text: fmt.Sprintf("there is no bus %q", bus), Hint: "try: status"}
}

// scanBus searches a line for meters while it is polled.
func (d *daemon) scanBus(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	if len(args) == 0 {
		return nil, &console.Error{Text: "scan takes a bus", Hint: "try: scan " + d.pollers[0].Bus().Name()}
	}
	p, err := d.pollerOf(args[0])
	if err != nil {
		return nil, err
	}
	var bauds []int
	for _, s := range args[1:] {
		n, err := strconv.Atoi(s)
		if err != nil || n < 300 || n > 19200 {
			return nil, &console.Error{Text: fmt.Sprintf("%q is no rate", s), Hint: "300 to 19200"}
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
	return console.Line{Value: fmt.Sprintf("%d found", found)}, nil
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

// traceBus shows the last frames of a line, or of all, and on request those
// that follow.
func (d *daemon) traceBus(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	n, follow, name := 20, false, ""
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-f":
			follow = true
		case args[i] == "-n" && i+1 < len(args):
			var err error
			if n, err = strconv.Atoi(args[i+1]); err != nil || n < 0 {
				return nil, &console.Error{Text: fmt.Sprintf("-n %s is no number", args[i+1])}
			}
			i++
		case name == "" && !strings.HasPrefix(args[i], "-"):
			name = args[i]
		default:
			return nil, &console.Error{Text: fmt.Sprintf("%q is too much", args[i]), Hint: "trace [BUS] [-n N] [-f]"}
		}
	}
	pollers := d.pollers
	if name != "" {
		p, err := d.pollerOf(name)
		if err != nil {
			return nil, err
		}
		pollers = []*meter.Poller{p}
	}
	for _, p := range pollers {
		watch, stop := p.Bus().Watch()
		defer stop()
		recent := p.Bus().Recent()
		recent = recent[max(0, len(recent)-n):]
		last := time.Time{}
		for _, t := range recent {
			say(d.traced(t, last))
			last = t.At
		}
		if !follow {
			continue
		}
		for {
			select {
			case <-ctx.Done():
				return nil, nil
			case t := <-watch:
				say(d.traced(t, last))
				last = t.At
			}
		}
	}
	return nil, nil
}

// tracedFrame is what passed on a line.
type tracedFrame struct {
	Bus    string `json:"bus"`
	Time   string `json:"time"`
	Micros int64  `json:"us"` // since the one before
	Sent   bool   `json:"sent"`
	Hex    string `json:"hex"`
	Says   string `json:"says"`
}

func (d *daemon) traced(t meter.Trace, last time.Time) tracedFrame {
	f := tracedFrame{Bus: t.Bus, Time: t.At.In(d.config.Gateway.Zone).Format("15:04:05.000000"), Sent: t.Sent, Hex: fmt.Sprintf("% X", t.Wire)}
	if !last.IsZero() {
		f.Micros = t.At.Sub(last).Microseconds()
	}
	f.Says = summary(t.Wire, d.config.Points, d.config.Gateway.Language)
	return f
}

// Text tells it in two lines. The second is what `meterd decode` reads.
func (f tracedFrame) Text(string) string {
	arrow := "<"
	if f.Sent {
		arrow = ">"
	}
	return fmt.Sprintf("%s %s %+9dus %s %s\n    %s\n", f.Time, f.Bus, f.Micros, arrow, f.Says, f.Hex)
}

// summary tells the frames in what passed, in one line.
func summary(wire []byte, points *meter.Points, language string) string {
	var says []string
	var f dlt645.Frame
	for rest := wire; ; {
		at, ok := dlt645.Scan(rest, &f)
		if !ok {
			break
		}
		rest = rest[at.End:]
		s := f.Address.String() + " " + f.Control.Function().Name(f.Protocol())
		if r := f.Refusal(); r != nil {
			s += " " + r.Text().In(language)
		}
		if di, ok := f.DI(); ok {
			s += " " + di.String()
			if f.Control.Response() && !f.Control.More() {
				s += valuesText(di, f.Payload(), points, language)
			}
		}
		says = append(says, s)
	}
	if len(says) == 0 {
		return dlt645.Text{EN: "no frame: ", ZH: "无有效帧："}.In(language) + strings.TrimPrefix(dlt645.Diagnose(wire).Error(), "dlt645: ")
	}
	return strings.Join(says, "; ")
}

func valuesText(di dlt645.DI, data []byte, points *meter.Points, language string) string {
	items, err := dlt645.Decode(nil, di, data)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for i, it := range items {
		if i == 4 {
			b.WriteString(" …")
			break
		}
		v := valueOf(it, points, language)
		name := v.Name
		if v.Point != nil {
			name = *v.Point
		}
		fmt.Fprintf(&b, " %s=%s%s", name, it.Value, v.Unit)
	}
	return b.String()
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
