package uplink

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
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
	window   int
	timeout  time.Duration
	storeID  [16]byte
	date     func(r *meter.Reading, now time.Time, seq uint64) dated
	lost     func(store.Gap, int) // is told of records that are gone; nil: nobody is
	told     func(string, ...any) // a line of the log
	alarmed  func(string, ...any) // one that is kept, since something is not delivered for good
	count    Counts

	open    []*record    // of those, what is not settled, in the order of their numbers
	peeked  *store.Entry // came from the source, but cannot be taken in yet
	taken   uint64       // the last number that came from the source
	run     int          // counts where its numbers do not go on
	ready   []*request
	sent    map[string]*request
	later   []*request          // wait for their time
	parts   []*request          // of divided messages: they go ahead of the backlog, but not of what is new
	busy    map[string]*request // by key: what is on its way
	blocked []*request          // wait for one that is on its way under the same key
	meters  map[dlt645.Address]*registration
	greets  int             // registrations that have had no answer at all yet
	unsup   map[string]bool // items that the platform does not support

	pace    pacer
	orders  int64 // of requests sent so far
	parked  int   // records that wait for a meter, of all meters, but for spans
	skipped int   // records that were passed over, of all meters
	more    bool  // there is more to read at once
	sizing  sizing
	single  bool // one message at a time, since one of those that were sent was refused, and not which
	suspects

	lastHeard time.Time // when the platform last answered anything
	probing   bool      // a registration is out to see whether anybody answers
	vouching  bool      // the platform asks for it now
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

// record is a reading that is on its way.
type record struct {
	seq  uint64
	left int // messages that are not settled; parked counts as one
}

type request struct {
	Message
	recs     []*record     // that it carries; none for a registration
	points   []string      // of a record that was divided: these alone
	reg      *registration // of a registration
	step     int           // of a registration
	probe    bool          // a registration whose answer tells only that somebody answers
	at       time.Time     // when it was last sent, or is to be sent again
	tries    int           // time-outs, in this connection
	passed   int           // how often it gave its place up while others were answered
	restamps int
	order    int64         // in which it was sent
	pause    time.Duration // before it is sent again, after TryLater
	// unknown tells that the platform did not know its meter before.
	unknown bool
	suspicion
}

// dated is the outcome of dating a reading.
type dated uint8

const (
	datedNow   dated = iota // the time is good
	datedLater              // it will be known when the clock is trusted
	datedNever              // the start that it belongs to is gone
)

const (
	// mostParked is how many records wait for their meters.
	mostParked = 32768
	// mostDelayed is how many messages of a meter wait for their time before
	// its further records are parked.
	mostDelayed = 32
	// passOver is how many time-outs of a message make it give up its place in
	// the window; it goes out again after growing pauses.
	passOver = 3
	// mostLater is how many messages wait for their time, or for another one,
	// before no more records are read.
	mostLater = 1024
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
		platform: p, source: src, window: window, timeout: timeout, storeID: id,
		date: func(*meter.Reading, time.Time, uint64) dated { return datedNow },
		told: func(string, ...any) {}, alarmed: func(string, ...any) {},
	}
	d.count.Codes, d.count.WithheldOf = map[string]int{}, map[string]int{}
	d.limits = p.Limits()
	d.pace.limit = d.limits.Pace
	d.unsup = map[string]bool{}
	d.vouched = map[dlt645.Address]bool{}
	d.sent = map[string]*request{}
	d.busy = map[string]*request{}
	d.meters = map[dlt645.Address]*registration{}
	for _, dev := range p.Directory().Devices() {
		d.order = append(d.order, dev.Address())
	}
	if d.limits.Gateway {
		d.order = append(d.order, dlt645.Address{})
	}
	for _, a := range d.order {
		_, _, leaves := d.leave(time.Time{}, a)
		d.meters[a] = &registration{leaves: leaves}
	}
	return d
}

