package das

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// Codes that answer commands, besides the platform's. Own choice within the
// range 100000 to 110000 that the document leaves to devices.
const (
	codeDenied      = 100001 // by the configuration
	codeUnknown     = 100002 // meter, identifier or service
	codeNoAnswer    = 100003 // of the meter
	codeNotTaken    = 100004 // by the meter
	codeUnconfirmed = 100005
	codeFailed      = 100006
	codeExpired     = 100007
)

// request is a command that was taken and is not answered yet.
type request struct {
	command    string // its Command.ID
	identifier string // of a service
	prefix     string // before each identifier
	keys       []string
	again      int // how often it came again, each time to be answered
}

// mostAsked bounds the requests that are remembered for their answers.
const mostAsked = 256

func (d *DAS) ask(r request) {
	if i := d.found(r.command); i >= 0 {
		r.again = d.asked[i].again + 1
		d.asked = slices.Delete(d.asked, i, i+1)
	}
	slices.Sort(r.keys)
	r.keys = slices.Clone(slices.Compact(r.keys)) // one may be asked for any number of times
	if len(d.asked) >= mostAsked {
		d.asked = d.asked[1:]
	}
	d.asked = append(d.asked, r)
}

// found gives the place of a request that is remembered, -1 if it is not.
func (d *DAS) found(command string) int {
	return slices.IndexFunc(d.asked, func(r request) bool { return r.command == command })
}

// recall gives what a command asked for, once for each time that it came.
func (d *DAS) recall(command string) request {
	i := d.found(command)
	if i < 0 {
		return request{command: command}
	}
	r := d.asked[i]
	if d.asked[i].again--; r.again == 0 {
		d.asked = slices.Delete(d.asked, i, i+1)
	}
	return r
}

// taken gives the receipt of commands, or the answer if there is a problem.
func (d *DAS) taken(name, id string, r request, all []meter.Command, p *uplink.Mistake, retained bool) uplink.Receipt {
	if p != nil && id == "" {
		return uplink.Receipt{} // there is nothing to answer to
	}
	if p != nil {
		text := p.Text
		if p.Outcome == meter.Invalid {
			text = "request parameter error: " + text
		}
		m := d.reply(name, id, r.identifier, answers[p.Outcome], text, nil)
		return uplink.Receipt{Reply: &m}
	}
	if id != "" { // without one the command is refused, and there is nothing to answer to
		r.command = internal(name, id) + ":" + d.dir.Of(all[0].Meter.Address).ID // of two meters these are two
	}
	keys := r.keys
	if r.prefix != "" {
		keys = nil
		for _, k := range r.keys {
			keys = append(keys, r.prefix+k)
		}
	}
	d.ask(r)
	return d.bundles.Receipt(r.command, keys, all, retained)
}

// set understands the command to write properties of one meter.
func (d *DAS) set(id string, in inbound, retained bool) uplink.Receipt {
	all, r, p := d.setting(in)
	return d.taken(topicSet, id, r, all, p, retained)
}

func (d *DAS) setting(in inbound) (all []meter.Command, r request, p *uplink.Mistake) {
	params := map[string]json.RawMessage{}
	if json.Unmarshal(in.Params, &params) != nil {
		return nil, r, uplink.Invalid("params is no object")
	}
	who := in.Identity
	if list, ok := params["subDevices"]; ok {
		var entries []struct {
			Identity   identity                   `json:"identity"`
			Properties map[string]json.RawMessage `json:"properties"`
		}
		if json.Unmarshal(list, &entries) != nil || len(entries) != 1 || len(params) != 1 {
			return nil, r, uplink.Invalid("want one of subDevices and nothing beside it")
		}
		if who != nil {
			if beside, _ := d.identified(who); beside == nil || beside.ID != entries[0].Identity.DeviceID {
				return nil, r, uplink.Invalid("identity and subDevices name two devices")
			}
		}
		who, params = &entries[0].Identity, entries[0].Properties
	}
	if len(params) == 0 {
		return nil, r, uplink.Invalid("which property is to be set?")
	}
	keys := slices.Sorted(maps.Keys(params))
	m, r, p := d.addressed(who, keys)
	if p != nil {
		return nil, r, p
	}
	set := map[string]json.RawMessage{}
	for i, k := range keys {
		set[r.keys[i]] = params[k]
	}
	r.keys, all, p = d.dir.Settings(m, set)
	return all, r, p
}

