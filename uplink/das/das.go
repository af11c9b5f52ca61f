package das

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
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// The methods of signing.
const (
	SignMD5    = "hmacmd5" // the document's default; its examples have another, so it is always written
	SignSHA1   = "hmacsha1"
	SignSHA256 = "hmacsha256"
)

var hashes = map[string]func() hash.Hash{SignMD5: md5.New, SignSHA1: sha1.New, SignSHA256: sha256.New}

// Config is what the platform needs to know.
type Config struct {
	Gateway      string // client id, 64 characters at most
	ProductID    string // of the gateway, as DeviceID and DeviceSecret
	DeviceID     string
	DeviceSecret string
	SignMethod   string // SignMD5, SignSHA1 or SignSHA256; anything else is SignMD5
	TLS          bool   // the connection is encrypted
	SubProductID string // of meters without one; "": ProductID
	Devices      []Device
	Rows         []uplink.Row
	Points       *meter.Points
	// Trusted tells whether the clock is; nil: it is. While it is not, no
	// timestamp is sent and signed.
	Trusted func() bool
	// Offer takes the time that the platform's clock shows at the moment of the
	// call, within Unsure; nil: the platform is not asked for it. Whether it
	// counts beside better ones is the taker's to decide.
	Offer func(time.Time)
}

// Device is a meter on the platform, where it exists already.
type Device struct {
	Meter     dlt645.Address
	ID        string // "": the meter's address
	ProductID string // "": Config.SubProductID
	Secret    string // "": the meter does not log in, it only reports
}

// DAS implements uplink.Platform.
type DAS struct {
	Config
	naming  *uplink.Naming
	devices map[dlt645.Address]*Device
	meters  []dlt645.Address
	id      uint32 // of the last message
	asked   []request
	states  map[dlt645.Address]meter.MeterState // as Status was last told
	clock   clock
}

// New gives the platform.
func New(c Config) *DAS {
	if c.Points == nil {
		c.Points = &meter.Points{}
	}
	if hashes[c.SignMethod] == nil {
		c.SignMethod = SignMD5
	}
	if c.SubProductID == "" {
		c.SubProductID = c.ProductID
	}
	c.Devices = slices.Clone(c.Devices)
	d := &DAS{
		Config: c, naming: uplink.NewNaming(c.Rows), devices: map[dlt645.Address]*Device{}, states: map[dlt645.Address]meter.MeterState{},
		id: rand.Uint32(), // so that a new start does not repeat the ids of the last one
	}
	for i := range d.Devices {
		dev := &d.Devices[i]
		if dev.ID == "" {
			dev.ID = dev.Meter.String()
		}
		if dev.ProductID == "" {
			dev.ProductID = d.SubProductID
		}
		d.devices[dev.Meter] = dev
		d.meters = append(d.meters, dev.Meter)
	}
	return d
}

// sign gives the HMAC of the parameters in the order of their names, each name
// followed by its value, in lower-case hex. The document's words leave the
// names out; its examples have them.
func sign(method, secret string, params map[string]string) string {
	m := hmac.New(hashes[method], []byte(secret))
	for _, name := range slices.Sorted(maps.Keys(params)) {
		m.Write([]byte(name + params[name]))
	}
	return hex.EncodeToString(m.Sum(nil))
}

func (d *DAS) trusted() bool { return d.Trusted == nil || d.Trusted() }

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// Login signs all four parameters. "exclusive" is left off: our own next
// connect could be refused until the platform has missed the last one.
func (d *DAS) Login(now time.Time) uplink.Login {
	d.clock = clock{} // it is asked again at once
	params := map[string]string{"clientId": d.Gateway, "deviceId": d.DeviceID, "productId": d.ProductID}
	mode, stamp := 3, ""
	if d.TLS {
		mode = 2
	}
	if d.trusted() {
		params["timestamp"] = millis(now)
		stamp = ",timestamp=" + params["timestamp"]
	}
	return uplink.Login{
		ClientID: fmt.Sprintf("%s|securemode=%d,signmethod=%s%s|", d.Gateway, mode, d.SignMethod, stamp),
		Username: d.DeviceID + "&" + d.ProductID,
		Password: sign(d.SignMethod, d.DeviceSecret, params),
	}
}

