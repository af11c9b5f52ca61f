package onenet

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// StudioConfig is what OneNET Studio needs to know.
type StudioConfig struct {
	Identity
	SubProductID string            // of the sub-devices; "": ProductID
	Directory    *uplink.Directory // a device's key is that of a sub-device that logs in
}

// Studio is the dialect of OneNET Studio's thing model (OneJSON).
type Studio struct {
	StudioConfig
	dir   *uplink.Directory
	last  int64
	alone map[string]uint64 // the records of messages that carry but one
	again map[uint64]bool   // the records that got their second try
}

// NewStudio gives the platform.
func NewStudio(c StudioConfig) *Studio {
	c.SubProductID = cmp.Or(c.SubProductID, c.ProductID)
	return &Studio{StudioConfig: c, dir: c.Directory}
}

// Directory says who is who on the platform.
func (s *Studio) Directory() *uplink.Directory { return s.dir }

// Limits of the platform: the token has a rule for a doubted clock,
// registrations go in turn, and it delays what comes faster than one message
// in a second.
func (s *Studio) Limits() uplink.Limits {
	return uplink.Limits{Registers: 1, Batch: 100, Pace: uplink.Pace{Messages: 1, Per: time.Second}}
}

// Login gives the token, and what is subscribed to.
func (s *Studio) Login(now time.Time) uplink.Login {
	l := s.Identity.Login(now)
	l.Topics = s.topics()
	return l
}

func (s *Studio) topic(name string) string {
	return "$sys/" + s.ProductID + "/" + s.Device + "/thing/" + name
}

// Levels of topics after thing/.
const (
	packPost    = "pack/post"
	historyPost = "history/post"
	topoAdd     = "sub/topo/add"
	subLogin    = "sub/login"
	subLogout   = "sub/logout"
	subSet      = "sub/property/set"
	subGet      = "sub/property/get"
	subService  = "sub/service/invoke"
	replyLevel  = "/reply"
)

// topics are within the ten that a session may have.
func (s *Studio) topics() []string {
	var all []string
	for _, name := range []string{packPost + replyLevel, historyPost + replyLevel, subLogin + replyLevel, topoAdd + replyLevel, subSet, subGet, subService} {
		all = append(all, s.topic(name))
	}
	return all
}

// nextID is a string of digits, at most 13.
func (s *Studio) nextID() string {
	s.last = s.last%9999999999999 + 1
	return strconv.FormatInt(s.last, 10)
}

type request struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Params  any    `json:"params"`
}

func (s *Studio) message(name string, params any) uplink.Message {
	id := s.nextID()
	b, err := json.Marshal(request{id, "1.0", params})
	if err != nil {
		panic(err) // our own types always marshal
	}
	return uplink.Message{ID: name + ":" + id, Topic: s.topic(name), Payload: b}
}

// Register brings a sub-device with a key of its own into the topology, and
// then logs it in. One without a key is expected to be in the topology.
func (s *Studio) Register(now time.Time, d *uplink.Device, step int) (uplink.Message, bool) {
	if d.Key == "" {
		return uplink.Message{}, false
	}
	who := map[string]string{"productID": s.SubProductID, "deviceName": d.ID}
	var m uplink.Message
	switch step {
	case 0:
		sub := Identity{ProductID: s.SubProductID, Method: s.Method, Built: s.Built}
		who["sasToken"] = sub.token(now, d.ID, d.Key)
		m = s.message(topoAdd, who)
	case 1:
		m = s.message(subLogin, who)
	default:
		return uplink.Message{}, false
	}
	m.Meter = d.Address()
	return m, true
}

// Leave logs a sub-device out that was logged in.
func (s *Studio) Leave(_ time.Time, d *uplink.Device) (uplink.Message, []string, bool) {
	if d.Key == "" {
		return uplink.Message{}, nil, false
	}
	return s.message(subLogout, map[string]string{"productID": s.SubProductID, "deviceName": d.ID}), nil, true
}

type timed struct {
	Value json.RawMessage `json:"value"`
	Time  int64           `json:"time"` // ms
}

type identity struct {
	ProductID  string `json:"productID"`
	DeviceName string `json:"deviceName"`
}

// pack is what one sub-device has in a message. In a history each property is
// a list of values.
type pack struct {
	Identity   identity       `json:"identity"`
	Properties map[string]any `json:"properties"`
	Events     map[string]any `json:"events"`
}

const (
	packDevices = 10
	packValues  = 100
)

// batch is a message in the making.
type batch struct {
	devices map[string]*values
	order   []string
	covers  []int
	size    int
}

// values are those of one sub-device.
type values struct {
	properties map[string][]timed
	events     map[string]timed
	n          int
}

