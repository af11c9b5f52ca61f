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
	r := d.perform(d.leaveBy(ctx, j), j.Command)
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

// leaveBy has a platform's command leave before it is too old: its meter may be
// slow to tell what is read before it.
func (d *Desk) leaveBy(ctx context.Context, j job) context.Context {
	if j.By == meter.ByConsole {
		return ctx
	}
	now := time.Now()
	left := d.Age - now.Sub(j.came)
	if !j.Said.IsZero() && d.Trusted(now) {
		left = min(left, d.Age-now.Sub(j.Said))
	}
	return meter.LeaveBy(ctx, now.Add(left))
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