// Names of topics, by what stands behind the gateway.
const (
	topicUp        = "thing/properties/up"
	topicBatch     = "thing/properties/gateway/up"
	topicEvent     = "thing/event/up"
	topicLogin     = "thing/gateway/login"
	topicSet       = "thing/properties/set"
	topicGet       = "thing/properties/get"
	topicService   = "thing/service/set"
	topicAllValues = "thing/properties/gateway/get/all"
	topicAllStates = "thing/status/gateway/get/all"
	topicNTP       = "thing/ntp"
	responseLevel  = "/response"
)

func (d *DAS) root() string { return "sys/" + d.ProductID + "/" + d.DeviceID + "/" }

// NeedsClock is false: the time is the values' own, and the timestamp of the
// signature may be left out.
func (d *DAS) NeedsClock() bool { return false }

// Topics are the downlinks of what is used.
func (d *DAS) Topics() []string {
	var out []string
	for _, name := range []string{
		topicBatch + responseLevel, topicEvent + responseLevel, topicLogin + responseLevel,
		topicSet, topicGet, topicService, topicAllValues, topicAllStates,
	} {
		out = append(out, d.root()+name)
	}
	if d.Offer != nil {
		out = append(out, d.root()+topicNTP+responseLevel)
	}
	return out
}

// Meters are the devices of the configuration.
func (d *DAS) Meters() []dlt645.Address { return d.meters }

// nextID is a decimal number of 32 bits: one page allows no other ids.
func (d *DAS) nextID() string {
	d.id++
	return strconv.FormatUint(uint64(d.id), 10)
}

// internal makes ids of different topics different: the platform's answers
// are told apart by topic and id.
func internal(name, id string) string { return name + ":" + id }

func (d *DAS) message(name, id string, payload any) uplink.Message {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(payload); err != nil {
		panic(err) // our own types always marshal
	}
	return uplink.Message{ID: internal(name, id), Topic: d.root() + name, Payload: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}
}

type loginMessage struct {
	ID     string              `json:"id"`
	Params []map[string]string `json:"params"`
}

// credentials gives what a sub-device logs in with. All but the method is
// signed, with its own secret.
func (d *DAS) credentials(now time.Time, dev *Device, clientID string) map[string]string {
	p := map[string]string{"productId": dev.ProductID, "deviceId": dev.ID, "clientId": clientID}
	if d.trusted() {
		p["timestamp"] = millis(now)
	}
	signature := sign(d.SignMethod, dev.Secret, p)
	p["signMethod"], p["sign"] = d.SignMethod, signature
	return p
}

// Register logs a meter in that has a secret. Own choice: its deviceId is its
// clientId.
func (d *DAS) Register(now time.Time, a dlt645.Address, step int) (uplink.Message, bool) {
	dev := d.devices[a]
	if step > 0 || dev == nil || dev.Secret == "" {
		return uplink.Message{}, false
	}
	id := d.nextID()
	m := d.message(topicLogin, id, loginMessage{id, []map[string]string{d.credentials(now, dev, dev.ID)}})
	m.Meter = a
	return m, true
}

// RegisterWindow keeps some logins outstanding.
func (d *DAS) RegisterWindow() int { return 4 }

// Pace is not told by the document.
func (d *DAS) Pace() uplink.Pace { return uplink.Pace{} }

// Restamp has nothing to do: the document knows no time that is out of range.
func (d *DAS) Restamp(_ time.Time, m uplink.Message) (uplink.Message, bool) { return m, false }

