package broker

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// Layouts of topics and payloads.
const (
	LayoutJSON        = "json"
	LayoutFlat        = "flat"
	LayoutThingsBoard = "thingsboard"
)

// What counts as delivered.
const (
	// AcknowledgePuback: the broker has taken it.
	AcknowledgePuback = "puback"
	// AcknowledgeOnline: the broker has taken it while the consumer's topic said
	// that somebody stores.
	AcknowledgeOnline = "online"
	// AcknowledgeReply: the consumer has answered that it is stored.
	AcknowledgeReply = "reply"
)

// HomeAssistant is the discovery that there is.
const HomeAssistant = "homeassistant"

// Config is what a platform needs to know.
type Config struct {
	Gateway            string // its place in the topics
	ClientID           string
	Username, Password string
	Layout             string
	Prefix             string
	Discovery          string // "" or HomeAssistant; of LayoutJSON alone
	Acknowledge        string
	Consumer           string // the topic of AcknowledgeOnline
	Version            string // of this program
	// Trusted tells whether the clock is; nil: it is. While it is not, states have
	// no time.
	Trusted   func() bool
	Directory *uplink.Directory
}

// Mistake is what is wrong with a configuration. Key is to blame, "" where it
// is a meter's id.
type Mistake struct{ Key, Text string }

// Check tells what is wrong with a configuration.
func Check(c Config) (all []Mistake) {
	say := func(wrong bool, key, format string, args ...any) {
		if wrong {
			all = append(all, Mistake{key, fmt.Sprintf(format, args...)})
		}
	}
	say(c.Layout == LayoutThingsBoard && c.Acknowledge != AcknowledgePuback, "acknowledge", "layout %q knows acknowledge = %q alone", c.Layout, AcknowledgePuback)
	say(c.Layout == LayoutFlat && c.Acknowledge == AcknowledgeReply, "acknowledge", "layout %q has no ids that could be answered: want %q or %q", c.Layout, AcknowledgePuback, AcknowledgeOnline)
	say(c.Layout != LayoutJSON && c.Discovery != "", "discovery", "only layout %q has states that can be discovered", LayoutJSON)
	say(!isPath(c.Prefix), "prefix", "prefix %q cannot stand before a topic: want levels with / between, without + # and blanks", c.Prefix)
	if c.Acknowledge == AcknowledgeOnline {
		say(!isPath(c.Consumer), "consumer", "consumer %q is no topic", c.Consumer)
		say(strings.HasPrefix(c.Consumer+"/", c.Prefix+"/"+c.Gateway+"/"), "consumer", "consumer %q is among our own topics", c.Consumer)
	}
	const names = "Home Assistant takes names of A-Z a-z 0-9 _ - in topics, "
	found := c.Discovery != "" && c.Layout == LayoutJSON
	say(found && !isObjectID(c.Gateway), "discovery", names+"gateway.id is %q", c.Gateway)
	for i := range c.Directory.Devices() {
		dev := &c.Directory.Devices()[i]
		say(c.Layout != LayoutThingsBoard && (!isPath(dev.ID) || strings.Contains(dev.ID, "/")), "", "the id %q of meter %q cannot stand in a topic: want no / + # and blanks", dev.ID, dev.Meter.Name)
		say(found && !isObjectID(dev.ID), "discovery", names+"the id of meter %q is %q", dev.Meter.Name, dev.ID)
	}
	told := map[string]bool{}
	for i := range c.Directory.Devices() {
		for _, n := range namesOf(c.Directory, &c.Directory.Devices()[i]) {
			if told[n.To] {
				continue
			}
			told[n.To] = true
			say(c.Layout == LayoutFlat && !isPath(n.To), "map", "point %q goes by %q, which cannot stand in a topic", n.Name, n.To)
			say(c.Layout == LayoutJSON && n.To == "ts", "map", "point %q goes by %q, which is the time in a state", n.Name, n.To)
		}
	}
	return all
}

// named is a point that a meter is read for, with what it goes by.
type named struct {
	meter.Point
	uplink.Row
	every time.Duration
}

// namesOf gives the points that a meter is read for.
func namesOf(dir *uplink.Directory, dev *uplink.Device) (all []named) {
	for _, g := range dev.Meter.Groups {
		for _, p := range g.Points {
			for _, r := range dir.Rows(p.Name) {
				all = append(all, named{p, r, g.Every})
			}
		}
	}
	return all
}

// isPath reports whether a text can be levels of a topic.
func isPath(s string) bool {
	for _, level := range strings.Split(s, "/") {
		if level == "" || strings.HasPrefix(s, "$") || strings.ContainsFunc(level, func(r rune) bool { return r <= ' ' || r == '+' || r == '#' || r == 0x7F || r == 0xFFFD }) {
			return false
		}
	}
	return true
}

// isObjectID reports whether Home Assistant takes a text in a topic of its
// discovery.
func isObjectID(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	})
}

// New gives the platform of a configuration that Check has let pass.
func New(c Config) uplink.Platform {
	o := newOwn(c)
	switch c.Layout {
	case LayoutThingsBoard:
		return &ThingsBoard{Config: c}
	case LayoutFlat:
		return &Flat{own: o, newest: map[string]value{}}
	}
	return &JSON{own: o}
}

// pending is a message in the making: what was read of a meter, or happened to
// it, each with its time.
type pending struct {
	dev    *uplink.Device
	rows   []byte
	n      int
	seq    uint64
	covers []int
}

// gather puts units of one meter together, up to so many rows and bytes of
// them, in the order in which each message begins. values gives the device and
// what is told of a unit; nothing: it is left out.
func gather(units []uplink.Unit, most, bytes int, values func(u uplink.Unit) (*uplink.Device, time.Time, []uplink.Named)) (order []*pending) {
	each := map[int]*pending{}
	for i, u := range units {
		dev, at, told := values(u)
		if dev == nil || len(told) == 0 {
			continue
		}
		b := append(fmt.Appendf(nil, `{"ts":%d,"values":{`, at.UnixMilli()), appendValues(nil, told)...)
		b = append(b, "}}"...)
		p := each[dev.N]
		if p == nil || p.n == most || len(p.rows)+len(b) > bytes {
			p = &pending{dev: dev, seq: u.Seq}
			each[dev.N], order = p, append(order, p)
		}
		if p.n++; p.n > 1 {
			p.rows = append(p.rows, ',')
		}
		p.rows, p.covers = append(p.rows, b...), append(p.covers, i)
	}
	return order
}

// appendValues writes members of an object, without its braces.
func appendValues(b []byte, values []uplink.Named) []byte {
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, quote(v.Key)...), ':'), v.JSON...)
	}
	return b
}

// quote writes a text as JSON.
func quote(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return b
}

// id names what was delivered: the ring, the first record, and what is said of
// it, since a record may be divided.
func id(store [16]byte, seq uint64, what []byte) string {
	return fmt.Sprintf("%x-%d-%08x", store[:4], seq, crc32.ChecksumIEEE(what))
}

// eventValue is an event as JSON: a fault that came or went by its own name,
// anything else by its kind.
func eventValue(e *meter.Event) (name string, active *bool) {
	switch e.Kind {
	case meter.EventFaultOn, meter.EventFaultOff:
		on := e.Kind == meter.EventFaultOn
		return e.Text, &on
	}
	return e.Kind, nil
}
