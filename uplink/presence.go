package uplink

import (
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// Leaver is a Platform on which a meter is online from its registration until
// it leaves. There a meter is registered once it answers, or once there is
// something of it to deliver, and leaves when it is dead and all is delivered.
type Leaver interface {
	// Leave gives what takes a meter offline: a message, with an empty topic
	// where there is none, and topics to unsubscribe from. False if the meter
	// cannot leave.
	Leave(now time.Time, d *Device) (m Message, topics []string, ok bool)
}

// leaving is a meter that leaves.
type leaving struct {
	message Message
	topics  []string
}

func (l *roll) leave(now time.Time, a dlt645.Address) (Message, []string, bool) {
	p, ok := l.platform.(Leaver)
	dev := l.platform.Directory().Of(a)
	if !ok || dev == nil {
		return Message{}, nil, false
	}
	return p.Leave(now, dev)
}

// attend registers the meters that answer, and has those leave that are dead,
// once for each connection: the platform may hold them for online from an
// earlier one. One that was not asked yet is neither. It gives what is to go
// out.
func (d *delivery) attend(now time.Time, meters []meter.MeterState) (out []leaving) {
	for _, m := range meters {
		reg := d.roll.registrations[m.Address]
		if reg == nil || !m.Known || reg.asked || !reg.leaves {
			continue
		}
		switch {
		case m.Online && !reg.known:
			d.register(now, now, m.Address)
		case !m.Online && !reg.left && !d.owes(m.Address):
			msg, topics, _ := d.roll.leave(now, m.Address)
			reg.left, reg.known = true, false
			out = append(out, leaving{msg, topics})
		}
	}
	return out
}

// owes reports whether something of a meter is to be delivered still.
func (d *delivery) owes(a dlt645.Address) bool { return d.ledger.owes(a) || d.window.owes(a) }

// vouches reports whether a meter is to be told as online although it is not:
// the platform takes nothing of it else. That lasts until all is delivered,
// so that the meter's state does not change with each message.
func (d *delivery) vouches(a dlt645.Address) bool {
	if d.roll.vouched[a] && !d.owes(a) {
		delete(d.roll.vouched, a)
	}
	return d.roll.vouched[a]
}
