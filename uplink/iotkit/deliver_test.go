package iotkit_test

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/iotkit"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

var addresses = []dlt645.Address{{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}, {0x20, 0x24, 0x11, 0x20, 0x01, 0x02}, {0x20, 0x24, 0x11, 0x20, 0x01, 0x03}}

const subProduct, gatewayName = "cGCrkK7Ex4FESAwe", "GW01"

func name(i int) string { return "AC" + addresses[i].String() }

type world struct {
	*site.Site
	platform *uplinktest.Iotkit
}

func newWorld(t *testing.T, platform *uplinktest.Iotkit, backfill string) *world {
	t.Helper()
	return newWorldOf(t, platform, func(c *iotkit.Config, _ *site.Config) { c.Backfill = backfill })
}

// newWorldOf changes what it is made of; nil: nothing.
func newWorldOf(t *testing.T, platform *uplinktest.Iotkit, change func(*iotkit.Config, *site.Config)) *world {
	t.Helper()
	platform.Products = map[string]string{"hbtgIA0SuVw9lxjB": "secret", subProduct: "other"}
	c := iotkit.Config{
		ProductKey: "hbtgIA0SuVw9lxjB", ProductSecret: "secret", DeviceName: gatewayName, Model: "MD1", SubProductKey: subProduct, SubModel: "MD1",
	}
	sc := site.Config{
		Platform: platform, Allow: platform.Allow, Subscribed: platform.Subscribed,
		Unsubscribed: platform.Unsubscribed, Opens: platform.On,
		Do: func(c meter.Command) meter.Result {
			if c.Op != meter.OpRead {
				return meter.Result{Outcome: meter.Denied, Text: dlt645.Text{EN: "not here"}}
			}
			return meter.Result{Values: []meter.PointValue{{Point: c.Points[0], Value: decimal(2201, 1)}}}
		},
	}
	if platform.Answer != nil { // some answers are lost, and what comes again is counted
		sc.Wait = 3 * time.Second
	}
	if change != nil {
		change(&c, &sc)
	}
	var devices []uplink.Device
	for i, a := range addresses {
		devices = append(devices, site.Meter(a, name(i)))
	}
	c.Directory = site.Directory(t, uplink.DirectoryConfig{Devices: devices})
	if err := iotkit.Check(c); err != nil {
		t.Fatal(err)
	}
	sc.Dialect = iotkit.New(c)
	return &world{platform: platform, Site: site.New(t, sc)}
}

func decimal(coef int64, scale uint8) dlt645.Value {
	return dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: coef, Scale: scale}}
}

// add puts n readings of each meter into the ring.
func (s *world) add(t *testing.T, n int, at time.Time) {
	t.Helper()
	for i := range n {
		for _, a := range addresses {
			r := meter.Reading{Meter: a, Time: at, Round: at, Trusted: true, Values: []meter.PointValue{
				{Point: "voltage.a", Value: decimal(int64(2000+i), 1)}, {Point: "frequency", Value: decimal(5000, 2)},
			}}
			s.Add(t, &r)
		}
	}
}

var names = []string{name(0), name(1), name(2)}

func TestBacklogReachesThePlatform(t *testing.T) {
	for _, onS := range []bool{false, true} {
		t.Run(fmt.Sprintf("replies on s %v", onS), func(t *testing.T) {
			s := newWorld(t, &uplinktest.Iotkit{ReplyOnS: onS}, "")
			s.add(t, 50, time.Now())
			s.Add(t, &meter.Event{Meter: addresses[1], Time: time.Unix(1700000000, 0), Trusted: true, Kind: meter.EventOnline})
			s.Add(t, &meter.Event{Time: time.Unix(1700000000, 0), Trusted: true, Kind: meter.EventTime, Text: "broadcast"})
			s.Drained(t)
			seen := s.platform.Seen()
			if len(seen.Violations) > 0 || seen.Repeats > 0 || seen.Registers != 3 || !slices.Equal(seen.Online, names) || len(seen.Posts) != 3*50+2 {
				t.Errorf("%d posts, %d repeats, %d registrations, online %v, violations %v", len(seen.Posts), seen.Repeats, seen.Registers, seen.Online, seen.Violations)
			}
			count := map[string]int{}
			for _, p := range seen.Posts {
				count[p.Device+" "+p.Event+" "+p.Params["voltage_a"]+" "+p.Params["time"]]++
			}
			for _, n := range names {
				for i := range 50 {
					if key := fmt.Sprintf("%s  %d.%d ", n, 200+i/10, i%10); count[key] != 1 {
						t.Fatalf("%q was stored %d times: %v", key, count[key], count)
					}
				}
			}
			if count[name(1)+" meter_online  1700000000000"] != 1 || count[gatewayName+" time  1700000000000"] != 1 {
				t.Errorf("the events are missing: %v", count)
			}
		})
	}
}

