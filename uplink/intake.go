package uplink

import (
	"slices"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

// read takes the next records into ready; false if there are none, or no more
// can be taken in.
func (d *delivery) read(now time.Time) bool {
	for len(d.ready) == 0 {
		units, recs := d.gather(now)
		if len(units) > 0 {
			d.pack(units, recs, nil)
			continue
		}
		if !d.unparkOne(now) {
			return false
		}
	}
	return true
}

// unparkOne makes ready what a meter missed while it was unknown; false if
// there is nothing.
func (d *delivery) unparkOne(now time.Time) bool {
	for _, a := range d.order {
		reg := d.meters[a]
		if reg.takes() && len(reg.parked) == 0 && len(reg.passed) > 0 {
			d.refill(a, reg)
		}
		if reg.takes() && len(reg.parked) > 0 {
			return d.unpark(now, reg)
		}
	}
	return false
}

// unpark makes the oldest parked records of a meter ready, as many as one
// message may carry; false if they must wait for the clock.
func (d *delivery) unpark(now time.Time, reg *registration) bool {
	var units []Unit
	var recs []*record
	for len(reg.parked) > 0 && len(units) < max(d.limits.Batch, 1) {
		rec := d.find(reg.parked[0])
		data, ok := d.source.Again(rec.seq)
		u, admitted := Unit{}, admittedNever
		if ok {
			u, admitted = d.admit(now, rec, data, true)
		} else {
			d.count.Lost++
			d.settle(rec)
		}
		if admitted == admittedLater {
			break
		}
		reg.parked = reg.parked[1:]
		d.parked--
		if admitted == admittedNow {
			rec.left--
			units, recs = append(units, u), append(recs, rec)
		}
	}
	if len(units) > 0 {
		d.pack(units, recs, nil)
		return true
	}
	return len(reg.parked) == 0
}

// gather takes the next records that may go out now, as many as one message
// may carry.
func (d *delivery) gather(now time.Time) (units []Unit, recs []*record) {
	if len(d.later) >= mostLater || len(d.blocked) >= mostLater {
		return nil, nil
	}
	for n := 0; len(units) < max(d.limits.Batch, 1); n++ {
		if n >= readAtOnce {
			d.more = true
			break
		}
		e, ok := d.take()
		if !ok {
			break
		}
		if e.Gap != nil {
			d.gap(e)
			continue
		}
		if d.parked >= mostParked {
			d.makeRoom()
		}
		rec := &record{seq: e.Seq}
		d.begin(rec)
		u, admitted := d.admit(now, rec, e.Data, false)
		if admitted == admittedLater {
			d.drop(rec)
			d.peeked = &e
			break
		}
		if admitted == admittedNow {
			units, recs = append(units, u), append(recs, rec)
		}
	}
	return units, recs
}

func (d *delivery) take() (store.Entry, bool) {
	if d.peeked != nil {
		e := *d.peeked
		d.peeked = nil
		return e, true
	}
	e, ok := d.source.Next()
	if ok {
		if begin(e) != d.taken+1 {
			d.run++
		}
		d.taken = end(e)
	}
	return e, ok
}

// gap counts the records that a gap has taken.
func (d *delivery) gap(e store.Entry) {
	g, missing := e.Gap, e.Missing
	if !e.Counted {
		missing = int(min(g.To-g.From+1, 1<<30))
	}
	if missing == 0 || !e.Counted && g.Cause == store.Reserved {
		return
	}
	d.count.Lost += missing
	d.told("records are missing", "from", g.From, "to", g.To, "cause", string(g.Cause), "records", missing, "since", when(g.Since), "until", when(g.Until))
	if d.lost != nil {
		d.lost(*g, missing)
	}
}

// when tells a time that is not always known.
func when(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.RFC3339)
}

// admission is whether a record goes out.
type admission uint8

const (
	admittedNow   admission = iota
	admittedLater           // when the clock is trusted, or its meter known
	admittedNever           // it is settled, or parked until its meter is known
)

