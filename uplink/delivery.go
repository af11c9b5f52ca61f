package uplink

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

// delivery keeps the account of what was sent and what is acknowledged. It
// does no I/O; Uplink calls it from one goroutine.
//
// Each record is read in order and becomes messages. Up to window of them
// are outstanding. A record is settled when each of its messages was
// accepted or set aside; the cursor is the last record before which all are
// settled. A meter that the platform does not know yet holds up its own
// records only, not those of the others.
type delivery struct {
	platform Platform
	limits   Limits
	order    []dlt645.Address // of meters: that of the configuration, the board itself last
	source   source
	window   window
	pacing   pacing
	storeID  [16]byte
	date     func(r *meter.Reading, now time.Time, seq uint64) dated
	lost     func(store.Gap, int) // is told of records that are gone; nil: nobody is
	told     func(string, ...any) // a line of the log
	alarmed  func(string, ...any) // one that is kept, since something is not delivered for good
	count    Counts

	ledger
	peeked *store.Entry // came from the source, but cannot be taken in yet
	roll   map[dlt645.Address]*registration
	greets int             // registrations that have had no answer at all yet
	unsup  map[string]bool // items that the platform does not support

	more   bool // there is more to read at once
	sizing sizing
	suspects

	probing  bool // a registration is out to see whether anybody answers
	vouching bool // the platform asks for it now
	// vouched are the meters that the platform holds for offline although we
	// have readings of them: they are told as online until those are delivered.
	vouched map[dlt645.Address]bool
}

// source is where records come from; a feed is one.
type source interface {
	// Next gives records in any order, each once.
	Next() (store.Entry, bool)
	// Floor is the number up to which all were given.
	Floor() uint64
	Behind() int
	// Fresh reports whether what comes next is new, not of a backlog.
	Fresh() bool
	Again(seq uint64) ([]byte, bool)
}

// dated is the outcome of dating a reading.
type dated uint8

const (
	datedNow   dated = iota // the time is good
	datedLater              // it will be known when the clock is trusted
	datedNever              // the start that it belongs to is gone
)

const (
	// givenUp is how often a message of many values gives up its place, while
	// others are answered, before it is divided: the platform may not be able to
	// read it, and say so to nobody.
	givenUp = 3
	// mostRestamps bounds how often a message gets another time.
	mostRestamps = 3
	// readAtOnce is how many records are read before other work has its turn.
	readAtOnce = 256
)

func newDelivery(p Platform, src source, window int, timeout time.Duration, id [16]byte) *delivery {
	d := &delivery{
		platform: p, source: src, storeID: id,
		date: func(*meter.Reading, time.Time, uint64) dated { return datedNow },
		told: func(string, ...any) {}, alarmed: func(string, ...any) {},
	}
	d.count.Codes, d.count.WithheldOf = map[string]int{}, map[string]int{}
	d.limits = p.Limits()
	d.pacing = pacing{limit: d.limits.Pace, timeout: timeout}
	d.unsup = map[string]bool{}
	d.vouched = map[dlt645.Address]bool{}
	d.window = newWindow(window, d.limits.Registers, func(a dlt645.Address) bool { return !d.unknownMeter(a) })
	d.roll = map[dlt645.Address]*registration{}
	for _, dev := range p.Directory().Devices() {
		d.order = append(d.order, dev.Address())
	}
	if d.limits.Gateway {
		d.order = append(d.order, dlt645.Address{})
	}
	d.ledger = newLedger(&d.count, d.order)
	for _, a := range d.order {
		_, _, leaves := d.leave(time.Time{}, a)
		d.roll[a] = &registration{leaves: leaves}
	}
	return d
}

// next gives the message to send now, false if there is none. Publish must
// have been offered room for it.
func (d *delivery) next(now time.Time) (Message, bool) {
	if !d.pacing.ready(now) {
		return Message{}, false
	}
	if m, ok := d.nextLater(now); ok {
		return m, true
	}
	d.more = false
	if d.greets > 0 || d.window.alone(now) {
		return Message{}, false // every meter is registered first
	}
	for d.window.room() {
		if d.window.dry(d.source.Fresh()) && !d.read(now) {
			return d.nextLater(now) // what was read may want its meter registered
		}
		r, ok := d.window.first()
		if !ok {
			break
		}
		if !d.sizing.fits(len(r.Payload)) && d.divide(now, r) {
			continue // its parts have their turn
		}
		if d.window.mayGo(r) {
			return d.send(now, r), true
		}
	}
	return Message{}, false
}

// nextLater gives a message whose time has come.
func (d *delivery) nextLater(now time.Time) (Message, bool) {
	r := d.window.due(now)
	if r == nil {
		return Message{}, false
	}
	if r.reg != nil && !r.probe && r.order > 0 { // what was signed or dated once is of its time
		r.Message, _ = d.registration(now, r.Meter, r.step)
	}
	return d.send(now, r), true
}

func (d *delivery) send(now time.Time, r *request) Message {
	d.pacing.spend(now)
	d.window.send(now, r)
	if c, ok := d.platform.(Completer); ok && len(r.Keys) > 0 {
		return c.Complete(r.Message)
	}
	return r.Message
}

// nameless takes a refusal that does not say of what. If one message alone is
// outstanding, it is that; else they go out again one at a time, so that the
// next refusal has a name.
func (d *delivery) nameless(rc *Receipt) {
	out := d.window.carrying()
	if len(out) == 1 {
		rc.ID, rc.Verdict = out[0].ID, Refused
		return
	}
	d.window.single = d.window.single || len(out) > 1
}