func TestOldReadingsByPolicy(t *testing.T) {
	for backfill, want := range map[string]string{iotkit.BackfillLatest: "", iotkit.BackfillAll: "property", iotkit.BackfillEvent: "history"} {
		t.Run(backfill, func(t *testing.T) {
			s := newWorld(t, &uplinktest.Iotkit{}, backfill)
			s.add(t, 2, time.Unix(1700000000, 0))
			s.Drained(t)
			seen := s.platform.Seen()
			n := 0
			for _, p := range seen.Posts {
				if want == "property" && p.Event == "" && p.Params["time"] == "" || want == "history" && p.Event == "history" && p.Params["time"] == "1700000000000" {
					n++
				}
			}
			if len(seen.Violations) > 0 || want == "" && len(seen.Posts) != 0 || want != "" && n != 6 {
				t.Errorf("%d of %d posts, violations %v", n, len(seen.Posts), seen.Violations)
			}
			if withheld := s.Uplink.State().Counts.Withheld; (withheld == 12) != (want == "") {
				t.Errorf("%d values are withheld", withheld)
			}
		})
	}
}

// TestRegistrationsThatFail: the second meter is refused at first, without an
// id; the third gets no answer at first. The first one's readings go ahead,
// and all of them come to be stored.
func TestRegistrationsThatFail(t *testing.T) {
	t.Parallel()
	for _, onS := range []bool{false, true} {
		t.Run(fmt.Sprintf("replies on s %v", onS), func(t *testing.T) {
			t.Parallel()
			var refused, silent atomic.Int32
			platform := &uplinktest.Iotkit{ReplyOnS: onS}
			platform.Answer = func(what, device string) (int, bool) {
				switch {
				case what == "register" && device == name(1) && refused.Add(1) == 1:
					return 500, false
				case what == "register" && device == name(2) && silent.Add(1) == 1:
					return 0, true
				}
				return 0, false
			}
			s := newWorld(t, platform, "")
			s.add(t, 5, time.Now())
			s.Drained(t)
			seen := s.platform.Seen()
			if len(seen.Violations) > 0 || len(seen.Posts) != 15 || !slices.Equal(seen.Online, names) || seen.Registers != 5 {
				t.Errorf("%d posts, %d registrations, online %v, violations %v", len(seen.Posts), seen.Registers, seen.Online, seen.Violations)
			}
		})
	}
}

// TestAMeterWhoseTopicIsRefusedHoldsUpOnlyItself: it is told as not registered,
// the others are delivered on the same connection, and it comes when its topic is
// granted.
func TestAMeterWhoseTopicIsRefusedHoldsUpOnlyItself(t *testing.T) {
	t.Parallel()
	var granted atomic.Bool
	var connects, asked atomic.Int32
	platform := &uplinktest.Iotkit{}
	s := newWorldOf(t, platform, func(_ *iotkit.Config, c *site.Config) {
		allow, subscribed := c.Allow, c.Subscribed
		c.Allow = func(id, user, password string) bool {
			connects.Add(1)
			return allow(id, user, password)
		}
		c.Subscribed = func(client, filter string) bool {
			if strings.Contains(filter, name(1)) {
				if asked.Add(1); !granted.Load() {
					return false
				}
			}
			return subscribed(client, filter)
		}
	})
	s.add(t, 5, time.Now())
	s.Until(t, "delivered but for one meter", func() bool { return len(platform.Seen().Posts) == 10 && asked.Load() > 1 })
	if why := s.Uplink.State().Unregistered[addresses[1]]; !strings.Contains(why, "refused by the broker") {
		t.Errorf("it is told: %q", why)
	}
	granted.Store(true)
	s.Drained(t)
	seen := platform.Seen()
	if n := connects.Load(); n != 1 || len(seen.Posts) != 15 || len(seen.Violations) > 0 {
		t.Errorf("%d connects, %d posts, violations %v", n, len(seen.Posts), seen.Violations)
	}
}

