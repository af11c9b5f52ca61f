package uplinktest

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Onenet is a simulated OneNET, of the old suite or of Studio, without the
// broker. It is written against the document; its methods may be called from
// several goroutines.
type Onenet struct {
	ProductID, Device string
	AccessKey         string            // of the gateway, Base64
	Keys              map[string]string // of the sub-devices, by name
	Studio            bool
	// Bad tells which values the platform refuses: of a stream, or of a
	// device's identifier.
	Bad func(device, key string) bool
	// Stored, if not nil, is called with each value that is stored anew.
	Stored func(OnenetPoint)
	// Unreadable tells that the platform cannot read a message, and refuses it
	// without its id.
	Unreadable func(payload []byte) bool
	// Silent drops an acknowledgement.
	Silent func(topic string) bool
	// Desired are the gateway's desired values, by property.
	Desired map[string]OnenetWish
	// NoWildcard has Studio refuse a subscription to all of its topics at once.
	NoWildcard bool
	// ProductToken has the gateway's token name the product alone.
	ProductToken bool
	// Console names sub-devices that are in the topology without the gateway's
	// doing.
	Console []string

	mu         sync.Mutex
	model      *model                 // that was imported; nil: all is taken
	points     map[string]OnenetPoint // by device, key and time
	repeats    int
	changed    int
	posts      []time.Time
	untimed    map[[32]byte]bool   // messages with points of no time
	objects    map[string][]string // the old suite's, by stream and second: their members
	topology   map[string]bool
	online     map[string]bool
	responses  map[string]string
	answers    []string
	asked      map[string]*onenetAsked // by topic after thing/ and id; nil: a test sends on its own
	listed     string                  // id of the answer with the topology
	synced     int                     // how often the gateway said that it has it
	cleared    []string                // desired values
	filters    int                     // subscriptions of this session
	violations []string
}

// OnenetPoint is a stored value. Device is empty where a stream has its own
// name, and of an object's member the device and the stream; Studio's events are under "event:" and their name.
type OnenetPoint struct {
	Device, Key string
	Value       string
	Millis      int64
}

// OnenetSeen is what the platform has seen.
type OnenetSeen struct {
	Points     []OnenetPoint
	Posts      int
	Repeats    int
	Changed    int // of those, how often the value was another one: the old suite keeps the last of a second
	Online     []string
	Responses  map[string]string // the last answers to commands, by topic
	Answers    []string          // all answers to commands, in their order
	Synced     int               // how often the gateway has taken the topology that it asked for
	Cleared    []string          // desired values that the gateway has cleared
	Violations []string
}

// Seen tells what came so far.
func (p *Onenet) Seen() OnenetSeen {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := OnenetSeen{Posts: len(p.posts), Repeats: p.repeats, Changed: p.changed, Responses: map[string]string{}, Answers: slices.Clone(p.answers), Synced: p.synced, Cleared: slices.Clone(p.cleared), Violations: slices.Clone(p.violations)}
	for _, v := range p.points {
		s.Points = append(s.Points, v)
	}
	for d := range p.online {
		s.Online = append(s.Online, d)
	}
	for k, v := range p.responses {
		s.Responses[k] = v
	}
	return s
}

// Logout ends the login of a sub-device of the old suite, and gives the notice
// of it.
func (p *Onenet) Logout(device string) Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.online, device)
	return sent(Out{Topic: "$subdev/" + p.ProductID + "/" + device + "/logout/notify"})
}

// SetSilent changes Silent while messages come.
func (p *Onenet) SetSilent(silent func(topic string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Silent = silent
}

// SetBad changes Bad while messages come.
func (p *Onenet) SetBad(bad func(device, key string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Bad = bad
}

// Allow checks the credentials of a connect.
func (p *Onenet) Allow(clientID, username, password string) bool {
	p.mu.Lock()
	p.filters = 0
	p.mu.Unlock()
	return clientID == p.Device && username == p.ProductID && p.checkToken(password, "products/"+p.ProductID+p.named(), p.AccessKey)
}

// named is what the token of the gateway names besides the product.
func (p *Onenet) named() string {
	if p.ProductToken {
		return ""
	}
	return "/devices/" + p.Device
}

// checkToken verifies a token by the document's rule.
func (p *Onenet) checkToken(token, resource, key string) bool {
	return checkToken(token, resource, key, "2018-10-31")
}

func checkToken(token, resource, key, version string) bool {
	parts := map[string]string{}
	for _, kv := range strings.Split(token, "&") {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return false
		}
		decoded, err := url.PathUnescape(v)
		if err != nil {
			return false
		}
		parts[k] = decoded
	}
	et, err := strconv.ParseInt(parts["et"], 10, 64)
	hashes := map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New}
	h := hashes[parts["method"]]
	secret, err2 := base64.StdEncoding.DecodeString(key)
	if err != nil || err2 != nil || h == nil || et < time.Now().Unix() || len(parts) != 5 || parts["version"] != version ||
		parts["res"] != resource {
		return false
	}
	mac := hmac.New(h, secret)
	fmt.Fprintf(mac, "%s\n%s\n%s\n%s", parts["et"], parts["method"], parts["res"], parts["version"])
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)) == parts["sign"]
}

