// Package uplinktest holds simulated cloud platforms. They are written
// against the platforms' documents, not against our encoders: what the
// document does not allow is a violation that the test or the demo shows.
package uplinktest

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Report is a property that the platform has stored.
type Report struct {
	CID, DP   string
	RequestID string
	T         int64
	Value     string // as it stood in the JSON
	At        time.Time
}

// Out is a message that the platform sends.
type Out struct {
	Topic   string
	Payload []byte
}

// Tuya is a simulated Tuya Edge Gateway's application side, without the
// broker. Its methods may be called from several goroutines.
type Tuya struct {
	// Answer, if not nil, may give another code than the platform would, or
	// none at all, for a "sync" or "report" of that cid and data point.
	Answer func(what, cid, dp string) (code int, silent bool)
	// OnlineAlone has it take reports of devices that are told as online alone.
	OnlineAlone bool
	// GatewayProduct is that of gateways which are devices themselves; "": none
	// is.
	GatewayProduct string
	// Stored, if not nil, is called with each property that is stored anew.
	Stored func(Report)

	mu         sync.Mutex
	synced     map[string]bool
	gateways   map[string]bool     // of the devices that are synced, those of GatewayProduct
	seen       map[string][32]byte // by request id: what it carried
	reports    []Report
	repeats    int
	answers    int
	online     map[string]bool
	turns      map[string]int // how often a device's status became another
	statuses   int
	commands   []string
	defined    map[bool]map[string]bool // data points of the products of meters and of gateways; nil: all
	sent       map[string]string        // commands, by request id: the cid
	told       map[string]string        // what they were answered, by request id
	violations []string
}

// Password gives what the document's password rule gives.
func Password(clientID, username string) string {
	sum := md5.Sum([]byte(clientID + username))
	return hex.EncodeToString(sum[:])
}

// Topics are what the platform subscribes to.
func (*Tuya) Topics() []string {
	return []string{"gateway_id/+/devices/sync", "gateway_id/+/properties/report", "gateway_id/+/devices/status", "gateway_id/+/commands/response"}
}

// tuyaText are the messages of the global error codes.
var tuyaText = map[int]string{
	0: "success", 400: "tedge error: test", 500: "system error", 1001: "request time is invalid", 1100: "params is empty",
	1101: "params range invalid", 1102: "params is null", 1103: "params type is incorrect", 2001: "device is offline",
	2002: "command or value not support", 2003: "device not exist",
}

// Receive takes a message from a gateway and gives the answers.
func (p *Tuya) Receive(topic string, payload []byte, now time.Time) []Out {
	return exchanged(topic, p.receive(topic, payload, now))
}

func (p *Tuya) receive(topic string, payload []byte, now time.Time) []Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.synced == nil {
		p.synced, p.seen, p.online, p.turns, p.gateways = map[string]bool{}, map[string][32]byte{}, map[string]bool{}, map[string]int{}, map[string]bool{}
	}
	parts := strings.SplitN(topic, "/", 3)
	if len(parts) != 3 || parts[0] != "gateway_id" {
		p.violate("topic %s", topic)
		return nil
	}
	var e struct {
		T         json.Number     `json:"t"`
		CID       *string         `json:"cid"`
		RequestID string          `json:"request_id"`
		Param     json.RawMessage `json:"param"`
	}
	if err := strict(payload, &e); err != nil {
		p.violate("%s: %v: %s", topic, err, payload)
		return nil
	}
	if !uuidPattern.MatchString(e.RequestID) {
		p.violate("%s: request_id %q is no UUID", topic, e.RequestID)
	}
	t, err := e.T.Int64()
	if err != nil || t < 1e9 || t > now.Unix()+3600 && t < 1e12 {
		p.violate("%s: t = %s is no time in s or ms", topic, e.T)
	}
	if (e.CID != nil) != (parts[2] == "commands/response") {
		p.violate("%s: cid belongs to the top of commands alone", topic)
	}
	switch parts[2] {
	case "devices/sync":
		return p.answer(topic, e.RequestID, now, p.sync(parts[1], e.Param))
	case "properties/report":
		return p.answer(topic, e.RequestID, now, p.report(e.RequestID, t, e.Param, now))
	case "devices/status":
		p.status(e.Param)
	case "commands/response":
		if e.CID != nil {
			p.response(e.RequestID, *e.CID, e.Param, string(payload))
		}
		p.commands = append(p.commands, string(payload))
	default:
		p.violate("topic %s is not one of the document's", topic)
	}
	return nil
}

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// strict decodes one JSON value without unknown members or anything after.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("more than one value")
	}
	return nil
}

