package uplinktest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

func (p *DAS) heart(name string, payload []byte, now time.Time) []Out {
	var h struct {
		ID       string `json:"id"`
		Time     int64  `json:"time"`
		Interval *int   `json:"interval"`
	}
	if err := strict(payload, &h); err != nil || h.ID == "" || !dasTime(h.Time, now) || h.Interval != nil && (*h.Interval < 30 || *h.Interval > 1200) {
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.heartbeats++
	return p.respond(name, json.RawMessage(payload))
}

func (p *DAS) ntp(name string, payload []byte, now time.Time) []Out {
	var n struct {
		ID   string `json:"id"`
		Sent int64  `json:"deviceSendTime"`
	}
	if err := strict(payload, &n); err != nil { // the time may be any: that is what is asked
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.checkID(name, n.ID, payload)
	ms := now.UnixMilli()
	return p.respond(name, map[string]any{"id": n.ID, "deviceSendTime": n.Sent, "serverRecvTime": ms, "serverSendTime": ms})
}

// reply checks an answer to a command.
func (p *DAS) reply(name string, payload []byte) {
	p.replies = append(p.replies, Out{p.root() + name, slices.Clone(payload)})
	var r struct {
		Code       *int    `json:"code"`
		ID         string  `json:"id"`
		Message    *string `json:"message"`
		Method     string  `json:"method"`
		Version    string  `json:"version"`
		Identifier *string `json:"identifier"`
		Data       *struct {
			Params map[string]json.RawMessage `json:"params"`
		} `json:"data"`
	}
	if err := strict(payload, &r); err != nil {
		p.violate("%s: %v: %s", name, err, payload)
		return
	}
	if r.Code == nil || r.Message == nil || r.Data == nil || r.Version != "1.0" || r.Method != dasMethods[name] ||
		(r.Identifier != nil) != (name == "thing/service/set/response") {
		p.violate("%s: %s", name, payload)
		return
	}
	if c := *r.Code; !slices.Contains([]int{200, 400, 429, 460}, c) && (c < 100000 || c > 110000) {
		p.violate("%s: code %d", name, c)
	}
	if !p.asked[strings.TrimSuffix(name, "/response")+" "+r.ID] {
		p.violate("%s: id %q was never sent", name, r.ID)
	}
}

// Down gives a message of the platform to the gateway, such as a command; name
// is the topic after the gateway, "thing/properties/set".
func (p *DAS) Down(name, payload string) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	var h struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal([]byte(payload), &h) // a test may send anything
	if p.asked == nil {
		p.asked = map[string]bool{}
	}
	p.asked[name+" "+h.ID] = true
	return Out{p.root() + name, []byte(payload)}
}
