package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// carrier carries the commands of one platform out. What changes something
// needs the meter's allow, and leaves a record in the ring whatever becomes
// of it.
func (d *daemon) carrier(platform string) func(context.Context, uplink.Command) uplink.Result {
	return func(ctx context.Context, c uplink.Command) uplink.Result {
		i := slices.IndexFunc(d.config.Meters, func(m config.Meter) bool { return m.Address == c.Meter })
		p, a, err := d.find(c.Meter.String())
		if i < 0 || err != nil {
			return uplink.Result{Outcome: uplink.NotKnown, Text: "there is no such meter"}
		}
		if c.Op != uplink.OpRead && !slices.Contains(d.config.Meters[i].Allow, string(c.Op)) {
			d.event(meter.Event{Meter: a, Time: time.Now(), Kind: string(c.Op), By: platform, Text: "denied: not in allow"})
			return uplink.Result{Outcome: uplink.Denied, Text: fmt.Sprintf("the configuration does not allow %s for this meter", c.Op)}
		}
		d.log.Info("command", "uplink", platform, "meter", d.config.Meters[i].Name, "op", string(c.Op))
		return d.carryOut(ctx, p, a, c, platform)
	}
}

func (d *daemon) carryOut(ctx context.Context, p *meter.Poller, a dlt645.Address, c uplink.Command, by string) uplink.Result {
	switch c.Op {
	case uplink.OpRead:
		return d.carryRead(ctx, p, a, c)
	case uplink.OpRelay:
		out, err := p.Relay(ctx, a, c.Relay, by)
		if out != meter.Done {
			return resultOf(err, out == meter.NotConfirmed)
		}
		// The platforms are told the new state as a reading, too.
		if points, ok := d.config.Points.Expand("relay"); ok {
			err = p.ReadExtra(ctx, a, points)
		}
		if err != nil {
			d.log.Warn("the relay's new state is told with the next round", "meter", a.String(), "err", err)
		}
		return uplink.Result{Outcome: uplink.Done}
	case uplink.OpSet:
		di, value, err := d.settable(c.Point, c.Value)
		if err != nil {
			return uplink.Result{Outcome: uplink.Invalid, Text: err.Error()}
		}
		return resultOf(p.Write(ctx, a, di, value, by), false)
	case uplink.OpTime:
		return resultOf(p.SyncTime(ctx, by), false)
	case uplink.OpFreeze:
		return resultOf(p.FreezeNow(ctx, a, by), false)
	case uplink.OpDemandReset:
		return resultOf(p.ResetDemand(ctx, a, by), false)
	}
	return uplink.Result{Outcome: uplink.NotKnown, Text: fmt.Sprintf("there is no operation %q", c.Op)}
}

func (d *daemon) carryRead(ctx context.Context, p *meter.Poller, a dlt645.Address, c uplink.Command) uplink.Result {
	var points []meter.Point
	for _, name := range c.Points {
		found, ok := d.config.Points.Expand(name)
		if !ok {
			return uplink.Result{Outcome: uplink.NotKnown, Text: fmt.Sprintf("there is no point %q", name)}
		}
		points = append(points, found...)
	}
	values, err := p.Values(ctx, a, points)
	if len(values) == 0 && err != nil {
		return resultOf(err, false)
	}
	return uplink.Result{Outcome: uplink.Done, Values: values}
}

// settable gives the identifier of a point, or of its own name, and the bytes
// of a value that a person wrote.
func (d *daemon) settable(name, value string) (dlt645.DI, []byte, error) {
	di, err := dlt645.ParseDI(name)
	if err != nil {
		p, ok := d.config.Points.Lookup(name)
		if !ok || p.From != nil {
			return di, nil, fmt.Errorf("%q is neither a data identifier nor a point that is read", name)
		}
		di = p.DI
		if p.Custom != nil {
			n, err := dlt645.ParseDecimal(value)
			if err != nil {
				return di, nil, err
			}
			coef, ok := n.Scaled(int(p.Custom.Decimals))
			if !ok || n.Scale > p.Custom.Decimals {
				return di, nil, fmt.Errorf("%s has more than %d decimals", value, p.Custom.Decimals)
			}
			b, err := dlt645.AppendNumber(nil, coef, p.Custom.Bytes, p.Custom.Signed)
			return di, b, err
		}
	}
	b, err := dlt645.AppendParsed(nil, di, []string{value})
	return di, b, err
}

// resultOf tells why something failed.
func resultOf(err error, unconfirmed bool) uplink.Result {
	switch kind := meter.FailureKind(err); {
	case err == nil:
		return uplink.Result{Outcome: uplink.Done}
	case unconfirmed:
		return uplink.Result{Outcome: uplink.Unconfirmed, Text: err.Error()}
	case kind == "refusal":
		r, _ := errors.AsType[*dlt645.Refusal](err)
		return uplink.Result{Outcome: uplink.NotTaken, Text: "refused by the meter: " + r.Text().EN}
	case kind == "silence":
		return uplink.Result{Outcome: uplink.NoAnswer, Text: "the meter does not answer"}
	}
	return uplink.Result{Outcome: uplink.Failed, Text: err.Error()}
}
