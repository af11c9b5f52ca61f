package uplink

import (
	"cmp"
	"slices"
	"time"

	"meterd/dlt645"
)

// request is a message that waits for its turn, or for the platform's answer.
type request struct {
	Message
	recs   []*record      // that it carries; none for a registration
	of     dlt645.Address // the meter of its first record; zero: the board
	points []string       // of a record that was divided: these alone
	reg    *registration  // of a registration
	step   int            // of a registration
	probe  bool           // a registration whose answer tells only that somebody answers
	at     time.Time      // when it was last sent, or is to be sent again
	order  int64          // in which it was sent; 0: never
	patience
	judged
}

// window is where each message stands, and which goes next. It does no I/O.
//
//	put ─► ready ─► first, mayGo ─► send ─► sent ─► answered, overdue
//	        ▲ ▲ ▲         │                  ▲              │
//	        │ │ └ blocked ◄ a key is taken   │              │
//	        │ └── held    ◄ unknown meter    due ◄─ later ◄─ delay
//	       parts ◄ split
//
// At most size messages are outstanding; a registration waits for no place, but
// takes one.
type window struct {
	size      int
	registers int                       // registrations that may be outstanding
	known     func(dlt645.Address) bool // whether the platform takes messages of a meter

	ready   []*request
	parts   []*request // of divided messages: they go ahead of the backlog, but not of what is new
	sent    map[string]*request
	later   []*request             // wait for their time
	held    []*request             // wait until their meter is known again
	blocked []*request             // wait for one that is on its way under the same key
	busy    map[string]*request    // by key: what is on its way
	delayed map[dlt645.Address]int // of the messages of each meter: how many wait for their time
	orders  int64                  // of messages sent so far
	single  bool                   // one message at a time, since one of those that were sent was refused, and not which
}

const (
	// mostDelayed is how many messages of a meter wait for their time before
	// its further records are parked.
	mostDelayed = 32
	// mostLater is how many messages wait for their time, or for another one,
	// before no more records are read.
	mostLater = 1024
)

func newWindow(size, registers int, known func(dlt645.Address) bool) window {
	return window{
		size: size, registers: max(registers, 1), known: known,
		sent: map[string]*request{}, busy: map[string]*request{}, delayed: map[dlt645.Address]int{},
	}
}

// put makes messages ready, after those that are.
func (w *window) put(rs ...*request) { w.ready = append(w.ready, rs...) }

// putAhead makes messages ready, before those that are.
func (w *window) putAhead(rs ...*request) { w.ready = slices.Concat(rs, w.ready) }

// split takes the parts of a divided message.
func (w *window) split(parts []*request) { w.parts = slices.Concat(parts, w.parts) }

// full reports whether so much waits that nothing more is to be read.
func (w *window) full() bool { return len(w.later) >= mostLater || len(w.blocked) >= mostLater }

// clogged reports whether so many messages of a meter wait for their time that
// its further records are to be parked.
func (w *window) clogged(a dlt645.Address) bool { return w.delayed[a] >= mostDelayed }

// room reports whether one more message may be outstanding.
func (w *window) room() bool {
	if w.single && len(w.sent)+len(w.later) == 0 {
		w.single = false // all that were out with it are settled
	}
	if w.single {
		return len(w.sent) < 1
	}
	return len(w.sent) < w.size
}

// open reports whether a message that is ready may go: there is room, and neither
// is a suspect out nor has its turn come, since that goes alone.
func (w *window) open(now time.Time) bool {
	for _, r := range w.later {
		if r.suspected && !r.at.After(now) && w.known(r.Meter) && !w.waits(r) {
			return false
		}
	}
	return !w.suspectOut() && w.room()
}

// dry reports whether nothing is ready, so that more is to be read. Parts are
// ready unless something new comes next.
func (w *window) dry(fresh bool) bool {
	if len(w.ready) == 0 && len(w.parts) > 0 && !fresh {
		w.ready, w.parts = append(w.ready, w.parts[0]), w.parts[1:]
	}
	return len(w.ready) == 0
}

// first takes the first message that is ready; false if that is a suspect, and
// others are outstanding: it goes alone.
func (w *window) first() (*request, bool) {
	r := w.ready[0]
	if r.suspected && len(w.carrying()) > 0 {
		return nil, false
	}
	w.ready = w.ready[1:]
	return r, true
}

// mayGo reports whether a message may be sent. One that may not is kept until
// the message is settled, or the meter known, that it waits for.
func (w *window) mayGo(r *request) bool {
	switch {
	case w.waits(r):
		w.blocked = append(w.blocked, r)
	case !w.known(r.Meter):
		w.hold(r)
	default:
		return true
	}
	return false
}

// waits reports whether another message with a key of this one is on its way.
func (w *window) waits(r *request) bool {
	for _, k := range r.Keys {
		if other := w.busy[k]; other != nil && other != r {
			return true
		}
	}
	return false
}

