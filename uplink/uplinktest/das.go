package uplinktest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// DASDevice is a sub-device that exists on the simulated DAS.
type DASDevice struct {
	ProductID, DeviceID string
	Secret              string // "": its values are taken without a login
}

// DASValue is a value that the platform has stored.
type DASValue struct {
	Device, Identifier string
	Value              string // as it stood in the JSON
	Time               int64  // ms
}

// DASEvent is an event that the platform has stored.
type DASEvent struct {
	Identifier, Value string
	Time              int64
}

// DAS is a simulated DAS AIoT for one gateway, without the broker. Its methods
// may be called from several goroutines. Its strictness beyond the document:
// a time is asked for with each value, and ids are decimal and below 2^32, as
// one page asks for.
type DAS struct {
	ProductID, DeviceID, DeviceSecret string
	TLS                               bool // the gateway must say that it uses TLS
	SubDevices                        []DASDevice
	// Filter, if not nil, tells which identifiers the thing model lacks: they
	// are left out, the others stored, and the answer is 460.
	Filter func(device, identifier string) bool
	// Answer, if not nil, may give another code than the platform would for a
	// message to "thing/properties/gateway/up", or another topic, which is not
	// stored then, or no answer at all, although it is stored.
	Answer func(topic string) (code int, silent bool)
	// Stored, if not nil, is called with each value that is stored anew.
	Stored func(DASValue)

	mu         sync.Mutex
	ids        map[string][32]byte // by id: topic and payload
	stored     map[string]string   // by device, identifier and time: the value
	loggedIn   map[string]bool
	asked      map[string]bool // commands, by topic and id
	values     []DASValue
	events     []DASEvent
	replies    []Out
	repeats    int
	resent     int
	answers    int
	heartbeats int
	violations []string
}

// DASSeen is what has come to the platform so far.
type DASSeen struct {
	Values     []DASValue // each once
	Repeats    int        // values that had come before, with the same time
	Resent     int        // messages that had come before
	Answers    int        // that the platform gave
	Events     []DASEvent
	LoggedIn   []string
	Heartbeats int
	Replies    []Out // answers to commands
	Violations []string
}

// Seen gives a copy of what has come so far.
func (p *DAS) Seen() DASSeen {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := DASSeen{
		Values: slices.Clone(p.values), Repeats: p.repeats, Resent: p.resent, Answers: p.answers, Events: slices.Clone(p.events),
		Heartbeats: p.heartbeats, Replies: slices.Clone(p.replies), Violations: slices.Clone(p.violations),
	}
	for id := range p.loggedIn {
		s.LoggedIn = append(s.LoggedIn, id)
	}
	sort.Strings(s.LoggedIn)
	return s
}

// Logout makes the platform forget who has logged in.
func (p *DAS) Logout() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.loggedIn)
}

var dasHashes = map[string]func() hash.Hash{"hmacmd5": md5.New, "hmacsha1": sha1.New, "hmacsha256": sha256.New}

// dasSign is the document's rule: "name" and "value" of each parameter, by name.
func dasSign(method, key string, params map[string]string) string {
	var pairs []string
	for k, v := range params {
		pairs = append(pairs, k+"\x00"+v)
	}
	sort.Strings(pairs)
	h := hmac.New(dasHashes[method], []byte(key))
	h.Write([]byte(strings.ReplaceAll(strings.Join(pairs, ""), "\x00", "")))
	return hex.EncodeToString(h.Sum(nil))
}

var (
	dasClient = regexp.MustCompile(`^([^|]{1,64})\|([^|]+)\|$`)
	dasDigits = regexp.MustCompile(`^[0-9]{1,19}$`)
)

