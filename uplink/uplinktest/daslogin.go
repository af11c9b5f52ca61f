package uplinktest

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

var dasHashes = map[string]func() hash.Hash{"hmacmd5": md5.New, "hmacsha1": sha1.New, "hmacsha256": sha256.New}

// dasSign is the document's rule: "name" and "value" of each parameter, by name.
func dasSign(method, key string, params map[string]string) string {
	var pairs []string
	for k, v := range params {
		pairs = append(pairs, k+"\x00"+v)
	}
	sort.Strings(pairs)
	h := hmac.New(dasHashes[method], []byte(key))
	h.Write([]byte(strings.ReplaceAll(strings.Join(pairs, ""), "\x00", "")))
	return hex.EncodeToString(h.Sum(nil))
}

var (
	dasClient = regexp.MustCompile(`^([^|]{1,64})\|([^|]+)\|$`)
	dasDigits = regexp.MustCompile(`^[0-9]{1,19}$`)
)

// Allow checks the credentials of a connect. What stands in the client id must
// be signed.
func (p *DAS) Allow(clientID, username, password string) bool {
	m := dasClient.FindStringSubmatch(clientID)
	if m == nil || username != p.DeviceID+"&"+p.ProductID {
		return false
	}
	ext := map[string]string{}
	for _, pair := range strings.Split(m[2], ",") {
		k, v, ok := strings.Cut(pair, "=")
		if _, twice := ext[k]; !ok || twice || !slices.Contains([]string{"securemode", "signmethod", "timestamp", "exclusive"}, k) {
			return false
		}
		ext[k] = v
	}
	mode := "3"
	if p.TLS {
		mode = "2"
	}
	method := ext["signmethod"]
	if method == "" {
		method = "hmacmd5"
	}
	if ext["securemode"] != mode || dasHashes[method] == nil {
		return false
	}
	params := map[string]string{"clientId": m[1], "productId": p.ProductID, "deviceId": p.DeviceID}
	if stamp, ok := ext["timestamp"]; ok {
		if !dasDigits.MatchString(stamp) {
			return false
		}
		params["timestamp"] = stamp
	}
	return strings.EqualFold(password, dasSign(method, p.DeviceSecret, params))
}

// dasDown are the topics that the platform sends to.
var dasDown = []string{
	"thing/properties/up/response", "thing/properties/gateway/up/response", "thing/properties/gateway/get/all", "thing/properties/set",
	"thing/properties/get", "thing/event/up/response", "thing/service/set", "thing/gateway/login/response", "thing/gateway/logout/response",
	"thing/status/gateway/get/all", "thing/heart/response", "thing/ntp/response",
	"thing/ota/upgrade", "thing/shadow/get/response", "thing/device_info/get/response",
}

// AllowSubscribe tells whether a gateway may subscribe to a filter: to topics
// of its own that the document lists.
func (p *DAS) AllowSubscribe(_, filter string) bool {
	name, ok := strings.CutPrefix(filter, p.root())
	return ok && slices.Contains(dasDown, name)
}

func (p *DAS) find(productID, deviceID string) (DASDevice, bool) {
	for _, d := range p.SubDevices {
		if d.DeviceID == deviceID && d.ProductID == productID {
			return d, true
		}
	}
	return DASDevice{}, false
}

func (p *DAS) login(name string, payload []byte, now time.Time) []Out {
	var l struct {
		ID     string              `json:"id"`
		Params []map[string]string `json:"params"`
	}
	if err := strict(payload, &l); err != nil {
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.checkID(name, l.ID, payload)
	code, silent := p.override(name)
	data := []any{}
	for _, one := range l.Params {
		c := code
		if c == 0 || c == 200 {
			c = p.loginOne(one, now)
		}
		msg := "success"
		if c != 200 {
			msg = "login failed"
		}
		data = append(data, map[string]any{"deviceId": one["deviceId"], "code": c, "msg": msg})
	}
	if len(data) == 0 {
		p.violate("%s: no params", name)
	}
	if silent {
		return nil
	}
	return p.respond(name, map[string]any{"id": l.ID, "data": data})
}

func (p *DAS) loginOne(one map[string]string, now time.Time) int {
	signed := map[string]string{}
	for k, v := range one {
		switch k {
		case "productId", "deviceId", "clientId", "timestamp":
			signed[k] = v
		case "sign", "signMethod":
		default:
			p.violate("login: member %q is not in the document", k)
		}
	}
	if stamp, ok := one["timestamp"]; ok {
		if ms, err := strconv.ParseInt(stamp, 10, 64); err != nil || !dasTime(ms, now) {
			p.violate("login: timestamp %q", stamp)
		}
	}
	dev, ok := p.find(one["productId"], one["deviceId"])
	switch {
	case !ok:
		return 40002
	case dev.Unbound:
		return 40004
	case dasHashes[one["signMethod"]] == nil || dev.Secret == "" || !strings.EqualFold(one["sign"], dasSign(one["signMethod"], dev.Secret, signed)):
		return 40001
	}
	p.loggedIn[dev.DeviceID] = true
	return 200
}

func (p *DAS) logout(name string, payload []byte) []Out {
	var l struct {
		ID     string              `json:"id"`
		Params []map[string]string `json:"params"`
	}
	if err := strict(payload, &l); err != nil {
		p.violate("%s: %v: %s", name, err, payload)
		return nil
	}
	p.checkID(name, l.ID, payload)
	code, silent := p.override(name)
	data := []any{}
	for _, one := range l.Params {
		if len(one) != 1 || one["deviceId"] == "" {
			p.violate("%s: %s", name, payload)
		}
		c, msg := 200, "success"
		switch known := slices.ContainsFunc(p.SubDevices, func(d DASDevice) bool { return d.DeviceID == one["deviceId"] }); {
		case code != 0 && code != 200:
			c, msg = code, "logout failed"
		case !known:
			c, msg = 40002, "no such device"
		default:
			delete(p.loggedIn, one["deviceId"])
		}
		data = append(data, map[string]any{"deviceId": one["deviceId"], "code": c, "msg": msg})
	}
	if silent {
		return nil
	}
	return p.respond(name, map[string]any{"id": l.ID, "data": data})
}
