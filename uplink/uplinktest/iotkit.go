package uplinktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Iotkit is a simulated iotkit.cc, without the broker. Its methods may be
// called from several goroutines.
type Iotkit struct {
	// Products are the secrets by product key: of the gateways, and of the
	// meters (whose secret nobody asks for).
	Products map[string]string
	// ReplyOnS answers on the topic of the request, as one version of the code
	// does, and not on the /c/ topic of the document. It writes to the
	// connection, subscribed or not: it must know the broker.
	ReplyOnS bool
	// Answer, if not nil, may give another code than 0, or no answer at all, for
	// a "register" or "post" of that device. A failed registration is answered
	// without an id, as the code does.
	Answer func(what, device string) (code int, silent bool)
	// Stored, if not nil, is called with each post that is stored.
	Stored func(IotkitPost)
	// Enjoyiot has it be that fork, which has topology and shadows.
	Enjoyiot bool
	// Shadows are what the platform wishes of sub-devices, by name and property.
	Shadows map[string]map[string]IotkitWish
	// Hidden tells which sub-devices the topology lacks although they are
	// registered.
	Hidden func(device string) bool

	mu         sync.Mutex
	broker     *Broker                   // that it runs on
	gateways   map[string]*iotkitGateway // by name
	devices    map[string]*iotkitDevice  // sub-devices, by name: the platform looks at nothing else
	asked      map[string]iotkitAsked    // commands, by id
	posts      []IotkitPost
	repeats    int
	unstored   int
	registers  int
	replies    []string
	listed     int              // how often the topology was asked for
	versions   map[string]int64 // of shadows, by device
	told       []string         // what devices have told their shadows
	defined    iotkitModel      // nil: all is taken
	dropped    []string
	violations []string
}

type iotkitGateway struct {
	product, name, client string
	subscribed            map[string]bool
	seen                  map[string][32]byte // by id, in this session
}

type iotkitDevice struct {
	product, gateway string
	removed          bool // deregistered since
	disabled         bool // what it posts is answered and dropped
}

func (p *Iotkit) init() {
	if p.gateways == nil {
		p.versions = map[string]int64{}
		p.gateways, p.devices, p.asked = map[string]*iotkitGateway{}, map[string]*iotkitDevice{}, map[string]iotkitAsked{}
	}
}

// Topics are what the platform subscribes to.
func (*Iotkit) Topics() []string { return []string{"/sys/+/+/s/#", "/shadow/update/#"} }

func (p *Iotkit) violate(format string, args ...any) {
	if len(p.violations) < 1000 {
		p.violations = append(p.violations, fmt.Sprintf(format, args...))
	}
}

var (
	iotkitTopic = regexp.MustCompile(`^/sys/([^/]+)/([^/]+)/s/(.+)$`)
	iotkitName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`) // of the thing model; the set of characters is our guess
	iotkitID    = regexp.MustCompile(`^[0-9]+$`)
)

// Receive takes a message from a gateway and gives the answers. What the code
// swallows gets none.
func (p *Iotkit) Receive(topic string, payload []byte, now time.Time) []Out {
	return exchanged(topic, p.receive(topic, payload, now))
}

func (p *Iotkit) receive(topic string, payload []byte, now time.Time) []Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.init()
	if s := shadowTopic.FindStringSubmatch(topic); s != nil && p.Enjoyiot {
		return p.shadow(topic, s[1], s[2], payload, now)
	}
	m := iotkitTopic.FindStringSubmatch(topic)
	if m == nil {
		p.violate("topic %s", topic)
		return nil
	}
	product, name, action := m[1], m[2], m[3]
	if strings.HasSuffix(action, "_reply") && (strings.HasPrefix(action, "service/") || slices.Contains([]string{"deregister_reply", "topo/change_reply", "config/set_reply"}, action)) {
		p.reply(topic, action, payload)
		return nil
	}
	if strings.HasSuffix(action, "_reply") && p.ReplyOnS {
		return nil // our own
	}
	// Fixed header, the topic's length, the packet identifier.
	if n := 3 + 2 + len(topic) + 2 + len(payload); n > iotkitMostPacket {
		p.violate("%s: a packet of %d bytes drops the connection", topic, n)
		return nil
	}
	var e struct {
		ID      *string         `json:"id"`
		Method  string          `json:"method"`
		Version string          `json:"version"`
		Params  json.RawMessage `json:"params"`
	}
	if err := strict(payload, &e); err != nil {
		p.violate("%s: %v: %s", topic, err, payload)
		return nil
	}
	if e.ID == nil || !iotkitID.MatchString(*e.ID) {
		p.violate("%s: the id is no decimal string: %s", topic, payload)
		return nil
	}
	if !bytes.HasPrefix(bytes.TrimSpace(e.Params), []byte("{")) {
		p.violate("%s: params is no object: %s", topic, payload)
		return nil
	}
	switch {
	case action == "register":
		return p.register(topic, product, name, *e.ID, e.Method, e.Params)
	case action == "topo/get" && p.Enjoyiot:
		return p.topology(topic, product, name, *e.ID, e.Method)
	case strings.HasPrefix(action, "event/") && !strings.HasSuffix(action, "_reply"):
		return p.post(topic, product, name, action, *e.ID, e.Method, e.Params, now)
	}
	p.violate("topic %s is not one of the document's", topic)
	return nil
}

func (p *Iotkit) override(what, device string) (code int, silent bool) {
	if p.Answer != nil {
		return p.Answer(what, device)
	}
	return 0, false
}

// answer gives the reply to a request, on its topic or on the document's.
func (p *Iotkit) answer(topic string, gateway *iotkitGateway, payload map[string]any) []Out {
	topic += "_reply"
	if p.ReplyOnS {
		if p.broker != nil {
			p.broker.grant(gateway.client, topic)
		}
	} else {
		topic = strings.Replace(topic, "/s/", "/c/", 1)
	}
	b, _ := json.Marshal(payload)
	return []Out{{topic, b}}
}

// SetAnswer changes Answer while messages come.
func (p *Iotkit) SetAnswer(answer func(what, device string) (code int, silent bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Answer = answer
}

// IotkitSeen is what has come to the platform so far.
type IotkitSeen struct {
	Posts      []IotkitPost
	Unstored   int // posts of deregistered devices: answered 0, and lost
	Repeats    int // posts that had come before in the session; they are stored again
	Registers  int // registrations that came, also repeated and refused ones
	Registered []string
	Online     []string // names of sub-devices whose topic is subscribed to
	Replies    []string // answers to commands
	Listed     int      // how often the topology was asked for
	Told       []string // what sub-devices have told their shadows
	Dropped    []string // keys that the thing model does not have, after the event's name
	Violations []string
}

// Seen gives a copy of what has come so far.
func (p *Iotkit) Seen() IotkitSeen {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := IotkitSeen{
		Posts: slices.Clone(p.posts), Repeats: p.repeats, Unstored: p.unstored, Registers: p.registers, Replies: slices.Clone(p.replies),
		Listed: p.listed, Told: slices.Clone(p.told), Dropped: slices.Clone(p.dropped), Violations: slices.Clone(p.violations),
	}
	for _, name := range slices.Sorted(maps.Keys(p.devices)) {
		if p.devices[name].removed {
			continue
		}
		s.Registered = append(s.Registered, name)
		if g := p.gateways[p.devices[name].gateway]; g != nil && g.subscribed[name] {
			s.Online = append(s.Online, name)
		}
	}
	return s
}
