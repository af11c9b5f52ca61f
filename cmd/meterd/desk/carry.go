package desk

import (
	"context"
	"slices"
	"time"

	"meterd/meter"
)

// carryOut carries a command out whose turn it is.
func (d *Desk) carryOut(ctx context.Context, j job) {
	if j.By != meter.ByConsole && (time.Since(j.came) > d.Age || j.Op.Changes() && d.old(time.Now(), j.Command)) {
		d.finish(j, refused(meter.Expired, tooOld))
		return
	}
	if j.ctx != nil && j.ctx.Err() != nil { // who asked is gone
		d.finish(j, meter.ResultOf(&meter.UnsentError{Err: j.ctx.Err()}))
		return
	}
	if !j.Op.Changes() {
		d.finish(j, d.perform(ctx, j.Command))
		return
	}
	e := meter.Event{
		Meter: j.Meter.Address, Time: time.Now(), Kind: string(j.Op), By: j.By, Text: j.String(),
		Command: &meter.CommandRecord{ID: j.ID, Digest: j.Digest()},
	}
	if err := d.durable(&e); err != nil {
		d.Log.Error("the record of a command cannot be made durable", "uplink", j.By, "meter", j.Meter.Name, "err", err)
		if j.By != meter.ByConsole { // a person does not repeat what was done
			d.finish(j, meter.Result{Outcome: meter.Failed, Text: noRecord, Err: err})
			return
		}
	}
	d.Log.Info("command", "uplink", j.By, "meter", j.Meter.Name, "op", string(j.Op), "what", j.String())
	r := d.perform(ctx, j.Command)
	e.Time = time.Now()
	e.Command.Done, e.Command.Outcome = true, r.Outcome
	e.Text += ": " + r.Outcome.String()
	if r.Text.EN != "" {
		e.Text += ": " + r.Text.EN
	}
	if err := d.durable(&e); err != nil {
		d.Log.Error("the record of a command cannot be made durable", "uplink", j.By, "meter", j.Meter.Name, "err", err)
	}
	d.finish(j, r)
	if r.Outcome != meter.Done {
		return
	}
	switch j.Op {
	case meter.OpRelay:
		d.tell(ctx, j.Meter, "relay")
	case meter.OpSet:
		d.tell(ctx, j.Meter, j.Point)
	}
}

// tell has the platforms told what became of a point as a reading, too.
func (d *Desk) tell(ctx context.Context, h *meter.Handle, point string) {
	p, ok := d.Points.Lookup(point)
	if !ok { // set by its identifier
		return
	}
	if err := d.Line(h).ReadExtra(ctx, h, []meter.Point{p}); err != nil {
		d.Log.Warn("what was changed is told with the next round", "meter", h.Name, "point", point, "err", err)
	}
}

// sent are the outcomes of a command that may have changed the meter.
var sent = []meter.Outcome{meter.Done, meter.NotTaken, meter.Unconfirmed}

// finish remembers what became of a command, and tells it.
func (d *Desk) finish(j job, r meter.Result) {
	if j.Op.Changes() {
		d.mu.Lock()
		if !slices.Contains(sent, r.Outcome) {
			d.unsetLocked(j.Command)
		}
		d.memory.put(keyOf(j.Command), j.Digest(), meter.Result{Outcome: r.Outcome, Text: r.Text, Err: r.Err}, time.Now())
		d.mu.Unlock()
	}
	j.done(r)
}
