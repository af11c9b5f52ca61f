package uplink

import (
	"fmt"
	"time"

	"meterd/dlt645"
)

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

// connected begins a session: every meter is registered anew, and what was
// outstanding goes out again with the id it had.
func (d *delivery) connected(now time.Time) {
	d.pacing.heard = now
	d.verdicts.suspects.began = now
	d.greets, d.probing = 0, false
	d.window.reopen(now)
	for _, a := range d.order {
		reg := d.roll[a]
		reg.known, reg.asked, reg.heard, reg.left = false, false, false, false
	}
	for _, a := range d.order {
		if !d.roll[a].leaves || d.owes(a) {
			d.register(now, a)
		}
	}
}

// registration gives a step of a meter's registration; false if there is none.
func (d *delivery) registration(now time.Time, a dlt645.Address, step int) (Message, bool) {
	p, ok := d.platform.(Registrar)
	dev := d.platform.Directory().Of(a)
	if !ok || dev == nil {
		return Message{}, false
	}
	return p.Register(now, dev, step)
}

// register queues the registration of a meter, unless one is on its way.
func (d *delivery) register(now time.Time, a dlt645.Address) {
	d.registerAt(now, now, a)
}

func (d *delivery) registerAt(now, at time.Time, a dlt645.Address) {
	reg := d.roll[a]
	if reg.asked {
		return
	}
	m, needed := d.registration(now, a, 0)
	if !needed {
		reg.known, reg.heard = true, true
		return
	}
	reg.asked, reg.left = true, false
	if !reg.heard {
		d.greets++
	}
	d.window.delay(&request{Message: m, reg: reg}, at)
}

// letGo registers a meter again that the platform has let go: after a pause
// that doubles, as long as it does so time and again.
func (d *delivery) letGo(now time.Time, a dlt645.Address) {
	reg := d.roll[a]
	if reg == nil || !reg.known {
		return
	}
	reg.again = longer(reg.again)
	if now.Sub(reg.let) > forgiven {
		reg.again = firstPostpone
	}
	reg.known, reg.let = false, now
	d.registerAt(now, now.Add(reg.again), a)
}

// forgiven is how long after it was let go a meter is registered at once again.
const forgiven = time.Hour

// heardOf notes the first answer, or time-out, of a registration.
func (d *delivery) heardOf(reg *registration) {
	if !reg.heard {
		reg.heard = true
		d.greets--
	}
}

// takes reports whether records of the meter go out now, or are parked.
func (d *delivery) takes(a dlt645.Address) bool { return d.roll[a].known && !d.window.clogged(a) }

// makeRoom sets the oldest parked record aside, of a meter that the platform
// has refused for good. Others are waited for: no time-out costs a reading.
func (d *delivery) makeRoom() {
	for _, a := range d.order {
		reg := d.roll[a]
		rec, ok := d.oldest(a)
		if !reg.refused || !ok {
			continue
		}
		d.count.Refused++
		d.count.LastRefusal = fmt.Sprintf("%s is not registered: %s", a, reg.err)
		d.settle(rec)
		d.ledger.unpark(a)
		return
	}
}

// registered takes the answer to a registration. A refused one is tried
// again; the meter's records wait for it.
func (d *delivery) registered(now time.Time, r *request, rc Receipt) {
	reg := r.reg
	d.heardOf(reg)
	if rc.Verdict != Accepted { // it goes out again: reg.asked stays
		reg.err = fmt.Sprintf("%s (%s)", quoted(rc.Text), rc.Code)
		reg.refused = rc.Verdict == Refused || rc.Verdict == Unsupported
		d.told("the platform does not register a meter", "meter", r.Meter.String(), "code", rc.Code, "text", quoted(rc.Text))
		d.postpone(now, r)
		return
	}
	if m, more := d.registration(now, r.Meter, r.step+1); more {
		d.window.delay(&request{Message: m, reg: reg, step: r.step + 1}, now)
		return
	}
	reg.known, reg.asked, reg.refused, reg.err = true, false, false, ""
	d.window.welcome(r.Meter)
}

// probe registers a meter once more, which harms nothing; false if the
// platform knows no registration.
func (d *delivery) probe(now time.Time) bool {
	if d.probing {
		return true
	}
	for _, a := range d.order {
		if !d.registeredMeter(a) {
			continue // nobody comes online only to be asked after
		}
		if m, needed := d.registration(now, a, 0); needed {
			d.probing = true
			d.window.delay(&request{Message: m, reg: d.roll[a], probe: true}, now)
			return true
		}
	}
	return false
}

// registeredMeter reports whether the platform knows a meter.
func (d *delivery) registeredMeter(a dlt645.Address) bool {
	reg := d.roll[a]
	return reg != nil && reg.known
}

// unknownMeter reports whether messages of a meter must wait: it is one of ours
// that the platform does not know. A message of no single meter need not.
func (d *delivery) unknownMeter(a dlt645.Address) bool {
	reg := d.roll[a]
	return reg != nil && !reg.known
}

// unregistered names the meters that the platform does not take, with why.
func (d *delivery) unregistered() map[dlt645.Address]string {
	out := map[dlt645.Address]string{}
	for a, reg := range d.roll {
		if !reg.known && reg.err != "" {
			out[a] = reg.err
		}
	}
	return out
}