// send makes a message outstanding.
func (w *window) send(now time.Time, r *request) {
	w.orders++
	r.at, r.order = now, w.orders
	w.sent[r.ID] = r
	for _, k := range r.Keys {
		w.busy[k] = r
	}
}

// answered takes the message that an answer is to. Its keys stay taken.
func (w *window) answered(id string) (*request, bool) {
	r, ok := w.sent[id]
	delete(w.sent, id)
	return r, ok
}

// overdue takes the messages that were sent at a time or before, in the order
// of sending.
func (w *window) overdue(sent time.Time) []*request {
	out := slices.DeleteFunc(w.outstanding(), func(r *request) bool { return r.at.After(sent) })
	for _, r := range out {
		delete(w.sent, r.ID)
	}
	return out
}

// release lets those go that wait for a key of this one.
func (w *window) release(r *request) {
	for _, k := range r.Keys {
		if w.busy[k] == r {
			delete(w.busy, k)
		}
	}
	if len(r.Keys) > 0 && len(w.blocked) > 0 {
		w.ready, w.blocked = append(w.blocked, w.ready...), nil
	}
}

// delay keeps a message until a time.
func (w *window) delay(r *request, at time.Time) {
	r.at = at
	w.later = append(w.later, r)
	if len(r.recs) > 0 {
		w.delayed[r.Meter]++
	}
}

// due takes a message whose time has come and that may go: registrations as
// long as few are outstanding, others as long as there is room.
func (w *window) due(now time.Time) *request {
	registering := 0
	for _, r := range w.sent {
		if r.reg != nil {
			registering++
		}
	}
	for i, r := range w.later {
		if r.at.After(now) {
			continue
		}
		if r.reg != nil && registering >= w.registers || r.reg == nil && !w.room() || w.waits(r) {
			continue
		}
		if len(r.recs) > 0 && (!w.known(r.Meter) || w.suspectOut() || r.suspected && len(w.carrying()) > 0) {
			continue
		}
		w.later = slices.Delete(w.later, i, i+1)
		if len(r.recs) > 0 {
			w.delayed[r.Meter]--
		}
		return r
	}
	return nil
}

// next gives the time of the next message that is overdue or due; zero if
// nothing waits for a time. What is due and finds no place waits for an answer.
func (w *window) next(now time.Time, timeout time.Duration) (next time.Time) {
	for _, r := range w.sent {
		next = earlier(next, r.at.Add(timeout))
	}
	for _, r := range w.later {
		if r.at.After(now) {
			next = earlier(next, r.at)
		}
	}
	return next
}

// hold keeps a message until its meter is known again.
func (w *window) hold(r *request) { w.held = append(w.held, r) }

// welcome makes ready what waited for a meter.
func (w *window) welcome(a dlt645.Address) {
	of := func(r *request) bool { return r.Meter == a || w.known(r.Meter) } // a former one is known with it
	var rs []*request
	for _, r := range w.held {
		if of(r) {
			rs = append(rs, r)
		}
	}
	w.held = slices.DeleteFunc(w.held, of)
	w.putAhead(rs...)
}

// outstanding gives what was sent and not answered, in the order of sending.
func (w *window) outstanding() []*request {
	out := make([]*request, 0, len(w.sent))
	for _, r := range w.sent {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *request) int { return cmp.Compare(a.order, b.order) })
	return out
}

// carrying gives what is outstanding and carries records.
func (w *window) carrying() []*request {
	return slices.DeleteFunc(w.outstanding(), func(r *request) bool { return len(r.recs) == 0 })
}

func (w *window) suspectOut() bool {
	for _, r := range w.sent {
		if r.suspected {
			return true
		}
	}
	return false
}

// all gives every message.
func (w *window) all() []*request {
	return slices.Concat(w.outstanding(), w.later, w.held, w.ready, w.parts, w.blocked)
}

// owes reports whether a message is to bring records of a meter.
func (w *window) owes(a dlt645.Address) bool {
	return slices.ContainsFunc(w.all(), func(r *request) bool { return r.Meter == a && len(r.recs) > 0 })
}

// reopen begins a connection: what was outstanding goes out again with the id
// it had, in the order of the records. Registrations are forgotten.
func (w *window) reopen(now time.Time) {
	for _, r := range w.sent {
		r.at = now.Add(r.pause) // of those that wait already the time stays: connections may be shorter than a pause
	}
	again := slices.DeleteFunc(w.all(), func(r *request) bool { return len(r.recs) == 0 })
	slices.SortStableFunc(again, func(a, b *request) int { return cmp.Compare(a.recs[0].seq, b.recs[0].seq) })
	w.ready, w.parts, w.later, w.held, w.blocked = nil, nil, nil, nil, nil
	clear(w.sent)
	clear(w.busy)
	clear(w.delayed)
	for _, r := range again {
		r.tries = 0
		if r.pause > 0 && (len(again) > 1 || r.suspected) { // it was given up before: what can be delivered goes first
			w.delay(r, r.at)
			continue
		}
		w.put(r)
	}
}