// StatusEvery is how fresh the answer to a query of all states or values is.
func (d *DAS) StatusEvery() time.Duration { return 10 * time.Second }

// Status sends nothing, the platform has no such message. It keeps the states
// for when the platform asks.
func (d *DAS) Status(_ time.Time, meters []meter.MeterState) (uplink.Message, bool) {
	clear(d.states)
	for _, m := range meters {
		if m.Known {
			d.states[m.Address] = m
		}
	}
	return uplink.Message{}, false
}

// The platform's codes.
const (
	codeDone    = 200
	codeTooMany = 429
	codeRequest = 460 // for a batch: some of its values were left out, the others are stored
)

// verdictOf tells what a code means. Codes that no page lists are refusals,
// but for those that everywhere tell of trouble in a server: a refusal sets
// values aside for good.
func verdictOf(code int) uplink.Verdict {
	switch {
	case code == codeDone:
		return uplink.Accepted
	case code == codeTooMany, code >= 500 && code <= 599:
		return uplink.TryLater
	}
	return uplink.Refused
}

// inbound is what comes down, of all kinds.
type inbound struct {
	ID         json.RawMessage `json:"id"`
	Code       *int            `json:"code"`
	Message    string          `json:"message"`
	Data       json.RawMessage `json:"data"`
	Identifier string          `json:"identifier"`
	Identity   *identity       `json:"identity"`
	Params     json.RawMessage `json:"params"`
}

// Receive understands responses, queries and commands.
func (d *DAS) Receive(now time.Time, topic string, payload []byte) uplink.Receipt {
	name, ok := strings.CutPrefix(topic, d.root())
	var in inbound
	if !ok || json.Unmarshal(payload, &in) != nil {
		return uplink.Receipt{}
	}
	id := word(in.ID)
	if id == "" {
		return uplink.Receipt{}
	}
	switch name {
	case topicUp + responseLevel, topicBatch + responseLevel, topicEvent + responseLevel:
		if in.Code == nil {
			return uplink.Receipt{} // acknowledges nothing
		}
		return receipt(strings.TrimSuffix(name, responseLevel), id, *in.Code, in.Message)
	case topicLogin + responseLevel:
		return loggedIn(id, in)
	case topicNTP + responseLevel:
		d.told(now, id, payload)
	case topicSet:
		return d.set(id, in)
	case topicGet:
		return d.get(id, in)
	case topicService:
		return d.service(id, in)
	case topicAllValues:
		return d.allValues()
	case topicAllStates:
		return d.allStates(now)
	}
	return uplink.Receipt{}
}

func receipt(name, id string, code int, text string) uplink.Receipt {
	return uplink.Receipt{ID: internal(name, id), Verdict: verdictOf(code), Code: strconv.Itoa(code), Text: text}
}

// loggedIn takes the answer to a login: a code for each sub-device. The first
// that is no success counts; we log one in at a time.
func loggedIn(id string, in inbound) uplink.Receipt {
	var list []struct {
		Code *int   `json:"code"`
		Msg  string `json:"msg"`
	}
	if json.Unmarshal(in.Data, &list) != nil || len(list) == 0 {
		if in.Code == nil || *in.Code == codeDone {
			return uplink.Receipt{}
		}
		return receipt(topicLogin, id, *in.Code, in.Message) // own choice: a refusal as of other messages
	}
	best := uplink.Receipt{}
	for _, one := range list {
		if one.Code == nil {
			return uplink.Receipt{}
		}
		best = receipt(topicLogin, id, *one.Code, one.Msg)
		if best.Verdict != uplink.Accepted {
			break
		}
	}
	return best
}

// word gives a string, number or boolean as its characters; "" for anything
// else.
func word(b json.RawMessage) string {
	var s string
	if json.Unmarshal(b, &s) == nil {
		return strings.TrimSpace(s)
	}
	if len(b) == 0 || b[0] == '{' || b[0] == '[' {
		return ""
	}
	return string(b)
}
