package uplinktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Consumer is a simulated consumer behind a broker of one's own: it stores what
// comes in one of the layouts, and holds every topic and payload against
// docs/platforms.md. Its methods may be called from several goroutines.
type Consumer struct {
	Gateway, Prefix string
	Layout          string // "json", "flat", "thingsboard"
	Reply           bool   // it answers what it has stored
	// Silent drops an answer; nil: none.
	Silent func(id string) bool
	// Bad tells which values it cannot store; it refuses the message. nil: none.
	Bad func(meter, key string) bool
	// Stored, if not nil, is called with each value that is stored anew.
	Stored func(ConsumerValue)

	mu         sync.Mutex
	stored     map[string]string // by meter, key and time
	values     []ConsumerValue
	repeats    int
	ids        map[string]string // payloads of messages, by their ids
	resent     int
	events     []ConsumerEvent
	states     map[string]ConsumerState
	status     map[string]string // by topic
	info       int
	board      map[string]any  // what the board has told of itself
	connected  map[string]bool // of ThingsBoard
	answers    []string
	home       home
	violations []string
}

// ConsumerValue is a stored value; Millis is 0 in the flat layout.
type ConsumerValue struct {
	Meter, Key, Value string
	Millis            int64
}

// ConsumerEvent is a stored event.
type ConsumerEvent struct {
	Meter, Event, Text string
	Active             *bool
	Millis             int64
}

// ConsumerState is the last state of a meter.
type ConsumerState struct {
	Millis int64
	Values map[string]string
}

// ConsumerSeen is what has come so far.
type ConsumerSeen struct {
	Values     []ConsumerValue
	Repeats    int // values that were there already, and the same
	Resent     int // messages that came again under their id
	Events     []ConsumerEvent
	States     map[string]ConsumerState
	Status     map[string]string // by topic
	Infos      int
	Board      map[string]any // as the board told last of itself
	Connected  []string       // of ThingsBoard
	Answers    []string       // to commands
	Entities   map[string]Entity
	Announced  int // announcements that came
	Violations []string
}

// Seen gives a copy of it.
func (p *Consumer) Seen() ConsumerSeen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return ConsumerSeen{
		Values: slices.Clone(p.values), Repeats: p.repeats, Resent: p.resent, Events: slices.Clone(p.events), States: maps.Clone(p.states), Status: maps.Clone(p.status), Infos: p.info, Board: maps.Clone(p.board),
		Connected: slices.Sorted(maps.Keys(p.connected)), Answers: slices.Clone(p.answers), Entities: maps.Clone(p.home.entities), Announced: p.home.announced, Violations: slices.Clone(p.violations),
	}
}

