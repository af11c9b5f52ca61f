package onenet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// The forms of streams in the old suite.
const (
	StreamsObject = "object" // one stream a meter, named by its id, its value an object of identifiers
	StreamsFlat   = "flat"   // a stream for each value: {id}_{identifier}
	StreamsSubdev = "subdev" // each meter through $subdev, with its own key
)

// SuiteConfig is what the old suite needs to know.
type SuiteConfig struct {
	Identity
	Streams   string
	Directory *uplink.Directory // a device's key is that of a sub-device
}

// Suite is the dialect of the old MQTT suite.
type Suite struct {
	SuiteConfig
	dir    *uplink.Directory
	last   int32 // id of the last message
	joined joined
}

// NewSuite gives the platform.
func NewSuite(c SuiteConfig) *Suite {
	return &Suite{SuiteConfig: c, dir: c.Directory, joined: newJoined()}
}

// Directory says who is who on the platform.
func (s *Suite) Directory() *uplink.Directory { return s.dir }

// Limits of the platform: the token has a rule for a doubted clock, logins are
// limited, and who sends over 100 messages in 5 s is banned for 5 minutes.
func (s *Suite) Limits() uplink.Limits {
	return uplink.Limits{Registers: 1, Batch: 200, Pace: uplink.Pace{Messages: 80, Per: 5 * time.Second}}
}

// StreamName reports whether the platform takes a stream's name: at most 30
// bytes of letters, digits, _ and ., and one $ in front.
func StreamName(s string) bool {
	rest := strings.TrimPrefix(s, "$")
	return s != "" && len(s) <= 30 && !strings.ContainsFunc(rest, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.')
	})
}

// Login begins a session: what was on its way is sent again.
func (s *Suite) Login(now time.Time) uplink.Login {
	clear(s.joined.out)
	l := s.Identity.Login(now)
	l.Topics = s.topics()
	return l
}

func (s *Suite) own(rest string) string { return "$sys/" + s.ProductID + "/" + s.Device + "/" + rest }
func (s *Suite) sub(d *uplink.Device, rest string) string {
	return "$subdev/" + s.ProductID + "/" + d.ID + "/" + rest
}

const (
	postTopic    = "dp/post/json"
	requestTopic = "cmd/request/"
	responseName = "cmd/response/"
)

// MostSubdevs is how many meters may have topics of their own: the platform
// counts 15 subscriptions in all, and three are the gateway's.
const MostSubdevs = 15 - 3

// apart reports whether a meter is a sub-device with topics of its own. Those
// beyond MostSubdevs could not be acknowledged: the gateway tells them, as a
// stream each.
func (s *Suite) apart(d *uplink.Device) bool {
	return s.Streams == StreamsSubdev && d != nil && d.N < MostSubdevs
}

// topics are within the 15 that a device may subscribe to.
func (s *Suite) topics() []string {
	all := []string{s.own(postTopic + "/+"), s.own(requestTopic + "+"), s.own(responseName + "+/+")}
	if s.Streams == StreamsSubdev {
		for i := range s.dir.Devices()[:min(MostSubdevs, len(s.dir.Devices()))] {
			all = append(all, s.sub(&s.dir.Devices()[i], "#"))
		}
	}
	return all
}

// Register logs a sub-device in.
func (s *Suite) Register(_ time.Time, d *uplink.Device, step int) (uplink.Message, bool) {
	if !s.apart(d) || step > 0 {
		return uplink.Message{}, false
	}
	return uplink.Message{ID: "login:" + d.ID, Topic: s.sub(d, "login"), Payload: []byte{}, Meter: d.Address()}, true
}

// Leave logs a sub-device out.
func (s *Suite) Leave(_ time.Time, d *uplink.Device) (uplink.Message, []string, bool) {
	return uplink.Message{Topic: s.sub(d, "logout"), Payload: []byte{}, Meter: d.Address()}, nil, s.apart(d)
}

// point is a value with its time.
type point struct {
	V json.RawMessage `json:"v"`
	T int64           `json:"t"` // s
}

