package uplinktest

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// DASDevice is a sub-device that exists on the simulated DAS.
type DASDevice struct {
	ProductID, DeviceID string
	Secret              string // "": its values are taken without a login
	Unbound             bool   // nobody has made it the gateway's in the console
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
	// Desired is what the gateway's shadow wishes, by property.
	Desired map[string]DASWish
	// InfoTopic has the shadow answered on the topic that its page prints.
	InfoTopic bool

	mu         sync.Mutex
	model      *model              // that was imported; nil: all is taken
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
	versions   []string
	pushed     []string // codes of packages
	packages   map[string]dasPackage
	steps      map[string]int // told last, by topic and package
	upgraded   []string
	refused    []string
	violations []string
}

// DASWish is what a shadow desires, and since when; Millis 0: it does not say.
type DASWish struct {
	Value, Reported string // Reported "": nothing is
	Millis          int64
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
	Versions   []string
	Refused    []string // packages that the gateway did not take
	Violations []string
}

// Seen gives a copy of what has come so far.
func (p *DAS) Seen() DASSeen {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := DASSeen{
		Values: slices.Clone(p.values), Repeats: p.repeats, Resent: p.resent, Answers: p.answers, Events: slices.Clone(p.events),
		Heartbeats: p.heartbeats, Replies: slices.Clone(p.replies), Violations: slices.Clone(p.violations),
		Versions: slices.Clone(p.versions), Refused: slices.Clone(p.refused),
	}
	for id := range p.loggedIn {
		s.LoggedIn = append(s.LoggedIn, id)
	}
	sort.Strings(s.LoggedIn)
	return s
}

// SetFaults changes Answer and Filter while messages come.
func (p *DAS) SetFaults(answer func(topic string) (code int, silent bool), filter func(device, identifier string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Answer, p.Filter = answer, filter
}

// Logout makes the platform forget who has logged in.
func (p *DAS) Logout() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.loggedIn)
}

func (p *DAS) root() string { return "sys/" + p.ProductID + "/" + p.DeviceID + "/" }

// Topics are what the platform subscribes to: all, so that what comes to a
// wrong one is seen.
func (*DAS) Topics() []string { return []string{"#"} }

func (p *DAS) violate(format string, args ...any) {
	if len(p.violations) < 1000 {
		p.violations = append(p.violations, fmt.Sprintf(format, args...))
	}
}

// Receive takes a message from the gateway and gives the answers.
func (p *DAS) Receive(topic string, payload []byte, now time.Time) []Out {
	return exchanged(topic, p.receive(topic, payload, now))
}

func (p *DAS) receive(topic string, payload []byte, now time.Time) []Out {
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
	case "thing/ota/inform", "thing/ota/upgrade/progress", "thing/ota/download/progress":
		p.upgrade(name, payload)
	case "thing/ota/get":
		return p.askedAgain(name, payload)
	case "thing/shadow/get":
		return p.shadow(name, payload, now)
	case "thing/properties/set/response", "thing/properties/get/response", "thing/service/set/response":
		p.reply(name, payload)
	default:
		p.violate("topic %s is not one of the document's", topic)
	}
	return nil
}
