package broker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// own is what the layouts share that have topics of ours: who is there, and
// commands.
type own struct {
	Config
	base string

	consumer  bool      // somebody stores
	greeted   int       // what was told of ourselves: that we are there, and who we are
	discovery int       // the next to be announced: the gateway, then each meter
	again     time.Time // when discovery may begin anew, if somebody wants it
	wanted    bool      // somebody does
	meters    []standing
}

// standing is how a meter stands, and what was told of that.
type standing struct {
	known, online bool
	told, as      bool // what was told, if it was
	values        []meter.PointValue
	at, sent      time.Time // of the newest values, and of those that were told
}

func newOwn(c Config) own {
	return own{Config: c, base: c.Prefix + "/" + c.Gateway, meters: make([]standing, len(c.Directory.Devices()))}
}

// Directory says who is who.
func (o *own) Directory() *uplink.Directory { return o.Config.Directory }

// Names of topics, by what stands after the base.
const (
	topicStatus   = "/status"
	topicInfo     = "/info"
	topicBoard    = "/board"
	topicEvent    = "/event"
	topicAck      = "/ack"
	topicRequest  = "/cmd/request"
	topicResponse = "/cmd/response"

	online, offline = "online", "offline"

	// birth is what Home Assistant tells of itself.
	birth = HomeAssistant + "/status"
)

func (o *own) of(dev *uplink.Device, rest string) string { return o.base + "/meter/" + dev.ID + rest }

// Login has all be told again: the broker may be another one, and may have
// forgotten.
func (o *own) Login(time.Time) uplink.Login {
	o.consumer, o.greeted, o.discovery, o.wanted, o.again = false, 0, 0, false, time.Time{}
	for i := range o.meters {
		o.meters[i].told, o.meters[i].sent = false, time.Time{}
	}
	topics := []string{o.base + topicRequest}
	switch o.Acknowledge {
	case AcknowledgeReply:
		topics = append(topics, o.base+topicAck)
	case AcknowledgeOnline:
		topics = append(topics, o.Consumer)
	}
	if o.Discovery != "" {
		topics = append(topics, birth)
	}
	will := o.state(o.base+topicStatus, []byte(offline))
	return uplink.Login{ClientID: o.ClientID, Username: o.Username, Password: o.Password, Topics: topics, Will: &will}
}

// state is a message that is kept, and acknowledged by nobody.
func (o *own) state(topic string, payload []byte) uplink.Message {
	return uplink.Message{Topic: topic, Payload: payload, Retain: true}
}

// Held reports whether the consumer is known to store.
func (o *own) Held() bool { return o.Acknowledge == AcknowledgeOnline && !o.consumer }

// puback reports whether the broker's own acknowledgement counts.
func (o *own) puback() bool { return o.Acknowledge != AcknowledgeReply }

// StatusEvery is how often the meters' newest values are looked at.
func (o *own) StatusEvery() time.Duration { return time.Second }

// Status sends nothing by itself: it keeps how the meters stand for Ask.
func (o *own) Status(_ time.Time, meters []meter.MeterState) (uplink.Message, bool) {
	for _, m := range meters {
		dev := o.Config.Directory.Of(m.Address)
		if dev == nil {
			continue
		}
		s := &o.meters[dev.N]
		s.known, s.online, s.values, s.at = m.Known, m.Online, m.Values, m.ReadAt
	}
	return uplink.Message{}, false
}

// Ask gives what is kept by the broker, one after the other: that we are there
// and who we are, what is to be discovered, and how each meter stands.
func (o *own) Ask(now time.Time) (uplink.Message, bool, time.Time) {
	m, ok := o.next(now)
	if ok {
		return m, true, now // there may be more
	}
	return m, false, now.Add(o.StatusEvery())
}

func (o *own) next(now time.Time) (uplink.Message, bool) {
	switch o.greeted++; o.greeted {
	case 1:
		return o.state(o.base+topicStatus, []byte(online)), true
	case 2:
		return o.state(o.base+topicInfo, o.info()), true
	}
	if m, ok := o.discover(now); ok {
		return m, true
	}
	devices := o.Config.Directory.Devices()
	for i := range o.meters {
		s := &o.meters[i]
		if s.known && (!s.told || s.as != s.online) {
			s.told, s.as = true, s.online
			word := map[bool]string{true: online, false: offline}[s.online]
			return o.state(o.of(&devices[i], topicStatus), []byte(word)), true
		}
		if m, ok := o.newestOf(now, &devices[i], s); ok {
			return m, true
		}
	}
	return uplink.Message{}, false
}

