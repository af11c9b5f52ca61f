package uplinktest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
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

// upgrade takes what the gateway says of its software. There is no answer to it.
func (p *DAS) upgrade(name string, payload []byte) {
	var u struct {
		DeviceInfo struct {
			ProductID string `json:"productId"`
			DeviceID  string `json:"deviceId"`
		} `json:"deviceInfo"`
		Data struct {
			Version     string `json:"version"`
			PackageType int    `json:"packageType"`
			Step        string `json:"step"`
			Code        string `json:"upgradePackageCode"`
			Desc        string `json:"desc"`
		} `json:"data"`
	}
	err := strict(payload, &u)
	d := u.Data
	inform := d.Version != "" && (d.PackageType == 1 || d.PackageType == 2) && d.Step+d.Desc == "" // with the package that brought it, or without
	step, bad := strconv.Atoi(d.Step)
	progress := bad == nil && step >= -1 && step <= 100 && d.Code != "" && d.Desc != "" && d.Version == ""
	if err != nil || u.DeviceInfo.ProductID != p.ProductID || u.DeviceInfo.DeviceID != p.DeviceID || (name == "thing/ota/inform") != inform || inform == progress {
		p.violate("%s: %v: %s", name, err, payload)
		return
	}
	switch {
	case inform && d.Code == "":
		p.versions = append(p.versions, d.Version)
	case !slices.Contains(p.pushed, d.Code):
		p.violate("%s: there is no package %q", name, d.Code)
	case inform:
		if want := p.packages[d.Code].version; want != "" && want != d.Version {
			p.violate("%s: package %q brings %s, told is %s", name, d.Code, want, d.Version)
		}
		p.upgraded = append(p.upgraded, d.Code+" runs "+d.Version)
	default:
		if last := p.steps[name+d.Code]; step >= 0 && step < last {
			p.violate("%s: step %d after %d", name, step, last)
		}
		if p.steps == nil {
			p.steps = map[string]int{}
		}
		p.steps[name+d.Code] = step
		kind := strings.TrimSuffix(strings.TrimPrefix(name, "thing/ota/"), "/progress")
		p.upgraded = append(p.upgraded, d.Code+" "+kind+" "+d.Step)
		if step < 0 {
			p.refused = append(p.refused, d.Code)
		}
	}
}

// dasPackage is a package on the platform's server.
type dasPackage struct {
	version string
	push    Out
}

// PushFile gives the push of a package of one file, and remembers it for who
// asks again.
func (p *DAS) PushFile(code, version, name, url string, file []byte) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := md5.Sum(file)
	b, _ := json.Marshal(map[string]any{"data": map[string]any{
		"version": version, "upgradePackageCode": code, "upgradePackageName": "meterd", "signMethod": "MD5", "extData": "", "moduleId": "#0000", "moduleName": "default",
		"files": []map[string]string{{"fileName": name, "fileSize": strconv.Itoa(len(file)), "fileVerification": hex.EncodeToString(sum[:]), "fileUrl": url}},
	}})
	if p.packages == nil {
		p.packages = map[string]dasPackage{}
	}
	out := Out{p.root() + "thing/ota/upgrade", b}
	p.packages[code] = dasPackage{version, out}
	p.pushed = append(p.pushed, code)
	p.steps = nil // a push that comes again begins anew
	return out
}

// Upgrades gives what was told of packages, in its order: "CODE download 20", "CODE upgrade 0",
// "CODE runs VERSION".
func (p *DAS) Upgrades() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.upgraded)
}

// askedAgain gives a package once more.
func (p *DAS) askedAgain(name string, payload []byte) []Out {
	var u struct {
		DeviceInfo struct {
			ProductID string `json:"productId"`
			DeviceID  string `json:"deviceId"`
		} `json:"deviceInfo"`
		Data struct {
			Code string `json:"upgradePackageCode"`
		} `json:"data"`
	}
	err := strict(payload, &u)
	pack, there := p.packages[u.Data.Code]
	if err != nil || !there || u.DeviceInfo.ProductID != p.ProductID || u.DeviceInfo.DeviceID != p.DeviceID {
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.upgraded = append(p.upgraded, u.Data.Code+" asked again")
	p.steps = nil
	return []Out{pack.push}
}

// Push gives the push of a package.
func (p *DAS) Push(code, version string) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pushed = append(p.pushed, code)
	return sent(Out{p.root() + "thing/ota/upgrade", fmt.Appendf(nil, `{"data":{"version":%q,"upgradePackageCode":%q,"upgradePackageName":"meterd","signMethod":"MD5",`+
		`"files":[{"fileName":"meterd.tar.gz","fileSize":"3871360","fileVerification":"761b0b3b0c1d2e3f4a5b6c7d8e9f0a1b","fileUrl":"https://das.example/meterd.tar.gz"}],`+
		`"extData":"","moduleId":"#0000","moduleName":"default"}}`, version, code)})
}

// shadow answers with what is desired and reported.
func (p *DAS) shadow(name string, payload []byte, now time.Time) []Out {
	var q struct {
		ID string `json:"id"`
	}
	if err := strict(payload, &q); err != nil {
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.checkID(name, q.ID, payload)
	desired, reported, since := map[string]any{}, map[string]any{}, map[string]any{}
	for key, w := range p.Desired {
		desired[key] = w.Value
		if w.Reported != "" {
			reported[key] = w.Reported
		}
		if w.Millis != 0 {
			since[key] = map[string]any{"timestamp": w.Millis}
		}
	}
	state, metadata := map[string]any{"reported": reported}, map[string]any{"reported": map[string]any{}}
	if len(desired) > 0 {
		state["desired"], metadata["desired"] = desired, since
	}
	if p.InfoTopic {
		name = "thing/device_info/get"
	}
	return p.respond(name, map[string]any{"id": q.ID, "timestamp": now.UnixMilli(), "state": state, "metadata": metadata})
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
	return sent(Out{p.root() + name, []byte(payload)})
}
