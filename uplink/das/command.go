package das

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
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
)

// Services that we offer. Own choice: the document leaves them to the product.
const (
	serviceRead   = "read"         // params: meter, point or points
	serviceRelay  = "relay"        // params: meter, action "close" or "trip"
	serviceSet    = "set"          // params: meter, point (or a data identifier), value
	serviceTime   = "time"         // params: meter, as of those below
	serviceFreeze = "freeze"       //
	serviceDemand = "demand_reset" //
)

// request is a command that was taken and is not answered yet.
type request struct {
	command    string // its Command.ID
	identifier string // of a service
	prefix     string // before each identifier
	keys       []string
}

// mostAsked bounds the requests that are remembered for their answers.
const mostAsked = 256

func (d *DAS) ask(r request) {
	d.recall(r.command)
	if len(d.asked) >= mostAsked {
		d.asked = d.asked[1:]
	}
	d.asked = append(d.asked, r)
}

func (d *DAS) recall(command string) request {
	i := slices.IndexFunc(d.asked, func(r request) bool { return r.command == command })
	if i < 0 {
		return request{command: command}
	}
	r := d.asked[i]
	d.asked = slices.Delete(d.asked, i, i+1)
	return r
}

// problem is why a command is not taken.
type problem struct {
	code int
	text string
}

func wrong(format string, args ...any) *problem {
	return &problem{codeRequest, "request parameter error: " + fmt.Sprintf(format, args...)}
}

func unknown(format string, args ...any) *problem {
	return &problem{codeUnknown, fmt.Sprintf(format, args...)}
}

// taken gives the receipt of a command, or its answer if there is a problem.
func (d *DAS) taken(name, id string, r request, c uplink.Command, p *problem) uplink.Receipt {
	if p != nil {
		m := d.reply(name, id, r.identifier, p.code, p.text, nil)
		return uplink.Receipt{Reply: &m}
	}
	c.ID = internal(name, id)
	r.command = c.ID
	d.ask(r)
	return uplink.Receipt{Command: &c}
}

// set understands the command to write a property. It changes one thing: a
// command for several is refused as a whole.
func (d *DAS) set(id string, in inbound) uplink.Receipt {
	c, r, p := d.setting(in)
	return d.taken(topicSet, id, r, c, p)
}

func (d *DAS) setting(in inbound) (c uplink.Command, r request, p *problem) {
	params := map[string]json.RawMessage{}
	if json.Unmarshal(in.Params, &params) != nil {
		return c, r, wrong("params is no object")
	}
	who := in.Identity
	if list, ok := params["subDevices"]; ok {
		var entries []struct {
			Identity   identity                   `json:"identity"`
			Properties map[string]json.RawMessage `json:"properties"`
		}
		if json.Unmarshal(list, &entries) != nil || len(entries) != 1 || len(params) != 1 {
			return c, r, wrong("want one of subDevices and nothing beside it")
		}
		who, params = &entries[0].Identity, entries[0].Properties
	}
	if len(params) != 1 {
		return c, r, wrong("want one property, got %d", len(params))
	}
	keys := slices.Collect(maps.Keys(params))
	c.Meter, r, p = d.addressed(who, keys)
	if p != nil {
		return c, r, p
	}
	value := word(params[keys[0]])
	c, p = d.change(c, r.keys[0], value)
	return c, r, p
}

// change gives the command that changes a point, named by its identifier or
// itself.
func (d *DAS) change(c uplink.Command, key, value string) (uplink.Command, *problem) {
	point, ok := d.point(key)
	if !ok {
		if _, err := dlt645.ParseDI(key); err != nil {
			return c, unknown("there is no property %.64q", key)
		}
		point = key
	}
	if point == "relay" {
		return relay(c, value)
	}
	c.Op, c.Point, c.Value = uplink.OpSet, point, value
	if value == "" || value == "null" {
		return c, wrong("no value")
	}
	for _, row := range d.Rows {
		if row.To != key || row.Scale <= 0 {
			continue
		}
		n, err := dlt645.ParseDecimal(value)
		if err != nil || int(n.Scale)+row.Scale > dlt645.MaxScale {
			return c, wrong("%.64q is no number", value)
		}
		n.Scale += uint8(row.Scale)
		for n.Scale > 0 && n.Coef%10 == 0 { // a meter may refuse more places than it has
			n.Coef, n.Scale = n.Coef/10, n.Scale-1
		}
		c.Value = n.String()
		break
	}
	return c, nil
}

// relay understands the words for the relay's states, and those that a bool of
// the platform may be.
func relay(c uplink.Command, value string) (uplink.Command, *problem) {
	c.Op = uplink.OpRelay
	switch strings.ToLower(value) {
	case "true", "1", "closed", "close":
		c.Relay = dlt645.CommandClose
	case "false", "0", "open", "trip":
		c.Relay = dlt645.CommandTrip
	default:
		return c, wrong("the relay can be closed or open, not %.64q", value)
	}
	return c, nil
}

// point gives a point's name by an identifier or by the name itself. What the
// configuration leaves out is none.
func (d *DAS) point(key string) (string, bool) {
	if name, ok := d.naming.Point(key, d.Points); ok {
		return name, name != ""
	}
	_, ok := d.Points.Expand(key)
	return key, ok && !d.leftOut(key)
}

func (d *DAS) leftOut(point string) bool {
	out := false
	for _, row := range d.Rows {
		if row.Point == point && row.To != "" {
			return false
		}
		out = out || row.Point == point
	}
	return out
}

