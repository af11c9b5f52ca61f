// Package desk is where people and platforms ask something of meters. Whoever
// asks, each request passes the same permission check and is carried out the
// same way.
//
// A Desk owns nothing but its table of meters, which never changes; each
// request runs in the goroutine of who asks. It never sends what switches or
// sets a second time, and never tells that something is done before the meter
// shows it.
package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// Console is who asks on the console, in the record of what was done.
const Console = "console"

// Desk carries out what is asked of the meters of one configuration.
type Desk struct {
	meters []Meter
	points *meter.Points
	event  func(meter.Event)
	log    *slog.Logger
}

// Meter is a meter that something can be asked of.
type Meter struct {
	*config.Meter
	Line *meter.Poller
}

// New gives the desk of a configuration whose lines are read by these pollers.
// Event takes the record of what was done or refused.
func New(c *config.Config, lines []*meter.Poller, event func(meter.Event), log *slog.Logger) *Desk {
	d := &Desk{points: c.Points, event: event, log: log}
	for i := range c.Meters {
		m := &c.Meters[i]
		for _, p := range lines {
			if p.Bus().Name() == m.Bus {
				d.meters = append(d.meters, Meter{m, p})
			}
		}
	}
	return d
}

// Find gives the meter that goes by a name or an address; false if none does.
func (d *Desk) Find(who string) (Meter, bool) {
	return d.first(func(m Meter) bool { return m.Name == who || m.Address.String() == who })
}

func (d *Desk) first(is func(Meter) bool) (Meter, bool) {
	i := slices.IndexFunc(d.meters, is)
	if i < 0 {
		return Meter{}, false
	}
	return d.meters[i], true
}

// ErrNoPassword says that the configuration has no password for a meter, which
// what was asked for needs.
var ErrNoPassword = errors.New("the configuration has no password for this meter")

// needsPassword are the operations whose frames carry a password.
var needsPassword = []uplink.Op{uplink.OpRelay, uplink.OpSet, uplink.OpDemandReset}

// permit is the one permission check: reading is free; a platform needs the
// meter's allow; and what carries a password needs one.
func permit(by string, m Meter, op uplink.Op) error {
	if op == uplink.OpRead {
		return nil
	}
	if by != Console && !slices.Contains(m.Allow, string(op)) {
		return fmt.Errorf("the configuration does not allow %s for this meter", op)
	}
	if slices.Contains(needsPassword, op) && !m.HasPassword {
		return ErrNoPassword
	}
	return nil
}

// For gives the door of one platform: what it asks for is carried out in its
// name.
func (d *Desk) For(platform string) func(context.Context, uplink.Command) uplink.Result {
	return func(ctx context.Context, c uplink.Command) uplink.Result {
		m, ok := d.first(func(m Meter) bool { return m.Address == c.Meter })
		if !ok {
			return uplink.Result{Outcome: uplink.NotKnown, Text: "there is no such meter"}
		}
		r, _ := d.Do(ctx, platform, m, c)
		return r
	}
}

// Do carries a command out. The error says more of why the outcome is not
// Done than the result, which is for platforms.
func (d *Desk) Do(ctx context.Context, by string, m Meter, c uplink.Command) (uplink.Result, error) {
	if err := permit(by, m, c.Op); err != nil {
		d.event(meter.Event{Meter: m.Address, Time: time.Now(), Kind: string(c.Op), By: by, Text: "denied: " + err.Error()})
		return uplink.Result{Outcome: uplink.Denied, Text: err.Error()}, err
	}
	d.log.Info("command", "by", by, "meter", m.Name, "op", string(c.Op))
	switch c.Op {
	case uplink.OpRead:
		return d.read(ctx, m, c)
	case uplink.OpRelay:
		return d.relay(ctx, by, m, c)
	case uplink.OpSet:
		di, value, err := d.Settable(c.Point, c.Value)
		if err != nil {
			return uplink.Result{Outcome: uplink.Invalid, Text: err.Error()}, err
		}
		return resultOf(m.Line.Write(ctx, m.Address, di, value, by))
	case uplink.OpTime:
		return resultOf(m.Line.SyncTime(ctx, by))
	case uplink.OpFreeze:
		return resultOf(m.Line.FreezeNow(ctx, m.Address, by))
	case uplink.OpDemandReset:
		return resultOf(m.Line.ResetDemand(ctx, m.Address, by))
	}
	err := fmt.Errorf("there is no operation %q", c.Op)
	return uplink.Result{Outcome: uplink.NotKnown, Text: err.Error()}, err
}

func (d *Desk) relay(ctx context.Context, by string, m Meter, c uplink.Command) (uplink.Result, error) {
	out, err := m.Line.Relay(ctx, m.Address, c.Relay, by)
	switch out {
	case meter.NotConfirmed:
		return uplink.Result{Outcome: uplink.Unconfirmed, Text: err.Error()}, err
	case meter.Done:
	default:
		return resultOf(err)
	}
	// The platforms are told the new state as a reading, too.
	var failed error
	if points, ok := d.points.Expand("relay"); ok {
		failed = m.Line.ReadExtra(ctx, m.Address, points)
	}
	if failed != nil {
		d.log.Warn("the relay's new state is told with the next round", "meter", m.Name, "err", failed)
	}
	return uplink.Result{Outcome: uplink.Done}, nil
}

func (d *Desk) read(ctx context.Context, m Meter, c uplink.Command) (uplink.Result, error) {
	var points []meter.Point
	for _, name := range c.Points {
		found, ok := d.points.Expand(name)
		if !ok {
			err := fmt.Errorf("there is no point %q", name)
			return uplink.Result{Outcome: uplink.NotKnown, Text: err.Error()}, err
		}
		points = append(points, found...)
	}
	values, err := m.Line.Values(ctx, m.Address, points)
	if len(values) == 0 && err != nil {
		return resultOf(err)
	}
	return uplink.Result{Outcome: uplink.Done, Values: values}, nil
}

// Settable gives the identifier of a point, or of its own name, and the bytes
// of a value that a person wrote.
func (d *Desk) Settable(name, value string) (dlt645.DI, []byte, error) {
	di, err := dlt645.ParseDI(name)
	if err != nil {
		p, ok := d.points.Lookup(name)
		if !ok || p.From != nil {
			return di, nil, fmt.Errorf("%q is neither a data identifier nor a point that is read", name)
		}
		di = p.DI
		if p.Custom != nil {
			b, err := p.Custom.AppendParsed(nil, value)
			return di, b, err
		}
	}
	b, err := dlt645.AppendParsed(nil, di, []string{value})
	return di, b, err
}

// resultOf tells a platform what became of a command.
func resultOf(err error) (uplink.Result, error) {
	switch kind := meter.FailureKind(err); {
	case err == nil:
		return uplink.Result{Outcome: uplink.Done}, nil
	case kind == "refusal":
		r, _ := errors.AsType[*dlt645.Refusal](err)
		return uplink.Result{Outcome: uplink.NotTaken, Text: "refused by the meter: " + r.Text().EN}, err
	case kind == "silence":
		return uplink.Result{Outcome: uplink.NoAnswer, Text: "the meter does not answer"}, err
	}
	return uplink.Result{Outcome: uplink.Failed, Text: err.Error()}, err
}