// mostPayload keeps a message well under the platform's 256 KB.
const mostPayload = 64 << 10

// post is a message in the making.
type post struct {
	topic   string
	meter   dlt645.Address
	streams map[string][]point
	covers  []int
	size    int
}

// Encode puts many readings into a message, each value with its own time:
// without one it would be stored under the time of its arrival, and again with
// each repeat.
func (s *Suite) Encode(_ [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	posts := map[string]*post{}
	var order []*post
	flush := func(p *post) {
		enc.Messages = append(enc.Messages, s.message(p))
		delete(posts, p.topic)
	}
	for i, u := range units {
		d, topic, at := s.target(u)
		if d == nil {
			continue
		}
		streams := s.streams(&enc, d, u)
		if len(streams) == 0 {
			continue
		}
		p := posts[topic]
		if p == nil {
			p = &post{topic: topic, streams: map[string][]point{}}
			if s.apart(d) {
				p.meter = d.Address()
			}
			posts[topic] = p
			order = append(order, p)
		}
		for name, v := range streams {
			p.add(name, point{v, at.Unix()})
		}
		if !slices.Contains(p.covers, i) {
			p.covers = append(p.covers, i)
		}
		if p.size > mostPayload {
			flush(p)
		}
	}
	for _, p := range order {
		if posts[p.topic] == p {
			flush(p)
		}
	}
	return enc
}

// target gives the device, topic and time of a unit.
func (s *Suite) target(u uplink.Unit) (d *uplink.Device, topic string, at time.Time) {
	a := dlt645.Address{}
	if u.Event != nil {
		a, at = u.Event.Meter, u.Event.Time
	} else {
		a, at = u.Reading.Meter, u.Reading.Time
	}
	d, topic = s.dir.Of(a), s.own(postTopic)
	if s.apart(d) {
		topic = s.sub(d, postTopic)
	}
	return d, topic, at
}

// streams gives the streams of a unit. What has a name that the platform does
// not take is withheld.
func (s *Suite) streams(enc *uplink.Encoded, d *uplink.Device, u uplink.Unit) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	if e := u.Event; e != nil {
		// Under its kind, so that several of one second are one object.
		v, _ := json.Marshal(map[string]any{uplink.EventIdentifier(e.Kind): map[string]string{"by": e.By, "text": clip(e.Text, 200)}})
		name := "event"
		if !s.apart(d) {
			name = d.ID + "_event"
		}
		if !StreamName(name) {
			enc.Withhold("event")
			return nil
		}
		out[name] = v
		return out
	}
	object := map[string]json.RawMessage{}
	for _, v := range s.dir.Values(u.Reading.Values) {
		name := v.Key
		if s.Streams == StreamsFlat {
			name = d.ID + "_" + v.Key
		}
		switch {
		case !StreamName(name):
			enc.Withhold(v.Point)
		case s.Streams == StreamsObject, s.Streams == StreamsSubdev && !s.apart(d):
			object[v.Key] = v.JSON
		default:
			out[name] = v.JSON
		}
	}
	if len(object) > 0 {
		out[d.ID], _ = json.Marshal(object)
	}
	return out
}

func clip(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}

// add puts a point into a stream. Points of one stream and second are one for
// the platform: objects are joined.
func (p *post) add(name string, v point) {
	for i, old := range p.streams[name] {
		if old.T == v.T {
			p.streams[name][i].V = join(old.V, v.V)
			return
		}
	}
	p.streams[name] = append(p.streams[name], v)
	p.size += len(v.V) + 24
}

func join(a, b json.RawMessage) json.RawMessage {
	var x, y map[string]json.RawMessage
	if !bytes.HasPrefix(a, []byte("{")) || json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return b
	}
	for k, v := range y {
		name := k
		if bytes.HasPrefix(v, []byte("{")) { // of events of one kind none replaces another
			for n := 2; x[name] != nil && !bytes.Equal(x[name], v); n++ {
				name = fmt.Sprintf("%s_%d", k, n)
			}
		}
		x[name] = v
	}
	out, err := json.Marshal(x)
	if err != nil {
		return b
	}
	return out
}

