package broker

import (
	"encoding/json"
	"fmt"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// ThingsBoard is that platform's interface for gateways: user name is the
// gateway's access token, and each meter a device of its own. A PUBACK comes
// when the platform's queue has the message.
type ThingsBoard struct{ Config }

// Topics of that interface.
const (
	tbConnect    = "v1/gateway/connect"
	tbDisconnect = "v1/gateway/disconnect"
	tbTelemetry  = "v1/gateway/telemetry"
	tbRPC        = "v1/gateway/rpc"
)

// mostTelemetry keeps a message below what its own gateway sends at most by
// default, 8196 bytes with the device's id.
const mostTelemetry = 7900

// Directory says who is who.
func (t *ThingsBoard) Directory() *uplink.Directory { return t.Config.Directory }

// Limits of the platform: none is told.
func (*ThingsBoard) Limits() uplink.Limits { return uplink.Limits{Registers: 8, Batch: 100} }

// Login is by the access token.
func (t *ThingsBoard) Login(time.Time) uplink.Login {
	return uplink.Login{ClientID: t.ClientID, Username: t.Username, Password: t.Password, Topics: []string{tbRPC}}
}

// naming is a message that names a device and no more.
func naming(topic string, dev *uplink.Device) uplink.Message {
	return uplink.Message{ID: topic + ":" + dev.ID, Topic: topic, Payload: fmt.Appendf(nil, `{"device":%s}`, quote(dev.ID)), Meter: dev.Address(), Puback: true}
}

// Register connects a meter.
func (t *ThingsBoard) Register(_ time.Time, dev *uplink.Device, step int) (uplink.Message, bool) {
	return naming(tbConnect, dev), step == 0
}

// Leave disconnects it.
func (t *ThingsBoard) Leave(_ time.Time, dev *uplink.Device) (uplink.Message, []string, bool) {
	m := naming(tbDisconnect, dev)
	m.ID = "" // nobody waits for it
	return m, nil, true
}

// Encode puts the readings and events of each meter into messages of its own:
// the platform acknowledges a message for one device surely.
func (t *ThingsBoard) Encode(store [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	for _, p := range gather(units, mostRows, mostTelemetry, t.read) {
		enc.Messages = append(enc.Messages, uplink.Message{
			ID: id(store, p.seq, p.rows), Topic: tbTelemetry, Payload: fmt.Appendf(nil, `{%s:[%s]}`, quote(p.dev.ID), p.rows),
			Meter: p.dev.Address(), Covers: p.covers, Puback: true,
		})
	}
	return enc
}

// read gives what a unit is on the platform: an event is a value that is an
// object, under its kind.
func (t *ThingsBoard) read(u uplink.Unit) (*uplink.Device, time.Time, []uplink.Named) {
	if e := u.Event; e != nil {
		b, _ := json.Marshal(map[string]string{"by": e.By, "text": e.Text})
		return t.Config.Directory.Of(e.Meter), e.Time, []uplink.Named{{Key: "event_" + uplink.EventIdentifier(e.Kind), JSON: b}}
	}
	return t.Config.Directory.Of(u.Reading.Meter), u.Reading.Time, t.Config.Directory.Values(u.Reading.Values)
}

// rpc is a call of the platform, and the frame of its answer.
type rpc struct {
	Device string          `json:"device"`
	ID     json.RawMessage `json:"id"` // of an answer
	Data   struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
	} `json:"data"`
}

// Receive understands calls: the method is the operation, and its parameters
// are an order's, or the one value that it needs.
func (t *ThingsBoard) Receive(_ time.Time, in uplink.Inbound) uplink.Receipt {
	var q rpc
	if in.Topic != tbRPC || !in.Decode(&q) || len(q.ID) > 0 || q.Data.Method == "" {
		return uplink.Receipt{} // no call: it may be our own answer, on another platform's broker
	}
	var name string // the id as it came, with its device: the platform counts for each
	if uplink.Word(q.Data.ID) != "" {
		id := q.Data.ID
		if text := ""; json.Unmarshal(id, &text) == nil { // however it is written, it is the same
			id = quote(text)
		}
		name = string(fmt.Appendf(nil, `[%s,%s]`, quote(q.Device), id))
	}
	if len(name) > meter.MostCommandID {
		return uplink.Receipt{} // it is not echoed
	}
	refuse := func(no *uplink.Mistake) uplink.Receipt {
		if name == "" {
			return uplink.Receipt{}
		}
		m, _ := t.respond(name, mistaken(no))
		return uplink.Receipt{Reply: &m}
	}
	dev := t.Config.Directory.Named(q.Device)
	if dev == nil || dev.ID != q.Device {
		return refuse(uplink.NotKnown("there is no device %.64q", q.Device))
	}
	o, no := called(q.Data.Method, q.Data.Params)
	if no != nil {
		return refuse(no)
	}
	c, no := meant(t.Config.Directory, dev, o)
	if no != nil {
		return refuse(no)
	}
	c.ID, c.Counted = name, true
	return uplink.Receipt{Command: &c}
}

// called gives the order of a call.
func called(method string, params json.RawMessage) (uplink.Order, *uplink.Mistake) {
	var in struct {
		Op    json.RawMessage `json:"op"`    // is the method, and not among its parameters
		Meter json.RawMessage `json:"meter"` // is the device
		uplink.Order
	}
	switch {
	case len(params) == 0 || string(params) == "null":
	case params[0] == '{':
		if json.Unmarshal(params, &in) != nil || len(in.Op)+len(in.Meter) > 0 {
			return in.Order, uplink.Invalid("params is no object of %.64q", method)
		}
	case params[0] == '[':
		if json.Unmarshal(params, &in.Points) != nil {
			return in.Order, uplink.Invalid("params is no list of points")
		}
	default:
		in.Action = params
	}
	in.Order.Op = method
	return in.Order, nil
}

// respond answers a call by its name.
func (t *ThingsBoard) respond(name string, a answer) (uplink.Message, bool) {
	var who [2]json.RawMessage
	if json.Unmarshal([]byte(name), &who) != nil {
		return uplink.Message{}, false
	}
	return uplink.Message{Topic: tbRPC, Payload: fmt.Appendf(nil, `{"device":%s,"id":%s,"data":%s}`, who[0], who[1], a.encode())}, true
}

// Answer tells the result of a command.
func (t *ThingsBoard) Answer(_ time.Time, c meter.Command, r meter.Result) (uplink.Message, bool) {
	if c.ID == "" {
		return uplink.Message{}, false
	}
	return t.respond(c.ID, answerOf(t.Config.Directory, r))
}