// SetFaults changes Silent and Bad while messages come.
func (p *Consumer) SetFaults(silent func(id string) bool, bad func(meter, key string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Silent, p.Bad = silent, bad
}

func (p *Consumer) base() string { return p.Prefix + "/" + p.Gateway }

// Topics are what the consumer subscribes to: all, so that what comes to a wrong
// one is seen.
func (*Consumer) Topics() []string { return []string{"#"} }

func (p *Consumer) violate(format string, args ...any) {
	if len(p.violations) < 1000 {
		p.violations = append(p.violations, fmt.Sprintf(format, args...))
	}
}

// Command gives a command in words of ours.
func (p *Consumer) Command(id, meter, rest string) Out {
	if p.Layout == "thingsboard" {
		return Out{Topic: "v1/gateway/rpc", Payload: fmt.Appendf(nil, `{"device":%q,"data":{"id":%q,%s}}`, meter, id, rest)}
	}
	return Out{Topic: p.base() + "/cmd/request", Payload: fmt.Appendf(nil, `{"id":%q,"meter":%q,%s}`, id, meter, rest)}
}

// topics of which the payload is kept by the broker.
var keptTopics = regexp.MustCompile(`^(.+/status|.+/info|.+/board|.+/meter/[^/]+/state|homeassistant/.+)$`)

// Published is told of each message whether the broker is to keep it.
func (p *Consumer) Published(clientID, topic string, retained bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := keptTopics.MatchString(topic)
	if p.Layout == "flat" && strings.Count(strings.TrimPrefix(topic, p.base()), "/") == 2 && !strings.HasPrefix(topic, p.base()+"/cmd/") {
		kept = true
	}
	if kept != retained {
		p.violate("%s: %s is published with retain %v", clientID, topic, retained)
	}
}

// Receive takes a message and gives the answer to it.
func (p *Consumer) Receive(topic string, payload []byte, now time.Time) []Out {
	return exchanged(topic, p.receive(topic, payload, now))
}

func (p *Consumer) receive(topic string, payload []byte, now time.Time) []Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stored == nil {
		p.stored, p.ids, p.states, p.status, p.connected = map[string]string{}, map[string]string{}, map[string]ConsumerState{}, map[string]string{}, map[string]bool{}
	}
	if topic == p.Prefix+"/consumer/status" {
		return nil // our own
	}
	if member := dasTwice(payload); member != "" {
		p.violate("%s: member %q stands twice: %s", topic, member, payload)
	}
	if strings.HasPrefix(topic, "homeassistant/") {
		if topic == "homeassistant/status" {
			return nil // our own
		}
		for _, why := range p.home.announce(topic, payload) {
			p.violate("%s: %s", topic, why)
		}
		return nil
	}
	if p.Layout == "thingsboard" {
		return p.thingsBoard(topic, payload)
	}
	rest, ours := strings.CutPrefix(topic, p.base()+"/")
	switch levels := strings.Split(rest, "/"); {
	case !ours:
		p.violate("topic %s", topic)
	case rest == "ack", rest == "cmd/request": // our own
	case rest == "cmd/response":
		p.response(payload)
	case rest == "status":
		p.tellStatus(topic, payload)
	case rest == "info":
		p.tellInfo(payload)
	case rest == "board":
		p.tellBoard(payload)
	case rest == "event" && p.Layout == "json":
		return p.event(topic, "", payload)
	case levels[0] == "meter" && len(levels) == 3 && levels[2] == "status":
		p.tellStatus(topic, payload)
	case p.Layout == "flat" && len(levels) == 2:
		p.flat(topic, levels[0], levels[1], payload)
	case p.Layout == "json" && levels[0] == "meter" && len(levels) == 3 && levels[2] == "state":
		p.state(topic, levels[1], payload)
	case p.Layout == "json" && levels[0] == "meter" && len(levels) == 3 && levels[2] == "readings":
		return p.readings(topic, levels[1], payload)
	case p.Layout == "json" && levels[0] == "meter" && len(levels) == 3 && levels[2] == "event":
		return p.event(topic, levels[1], payload)
	default:
		p.violate("topic %s is not one of the layout's", topic)
	}
	return nil
}

func (p *Consumer) tellStatus(topic string, payload []byte) {
	if s := string(payload); s != "online" && s != "offline" {
		p.violate("%s: %q", topic, s)
	}
	p.status[topic] = string(payload)
}

// tellBoard takes how the board fares: each property once, as a text or a whole
// number.
func (p *Consumer) tellBoard(payload []byte) {
	p.board = nil
	if err := json.Unmarshal(payload, &p.board); err != nil {
		p.violate("board: %v: %s", err, payload)
	}
	for key, v := range p.board {
		n, number := v.(float64)
		if _, text := v.(string); !text && !number || number && n != math.Trunc(n) {
			p.violate("board: %s is %v", key, v)
		}
	}
}

func (p *Consumer) tellInfo(payload []byte) {
	var in struct {
		Gateway string            `json:"gateway"`
		Version *string           `json:"version"`
		Meters  []string          `json:"meters"`
		Units   map[string]string `json:"units"`
	}
	if err := strict(payload, &in); err != nil || in.Gateway != p.Gateway || in.Version == nil || len(in.Meters) == 0 || in.Units == nil {
		p.violate("info: %v: %s", err, payload)
	}
	p.info++
}

