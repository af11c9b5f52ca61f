package uplinktest

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
)

// iotkitAsked is a command that waits for its answer.
type iotkitAsked struct {
	topic, method string
	keys          []string // that a property/get asks for
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