// Topics are what the platform listens to.
func (p *Onenet) Topics() []string { return []string{"$sys/#", "$subdev/#"} }

func (p *Onenet) violate(format string, args ...any) {
	if len(p.violations) < 1000 {
		p.violations = append(p.violations, fmt.Sprintf(format, args...))
	}
}

// downlink tells our own messages, which the wildcard brings back.
func downlink(rest string) bool {
	if rest == "logout/notify" {
		return true
	}
	for _, s := range []string{"/accepted", "/rejected", "/reply"} {
		if strings.HasSuffix(rest, s) {
			return true
		}
	}
	return strings.HasPrefix(rest, "cmd/request/") || strings.HasPrefix(rest, "thing/service/") && strings.HasSuffix(rest, "/invoke") || rest == "ota/inform" ||
		slices.Contains([]string{"thing/property/set", "thing/property/get", "thing/sub/property/set", "thing/sub/property/get", "thing/sub/service/invoke", "thing/sub/topo/change"}, rest)
}

// Receive takes a message from a gateway and gives the answers.
func (p *Onenet) Receive(topic string, payload []byte, now time.Time) []Out {
	return exchanged(topic, p.receive(topic, payload, now))
}

func (p *Onenet) receive(topic string, payload []byte, now time.Time) []Out {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.points == nil {
		p.objects, p.untimed = map[string][]string{}, map[[32]byte]bool{}
		p.points, p.topology, p.online, p.responses = map[string]OnenetPoint{}, map[string]bool{}, map[string]bool{}, map[string]string{}
		for _, name := range p.Console {
			p.topology[name] = true
		}
	}
	parts := strings.SplitN(topic, "/", 4)
	if len(parts) != 4 {
		p.violate("topic %s", topic)
		return nil
	}
	rest := parts[3]
	if downlink(rest) {
		return nil
	}
	if parts[1] != p.ProductID || parts[0] == "$sys" && parts[2] != p.Device || strings.Count(topic, "/") > 7 || len(payload) > 256<<10 {
		p.violate("%s with %d bytes", topic, len(payload))
	}
	p.pace(now)
	if p.Studio {
		return p.studio(topic, rest, payload, now)
	}
	device := ""
	if parts[0] == "$subdev" {
		device = parts[2]
	}
	return p.suite(topic, rest, device, payload, now)
}

// pace holds the gateway to the limits beyond which the platform bans it.
func (p *Onenet) pace(now time.Time) {
	per, most := 5*time.Second, 100
	if p.Studio {
		// One a second: what is beyond that is delayed. It is counted over five, since
		// what left in time may arrive together on a busy machine.
		per, most = 5*time.Second, 5+2
	}
	p.posts = append(p.posts, now)
	n := 0
	for i := len(p.posts) - 1; i >= 0 && now.Sub(p.posts[i]) < per; i-- {
		n++
	}
	if n > most {
		p.violate("%d messages in %v", n, per)
	}
}

func (p *Onenet) silent(topic string) bool { return p.Silent != nil && p.Silent(topic) }

func (p *Onenet) bad(device, key string) bool { return p.Bad != nil && p.Bad(device, key) }

func (p *Onenet) store(v OnenetPoint) {
	key := fmt.Sprintf("%s/%s/%d", v.Device, v.Key, v.Millis)
	if old, ok := p.points[key]; ok {
		p.repeats++
		switch {
		case old.Value == v.Value:
		case p.Studio:
			p.violate("%s was %s and is %s", key, old.Value, v.Value)
		default: // two readings may fall into one second
			p.changed++
		}
	} else if p.Stored != nil {
		p.Stored(v)
	}
	p.points[key] = v
}

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
