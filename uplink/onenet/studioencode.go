package onenet

import (
	"encoding/json"
	"time"

	"meterd/uplink"
)

type timed struct {
	Value json.RawMessage `json:"value"`
	Time  int64           `json:"time"` // ms
}

type identity struct {
	ProductID  string `json:"productID"`
	DeviceName string `json:"deviceName"`
}

// pack is what one sub-device has in a message. In a history each property is
// a list of values.
type pack struct {
	Identity   *identity      `json:"identity,omitempty"` // nil: the gateway
	Properties map[string]any `json:"properties"`
	Events     map[string]any `json:"events"`
}

const (
	packDevices = 10
	packValues  = 100
)

// batch is a message in the making.
type batch struct {
	devices map[string]*values
	order   []string
	covers  []int
	size    int
}

// values are those of one sub-device.
type values struct {
	properties map[string][]timed
	events     map[string]timed
	n          int
}

// Encode puts readings of at most ten sub-devices into a message: into a
// history where a property comes more than once, else into a batch.
func (s *Studio) Encode(_ [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	b := newBatch()
	flush := func() {
		if len(b.covers) > 0 {
			m := s.encode(b)
			if len(b.covers) == 1 {
				s.standsAlone(m.ID, units[b.covers[0]].Seq)
			}
			enc.Messages = append(enc.Messages, m)
		}
		b = newBatch()
	}
	for i, u := range units {
		d, named, at := s.unit(u)
		if d == nil {
			continue
		}
		n := len(named)
		if u.Event != nil {
			n = 1
		}
		if n == 0 {
			continue
		}
		for len(named) > packValues { // more than one message takes of a device
			flush()
			v := b.of(d.ID)
			for _, one := range named[:packValues] {
				v.properties[one.Key] = append(v.properties[one.Key], timed{one.JSON, at.UnixMilli()})
			}
			b.covers = append(b.covers, i)
			named, n = named[packValues:], len(named)-packValues
			flush()
		}
		if !b.fits(d.ID, u, n) {
			flush()
		}
		v := b.of(d.ID)
		for _, one := range named {
			v.properties[one.Key] = append(v.properties[one.Key], timed{one.JSON, at.UnixMilli()})
			b.size += len(one.JSON) + 40
		}
		if e := u.Event; e != nil {
			js, _ := json.Marshal(map[string]string{"by": e.By, "text": clip(e.Text, 200)})
			v.events[uplink.EventIdentifier(e.Kind)] = timed{js, at.UnixMilli()}
			b.size += len(js) + 40
		}
		v.n += n
		b.covers = append(b.covers, i)
	}
	flush()
	return enc
}

func (s *Studio) unit(u uplink.Unit) (*uplink.Device, []uplink.Named, time.Time) {
	if u.Event != nil {
		return s.dir.Of(u.Event.Meter), nil, u.Event.Time
	}
	return s.dir.Of(u.Reading.Meter), s.dir.Values(u.Reading.Values), u.Reading.Time
}

func newBatch() *batch { return &batch{devices: map[string]*values{}} }

func (b *batch) of(device string) *values {
	v := b.devices[device]
	if v == nil {
		v = &values{properties: map[string][]timed{}, events: map[string]timed{}}
		b.devices[device] = v
		b.order = append(b.order, device)
	}
	return v
}

// fits reports whether n more values of a device find room.
func (b *batch) fits(device string, u uplink.Unit, n int) bool {
	v := b.devices[device]
	switch {
	case b.size > mostPayload:
		return false
	case v == nil:
		return len(b.order) < packDevices
	case u.Event != nil: // one event of a kind in a message
		_, there := v.events[uplink.EventIdentifier(u.Event.Kind)]
		return !there && v.n < packValues
	}
	return v.n+n <= packValues
}

func (s *Studio) encode(b *batch) uplink.Message {
	history := false
	for _, v := range b.devices {
		for _, list := range v.properties {
			history = history || len(list) > 1
		}
	}
	var packs []pack
	for _, name := range b.order {
		v := b.devices[name]
		p := pack{Identity: &identity{s.SubProductID, name}, Properties: map[string]any{}, Events: map[string]any{}}
		for key, list := range v.properties {
			if history {
				p.Properties[key] = list
			} else {
				p.Properties[key] = list[0]
			}
		}
		for key, e := range v.events {
			if history {
				p.Events[key] = []timed{e}
			} else {
				p.Events[key] = e
			}
		}
		packs = append(packs, p)
	}
	name := packPost
	if history {
		name = historyPost
	}
	m := s.message(name, packs)
	m.Covers = b.covers
	return m
}

// standsAlone notes a message that carries but one record.
func (s *Studio) standsAlone(id string, seq uint64) {
	if s.alone == nil || len(s.alone) >= mostNoted {
		s.alone = map[string]uint64{}
	}
	s.alone[id] = seq
}
