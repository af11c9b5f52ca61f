package iotkit

import (
	"encoding/json"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// Services that the platform calls. Setting and getting properties are of the
// document; the names of the others, which the thing model must hold, are those
// of uplink.Order with _ for -, and so are their parameters.
const (
	actionService = "service/"
	propertySet   = "property/set"
	propertyGet   = "property/get"
)

// Codes that answer commands. The document has 0 for success and anything
// else for an error; these numbers are our choice, after those of HTTP.
const (
	codeDone        = 0
	codeInvalid     = 400
	codeDenied      = 403
	codeNotKnown    = 404
	codeNameless    = 406
	codeNotTaken    = 409
	codeExpired     = 410
	codeTooLong     = 413
	codeFailed      = 500
	codeUnconfirmed = 502
	codeBusy        = 503
	codeNoAnswer    = 504
)

var codes = map[meter.Outcome]int{
	meter.Done: codeDone, meter.Denied: codeDenied, meter.NotKnown: codeNotKnown, meter.Invalid: codeInvalid, meter.NoAnswer: codeNoAnswer,
	meter.NotTaken: codeNotTaken, meter.Unconfirmed: codeUnconfirmed, meter.Failed: codeFailed, meter.Busy: codeBusy,
	meter.Expired: codeExpired, meter.Nameless: codeNameless,
}

// answerFrame is a reply to a service. The document has the results in data;
// the code reads params, so both hold them.
type answerFrame struct {
	ID      string          `json:"id"`
	Method  string          `json:"method"`
	Code    int             `json:"code"`
	Message string          `json:"message,omitempty"` // why it failed; not in the document, our choice
	Data    json.RawMessage `json:"data"`
	Params  json.RawMessage `json:"params"`
}

// commandID tells apart what the platform numbers by itself, and keeps what
// the answer needs: the service, then the platform's id. Without that there is
// none.
func commandID(dev *uplink.Device, service, id string) string {
	if id == "" {
		return ""
	}
	return dev.ID + " " + service + " " + id
}

// command understands the call of a service of a meter. The gateway itself
// has none.
func (k *Iotkit) command(dev *uplink.Device, service string, in inbound) uplink.Receipt {
	id := ""
	if in.ID != nil {
		id = *in.ID
	}
	if len(service) > uplink.MostID {
		return uplink.Receipt{} // it is not echoed
	}
	c, wrong := meter.Command{}, uplink.NotKnown("the gateway has no services")
	if dev != nil {
		c, wrong = k.understand(dev.Meter, service, in.Params)
	}
	switch {
	case wrong != nil && id == "":
		return uplink.Receipt{}
	case wrong != nil:
		m := k.reply(dev, service, id, codes[wrong.Outcome], wrong.Text, nil)
		return uplink.Receipt{Reply: &m}
	}
	c.ID = commandID(dev, service, id)
	return uplink.Receipt{Command: &c}
}

func (k *Iotkit) understand(m *meter.Handle, service string, params json.RawMessage) (c meter.Command, no *uplink.Mistake) {
	switch service {
	case propertySet:
		c, no = k.setProperty(params)
	case propertyGet:
		var keys []string
		if json.Unmarshal(params, &keys) != nil {
			return c, uplink.Invalid("a list of identifiers is missing")
		}
		c, no = k.dir.Reading(keys)
	default:
		var p struct {
			Op json.RawMessage `json:"op"` // is the service's name, and not among its parameters
			uplink.Order
		}
		if len(params) > 0 && json.Unmarshal(params, &p) != nil {
			return c, uplink.Invalid("params is no object of this service's parameters")
		}
		o := p.Order
		if o.Op = service; service == string(meter.OpRelay) && len(o.Action) == 0 {
			o.Action = o.Value // as of the property
		}
		return k.dir.Order(m, o)
	}
	c.Meter = m
	return c, no
}

// setProperty takes one property at a time: with several the one code of the
// reply could not tell what became of each.
func (k *Iotkit) setProperty(params json.RawMessage) (c meter.Command, no *uplink.Mistake) {
	var p map[string]json.RawMessage
	if json.Unmarshal(params, &p) != nil || len(p) == 0 {
		return c, uplink.Invalid("params is no object of properties")
	}
	if len(p) > 1 {
		return c, uplink.Invalid("%d properties at once; set one at a time", len(p))
	}
	for key, value := range p {
		if _, ok := k.dir.Point(key); !ok {
			return c, uplink.NotKnown("there is no property %.64q", key)
		}
		c, no = k.dir.Setting(key, uplink.Word(value))
	}
	return c, no
}

// deregister forgets a sub-device, at the platform's word. The meter is
// registered again as long as the configuration names it, after a pause that
// doubles when the platform deregisters it time and again; until then its
// readings wait.
func (k *Iotkit) deregister(in inbound) uplink.Receipt {
	if in.ID == nil || *in.ID == "" {
		return uplink.Receipt{}
	}
	code, text := codeNotKnown, "there is no such sub-device"
	var who identity
	var gone []dlt645.Address
	if json.Unmarshal(in.Params, &who) == nil && who.ProductKey == k.SubProductKey {
		if dev := k.dir.Named(who.DeviceName); dev != nil && dev.ID == who.DeviceName {
			k.devices[dev.N].gone, code, text = true, codeDone, ""
			gone = append(gone, dev.Address())
		}
	}
	rc := k.answered(nil, actionDeregister, in, code, text)
	if rc.Reply != nil { // by its own name
		rc.Reply.Payload = encode(plainAnswer{*in.ID, methodDeregister + replySuffix, code, text})
	}
	rc.Gone = gone
	return rc
}

// plainAnswer is a reply without results. Why it failed is not in the document.
type plainAnswer struct {
	ID      string `json:"id"`
	Method  string `json:"method"`
	Code    int    `json:"code"`
	Message string `json:"message,omitempty"`
}

// answered answers a request of a device, or of the gateway, nil, that has no
// results. One without an id has no answer.
func (k *Iotkit) answered(dev *uplink.Device, action string, in inbound, code int, text string) uplink.Receipt {
	if in.ID == nil || *in.ID == "" {
		return uplink.Receipt{}
	}
	var a dlt645.Address
	if dev != nil {
		a = dev.Address()
	}
	b := encode(plainAnswer{*in.ID, method(action) + replySuffix, code, text})
	return uplink.Receipt{Reply: &uplink.Message{Topic: k.topicOf(a, toServer, action+replySuffix), Payload: b, Meter: a}}
}

// Answer tells the result of a command. The code is 0 only when the meter
// itself shows what was asked for.
func (k *Iotkit) Answer(_ time.Time, c meter.Command, r meter.Result) (uplink.Message, bool) {
	dev := k.dir.Of(c.Meter.Address)
	if dev == nil {
		return uplink.Message{}, false
	}
	service, id, ok := strings.Cut(strings.TrimPrefix(c.ID, dev.ID+" "), " ")
	if !ok {
		return uplink.Message{}, false // not one of ours
	}
	if service == wishService {
		return k.granted(dev, id, c, r)
	}
	code, ok := codes[r.Outcome]
	if !ok {
		code = codeFailed
	}
	values := map[string]json.RawMessage{}
	if code == codeDone {
		for _, v := range k.dir.Values(r.Values) {
			values[v.Key] = v.JSON
		}
	}
	m := k.reply(dev, service, id, code, r.Text.EN, values)
	if len(m.Payload) > mostPayload {
		m = k.reply(dev, service, id, codeTooLong, "the values do not fit in one message; ask for fewer", nil)
	}
	return m, true
}

// reply gives the answer to a service of a meter, or of the gateway itself, nil.
func (k *Iotkit) reply(dev *uplink.Device, service, id string, code int, text string, values map[string]json.RawMessage) uplink.Message {
	if values == nil {
		values = map[string]json.RawMessage{}
	}
	if code == codeDone {
		text = ""
	}
	var a dlt645.Address
	if dev != nil {
		a = dev.Address()
	}
	result := encode(values)
	b := encode(answerFrame{id, method(actionService+service) + replySuffix, code, text, result, result})
	return uplink.Message{Topic: k.topicOf(a, toServer, actionService+service+replySuffix), Payload: b, Meter: a}
}