// admit looks at a record: whose it is, of what time, and whether the
// platform knows its meter.
func (d *delivery) admit(now time.Time, rec *record, data []byte, parked bool) (Unit, admission) {
	u, ok := unitOf(rec.seq, data)
	if !ok { // of a later version
		d.settle(rec)
		return u, admittedNever
	}
	reg := d.meters[u.meter()]
	if reg == nil || u.private() { // a meter that this platform is not told of, or nothing for it
		d.settle(rec)
		return u, admittedNever
	}
	switch d.dated(&u, now) {
	case datedLater:
		return u, admittedLater
	case datedNever:
		d.count.Undated++
		d.settle(rec)
		return u, admittedNever
	}
	if !reg.known && !reg.asked { // nobody answers there, but there is something of it
		d.register(now, u.meter())
	}
	if !reg.takes() && !parked {
		if len(reg.passed) > 0 || d.parked >= mostParked {
			d.drop(rec)
			if !d.pass(reg, rec.seq) {
				return u, admittedLater
			}
			return u, admittedNever
		}
		rec.left = 1
		reg.parked = append(reg.parked, rec.seq)
		d.parked++
		return u, admittedNever
	}
	if !parked {
		reg.went = true
	}
	return u, admittedNow
}

func unitOf(seq uint64, data []byte) (Unit, bool) {
	u := Unit{Seq: seq}
	if meter.IsEvent(data) {
		u.Event = &meter.Event{}
		return u, u.Event.UnmarshalBinary(data) == nil
	}
	u.Reading = &meter.Reading{}
	return u, u.Reading.UnmarshalBinary(data) == nil
}

func (u Unit) meter() dlt645.Address {
	if u.Event != nil {
		return u.Event.Meter
	}
	return u.Reading.Meter
}

// private reports whether a unit is for the board's own record alone: that a
// command is about to be carried out.
func (u Unit) private() bool {
	return u.Event != nil && u.Event.Command != nil && !u.Event.Command.Done
}

// dated gives a unit its time, as a reading gets it.
func (d *delivery) dated(u *Unit, now time.Time) dated {
	if u.Event == nil {
		return d.date(u.Reading, now, u.Seq)
	}
	r := meter.Reading{Time: u.Event.Time, Round: u.Event.Time, Trusted: u.Event.Trusted, Boot: u.Event.Boot, Uptime: u.Event.Uptime}
	out := d.date(&r, now, u.Seq)
	u.Event.Time, u.Event.Trusted = r.Time, r.Trusted
	return out
}

// pack makes the messages of some records ready; points are those that are
// left of a divided record, nil for all.
func (d *delivery) pack(units []Unit, recs []*record, points []string) {
	enc := d.platform.Encode(d.storeID, units)
	d.count.Withheld += enc.Withheld
	for point, n := range enc.Of {
		d.count.WithheldOf[point] += n
	}
	for _, m := range enc.Messages {
		if m.Item != "" && d.unsup[itemKey(m)] {
			d.count.Unsupported++
			continue
		}
		r := &request{Message: m, points: points}
		for _, i := range m.Covers {
			recs[i].left++
			r.recs = append(r.recs, recs[i])
		}
		d.ready = append(d.ready, r)
	}
	for _, rec := range recs {
		if rec.left <= 0 {
			d.settle(rec)
		}
	}
}

// divide has the halves of a refused message go out, so that what is good of
// it arrives and what is bad is found; false if it carries one thing.
func (d *delivery) divide(now time.Time, r *request) bool {
	if r.Item != "" {
		return false
	}
	var units []Unit
	var recs []*record
	for _, rec := range r.recs {
		data, ok := d.source.Again(rec.seq)
		u, known := unitOf(rec.seq, data)
		if !ok || !known || d.dated(&u, now) != datedNow { // gone from the ring meanwhile
			d.count.Lost++
			d.settleOne(rec)
			continue
		}
		units, recs = append(units, u), append(recs, rec)
	}
	missing := len(recs) < len(r.recs)
	r.recs = recs
	if len(recs) == 0 {
		return true
	}
	rest := d.ready
	d.ready = nil
	switch {
	case len(units) > 1:
		half := len(units) / 2
		d.pack(units[:half], r.recs[:half], nil)
		d.pack(units[half:], r.recs[half:], nil)
	case missing: // what was refused may be what is gone
		d.pack(units, r.recs, r.points)
	case units[0].Event != nil:
		d.ready = rest
		return false
	default:
		points := r.points
		if points == nil {
			for _, v := range units[0].Reading.Values {
				points = append(points, v.Point)
			}
		}
		if len(points) < 2 {
			d.ready = rest
			return false
		}
		half := len(points) / 2
		for _, some := range [][]string{points[:half], points[half:]} {
			part := *units[0].Reading
			part.Values = slices.DeleteFunc(slices.Clone(part.Values), func(v meter.PointValue) bool { return !slices.Contains(some, v.Point) })
			d.pack([]Unit{{Seq: units[0].Seq, Reading: &part}}, r.recs, some)
		}
	}
	d.parts, d.ready = append(d.ready, d.parts...), rest
	for _, rec := range r.recs {
		d.settleOne(rec)
	}
	return true
}