// get understands the command to read properties, all of one meter.
func (d *DAS) get(id string, in inbound) uplink.Receipt {
	var (
		keys []string
		c    = uplink.Command{Op: uplink.OpRead}
		r    request
		p    *problem
	)
	if json.Unmarshal(in.Params, &keys) != nil || len(keys) == 0 {
		p = wrong("params is no list of identifiers")
	} else if c.Meter, r, p = d.addressed(in.Identity, keys); p == nil {
		c.Points, p = d.points(r.keys)
	}
	return d.taken(topicGet, id, r, c, p)
}

func (d *DAS) points(keys []string) ([]string, *problem) {
	var out []string
	for _, key := range keys {
		name, ok := d.point(key)
		if !ok {
			return nil, unknown("there is no property %.64q", key)
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out, nil
}

// addressed gives the meter that a command to properties is for, and the
// identifiers without what stands before them. Own choice: the document's
// commands know no sub-devices.
func (d *DAS) addressed(who *identity, keys []string) (dlt645.Address, request, *problem) {
	for _, dev := range d.Devices {
		prefix := dev.ID + "."
		if !slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, prefix) }) {
			continue
		}
		r := request{prefix: prefix}
		for _, k := range keys {
			bare, ok := strings.CutPrefix(k, prefix)
			if !ok {
				return dlt645.Address{}, r, wrong("all properties must be of one device")
			}
			r.keys = append(r.keys, bare)
		}
		if who != nil && !d.is(dev, *who) {
			return dlt645.Address{}, r, wrong("identity and identifier name two devices")
		}
		return dev.Meter, r, nil
	}
	r := request{keys: slices.Clone(keys)}
	if who != nil {
		for _, dev := range d.Devices {
			if d.is(dev, *who) {
				return dev.Meter, r, nil
			}
		}
		return dlt645.Address{}, r, unknown("there is no device %.64q", who.DeviceID)
	}
	a, p := d.only()
	return a, r, p
}

func (d *DAS) is(dev Device, who identity) bool {
	return dev.ID == who.DeviceID && (who.ProductID == "" || who.ProductID == dev.ProductID)
}

// only gives the meter of a command that names none.
func (d *DAS) only() (dlt645.Address, *problem) {
	if len(d.meters) != 1 {
		return dlt645.Address{}, wrong("of which device?")
	}
	return d.meters[0], nil
}

// service understands a service.
func (d *DAS) service(id string, in inbound) uplink.Receipt {
	c, r, p := d.serve(in)
	r.identifier = in.Identifier
	return d.taken(topicService, id, r, c, p)
}

func (d *DAS) serve(in inbound) (c uplink.Command, r request, p *problem) {
	var params struct {
		Meter  json.RawMessage `json:"meter"`
		Action json.RawMessage `json:"action"`
		Point  json.RawMessage `json:"point"`
		Value  json.RawMessage `json:"value"`
		Points []string        `json:"points"`
	}
	if len(in.Params) > 0 && json.Unmarshal(in.Params, &params) != nil {
		return c, r, wrong("params is no object of the service's")
	}
	if c.Meter, p = d.named(word(params.Meter)); p != nil {
		return c, r, p
	}
	switch in.Identifier {
	case serviceRead:
		c.Op = uplink.OpRead
		r.keys = params.Points
		if one := word(params.Point); one != "" {
			r.keys = append(r.keys, one)
		}
		if len(r.keys) == 0 {
			return c, r, wrong("no points")
		}
		c.Points, p = d.points(r.keys)
	case serviceRelay:
		c, p = relay(c, word(params.Action))
	case serviceSet:
		c, p = d.change(c, word(params.Point), word(params.Value))
	case serviceTime:
		c.Op = uplink.OpTime
	case serviceFreeze:
		c.Op = uplink.OpFreeze
	case serviceDemand:
		c.Op = uplink.OpDemandReset
	default:
		p = unknown("there is no service %.64q", in.Identifier)
	}
	return c, r, p
}

// named gives the meter of that deviceId or address.
func (d *DAS) named(name string) (dlt645.Address, *problem) {
	if name == "" {
		return d.only()
	}
	for _, dev := range d.Devices {
		if dev.ID == name {
			return dev.Meter, nil
		}
	}
	for _, dev := range d.Devices {
		if dev.Meter.String() == name {
			return dev.Meter, nil
		}
	}
	return dlt645.Address{}, unknown("there is no meter %.64q", name)
}

// answers are the codes of the outcomes.
var answers = map[uplink.Outcome]int{
	uplink.Done: codeDone, uplink.Denied: codeDenied, uplink.NotKnown: codeUnknown, uplink.Invalid: codeRequest,
	uplink.NoAnswer: codeNoAnswer, uplink.NotTaken: codeNotTaken, uplink.Unconfirmed: codeUnconfirmed,
	uplink.Failed: codeFailed, uplink.Busy: codeTooMany,
}

// Answer tells the result of a command. The code is 200 only when the meter
// itself shows what was asked for. What was read stands under the identifiers
// that it was asked by.
func (d *DAS) Answer(_ time.Time, c uplink.Command, r uplink.Result) (uplink.Message, bool) {
	name, id, ok := strings.Cut(c.ID, ":")
	if !ok {
		return uplink.Message{}, false
	}
	asked := d.recall(c.ID)
	code, ok := answers[r.Outcome]
	if !ok {
		code = codeFailed
	}
	text := r.Text
	if text == "" && code == codeDone {
		text = "success"
	}
	var values map[string]json.RawMessage
	if code == codeDone && c.Op == uplink.OpRead {
		values = map[string]json.RawMessage{}
		found := d.naming.Values(r.Values)
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

// reply answers on the command's own topic with "/response" behind it. The
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