// Encode puts readings of at most ten sub-devices into a message: into a
// history where a property comes more than once, else into a batch.
func (s *Studio) Encode(_ [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	b := newBatch()
	flush := func() {
		if len(b.covers) > 0 {
			m := s.encode(b)
			if len(b.covers) == 1 {
				s.standsAlone(m.ID, units[b.covers[0]].Seq)
			}
			enc.Messages = append(enc.Messages, m)
		}
		b = newBatch()
	}
	for i, u := range units {
		d, named, at := s.unit(u)
		if d == nil {
			continue
		}
		n := len(named)
		if u.Event != nil {
			n = 1
		}
		if n == 0 {
			continue
		}
		for len(named) > packValues { // more than one message takes of a device
			flush()
			v := b.of(d.ID)
			for _, one := range named[:packValues] {
				v.properties[one.Key] = append(v.properties[one.Key], timed{one.JSON, at.UnixMilli()})
			}
			b.covers = append(b.covers, i)
			named, n = named[packValues:], len(named)-packValues
			flush()
		}
		if !b.fits(d.ID, u, n) {
			flush()
		}
		v := b.of(d.ID)
		for _, one := range named {
			v.properties[one.Key] = append(v.properties[one.Key], timed{one.JSON, at.UnixMilli()})
			b.size += len(one.JSON) + 40
		}
		if e := u.Event; e != nil {
			js, _ := json.Marshal(map[string]string{"by": e.By, "text": clip(e.Text, 200)})
			v.events[uplink.EventIdentifier(e.Kind)] = timed{js, at.UnixMilli()}
			b.size += len(js) + 40
		}
		v.n += n
		b.covers = append(b.covers, i)
	}
	flush()
	return enc
}

func (s *Studio) unit(u uplink.Unit) (*uplink.Device, []uplink.Named, time.Time) {
	if u.Event != nil {
		return s.dir.Of(u.Event.Meter), nil, u.Event.Time
	}
	return s.dir.Of(u.Reading.Meter), s.dir.Values(u.Reading.Values), u.Reading.Time
}

func newBatch() *batch { return &batch{devices: map[string]*values{}} }

func (b *batch) of(device string) *values {
	v := b.devices[device]
	if v == nil {
		v = &values{properties: map[string][]timed{}, events: map[string]timed{}}
		b.devices[device] = v
		b.order = append(b.order, device)
	}
	return v
}

// fits reports whether n more values of a device find room.
func (b *batch) fits(device string, u uplink.Unit, n int) bool {
	v := b.devices[device]
	switch {
	case b.size > mostPayload:
		return false
	case v == nil:
		return len(b.order) < packDevices
	case u.Event != nil: // one event of a kind in a message
		_, there := v.events[uplink.EventIdentifier(u.Event.Kind)]
		return !there && v.n < packValues
	}
	return v.n+n <= packValues
}

func (s *Studio) encode(b *batch) uplink.Message {
	history := false
	for _, v := range b.devices {
		for _, list := range v.properties {
			history = history || len(list) > 1
		}
	}
	var packs []pack
	for _, name := range b.order {
		v := b.devices[name]
		p := pack{Identity: identity{s.SubProductID, name}, Properties: map[string]any{}, Events: map[string]any{}}
		for key, list := range v.properties {
			if history {
				p.Properties[key] = list
			} else {
				p.Properties[key] = list[0]
			}
		}
		for key, e := range v.events {
			if history {
				p.Events[key] = []timed{e}
			} else {
				p.Events[key] = e
			}
		}
		packs = append(packs, p)
	}
	name := packPost
	if history {
		name = historyPost
	}
	m := s.message(name, packs)
	m.Covers = b.covers
	return m
}

// mostID bounds the ids of the platform.
const mostID = 128

// codeOK is the only code that the pages name.
const codeOK = 200

// Receive understands replies and commands.
func (s *Studio) Receive(_ time.Time, m uplink.Inbound) uplink.Receipt {
	name, ok := strings.CutPrefix(m.Topic, s.topic(""))
	if !ok {
		return uplink.Receipt{}
	}
	var in struct {
		ID     string          `json:"id"`
		Code   *int            `json:"code"`
		Msg    string          `json:"msg"`
		Params json.RawMessage `json:"params"`
	}
	if !m.Decode(&in) || len(in.ID) > mostID {
		return uplink.Receipt{}
	}
	if asked, ok := strings.CutSuffix(name, replyLevel); ok {
		if in.Code == nil || m.Retained || !slices.Contains([]string{packPost, historyPost, topoAdd, subLogin}, asked) {
			return uplink.Receipt{}
		}
		rc := uplink.Receipt{ID: asked + ":" + in.ID, Verdict: uplink.Accepted, Code: strconv.Itoa(*in.Code), Text: in.Msg}
		if *in.Code != codeOK {
			rc.Verdict = s.refused(rc.ID)
		}
		return rc
	}
	switch name {
	case subSet, subGet, subService:
		return s.command(name, in.ID, in.Params)
	}
	return uplink.Receipt{}
}

// refused gives a record that stands alone one more try: the pages name no
// codes, so nobody knows which of them would pass.
func (s *Studio) refused(id string) uplink.Verdict {
	seq, alone := s.alone[id]
	delete(s.alone, id)
	if !alone || s.again[seq] {
		return uplink.Refused
	}
	if s.again == nil || len(s.again) >= mostNoted {
		s.again = map[uint64]bool{}
	}
	s.again[seq] = true
	return uplink.TryLater
}

// standsAlone notes a message that carries but one record.
func (s *Studio) standsAlone(id string, seq uint64) {
	if s.alone == nil || len(s.alone) >= mostNoted {
		s.alone = map[string]uint64{}
	}
	s.alone[id] = seq
}

// mostNoted bounds what is noted of records that stand alone.
const mostNoted = 4096

// command understands a command to a sub-device.
func (s *Studio) command(name, id string, params json.RawMessage) uplink.Receipt {
	c, wrong := s.understand(name, params)
	switch {
	case wrong != nil && id == "":
		return uplink.Receipt{}
	case wrong != nil:
		m := s.reply(name, id, answers[wrong.Outcome], wrong.Text, nil)
		return uplink.Receipt{Reply: &m}
	case id != "": // without one the command is refused, and there is nothing to answer to
		c.ID = name + ":" + id + ":" + s.dir.Of(c.Meter.Address).ID
	}
	return uplink.Receipt{Command: &c}
}

func (s *Studio) understand(name string, params json.RawMessage) (c meter.Command, no *uplink.Mistake) {
	var in struct {
		ProductID  string          `json:"productID"`
		DeviceName string          `json:"deviceName"`
		Identifier string          `json:"identifier"`
		Params     json.RawMessage `json:"params"`
		Input      json.RawMessage `json:"input"`
	}
	if json.Unmarshal(params, &in) != nil {
		return c, uplink.Invalid("params are no object")
	}
	d := s.dir.Named(in.DeviceName)
	if d == nil || d.ID != in.DeviceName || in.ProductID != "" && in.ProductID != s.SubProductID {
		return c, uplink.NotKnown("there is no device %.64q", in.DeviceName)
	}
	switch name {
	case subGet:
		var keys []string
		if json.Unmarshal(in.Params, &keys) != nil {
			return c, uplink.Invalid("params are no list")
		}
		if no = s.properties(keys...); no == nil {
			c, no = s.dir.Reading(keys)
		}
	case subSet:
		var set map[string]json.RawMessage
		if json.Unmarshal(in.Params, &set) != nil || len(set) != 1 {
			return c, uplink.Invalid("one property at a time is set")
		}
		for k, v := range set {
			if no = s.properties(k); no == nil {
				c, no = s.dir.Setting(k, uplink.Word(v))
			}
		}
	case subService:
		var o order
		body := in.Input
		if len(body) == 0 {
			body = in.Params
		}
		if len(body) > 0 && json.Unmarshal(body, &o) != nil {
			return c, uplink.Invalid("the input is no object")
		}
		op := strings.ReplaceAll(in.Identifier, "_", "-")
		if o.Op != "" && o.Op != op || o.Meter != "" && s.dir.Named(o.Meter) != d {
			return c, uplink.Invalid("the input names another service or another device")
		}
		o.Op = op
		return s.dir.Order(d.Meter, o.Order)
	}
	c.Meter = d.Meter
	return c, no
}

// properties wants each to be one of the thing model.
func (s *Studio) properties(keys ...string) *uplink.Mistake {
	for _, k := range keys {
		if _, ok := s.dir.Point(k); !ok {
			return uplink.NotKnown("there is no property %.64q", k)
		}
	}
	return nil
}

// Codes of our answers besides 200. The pages name none.
const (
	codeInvalid = 400
	codeDenied  = 403
	codeUnknown = 404
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
	name, rest, ok := strings.Cut(c.ID, ":")
	if !ok {
		return uplink.Message{}, false
	}
	id := rest
	if d := s.dir.Of(c.Meter.Address); d != nil { // an id may hold the sign between the two
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
	return s.reply(name, id, code, text, valuesOf(s.dir, r.Values)), true
}

func (s *Studio) reply(name, id string, code int, text string, data map[string]json.RawMessage) uplink.Message {
	b, _ := json.Marshal(struct {
		ID   string                     `json:"id"`
		Code int                        `json:"code"`
		Msg  string                     `json:"msg"`
		Data map[string]json.RawMessage `json:"data,omitempty"`
	}{id, code, text, data})
	return uplink.Message{Topic: s.topic(name) + "_reply", Payload: b}
}