// nextID counts from 1 to 2^31-1 and begins again.
func (s *Suite) nextID() int32 {
	if s.last++; s.last <= 0 {
		s.last = 1
	}
	return s.last
}

func (s *Suite) message(p *post) uplink.Message {
	id := s.nextID()
	for _, points := range p.streams {
		slices.SortStableFunc(points, func(a, b point) int { return int(a.T - b.T) })
	}
	return uplink.Message{
		ID: fmt.Sprintf("dp:%d", id), Topic: p.topic, Payload: content{id, p.streams}.encode(), Meter: p.meter, Covers: p.covers, Keys: p.keys(),
	}
}

// content is a message of data points.
type content struct {
	ID int32              `json:"id"`
	DP map[string][]point `json:"dp"`
}

func (c content) encode() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // our own types always marshal
	}
	return b
}

// BoardStream is that of the gateway's own state.
const BoardStream = "gateway"

// Board tells the gateway's own state: an object in the stream "gateway", or a
// stream each where all streams are flat.
func (s *Suite) Board(at time.Time, state []uplink.BoardState) ([]uplink.Message, bool) {
	type plain struct {
		V json.RawMessage `json:"v"`
		T int64           `json:"t,omitempty"`
	}
	object, streams := map[string]json.RawMessage{}, map[string][]plain{}
	for _, v := range state {
		object[v.Key] = v.JSON
		streams[v.Key] = []plain{{v.JSON, millis(at) / 1000}}
	}
	if s.Streams != StreamsFlat {
		v, _ := json.Marshal(object)
		streams = map[string][]plain{BoardStream: {{v, millis(at) / 1000}}}
	}
	b, _ := json.Marshal(struct {
		ID int32              `json:"id"`
		DP map[string][]plain `json:"dp"`
	}{s.nextID(), streams})
	return []uplink.Message{{Topic: s.own(postTopic), Payload: b}}, true
}

// Receive understands receipts and commands. A refusal with id -1 is of a
// message that the platform could not read, it does not tell which. By a
// notice of logout it lets a sub-device go.
func (s *Suite) Receive(_ time.Time, m uplink.Inbound) uplink.Receipt {
	d, rest, ok := s.locate(m)
	command := strings.HasPrefix(rest, requestTopic)
	if !ok || m.Retained && !command {
		return uplink.Receipt{}
	}
	switch {
	case rest == postTopic+"/accepted", rest == postTopic+"/rejected":
		rc := postReceipt(m, strings.HasSuffix(rest, "accepted"))
		if rc.ID != "" {
			s.joined.settled(rc.ID, rc.Verdict == uplink.Accepted)
		}
		return rc
	case rest == "logout/notify" && d != nil:
		return uplink.Receipt{Gone: []dlt645.Address{d.Address()}}
	case rest == "login/accepted" && d != nil:
		return uplink.Receipt{ID: "login:" + d.ID, Verdict: uplink.Accepted}
	case rest == "login/rejected" && d != nil:
		code, text := rejection(m)
		return uplink.Receipt{ID: "login:" + d.ID, Verdict: uplink.Refused, Code: code, Text: text}
	case command:
		return s.request(m, strings.TrimPrefix(rest, requestTopic), d)
	}
	return uplink.Receipt{}
}

// locate tells whose topic a message comes on, a sub-device's or the gateway's
// own, nil, and what follows its name. Topics know ids alone.
func (s *Suite) locate(m uplink.Inbound) (d *uplink.Device, rest string, ok bool) {
	parts := strings.SplitN(m.Topic, "/", 4)
	if len(parts) != 4 || parts[1] != s.ProductID || !m.Sound() {
		return nil, "", false
	}
	switch {
	case parts[0] == "$sys" && parts[2] == s.Device:
		return nil, parts[3], true
	case parts[0] == "$subdev" && s.Streams == StreamsSubdev:
		d = s.dir.Told(parts[2])
		return d, parts[3], s.apart(d)
	}
	return nil, "", false
}