// Allow checks the credentials of a connect. What stands in the client id must
// be signed.
func (p *DAS) Allow(clientID, username, password string) bool {
	m := dasClient.FindStringSubmatch(clientID)
	if m == nil || username != p.DeviceID+"&"+p.ProductID {
		return false
	}
	ext := map[string]string{}
	for _, pair := range strings.Split(m[2], ",") {
		k, v, ok := strings.Cut(pair, "=")
		if _, twice := ext[k]; !ok || twice || !slices.Contains([]string{"securemode", "signmethod", "timestamp", "exclusive"}, k) {
			return false
		}
		ext[k] = v
	}
	mode := "3"
	if p.TLS {
		mode = "2"
	}
	method := ext["signmethod"]
	if method == "" {
		method = "hmacmd5"
	}
	if ext["securemode"] != mode || dasHashes[method] == nil {
		return false
	}
	params := map[string]string{"clientId": m[1], "productId": p.ProductID, "deviceId": p.DeviceID}
	if stamp, ok := ext["timestamp"]; ok {
		if !dasDigits.MatchString(stamp) {
			return false
		}
		params["timestamp"] = stamp
	}
	return strings.EqualFold(password, dasSign(method, p.DeviceSecret, params))
}

func (p *DAS) root() string { return "sys/" + p.ProductID + "/" + p.DeviceID + "/" }

// dasDown are the topics that the platform sends to.
var dasDown = []string{
	"thing/properties/up/response", "thing/properties/gateway/up/response", "thing/properties/gateway/get/all", "thing/properties/set",
	"thing/properties/get", "thing/event/up/response", "thing/service/set", "thing/gateway/login/response", "thing/gateway/logout/response",
	"thing/status/gateway/get/all", "thing/heart/response", "thing/ntp/response",
}

// AllowSubscribe tells whether a gateway may subscribe to a filter: to topics
// of its own that the document lists.
func (p *DAS) AllowSubscribe(_, filter string) bool {
	name, ok := strings.CutPrefix(filter, p.root())
	return ok && slices.Contains(dasDown, name)
}

// Topics are what the platform subscribes to: all, so that what comes to a
// wrong one is seen.
func (*DAS) Topics() []string { return []string{"#"} }

func (p *DAS) violate(format string, args ...any) {
	if len(p.violations) < 1000 {
		p.violations = append(p.violations, fmt.Sprintf(format, args...))
	}
}

// dasHead is the frame of what is reported.
type dasHead struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Sys     *struct {
		Ack *int `json:"ack"`
	} `json:"sys"`
	Identifier *string         `json:"identifier"`
	Params     json.RawMessage `json:"params"`
	Method     string          `json:"method"`
}

// Receive takes a message from the gateway and gives the answers.
func (p *DAS) Receive(topic string, payload []byte, now time.Time) []Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ids == nil {
		p.ids, p.stored, p.loggedIn = map[string][32]byte{}, map[string]string{}, map[string]bool{}
	}
	name, ok := strings.CutPrefix(topic, p.root())
	if ok && slices.Contains(dasDown, name) {
		return nil // our own
	}
	if !ok {
		p.violate("topic %s", topic)
		return nil
	}
	if member := dasTwice(payload); member != "" {
		p.violate("%s: member %q stands twice: %s", topic, member, payload)
	}
	switch name {
	case "thing/properties/up", "thing/properties/gateway/up", "thing/event/up":
		return p.report(name, payload, now)
	case "thing/gateway/login":
		return p.login(name, payload, now)
	case "thing/gateway/logout":
		return p.logout(name, payload)
	case "thing/heart":
		return p.heart(name, payload, now)
	case "thing/ntp":
		return p.ntp(name, payload, now)
	case "thing/properties/set/response", "thing/properties/get/response", "thing/service/set/response":
		p.reply(name, payload)
	default:
		p.violate("topic %s is not one of the document's", topic)
	}
	return nil
}