func (p *Consumer) response(payload []byte) {
	var in struct {
		ID      string                     `json:"id"`
		OK      *bool                      `json:"ok"`
		Outcome string                     `json:"outcome"`
		Text    string                     `json:"text"`
		Values  map[string]json.RawMessage `json:"values"`
	}
	if err := strict(payload, &in); err != nil || in.ID == "" || in.OK == nil || in.Outcome == "" || *in.OK != (in.Outcome == "done") {
		p.violate("response: %v: %s", err, payload)
	}
	p.answers = append(p.answers, string(payload))
}

// numberPattern is a number as a meter has it: no exponent.
var numberPattern = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?$`)

// word gives a value as text; false if it is neither a plain number nor a text.
func word(b json.RawMessage) (string, bool) {
	var s string
	if json.Unmarshal(b, &s) == nil && bytes.HasPrefix(b, []byte(`"`)) {
		return s, true
	}
	return string(b), numberPattern.Match(b)
}

func (p *Consumer) state(topic, meter string, payload []byte) {
	var in map[string]json.RawMessage
	if err := strict(payload, &in); err != nil {
		p.violate("%s: %v: %s", topic, err, payload)
		return
	}
	s := ConsumerState{Values: map[string]string{}}
	for k, v := range in {
		text, ok := word(v)
		if !ok {
			p.violate("%s: %s is %s", topic, k, v)
		}
		s.Values[k] = text
	}
	delete(s.Values, "ts")
	if len(s.Values) == 0 {
		p.violate("%s: a state of nothing: %s", topic, payload)
	}
	ts, timed := in["ts"] // none while the board does not know it
	if timed {
		if _, err := fmt.Sscan(string(ts), &s.Millis); err != nil || s.Millis < 1e12 {
			p.violate("%s: ts %s is no time in ms", topic, ts)
		}
	}
	if old := p.states[meter]; timed && old.Millis > 0 && (s.Millis < old.Millis || s.Millis == old.Millis && !maps.Equal(s.Values, old.Values)) {
		p.violate("%s: a state of %d after one of %d", topic, s.Millis, old.Millis)
	}
	p.states[meter] = s
}

// consumerRow is a reading.
type consumerRow struct {
	TS     int64                      `json:"ts"`
	Values map[string]json.RawMessage `json:"values"`
}

// rows takes readings of a meter; false if one of them cannot be stored.
func (p *Consumer) rows(topic, meter string, rows []consumerRow) (all []ConsumerValue, good bool) {
	good = true
	for _, r := range rows {
		if r.TS < 1e12 || len(r.Values) == 0 {
			p.violate("%s: a row of %d with %d values", topic, r.TS, len(r.Values))
		}
		for key, v := range r.Values {
			text, ok := word(v)
			if !ok && !(p.Layout == "thingsboard" && bytes.HasPrefix(v, []byte("{"))) {
				p.violate("%s: %s is %s", topic, key, v)
			}
			good = good && !(p.Bad != nil && p.Bad(meter, key))
			all = append(all, ConsumerValue{meter, key, text, r.TS})
		}
	}
	return all, good
}

func (p *Consumer) store(all []ConsumerValue) {
	for _, v := range all {
		at := fmt.Sprintf("%s/%s/%d", v.Meter, v.Key, v.Millis)
		if old, ok := p.stored[at]; ok {
			if p.repeats++; old != v.Value {
				p.violate("%s was %s and is %s", at, old, v.Value)
			}
			continue
		}
		p.stored[at] = v.Value
		p.values = append(p.values, v)
		if p.Stored != nil {
			p.Stored(v)
		}
	}
}

var ownID = regexp.MustCompile(`^[0-9a-f]{8}-[1-9]\d*-[0-9a-f]{8}$`)

// identified holds an id to its form, and what comes again under it to what came
// before.
func (p *Consumer) identified(topic, id string, payload []byte) {
	if !ownID.MatchString(id) || len(payload) > 64<<10 {
		p.violate("%s: id %q, %d bytes", topic, id, len(payload))
	}
	old, again := p.ids[id]
	if again {
		p.resent++
	}
	if again && old != string(payload) {
		p.violate("%s: %s comes again with something else", topic, id)
	}
	p.ids[id] = string(payload)
}