func (p *Tuya) violate(format string, args ...any) {
	if len(p.violations) < 1000 {
		p.violations = append(p.violations, fmt.Sprintf(format, args...))
	}
}

// outcome is what the platform answers a request.
type outcome struct {
	cid    string
	code   int
	silent bool
}

func (p *Tuya) answer(topic, id string, now time.Time, o outcome) []Out {
	if o.silent {
		return nil
	}
	p.answers++
	b, _ := json.Marshal(map[string]any{
		"t": now.Unix(), "request_id": id,
		"param": map[string]any{"cid": o.cid, "msg": tuyaText[o.code], "code": o.code},
	})
	return []Out{{topic + "/response", b}}
}

func (p *Tuya) override(what, cid, dp string, code int) outcome {
	if p.Answer != nil {
		if c, silent := p.Answer(what, cid, dp); c != 0 || silent {
			return outcome{cid, c, silent}
		}
	}
	return outcome{cid: cid, code: code}
}

func (p *Tuya) sync(gateway string, param json.RawMessage) outcome {
	var s map[string]string
	if err := strict(param, &s); err != nil {
		p.violate("sync: %v", err)
		return outcome{code: 1103}
	}
	known := []string{"cid", "product_id", "vendor_code", "comm_type", "device_ip", "mac_address", "device_desc", "device_name", "install_location", "device_server_id", "product_sub_type"}
	for k := range s {
		if !slices.Contains(known, k) {
			p.violate("sync: member %q is not in the document", k)
		}
	}
	cid := s["cid"]
	if cid == "" || cid != strings.TrimSpace(cid) || s["product_id"] == "" {
		p.violate("sync: cid %q, product_id %q", cid, s["product_id"])
		return outcome{cid: cid, code: 1100}
	}
	own := p.GatewayProduct != "" && s["product_id"] == p.GatewayProduct
	if own != (cid == gateway) {
		p.violate("sync: %q of product %q, by the gateway %q", cid, s["product_id"], gateway)
		return outcome{cid: cid, code: 1101}
	}
	o := p.override("sync", cid, "", 0)
	if o.code == 0 && !o.silent {
		p.synced[cid], p.gateways[cid] = true, own
	}
	return o
}

// response takes the answer to a command: one for each, of the device that it
// was for, with a code that the document has. The same may come once more, as
// QoS 1 allows.
func (p *Tuya) response(id, cid string, param json.RawMessage, whole string) {
	var r struct {
		Msg  *string `json:"msg"`
		Code *int    `json:"code"`
	}
	if err := strict(param, &r); err != nil || r.Code == nil || r.Msg == nil || *r.Msg == "" {
		p.violate("answer to command %s: %s: %v", id, param, err)
		return
	}
	if _, known := tuyaText[*r.Code]; !known {
		p.violate("answer to command %s: code %d is not in the document", id, *r.Code)
	}
	of, known := p.sent[id]
	first, again := p.told[id]
	switch {
	case !known:
		return // sent otherwise than by Command
	case again && first != whole:
		p.violate("command %s is answered twice", id)
	case cid != of && *r.Code != 2003:
		p.violate("answer to command %s: it was for %q, not for %q", id, of, cid)
	}
	p.told[id] = whole
}

