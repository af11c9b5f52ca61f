package uplinktest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	streamPattern = regexp.MustCompile(`^\$?[A-Za-z0-9_.]{1,30}$`)
	keyPattern    = regexp.MustCompile(`^[A-Za-z0-9_.]{1,30}$`)
)

// suite is the old suite's side. Device is empty for the gateway itself.
func (p *Onenet) suite(topic, rest, device string, payload []byte, now time.Time) []Out {
	switch {
	case rest == "dp/post/json":
		if device != "" && !p.online[device] {
			p.violate("%s: the sub-device is not logged in", topic)
			return nil
		}
		return p.dataPoints(topic, device, payload, now)
	case device != "" && rest == "login":
		if _, ok := p.Keys[device]; !ok || len(payload) != 0 {
			return []Out{{topic + "/rejected", []byte(`{"err_code":100,"err_msg":"no such sub-device"}`)}}
		}
		p.online[device] = true
		return []Out{{topic + "/accepted", nil}}
	case device != "" && rest == "logout":
		if len(payload) != 0 {
			p.violate("%s: a payload of %d bytes", topic, len(payload))
		}
		delete(p.online, device)
		return []Out{{topic + "/accepted", nil}}
	case strings.HasPrefix(rest, "cmd/response/"):
		if len(payload) >= 1024 {
			return []Out{{topic + "/rejected", []byte(`{"err_code":99,"err_msg":"payload too big"}`)}}
		}
		p.answers = append(p.answers, string(payload))
		if _, again := p.responses[topic]; again {
			return []Out{{topic + "/rejected", []byte(`{"err_code":113,"err_msg":"cmd id not found"}`)}}
		}
		p.responses[topic] = string(payload)
		return []Out{{topic + "/accepted", nil}}
	}
	p.violate("topic %s is not one of the suite's", topic)
	return nil
}

func (p *Onenet) dataPoints(topic, device string, payload []byte, now time.Time) []Out {
	var in struct {
		ID int64 `json:"id"`
		DP map[string][]struct {
			V json.RawMessage `json:"v"`
			T *int64          `json:"t"`
		} `json:"dp"`
	}
	if err := strict(payload, &in); err != nil || in.ID < 1 || in.ID > 1<<31-1 || len(in.DP) == 0 {
		p.violate("%s: %v: %.200s", topic, err, payload)
		return []Out{{topic + "/rejected", []byte(`{"id":-1,"err_code":98,"err_msg":"Illegal Data"}`)}}
	}
	if p.Unreadable != nil && p.Unreadable(payload) {
		return []Out{{topic + "/rejected", []byte(`{"id":-1,"err_code":98,"err_msg":"Illegal Data"}`)}}
	}
	refused, untimed := false, false
	var all []OnenetPoint
	objects := map[string][]string{} // of streams at seconds: their members
	for stream, points := range in.DP {
		if !streamPattern.MatchString(stream) {
			p.violate("stream %q", stream)
		}
		for _, v := range points {
			if v.T == nil { // it is of now: what comes again would be stored again
				if p.untimed[sum256(topic+string(payload))] {
					p.violate("stream %s: a point without a time comes again", stream)
				}
				arrived := now.Unix()
				v.T, untimed = &arrived, true
			}
			if *v.T < 1e9 || *v.T > 1e11 {
				p.violate("stream %s: a time that is none in s", stream)
				continue
			}
			object := fmt.Sprintf("%s/%s@%d", device, stream, *v.T)
			for key, value := range members(stream, v.V) {
				objects[object] = append(objects[object], key)
				if key != stream && !keyPattern.MatchString(key) {
					p.violate("stream %s: key %q", stream, key)
				}
				refused = refused || p.bad(stream, key)
				dev := device
				if key != stream {
					dev = strings.TrimPrefix(device+"/"+stream, "/")
				}
				all = append(all, OnenetPoint{dev, key, value, *v.T * 1000})
			}
		}
	}
	if untimed {
		p.untimed[sum256(topic+string(payload))] = true
	}
	if p.silent(topic) {
		return nil
	}
	if refused { // the platform takes a message as a whole or not at all
		return []Out{{topic + "/rejected", fmt.Appendf(nil, `{"id":%d,"err_code":98,"err_msg":"Illegal Data"}`, in.ID)}}
	}
	for object, keys := range objects {
		for _, old := range p.objects[object] { // a stream has one value a second
			if !slices.Contains(keys, old) {
				p.violate("%s is replaced without its member %s", object, old)
			}
		}
		p.objects[object] = keys
	}
	for _, v := range all {
		p.store(v)
	}
	return []Out{{topic + "/accepted", fmt.Appendf(nil, `{"id":%d}`, in.ID)}}
}

// members gives the members of an object, or the value itself under the
// stream's name.
func members(stream string, v json.RawMessage) map[string]string {
	var object map[string]json.RawMessage
	out := map[string]string{}
	if json.Unmarshal(v, &object) != nil {
		out[stream] = string(v)
		return out
	}
	for k, v := range object {
		out[k] = string(v)
	}
	return out
}

// Logout ends the login of a sub-device of the old suite, and gives the notice
// of it.
func (p *Onenet) Logout(device string) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.online, device)
	return sent(Out{Topic: "$subdev/" + p.ProductID + "/" + device + "/logout/notify"})
}
