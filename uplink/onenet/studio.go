package onenet

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/uplink"
)

// StudioConfig is what OneNET Studio needs to know.
type StudioConfig struct {
	Identity
	// Wildcard has all topics subscribed to by one: what comes beyond the ten
	// single ones that a session may have is understood then.
	Wildcard bool
	// Desired has what the platform wishes carried out after each connect, of what
	// the meters let it set, although it does not say since when it is wished. Needs
	// Wildcard.
	Desired      bool
	SubProductID string            // of the sub-devices; "": ProductID
	Directory    *uplink.Directory // a device's key is that of a sub-device that logs in
}

// Studio is the dialect of OneNET Studio's thing model (OneJSON).
type Studio struct {
	StudioConfig
	dir   *uplink.Directory
	last  int64             // id of the last message; a start begins anywhere, so that a late answer to the last one acknowledges nothing of it
	alone map[string]uint64 // the records of messages that carry but one
	again map[uint64]bool   // the records that got their second try

	bundles  uplink.Bundles          // of commands that wait for their outcomes
	waiting  []waiting               // requests that the platform does not wait for long
	late     []string                // commands whose requests were answered before their outcome was known
	missing  map[dlt645.Address]bool // that are not in the gateway's topology, as the platform says
	topology string                  // id of the question for it, in this connection
	wishes   wishes
	rung     func() // is told when there is a package; nil: none is taken
}

// NewStudio gives the platform.
func NewStudio(c StudioConfig) *Studio {
	c.SubProductID = cmp.Or(c.SubProductID, c.ProductID)
	return &Studio{StudioConfig: c, dir: c.Directory, last: rand.Int64N(mostNumber), missing: map[dlt645.Address]bool{}}
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
	s.topology, s.wishes = "", wishes{set: s.wishes.set} // both are asked for again
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
	ownSet      = "property/set" // of the gateway
	ownGet      = "property/get"
	topoChange  = "sub/topo/change"
	replyLevel  = "/reply"

	// These are understood with a wildcard alone.
	ownService    = "service/" // and its name, and invokeLevel
	invokeLevel   = "/invoke"
	topoGet       = "sub/topo/get"
	topoResult    = "sub/topo/get/result"
	desiredGet    = "property/desired/get"
	desiredDelete = "property/desired/delete"
)

// topics are within the ten that a session may have.
func (s *Studio) topics() []string {
	if s.Wildcard {
		return []string{s.topic("#"), s.upgradeTopic()}
	}
	var all []string
	for _, name := range []string{
		packPost + replyLevel, historyPost + replyLevel, subLogin + replyLevel, topoAdd + replyLevel,
		subSet, subGet, subService, ownSet, ownGet, topoChange,
	} {
		all = append(all, s.topic(name))
	}
	return all
}

// mostNumber has the 13 digits that an id may have.
const mostNumber = 9999999999999

// nextID is a string of digits, at most 13.
func (s *Studio) nextID() string {
	s.last = s.last%mostNumber + 1
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
// then logs it in. One without a key is expected to be in the topology. One that
// the platform has taken out of it is only logged in, which works once it is
// there again: who took it out meant it.
func (s *Studio) Register(now time.Time, d *uplink.Device, step int) (uplink.Message, bool) {
	who := map[string]string{"productID": s.SubProductID, "deviceName": d.ID}
	var m uplink.Message
	if s.missing[d.Address()] && step == 0 {
		m = s.message(subLogin, who)
		m.Meter = d.Address()
		return m, true
	}
	if s.missing[d.Address()] { // it is logged in, so it is there
		delete(s.missing, d.Address())
		return uplink.Message{}, false
	}
	if d.Key == "" {
		return uplink.Message{}, false
	}
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
	Identity   *identity      `json:"identity,omitempty"` // nil: the gateway
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
		p := pack{Identity: &identity{s.SubProductID, name}, Properties: map[string]any{}, Events: map[string]any{}}
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

// Board tells the gateway's own properties: a pack without an identity is its.
func (s *Studio) Board(at time.Time, state []uplink.BoardState) ([]uplink.Message, bool) {
	p := pack{Properties: map[string]any{}, Events: map[string]any{}}
	for _, v := range state {
		p.Properties[v.Key] = struct {
			Value json.RawMessage `json:"value"`
			Time  int64           `json:"time,omitempty"`
		}{v.JSON, millis(at)}
	}
	return []uplink.Message{s.message(packPost, []pack{p})}, true
}

// millis is 0 for no time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// mostID bounds the ids of the platform.
const mostID = 128

// codeOK is the only code that the pages name.
const codeOK = 200

// inbound is what comes down, of all kinds.
type inbound struct {
	ID     string          `json:"id"`
	Code   *int            `json:"code"`
	Msg    string          `json:"msg"`
	Params json.RawMessage `json:"params"`
	Data   json.RawMessage `json:"data"`
}

// Receive understands replies, commands and what is said of the topology.
func (s *Studio) Receive(now time.Time, m uplink.Inbound) uplink.Receipt {
	var in inbound
	if m.Topic == s.upgradeTopic() && s.Wildcard && !m.Retained && m.Decode(&in) && len(in.ID) <= mostID {
		return s.upgrade(in.ID)
	}
	name, ok := strings.CutPrefix(m.Topic, s.topic(""))
	if !ok || !m.Sound() || !m.Decode(&in) || len(in.ID) > mostID {
		return uplink.Receipt{}
	}
	if asked, ok := strings.CutSuffix(name, replyLevel); ok {
		if m.Retained || in.Code == nil {
			return uplink.Receipt{}
		}
		return s.answered(asked, in)
	}
	service, own := strings.CutPrefix(name, ownService)
	service, invoked := strings.CutSuffix(service, invokeLevel)
	switch {
	case name == subSet, name == subGet, name == subService, name == ownSet, name == ownGet:
		return s.command(now, name, in, m.Retained)
	case own && invoked && s.Wildcard && service != "" && len(service) <= mostService && !strings.Contains(service, "/"):
		return s.command(now, name, in, m.Retained)
	case name == topoChange && !m.Retained:
		return s.changed(in)
	}
	return uplink.Receipt{}
}

// answered takes a reply of the platform's.
func (s *Studio) answered(asked string, in inbound) uplink.Receipt {
	switch {
	case slices.Contains([]string{packPost, historyPost, topoAdd, subLogin}, asked):
		rc := uplink.Receipt{ID: asked + ":" + in.ID, Verdict: uplink.Accepted, Code: strconv.Itoa(*in.Code), Text: in.Msg}
		if *in.Code != codeOK {
			rc.Verdict = s.refused(rc.ID)
		}
		return rc
	case *in.Code != codeOK || in.ID == "":
	case asked == topoGet && in.ID == s.topology:
		return s.listed(in)
	case asked == desiredGet && s.wishes.open[in.ID] != nil:
		return s.wished(in)
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
