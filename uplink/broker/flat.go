package broker

import (
	"encoding/json"
	"time"

	"meterd/uplink"
)

// Flat is the layout of a topic for each value. It has no times, so what is
// older than what a topic has is not sent. The ring's numbers say what is older:
// the clock may have been set back in between.
type Flat struct {
	own
	newest map[string]value // by topic
}

// value is what a topic shall have.
type value struct {
	at   time.Time
	seq  uint64 // of the last reading from the line; 0: what is there was made up
	text []byte
}

// older reports whether a value was read before a reading. One that was made up
// has a number of today and the record's own time.
func (v value) older(u uplink.Unit) bool {
	if u.Reading.Recalled {
		return !u.Reading.Time.Before(v.at)
	}
	return u.Seq >= v.seq
}

// read gives the value of a reading in the place of one.
func (v value) read(u uplink.Unit, text []byte) value {
	v.at, v.text = u.Reading.Time, text
	if !u.Reading.Recalled {
		v.seq = u.Seq
	}
	return v
}

// Limits: of what comes together only the newest goes out.
func (*Flat) Limits() uplink.Limits { return uplink.Limits{Batch: 100} }

// Encode gives a message for each topic that something newer is known of. It
// covers all readings of the value that came together.
func (f *Flat) Encode(store [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	at := map[string]int{} // a topic's message
	for i, u := range units {
		if u.Event != nil {
			continue // there is nobody to tell at which time
		}
		dev := f.Config.Directory.Of(u.Reading.Meter)
		if dev == nil {
			continue
		}
		for _, v := range f.Config.Directory.Values(u.Reading.Values) {
			topic := f.base + "/" + dev.ID + "/" + v.Key
			old, known := f.newest[topic]
			newer := !known || old.older(u)
			if newer {
				f.newest[topic] = old.read(u, bare(v.JSON))
			}
			k, there := at[topic]
			switch {
			case there:
				enc.Withhold(v.Point) // one of the two is not sent
				if m := &enc.Messages[k]; m.Covers[len(m.Covers)-1] != i {
					m.Covers = append(m.Covers, i)
				}
			case newer:
				at[topic] = len(enc.Messages)
				m := f.message(store, u.Seq, []int{i}, []byte(topic))
				m.Topic, m.Meter, m.Item, m.Keys, m.Retain = topic, dev.Address(), v.Key, []string{topic}, true
				enc.Messages = append(enc.Messages, m)
			default:
				enc.Withhold(v.Point)
			}
		}
	}
	for i, m := range enc.Messages {
		enc.Messages[i].Payload = f.newest[m.Topic].text
	}
	return enc
}

// bare gives a value as plain text.
func bare(js json.RawMessage) []byte {
	var s string
	if json.Unmarshal(js, &s) == nil {
		return []byte(s)
	}
	return js
}

// Complete has a message carry the newest value, also when it goes out again:
// the topic keeps what comes last.
func (f *Flat) Complete(m uplink.Message) uplink.Message {
	if v, ok := f.newest[m.Topic]; ok {
		m.Payload = v.text
	}
	return m
}
