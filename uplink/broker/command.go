package broker

import (
	"encoding/json"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// order is a command: the words of all platforms, with the meter that it is
// for. For what switches, value may stand for action.
type order struct {
	ID    json.RawMessage `json:"id"`
	Meter string          `json:"meter"` // its id, or its address
	TS    int64           `json:"ts"`    // when it was said, ms; 0: it does not tell
	uplink.Order
}

// answer is what became of a command.
type answer struct {
	ID      string                     `json:"id,omitempty"`
	OK      bool                       `json:"ok"`
	Outcome string                     `json:"outcome"`
	Text    string                     `json:"text,omitempty"`
	Values  map[string]json.RawMessage `json:"values,omitempty"`
}

func (a answer) encode() []byte {
	b, err := json.Marshal(a)
	if err != nil {
		panic(err) // our own types always marshal
	}
	return b
}

// answerOf tells a result.
func answerOf(dir *uplink.Directory, r meter.Result) answer {
	a := answer{OK: r.Outcome == meter.Done, Outcome: r.Outcome.String(), Text: r.Text.EN}
	for _, v := range dir.Values(r.Values) {
		if a.Values == nil {
			a.Values = map[string]json.RawMessage{}
		}
		a.Values[v.Key] = v.JSON
	}
	return a
}

// mistaken tells what is wrong with a command.
func mistaken(m *uplink.Mistake) answer {
	return answer{Outcome: m.Outcome.String(), Text: m.Text}
}

// meant gives the command for a device that an order means.
func meant(dir *uplink.Directory, dev *uplink.Device, o uplink.Order) (meter.Command, *uplink.Mistake) {
	if o.Op == string(meter.OpRelay) || o.Op == string(meter.OpAlarm) || o.Op == string(meter.OpProtection) {
		if len(o.Action) > 0 && len(o.Value) > 0 {
			return meter.Command{}, uplink.Invalid("action and value are both there")
		}
		if len(o.Action) == 0 {
			o.Action = o.Value
		}
	}
	return dir.Order(dev.Meter, o)
}

// request understands a command. Its answer goes to where all do, with its id.
func (o *own) request(in uplink.Inbound) uplink.Receipt {
	var q order
	if !in.Decode(&q) {
		return uplink.Receipt{} // no id can be told from it
	}
	id := uplink.Word(q.ID)
	if len(id) > meter.MostCommandID {
		return uplink.Receipt{} // it is not echoed
	}
	refuse := func(no *uplink.Mistake) uplink.Receipt {
		if id == "" {
			return uplink.Receipt{} // there is nothing to answer to
		}
		m := o.respond(id, mistaken(no))
		return uplink.Receipt{Reply: &m}
	}
	dev := o.Config.Directory.Named(q.Meter)
	if dev == nil {
		return refuse(uplink.NotKnown("there is no meter %.64q", q.Meter))
	}
	c, no := meant(o.Config.Directory, dev, q.Order)
	if no != nil {
		return refuse(no)
	}
	c.ID, c.Said = id, said(q.TS)
	return uplink.Receipt{Command: &c}
}

// said gives the time of a command; zero where it does not tell one.
func said(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func (o *own) respond(id string, a answer) uplink.Message {
	a.ID = id
	return uplink.Message{Topic: o.base + topicResponse, Payload: a.encode()}
}

// Answer tells the result of a command.
func (o *own) Answer(_ time.Time, c meter.Command, r meter.Result) (uplink.Message, bool) {
	if c.ID == "" {
		return uplink.Message{}, false
	}
	return o.respond(c.ID, answerOf(o.Config.Directory, r)), true
}
