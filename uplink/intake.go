package uplink

import (
	"fmt"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

// source is where records come from; a feed is one.
type source interface {
	// Next gives records in any order, each once.
	Next() (store.Entry, bool)
	// Floor is the number up to which all were given.
	Floor() uint64
	Behind() int
	// Fresh reports whether what comes next is new, not of a backlog.
	Fresh() bool
	// Again gives one record once more.
	Again(seq uint64) ([]byte, again)
	// Durable reports whether a record survives a power cut.
	Durable(seq uint64) bool
}

// again is what came of reading a record once more.
type again uint8

const (
	againThere again = iota
	againLater       // the flash does not let itself be read at present
	againGone        // it was overwritten or damaged
)

// intake makes messages of records: what comes from the source, what waited for
// its meter, and the parts of what is divided. It reads no clock.
type intake struct {
	ledger
	roll     *roll
	platform Platform
	source   source
	storeID  [16]byte
	batch    int // records that one message may carry
	date     func(r *meter.Reading, now time.Time, seq uint64) dated
	lost     func(store.Gap, int) // is told of records that are gone; nil: nobody is
	told     func(string, ...any) // a line of the log

	register func(now time.Time, a dlt645.Address) // has a meter registered
	clogged  func(dlt645.Address) bool             // whether too much of a meter waits already
	supports func(Message) bool                    // whether the platform may know the item of a message

	peeked *store.Entry  // came from the source, but cannot be taken in yet
	made   []store.Entry // came from the source, made up and not durable yet; the oldest first
	more   bool          // there is more to read at once
}

// mostMade bounds what waits to be durable: more than is made up in the time that
// takes.
const mostMade = 1024

// readAtOnce is how many records are read before other work has its turn.
const readAtOnce = 256

// cursor tells how far everything is settled.
func (in *intake) cursor() uint64 {
	floor := in.source.Floor()
	if in.peeked != nil {
		floor = min(floor, begin(*in.peeked)-1)
	}
	if len(in.made) > 0 {
		floor = min(floor, in.made[0].Seq-1)
	}
	return in.ledger.cursor(floor)
}

// queued tells how many records are not settled.
func (in *intake) queued() int {
	n := in.waiting() + in.source.Behind() + len(in.made)
	if in.peeked != nil {
		n++
	}
	return n
}

// read gives the messages of the next records: from the source unless full
// tells that too much waits already, else of those that waited for their meter.
// None if there are no records, or none can be taken in.
func (in *intake) read(now time.Time, full bool) (out []*request) {
	for len(out) == 0 {
		var units []Unit
		var recs []*record
		if !full {
			units, recs = in.gather(now)
		}
		if len(units) == 0 {
			var more bool
			if units, recs, more = in.missed(now); !more {
				break
			}
		}
		if len(units) > 0 {
			out = in.pack(units, recs, nil)
		}
	}
	return out
}

// missed takes what a meter missed while it was unknown; false if there is
// nothing.
func (in *intake) missed(now time.Time) ([]Unit, []*record, bool) {
	for _, a := range in.roll.order {
		if !in.accepts(a) {
			continue
		}
		m := in.meters[a]
		if len(m.parked) == 0 && len(m.passed) > 0 {
			in.refill(a, m)
		}
		if len(m.parked) > 0 {
			if units, recs, ok := in.gatherParked(now, a); ok {
				return units, recs, true
			} // else its oldest waits for the clock; another one's may not
		}
	}
	return nil, nil, false
}

// gatherParked takes the oldest parked records of a meter, as many as one
// message may carry; false if they must wait for the clock.
func (in *intake) gatherParked(now time.Time, a dlt645.Address) (units []Unit, recs []*record, ok bool) {
	rec, more := in.oldest(a)
	for ; more && len(units) < in.batch; rec, more = in.oldest(a) {
		data, is := in.source.Again(rec.seq)
		u, admitted := Unit{}, admittedNever
		switch is {
		case againThere:
			u, admitted = in.admit(now, rec, data, true)
		case againLater:
			admitted = admittedLater
		case againGone:
			in.count.Lost++
			in.settle(rec)
		}
		if admitted == admittedLater {
			break
		}
		in.unpark(a)
		if admitted == admittedNow {
			rec.left--
			units, recs = append(units, u), append(recs, rec)
		}
	}
	return units, recs, len(units) > 0 || !more
}

// refill parks records of a meter that were passed over, some at a time.
func (in *intake) refill(a dlt645.Address, m *missed) {
	for range readAtOnce {
		if len(m.passed) == 0 {
			return
		}
		seq, gone := in.candidate(m)
		in.count.Lost += gone
		if seq == 0 {
			continue
		}
		data, is := in.source.Again(seq)
		if is == againLater {
			m.passed[0].from = seq
			return
		}
		if is == againGone {
			continue
		}
		if u, known := unitOf(seq, data); known && u.meter() == a && !u.private() {
			in.repark(m, seq)
		}
	}
	in.more = true
}

// gather takes the next records that may go out now, as many as one message
// may carry.
func (in *intake) gather(now time.Time) (units []Unit, recs []*record) {
	for n := 0; len(units) < in.batch; n++ {
		if n >= readAtOnce {
			in.more = true
			break
		}
		e, ok := in.take()
		if !ok {
			break
		}
		if e.Gap != nil {
			in.gap(e)
			continue
		}
		if meter.Recalled(e.Data) && !in.source.Durable(e.Seq) { // it would be fetched and delivered again after a power cut
			if len(in.made) == mostMade {
				in.peeked = &e
				break
			}
			in.made = append(in.made, e) // what is read live goes ahead
			continue
		}
		if in.parked >= mostParked {
			in.makeRoom()
		}
		rec := &record{seq: e.Seq}
		in.ledger.begin(rec)
		u, admitted := in.admit(now, rec, e.Data, false)
		if admitted == admittedLater {
			in.drop(rec)
			in.peeked = &e
			break
		}
		if admitted == admittedNow {
			units, recs = append(units, u), append(recs, rec)
		}
	}
	return units, recs
}

func (in *intake) take() (store.Entry, bool) {
	if in.peeked != nil {
		e := *in.peeked
		in.peeked = nil
		return e, true
	}
	if len(in.made) > 0 && in.source.Durable(in.made[0].Seq) {
		e := in.made[0]
		in.made = in.made[1:]
		return e, true
	}
	e, ok := in.source.Next()
	if ok {
		in.ledger.note(begin(e), end(e))
	}
	return e, ok
}

// gap counts the records that a gap has taken.
func (in *intake) gap(e store.Entry) {
	g, missing := e.Gap, e.Missing
	if !e.Counted {
		missing = int(min(g.To-g.From+1, 1<<30))
	}
	if missing == 0 || !e.Counted && g.Cause == store.Reserved {
		return
	}
	in.count.Lost += missing
	in.told("records are missing", "from", g.From, "to", g.To, "cause", string(g.Cause), "records", missing, "since", when(g.Since), "until", when(g.Until))
	if in.lost != nil {
		in.lost(*g, missing)
	}
}

// accepts reports whether records of a meter go out now, or are parked.
func (in *intake) accepts(a dlt645.Address) bool { return in.roll.knows(a) && !in.clogged(a) }

// makeRoom sets the oldest parked record aside, of a meter that the platform
// has refused for good. Others are waited for: no time-out costs a reading.
func (in *intake) makeRoom() {
	for _, a := range in.roll.order {
		reg := in.roll.registrations[a]
		rec, ok := in.oldest(a)
		if !reg.refused || !ok {
			continue
		}
		in.count.Refused++
		in.count.LastRefusal = fmt.Sprintf("%s is not registered: %s", a, reg.err)
		in.settle(rec)
		in.unpark(a)
		return
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
	admittedLater           // when the clock is trusted, its meter known, or the flash can be read
	admittedNever           // it is settled, or parked until its meter is known
)

// admit looks at a record: whose it is, of what time, and whether the
// platform knows its meter.
func (in *intake) admit(now time.Time, rec *record, data []byte, parked bool) (Unit, admission) {
	u, ok := unitOf(rec.seq, data)
	if !ok { // of a later version
		in.settle(rec)
		return u, admittedNever
	}
	reg := in.roll.registrations[u.meter()]
	if reg == nil || u.private() { // a meter that this platform is not told of, or nothing for it
		if reg == nil && u.Reading != nil {
			in.count.Strangers++
		}
		in.settle(rec)
		return u, admittedNever
	}
	switch in.dated(&u, now) {
	case datedLater:
		return u, admittedLater
	case datedNever:
		in.count.Undated++
		in.settle(rec)
		return u, admittedNever
	}
	if !reg.known && !reg.asked { // nobody answers there, but there is something of it
		in.register(now, u.meter())
	}
	if !parked && !in.accepts(u.meter()) {
		if !in.park(u.meter(), rec) {
			return u, admittedLater
		}
		return u, admittedNever
	}
	if !parked {
		in.meters[u.meter()].went = true
	}
	return u, admittedNow
}

// dated gives a unit its time, as a reading gets it.
func (in *intake) dated(u *Unit, now time.Time) dated {
	if u.Event == nil {
		return in.date(u.Reading, now, u.Seq)
	}
	r := meter.Reading{Time: u.Event.Time, Round: u.Event.Time, Trusted: u.Event.Trusted, Boot: u.Event.Boot, Uptime: u.Event.Uptime}
	out := in.date(&r, now, u.Seq)
	u.Event.Time, u.Event.Trusted = r.Time, r.Trusted
	return out
}