// TestPostsThatAreNotAnsweredOrRefused: nothing is lost; what was not answered
// is stored twice, since the platform knows no repeats.
func TestPostsThatAreNotAnsweredOrRefused(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	platform := &uplinktest.Iotkit{}
	platform.Answer = func(what, _ string) (int, bool) {
		if what != "post" {
			return 0, false
		}
		switch n.Add(1) {
		case 3:
			return 0, true
		case 5:
			return 1, false
		}
		return 0, false
	}
	s := newWorld(t, platform, "")
	s.add(t, 4, time.Now())
	s.Drained(t)
	seen := s.platform.Seen()
	// The one without an answer comes twice; the refused one once again, after
	// its meter was registered again.
	if len(seen.Violations) > 0 || len(seen.Posts) != 13 || seen.Repeats != 2 || seen.Registers != 4 {
		t.Errorf("%d posts, %d repeats, %d registrations, violations %v", len(seen.Posts), seen.Repeats, seen.Registers, seen.Violations)
	}
}

// TestDeregisteredMeterComesBack after a pause. Nothing is posted meanwhile,
// which the platform would drop.
func TestDeregisteredMeterComesBack(t *testing.T) {
	s := newWorld(t, &uplinktest.Iotkit{}, "")
	s.add(t, 1, time.Now())
	s.Drained(t)
	out, ok := s.platform.Deregister(name(0), "77")
	if !ok {
		t.Fatal("not deregistered")
	}
	s.Publish(t, out)
	s.Until(t, "answered", func() bool { return len(s.platform.Seen().Replies) == 1 })
	s.add(t, 1, time.Now())
	s.Drained(t)
	seen := s.platform.Seen()
	if len(seen.Violations) > 0 || len(seen.Posts) != 6 || seen.Unstored != 0 || seen.Registers != 4 {
		t.Errorf("%d posts, %d not stored, %d registrations, violations %v", len(seen.Posts), seen.Unstored, seen.Registers, seen.Violations)
	}
}

// TestMetersGoOfflineWithThePlannedEnd: to the platform a meter is online until
// its topic is left, whatever becomes of the connection. So one that has
// left the configuration is offline when the daemon has started anew.
func TestMetersGoOfflineWithThePlannedEnd(t *testing.T) {
	s := newWorld(t, &uplinktest.Iotkit{}, "")
	s.add(t, 1, time.Now())
	s.Drained(t)
	if got := s.platform.Seen().Online; len(got) != 3 {
		t.Fatalf("online: %v", got)
	}
	s.End()
	s.Until(t, "offline", func() bool { return len(s.platform.Seen().Online) == 0 }) // the end waits for the broker for a moment only
	if seen := s.platform.Seen(); len(seen.Online) != 0 || len(seen.Registered) != 3 || len(seen.Violations) > 0 {
		t.Errorf("online after the end: %v, registered %v, violations %v", seen.Online, seen.Registered, seen.Violations)
	}
}

func TestCommandsAreAnswered(t *testing.T) {
	s := newWorld(t, &uplinktest.Iotkit{}, "")
	s.add(t, 1, time.Now())
	s.Drained(t)
	for i, c := range []struct{ service, params, want string }{
		{"property/get", `["voltage_a"]`, `"data":{"voltage_a":220.1},"params":{"voltage_a":220.1}`},
		{"property/set", `{"relay":1}`, `"code":403,"message":"not here"`},
		{"freeze", `{}`, `"code":403`},
		{"nothing", `{}`, `"code":404`},
	} {
		s.Publish(t, s.platform.Command(subProduct, name(2), c.service, fmt.Sprint(100+i), c.params))
		s.Until(t, "answered", func() bool { return len(s.platform.Seen().Replies) == i+1 })
		if got := s.platform.Seen().Replies[i]; !strings.Contains(got, c.want) {
			t.Errorf("%s %s is answered %s", c.service, c.params, got)
		}
	}
	if v := s.platform.Seen().Violations; len(v) > 0 {
		t.Error(v)
	}
}