func itemKey(m Message) string { return m.Meter.String() + "/" + m.Item }

// cursor tells how far everything is settled.
func (d *delivery) cursor() uint64 {
	floor := d.source.Floor()
	if d.peeked != nil {
		floor = min(floor, begin(*d.peeked)-1)
	}
	return d.ledger.cursor(floor)
}

// receive takes a platform's answer. Answers to what is not outstanding are
// passed over: the platform may answer each of two resends.
func (d *delivery) receive(now time.Time, rc Receipt) {
	if rc.Gone != nil {
		d.letGo(now, *rc.Gone)
	}
	if rc.Nameless {
		d.nameless(&rc)
	}
	if rc.Verdict == Ignored {
		return
	}
	d.pacing.heard = now
	r, ok := d.window.answered(rc.ID)
	if !ok {
		return
	}
	if r.tries == 0 {
		d.count.Trips.add(now.Sub(r.at))
	}
	if r.probe {
		d.probing = false
		return
	}
	if r.reg != nil {
		d.registered(now, r, rc)
		return
	}
	if rc.Verdict != Accepted {
		d.count.Codes[rc.Code]++
	}
	if rc.Verdict == Accepted || rc.Verdict == Unknown || rc.Verdict == Refused || rc.Verdict == Unsupported {
		d.window.release(r)
	}
	switch rc.Verdict {
	case Accepted:
		d.count.Acked++
		d.sizing.accepted(len(r.Payload))
		if reg := d.roll[r.Meter]; reg != nil {
			reg.accepted = now
		}
		d.settleAll(r)
	case Unknown:
		if d.roll[r.Meter] == nil {
			d.postpone(now, r)
			return
		}
		if r.unknown { // although it was registered in between
			d.postpone(now, r)
			return
		}
		reg := d.roll[r.Meter]
		r.unknown, reg.known = true, false
		d.window.hold(r)
		d.register(now, r.Meter)
	case Offline:
		d.vouched[r.Meter], d.vouching = true, true
		d.postpone(now, r)
	case TryLater:
		d.postpone(now, r)
	case Untimely:
		if m, ok := d.restamp(now, r.Message); ok && r.restamps < mostRestamps {
			r.Message, r.restamps = m, r.restamps+1
			d.window.putAhead(r)
			return
		}
		d.window.release(r)
		d.refuse(r, rc)
	case Unsupported:
		d.unsup[itemKey(r.Message)] = true
		d.refuse(r, rc)
	case Refused:
		if !d.divide(now, r) {
			d.refuse(r, rc)
		}
	}
}

// restamp gives an untimely message another time, where the platform has a form
// for that.
func (d *delivery) restamp(now time.Time, m Message) (Message, bool) {
	if p, ok := d.platform.(Restamper); ok {
		return p.Restamp(now, m)
	}
	return m, false
}

func (d *delivery) settleAll(r *request) {
	for _, rec := range r.recs {
		d.settleOne(rec)
	}
}

// refuse sets a message aside: it counts as acknowledged.
func (d *delivery) refuse(r *request, rc Receipt) {
	d.count.Refused++
	item := r.Item
	if item == "" {
		item = strings.Join(r.points, ",")
	}
	d.count.LastRefusal = fmt.Sprintf("%s item %s: %s (%s)", r.Meter, item, quoted(rc.Text), rc.Code)
	if n := d.count.Codes[rc.Code]; n == 1 {
		d.told("an item is refused by the platform", "meter", r.Meter.String(), "item", item, "seq", r.recs[0].seq, "code", rc.Code, "text", quoted(rc.Text))
	}
	d.settleAll(r)
}

// quoted makes the platform's words fit for a line of a log or a console.
func quoted(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

// postpone sends a message again after a pause that doubles.
func (d *delivery) postpone(now time.Time, r *request) {
	d.window.delay(r, r.postpone(now))
}

// expire sends again what was not answered in time, and gives the time of
// the next such moment. If nothing is answered at all, a registration goes out
// to see whether anybody is there: deaf tells that not even that was answered.
func (d *delivery) expire(now time.Time) (next time.Time, deaf bool) {
	for _, r := range d.window.overdue(d.pacing.overdue(now)) {
		if r.probe {
			deaf = true
			continue
		}
		d.count.Resent++
		if r.reg != nil {
			d.heardOf(r.reg)
			r.reg.err = "no answer to the registration"
		}
		switch d.pacing.lapsed(r) {
		case lapseAgain:
			d.window.delay(r, now)
			continue
		case lapseSilent:
			if r.mute++; (r.mute >= convicted || d.sizing.tries(len(r.Payload))) && d.halve(now, r) {
				continue
			}
			if !d.probe(now) {
				deaf = true
			}
		case lapsePassed:
			if r.passed++; (r.passed >= givenUp || d.sizing.tries(len(r.Payload))) && d.halve(now, r) {
				continue
			}
			if d.ignored(r) {
				d.setAside(r, ignoredWhy)
				continue
			}
		}
		d.postpone(now, r)
	}
	return earlier(d.window.next(now, d.pacing.timeout), d.pacing.next(now)), deaf
}

// queued tells how many records are not settled.
func (d *delivery) queued() int {
	n := d.waiting() + d.source.Behind()
	if d.peeked != nil {
		n++
	}
	return n
}
