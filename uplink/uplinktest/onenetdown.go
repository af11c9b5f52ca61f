package uplinktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// OnenetWish is a desired value of the gateway; Version counts from 1.
type OnenetWish struct {
	Value   string
	Version int64
}

// onenetAsked is a request of Studio's to the gateway.
type onenetAsked struct {
	at      time.Time
	service string // of a sub-device
	bounded bool   // it waits for 5 s
	answer  string // that came; the same may come once more, as QoS 1 allows
}

// onenetPatience is how long Studio waits for an answer.
const onenetPatience = 5 * time.Second

// Down gives a request of Studio's to the gateway: name is the topic after
// thing/, params are JSON. Its answer must come in time, once.
func (p *Onenet) Down(name, id, params string, now time.Time) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == nil {
		p.asked = map[string]*onenetAsked{}
	}
	var in struct {
		Identifier string `json:"identifier"`
	}
	_ = json.Unmarshal([]byte(params), &in) // a test may send anything
	service := in.Identifier
	if rest, ok := strings.CutPrefix(name, "service/"); ok {
		service = strings.TrimSuffix(rest, "/invoke")
	}
	p.asked[name+" "+id] = &onenetAsked{at: now, service: in.Identifier, bounded: service == "" || service == "read"}
	return sent(Out{p.root() + "thing/" + name, fmt.Appendf(nil, `{"id":%q,"version":"1.0","params":%s}`, id, params)})
}

func (p *Onenet) root() string { return "$sys/" + p.ProductID + "/" + p.Device + "/" }

// Topology changes the gateway's sub-devices, and gives the notice of it.
func (p *Onenet) Topology(id string, names []string, now time.Time) Out {
	p.mu.Lock()
	list := []map[string]string{}
	p.topology = map[string]bool{}
	for _, name := range names {
		p.topology[name] = true
		list = append(list, map[string]string{"deviceName": name, "productID": p.ProductID})
	}
	maps.DeleteFunc(p.online, func(name string, _ bool) bool { return !p.topology[name] })
	p.mu.Unlock()
	b, _ := json.Marshal(map[string]any{"subList": list})
	return p.Down("sub/topo/change", id, string(b), now)
}

// onenetTopics are those that Studio sends to, after thing/.
var onenetTopics = []string{
	"pack/post/reply", "history/post/reply", "property/post/reply", "event/post/reply", "property/set", "property/get", "property/desired/get/reply", "property/desired/delete/reply",
	"service/+/invoke", "sub/login/reply", "sub/logout/reply", "sub/topo/add/reply", "sub/topo/delete/reply", "sub/topo/get/reply", "sub/topo/change",
	"sub/property/set", "sub/property/get", "sub/service/invoke", "#", "property/#",
}

// AllowSubscribe tells whether the gateway may subscribe to a filter: Studio
// has ten for a session; the old suite 15 in all, and none of a sub-device that
// is not one.
func (p *Onenet) AllowSubscribe(_, filter string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.filters++
	if p.Studio {
		rest, thing := strings.CutPrefix(filter, p.root()+"thing/")
		if p.filters > 10 {
			p.violate("%s is subscription %d of the session", filter, p.filters)
		}
		return p.filters <= 10 && (thing && slices.Contains(onenetTopics, rest) && !(rest == "#" && p.NoWildcard) || filter == p.root()+"ota/inform")
	}
	if p.filters > 15 {
		p.violate("%s is subscription %d of the session", filter, p.filters)
		return false
	}
	parts := strings.SplitN(filter, "/", 4)
	if len(parts) < 4 || parts[1] != p.ProductID {
		return false
	}
	_, child := p.Keys[parts[2]]
	return parts[0] == "$sys" && parts[2] == p.Device || parts[0] == "$subdev" && child
}

// reply takes the answer to a request.
func (p *Onenet) reply(topic, rest string, payload []byte, now time.Time) {
	p.answers = append(p.answers, string(payload))
	p.responses[topic] = string(payload)
	var in struct {
		ID   string          `json:"id"`
		Code *int            `json:"code"`
		Msg  *string         `json:"msg"`
		Data json.RawMessage `json:"data"`
	}
	name := strings.TrimSuffix(strings.TrimPrefix(rest, "thing/"), "_reply")
	if err := strict(payload, &in); err != nil || in.ID == "" || in.Code == nil || in.Msg == nil {
		p.violate("%s: %v: %s", topic, err, payload)
		return
	}
	if name == "ota/inform" {
		return
	}
	set := strings.HasSuffix(name, "/set") || name == "sub/topo/change"
	switch {
	case set && len(in.Data) > 0:
		p.violate("%s: an answer to a set has no data: %s", topic, payload)
	case name == "sub/service/invoke" && len(in.Data) > 0:
		var data struct {
			DeviceName string                     `json:"deviceName"`
			ProductID  string                     `json:"productID"`
			Identifier string                     `json:"identifier"`
			Output     map[string]json.RawMessage `json:"output"`
		}
		if err := strict(in.Data, &data); err != nil || data.DeviceName == "" || data.ProductID == "" || data.Identifier == "" {
			p.violate("%s: %v: %s", topic, err, payload)
		}
	case len(in.Data) > 0:
		var data map[string]json.RawMessage
		if err := strict(in.Data, &data); err != nil {
			p.violate("%s: %v: %s", topic, err, payload)
		}
	}
	if p.asked == nil { // a test that sends on its own
		return
	}
	switch a := p.asked[name+" "+in.ID]; {
	case a == nil:
		p.violate("%s: nobody asked under the id %q", topic, in.ID)
	case a.answer == string(payload):
	case a.answer != "":
		p.violate("%s: %q is answered twice", topic, in.ID)
	case a.bounded && now.Sub(a.at) > onenetPatience:
		p.violate("%s: %q is answered after %v", topic, in.ID, now.Sub(a.at))
	default:
		a.answer = string(payload)
	}
}

// topologyOf answers with the gateway's sub-devices.
func (p *Onenet) topologyOf(topic, id string) []Out {
	list := []map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(p.topology)) {
		list = append(list, map[string]string{"deviceName": name, "productID": p.ProductID})
	}
	b, _ := json.Marshal(map[string]any{"id": id, "code": 200, "msg": "success", "data": list})
	p.listed = id
	return []Out{{topic + "/reply", b}}
}

// desired answers with what is wished, or clears it.
func (p *Onenet) desired(topic, id string, params json.RawMessage) []Out {
	data := map[string]any{}
	if strings.HasSuffix(topic, "/get") {
		var keys []string
		if err := strict(params, &keys); err != nil || len(keys) == 0 {
			p.violate("%s: %v: %s", topic, err, params)
		}
		for _, k := range keys {
			if w, ok := p.Desired[k]; ok {
				data[k] = map[string]any{"value": w.Value, "version": w.Version}
			}
		}
	} else {
		var keys map[string]struct {
			Version int64 `json:"version"`
		}
		if err := strict(params, &keys); err != nil || len(keys) == 0 {
			p.violate("%s: %v: %s", topic, err, params)
		}
		for k, v := range keys {
			if w, ok := p.Desired[k]; ok && (v.Version == 0 || v.Version == w.Version) {
				delete(p.Desired, k)
				p.cleared = append(p.cleared, k)
			}
		}
	}
	b, _ := json.Marshal(map[string]any{"id": id, "code": 200, "msg": "success", "data": data})
	return []Out{{topic + "/reply", b}}
}