// takeOver connects as the gateway, which ends the gateway's own connection.
func (s *world) takeOver(t *testing.T) {
	t.Helper()
	l := iotkit.New(iotkit.Config{ProductKey: "hbtgIA0SuVw9lxjB", ProductSecret: "secret", DeviceName: gatewayName, Model: "MD1"}).Login(time.Now())
	c, err := net.Dial("tcp", s.Broker.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := []byte{0, 4, 'M', 'Q', 'T', 'T', 4, 0xC2, 0, 60}
	for _, field := range []string{l.ClientID, l.Username, l.Password} {
		b = append(append(b, 0, byte(len(field))), field...)
	}
	if _, err := c.Write(append([]byte{0x10, byte(len(b))}, b...)); err != nil {
		t.Fatal(err)
	}
	var ack [4]byte
	if _, err := io.ReadFull(c, ack[:]); err != nil || ack != [4]byte{0x20, 2, 0, 0} {
		t.Fatalf("CONNACK % X, %v", ack, err)
	}
}

// TestReconnect: the platform keeps no session; every meter is registered and
// subscribed to again.
func TestReconnect(t *testing.T) {
	t.Parallel()
	s := newWorld(t, &uplinktest.Iotkit{}, "")
	s.add(t, 1, time.Now())
	s.Drained(t)
	s.takeOver(t)
	s.Until(t, "disconnected", func() bool { return !s.Uplink.State().Connected })
	s.add(t, 1, time.Now())
	s.Drained(t)
	seen := s.platform.Seen()
	if len(seen.Violations) > 0 || len(seen.Posts) != 6 || seen.Registers != 6 || !slices.Equal(seen.Online, names) {
		t.Errorf("%d posts, %d registrations, online %v, violations %v", len(seen.Posts), seen.Registers, seen.Online, seen.Violations)
	}
}

// TestSimulatedPlatformIsStrict holds the simulated platform itself to the
// document: what is not allowed is a violation, and is not stored.
func TestSimulatedPlatformIsStrict(t *testing.T) {
	const gw, sub = "/sys/hbtgIA0SuVw9lxjB/GW01", "/sys/" + subProduct + "/M1"
	online := func() *uplinktest.Iotkit {
		p := &uplinktest.Iotkit{Products: map[string]string{"hbtgIA0SuVw9lxjB": "secret", subProduct: "other"}}
		l := iotkit.New(iotkit.Config{ProductKey: "hbtgIA0SuVw9lxjB", ProductSecret: "secret", DeviceName: gatewayName, Model: "MD1"}).Login(time.Now())
		register := `{"id":"1","method":"thing.lifetime.register","params":{"productKey":"` + subProduct + `","deviceName":"M1","model":"m"}}`
		if !p.Allow(l.ClientID, l.Username, l.Password) || !p.Subscribed(l.ClientID, gw+"/c/#") {
			t.Fatal("the gateway does not come online")
		}
		out := p.Receive(gw+"/s/register", []byte(register), time.Now())
		if len(out) != 1 || out[0].Topic != gw+"/c/register_reply" || !p.Subscribed(l.ClientID, sub+"/c/#") {
			t.Fatalf("the meter does not come online: %s", out)
		}
		return p
	}
	const post = `{"id":"2","method":"thing.event.property.post","params":{"voltage":220.1}}`
	good := online()
	if out := good.Receive(sub+"/s/event/property/post", []byte(post), time.Now()); len(out) != 1 || len(good.Seen().Violations) > 0 || len(good.Seen().Posts) != 1 {
		t.Fatalf("a good post: %s, %+v", out, good.Seen())
	}
	for _, c := range []struct{ topic, payload, want string }{
		{"sys/a/b/s/event/property/post", post, "topic"},
		{sub + "/s/property/post", post, "not one of the document's"},
		{sub + "/s/event/property/post", `[` + post + `]`, "cannot unmarshal"},
		{sub + "/s/event/property/post", post + post, "more than one value"},
		{sub + "/s/event/property/post", ``, "EOF"},
		{sub + "/s/event/property/post", `{"id":"2","method":"thing.event.property.post","params":{"a":1},"time":1}`, "unknown field"},
		{sub + "/s/event/property/post", `{"id":2,"method":"thing.event.property.post","params":{"a":1}}`, "cannot unmarshal"},
		{sub + "/s/event/property/post", `{"id":"2a","method":"thing.event.property.post","params":{"a":1}}`, "decimal string"},
		{sub + "/s/event/property/post", `{"method":"thing.event.property.post","params":{"a":1}}`, "decimal string"},
		{sub + "/s/event/property/post", `{"id":"2","method":"thing.event.history","params":{"a":1}}`, "method"},
		{sub + "/s/event/history", post, "method"},
		{sub + "/s/event/property/post", `{"id":"2","method":"thing.event.property.post","params":[1]}`, "params is no object"},
		{sub + "/s/event/property/post", `{"id":"2","method":"thing.event.property.post","params":{}}`, "params {}"},
		{sub + "/s/event/property/post", `{"id":"2","method":"thing.event.property.post","params":{"a.b":1}}`, "no identifier"},
		{sub + "/s/event/property/post", `{"id":"2","method":"thing.event.property.post","params":{"a":{"b":1}}}`, "no number"},
		{sub + "/s/event/property/post", `{"id":"1","method":"thing.event.property.post","params":{"a":1}}`, "two contents"},
		{sub + "/s/event/property/post", `{"id":"2","method":"thing.event.property.post","params":{"a":"` + strings.Repeat("x", 8000) + `"}}`, "drops the connection"},
		{"/sys/" + subProduct + "/M2/s/event/property/post", post, "no gateway has such a device"},
		{"/sys/other/M1/s/event/property/post", post, "another product"},
		{gw + "/s/register", `{"id":"2","method":"thing.lifetime.register","params":{"productKey":"` + subProduct + `","deviceName":"M2"}}`, "register"},
		{gw + "/s/register", `{"id":"2","method":"thing.lifetime.register","params":{"productKey":"nobody","deviceName":"M2","model":"m"}}`, "no product"},
		{gw + "/s/register", `{"id":"2","method":"thing.lifetime.register","params":{"productKey":"hbtgIA0SuVw9lxjB","deviceName":"M2","model":"m"}}`, "EnjoyIot"},
		{gw + "/s/register", `{"id":"2","method":"thing.register","params":{"productKey":"` + subProduct + `","deviceName":"M2","model":"m"}}`, "register"},
		{"/sys/a/b/s/register", `{"id":"2","method":"thing.lifetime.register","params":{"productKey":"` + subProduct + `","deviceName":"M2","model":"m"}}`, "no such gateway"},
		{sub + "/s/service/property/set_reply", `{"id":"9","method":"thing.service.property.set_reply","code":0,"data":{},"params":{}}`, "answer to nothing"},
		{sub + "/s/service/property/set_reply", `{"id":"8","method":"thing.service.property.set_reply","code":0,"data":{}}`, "not the same"},
		{sub + "/s/service/property/set_reply", `{"id":"8","method":"thing.service.property.set_reply","data":{},"params":{}}`, "code or message"},
		{sub + "/s/service/property/get_reply", `{"id":"7","method":"thing.service.property.get_reply","code":0,"data":{},"params":{}}`, "was asked for"},
	} {
		p := online()
		p.Command(subProduct, "M1", "property/set", "8", `{"a":1}`)
		p.Command(subProduct, "M1", "property/get", "7", `["a"]`)
		p.Receive(c.topic, []byte(c.payload), time.Now())
		v := p.Seen().Violations
		if len(v) == 0 || !strings.Contains(v[0], c.want) {
			t.Errorf("%s %.100s: violations %v, want %q", c.topic, c.payload, v, c.want)
		}
	}
	p := online()
	for _, filter := range []string{"#", "/sys/+/+/c/#", "/sys/" + subProduct + "/M2/c/#", "/sys/other/M1/c/#"} {
		if p.Subscribed("hbtgIA0SuVw9lxjB_GW01_MD1", filter) || len(p.Seen().Violations) == 0 {
			t.Errorf("%s is granted", filter)
		}
	}
	if p.Subscribed("another", sub+"/c/#") {
		t.Error("another gateway's meter is granted")
	}
}

// TestADeadMeterLeavesItsTopic, and comes back to it when it answers.
func TestADeadMeterLeavesItsTopic(t *testing.T) {
	t.Parallel()
	var line site.Line
	s := newWorldOf(t, &uplinktest.Iotkit{}, func(_ *iotkit.Config, c *site.Config) { c.Meters = line.Meters })
	line.ComesAndGoes(t, s.Site, addresses[1], func() bool { return len(s.platform.Seen().Online) == 1 }, func() {
		s.Add(t, &meter.Event{Meter: addresses[1], Time: time.Now(), Trusted: true, Kind: meter.EventOffline, Text: "silence"})
	})
	if v := s.platform.Seen().Violations; len(v) > 0 {
		t.Errorf("violations: %v", v)
	}
}
