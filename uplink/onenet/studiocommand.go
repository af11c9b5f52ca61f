package onenet

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// The platform waits 5 s for the answer to a get, a set or a synchronous
// service. What is not known by then is told as not known yet: the property
// tells it later. A service that changes something is to be an asynchronous one
// in the thing model, for which nobody waits.

const (
	// answerWithin leaves room for one message in a second before the 5 s are over.
	answerWithin = 3500 * time.Millisecond
	// mostProperties is how many a request may name, as the pages say.
	mostProperties = 50
	// mostService bounds the name of a service, which is echoed in a topic.
	mostService = 64
	// mostWaiting bounds the requests that wait, and those that were answered
	// before their outcome was known.
	mostWaiting = 256
)

// waiting is a request that must be answered in time.
type waiting struct {
	id            string // of its first command
	name, request string // its topic and its own id
	due           time.Time
}

// Ask answers what must not wait any longer, and asks for the topology and for
// wishes, once after each connect.
func (s *Studio) Ask(now time.Time) (m uplink.Message, ok bool, again time.Time) {
	if len(s.waiting) > 0 && !s.waiting[0].due.After(now) {
		w := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.noteLate(w.id)
		return s.notYet(w), true, now
	}
	if len(s.waiting) > 0 {
		again = s.waiting[0].due
	}
	switch {
	case s.Wildcard && s.topology == "":
		return s.askTopology(), true, now
	case s.Wildcard && s.Desired:
		if m, ok := s.askWishes(); ok {
			return m, true, now
		}
	}
	return uplink.Message{}, false, again
}

// notYet answers a request whose outcome is not known.
func (s *Studio) notYet(w waiting) uplink.Message {
	text := "not known yet; the property tells it later"
	if known, ok := s.bundles.Late(w.id); ok {
		text = known.EN
	}
	return s.reply(w.name, w.request, codeLate, text, nil)
}

// noteLate notes that the outcome of a command has nobody to be told to.
func (s *Studio) noteLate(id string) {
	if len(s.late) >= mostWaiting {
		s.late = s.late[1:]
	}
	s.late = append(s.late, id)
}

// wait has a request answered in time. One that comes again is answered again.
func (s *Studio) wait(w waiting, bounded bool) {
	s.late = slices.DeleteFunc(s.late, func(id string) bool { return id == w.id })
	if !bounded || slices.ContainsFunc(s.waiting, func(o waiting) bool { return o.id == w.id }) {
		return
	}
	if len(s.waiting) >= mostWaiting {
		s.waiting = s.waiting[1:]
	}
	s.waiting = append(s.waiting, w)
}

// command understands a command to a sub-device, or to the gateway.
func (s *Studio) command(now time.Time, name string, in inbound, retained bool) uplink.Receipt {
	keys, all, called, wrong := s.understand(name, in.Params)
	switch {
	case wrong != nil && in.ID == "":
		return uplink.Receipt{}
	case wrong != nil:
		m := s.reply(name, in.ID, answers[wrong.Outcome], wrong.Text, nil)
		return uplink.Receipt{Reply: &m}
	}
	id := ""
	if in.ID != "" { // without one the command is refused, and there is nothing to answer to
		service := ""
		if name == subService {
			service = "/" + strings.ReplaceAll(called, "-", "_")
		}
		id = name + service + ":" + in.ID + ":" + s.dir.Of(all[0].Meter.Address).ID
		if !retained && name == ownSet {
			s.wasSet(in.Params)
		}
		if !retained {
			s.wait(waiting{id, name, in.ID, now.Add(answerWithin)}, all[0].Op == meter.OpRead || name == ownSet || name == subSet)
		}
	}
	return s.bundles.Receipt(id, keys, all, retained)
}

// call is what the params of a command to a sub-device are.
type call struct {
	ProductID  string          `json:"productID"`
	DeviceName string          `json:"deviceName"`
	Identifier string          `json:"identifier"`
	Params     json.RawMessage `json:"params"`
	Input      json.RawMessage `json:"input"`
}

// understand gives the commands that a message means, and the service of a
// sub-device that it calls.
func (s *Studio) understand(name string, params json.RawMessage) (keys []string, all []meter.Command, called string, no *uplink.Mistake) {
	if name == ownSet || name == ownGet {
		keys, all, no = s.properties(name == ownSet, nil, params)
		return keys, all, "", no
	}
	if service, ok := strings.CutPrefix(name, ownService); ok {
		all, no = s.service(strings.TrimSuffix(service, invokeLevel), nil, params)
		return nil, all, "", no
	}
	var in call
	if json.Unmarshal(params, &in) != nil {
		return nil, nil, "", uplink.Invalid("params are no object")
	}
	d := s.dir.Named(in.DeviceName)
	if d == nil || d.ID != in.DeviceName || in.ProductID != "" && in.ProductID != s.SubProductID {
		return nil, nil, "", uplink.NotKnown("there is no device %.64q", in.DeviceName)
	}
	if name == subService {
		if len(in.Input) == 0 {
			in.Input = in.Params
		}
		all, no = s.service(in.Identifier, d, in.Input)
		return nil, all, in.Identifier, no
	}
	keys, all, no = s.properties(name == subSet, d, in.Params)
	return keys, all, "", no
}

