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

	"github.com/mochi-mqtt/server/v2/packets"
)

// iotkitMostPacket is what the platform's decoder takes for one MQTT packet.
const iotkitMostPacket = 8092

// IotkitPost is what a device has posted and the platform has stored.
type IotkitPost struct {
	Device string // its name; the gateway's for its own events
	Event  string // "" for properties
	ID     string
	Params map[string]string // as the values stood in the JSON
	At     time.Time         // of arrival: the platform takes it for the sample's time
}

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

// iotkitAsked is a command that waits for its answer.
type iotkitAsked struct {
	topic, method string
	keys          []string // that a property/get asks for
}

// Allow decides on a connect by the code's rule: the client id is split at
// underscores into product key, name and model, and an empty model is none. A
// fourth part is refused, as EnjoyIot does. A connect begins a session: nothing is subscribed to.
func (p *Iotkit) Allow(clientID, username, password string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	parts := strings.Split(clientID, "_")
	if len(parts) != 3 || parts[2] == "" {
		return false
	}
	secret, ok := p.Products[parts[0]]
	sum := md5.Sum([]byte(secret + clientID))
	if !ok || username != parts[1] || !strings.EqualFold(password, hex.EncodeToString(sum[:])) {
		return false
	}
	p.begin(clientID)
	return true
}

// Begin begins the session of a gateway that another broker has admitted.
func (p *Iotkit) Begin(clientID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin(clientID)
}

func (p *Iotkit) begin(clientID string) {
	p.init()
	if parts := strings.Split(clientID, "_"); len(parts) == 3 {
		p.gateways[parts[1]] = &iotkitGateway{product: parts[0], name: parts[1], client: clientID, subscribed: map[string]bool{}, seen: map[string][32]byte{}}
	}
}

func (p *Iotkit) init() {
	if p.gateways == nil {
		p.versions = map[string]int64{}
		p.gateways, p.devices, p.asked = map[string]*iotkitGateway{}, map[string]*iotkitDevice{}, map[string]iotkitAsked{}
	}
}

var iotkitFilter = regexp.MustCompile(`^/sys/([^/+#]+)/([^/+#]+)/c/#$`)

// Subscribed decides on a subscription: a gateway may have its own topic and
// those of its registered sub-devices.
func (p *Iotkit) Subscribed(clientID, filter string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.init()
	m := iotkitFilter.FindStringSubmatch(filter)
	if s := shadowFilter.FindStringSubmatch(filter); s != nil && p.Enjoyiot {
		d := p.devices[s[2]]
		if d == nil || d.removed || d.product != s[1] {
			p.violate("%s subscribes to %s, which is no device of it", clientID, filter)
			return false
		}
		return true
	}
	for _, g := range p.gateways {
		if g.client != clientID || m == nil {
			continue
		}
		d := p.devices[m[2]]
		if m[1] == g.product && m[2] == g.name || d != nil && !d.removed && d.product == m[1] && d.gateway == g.name {
			g.subscribed[m[2]] = true
			heard("sub", filter)
			return true
		}
	}
	p.violate("%s subscribes to %s, which is no device of it", clientID, filter)
	return false
}