// acknowledge answers a message, if this consumer answers any.
func (p *Consumer) acknowledge(id string, good bool) []Out {
	if !p.Reply || p.Silent != nil && p.Silent(id) {
		return nil
	}
	if !good {
		return []Out{{p.base() + "/ack", fmt.Appendf(nil, `{"id":%q,"error":"a value has no place"}`, id)}}
	}
	return []Out{{p.base() + "/ack", fmt.Appendf(nil, `{"ids":[%q]}`, id)}}
}

func (p *Consumer) readings(topic, meter string, payload []byte) []Out {
	var in struct {
		ID    string        `json:"id"`
		Meter string        `json:"meter"`
		Name  string        `json:"name"`
		Rows  []consumerRow `json:"rows"`
	}
	if err := strict(payload, &in); err != nil || in.Meter != meter || in.Name == "" || len(in.Rows) == 0 || len(in.Rows) > 100 {
		p.violate("%s: %v: %.200s", topic, err, payload)
		return nil
	}
	p.identified(topic, in.ID, payload)
	all, good := p.rows(topic, meter, in.Rows)
	if good || !p.Reply {
		p.store(all)
	}
	return p.acknowledge(in.ID, good)
}

func (p *Consumer) event(topic, meter string, payload []byte) []Out {
	var in struct {
		ID     string `json:"id"`
		Meter  string `json:"meter"`
		TS     int64  `json:"ts"`
		Event  string `json:"event"`
		Active *bool  `json:"active"`
		By     string `json:"by"`
		Text   string `json:"text"`
	}
	if err := strict(payload, &in); err != nil || in.Meter != meter || in.Event == "" || in.TS < 1e12 {
		p.violate("%s: %v: %s", topic, err, payload)
		return nil
	}
	_, again := p.ids[in.ID]
	p.identified(topic, in.ID, payload)
	if !again {
		p.events = append(p.events, ConsumerEvent{meter, in.Event, in.Text, in.Active, in.TS})
	}
	return p.acknowledge(in.ID, true)
}

func (p *Consumer) flat(topic, meter, key string, payload []byte) {
	if len(payload) == 0 || bytes.ContainsAny(payload, `{}[]"`) {
		p.violate("%s: %q is no plain text", topic, payload)
	}
	if p.stored[topic] == string(payload) {
		p.repeats++
	}
	p.stored[topic] = string(payload)
	v := ConsumerValue{Meter: meter, Key: key, Value: string(payload)}
	p.values = append(p.values, v)
	if p.Stored != nil {
		p.Stored(v)
	}
}

// thingsBoard is the platform's interface for gateways.
func (p *Consumer) thingsBoard(topic string, payload []byte) []Out {
	switch topic {
	case "v1/gateway/connect", "v1/gateway/disconnect":
		var in struct {
			Device string `json:"device"`
		}
		if err := strict(payload, &in); err != nil || in.Device == "" {
			p.violate("%s: %v: %s", topic, err, payload)
		}
		delete(p.connected, in.Device)
		if strings.HasSuffix(topic, "/connect") {
			p.connected[in.Device] = true
		}
	case "v1/gateway/telemetry":
		var in map[string][]consumerRow
		if err := strict(payload, &in); err != nil || len(in) != 1 || len(payload) > 8196 {
			p.violate("%s: %v: %d devices, %d bytes", topic, err, len(in), len(payload))
		}
		for device, rows := range in {
			if !p.connected[device] || len(rows) == 0 {
				p.violate("%s: %d rows of %q, connected %v", topic, len(rows), device, p.connected[device])
			}
			all, _ := p.rows(topic, device, rows)
			p.store(all)
		}
	case "v1/gateway/rpc":
		var in struct {
			Device string          `json:"device"`
			ID     json.RawMessage `json:"id"`
			Data   json.RawMessage `json:"data"`
		}
		if err := strict(payload, &in); err != nil || in.Device == "" || len(in.Data) == 0 {
			p.violate("%s: %v: %s", topic, err, payload)
		}
		if len(in.ID) > 0 { // else our own
			p.answers = append(p.answers, string(payload))
		}
	default:
		p.violate("topic %s is not one of the interface's", topic)
	}
	return nil
}
