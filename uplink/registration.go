package uplink

import (
	"fmt"
	"time"

	"meterd/dlt645"
)

// roll is the account of the meters as the platform knows them, and makes the
// messages by which it gets to know them. It sends nothing and reads no clock.
type roll struct {
	platform      Platform
	order         []dlt645.Address // of meters: that of the configuration, the board itself last
	registrations map[dlt645.Address]*registration
	greets        int  // registrations that have had no answer at all yet
	probing       bool // a registration is out to see whether anybody answers
	vouching      bool // the platform asks which meters are online
	// vouched are the meters that the platform holds for offline although we
	// have readings of them: they are told as online until those are delivered.
	vouched map[dlt645.Address]bool
}

// registration is how far a meter is known to the platform.
type registration struct {
	known   bool
	asked   bool          // a request is on its way or waits for its time
	heard   bool          // there was an answer or a time-out
	refused bool          // the platform said for good that it does not take the meter
	leaves  bool          // it is online on the platform only while it is registered
	left    bool          // it is dead, and has left in this connection
	again   time.Duration // pause before it is registered once more, after the platform let it go
	let     time.Time     // when that was
	err     string
}

// forgiven is how long after it was let go a meter is registered at once again.
const forgiven = time.Hour

func newRoll(p Platform) roll {
	l := roll{platform: p, registrations: map[dlt645.Address]*registration{}, vouched: map[dlt645.Address]bool{}}
	named := map[string]dlt645.Address{}
	same := map[dlt645.Address]dlt645.Address{} // former meters whose id another one has
	for _, dev := range p.Directory().Devices() {
		l.order = append(l.order, dev.Address())
		if now, taken := named[dev.ID]; taken {
			same[dev.Address()] = now
		} else {
			named[dev.ID] = dev.Address()
		}
	}
	if p.Limits().Gateway {
		l.order = append(l.order, dlt645.Address{})
	}
	for _, a := range l.order {
		if now, ok := same[a]; ok { // it is known as soon as that one is
			l.registrations[a] = l.registrations[now]
			continue
		}
		_, _, leaves := l.leave(time.Time{}, a)
		l.registrations[a] = &registration{leaves: leaves}
	}
	return l
}

// reopen begins a connection: every meter is to be registered anew.
func (l *roll) reopen() {
	l.greets, l.probing = 0, false
	for _, reg := range l.registrations {
		reg.known, reg.asked, reg.heard, reg.left = false, false, false, false
	}
}

// ours reports whether a meter is one that the platform is told of.
func (l *roll) ours(a dlt645.Address) bool { return l.registrations[a] != nil }

// knows reports whether the platform knows a meter.
func (l *roll) knows(a dlt645.Address) bool { return l.ours(a) && l.registrations[a].known }

// takes reports whether messages of a meter may go: they wait if it is one of
// ours that the platform does not know. A message of no single meter need not.
func (l *roll) takes(a dlt645.Address) bool { return !l.ours(a) || l.registrations[a].known }

// message gives a step of a meter's registration; false if there is none.
func (l *roll) message(now time.Time, a dlt645.Address, step int) (Message, bool) {
	p, ok := l.platform.(Registrar)
	dev := l.platform.Directory().Of(a)
	if !ok || dev == nil {
		return Message{}, false
	}
	return p.Register(now, dev, step)
}

// register gives the request that registers a meter; nil if one is on its way,
// or none is needed: then the meter is known.
func (l *roll) register(now time.Time, a dlt645.Address) *request {
	reg := l.registrations[a]
	if reg.asked {
		return nil
	}
	m, needed := l.message(now, a, 0)
	if !needed {
		reg.known, reg.heard = true, true
		return nil
	}
	reg.asked, reg.left = true, false
	if !reg.heard {
		l.greets++
	}
	return &request{Message: m, reg: reg}
}

// heardOf notes the first answer, or time-out, of a registration.
func (l *roll) heardOf(reg *registration) {
	if !reg.heard {
		reg.heard = true
		l.greets--
	}
}

// lapsed takes note of a registration that was not answered in time.
func (l *roll) lapsed(reg *registration) {
	l.heardOf(reg)
	reg.err = "no answer to the registration"
}

// answered takes the answer to a registration, and gives what is to go out next:
// the same again where it was refused, the next step, or nil once the meter is
// known.
func (l *roll) answered(now time.Time, r *request, rc Receipt) *request {
	reg := r.reg
	l.heardOf(reg)
	if rc.Verdict != Accepted { // it goes out again: reg.asked stays
		reg.err = fmt.Sprintf("%s (%s)", quoted(rc.Text), rc.Code)
		reg.refused = rc.Verdict == Refused || rc.Verdict == Unsupported
		return r
	}
	if m, more := l.message(now, r.Meter, r.step+1); more {
		return &request{Message: m, reg: reg, step: r.step + 1}
	}
	reg.known, reg.asked, reg.refused, reg.err = true, false, false, ""
	return nil
}

// letGo takes note that the platform has let a meter go, and gives the pause
// before it is registered again: it doubles as long as that happens time and
// again. False if the meter was not known.
func (l *roll) letGo(now time.Time, a dlt645.Address) (pause time.Duration, ok bool) {
	if !l.knows(a) {
		return 0, false
	}
	reg := l.registrations[a]
	reg.again = longer(reg.again)
	if now.Sub(reg.let) > forgiven {
		reg.again = firstPostpone
	}
	reg.known, reg.let = false, now
	return reg.again, true
}

// forget takes note that the platform does not know a meter after all.
func (l *roll) forget(a dlt645.Address) { l.registrations[a].known = false }

// probe gives a request that registers a meter once more, which harms nothing;
// nil if one is out already. False if the platform knows no registration.
func (l *roll) probe(now time.Time) (*request, bool) {
	if l.probing {
		return nil, true
	}
	for _, a := range l.order {
		if !l.knows(a) {
			continue // nobody comes online only to be asked after
		}
		if m, needed := l.message(now, a, 0); needed {
			l.probing = true
			return &request{Message: m, reg: l.registrations[a], probe: true}, true
		}
	}
	return nil, false
}

// vouch has a meter told as online, since the platform takes nothing of it else.
func (l *roll) vouch(a dlt645.Address) { l.vouched[a], l.vouching = true, true }

// unregistered names the meters that the platform does not take, with why.
func (l *roll) unregistered() map[dlt645.Address]string {
	out := map[dlt645.Address]string{}
	for a, reg := range l.registrations {
		if !reg.known && reg.err != "" {
			out[a] = reg.err
		}
	}
	return out
}