// properties gives the commands that set or read properties, of the device, or
// with none of the one whose id stands before each.
func (s *Studio) properties(set bool, d *uplink.Device, params json.RawMessage) (keys []string, all []meter.Command, no *uplink.Mistake) {
	values := map[string]json.RawMessage{}
	if set && json.Unmarshal(params, &values) != nil {
		return nil, nil, uplink.Invalid("params are no object")
	}
	if !set && json.Unmarshal(params, &keys) != nil {
		return nil, nil, uplink.Invalid("params are no list")
	}
	if set {
		keys = slices.Sorted(maps.Keys(values))
	}
	if len(keys) > mostProperties {
		return nil, nil, uplink.Invalid("%d properties at once, at most %d are taken", len(keys), mostProperties)
	}
	before := ""
	if d == nil {
		if d, no = s.prefixed(keys); no != nil {
			return nil, nil, no
		}
		before = d.ID + "_"
	}
	bare := map[string]json.RawMessage{}
	var words []string
	for _, k := range keys {
		word := strings.TrimPrefix(k, before)
		if _, ok := s.dir.Point(word); !ok {
			return nil, nil, uplink.NotKnown("there is no property %.64q", k)
		}
		words, bare[word] = append(words, word), values[k]
	}
	if set {
		return s.dir.Settings(d.Meter, bare)
	}
	c, no := s.dir.Reading(words)
	c.Meter = d.Meter
	return keys, []meter.Command{c}, no
}

// prefixed gives the one device whose id, and _, stands before each of the
// gateway's properties. The gateway has none of its own that can be set.
func (s *Studio) prefixed(keys []string) (*uplink.Device, *uplink.Mistake) {
	var of *uplink.Device
	for i, k := range keys {
		var found *uplink.Device
		for j := range s.dir.Devices() {
			d := &s.dir.Devices()[j]
			word, ok := strings.CutPrefix(k, d.ID+"_")
			ok = ok && !d.Former
			if _, known := s.dir.Point(word); !ok || !known {
				continue
			}
			if found != nil {
				return nil, uplink.Invalid("%.64q may be of two devices", k)
			}
			found = d
		}
		switch {
		case found == nil:
			return nil, uplink.NotKnown("the gateway has no property %.64q; want a device's id, _ and its property", k)
		case i > 0 && found != of:
			return nil, uplink.Invalid("all properties must be of one device")
		}
		of = found
	}
	if of == nil {
		return nil, uplink.Invalid("which property?")
	}
	return of, nil
}

// service gives the command that a service is, of a device, or with none of the
// one that its input names.
func (s *Studio) service(name string, d *uplink.Device, input json.RawMessage) ([]meter.Command, *uplink.Mistake) {
	var o order
	if len(input) > 0 && json.Unmarshal(input, &o) != nil {
		return nil, uplink.Invalid("the input is no object")
	}
	if d == nil {
		if d = s.dir.Named(o.Meter); d == nil {
			return nil, uplink.NotKnown("there is no meter %.64q", o.Meter)
		}
	}
	op := strings.ReplaceAll(name, "_", "-")
	if o.Op != "" && o.Op != op || o.Meter != "" && s.dir.Named(o.Meter) != d {
		return nil, uplink.Invalid("the input names another service or another device")
	}
	o.Op = op
	c, no := s.dir.Order(d.Meter, o.Order)
	return []meter.Command{c}, no
}

// Codes of our answers besides 200. The pages name none.
const (
	codeInvalid = 400
	codeDenied  = 403
	codeUnknown = 404
	codeLate    = 408 // of what is not known yet
	codeExpired = 410
	codeSilent  = 504
	codeTrouble = 500
)

// answers are the codes of the outcomes; any other is trouble.
var answers = map[meter.Outcome]int{
	meter.Done: codeOK, meter.Denied: codeDenied, meter.NotKnown: codeUnknown, meter.Invalid: codeInvalid, meter.NoAnswer: codeSilent,
	meter.Expired: codeExpired, meter.Nameless: codeInvalid,
}

// Answer tells the result of a command.
func (s *Studio) Answer(_ time.Time, c meter.Command, r meter.Result) (uplink.Message, bool) {
	if m, ok := s.granted(c); ok {
		return m, true
	}
	first, r, whole := s.bundles.Told(c.ID, r)
	name, rest, ok := strings.Cut(first, ":")
	if !ok || !whole {
		return uplink.Message{}, false
	}
	if i := slices.Index(s.late, first); i >= 0 {
		s.late = slices.Delete(s.late, i, i+1)
		return uplink.Message{}, false
	}
	s.waiting = slices.DeleteFunc(s.waiting, func(w waiting) bool { return w.id == first })
	id := rest
	d := s.dir.Of(c.Meter.Address)
	if d != nil { // an id may hold the sign between the two
		id = strings.TrimSuffix(rest, ":"+d.ID)
	}
	code, ok := answers[r.Outcome]
	if !ok {
		code = codeTrouble
	}
	text := r.Text.EN
	if text == "" {
		text = r.Outcome.String()
	}
	values := valuesOf(s.dir, r.Values)
	if name == ownGet && d != nil { // under the names that they were asked by
		named := map[string]json.RawMessage{}
		for k, v := range values {
			named[d.ID+"_"+k] = v
		}
		values = named
	}
	if service, ok := strings.CutPrefix(name, subService+"/"); ok && d != nil {
		return s.reply(subService, id, code, text, output{d.ID, s.SubProductID, service, values}), true
	}
	if len(values) == 0 || name == ownSet || name == subSet { // the answer to a set has none
		return s.reply(name, id, code, text, nil), true
	}
	return s.reply(name, id, code, text, values), true
}

// output is what the service of a sub-device gives.
type output struct {
	DeviceName string                     `json:"deviceName"`
	ProductID  string                     `json:"productID"`
	Identifier string                     `json:"identifier"`
	Output     map[string]json.RawMessage `json:"output"`
}

func (s *Studio) reply(name, id string, code int, text string, data any) uplink.Message {
	b, _ := json.Marshal(struct {
		outcome
		Data any `json:"data,omitempty"`
	}{outcome{id, code, text}, data})
	return uplink.Message{Topic: s.topic(name) + "_reply", Payload: b}
}