// dasTwice gives a member that stands twice in one object.
func dasTwice(payload []byte) string {
	type level struct {
		object, value bool // value: a member's value comes next
		names         map[string]bool
	}
	stack := []level{{}}
	d := json.NewDecoder(bytes.NewReader(payload))
	for {
		tok, err := d.Token()
		if err != nil {
			return ""
		}
		top := &stack[len(stack)-1]
		name, isName := tok.(string)
		isName = isName && top.object && !top.value
		if isName {
			if top.names[name] {
				return name
			}
			top.names[name], top.value = true, true
			continue
		}
		top.value = false
		switch tok {
		case json.Delim('{'):
			stack = append(stack, level{object: true, names: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
	}
}

// checkID takes an id, which is used once, or again with the same content.
func (p *DAS) checkID(name, id string, payload []byte) {
	if n, err := strconv.ParseUint(id, 10, 32); err != nil || strconv.FormatUint(n, 10) != id {
		p.violate("%s: id %q is no number below 2^32", name, id)
	}
	carried := sum256(name + "\x00" + string(payload))
	first, again := p.ids[id]
	switch {
	case again && first != carried:
		p.violate("%s: id %s came with two contents", name, id)
	case again:
		p.resent++
	}
	p.ids[id] = carried
}

func (p *DAS) override(name string) (code int, silent bool) {
	if p.Answer == nil {
		return 0, false
	}
	return p.Answer(name)
}

var dasText = map[int]string{200: "success", 400: "request error", 429: "too many requests", 460: "request parameter error!"}

func (p *DAS) respond(name string, content any) []Out {
	p.answers++
	b, _ := json.Marshal(content)
	return []Out{{p.root() + name + "/response", b}}
}

var dasMethods = map[string]string{
	"thing/properties/up": "thing.properties.up", "thing/properties/gateway/up": "thing.properties.gateway.up", "thing/event/up": "thing.event.up",
	"thing/properties/set/response": "thing.properties.set", "thing/properties/get/response": "thing.properties.get", "thing/service/set/response": "thing.service.set",
}

func (p *DAS) report(name string, payload []byte, now time.Time) []Out {
	var h dasHead
	if err := strict(payload, &h); err != nil {
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.checkID(name, h.ID, payload)
	if h.Version != "1.0" || h.Method != dasMethods[name] {
		p.violate("%s: version %q, method %q", name, h.Version, h.Method)
	}
	ack := 1
	if h.Sys == nil || h.Sys.Ack == nil || *h.Sys.Ack != 0 && *h.Sys.Ack != 1 {
		p.violate("%s: no sys.ack: %s", name, payload)
	} else {
		ack = *h.Sys.Ack
	}
	if (h.Identifier != nil) != (name == "thing/event/up") {
		p.violate("%s: identifier belongs to events alone", name)
	}
	code, silent := p.override(name)
	if code == 0 || code == 200 {
		switch name {
		case "thing/properties/up":
			code = p.properties(p.DeviceID, h.Params, now)
		case "thing/properties/gateway/up":
			code = p.gatewayUp(h.Params, now)
		default:
			code = p.event(h, now)
		}
	}
	if silent || ack == 0 {
		return nil
	}
	return p.respond(name, map[string]any{
		"code": code, "data": map[string]any{}, "id": h.ID, "message": dasText[code], "method": h.Method, "version": "1.0",
	})
}

func (p *DAS) gatewayUp(params json.RawMessage, now time.Time) int {
	var g struct {
		Properties json.RawMessage `json:"properties"`
		SubDevices []struct {
			Identity struct {
				ProductID string `json:"productId"`
				DeviceID  string `json:"deviceId"`
			} `json:"identity"`
			Properties json.RawMessage `json:"properties"`
		} `json:"subDevices"`
	}
	if err := strict(params, &g); err != nil {
		p.violate("batch: %v: %s", err, params)
		return 460
	}
	code := 200
	if len(g.Properties) > 0 {
		code = p.properties(p.DeviceID, g.Properties, now)
	}
	for _, s := range g.SubDevices {
		dev, ok := p.find(s.Identity.ProductID, s.Identity.DeviceID)
		if !ok || dev.Secret != "" && !p.loggedIn[dev.DeviceID] {
			p.violate("batch: device %+v does not exist, or has not logged in", s.Identity)
			code = 460
			continue
		}
		code = max(code, p.properties(dev.DeviceID, s.Properties, now))
	}
	return code
}

func (p *DAS) find(productID, deviceID string) (DASDevice, bool) {
	for _, d := range p.SubDevices {
		if d.DeviceID == deviceID && d.ProductID == productID {
			return d, true
		}
	}
	return DASDevice{}, false
}

// dasTime reports whether it is a time in ms: not s, and not of the future.
func dasTime(ms int64, now time.Time) bool { return ms >= 1e12 && ms <= now.UnixMilli()+3600e3 }

// properties stores values and gives the code for them.
func (p *DAS) properties(device string, raw json.RawMessage, now time.Time) int {
	var members map[string]struct {
		Value json.RawMessage `json:"value"`
		Time  *int64          `json:"time"`
	}
	if err := strict(raw, &members); err != nil {
		p.violate("properties of %s: %v: %s", device, err, raw)
		return 460
	}
	code := 200
	for identifier, v := range members {
		switch {
		case v.Time == nil || !dasTime(*v.Time, now):
			p.violate("%s of %s has no time in ms", identifier, device)
			code = 460
			continue
		case identifier == "" || len(v.Value) == 0 || strings.ContainsAny(string(v.Value[:1]), "n{["):
			p.violate("%s of %s: value %s", identifier, device, v.Value)
			code = 460
			continue
		case p.Filter != nil && p.Filter(device, identifier):
			code = 460
			continue
		}
		key := fmt.Sprintf("%s/%s/%d", device, identifier, *v.Time)
		first, again := p.stored[key]
		if again {
			p.repeats++
			if first != string(v.Value) {
				p.violate("%s is %s and %s", key, first, v.Value)
			}
			continue
		}
		p.stored[key] = string(v.Value)
		one := DASValue{device, identifier, string(v.Value), *v.Time}
		p.values = append(p.values, one)
		if p.Stored != nil {
			p.Stored(one)
		}
	}
	return code
}

func (p *DAS) event(h dasHead, now time.Time) int {
	var e struct {
		Value json.RawMessage `json:"value"`
		Time  *int64          `json:"time"`
	}
	if err := strict(h.Params, &e); err != nil || e.Time == nil || !dasTime(*e.Time, now) || !bytes.HasPrefix(e.Value, []byte("{")) ||
		h.Identifier == nil || *h.Identifier == "" {
		p.violate("event: %v: %s", err, h.Params)
		return 460
	}
	one := DASEvent{*h.Identifier, string(e.Value), *e.Time}
	if slices.Contains(p.events, one) {
		p.repeats++
	} else {
		p.events = append(p.events, one)
	}
	return 200
}

func (p *DAS) login(name string, payload []byte, now time.Time) []Out {
	var l struct {
		ID     string              `json:"id"`
		Params []map[string]string `json:"params"`
	}
	if err := strict(payload, &l); err != nil {
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.checkID(name, l.ID, payload)
	code, silent := p.override(name)
	data := []any{}
	for _, one := range l.Params {
		c := code
		if c == 0 || c == 200 {
			c = p.loginOne(one, now)
		}
		msg := "success"
		if c != 200 {
			msg = "login failed"
		}
		data = append(data, map[string]any{"deviceId": one["deviceId"], "code": c, "msg": msg})
	}
	if len(data) == 0 {
		p.violate("%s: no params", name)
	}
	if silent {
		return nil
	}
	return p.respond(name, map[string]any{"id": l.ID, "data": data})
}

func (p *DAS) loginOne(one map[string]string, now time.Time) int {
	signed := map[string]string{}
	for k, v := range one {
		switch k {
		case "productId", "deviceId", "clientId", "timestamp":
			signed[k] = v
		case "sign", "signMethod":
		default:
			p.violate("login: member %q is not in the document", k)
		}
	}
	if stamp, ok := one["timestamp"]; ok {
		if ms, err := strconv.ParseInt(stamp, 10, 64); err != nil || !dasTime(ms, now) {
			p.violate("login: timestamp %q", stamp)
		}
	}
	dev, ok := p.find(one["productId"], one["deviceId"])
	switch {
	case !ok:
		return 40002
	case dasHashes[one["signMethod"]] == nil || dev.Secret == "" || !strings.EqualFold(one["sign"], dasSign(one["signMethod"], dev.Secret, signed)):
		return 40001
	}
	p.loggedIn[dev.DeviceID] = true
	return 200
}

func (p *DAS) logout(name string, payload []byte) []Out {
	var l struct {
		ID     string              `json:"id"`
		Params []map[string]string `json:"params"`
	}
	if err := strict(payload, &l); err != nil {
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.checkID(name, l.ID, payload)
	data := []any{}
	for _, one := range l.Params {
		delete(p.loggedIn, one["deviceId"])
		data = append(data, map[string]any{"deviceId": one["deviceId"], "code": 200, "msg": "success"})
	}
	return p.respond(name, map[string]any{"id": l.ID, "data": data})
}

func (p *DAS) heart(name string, payload []byte, now time.Time) []Out {
	var h struct {
		ID       string `json:"id"`
		Time     int64  `json:"time"`
		Interval *int   `json:"interval"`
	}
	if err := strict(payload, &h); err != nil || h.ID == "" || !dasTime(h.Time, now) || h.Interval != nil && (*h.Interval < 30 || *h.Interval > 1200) {
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.heartbeats++
	return p.respond(name, json.RawMessage(payload))
}

func (p *DAS) ntp(name string, payload []byte, now time.Time) []Out {
	var n struct {
		ID   string `json:"id"`
		Sent int64  `json:"deviceSendTime"`
	}
	if err := strict(payload, &n); err != nil { // the time may be any: that is what is asked
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.checkID(name, n.ID, payload)
	ms := now.UnixMilli()
	return p.respond(name, map[string]any{"id": n.ID, "deviceSendTime": n.Sent, "serverRecvTime": ms, "serverSendTime": ms})
}

// reply checks an answer to a command.
func (p *DAS) reply(name string, payload []byte) {
	p.replies = append(p.replies, Out{p.root() + name, slices.Clone(payload)})
	var r struct {
		Code       *int    `json:"code"`
		ID         string  `json:"id"`
		Message    *string `json:"message"`
		Method     string  `json:"method"`
		Version    string  `json:"version"`
		Identifier *string `json:"identifier"`
		Data       *struct {
			Params map[string]json.RawMessage `json:"params"`
		} `json:"data"`
	}
	if err := strict(payload, &r); err != nil {
		p.violate("%s: %v: %s", name, err, payload)
		return
	}
	if r.Code == nil || r.Message == nil || r.Data == nil || r.Version != "1.0" || r.Method != dasMethods[name] ||
		(r.Identifier != nil) != (name == "thing/service/set/response") {
		p.violate("%s: %s", name, payload)
		return
	}
	if c := *r.Code; !slices.Contains([]int{200, 400, 429, 460}, c) && (c < 100000 || c > 110000) {
		p.violate("%s: code %d", name, c)
	}
	if !p.asked[strings.TrimSuffix(name, "/response")+" "+r.ID] {
		p.violate("%s: id %q was never sent", name, r.ID)
	}
}

// Down gives a message of the platform to the gateway, such as a command; name
// is the topic behind the gateway, "thing/properties/set".
func (p *DAS) Down(name, payload string) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	var h struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal([]byte(payload), &h) // a test may send anything
	if p.asked == nil {
		p.asked = map[string]bool{}
	}
	p.asked[name+" "+h.ID] = true
	return Out{p.root() + name, []byte(payload)}
}
