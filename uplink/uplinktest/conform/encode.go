package conform

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

func number(coef int64, scale uint8) dlt645.Value {
	return dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: coef, Scale: scale}}
}

// reading is one with values that every platform takes.
func reading(seq uint64, a dlt645.Address, at time.Time) uplink.Unit {
	return uplink.Unit{Seq: seq, Reading: &meter.Reading{Meter: a, Time: at, Round: at, Trusted: true, Values: []meter.PointValue{
		{Point: "voltage.a", Value: number(2201, 1)}, {Point: "frequency", Value: number(5000, 2)},
	}}}
}

// unit is a unit with what is expected of it.
type unit struct {
	uplink.Unit
	of    dlt645.Address
	taken bool // a message covers it
	kind  string
}

// drawUnit draws a reading or an event of a meter, of a stranger, or of the
// board itself.
func drawUnit(t *rapid.T, c Case, p uplink.Platform, seq uint64) unit {
	strangers := []dlt645.Address{{0x99, 0, 0, 0, 0, 1}, {}}
	a := rapid.SampledFrom(append(slices.Clone(addresses), strangers...)).Draw(t, "meter")
	known := p.Directory().Of(a) != nil
	at := Now().Add(-time.Duration(rapid.IntRange(0, 60).Draw(t, "age")) * time.Second)
	u := unit{Unit: reading(seq, a, at), of: a, kind: rapid.SampledFrom([]string{"reading", "unread", "unmapped", "event"}).Draw(t, "kind")}
	switch u.kind {
	case "reading":
		u.taken = known
	case "unread":
		u.Reading.Values = []meter.PointValue{{Point: "voltage.a"}, {Point: "frequency", Value: dlt645.Value{Kind: dlt645.Absent}}}
	case "unmapped":
		u.Reading.Values = nil
	case "event":
		u.Reading, u.Event = nil, &meter.Event{Meter: a, Time: at, Trusted: true, Kind: meter.EventOffline, Text: "silence"}
		u.taken = c.Events && (known || a == dlt645.Address{} && p.Limits().Gateway)
	}
	return u
}

// encoding: what is covered is what the platform is told of, under ids that
// are one each, and in the name of the meter that it is about.
func encoding(t *rapid.T, c Case, say complain) {
	dir, ok := drawDirectory(t, c)
	if !ok {
		return
	}
	p := c.connect(dir, say)
	store := [16]byte{7}
	ids := map[string]string{} // what bears an id
	var seq uint64
	for round := range rapid.IntRange(1, 3).Draw(t, "rounds") {
		var units []unit
		for range rapid.IntRange(1, max(1, min(p.Limits().Batch, 12))).Draw(t, "units") {
			seq++
			units = append(units, drawUnit(t, c, p, seq))
		}
		plain := make([]uplink.Unit, len(units))
		for i, u := range units {
			plain[i] = u.Unit
		}
		enc := p.Encode(store, plain)
		covers(c, p, units, enc, say)
		for i, m := range enc.Messages {
			what := fmt.Sprintf("message %d of round %d", i, round)
			if other, twice := ids[m.ID]; twice || m.ID == "" {
				say("%s has the id %q, as has %s", what, m.ID, other)
			}
			ids[m.ID] = what
		}
		if c.Repeats {
			again := c.New(dir).Encode(store, plain)
			if !slices.EqualFunc(enc.Messages, again.Messages, func(a, b uplink.Message) bool { return a.ID == b.ID && string(a.Payload) == string(b.Payload) }) {
				say("a repeat is another message: %v, then %v", enc.Messages, again.Messages)
			}
		}
		for _, m := range enc.Messages {
			if c.Acknowledge == nil {
				pubacked(m, say)
				continue
			}
			in := c.Acknowledge(m, true)
			p.subscribed(in, say)
			if rc := p.Receive(Now(), in); rc.Verdict != uplink.Accepted || rc.ID != m.ID {
				say("%s is acknowledged by %s %s, which is understood as %+v", m.ID, in.Topic, in.Payload, rc)
			}
		}
	}
}

// oneDevice reports whether the platform has one device for two meters, of which
// one has taken the other's place.
func oneDevice(dir *uplink.Directory, a, b dlt645.Address) bool {
	x, y := dir.Of(a), dir.Of(b)
	return x != nil && y != nil && x.ID == y.ID
}

// covers complains where a message covers what it should not, or nothing
// covers what should be.
func covers(c Case, p uplink.Platform, units []unit, enc uplink.Encoded, say complain) {
	covered := make([]bool, len(units))
	for _, m := range enc.Messages {
		if len(m.Covers) == 0 || !slices.IsSorted(m.Covers) || len(slices.Compact(slices.Clone(m.Covers))) != len(m.Covers) {
			say("a message covers %v", m.Covers)
		}
		if !isTopic(m.Topic) || !c.Newest && !json.Valid(m.Payload) {
			say("a message cannot be sent: %q %s", m.Topic, m.Payload)
		}
		for _, i := range m.Covers {
			if i < 0 || i >= len(units) {
				say("a message covers the unit %d of %d", i, len(units))
				return
			}
			covered[i] = true
			switch {
			case m.Meter == (dlt645.Address{}) && p.Limits().Batch <= 1 && units[i].of != m.Meter:
				say("a message with one unit, of %v, is about no meter", units[i].of)
			case m.Meter != (dlt645.Address{}) && units[i].of != m.Meter && !oneDevice(p.Directory(), units[i].of, m.Meter):
				say("a message about %v covers a unit of %v", m.Meter, units[i].of)
			}
		}
	}
	for i, u := range units {
		if covered[i] != u.taken && !(c.Newest && u.taken) {
			say("the %s of %v is covered: %v, want %v", u.kind, u.of, covered[i], u.taken)
		}
	}
}
