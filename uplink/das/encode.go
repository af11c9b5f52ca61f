package das

import (
	"encoding/json"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

const (
	// mostUnits are put into messages together.
	mostUnits = 50
	// mostBytes of a message are our own bound; the document tells none.
	mostBytes = 60000
)

type sys struct {
	// Ack must be 1 for an answer; the document's examples have 0.
	Ack int `json:"ack"`
}

// up is the frame of what is reported.
type up struct {
	ID         string `json:"id"`
	Version    string `json:"version"`
	Sys        sys    `json:"sys"`
	Identifier string `json:"identifier,omitempty"` // of an event
	Params     any    `json:"params"`
	Method     string `json:"method"`
}

type identity struct {
	ProductID string `json:"productId"`
	DeviceID  string `json:"deviceId"`
}

type timed struct {
	Value json.RawMessage `json:"value"`
	Time  int64           `json:"time"` // ms
}

type entry struct {
	Identity   identity         `json:"identity"`
	Properties map[string]timed `json:"properties"`
}

// batch is a message of values in the making.
type batch struct {
	meter   dlt645.Address // the only one, zero for several
	entries []entry
	last    map[dlt645.Address]int // the meter's last entry
	covers  []int
	size    int
}

const (
	frameBytes = 200 // of a message without entries, at most
	entryBytes = 80  // of an entry, besides ids and values
	valueBytes = 48  // of a value, besides its name and itself
)

func cost(v uplink.Named) int {
	key, _ := json.Marshal(v.Key)
	return len(key) + len(v.JSON) + valueBytes
}

func (b *batch) add(who identity, of dlt645.Address, unit int, v uplink.Named, at time.Time) {
	if len(b.entries) > 0 && b.meter != of {
		b.meter = dlt645.Address{}
	} else {
		b.meter = of
	}
	k, ok := b.last[of]
	if ok {
		_, ok = b.entries[k].Properties[v.Key]
		ok = !ok
	}
	if !ok { // the meter's first, or an identifier that another reading has taken
		k = len(b.entries)
		b.entries = append(b.entries, entry{who, map[string]timed{}})
		b.last[of] = k
		b.size += entryBytes + len(who.ProductID) + len(who.DeviceID)
	}
	b.entries[k].Properties[v.Key] = timed{v.JSON, at.UnixMilli()}
	b.size += cost(v)
	if n := len(b.covers); n == 0 || b.covers[n-1] != unit {
		b.covers = append(b.covers, unit)
	}
}

// packer puts values into as few messages as it may.
type packer struct {
	product func(*uplink.Device) string
	open    map[dlt645.Address]*batch // by the meter that logs in, zero for all that do not
	all     []*batch
}

// room gives the message that takes some bytes more.
func (p *packer) room(key dlt645.Address, bytes int) *batch {
	b := p.open[key]
	if b == nil || len(b.entries) > 0 && b.size+bytes > mostBytes {
		b = &batch{last: map[dlt645.Address]int{}, size: frameBytes}
		p.open[key] = b
		p.all = append(p.all, b)
	}
	return b
}

func (p *packer) add(dev *uplink.Device, unit int, values []uplink.Named, at time.Time) {
	key := dlt645.Address{}
	if dev.Key != "" {
		key = dev.Address() // so that the message waits for the login
	}
	product := p.product(dev)
	more := entryBytes + len(product) + len(dev.ID)
	whole := more
	for _, v := range values {
		whole += cost(v)
	}
	if len(values) > 0 && whole+frameBytes <= mostBytes {
		p.room(key, whole) // a reading stays in one piece if it can
	}
	for _, v := range values {
		p.room(key, more+cost(v)).add(identity{product, dev.ID}, dev.Address(), unit, v, at)
	}
}

// Encode gives messages of many readings, and one for each event. The platform
// knows repeats by device, identifier and time, so the ids are new each time.
func (d *DAS) Encode(_ [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	p := packer{product: d.product, open: map[dlt645.Address]*batch{}}
	for i, u := range units {
		switch {
		case u.Event != nil:
			if m, ok := d.event(u.Event); ok {
				m.Covers = []int{i}
				enc.Messages = append(enc.Messages, m)
			}
		case u.Reading != nil && d.dir.Of(u.Reading.Meter) != nil:
			p.add(d.dir.Of(u.Reading.Meter), i, d.dir.Values(u.Reading.Values), u.Reading.Time)
		}
	}
	for _, b := range p.all {
		m := d.batch(b, 1)
		m.Meter, m.Covers = b.meter, b.covers
		enc.Messages = append(enc.Messages, m)
	}
	return enc
}

type batchParams struct {
	Properties struct{} `json:"properties"` // of the gateway: none
	SubDevices []entry  `json:"subDevices"`
}

func (d *DAS) batch(b *batch, ack int) uplink.Message {
	id := d.nextID()
	return d.message(topicBatch, id, up{
		ID: id, Version: "1.0", Sys: sys{ack}, Params: batchParams{SubDevices: b.entries}, Method: "thing.properties.gateway.up",
	})
}

type eventValue struct {
	Meter string `json:"meter"` // its deviceId
	By    string `json:"by"`
	Text  string `json:"text"`
}

type eventParams struct {
	Value eventValue `json:"value"`
	Time  int64      `json:"time"`
}

// event gives an event of the gateway. Own choice: the members of the value,
// and the event's kind with "_" for "-" as the identifier.
func (d *DAS) event(e *meter.Event) (uplink.Message, bool) {
	dev := d.dir.Of(e.Meter)
	if dev == nil {
		return uplink.Message{}, false
	}
	id := d.nextID()
	m := d.message(topicEvent, id, up{
		ID: id, Version: "1.0", Sys: sys{1}, Identifier: uplink.EventIdentifier(e.Kind),
		Params: eventParams{eventValue{dev.ID, e.By, e.Text}, e.Time.UnixMilli()}, Method: "thing.event.up",
	})
	m.Meter = e.Meter
	return m, true
}
