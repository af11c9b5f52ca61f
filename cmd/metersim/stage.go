package main

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"meterd/uplink/uplinktest"
)

// stage is a simulated platform that the demo and the end-to-end runs play
// on, with what the configuration says of it.
type stage struct {
	simulated
	kind, gateway string
	username      string // where it has none in the table of its kind
	password      string // with that; "": none
	table         string // of the kind in the configuration
	devices       string // [[uplink.device]] entries
	wants         func(answer) []wanted

	// trouble has the platform misbehave from now on.
	trouble func(f stageFaults)

	mu     sync.Mutex
	values []stored
}

// stageFaults are the rates at which a platform gives no answer to a report,
// or one that tells of trouble.
type stageFaults struct{ silent, busy float64 }

// next draws what becomes of a report: the code for trouble or 0, and whether
// there is an answer.
func (f stageFaults) next(busy int) (code int, silent bool) {
	switch r := mathrand.Float64(); {
	case r < f.silent:
		return 0, true
	case r < f.silent+f.busy:
		return busy, false
	}
	return 0, false
}

func (f *stageFaults) set(s string) error {
	name, text, given := strings.Cut(s, "=")
	rate := 0.2
	if given {
		var err error
		if rate, err = strconv.ParseFloat(text, 64); err != nil || !(rate >= 0 && rate < 1) {
			return fmt.Errorf("rate %q is not between 0 and 1", text)
		}
	}
	switch name {
	case "silent":
		f.silent = rate
	case "busy":
		f.busy = rate
	default:
		return fmt.Errorf("unknown fault %q: know silent, busy", name)
	}
	return nil
}

// stages are the platforms, by their kinds.
var stages = map[string]func(gateway string, meters []string) *stage{
	"tuya": tuyaStage, "onenet": onenetStage, "onenet-studio": studioStage, "das": dasStage, "iotkit": iotkitStage, "mqtt": ownStage,
}

// stageNames are the kinds.
func stageNames() string { return "tuya, onenet, onenet-studio, das, iotkit, mqtt" }

// put notes a stored value.
func (s *stage) put(meter, item, value string, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = append(s.values, stored{meter, item, value, t, time.Now()})
}

// seen gives the values that are stored so far.
func (s *stage) seen() []stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.values)
}

// config gives the configuration's part on this platform, named by its kind.
func (s *stage) config(broker string) string {
	user := ""
	if s.username != "" {
		user = fmt.Sprintf("username = %q\n", s.username)
	}
	if s.password != "" {
		user += fmt.Sprintf("password = %q\n", s.password)
	}
	return fmt.Sprintf("[[uplink]]\nname     = %q\nkind     = %q\nbroker   = \"tcp://%s\"\n%s[uplink.%s]\n%s%s",
		s.kind, s.kind, broker, user, strings.TrimSuffix(s.kind, "-studio"), s.table, s.devices)
}

func tuyaStage(gateway string, _ []string) *stage {
	p := &uplinktest.Tuya{}
	s := &stage{kind: "tuya", gateway: gateway, username: "vendor01", table: "product_id = \"abcd1234\"\n", wants: asTuya}
	p.Stored = func(r uplinktest.Report) { s.put(r.CID, r.DP, r.Value, time.Unix(r.T, 0)) }
	s.trouble = func(f stageFaults) {
		p.SetAnswer(func(what, _, _ string) (int, bool) {
			if what != "report" {
				return 0, false
			}
			return f.next(500)
		})
	}
	s.simulated = simulated{
		Platform: p,
		rules:    uplinktest.Rules{Allow: func(id, user, password string) bool { return password == uplinktest.Password(id, user) }},
		tally: func() (int, []string) {
			seen := p.Seen()
			return seen.Repeats, seen.Violations
		},
	}
	return s
}

// Secrets of the simulated platforms, good for nothing else.
const (
	stageProduct = "469948"
	stageKey     = "bWV0ZXJzaW0="
	stageSecret  = "metersim"
)

// keyed gives each meter a secret of its own.
func keyed(meters []string) (entries string, keys map[string]string) {
	keys = map[string]string{}
	for i, m := range meters {
		keys[m] = fmt.Sprintf("a2V5%02dMD", i)[:8] // eight letters and digits are good Base64
		entries += fmt.Sprintf("[[uplink.device]]\nmeter = %q\nkey = %q\n", meterName(i), keys[m])
	}
	return entries, keys
}

// meterName is the name of a meter in the configuration.
func meterName(i int) string { return fmt.Sprintf("Unit %d", 101+i) }

func onenetSimulation(s *stage, studio bool, keys map[string]string) {
	p := &uplinktest.Onenet{ProductID: stageProduct, Device: s.gateway, AccessKey: stageKey, Keys: keys, Studio: studio}
	p.Stored = func(v uplinktest.OnenetPoint) { s.put(v.Device, v.Key, v.Value, time.UnixMilli(v.Millis)) }
	s.simulated = simulated{Platform: p, rules: uplinktest.Rules{Allow: p.Allow}, tally: func() (int, []string) {
		seen := p.Seen()
		return seen.Repeats, seen.Violations
	}}
	s.trouble = func(f stageFaults) { // it knows no code for trouble
		p.SetSilent(func(string) bool {
			_, silent := f.next(0)
			return silent
		})
	}
	s.wants = plainly
	s.table = fmt.Sprintf("product_id = %q\ndevice = %q\naccess_key = %q\n", stageProduct, s.gateway, stageKey)
}

func onenetStage(gateway string, _ []string) *stage {
	s := &stage{kind: "onenet", gateway: gateway}
	onenetSimulation(s, false, nil)
	return s
}

