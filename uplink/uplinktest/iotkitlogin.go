package uplinktest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/mochi-mqtt/server/v2/packets"
)

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
