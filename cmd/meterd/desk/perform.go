package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// longest bounds one command: a relay is watched for 20 s.
const longest = time.Minute

func textOf(s string) dlt645.Text { return dlt645.Text{EN: s, ZH: s} }

// perform does what a command asks, once.
func (d *Desk) perform(ctx context.Context, c meter.Command) meter.Result {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	line := d.Line(c.Meter)
	if line == nil {
		return refused(meter.NotKnown, noMeter)
	}
	switch c.Op {
	case meter.OpRead:
		return d.values(ctx, line, c)
	case meter.OpRelay, meter.OpAlarm, meter.OpProtection:
		if meter.RelayOp(c.Relay) != c.Op {
			return refused(meter.NotKnown, textOf(fmt.Sprintf("%s is not of the operation %s", c.Relay.Text().EN, c.Op)))
		}
		return meter.ResultOf(line.Relay(ctx, c.Meter, c.Relay))
	case meter.OpSet, meter.OpWrite:
		di, value, err := d.Points.Settable(c.Meter, c.Point, c.Value)
		if err != nil {
			return meter.Result{Outcome: meter.Invalid, Text: textOf(err.Error()), Err: err}
		}
		if n := WriteLength(di, value); n > dlt645.MaxWriteData {
			d.Log.Warn("a write is longer than the standard allows, the meter may refuse it", "uplink", c.By, "meter", c.Meter.Name, "point", c.Point, "bytes", n, "most", dlt645.MaxWriteData)
		}
		return meter.ResultOf(line.Write(ctx, c.Meter, di, value))
	case meter.OpTime:
		return meter.ResultOf(line.SyncTime(ctx, c.Meter, c.By == meter.ByConsole))
	case meter.OpClock:
		return meter.ResultOf(line.SetClock(ctx, c.Meter))
	case meter.OpFreeze:
		return meter.ResultOf(line.FreezeNow(ctx, c.Meter))
	case meter.OpDemandReset:
		return meter.ResultOf(line.ResetDemand(ctx, c.Meter))
	}
	return refused(meter.NotKnown, textOf(fmt.Sprintf("there is no operation %q", c.Op)))
}

func (d *Desk) values(ctx context.Context, line *meter.Poller, c meter.Command) meter.Result {
	var points []meter.Point
	for _, name := range c.Points {
		found, ok := d.Points.Expand(name)
		if !ok {
			return refused(meter.NotKnown, textOf(fmt.Sprintf("there is no point %q", name)))
		}
		points = append(points, found...)
	}
	if c.Told {
		return meter.ResultOf(line.ReadExtra(ctx, c.Meter, points))
	}
	values, err := line.Values(ctx, c.Meter, points)
	switch {
	case len(values) > 0 && err != nil: // what is missing is told beside it
		return meter.Result{Outcome: meter.Done, Values: values, Text: meter.ResultOf(err).Text}
	case len(values) > 0:
		return meter.Result{Outcome: meter.Done, Values: values}
	case err == nil:
		err = errors.New("the meter gives nothing of it")
	}
	return meter.ResultOf(err)
}

// WriteLength gives how many bytes of data a request to write holds.
func WriteLength(di dlt645.DI, value []byte) int {
	f, err := dlt645.WriteRequest(dlt645.Address{}, di, dlt645.Access{}, value)
	if err != nil { // more than a frame can hold, which is told when it is sent
		return dlt645.MaxData + 1
	}
	return len(f.Data)
}
