package uplinktest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

type studioValue struct {
	Value json.RawMessage `json:"value"`
	Time  int64           `json:"time"`
}

// studio is Studio's side.
func (p *Onenet) studio(topic, rest string, payload []byte, now time.Time) []Out {
	if strings.HasSuffix(rest, "_reply") {
		p.reply(topic, rest, payload, now)
		return nil
	}
	if rest == "thing/sub/topo/get/result" {
		var in struct {
			ID   string `json:"id"`
			Code int    `json:"code"`
			Msg  string `json:"msg"`
		}
		if err := strict(payload, &in); err != nil || in.Code != 200 || in.ID == "" || in.ID != p.listed {
			p.violate("%s: %v: %s", topic, err, payload)
		}
		p.synced++
		return nil
	}
	var in struct {
		ID      string          `json:"id"`
		Version string          `json:"version"`
		Params  json.RawMessage `json:"params"`
	}
	if err := strict(payload, &in); err != nil || !regexp.MustCompile(`^\d{1,13}$`).MatchString(in.ID) {
		p.violate("%s: %v: %.200s", topic, err, payload)
		return nil
	}
	reply := func(code int, msg string) []Out {
		if p.silent(topic) {
			return nil
		}
		return []Out{{topic + "/reply", fmt.Appendf(nil, `{"id":%q,"code":%d,"msg":%q}`, in.ID, code, msg)}}
	}
	switch rest {
	case "thing/sub/topo/add", "thing/sub/login":
		var who struct{ ProductID, DeviceName, SasToken string }
		if err := strict(in.Params, &who); err != nil {
			p.violate("%s: %v", topic, err)
		}
		key, known := p.Keys[who.DeviceName]
		switch {
		case !known || who.ProductID != p.ProductID:
			return reply(2401, "no such device")
		case rest == "thing/sub/topo/add":
			if !p.checkToken(who.SasToken, "products/"+p.ProductID+"/devices/"+who.DeviceName, key) {
				return reply(2402, "sasToken")
			}
			p.topology[who.DeviceName] = true
		case !p.topology[who.DeviceName]:
			return reply(2403, "not in the topology")
		default:
			p.online[who.DeviceName] = true
		}
		return reply(200, "success")
	case "thing/sub/logout":
		var who struct{ ProductID, DeviceName string }
		if err := strict(in.Params, &who); err != nil || who.ProductID != p.ProductID {
			p.violate("%s: %v: %s", topic, err, in.Params)
		}
		delete(p.online, who.DeviceName)
		return reply(200, "success")
	case "thing/sub/topo/get":
		if len(in.Params) > 0 {
			p.violate("%s: it has no params: %s", topic, in.Params)
		}
		return p.topologyOf(topic, in.ID)
	case "thing/property/desired/get", "thing/property/desired/delete":
		return p.desired(topic, in.ID, in.Params)
	case "thing/pack/post", "thing/history/post":
		if !p.packs(topic, rest == "thing/history/post", in.Params) {
			return reply(2400, "a property is not valid")
		}
		return reply(200, "success")
	}
	p.violate("topic %s is not one of Studio's", topic)
	return nil
}

func (p *Onenet) packs(topic string, history bool, params json.RawMessage) bool {
	var packs []struct {
		Identity struct {
			ProductID  string `json:"productID"`
			DeviceName string `json:"deviceName"`
		} `json:"identity"` // absent: the gateway
		Properties map[string]json.RawMessage `json:"properties"`
		Events     map[string]json.RawMessage `json:"events"`
	}
	if err := strict(params, &packs); err != nil || len(packs) == 0 || len(packs) > 10 {
		p.violate("%s: %d packs, %v", topic, len(packs), err)
		return false
	}
	good := true
	var all []OnenetPoint
	for _, k := range packs {
		n := 0
		good = good && (p.topology[k.Identity.DeviceName] || k.Identity.DeviceName == "") // what has no identity is the gateway's
		for prefix, group := range map[string]map[string]json.RawMessage{"": k.Properties, "event:": k.Events} {
			for key, raw := range group {
				list := []studioValue{{}}
				var err error
				if history {
					err = strict(raw, &list)
				} else {
					err = strict(raw, &list[0])
				}
				if err != nil || len(list) > 100 {
					p.violate("%s: %s of %s: %v", topic, key, k.Identity.DeviceName, err)
				}
				for _, v := range list {
					n++
					if v.Time < 1e12 {
						p.violate("%s: %s has no time in ms", topic, key)
					}
					good = good && !p.bad(k.Identity.DeviceName, key) && (prefix == "" && p.model.takes(key, string(v.Value)) || prefix != "" && p.model.takesEvent(key, string(v.Value)))
					all = append(all, OnenetPoint{k.Identity.DeviceName, prefix + key, string(v.Value), v.Time})
				}
			}
		}
		if n > 100 {
			p.violate("%s: %d values of one device", topic, n)
		}
	}
	if good {
		for _, v := range all {
			p.store(v)
		}
	}
	return good
}
