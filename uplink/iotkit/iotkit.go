package iotkit

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// What becomes of readings that are too old to be taken for live ones; the
// first is the default.
const (
	BackfillLatest = "latest" // they are withheld
	BackfillAll    = "all"    // they are sent; the platform dates them by their arrival
	BackfillEvent  = "event"  // they are sent as an event that carries its time
)

const (
	// liveFor is how old a reading may be that is posted as a live one, where
	// that makes a difference. Our choice.
	liveFor = 2 * time.Minute
	// mostPayload keeps the MQTT packet under the 8092 bytes above which the
	// broker's decoder drops the connection.
	mostPayload = 7680
	// mostText bounds the text of an event, so that it fits in any case.
	mostText = 1000
	// registerID names the registration that is outstanding, whichever it is:
	// the reply to one that failed has no id (K5), and there is one at a time.
	registerID = "register"
	// idsKept is how many ids of a meter's unfinished registrations are known: a
	// probe may come on top of the meter's own.
	idsKept = 4
	// trials is how often a message is refused before it is set aside.
	trials = 3
	// mostRefused bounds the account of that.
	mostRefused = 4096
)

// Config is what the platform needs to know.
type Config struct {
	ProductKey, ProductSecret, DeviceName, Model string // of the gateway
	SubProductKey, SubModel                      string // of the meters
	// Prefix stands before a meter's address in its default name: the platform
	// finds devices by their names alone, across all its users (K8).
	Prefix   string
	Backfill string // BackfillLatest, BackfillAll, BackfillEvent
	Devices  []Device
	Rows     []uplink.Row // rows that name a point replace its default
	Points   *meter.Points
	Now      func() time.Time // tells what is old; nil: time.Now
}

// Device is a meter on the platform.
type Device struct {
	Meter dlt645.Address
	Name  string // its deviceName; "" is Prefix and the address
}

// device is what is known of a meter in this connection.
type device struct {
	Device
	asked    []string // ids of its registrations that are not finished
	answered bool     // one of them was accepted
	finished bool     // and the delivery knows
	gone     bool     // the platform has deregistered it
}

// Iotkit implements uplink.Platform.
type Iotkit struct {
	Config
	naming  *uplink.Naming
	devices map[dlt645.Address]*device
	meters  []dlt645.Address
	lastID  uint64
	refused map[string]int // by id: how often a message was refused
}

