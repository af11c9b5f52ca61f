package uplinktest

import (
	"encoding/json"
	"strings"
	"time"
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