// get understands the command to read properties, all of one meter.
func (d *DAS) get(id string, in inbound, retained bool) uplink.Receipt {
	var (
		keys []string
		c    meter.Command
		m    *meter.Handle
		r    request
		p    *uplink.Mistake
	)
	if json.Unmarshal(in.Params, &keys) != nil || len(keys) == 0 {
		p = uplink.Invalid("params is no list of identifiers")
	} else if m, r, p = d.addressed(in.Identity, keys); p == nil {
		c, p = d.dir.Reading(r.keys)
		c.Meter = m
	}
	return d.taken(topicGet, id, r, []meter.Command{c}, p, retained)
}

// addressed gives the meter that a command to properties is for, and the
// identifiers without what stands before them. Own choice: the document's
// commands know no sub-devices.
func (d *DAS) addressed(who *identity, keys []string) (*meter.Handle, request, *uplink.Mistake) {
	r := request{keys: slices.Clone(keys)}
	dev := d.prefixed(keys[0])
	if dev != nil {
		r.prefix = dev.ID + "."
		for i, k := range keys {
			bare, ok := strings.CutPrefix(k, r.prefix)
			if !ok {
				return nil, r, uplink.Invalid("all properties must be of one device")
			}
			r.keys[i] = bare
		}
	}
	if who == nil && dev == nil {
		m, p := d.only()
		return m, r, p
	}
	if who != nil {
		named, p := d.identified(who)
		if p != nil {
			return nil, r, p
		}
		if dev != nil && dev != named {
			return nil, r, uplink.Invalid("identity and identifier name two devices")
		}
		dev = named
	}
	return dev.Meter, r, nil
}

// identified gives the device of an identity.
func (d *DAS) identified(who *identity) (*uplink.Device, *uplink.Mistake) {
	dev := d.dir.Named(who.DeviceID)
	if dev == nil || dev.ID != who.DeviceID || who.ProductID != "" && who.ProductID != d.product(dev) {
		return nil, uplink.NotKnown("there is no device %.64q", who.DeviceID)
	}
	return dev, nil
}

// prefixed gives the device whose id stands before an identifier, nil if none
// does. An id may hold dots itself: the longest counts.
func (d *DAS) prefixed(key string) *uplink.Device {
	for i := len(key) - 1; i > 0; i-- {
		if key[i] != '.' {
			continue
		}
		if dev := d.dir.Named(key[:i]); dev != nil && dev.ID == key[:i] {
			return dev
		}
	}
	return nil
}

// only gives the meter of a command that names none.
func (d *DAS) only() (*meter.Handle, *uplink.Mistake) {
	all := d.dir.Devices()
	if len(all) == 0 || all[0].Former || len(all) > 1 && !all[1].Former {
		return nil, uplink.Invalid("of which device?")
	}
	return all[0].Meter, nil
}

// service understands a service.
func (d *DAS) service(id string, in inbound, retained bool) uplink.Receipt {
	c, r, p := d.serve(in)
	r.identifier = in.Identifier
	return d.taken(topicService, id, r, []meter.Command{c}, p, retained)
}

func (d *DAS) serve(in inbound) (c meter.Command, r request, p *uplink.Mistake) {
	var params struct {
		Meter json.RawMessage `json:"meter"`
		Op    json.RawMessage `json:"op"` // is the service's name, and not among its parameters
		uplink.Order
	}
	if len(in.Params) > 0 && json.Unmarshal(in.Params, &params) != nil {
		return c, r, uplink.Invalid("params is no object of the service's")
	}
	m, p := d.called(in.Identity, params.Meter)
	if p != nil {
		return c, r, p
	}
	o := params.Order
	o.Op = in.Identifier
	if o.Op == string(meter.OpRead) {
		if one := uplink.Word(o.Point); one != "" {
			o.Points = append(o.Points, one)
		}
		r.keys = o.Points
	}
	if o.Op == string(meter.OpTime) { // of one meter: the others on its line hear nothing of it
		o.Op = string(meter.OpClock)
	}
	c, p = d.dir.Order(m, o)
	return c, r, p
}

