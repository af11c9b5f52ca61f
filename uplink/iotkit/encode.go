package iotkit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

func (k *Iotkit) nextID() string {
	k.lastID++
	return strconv.FormatUint(k.lastID, 10)
}

// frame is what all our requests look like.
type frame struct {
	ID     string          `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types always marshal
	}
	return b
}

// method is the name of an action in a payload: "event/property/post" is
// thing.event.property.post.
func method(action string) string { return "thing." + strings.ReplaceAll(action, "/", ".") }

// Actions of what we post.
const (
	actionPost    = "event/property/post"
	actionHistory = "event/history" // the name is our choice; the thing model must hold it
	actionEvent   = "event/"
	timeKey       = "time" // of an event, in ms
)

// Encode gives one message for a reading, or several where it does not fit in
// one. With BackfillLatest the values of a reading that is older than two
// minutes count as withheld: the platform would take them for present ones,
// and newer ones follow. With BackfillEvent they become the event "history",
// which carries the reading's time; the platform's thing model must hold such
// an event. Events carry their time in any case, and are always sent.
//
// The platform does not know repeats by their ids: a message that is sent
// again becomes a second sample.
func (k *Iotkit) Encode(_ [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	for i, u := range units {
		from := len(enc.Messages)
		switch {
		case !k.tells(u):
		case u.Event != nil:
			enc.Messages = append(enc.Messages, k.event(u.Event))
		case u.Reading != nil:
			k.reading(&enc, u.Reading)
		}
		for j := range enc.Messages[from:] {
			enc.Messages[from+j].Covers = []int{i}
		}
	}
	return enc
}

// tells reports whether the platform is told of a unit at all: what is of no
// meter of ours would go out in the gateway's name, which has events alone.
func (k *Iotkit) tells(u uplink.Unit) bool {
	if u.Event != nil {
		return u.Event.Meter == dlt645.Address{} || k.dir.Of(u.Event.Meter) != nil
	}
	return k.dir.Of(u.Reading.Meter) != nil
}

func (k *Iotkit) reading(enc *uplink.Encoded, r *meter.Reading) {
	values := k.dir.Values(r.Values)
	action, first := actionPost, []byte(nil)
	if k.Now().Sub(r.Time) > liveFor {
		switch {
		case k.Backfill == BackfillAll && !r.Recalled: // in their order, so that the last one is the present
		case k.Backfill == BackfillEvent:
			action = actionHistory
			first = fmt.Appendf(nil, "%q:%d", timeKey, r.Time.UnixMilli())
		default:
			for _, v := range values {
				enc.Withhold(v.Point)
			}
			return
		}
	}
	room := mostPayload - len(encode(frame{strconv.FormatUint(1<<63, 10), method(action), json.RawMessage("{}")}))
	params, held := slices.Clone(first), 0
	flush := func() {
		if held > 0 {
			enc.Messages = append(enc.Messages, k.post(r.Meter, action, slices.Concat([]byte("{"), params, []byte("}"))))
		}
		params, held = slices.Clone(first), 0
	}
	for _, v := range values {
		member := slices.Concat(encode(v.Key), []byte(":"), encode(v.JSON))
		if len(first)+1+len(member) > room {
			enc.Withhold(v.Point) // not even alone
			continue
		}
		if len(params)+1+len(member) > room {
			flush()
		}
		if len(params) > 0 {
			params = append(params, ',')
		}
		params = append(params, member...)
		held++
	}
	flush()
}

// eventParams are those of an event. The document leaves them to the thing
// model; these are ours.
type eventParams struct {
	Time int64  `json:"time"` // ms
	By   string `json:"by"`
	Text string `json:"text"`
}

func (k *Iotkit) event(e *meter.Event) uplink.Message {
	text := []rune(e.Text)
	text = text[:min(len(text), mostText)]
	params := encode(eventParams{e.Time.UnixMilli(), e.By, string(text)})
	return k.post(e.Meter, actionEvent+uplink.EventIdentifier(e.Kind), params)
}

// post gives a message in the name of a meter, or of the gateway.
func (k *Iotkit) post(a dlt645.Address, action string, params json.RawMessage) uplink.Message {
	id := k.nextID()
	return uplink.Message{ID: id, Topic: k.topicOf(a, toServer, action), Payload: encode(frame{id, method(action), params}), Meter: a}
}

func (k *Iotkit) topicOf(a dlt645.Address, direction, action string) string {
	if d := k.dir.Of(a); d != nil {
		return topic(k.SubProductKey, d.ID, direction, action)
	}
	return topic(k.ProductKey, k.DeviceName, direction, action)
}
