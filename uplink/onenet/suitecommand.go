package onenet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// request understands a command. Its topic tells where its answer goes, and is
// the command's id.
func (s *Suite) request(in uplink.Inbound, id string, sub *uplink.Device) uplink.Receipt {
	var o order
	topic := in.Topic
	refuse := func(outcome meter.Outcome, format string, args ...any) uplink.Receipt {
		if topic == "" {
			return uplink.Receipt{}
		}
		m := s.answer(topic, answer{Outcome: outcome.String(), Text: fmt.Sprintf(format, args...)})
		return uplink.Receipt{Reply: &m}
	}
	if strings.Contains(id, "/") || len(topic) > meter.MostCommandID || sub != nil && sub.Former {
		return uplink.Receipt{} // it is not echoed
	}
	if id == "" {
		topic = "" // there is nothing to answer to: the command is refused
	}
	if !in.Decode(&o) {
		return refuse(meter.Invalid, `want JSON like {"meter":"202411200101","op":"read","points":["voltage"]}`)
	}
	d := sub
	if o.Meter != "" || sub == nil {
		d = s.dir.Named(o.Meter)
	}
	switch {
	case d == nil:
		return refuse(meter.NotKnown, "there is no meter %.64q", o.Meter)
	case sub != nil && d != sub:
		return refuse(meter.Invalid, "the topic is that of another meter")
	}
	c, wrong := s.dir.Order(d.Meter, o.Order)
	if wrong != nil {
		return refuse(wrong.Outcome, "%s", wrong.Text)
	}
	c.ID = topic
	return uplink.Receipt{Command: &c}
}

// answer is our JSON for what became of a command.
type answer struct {
	Outcome string                     `json:"outcome"` // "done" and nothing else is success
	Text    string                     `json:"text,omitempty"`
	Values  map[string]json.RawMessage `json:"values,omitempty"`
	More    bool                       `json:"more,omitempty"` // values that found no room
}

// mostAnswer is what the platform takes, less one: under 1 KB.
const mostAnswer = 1023

func (s *Suite) answer(topic string, a answer) uplink.Message {
	b, _ := json.Marshal(a)
	for len(b) > mostAnswer && len(a.Values) > 0 {
		keys := make([]string, 0, len(a.Values))
		for k := range a.Values {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		delete(a.Values, keys[len(keys)-1])
		a.More = true
		b, _ = json.Marshal(a)
	}
	for len(b) > mostAnswer { // signs such as < take six bytes
		a.Text = clip(a.Text, len([]rune(a.Text))/2)
		b, _ = json.Marshal(a)
	}
	return uplink.Message{Topic: strings.Replace(topic, requestTopic, responseName, 1), Payload: b}
}

// Answer tells the result of a command, once.
func (s *Suite) Answer(_ time.Time, c meter.Command, r meter.Result) (uplink.Message, bool) {
	if c.ID == "" {
		return uplink.Message{}, false
	}
	return s.answer(c.ID, answer{Outcome: r.Outcome.String(), Text: r.Text.EN, Values: valuesOf(s.dir, r.Values)}), true
}