// called gives the meter that a service is called of, by its deviceId or
// address in the params, or by the identity beside them. Where both are there
// they must agree; what is there and names no meter is never taken for the only
// one.
func (d *DAS) called(who *identity, inParams json.RawMessage) (*meter.Handle, *uplink.Mistake) {
	var dev *uplink.Device
	if who != nil {
		var p *uplink.Mistake
		if dev, p = d.identified(who); p != nil {
			return nil, p
		}
	}
	name := uplink.Word(inParams)
	if name == "" {
		switch {
		case len(inParams) > 0: // null and "" too: it is there
			return nil, uplink.Invalid("meter is neither a deviceId nor an address")
		case dev != nil:
			return dev.Meter, nil
		}
		return d.only()
	}
	named := d.dir.Named(name)
	switch {
	case named == nil:
		return nil, uplink.NotKnown("there is no meter %.64q", name)
	case dev != nil && dev != named:
		return nil, uplink.Invalid("identity and meter name two devices")
	}
	return named.Meter, nil
}

// answers are the codes of the outcomes.
var answers = map[meter.Outcome]int{
	meter.Done: codeDone, meter.Denied: codeDenied, meter.NotKnown: codeUnknown, meter.Invalid: codeRequest,
	meter.NoAnswer: codeNoAnswer, meter.NotTaken: codeNotTaken, meter.Unconfirmed: codeUnconfirmed,
	meter.Failed: codeFailed, meter.Busy: codeTooMany, meter.Expired: codeExpired, meter.Nameless: codeRequest,
}

// Answer tells the result of a command. The code is 200 only when the meter
// itself shows what was asked for. What was read stands under the identifiers
// that it was asked by.
func (d *DAS) Answer(_ time.Time, c meter.Command, r meter.Result) (uplink.Message, bool) {
	first, r, whole := d.bundles.Told(c.ID, r)
	if !whole {
		return uplink.Message{}, false
	}
	name, id, ok := strings.Cut(first, ":")
	if !ok || name == topicShadow { // to a wish there is no answer
		return uplink.Message{}, false
	}
	if dev := d.dir.Of(c.Meter.Address); dev != nil { // an id may hold the sign between the two
		id = strings.TrimSuffix(id, ":"+dev.ID)
	}
	asked := d.recall(first)
	code, ok := answers[r.Outcome]
	if !ok {
		code = codeFailed
	}
	text := r.Text.EN
	if text == "" && code == codeDone {
		text = "success"
	}
	var values map[string]json.RawMessage
	if code == codeDone && c.Op == meter.OpRead {
		values = map[string]json.RawMessage{}
		found := d.dir.Values(r.Values)
		for _, v := range found {
			if slices.Contains(asked.keys, v.Key) || !askedOtherwise(asked.keys, found, v) {
				values[asked.prefix+v.Key] = v.JSON
			}
		}
	}
	return d.reply(name, id, asked.identifier, code, text, values), true
}

// askedOtherwise reports whether a value's point was asked for under another
// of its identifiers.
func askedOtherwise(keys []string, found []uplink.Named, v uplink.Named) bool {
	return slices.ContainsFunc(found, func(o uplink.Named) bool { return o.Point == v.Point && slices.Contains(keys, o.Key) })
}

// reply is the frame of what answers a command.
type reply struct {
	Code       int            `json:"code"`
	Data       map[string]any `json:"data"`
	ID         string         `json:"id"`
	Identifier string         `json:"identifier,omitempty"`
	Message    string         `json:"message"`
	Method     string         `json:"method"`
	Version    string         `json:"version"`
}

// reply answers on the command's own topic with "/response" after it. The
// params of data are those of a read; a service has them always.
func (d *DAS) reply(name, id, identifier string, code int, text string, values map[string]json.RawMessage) uplink.Message {
	data := map[string]any{}
	if values != nil {
		data["params"] = values
	} else if name == topicService {
		data["params"] = map[string]any{}
	}
	m := d.message(name+responseLevel, id, reply{code, data, id, identifier, text, strings.ReplaceAll(name, "/", "."), "1.0"})
	m.ID = ""
	return m
}
