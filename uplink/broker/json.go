package broker

import (
	"encoding/json"
	"fmt"
	"time"

	"meterd/dlt645"
	"meterd/uplink"
)

// JSON is the layout of readings that carry their times, and of states.
type JSON struct{ own }

const (
	mostRows  = 100
	mostBytes = 60000 // of a message: under 64 KiB
)

// Limits: units of all meters come together, so that each has few messages.
func (*JSON) Limits() uplink.Limits { return uplink.Limits{Batch: 200, Gateway: true} }

// Encode puts the readings of each meter into a message, and each event into
// one of its own.
func (j *JSON) Encode(store [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	for _, p := range gather(units, mostRows, mostBytes, j.read) {
		m := j.message(store, p.seq, p.covers, p.rows)
		m.Topic, m.Meter = j.of(p.dev, "/readings"), p.dev.Address()
		m.Payload = fmt.Appendf(nil, `{"id":%s,"meter":%s,"name":%s,"rows":[%s]}`, quote(m.ID), quote(p.dev.ID), quote(p.dev.Meter.Name), p.rows)
		enc.Messages = append(enc.Messages, m)
	}
	for i, u := range units {
		if u.Event != nil {
			j.event(&enc, store, i, u)
		}
	}
	return enc
}

// read gives what was read, if a unit is a reading of one of ours.
func (o *own) read(u uplink.Unit) (*uplink.Device, time.Time, []uplink.Named) {
	if u.Reading == nil {
		return nil, time.Time{}, nil
	}
	return o.Config.Directory.Of(u.Reading.Meter), u.Reading.Time, o.Config.Directory.Values(u.Reading.Values)
}

// message is one that is delivered for sure, with all but its topic and
// payload.
func (o *own) message(store [16]byte, seq uint64, covers []int, what []byte) uplink.Message {
	return uplink.Message{ID: id(store, seq, what), Covers: covers, Puback: o.puback()}
}

// event puts what happened to a meter, or to the board itself, into a message.
func (j *JSON) event(enc *uplink.Encoded, store [16]byte, i int, u uplink.Unit) {
	e := u.Event
	topic, meter := j.base+topicEvent, ""
	if dev := j.Config.Directory.Of(e.Meter); dev != nil {
		topic, meter = j.of(dev, topicEvent), dev.ID
	} else if e.Meter != (dlt645.Address{}) {
		return
	}
	name, active := eventValue(e)
	m := j.message(store, u.Seq, []int{i}, nil)
	m.Topic, m.Meter = topic, e.Meter
	m.Payload, _ = json.Marshal(struct {
		ID     string `json:"id"`
		Meter  string `json:"meter,omitempty"`
		TS     int64  `json:"ts"`
		Event  string `json:"event"`
		Active *bool  `json:"active,omitempty"`
		By     string `json:"by,omitempty"`
		Text   string `json:"text,omitempty"`
	}{m.ID, meter, e.Time.UnixMilli(), name, active, e.By, e.Text})
	enc.Messages = append(enc.Messages, m)
}
