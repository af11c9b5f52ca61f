package uplink

import (
	"fmt"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// delivery moves messages between the rooms that the package's comment draws: it
// asks the window what goes next, carries answers to the verdicts, and does what
// they say. It does no I/O but to read the ring again; Uplink calls it from one
// goroutine. The intake and the roll are embedded, since some of their doors are
// its own: cursor, queued, unregistered.
type delivery struct {
	intake
	roll
	window   window
	pacing   pacing
	verdicts verdicts
	platform Platform
	limits   Limits
	count    Counts
	alarmed  func(string, ...any) // a line of the log that is kept, since something is not delivered for good
}

func newDelivery(p Platform, src source, window int, timeout time.Duration, id [16]byte) *delivery {
	d := &delivery{platform: p, limits: p.Limits(), alarmed: func(string, ...any) {}}
	d.count.Codes, d.count.WithheldOf = map[string]int{}, map[string]int{}
	d.roll = newRoll(p)
	d.window = newWindow(window, d.limits.Registers, d.roll.takes)
	d.pacing = pacing{limit: d.limits.Pace, timeout: timeout}
	d.verdicts = newVerdicts(&d.count)
	d.intake = intake{
		ledger: newLedger(&d.count, d.roll.order), roll: &d.roll, platform: p, source: src, storeID: id, batch: max(d.limits.Batch, 1),
		date:     func(*meter.Reading, time.Time, uint64) dated { return datedNow },
		told:     func(string, ...any) {},
		register: func(now time.Time, a dlt645.Address) { d.register(now, now, a) },
		clogged:  d.window.clogged,
		supports: d.verdicts.supports,
	}
	return d
}

// connected begins a connection: every meter is registered anew, and what was
// outstanding goes out again with the id it had.
func (d *delivery) connected(now time.Time) {
	d.pacing.heard = now
	d.verdicts.suspects.connected(now)
	d.window.reopen(now)
	d.roll.reopen()
	for _, a := range d.roll.order {
		if !d.roll.registrations[a].leaves || d.owes(a) {
			d.register(now, now, a)
		}
	}
}

// register has a meter registered at a time, unless that is under way.
func (d *delivery) register(now, at time.Time, a dlt645.Address) {
	if r := d.roll.register(now, a); r != nil {
		d.window.delay(r, at)
	}
}

// next gives the message to send now, false if there is none. Publish must
// have been offered room for it.
func (d *delivery) next(now time.Time) (Message, bool) {
	if !d.pacing.ready(now) {
		return Message{}, false
	}
	if d.held() {
		d.more = false // until it is not: that comes by a message
		return Message{}, false
	}
	if m, ok := d.nextLater(now); ok {
		return m, true
	}
	d.intake.more = false
	if d.roll.greets > 0 {
		return Message{}, false // every meter is registered first
	}
	for d.window.open(now) {
		if d.window.dry(d.intake.source.Fresh()) {
			out := d.intake.read(now, d.window.full())
			if len(out) == 0 {
				return d.nextLater(now) // what was read may want its meter registered
			}
			d.window.put(out...)
		}
		r, ok := d.window.first()
		if !ok {
			break
		}
		if !d.verdicts.size.fits(len(r.Payload)) {
			if done, _ := d.split(now, r); done {
				continue // its parts have their turn
			}
		}
		if d.window.mayGo(r) {
			return d.send(now, r), true
		}
	}
	return Message{}, false
}

// held reports whether the platform wants nothing delivered now.
func (d *delivery) held() bool {
	p, ok := d.platform.(Holder)
	return ok && p.Held()
}

// heldCode counts what the broker took while nobody stored it.
const heldCode = "held"

// puback notes that the broker has taken a message for which that counts.
func (d *delivery) puback(now time.Time, id string) {
	rc := Receipt{ID: id, Verdict: Accepted}
	if d.held() {
		rc.Verdict, rc.Code = TryLater, heldCode
	}
	d.receive(now, rc)
}

// nextLater gives a message whose time has come.
func (d *delivery) nextLater(now time.Time) (Message, bool) {
	r := d.window.due(now)
	if r == nil {
		return Message{}, false
	}
	if r.reg != nil && !r.probe && r.order > 0 { // what was signed or dated once is of its time
		r.Message, _ = d.roll.message(now, r.Meter, r.step)
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

// receive takes a platform's answer. Answers to what is not outstanding are
// passed over: the platform may answer each of two resends.
func (d *delivery) receive(now time.Time, rc Receipt) {
	for _, gone := range rc.Gone {
		if pause, ok := d.roll.letGo(now, gone); ok {
			d.register(now, now.Add(pause), gone)
		}
	}
	if rc.Nameless {
		out := d.window.carrying()
		rc = named(rc, out)
		d.window.single = d.window.single || len(out) > 1
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
		d.roll.probing = false
		return
	}
	if r.reg != nil {
		d.registered(now, r, rc)
		return
	}
	if o := d.verdicts.answered(now, r, rc, d.roll.ours(r.Meter)); !d.halve(now, r, o) {
		d.carryOut(now, r, o)
	}
}

// registered takes the answer to a registration. A refused one is tried again;
// the meter's records wait for it.
func (d *delivery) registered(now time.Time, r *request, rc Receipt) {
	switch next := d.roll.answered(now, r, rc); next {
	case nil:
		d.window.welcome(r.Meter)
	case r:
		d.told("the platform does not register a meter", "meter", r.Meter.String(), "code", rc.Code, "text", quoted(rc.Text))
		d.postpone(now, r)
	default:
		d.window.delay(next, now)
	}
}

// split has the halves of a message go out in its place. It is not done if the
// message carries one thing, or later if what it carries cannot be had now.
func (d *delivery) split(now time.Time, r *request) (done, later bool) {
	c, ok := d.intake.contentOf(now, r)
	if !ok {
		return false, true
	}
	parts, done := d.intake.divide(r, c)
	if done {
		d.window.split(parts)
	}
	return done, false
}

// halve splits a message if that is its outcome; false if it carries one thing.
// Nothing is lost by it, so it needs less of a proof than setting it aside.
func (d *delivery) halve(now time.Time, r *request, o outcome) bool {
	if !o.halves {
		return false
	}
	done, later := d.split(now, r)
	if !done && !later {
		return false
	}
	d.window.answered(r.ID)
	d.window.release(r)
	if later {
		d.postpone(now, r)
		return true
	}
	if size := &d.verdicts.size; o.large {
		if size.tooLarge(len(r.Payload)); size.most > 0 {
			d.told("a message does not get through; they are sent smaller", "meter", r.Meter.String(), "bytes", len(r.Payload), "most", size.most, "hint", "what is the broker's limit for a message?")
		}
	}
	return true
}

// carryOut does with a message, which is not outstanding any more, what its
// outcome says.
func (d *delivery) carryOut(now time.Time, r *request, o outcome) {
	if o.frees {
		d.window.release(r)
	}
	switch o.fate {
	case fateSettled:
		d.intake.settleAll(r.recs)
	case fateRefused, fateAside:
		d.setAside(r, o)
	case fateVouch:
		d.roll.vouch(r.Meter)
		d.postpone(now, r)
	case fatePostpone:
		d.postpone(now, r)
	case fateRestamp:
		if p, can := d.platform.(Restamper); can {
			if m, ok := p.Restamp(now, r.Message); ok {
				r.Message = m
				d.window.putAhead(r)
				return
			}
		}
		d.window.release(r)
		d.setAside(r, o)
	case fateHold:
		d.roll.forget(r.Meter)
		d.window.hold(r)
		d.register(now, now, r.Meter)
	}
}

// setAside gives a message up, so that the queue goes on: it counts as
// acknowledged. Its records stay in the ring until they are overwritten.
func (d *delivery) setAside(r *request, o outcome) {
	item := r.Item
	if item == "" {
		item = strings.Join(r.points, ",")
	}
	if o.fate == fateAside {
		d.count.SetAside++
		d.count.LastAside = fmt.Sprintf("meter %s item %s, record %d, %d bytes: %s", r.of, item, r.recs[0].seq, len(r.Payload), o.text)
		d.alarmed("a message is set aside and not sent again", "meter", r.of.String(), "item", item, "seq", r.recs[0].seq, "bytes", len(r.Payload), "topic", r.Topic, "why", o.text)
	} else {
		d.count.Refused++
		d.count.LastRefusal = fmt.Sprintf("meter %s item %s: %s (%s)", r.of, item, quoted(o.text), o.code)
		if d.count.Codes[o.code] == 1 {
			d.told("an item is refused by the platform", "meter", r.of.String(), "item", item, "seq", r.recs[0].seq, "code", o.code, "text", quoted(o.text))
		}
	}
	d.intake.settleAll(r.recs)
}

// cut takes note of a connection that was lost, and tells why it may have been.
func (d *delivery) cut(now time.Time, err error, client string) error {
	if !byThem(err) {
		return err
	}
	suspects := &d.verdicts.suspects
	over := suspects.ended(now, d.window.carrying(), d.count.Acked)
	if len(over) == 0 { // then no message is to blame for those before either
		for _, r := range d.window.all() {
			r.suspicion = suspicion{}
		}
		return suspects.explain(now, err, client)
	}
	halved := false
	for _, r := range over { // all that goes out may be too large
		halved = d.halve(now, r, d.verdicts.cut(r)) || halved
	}
	if halved {
		return err // whether it was that is seen first
	}
	if o, proven := suspects.blame(now, over); proven && !d.halve(now, over[0], o) {
		d.window.answered(over[0].ID)
		d.carryOut(now, over[0], o)
	}
	return err
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
			d.roll.lapsed(r.reg)
		}
		why := d.pacing.lapsed(r)
		if why == lapseAgain {
			d.window.delay(r, now)
			continue
		}
		o := d.verdicts.unanswered(r, why)
		if d.halve(now, r, o) {
			continue
		}
		if why == lapseSilent {
			probe, can := d.roll.probe(now)
			if probe != nil {
				d.window.delay(probe, now)
			}
			deaf = deaf || !can
		}
		d.carryOut(now, r, o)
	}
	return earlier(d.window.next(now, d.pacing.timeout), d.pacing.next(now)), deaf
}