func (p *Tuya) report(id string, t int64, param json.RawMessage, now time.Time) outcome {
	var r struct {
		CID   string          `json:"cid"`
		ID    string          `json:"id"`
		Value json.RawMessage `json:"value"`
	}
	if err := strict(param, &r); err != nil {
		p.violate("report: %v", err)
		return outcome{code: 1103}
	}
	if !p.synced[r.CID] {
		return outcome{cid: r.CID, code: 2003}
	}
	if p.OnlineAlone && !p.online[r.CID] {
		return outcome{cid: r.CID, code: 2001}
	}
	check := checkDP
	if p.gateways[r.CID] {
		check = checkGatewayDP
	}
	if p.defined != nil && !p.defined[p.gateways[r.CID]][r.ID] {
		return outcome{cid: r.CID, code: 2002}
	}
	if code := check(r.ID, r.Value); code != 0 {
		p.violate("report of DP %s: %s is answered %d", r.ID, r.Value, code)
		return outcome{cid: r.CID, code: code}
	}
	o := p.override("report", r.CID, r.ID, 0)
	carried := sum256(fmt.Sprintf("%s/%s/%d/%s", r.CID, r.ID, t, r.Value))
	first, again := p.seen[id]
	switch {
	case again && first != carried:
		p.violate("request_id %s came with two contents", id)
	case again:
		p.repeats++
	}
	if o.code != 0 {
		return o
	}
	p.seen[id] = carried // stored, even where the answer gets lost
	if !again {
		rep := Report{CID: r.CID, DP: r.ID, RequestID: id, T: t, Value: string(r.Value), At: now}
		p.reports = append(p.reports, rep)
		if p.Stored != nil {
			p.Stored(rep)
		}
	}
	return o
}

func (p *Tuya) status(param json.RawMessage) {
	var list []struct {
		CID    string `json:"cid"`
		Status *bool  `json:"status"`
	}
	if err := strict(param, &list); err != nil {
		p.violate("status: %v", err)
		return
	}
	p.statuses++
	for _, s := range list {
		if s.Status == nil || !p.synced[s.CID] {
			p.violate("status of %q, which is not activated, or without status", s.CID)
			continue
		}
		if p.online[s.CID] != *s.Status {
			p.turns[s.CID]++
		}
		p.online[s.CID] = *s.Status
	}
}

// SetAnswer changes Answer while messages come.
func (p *Tuya) SetAnswer(answer func(what, cid, dp string) (code int, silent bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Answer = answer
}

// Forget makes the platform lose its devices, as after a reinstallation.
func (p *Tuya) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.synced)
}

// Drain gives what was stored since the last time, and forgets it, so that a long
// test does not grow by it.
func (p *Tuya) Drain() []Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.reports
	p.reports = nil
	clear(p.seen)
	return all
}

// Seen is what has come to the platform so far.
type Seen struct {
	Reports    []Report
	Repeats    int // reports that had come before, with the same id and content
	Answers    int
	Statuses   int
	Online     map[string]bool
	Turns      map[string]int // how often a device's status became another
	Synced     []string
	Commands   []string // answers to commands
	Violations []string
}

// Seen gives a copy of what has come so far.
func (p *Tuya) Seen() Seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Seen{
		Reports: slices.Clone(p.reports), Repeats: p.repeats, Answers: p.answers, Statuses: p.statuses,
		Commands: slices.Clone(p.commands), Violations: slices.Clone(p.violations), Online: map[string]bool{}, Turns: maps.Clone(p.turns),
	}
	for cid, on := range p.online {
		s.Online[cid] = on
	}
	for cid := range p.synced {
		s.Synced = append(s.Synced, cid)
	}
	slices.Sort(s.Synced)
	return s
}

// Command gives the message with which the platform sets a data point; value
// is JSON.
func (p *Tuya) Command(gateway, requestID, cid, dp, value string, now time.Time) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent == nil {
		p.sent, p.told = map[string]string{}, map[string]string{}
	}
	p.sent[requestID] = cid
	delete(p.told, requestID) // sent again it is answered again
	b, _ := json.Marshal(map[string]any{
		"t": now.Unix(), "cid": cid, "request_id": requestID,
		"param": map[string]any{"id": dp, "value": json.RawMessage(value)},
	})
	return sent(Out{"gateway_id/" + gateway + "/commands", b})
}
