package uplinktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The topology and the shadows of EnjoyIot, by its document.

// IotkitWish is what the platform wishes of a property, and since when; Seconds
// 0: it does not say.
type IotkitWish struct {
	Value, Reported string // as JSON; Reported "": nothing is
	Seconds         int64
}

var (
	shadowFilter = regexp.MustCompile(`^/shadow/get/([^/+#]+)/([^/+#]+)$`)
	shadowTopic  = regexp.MustCompile(`^/shadow/update/([^/]+)/([^/]+)$`)
)

// topology answers with the gateway's sub-devices, under the code of the
// example.
func (p *Iotkit) topology(topic, product, name, id, method string) []Out {
	g := p.gateways[name]
	if g == nil || g.product != product || method != "thing.topo.get" {
		p.violate("%s: %s of a gateway that is not online", topic, method)
		return nil
	}
	p.listed++
	list := []map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(p.devices)) {
		if d := p.devices[name]; d.gateway == g.name && !d.removed && (p.Hidden == nil || !p.Hidden(name)) {
			list = append(list, map[string]string{"deviceName": name, "productKey": d.product})
		}
	}
	return p.answer(topic, g, map[string]any{"id": id, "method": method + "_reply", "code": 200, "data": list})
}

// TopologyChange gives the notice that sub-devices were created (0), deleted
// (1), enabled again (2) or disabled (8), and does that.
func (p *Iotkit) TopologyChange(product, gateway, id string, status int, names ...string) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.init()
	list := []map[string]string{}
	for _, name := range names {
		d := p.devices[name]
		if d == nil {
			continue
		}
		switch status {
		case 1:
			d.removed = true
		case 2, 8:
			d.disabled = status == 8
		}
		list = append(list, map[string]string{"deviceName": name, "productKey": d.product})
	}
	return p.notice(product, gateway, "topo/change", id, map[string]any{"status": status, "subList": list})
}

// Configure gives the message that sets a configuration.
func (p *Iotkit) Configure(product, device, id string) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.init()
	return p.notice(product, device, "config/set", id, map[string]any{"interval": 60})
}

// notice gives a message to a device whose answer has no results.
func (p *Iotkit) notice(product, device, action, id string, params any) Out {
	base := "/sys/" + product + "/" + device
	method := "thing." + strings.ReplaceAll(action, "/", ".")
	p.asked[id] = iotkitAsked{topic: base + "/s/" + action + "_reply", method: method + "_reply"}
	b, _ := json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	return sent(Out{base + "/c/" + action, b})
}

// shadow answers what a device asks its shadow, or tells it.
func (p *Iotkit) shadow(topic, product, name string, payload []byte, now time.Time) []Out {
	var in struct {
		Method string `json:"method"`
		State  *struct {
			Reported map[string]json.RawMessage `json:"reported"`
		} `json:"state"`
		Version *int64 `json:"version"`
	}
	d := p.devices[name]
	if err := strict(payload, &in); err != nil || d == nil || d.removed || d.product != product {
		p.violate("%s: %v: %s", topic, err, payload)
		return nil
	}
	down := "/shadow/get/" + product + "/" + name
	switch {
	case in.Method == "get" && in.State == nil && in.Version == nil:
		return []Out{{down, p.shadowState("reply", name, true, now)}}
	case in.Method == "update" && in.State != nil && len(in.State.Reported) > 0 && in.Version != nil:
		content, status := map[string]any{}, "success"
		if *in.Version <= p.versions[name] {
			status, content = "error", map[string]any{"errorcode": "409", "errormessage": "version conflict"}
			p.violate("%s: version %d, it is %d", topic, *in.Version, p.versions[name])
		} else {
			p.versions[name] = *in.Version
			for _, key := range slices.Sorted(maps.Keys(in.State.Reported)) {
				p.told = append(p.told, fmt.Sprintf("%s %s=%s", name, key, in.State.Reported[key]))
				if w, ok := p.Shadows[name][key]; ok {
					w.Reported = string(in.State.Reported[key])
					p.Shadows[name][key] = w
				}
			}
		}
		b, _ := json.Marshal(map[string]any{"method": "reply", "payload": map[string]any{"status": status, "content": content, "version": p.versions[name]}, "timestamp": now.Unix()})
		return []Out{{down, b}}
	}
	p.violate("%s: %s", topic, payload)
	return nil
}

// shadowState tells a shadow: what is desired, and since when if timed.
func (p *Iotkit) shadowState(method, name string, timed bool, now time.Time) []byte {
	desired, reported, since := map[string]any{}, map[string]any{}, map[string]any{}
	for key, w := range p.Shadows[name] {
		desired[key] = json.RawMessage(w.Value)
		if w.Reported != "" {
			reported[key] = json.RawMessage(w.Reported)
		}
		if w.Seconds != 0 {
			since[key] = map[string]any{"timestamp": w.Seconds}
		}
	}
	payload := map[string]any{"state": map[string]any{"desired": desired, "reported": reported}}
	if timed {
		payload["status"], payload["metadata"] = "success", map[string]any{"desired": since, "reported": map[string]any{}}
	}
	b, _ := json.Marshal(map[string]any{"method": method, "payload": payload, "version": p.versions[name], "timestamp": now.Unix()})
	return b
}

// Control gives the message that tells a sub-device at once what is desired of
// it, with the time of each wish or without.
func (p *Iotkit) Control(product, name string, wishes map[string]IotkitWish, timed bool, now time.Time) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.init()
	if p.Shadows == nil {
		p.Shadows = map[string]map[string]IotkitWish{}
	}
	p.Shadows[name] = wishes
	p.versions[name]++
	return sent(Out{"/shadow/get/" + product + "/" + name, p.shadowState("control", name, timed, now)})
}
