package desk

import (
	"context"
	"errors"
	"slices"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// remember reads the ring, and takes up what came meanwhile.
func (d *Desk) remember(ctx context.Context) {
	known := newMemory()
	now := meter.Event{Time: time.Now()}
	d.Stamp(&now)
	open := known.load(ctx, d.Ring, now)
	for _, r := range open {
		outcome := meter.Result{Outcome: meter.Unconfirmed, Text: restarted}
		known.put(r.key, r.digest, outcome, r.at)
		d.answer(r, outcome)
		r.event.Time = now.Time // since when that is known
		r.event.Command.Done, r.event.Command.Outcome = true, meter.Unconfirmed
		r.event.Text += ": " + meter.Unconfirmed.String() + ": " + restarted.EN
		d.put(&r.event)
	}
	if ctx.Err() != nil {
		return
	}
	d.mu.Lock()
	d.memory, d.read = known, true
	held := d.held
	d.held = nil
	for _, j := range held {
		d.takeLocked(j)
	}
	d.mu.Unlock()
}

// answer tells the sender of a command that was at work when the board stopped,
// as long as it may wait for that.
func (d *Desk) answer(r begun, outcome meter.Result) {
	i := slices.IndexFunc(d.Meters, func(h *meter.Handle) bool { return h.Address == r.event.Meter })
	if d.Answer == nil || i < 0 || time.Since(r.at).Abs() > d.Age {
		return
	}
	d.Answer(meter.Command{Op: meter.Operation(r.event.Kind), Meter: d.Meters[i], By: r.event.By, ID: r.event.Command.ID}, outcome)
}

var restarted = dlt645.Text{EN: "the board restarted meanwhile", ZH: "期间本板重启"}

// put puts an event into the ring.
func (d *Desk) put(e *meter.Event) error {
	d.Stamp(e)
	rec, err := e.AppendBinary(nil)
	if err == nil {
		_, err = d.Ring.Append(rec)
	}
	return err
}

// durable puts an event into the ring and makes it durable.
func (d *Desk) durable(e *meter.Event) error {
	err := d.put(e)
	if err == nil {
		err = d.Ring.Flush()
	}
	if err == nil && d.Ring.Stats().CapacityBytes == 0 {
		err = errInMemory
	}
	return err
}

// errInMemory says that there is no flash at present.
var errInMemory = errors.New("the ring is in memory alone")