// stateFresh is how old values may be that are told as those of now: what
// stamps by arrival would take them for those of another time.
const stateFresh = 5 * time.Minute

// newestOf gives the state of a meter whose values are newer than those that
// were told.
func (o *own) newestOf(now time.Time, dev *uplink.Device, s *standing) (uplink.Message, bool) {
	if o.Layout != LayoutJSON || !s.at.After(s.sent) || now.Sub(s.at) > stateFresh {
		return uplink.Message{}, false
	}
	s.sent = s.at
	values := o.Config.Directory.Values(s.values)
	if len(values) == 0 {
		return uplink.Message{}, false
	}
	b := []byte{'{'}
	if o.Trusted == nil || o.Trusted() {
		b = fmt.Appendf(b, `"ts":%d,`, uplink.Then(now, s.at).UnixMilli())
	}
	return o.state(o.of(dev, "/state"), append(appendValues(b, values), '}')), true
}

// info is who we are.
func (o *own) info() []byte {
	in := struct {
		Gateway string            `json:"gateway"`
		Version string            `json:"version"`
		Meters  []string          `json:"meters"`
		Units   map[string]string `json:"units"`
	}{o.Gateway, o.Version, []string{}, map[string]string{}}
	devices := o.Config.Directory.Devices()
	for i := range devices {
		if devices[i].Former {
			continue
		}
		in.Meters = append(in.Meters, devices[i].ID)
		for _, n := range namesOf(o.Config.Directory, &devices[i]) {
			if n.Unit != "" && n.Scale <= 0 {
				in.Units[n.To] = n.Unit
			}
		}
	}
	b, err := json.Marshal(in)
	if err != nil {
		panic(err) // our own types always marshal
	}
	return b
}

// Board tells how the board itself fares; ts is left out while nobody knows the
// time.
func (o *own) Board(at time.Time, state []uplink.BoardState) ([]uplink.Message, bool) {
	b := []byte{'{'}
	if !at.IsZero() {
		b = fmt.Appendf(b, `"ts":%d`, at.UnixMilli())
	}
	for _, v := range state {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `%q:%s`, v.Key, v.JSON)
	}
	return []uplink.Message{o.state(o.base+topicBoard, append(b, '}'))}, true
}

// Receive understands commands, what a consumer has stored, whether there is
// one, and Home Assistant's greeting.
func (o *own) Receive(now time.Time, in uplink.Inbound) uplink.Receipt {
	rest, ours := strings.CutPrefix(in.Topic, o.base)
	switch {
	case ours && rest == topicRequest:
		return o.request(in)
	case ours && rest == topicAck && o.Acknowledge == AcknowledgeReply && !in.Retained:
		return stored(in)
	case in.Topic == o.Consumer && o.Acknowledge == AcknowledgeOnline:
		o.consumer = stores(in)
		return uplink.Receipt{State: true}
	case in.Topic == birth && o.Discovery != "" && !in.Retained && string(in.Payload) == online:
		o.wanted = true
	}
	return uplink.Receipt{}
}

// leastDiscovery is the least between two rounds of discovery, whoever asks for
// them.
const leastDiscovery = 10 * time.Second

// stores reads a consumer's state, in plain words or as hosts of Sparkplug have
// it. Whatever else stands there means that nobody stores.
func stores(in uplink.Inbound) bool {
	if string(bytes.TrimSpace(in.Payload)) == online {
		return true
	}
	var host struct {
		Online bool `json:"online"`
	}
	return in.Decode(&host) && host.Online
}

const (
	// mostID bounds the ids of ours that a consumer repeats.
	mostID = 64
	// mostIDs is how many it may name at once: no window holds more.
	mostIDs = 256
)

// stored reads what a consumer says: {"id":"…"} or {"ids":["…"]}, and with an
// error that it cannot store it.
func stored(in uplink.Inbound) uplink.Receipt {
	var a struct {
		ID    string   `json:"id"`
		IDs   []string `json:"ids"`
		Error *string  `json:"error"`
	}
	if !in.Decode(&a) {
		return uplink.Receipt{}
	}
	ids := a.IDs
	if a.ID != "" {
		ids = append([]string{a.ID}, ids...)
	}
	if len(ids) == 0 || len(ids) > mostIDs {
		return uplink.Receipt{}
	}
	for _, one := range ids {
		if one == "" || len(one) > mostID {
			return uplink.Receipt{}
		}
	}
	rc := uplink.Receipt{ID: ids[0], Also: ids[1:], Verdict: uplink.Accepted}
	if a.Error != nil {
		rc.Verdict, rc.Code, rc.Text = uplink.Refused, "error", *a.Error
	}
	return rc
}