// subdevStage is the old suite with each meter as a sub-device.
func subdevStage(gateway string, meters []string) *stage {
	s := &stage{kind: "onenet", gateway: gateway}
	entries, keys := keyed(meters)
	onenetSimulation(s, false, keys)
	s.table += "streams = \"subdev\"\n"
	s.devices = entries
	return s
}

func studioStage(gateway string, meters []string) *stage {
	s := &stage{kind: "onenet-studio", gateway: gateway}
	entries, keys := keyed(meters)
	onenetSimulation(s, true, keys)
	s.devices = entries
	return s
}

func dasStage(gateway string, meters []string) *stage {
	s := &stage{kind: "das", gateway: gateway, wants: plainly}
	entries, keys := keyed(meters)
	p := &uplinktest.DAS{ProductID: "pk", DeviceID: "device", DeviceSecret: stageSecret}
	for _, m := range meters {
		p.SubDevices = append(p.SubDevices, uplinktest.DASDevice{ProductID: "pk", DeviceID: m, Secret: keys[m]})
	}
	p.Stored = func(v uplinktest.DASValue) { s.put(v.Device, v.Identifier, v.Value, time.UnixMilli(v.Time)) }
	s.simulated = simulated{Platform: p, rules: uplinktest.Rules{Allow: p.Allow, Subscribe: p.AllowSubscribe}, tally: func() (int, []string) {
		seen := p.Seen()
		return seen.Repeats, seen.Violations
	}}
	s.trouble = func(f stageFaults) {
		p.SetFaults(func(topic string) (int, bool) {
			if topic != "thing/properties/gateway/up" {
				return 0, false
			}
			return f.next(429)
		}, nil)
	}
	s.table = fmt.Sprintf("product_id = \"pk\"\ndevice_id = \"device\"\ndevice_secret = %q\n", stageSecret)
	s.devices = entries
	return s
}

const (
	iotkitProduct = "hbtgIA0SuVw9lxjB"
	iotkitSub     = "cGCrkK7Ex4FESAwe"
)

func iotkitStage(gateway string, _ []string) *stage {
	s := &stage{kind: "iotkit", gateway: gateway, wants: plainly}
	p := &uplinktest.Iotkit{Products: map[string]string{iotkitProduct: stageSecret, iotkitSub: "nobody asks for it"}}
	p.Stored = func(v uplinktest.IotkitPost) {
		if v.Event == "" { // without a time: the platform takes that of the arrival
			for key, value := range v.Params {
				s.put(v.Device, key, value, time.Time{})
			}
		}
	}
	s.simulated = simulated{
		Platform: p, rules: uplinktest.Rules{Allow: p.Allow, Subscribe: p.Subscribed, Unsubscribed: p.Unsubscribed, Opens: p.On},
		tally: func() (int, []string) {
			seen := p.Seen()
			return seen.Repeats, seen.Violations
		},
	}
	s.trouble = func(f stageFaults) {
		p.SetAnswer(func(what, _ string) (int, bool) {
			if what != "post" {
				return 0, false
			}
			return f.next(503)
		})
	}
	s.table = fmt.Sprintf("product_key = %q\nproduct_secret = %q\ndevice_name = %q\nmodel = \"MD1\"\nsub_product_key = %q\nsub_model = \"MD1\"\n",
		iotkitProduct, stageSecret, gateway, iotkitSub)
	return s
}

// ownStage is a broker of one's own, with a consumer that answers what it has
// stored, and Home Assistant.
func ownStage(gateway string, _ []string) *stage {
	s := &stage{kind: "mqtt", gateway: gateway, username: gateway, password: stageSecret, wants: plainly, table: "acknowledge = \"reply\"\ndiscovery = \"homeassistant\"\n"}
	p := &uplinktest.Consumer{Gateway: gateway, Prefix: "meterd", Layout: "json", Reply: true}
	p.Stored = func(v uplinktest.ConsumerValue) { s.put(v.Meter, v.Key, v.Value, time.UnixMilli(v.Millis)) }
	s.simulated = simulated{
		Platform: p, rules: uplinktest.Rules{Allow: func(_, user, password string) bool { return user == gateway && password == stageSecret }, Published: p.Published},
		tally: func() (int, []string) {
			seen := p.Seen()
			return seen.Repeats, seen.Violations
		},
	}
	s.trouble = func(f stageFaults) { // it knows no code for trouble
		p.SetFaults(func(string) bool {
			_, silent := f.next(0)
			return silent
		}, nil)
	}
	return s
}

// cloud is a simulated platform with its embedded broker.
type cloud struct {
	*simulated
	addr     string
	secret   string
	broker   *uplinktest.Broker
	attached *uplinktest.Attachment
}

// startOwnCloud starts one whose broker goes and comes back: nobody else may listen
// there meanwhile.
func startOwnCloud(p *simulated) (*cloud, error) {
	addr, err := uplinktest.FreePort()
	if err != nil {
		return nil, err
	}
	return startCloud(p, addr)
}

func startCloud(p *simulated, listen string) (*cloud, error) {
	c := &cloud{simulated: p, addr: listen, secret: rand.Text()}
	if err := c.startBroker(); err != nil {
		return nil, err
	}
	c.addr = c.broker.Addr()
	var err error
	c.attached, err = uplinktest.AttachEmbedded(c.simulated, c.addr, c.secret)
	return c, err
}

// startBroker starts the broker, also again after stopBroker.
func (c *cloud) startBroker() error {
	b, err := uplinktest.NewBroker(c.addr, c.secret, c.rules)
	if err != nil {
		return err
	}
	c.broker = b
	return nil
}

func (c *cloud) stopBroker() error { return c.broker.Close() }

func (c *cloud) close() {
	c.attached.Close()
	c.broker.Close()
}
