package das

import (
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// StatusEvery is how fresh the answer to a query of all states or values is.
func (d *DAS) StatusEvery() time.Duration { return 10 * time.Second }

// Status sends nothing, the platform has no such message. It keeps the states
// for when the platform asks.
func (d *DAS) Status(_ time.Time, meters []meter.MeterState) (uplink.Message, bool) {
	clear(d.states)
	for _, m := range meters {
		if dev := d.dir.Of(m.Address); dev != nil && m.Known {
			d.states[dev.N] = m
		}
	}
	return uplink.Message{}, false
}

// allValues answers the query of all properties by a batch, as the list of
// topics suggests; its page is not published. Nobody waits for an answer to
// it. Own choice: what does not fit into one message is left out, and nothing is
// told while the clock is doubted.
func (d *DAS) allValues(now time.Time) uplink.Receipt {
	if !d.trusted() {
		return uplink.Receipt{}
	}
	p := packer{product: d.product, open: map[dlt645.Address]*batch{}}
	all := p.room(dlt645.Address{}, 0)
	for i := range d.dir.Devices() {
		dev, s := &d.dir.Devices()[i], d.states[i]
		if s.ReadAt.IsZero() {
			continue
		}
		who := identity{d.product(dev), dev.ID}
		for k, value := range s.Values {
			read := s.ReadAt
			if k < len(s.Times) {
				read = s.Times[k]
			}
			for _, v := range d.dir.Values([]meter.PointValue{value}) {
				if all.size+entryBytes+len(who.DeviceID)+len(who.ProductID)+cost(v) <= mostBytes {
					all.add(who, dev.Address(), 0, v, uplink.Then(now, read))
				}
			}
		}
	}
	if len(all.entries) == 0 {
		return uplink.Receipt{}
	}
	m := d.batch(all, 0)
	m.ID = ""
	return uplink.Receipt{Reply: &m}
}

// allStates answers the query of all states. Own choice: by the login of all
// that are online, since the document shows no other message that tells it.
func (d *DAS) allStates(now time.Time) uplink.Receipt {
	var list []map[string]string
	for i := range d.dir.Devices() {
		if dev := &d.dir.Devices()[i]; dev.Key != "" && d.states[i].Online {
			list = append(list, d.credentials(now, dev, dev.ID))
		}
	}
	if len(list) == 0 {
		return uplink.Receipt{}
	}
	id := d.nextID()
	m := d.message(topicLogin, id, loginMessage{id, list})
	m.ID = ""
	return uplink.Receipt{Reply: &m}
}
