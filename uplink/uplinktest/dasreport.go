package uplinktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dasHead is the frame of what is reported.
type dasHead struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Sys     *struct {
		Ack *int `json:"ack"`
	} `json:"sys"`
	Identifier *string         `json:"identifier"`
	Params     json.RawMessage `json:"params"`
	Method     string          `json:"method"`
}

// dasTwice gives a member that stands twice in one object.
func dasTwice(payload []byte) string {
	type level struct {
		object, value bool // value: a member's value comes next
		names         map[string]bool
	}
	stack := []level{{}}
	d := json.NewDecoder(bytes.NewReader(payload))
	for {
		tok, err := d.Token()
		if err != nil {
			return ""
		}
		top := &stack[len(stack)-1]
		name, isName := tok.(string)
		isName = isName && top.object && !top.value
		if isName {
			if top.names[name] {
				return name
			}
			top.names[name], top.value = true, true
			continue
		}
		top.value = false
		switch tok {
		case json.Delim('{'):
			stack = append(stack, level{object: true, names: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
	}
}

// checkID takes an id, which is used once, or again with the same content.
func (p *DAS) checkID(name, id string, payload []byte) {
	if n, err := strconv.ParseUint(id, 10, 32); err != nil || strconv.FormatUint(n, 10) != id {
		p.violate("%s: id %q is no number below 2^32", name, id)
	}
	carried := sum256(name + "\x00" + string(payload))
	first, again := p.ids[id]
	switch {
	case again && first != carried:
		p.violate("%s: id %s came with two contents", name, id)
	case again:
		p.resent++
	}
	p.ids[id] = carried
}

func (p *DAS) override(name string) (code int, silent bool) {
	if p.Answer == nil {
		return 0, false
	}
	return p.Answer(name)
}

var dasText = map[int]string{200: "success", 400: "request error", 429: "too many requests", 460: "request parameter error!"}

func (p *DAS) respond(name string, content any) []Out {
	p.answers++
	b, _ := json.Marshal(content)
	return []Out{{p.root() + name + "/response", b}}
}

var dasMethods = map[string]string{
	"thing/properties/up": "thing.properties.up", "thing/properties/gateway/up": "thing.properties.gateway.up", "thing/event/up": "thing.event.up",
	"thing/properties/set/response": "thing.properties.set", "thing/properties/get/response": "thing.properties.get", "thing/service/set/response": "thing.service.set",
}

func (p *DAS) report(name string, payload []byte, now time.Time) []Out {
	var h dasHead
	if err := strict(payload, &h); err != nil {
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.checkID(name, h.ID, payload)
	if h.Version != "1.0" || h.Method != dasMethods[name] {
		p.violate("%s: version %q, method %q", name, h.Version, h.Method)
	}
	ack := 1
	if h.Sys == nil || h.Sys.Ack == nil || *h.Sys.Ack != 0 && *h.Sys.Ack != 1 {
		p.violate("%s: no sys.ack: %s", name, payload)
	} else {
		ack = *h.Sys.Ack
	}
	if (h.Identifier != nil) != (name == "thing/event/up") {
		p.violate("%s: identifier belongs to events alone", name)
	}
	code, silent := p.override(name)
	if code == 0 || code == 200 {
		switch name {
		case "thing/properties/up":
			code = p.properties(p.DeviceID, h.Params, now)
		case "thing/properties/gateway/up":
			code = p.gatewayUp(h.Params, now)
		default:
			code = p.event(h, now)
		}
	}
	if silent || ack == 0 {
		return nil
	}
	return p.respond(name, map[string]any{
		"code": code, "data": map[string]any{}, "id": h.ID, "message": dasText[code], "method": h.Method, "version": "1.0",
	})
}

func (p *DAS) gatewayUp(params json.RawMessage, now time.Time) int {
	var g struct {
		Properties json.RawMessage `json:"properties"`
		SubDevices []struct {
			Identity struct {
				ProductID string `json:"productId"`
				DeviceID  string `json:"deviceId"`
			} `json:"identity"`
			Properties json.RawMessage `json:"properties"`
		} `json:"subDevices"`
	}
	if err := strict(params, &g); err != nil {
		p.violate("batch: %v: %s", err, params)
		return 460
	}
	code := 200
	if len(g.Properties) > 0 {
		code = p.properties(p.DeviceID, g.Properties, now)
	}
	for _, s := range g.SubDevices {
		dev, ok := p.find(s.Identity.ProductID, s.Identity.DeviceID)
		if !ok || dev.Secret != "" && !p.loggedIn[dev.DeviceID] {
			p.violate("batch: device %+v does not exist, or has not logged in", s.Identity)
			code = 460
			continue
		}
		code = max(code, p.properties(dev.DeviceID, s.Properties, now))
	}
	return code
}

// dasTime reports whether it is a time in ms: not s, and not of the future.
func dasTime(ms int64, now time.Time) bool { return ms >= 1e12 && ms <= now.UnixMilli()+3600e3 }

// properties stores values and gives the code for them.
func (p *DAS) properties(device string, raw json.RawMessage, now time.Time) int {
	var members map[string]struct {
		Value json.RawMessage `json:"value"`
		Time  *int64          `json:"time"`
	}
	if err := strict(raw, &members); err != nil {
		p.violate("properties of %s: %v: %s", device, err, raw)
		return 460
	}
	code := 200
	for identifier, v := range members {
		switch {
		case v.Time == nil || !dasTime(*v.Time, now):
			p.violate("%s of %s has no time in ms", identifier, device)
			code = 460
			continue
		case identifier == "" || len(v.Value) == 0 || strings.ContainsAny(string(v.Value[:1]), "n{["):
			p.violate("%s of %s: value %s", identifier, device, v.Value)
			code = 460
			continue
		case p.Filter != nil && p.Filter(device, identifier), !p.model.takes(identifier, string(v.Value)):
			code = 460
			continue
		}
		key := fmt.Sprintf("%s/%s/%d", device, identifier, *v.Time)
		first, again := p.stored[key]
		if again {
			p.repeats++
			if first != string(v.Value) {
				p.violate("%s is %s and %s", key, first, v.Value)
			}
			continue
		}
		p.stored[key] = string(v.Value)
		one := DASValue{device, identifier, string(v.Value), *v.Time}
		p.values = append(p.values, one)
		if p.Stored != nil {
			p.Stored(one)
		}
	}
	return code
}

func (p *DAS) event(h dasHead, now time.Time) int {
	var e struct {
		Value json.RawMessage `json:"value"`
		Time  *int64          `json:"time"`
	}
	if err := strict(h.Params, &e); err != nil || e.Time == nil || !dasTime(*e.Time, now) || !bytes.HasPrefix(e.Value, []byte("{")) ||
		h.Identifier == nil || *h.Identifier == "" {
		p.violate("event: %v: %s", err, h.Params)
		return 460
	}
	if !p.model.takesEvent(*h.Identifier, string(e.Value)) {
		return 460
	}
	one := DASEvent{*h.Identifier, string(e.Value), *e.Time}
	if slices.Contains(p.events, one) {
		p.repeats++
	} else {
		p.events = append(p.events, one)
	}
	return 200
}