// next gives the message to send now, false if there is none. Publish must
// have been offered room for it.
func (d *delivery) next(now time.Time) (Message, bool) {
	if !d.pace.ready(now) {
		return Message{}, false
	}
	if d.held() {
		d.more = false // until it is not: that comes by a message
		return Message{}, false
	}
	if m, ok := d.nextLater(now); ok {
		return m, true
	}
	d.more = false
	if d.greets > 0 || d.alone(now) {
		return Message{}, false // every meter is registered first
	}
	for len(d.sent) < d.room() {
		if len(d.ready) == 0 && len(d.parts) > 0 && !d.source.Fresh() {
			d.ready, d.parts = append(d.ready, d.parts[0]), d.parts[1:]
		}
		if len(d.ready) == 0 && !d.read(now) {
			return d.nextLater(now) // what was read may want its meter registered
		}
		for len(d.ready) > 0 {
			r := d.ready[0]
			if r.suspected && d.carrying() > 0 {
				return Message{}, false // it goes alone
			}
			d.ready = d.ready[1:]
			if !d.sizing.fits(len(r.Payload)) && d.divide(now, r) {
				break // its parts have their turn
			}
			if d.waits(r) {
				d.blocked = append(d.blocked, r)
				continue
			}
			if d.unknownMeter(r.Meter) {
				reg := d.meters[r.Meter]
				reg.held = append(reg.held, r)
				continue
			}
			return d.send(r, now), true
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
	r := d.dueLater(now)
	if r == nil {
		return Message{}, false
	}
	if r.reg != nil && !r.probe && r.order > 0 { // what was signed or dated once is of its time
		r.Message, _ = d.registration(now, r.Meter, r.step)
	}
	return d.send(r, now), true
}

func (d *delivery) send(r *request, now time.Time) Message {
	d.orders++
	d.pace.spend()
	r.at, r.order = now, d.orders
	d.sent[r.ID] = r
	for _, k := range r.Keys {
		d.busy[k] = r
	}
	if c, ok := d.platform.(Completer); ok && len(r.Keys) > 0 {
		return c.Complete(r.Message)
	}
	return r.Message
}

// room is how many messages may be outstanding.
func (d *delivery) room() int {
	if d.single && len(d.sent)+len(d.later) == 0 {
		d.single = false // all that were out with it are settled
	}
	if d.single {
		return 1
	}
	return d.window
}

// nameless takes a refusal that does not say of what. If one message alone is
// outstanding, it is that; else they go out again one at a time, so that the
// next refusal has a name.
func (d *delivery) nameless(rc *Receipt) {
	var out []*request
	for _, r := range d.sent {
		if len(r.recs) > 0 {
			out = append(out, r)
		}
	}
	if len(out) == 1 {
		rc.ID, rc.Verdict = out[0].ID, Refused
		return
	}
	d.single = d.single || len(out) > 1
}

// waits reports whether another message with a key of this one is on its way.
func (d *delivery) waits(r *request) bool {
	for _, k := range r.Keys {
		if other := d.busy[k]; other != nil && other != r {
			return true
		}
	}
	return false
}

// release lets those go that wait for this one.
func (d *delivery) release(r *request) {
	for _, k := range r.Keys {
		if d.busy[k] == r {
			delete(d.busy, k)
		}
	}
	if len(r.Keys) > 0 && len(d.blocked) > 0 {
		d.ready, d.blocked = append(d.blocked, d.ready...), nil
	}
}

// dueLater takes a request whose time has come: registrations as long as few
// are outstanding, others within the window.
func (d *delivery) dueLater(now time.Time) *request {
	registering := 0
	for _, r := range d.sent {
		if r.reg != nil {
			registering++
		}
	}
	for i, r := range d.later {
		if r.at.After(now) {
			continue
		}
		if r.reg != nil && registering >= max(d.limits.Registers, 1) || r.reg == nil && len(d.sent) >= d.room() || d.waits(r) {
			continue
		}
		if len(r.recs) > 0 && (d.unknownMeter(r.Meter) || d.suspectOut() || r.suspected && d.carrying() > 0) {
			continue
		}
		d.later = slices.Delete(d.later, i, i+1)
		if reg := d.meters[r.Meter]; len(r.recs) > 0 && reg != nil {
			reg.delayed--
		}
		return r
	}
	return nil
}

func itemKey(m Message) string { return m.Meter.String() + "/" + m.Item }

// find gives the record of that number that is not settled.
func (d *delivery) find(seq uint64) *record {
	if i, ok := d.search(seq); ok {
		return d.open[i]
	}
	return &record{seq: seq}
}

func (d *delivery) search(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(d.open, seq, func(r *record, seq uint64) int { return cmp.Compare(r.seq, seq) })
}

// begin takes a record up, in the place of its number.
func (d *delivery) begin(rec *record) {
	i, _ := d.search(rec.seq)
	d.open = slices.Insert(d.open, i, rec)
}

func (d *delivery) drop(rec *record) bool {
	i, ok := d.search(rec.seq)
	if ok {
		d.open = slices.Delete(d.open, i, i+1)
	}
	return ok
}

// settle marks a record as done.
func (d *delivery) settle(rec *record) {
	if d.drop(rec) {
		d.count.Readings++
	}
}

// cursor tells how far everything is settled.
func (d *delivery) cursor() uint64 {
	floor := d.source.Floor()
	if d.peeked != nil {
		floor = min(floor, begin(*d.peeked)-1)
	}
	if len(d.open) > 0 {
		floor = min(floor, d.open[0].seq-1)
	}
	if first := d.passedOver(); first > 0 {
		floor = min(floor, first-1)
	}
	return floor
}

func (d *delivery) settleOne(rec *record) {
	if rec.left--; rec.left <= 0 {
		d.settle(rec)
	}
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
	d.lastHeard = now
	r, ok := d.sent[rc.ID]
	if !ok {
		return
	}
	delete(d.sent, rc.ID)
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
		d.release(r)
	}
	switch rc.Verdict {
	case Accepted:
		d.count.Acked++
		d.sizing.accepted(len(r.Payload))
		if reg := d.meters[r.Meter]; reg != nil {
			reg.accepted = now
		}
		d.settleAll(r)
	case Unknown:
		if d.meters[r.Meter] == nil {
			d.postpone(now, r)
			return
		}
		if r.unknown { // although it was registered in between
			d.postpone(now, r)
			return
		}
		reg := d.meters[r.Meter]
		r.unknown, reg.known = true, false
		reg.held = append(reg.held, r)
		d.register(now, r.Meter)
	case Offline:
		d.vouched[r.Meter], d.vouching = true, true
		d.postpone(now, r)
	case TryLater:
		d.postpone(now, r)
	case Untimely:
		if m, ok := d.restamp(now, r.Message); ok && r.restamps < mostRestamps {
			r.Message, r.restamps = m, r.restamps+1
			d.ready = append([]*request{r}, d.ready...)
			return
		}
		d.release(r)
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

const (
	firstPostpone = 5 * time.Second
	mostPostpone  = 5 * time.Minute
)

// postpone sends a message again after a pause that doubles.
func (d *delivery) postpone(now time.Time, r *request) {
	r.pause = max(firstPostpone, min(2*r.pause, mostPostpone))
	r.at = now.Add(r.pause)
	d.delay(r)
}

// delay keeps a message until its time, outside the window.
func (d *delivery) delay(r *request) {
	d.later = append(d.later, r)
	if reg := d.meters[r.Meter]; len(r.recs) > 0 && reg != nil {
		reg.delayed++
	}
}

// expire sends again what was not answered in time, and gives the time of
// the next such moment. A message that is not answered time and again gives
// its place in the window up. If nothing else was answered meanwhile either,
// a registration goes out to see whether anybody is there: deaf tells that
// not even that was answered.
func (d *delivery) expire(now time.Time) (next time.Time, deaf bool) {
	for _, r := range d.outstanding() {
		due := r.at.Add(d.timeout)
		if due.After(now) {
			next = earlier(next, due)
			continue
		}
		delete(d.sent, r.ID)
		if r.probe {
			deaf = true
			continue
		}
		r.tries++
		d.count.Resent++
		if r.reg != nil {
			d.heardOf(r.reg)
			r.reg.err = "no answer to the registration"
		}
		if r.tries < passOver {
			r.at = now
			d.delay(r)
			continue
		}
		if !r.at.Before(d.lastHeard) { // nothing was
			if r.mute++; (r.mute >= convicted || d.sizing.tries(len(r.Payload))) && d.halve(now, r) {
				continue
			}
			if !d.probe(now) {
				deaf = true
			}
		} else { // others were answered
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
	if at, ok := d.pace.next(now); ok {
		next = earlier(next, at)
	}
	for _, r := range d.later {
		if r.at.After(now) { // what is due and finds no place waits for an answer, not for a time
			next = earlier(next, r.at)
		}
	}
	return next, deaf
}

// outstanding gives what was sent and not answered, in the order of sending.
func (d *delivery) outstanding() []*request {
	return slices.SortedFunc(maps.Values(d.sent), func(a, b *request) int { return cmp.Compare(a.order, b.order) })
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// queued tells how many records are not settled.
func (d *delivery) queued() int {
	n := len(d.open) + d.source.Behind()
	if d.peeked != nil {
		n++
	}
	return n + d.skipped
}