// Unsubscribed takes a device offline.
func (p *Iotkit) Unsubscribed(clientID, filter string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.init()
	for _, g := range p.gateways {
		if m := iotkitFilter.FindStringSubmatch(filter); m != nil && g.client == clientID {
			delete(g.subscribed, m[2])
		}
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

func (p *Iotkit) register(topic, product, name, id, method string, params json.RawMessage) []Out {
	p.registers++
	g := p.gateways[name]
	if g == nil || g.product != product || !g.subscribed[name] {
		p.violate("%s: no such gateway is online", topic)
		return nil
	}
	var who struct {
		ProductKey *string `json:"productKey"`
		DeviceName *string `json:"deviceName"`
		Model      *string `json:"model"`
	}
	if err := strict(params, &who); err != nil || who.ProductKey == nil || who.DeviceName == nil || who.Model == nil {
		p.violate("register: params %s: %v", params, err)
		return nil
	}
	p.sameID(g, id, "register "+string(params))
	if method != "thing.lifetime.register" || *who.DeviceName == "" || strings.ContainsAny(*who.DeviceName, "/+#") || p.gateways[*who.DeviceName] != nil {
		p.violate("register: %s %s", method, params)
		return nil
	}
	if *who.ProductKey == product {
		p.violate("register: a sub-device of the gateway's own product gets no answer from EnjoyIot")
		return nil
	}
	code, silent := p.override("register", *who.DeviceName)
	if _, known := p.Products[*who.ProductKey]; !known && code == 0 {
		p.violate("register: there is no product %q", *who.ProductKey)
		code = 500
	}
	if code == 0 { // also where the answer gets lost
		p.devices[*who.DeviceName] = &iotkitDevice{product: *who.ProductKey, gateway: name}
	}
	switch {
	case silent:
		return nil
	case code != 0:
		return p.answer(topic, g, map[string]any{"id": nil, "method": "null_reply", "code": code, "data": nil})
	}
	return p.answer(topic, g, map[string]any{"id": id, "method": method + "_reply", "code": 0, "data": params})
}

// sameID holds ids to one content each; true for a repeat.
func (p *Iotkit) sameID(g *iotkitGateway, id, content string) bool {
	carried := sum256(content)
	first, again := g.seen[id]
	if again && first != carried {
		p.violate("id %s came with two contents", id)
	}
	g.seen[id] = carried
	return again
}

// post stores what came. As in the code, it is answered 0 even if the device
// is unknown, but then nothing is stored.
func (p *Iotkit) post(topic, product, name, action, id, method string, params json.RawMessage, now time.Time) []Out {
	if want := "thing." + strings.ReplaceAll(action, "/", "."); method != want {
		p.violate("%s: method %s, want %s", topic, method, want)
		return nil
	}
	g, known, unstored := p.gateways[name], true, false
	if g == nil {
		d := p.devices[name]
		known = d != nil && d.product == product
		if d != nil {
			g = p.gateways[d.gateway]
			unstored = d.removed || d.disabled
		}
	}
	if g == nil { // nobody is there to be answered: which connection it was is not told
		p.violate("%s: no gateway has such a device", topic)
		return nil
	}
	if !known || g.name == name && g.product != product {
		p.violate("%s: the device is of another product", topic)
	}
	var values map[string]json.RawMessage
	if err := strict(params, &values); err != nil || len(values) == 0 {
		p.violate("%s: params %s: %v", topic, params, err)
		return nil
	}
	if !g.subscribed[name] {
		p.violate("%s: the device is not online: its topic is not subscribed to", topic)
		known = false
	}
	post := IotkitPost{Device: name, ID: id, Params: map[string]string{}, At: now}
	if action != "event/property/post" {
		post.Event = strings.TrimPrefix(action, "event/")
		if !iotkitName.MatchString(post.Event) {
			p.violate("%s: %q is no identifier", topic, post.Event)
		}
	}
	for key, v := range values {
		if !iotkitName.MatchString(key) {
			p.violate("%s: %q is no identifier", topic, key)
		}
		if v[0] == '{' || v[0] == '[' || v[0] == 'n' {
			p.violate("%s: the value of %s is no number, text or boolean: %s", topic, key, v)
		}
		if !p.defined.takes(product, post.Event, key, string(v)) { // without a word
			p.dropped = append(p.dropped, strings.TrimPrefix(post.Event+"."+key, "."))
			continue
		}
		post.Params[key] = string(v)
	}
	code, silent := p.override("post", name)
	if p.sameID(g, id, topic+string(params)) {
		p.repeats++
	}
	switch {
	case unstored:
		p.unstored++
	case code == 0 && known:
		p.posts = append(p.posts, post)
		if p.Stored != nil {
			p.Stored(post)
		}
	}
	if silent {
		return nil
	}
	return p.answer(topic, g, map[string]any{"id": id, "method": method + "_reply", "code": code, "data": params})
}

// reply takes the answer to a command.
func (p *Iotkit) reply(topic, action string, payload []byte) {
	p.replies = append(p.replies, string(payload))
	var e struct {
		ID      string                     `json:"id"`
		Method  string                     `json:"method"`
		Version string                     `json:"version"`
		Code    *int                       `json:"code"`
		Message string                     `json:"message"` // not in the document; with an error alone
		Data    map[string]json.RawMessage `json:"data"`
		Params  map[string]json.RawMessage `json:"params"`
	}
	if err := strict(payload, &e); err != nil {
		p.violate("%s: %v: %s", topic, err, payload)
		return
	}
	c, ok := p.asked[e.ID]
	if !ok || c.topic != topic || c.method != e.Method {
		p.violate("%s: an answer to nothing: %s", topic, payload)
		return
	}
	if e.Code == nil || *e.Code == 0 && e.Message != "" {
		p.violate("%s: code or message: %s", topic, payload)
		return
	}
	if !strings.HasPrefix(action, "service/") {
		if e.Data != nil || e.Params != nil {
			p.violate("%s: no results are documented: %s", topic, payload)
		}
		return
	}
	if e.Data == nil || e.Params == nil || !maps.EqualFunc(e.Data, e.Params, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
		p.violate("%s: data and params are not the same: %s", topic, payload)
	}
	for _, key := range c.keys {
		if _, ok := e.Data[key]; !ok && *e.Code == 0 {
			p.violate("%s: %s was asked for: %s", topic, key, payload)
		}
	}
}

// SetAnswer changes Answer while messages come.
func (p *Iotkit) SetAnswer(answer func(what, device string) (code int, silent bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Answer = answer
}

// Command gives the call of a service of a device, such as "property/set"
// with an object as params, or "property/get" with a list.
func (p *Iotkit) Command(product, device, service, id, params string) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.init()
	base := "/sys/" + product + "/" + device
	method := "thing.service." + strings.ReplaceAll(service, "/", ".")
	c := iotkitAsked{topic: base + "/s/service/" + service + "_reply", method: method + "_reply"}
	if service == "property/get" {
		json.Unmarshal([]byte(params), &c.keys)
	}
	p.asked[id] = c
	b, _ := json.Marshal(map[string]any{"id": id, "method": method, "params": json.RawMessage(params)})
	return sent(Out{base + "/c/service/" + service, b})
}

// Deregister takes a sub-device from its gateway and gives the message that
// tells the gateway.
func (p *Iotkit) Deregister(device, id string) (Out, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.devices[device]
	if d == nil || d.removed {
		return Out{}, false
	}
	g := p.gateways[d.gateway]
	d.removed = true
	base := "/sys/" + g.product + "/" + g.name
	p.asked[id] = iotkitAsked{topic: base + "/s/deregister_reply", method: "thing.lifetime.deregister_reply"}
	b, _ := json.Marshal(map[string]any{
		"id": id, "method": "thing.lifetime.deregister", "params": map[string]string{"productKey": d.product, "deviceName": device},
	})
	return sent(Out{base + "/c/deregister", b}), true
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

// On tells the platform which broker it runs on.
func (p *Iotkit) On(b *Broker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broker = b
}

// grant gives a client a subscription that it did not ask for: some platforms
// write to a connection without one.
func (b *Broker) grant(clientID, topic string) {
	b.server.Topics.Subscribe(clientID, packets.Subscription{Filter: topic, Qos: 1})
}