func postReceipt(m uplink.Inbound, accepted bool) uplink.Receipt {
	var in struct {
		ID *int64 `json:"id"`
	}
	if !m.Decode(&in) || in.ID == nil {
		return uplink.Receipt{}
	}
	if *in.ID < 0 {
		code, text := rejection(m)
		return uplink.Receipt{Nameless: !accepted, Code: code, Text: text}
	}
	rc := uplink.Receipt{ID: fmt.Sprintf("dp:%d", *in.ID), Verdict: uplink.Accepted}
	if !accepted {
		rc.Verdict = uplink.Refused
		rc.Code, rc.Text = rejection(m)
	}
	return rc
}

func rejection(m uplink.Inbound) (code, text string) {
	var in struct {
		Code int    `json:"err_code"`
		Msg  string `json:"err_msg"`
	}
	if !m.Decode(&in) {
		return "", "no reason given"
	}
	return strconv.Itoa(in.Code), in.Msg
}

// request understands a command. Its topic tells where its answer goes, and is
// the command's id.
func (s *Suite) request(in uplink.Inbound, id string, sub *uplink.Device) uplink.Receipt {
	var o order
	topic := in.Topic
	refuse := func(outcome meter.Outcome, format string, args ...any) uplink.Receipt {
		if topic == "" {
			return uplink.Receipt{}
		}
		m := s.answer(topic, answer{Outcome: outcome.String(), Text: fmt.Sprintf(format, args...)})
		return uplink.Receipt{Reply: &m}
	}
	if strings.Contains(id, "/") || len(topic) > meter.MostCommandID || sub != nil && sub.Former {
		return uplink.Receipt{} // it is not echoed
	}
	if id == "" {
		topic = "" // there is nothing to answer to: the command is refused
	}
	if !in.Decode(&o) {
		return refuse(meter.Invalid, `want JSON like {"meter":"202411200101","op":"read","points":["voltage"]}`)
	}
	d := sub
	if o.Meter != "" || sub == nil {
		d = s.dir.Named(o.Meter)
	}
	switch {
	case d == nil:
		return refuse(meter.NotKnown, "there is no meter %.64q", o.Meter)
	case sub != nil && d != sub:
		return refuse(meter.Invalid, "the topic is that of another meter")
	}
	c, wrong := s.dir.Order(d.Meter, o.Order)
	if wrong != nil {
		return refuse(wrong.Outcome, "%s", wrong.Text)
	}
	c.ID = topic
	return uplink.Receipt{Command: &c}
}

// answer is our JSON for what became of a command.
type answer struct {
	Outcome string                     `json:"outcome"` // "done" and nothing else is success
	Text    string                     `json:"text,omitempty"`
	Values  map[string]json.RawMessage `json:"values,omitempty"`
	More    bool                       `json:"more,omitempty"` // values that found no room
}

// mostAnswer is what the platform takes, less one: under 1 KB.
const mostAnswer = 1023

func (s *Suite) answer(topic string, a answer) uplink.Message {
	b, _ := json.Marshal(a)
	for len(b) > mostAnswer && len(a.Values) > 0 {
		keys := make([]string, 0, len(a.Values))
		for k := range a.Values {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		delete(a.Values, keys[len(keys)-1])
		a.More = true
		b, _ = json.Marshal(a)
	}
	for len(b) > mostAnswer { // signs such as < take six bytes
		a.Text = clip(a.Text, len([]rune(a.Text))/2)
		b, _ = json.Marshal(a)
	}
	return uplink.Message{Topic: strings.Replace(topic, requestTopic, responseName, 1), Payload: b}
}

// Answer tells the result of a command, once.
func (s *Suite) Answer(_ time.Time, c meter.Command, r meter.Result) (uplink.Message, bool) {
	if c.ID == "" {
		return uplink.Message{}, false
	}
	return s.answer(c.ID, answer{Outcome: r.Outcome.String(), Text: r.Text.EN, Values: valuesOf(s.dir, r.Values)}), true
}