// New gives the platform.
func New(c Config) *Iotkit {
	if c.Points == nil {
		c.Points = &meter.Points{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	k := &Iotkit{Config: c, naming: uplink.NewNaming(c.Rows), devices: map[dlt645.Address]*device{}, refused: map[string]int{}}
	for _, d := range c.Devices {
		d.Name = c.name(d)
		k.devices[d.Meter] = &device{Device: d}
		k.meters = append(k.meters, d.Meter)
	}
	return k
}

func (c *Config) name(d Device) string {
	if d.Name == "" {
		return c.Prefix + d.Meter.String()
	}
	return d.Name
}

// Check reports what the platform would not take. The broker splits the
// client id at underscores: with others than the two between product key,
// name and model, or without a model, it refuses the connect.
func Check(c Config) error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for _, f := range []struct{ key, value string }{{"product_key", c.ProductKey}, {"device_name", c.DeviceName}, {"model", c.Model}} {
		if f.value == "" {
			problem("%s is empty", f.key)
		}
		if strings.Contains(f.value, "_") {
			problem("%s %q holds an underscore, at which the platform splits the client id", f.key, f.value)
		}
	}
	if c.ProductSecret == "" {
		problem("product_secret is empty")
	}
	if c.SubProductKey == "" {
		problem("sub_product_key is empty")
	}
	level := func(key, value string) {
		if strings.ContainsAny(value, "/+#\x00") {
			problem("%s %q holds a character that has a meaning in topics: / + #", key, value)
		}
	}
	level("product_key", c.ProductKey)
	level("device_name", c.DeviceName)
	level("sub_product_key", c.SubProductKey)
	names := map[string]bool{c.DeviceName: true}
	for _, d := range c.Devices {
		name := c.name(d)
		level("the name of meter "+d.Meter.String(), name)
		if names[name] {
			problem("the name %q is given twice; the platform tells devices apart by their names alone", name)
		}
		names[name] = true
	}
	switch c.Backfill {
	case "", BackfillLatest, BackfillAll, BackfillEvent:
	default:
		problem("backfill %q is none of %s, %s, %s", c.Backfill, BackfillLatest, BackfillAll, BackfillEvent)
	}
	for _, r := range c.Rows {
		if c.Backfill == BackfillEvent && r.To == timeKey {
			problem("point %s is mapped to %q, which is the time of old readings with backfill = %q", r.Point, timeKey, BackfillEvent)
		}
	}
	return errors.Join(problems...)
}

// Login gives the client id with its underscores, and as the password the MD5
// of product secret and client id, in hex. It begins a session: what was
// under way before is forgotten.
func (k *Iotkit) Login(time.Time) uplink.Login {
	for _, d := range k.devices {
		d.asked, d.answered, d.finished, d.gone = nil, false, false, false
	}
	clear(k.refused)
	id := k.ProductKey + "_" + k.DeviceName + "_" + k.Model
	sum := md5.Sum([]byte(k.ProductSecret + id))
	return uplink.Login{ClientID: id, Username: k.DeviceName, Password: hex.EncodeToString(sum[:])}
}

// NeedsClock is false: neither the login nor a post carries the time.
func (k *Iotkit) NeedsClock() bool { return false }

// Directions of a topic.
const (
	toServer = "/s/"
	toClient = "/c/"
)

// topic begins with a slash.
func topic(product, name, direction, action string) string {
	return "/sys/" + product + "/" + name + direction + action
}

// Topics is the gateway's own, which makes it online. Those of the meters are
// subscribed to when they are registered.
func (k *Iotkit) Topics() []string {
	return []string{topic(k.ProductKey, k.DeviceName, toClient, "#")}
}

// Meters are the devices of the configuration, and the zero address: what
// happens to the gateway itself is posted in its own name, and needs no
// registration.
func (k *Iotkit) Meters() []dlt645.Address {
	if k.devices[dlt645.Address{}] != nil {
		return k.meters
	}
	return append(slices.Clone(k.meters), dlt645.Address{})
}

func (k *Iotkit) nextID() string {
	k.lastID++
	return strconv.FormatUint(k.lastID, 10)
}

// frame is what all our requests look like.
type frame struct {
	ID     string          `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types always marshal
	}
	return b
}

// method is the name of an action in a payload: "event/property/post" is
// thing.event.property.post.
func method(action string) string { return "thing." + strings.ReplaceAll(action, "/", ".") }

// The action of a registration, and its method, which has a name of its own.
const (
	actionRegister   = "register"
	methodRegister   = "thing.lifetime.register"
	actionDeregister = "deregister"
	methodDeregister = "thing.lifetime.deregister"
	replySuffix      = "_reply"
)

// identity is a sub-device in the parameters of its registration.
type identity struct {
	ProductKey string `json:"productKey"`
	DeviceName string `json:"deviceName"`
	Model      string `json:"model"`
}

// Register registers a meter with the gateway. A failed registration has no
// id, so all bear one ID here, and only one is outstanding. An accepted one
// has its own id on the wire, and the delivery may have another meter's under
// way than the one that the reply names, after a time-out: a step above 0
// then sends that meter's registration once more. Registering twice harms
// nothing.
func (k *Iotkit) Register(_ time.Time, a dlt645.Address, step int) (uplink.Message, bool) {
	d := k.devices[a]
	if d == nil {
		return uplink.Message{}, false // the gateway itself
	}
	if step > 0 && d.answered {
		d.finished = true
		return uplink.Message{}, false
	}
	if step == 0 {
		if d.finished {
			d.asked = nil
		}
		d.asked = append(d.asked, k.nextID())
		d.asked = d.asked[max(0, len(d.asked)-idsKept):]
		d.answered, d.finished = false, false
	}
	if len(d.asked) == 0 {
		d.asked = append(d.asked, k.nextID())
	}
	params := encode(identity{k.SubProductKey, d.Name, k.SubModel})
	return uplink.Message{
		ID: registerID, Topic: topic(k.ProductKey, k.DeviceName, toServer, actionRegister), Meter: a,
		Payload: encode(frame{d.asked[len(d.asked)-1], methodRegister, params}),
	}, true
}

// RegisterWindow is 1: the reply to a failed registration does not say to
// which it belongs (K5).
func (k *Iotkit) RegisterWindow() int { return 1 }

// Batch is 1: a post is about one meter and one moment.
func (k *Iotkit) Batch() int { return 1 }

// Pace has no limit that is known.
func (k *Iotkit) Pace() uplink.Pace { return uplink.Pace{} }

// Actions of what we post.
const (
	actionPost    = "event/property/post"
	actionHistory = "event/history" // the name is our choice; the thing model must hold it
	actionEvent   = "event/"
	timeKey       = "time" // of an event, in ms
)

// Encode gives one message for a reading, or several where it does not fit in
// one. With BackfillLatest the values of a reading that is older than two
// minutes count as withheld: the platform would take them for present ones,
// and newer ones follow. With BackfillEvent they become the event "history",
// which carries the reading's time; the platform's thing model must hold such
// an event. Events carry their time in any case, and are always sent.
//
// The platform does not know repeats by their ids: a message that is sent
// again becomes a second sample.
func (k *Iotkit) Encode(_ [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	for i, u := range units {
		from := len(enc.Messages)
		switch {
		case u.Event != nil:
			enc.Messages = append(enc.Messages, k.event(u.Event))
		case u.Reading != nil:
			k.reading(&enc, u.Reading)
		}
		for j := range enc.Messages[from:] {
			enc.Messages[from+j].Covers = []int{i}
		}
	}
	return enc
}

func (k *Iotkit) reading(enc *uplink.Encoded, r *meter.Reading) {
	values := k.naming.Values(r.Values)
	action, first := actionPost, []byte(nil)
	if k.Now().Sub(r.Time) > liveFor {
		switch k.Backfill {
		case BackfillAll:
		case BackfillEvent:
			action = actionHistory
			first = fmt.Appendf(nil, "%q:%d", timeKey, r.Time.UnixMilli())
		default:
			enc.Withheld += len(values)
			return
		}
	}
	room := mostPayload - len(encode(frame{strconv.FormatUint(1<<63, 10), method(action), json.RawMessage("{}")}))
	params, held := slices.Clone(first), 0
	flush := func() {
		if held > 0 {
			enc.Messages = append(enc.Messages, k.post(r.Meter, action, slices.Concat([]byte("{"), params, []byte("}"))))
		}
		params, held = slices.Clone(first), 0
	}
	for _, v := range values {
		member := slices.Concat(encode(v.Key), []byte(":"), encode(v.JSON))
		if len(first)+1+len(member) > room {
			enc.Withheld++ // not even alone
			continue
		}
		if len(params)+1+len(member) > room {
			flush()
		}
		if len(params) > 0 {
			params = append(params, ',')
		}
		params = append(params, member...)
		held++
	}
	flush()
}

// eventParams are those of an event. The document leaves them to the thing
// model; these are ours.
type eventParams struct {
	Time int64  `json:"time"` // ms
	By   string `json:"by"`
	Text string `json:"text"`
}

func (k *Iotkit) event(e *meter.Event) uplink.Message {
	text := []rune(e.Text)
	text = text[:min(len(text), mostText)]
	params := encode(eventParams{e.Time.UnixMilli(), e.By, string(text)})
	return k.post(e.Meter, actionEvent+strings.ReplaceAll(e.Kind, "-", "_"), params)
}

// post gives a message in the name of a meter, or of the gateway.
func (k *Iotkit) post(a dlt645.Address, action string, params json.RawMessage) uplink.Message {
	id := k.nextID()
	return uplink.Message{ID: id, Topic: k.topicOf(a, toServer, action), Payload: encode(frame{id, method(action), params}), Meter: a}
}

func (k *Iotkit) topicOf(a dlt645.Address, direction, action string) string {
	if d := k.devices[a]; d != nil {
		return topic(k.SubProductKey, d.Name, direction, action)
	}
	return topic(k.ProductKey, k.DeviceName, direction, action)
}

// Restamp does nothing: the platform finds no time wrong.
func (k *Iotkit) Restamp(_ time.Time, m uplink.Message) (uplink.Message, bool) { return m, false }

// Status is none: a meter is online while its topic is subscribed to.
func (k *Iotkit) Status(time.Time, []meter.MeterState) (uplink.Message, bool) {
	return uplink.Message{}, false
}

// StatusEvery is as good as never.
func (k *Iotkit) StatusEvery() time.Duration { return 24 * time.Hour }

// inbound is what comes down. A failed registration is answered with null as
// id.
type inbound struct {
	ID      *string         `json:"id"`
	Method  string          `json:"method"`
	Code    *int            `json:"code"`    // of a reply
	Data    json.RawMessage `json:"data"`    // of a reply
	Params  json.RawMessage `json:"params"`  // of a request
	Message string          `json:"message"` // not in the document; shown if it comes
}

// Receive understands replies and commands. Replies come on /c/ by the
// document, and on /s/ by one version of the platform's code (K1).
func (k *Iotkit) Receive(now time.Time, at string, payload []byte) uplink.Receipt {
	a, own, action, down, ok := k.locate(at)
	var in inbound
	if !ok || json.Unmarshal(payload, &in) != nil {
		return uplink.Receipt{}
	}
	request, reply := strings.CutSuffix(action, replySuffix)
	switch {
	case reply && request == actionRegister && own:
		return k.registered(in)
	case reply && strings.HasPrefix(request, actionEvent):
		return k.posted(a, own, in)
	case reply || !down || in.ID == nil || *in.ID == "":
		return uplink.Receipt{}
	case action == actionDeregister && own:
		return k.deregister(in)
	case strings.HasPrefix(action, actionService):
		return k.command(a, own, strings.TrimPrefix(action, actionService), in)
	}
	return uplink.Receipt{}
}

// locate tells which device a topic is of: a meter, or the gateway itself.
func (k *Iotkit) locate(at string) (a dlt645.Address, own bool, action string, down, ok bool) {
	parts := strings.SplitN(at, "/", 6)
	if len(parts) != 6 || parts[0] != "" || parts[1] != "sys" || parts[4] != "c" && parts[4] != "s" {
		return a, false, "", false, false
	}
	product, name := parts[2], parts[3]
	action, down = parts[5], parts[4] == "c"
	if product == k.ProductKey && name == k.DeviceName {
		return a, true, action, down, true
	}
	if product != k.SubProductKey {
		return a, false, "", false, false
	}
	for _, d := range k.devices {
		if d.Name == name {
			return d.Meter, false, action, down, true
		}
	}
	return a, false, "", false, false
}

// receipt says that the platform took a message, or that it did not; the
// document has no table of codes.
func receipt(id string, in inbound, v uplink.Verdict) uplink.Receipt {
	return uplink.Receipt{ID: id, Verdict: v, Code: strconv.Itoa(*in.Code), Text: in.Message}
}

// registered takes the reply to a registration. One that failed is that of
// the only one outstanding.
func (k *Iotkit) registered(in inbound) uplink.Receipt {
	if in.Code == nil {
		return uplink.Receipt{}
	}
	if *in.Code != 0 {
		for _, d := range k.devices {
			if !d.finished { // which of them failed is not known: none counts as accepted
				d.answered = false
			}
		}
		return receipt(registerID, in, uplink.Refused)
	}
	if in.ID == nil {
		return uplink.Receipt{}
	}
	for _, d := range k.devices {
		if !slices.Contains(d.asked, *in.ID) {
			continue
		}
		var who identity
		if json.Unmarshal(in.Data, &who) == nil && who.DeviceName != "" && who.DeviceName != d.Name {
			return uplink.Receipt{} // of another device than ours of that id
		}
		if d.finished {
			return uplink.Receipt{} // a second answer to a registration that was sent twice
		}
		d.answered, d.gone = true, false
		rc := receipt(registerID, in, uplink.Accepted)
		rc.Subscribe = []string{k.topicOf(d.Meter, toClient, "#")}
		return rc
	}
	return uplink.Receipt{}
}

// isOurs reports whether an id was given out.
func (k *Iotkit) isOurs(id string) bool {
	n, err := strconv.ParseUint(id, 10, 64)
	return err == nil && n > 0 && n <= k.lastID
}

// posted takes the reply to a post. No code is documented, and the code that
// was read answers 0 whatever comes (K2). So this is our choice: who refuses
// may not know the meter, which is registered again; then it may be in
// trouble; at the third time the message is taken for wrong. The meter is
// registered anew as well if it was deregistered while it is configured.
func (k *Iotkit) posted(a dlt645.Address, own bool, in inbound) uplink.Receipt {
	if in.ID == nil || in.Code == nil || !k.isOurs(*in.ID) {
		return uplink.Receipt{}
	}
	if d := k.devices[a]; !own && d.gone {
		return receipt(*in.ID, in, uplink.Unknown)
	}
	if *in.Code == 0 {
		delete(k.refused, *in.ID)
		return receipt(*in.ID, in, uplink.Accepted)
	}
	if len(k.refused) >= mostRefused {
		clear(k.refused) // each is refused a few times more
	}
	k.refused[*in.ID]++
	switch n := k.refused[*in.ID]; {
	case n >= trials:
		delete(k.refused, *in.ID)
		return receipt(*in.ID, in, uplink.Refused)
	case n == 1 && !own:
		return receipt(*in.ID, in, uplink.Unknown)
	}
	return receipt(*in.ID, in, uplink.TryLater)
}
