package uplinktest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Onenet is a simulated OneNET, of the old suite or of Studio, without the
// broker. It is written against the document; its methods may be called from
// several goroutines.
type Onenet struct {
	ProductID, Device string
	AccessKey         string            // of the gateway, Base64
	Keys              map[string]string // of the sub-devices, by name
	Studio            bool
	// Bad tells which values the platform refuses: of a stream, or of a
	// device's identifier.
	Bad func(device, key string) bool
	// Stored, if not nil, is called with each value that is stored anew.
	Stored func(OnenetPoint)
	// Unreadable tells that the platform cannot read a message, and refuses it
	// without its id.
	Unreadable func(payload []byte) bool
	// Silent drops an acknowledgement.
	Silent func(topic string) bool
	// Desired are the gateway's desired values, by property.
	Desired map[string]OnenetWish
	// NoWildcard has Studio refuse a subscription to all of its topics at once.
	NoWildcard bool
	// ProductToken has the gateway's token name the product alone.
	ProductToken bool
	// Console names sub-devices that are in the topology without the gateway's
	// doing.
	Console []string

	mu         sync.Mutex
	model      *model                 // that was imported; nil: all is taken
	points     map[string]OnenetPoint // by device, key and time
	repeats    int
	changed    int
	posts      []time.Time
	untimed    map[[32]byte]bool   // messages with points of no time
	objects    map[string][]string // the old suite's, by stream and second: their members
	topology   map[string]bool
	online     map[string]bool
	responses  map[string]string
	answers    []string
	asked      map[string]*onenetAsked // by topic after thing/ and id; nil: a test sends on its own
	listed     string                  // id of the answer with the topology
	synced     int                     // how often the gateway said that it has it
	cleared    []string                // desired values
	filters    int                     // subscriptions of this session
	violations []string
}

// OnenetPoint is a stored value. Device is empty where a stream has its own
// name, and of an object's member the device and the stream; Studio's events are under "event:" and their name.
type OnenetPoint struct {
	Device, Key string
	Value       string
	Millis      int64
}

// OnenetSeen is what the platform has seen.
type OnenetSeen struct {
	Points     []OnenetPoint
	Posts      int
	Repeats    int
	Changed    int // of those, how often the value was another one: the old suite keeps the last of a second
	Online     []string
	Responses  map[string]string // the last answers to commands, by topic
	Answers    []string          // all answers to commands, in their order
	Synced     int               // how often the gateway has taken the topology that it asked for
	Cleared    []string          // desired values that the gateway has cleared
	Violations []string
}

// Seen tells what came so far.
func (p *Onenet) Seen() OnenetSeen {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := OnenetSeen{Posts: len(p.posts), Repeats: p.repeats, Changed: p.changed, Responses: map[string]string{}, Answers: slices.Clone(p.answers), Synced: p.synced, Cleared: slices.Clone(p.cleared), Violations: slices.Clone(p.violations)}
	for _, v := range p.points {
		s.Points = append(s.Points, v)
	}
	for d := range p.online {
		s.Online = append(s.Online, d)
	}
	for k, v := range p.responses {
		s.Responses[k] = v
	}
	return s
}

// SetSilent changes Silent while messages come.
func (p *Onenet) SetSilent(silent func(topic string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Silent = silent
}

// SetBad changes Bad while messages come.
func (p *Onenet) SetBad(bad func(device, key string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Bad = bad
}

// Topics are what the platform listens to.
func (p *Onenet) Topics() []string { return []string{"$sys/#", "$subdev/#"} }

func (p *Onenet) violate(format string, args ...any) {
	if len(p.violations) < 1000 {
		p.violations = append(p.violations, fmt.Sprintf(format, args...))
	}
}

// downlink tells our own messages, which the wildcard brings back.
func downlink(rest string) bool {
	if rest == "logout/notify" {
		return true
	}
	for _, s := range []string{"/accepted", "/rejected", "/reply"} {
		if strings.HasSuffix(rest, s) {
			return true
		}
	}
	return strings.HasPrefix(rest, "cmd/request/") || strings.HasPrefix(rest, "thing/service/") && strings.HasSuffix(rest, "/invoke") || rest == "ota/inform" ||
		slices.Contains([]string{"thing/property/set", "thing/property/get", "thing/sub/property/set", "thing/sub/property/get", "thing/sub/service/invoke", "thing/sub/topo/change"}, rest)
}

// Receive takes a message from a gateway and gives the answers.
func (p *Onenet) Receive(topic string, payload []byte, now time.Time) []Out {
	return exchanged(topic, p.receive(topic, payload, now))
}

func (p *Onenet) receive(topic string, payload []byte, now time.Time) []Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.points == nil {
		p.objects, p.untimed = map[string][]string{}, map[[32]byte]bool{}
		p.points, p.topology, p.online, p.responses = map[string]OnenetPoint{}, map[string]bool{}, map[string]bool{}, map[string]string{}
		for _, name := range p.Console {
			p.topology[name] = true
		}
	}
	parts := strings.SplitN(topic, "/", 4)
	if len(parts) != 4 {
		p.violate("topic %s", topic)
		return nil
	}
	rest := parts[3]
	if downlink(rest) {
		return nil
	}
	if parts[1] != p.ProductID || parts[0] == "$sys" && parts[2] != p.Device || strings.Count(topic, "/") > 7 || len(payload) > 256<<10 {
		p.violate("%s with %d bytes", topic, len(payload))
	}
	p.pace(now)
	if p.Studio {
		return p.studio(topic, rest, payload, now)
	}
	device := ""
	if parts[0] == "$subdev" {
		device = parts[2]
	}
	return p.suite(topic, rest, device, payload, now)
}

// pace holds the gateway to the limits beyond which the platform bans it.
func (p *Onenet) pace(now time.Time) {
	per, most := 5*time.Second, 100
	if p.Studio {
		// One a second: what is beyond that is delayed. It is counted over five, since
		// what left in time may arrive together on a busy machine.
		per, most = 5*time.Second, 5+2
	}
	p.posts = append(p.posts, now)
	n := 0
	for i := len(p.posts) - 1; i >= 0 && now.Sub(p.posts[i]) < per; i-- {
		n++
	}
	if n > most {
		p.violate("%d messages in %v", n, per)
	}
}

func (p *Onenet) silent(topic string) bool { return p.Silent != nil && p.Silent(topic) }

func (p *Onenet) bad(device, key string) bool { return p.Bad != nil && p.Bad(device, key) }

func (p *Onenet) store(v OnenetPoint) {
	key := fmt.Sprintf("%s/%s/%d", v.Device, v.Key, v.Millis)
	if old, ok := p.points[key]; ok {
		p.repeats++
		switch {
		case old.Value == v.Value:
		case p.Studio:
			p.violate("%s was %s and is %s", key, old.Value, v.Value)
		default: // two readings may fall into one second
			p.changed++
		}
	} else if p.Stored != nil {
		p.Stored(v)
	}
	p.points[key] = v
}
