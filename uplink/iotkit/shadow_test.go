package iotkit_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/iotkit"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

// fork is a world of EnjoyIot, with shadows, whose commands succeed. It tells
// which commands were carried out.
func fork(t *testing.T, platform *uplinktest.Iotkit, change func(*iotkit.Config)) (*world, chan meter.Command) {
	t.Helper()
	platform.Enjoyiot = true
	done := make(chan meter.Command, 64)
	return newWorldOf(t, platform, func(c *iotkit.Config, s *site.Config) {
		c.Enjoyiot, c.Shadow = true, true
		if change != nil {
			change(c)
		}
		s.Do = func(cmd meter.Command) meter.Result {
			done <- cmd
			return meter.Result{}
		}
		s.Meters = func() (all []meter.MeterState) {
			for _, a := range addresses {
				all = append(all, meter.MeterState{Address: a, Known: true, Online: true})
			}
			return all
		}
	}), done
}

func clean(t *testing.T, p *uplinktest.Iotkit) uplinktest.IotkitSeen {
	t.Helper()
	seen := p.Seen()
	if len(seen.Violations) > 0 {
		t.Errorf("violations: %v", seen.Violations)
	}
	return seen
}

// TestWhatOneForkAloneDescribesIsOffByDefault: neither topology nor shadow is
// asked for, and a change of the topology is passed over.
func TestWhatOneForkAloneDescribesIsOffByDefault(t *testing.T) {
	t.Parallel()
	s := newWorld(t, &uplinktest.Iotkit{}, "")
	s.add(t, 1, time.Now())
	s.Drained(t)
	s.Publish(t, s.platform.TopologyChange("hbtgIA0SuVw9lxjB", gatewayName, "9", 8, name(0)))
	s.Publish(t, s.platform.Configure("hbtgIA0SuVw9lxjB", gatewayName, "10"))
	s.Publish(t, s.platform.Configure(subProduct, name(1), "11"))
	s.Until(t, "the configurations answered", func() bool { return len(s.platform.Seen().Replies) == 2 })
	seen := clean(t, s.platform)
	if seen.Listed != 0 || len(seen.Told) != 0 || !strings.Contains(seen.Replies[0], `"id":"10","method":"thing.config.set_reply","code":403`) || !strings.Contains(seen.Replies[1], `"id":"11"`) {
		t.Errorf("asked for the topology %d times, answered %v", seen.Listed, seen.Replies)
	}
}

// TestAMeterThatTheTopologyLacksIsRegisteredAgain, after a pause.
func TestAMeterThatTheTopologyLacksIsRegisteredAgain(t *testing.T) {
	t.Parallel()
	var hidden atomic.Bool
	hidden.Store(true)
	platform := &uplinktest.Iotkit{}
	platform.Hidden = func(device string) bool { return device == name(1) && hidden.Load() }
	s, _ := fork(t, platform, nil)
	s.Until(t, "registered again", func() bool { seen := platform.Seen(); return seen.Listed == 1 && seen.Registers == 4 })
	s.add(t, 1, time.Now())
	s.Drained(t)
	if seen := clean(t, platform); len(seen.Posts) != 3 || !slices.Equal(seen.Online, names) || seen.Listed != 1 {
		t.Errorf("%d posts, online %v, the topology asked for %d times", len(seen.Posts), seen.Online, seen.Listed)
	}
}

// TestChangesOfTheTopology: a meter that is deleted is registered again, one
// that is disabled not before it is enabled: nothing of it is lost meanwhile.
func TestChangesOfTheTopology(t *testing.T) {
	t.Parallel()
	platform := &uplinktest.Iotkit{}
	s, _ := fork(t, platform, nil)
	gone := func(i int) func() bool {
		return func() bool { return s.Uplink.State().Unregistered[addresses[i]] != "" }
	}
	s.Until(t, "online", func() bool { return len(platform.Seen().Online) == 3 })
	s.Publish(t, platform.TopologyChange("hbtgIA0SuVw9lxjB", gatewayName, "21", 8, name(0)))
	s.Until(t, "told as disabled", gone(0))
	s.add(t, 1, time.Now())
	s.Until(t, "the others delivered", func() bool { return len(platform.Seen().Posts) == 2 })
	s.Publish(t, platform.TopologyChange("hbtgIA0SuVw9lxjB", gatewayName, "22", 2, name(0)))
	s.Drained(t)
	s.Publish(t, platform.TopologyChange("hbtgIA0SuVw9lxjB", gatewayName, "23", 1, name(2)))
	s.Until(t, "answered", func() bool { return len(platform.Seen().Replies) == 3 })
	s.add(t, 1, time.Now())
	s.Drained(t)
	s.Publish(t, platform.TopologyChange("hbtgIA0SuVw9lxjB", gatewayName, "24", 7, name(2)))
	s.Until(t, "answered", func() bool { return len(platform.Seen().Replies) == 4 })
	seen := clean(t, platform)
	if len(seen.Posts) != 6 || seen.Unstored != 0 {
		t.Errorf("%d posts, %d not stored", len(seen.Posts), seen.Unstored)
	}
	for i, want := range []string{`"id":"21","method":"thing.topo.change_reply","code":0`, `"id":"22"`, `"id":"23"`, `"id":"24","method":"thing.topo.change_reply","code":400`} {
		if !strings.Contains(seen.Replies[i], want) {
			t.Errorf("answered %s, want %s", seen.Replies[i], want)
		}
	}
}

// TestWishesOfAShadow are carried out once, under their name and time: those
// that differ from what was reported. What is so then is told to the shadow.
func TestWishesOfAShadow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	platform := &uplinktest.Iotkit{Shadows: map[string]map[string]uplinktest.IotkitWish{
		name(0): {
			"relay":       {Value: `"open"`, Reported: `"closed"`, Seconds: now.Unix()},
			"limit_power": {Value: `"6.006"`, Seconds: now.Unix()},
			"nonsense":    {Value: "1", Seconds: now.Unix()},
			"frequency":   {Value: `{}`, Seconds: now.Unix()},
		},
		name(1): {"relay": {Value: "0", Reported: `"open"`, Seconds: now.Unix()}}, // as it is
		name(2): {"relay": {Value: "0"}},                                          // of no time
	}}
	s, done := fork(t, platform, nil)
	var got []string
	next := func() {
		t.Helper()
		select {
		case c := <-done:
			got = append(got, fmt.Sprintf("%s %s %s %d", c.Meter.Address, c.Op, c, c.Said.Unix()-now.Unix()))
		case <-time.After(time.Minute):
			t.Fatalf("carried out: %v", got)
		}
	}
	next()
	next()
	s.Until(t, "told", func() bool { return len(platform.Seen().Told) == 2 })
	// Told at once, with the time of the wish; and without it, so that the shadow
	// is asked: within the minute that is for the next connection.
	s.Publish(t, platform.Control(subProduct, name(2), map[string]uplinktest.IotkitWish{"relay": {Value: `"closed"`, Seconds: now.Unix() + 1}}, true, now))
	next()
	s.Until(t, "told", func() bool { return len(platform.Seen().Told) == 3 })
	s.Publish(t, platform.Control(subProduct, name(1), map[string]uplinktest.IotkitWish{"relay": {Value: `"closed"`, Seconds: now.Unix() + 2}}, false, now))
	s.takeOver(t)
	next()
	s.Until(t, "told", func() bool { return len(platform.Seen().Told) == 4 })
	want := []string{"202411200101 set limit.power = 6.006 0", "202411200101 relay trip 0", "202411200103 relay close 1", "202411200102 relay close 2"}
	seen := clean(t, platform)
	slices.Sort(seen.Told)
	if fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(seen.Told) != fmt.Sprintf("[%s limit_power=6.006 %s relay=\"open\" %s relay=\"closed\" %s relay=\"closed\"]", name(0), name(0), name(1), name(2)) {
		t.Errorf("carried out %q, want %q; told %v", got, want, seen.Told)
	}
}

// TestWishesThatNobodyCanDateAreNone: in the clock's doubt, retained, of no
// question, of another device.
func TestWishesThatNobodyCanDateAreNone(t *testing.T) {
	now := time.Unix(1700000000, 0)
	const wish = `{"method":%q,"payload":{"status":%q,"state":{"desired":{"relay":"open"}},"metadata":{"desired":{"relay":{"timestamp":%s}}}},"version":3,"timestamp":1700000000}`
	for _, c := range []struct {
		name, method, status, at string
		change                   func(*iotkit.Config)
		topic                    string
		retained, ask, want      bool
	}{
		{name: "as it should be", ask: true, want: true},
		{name: "told at once", method: "control", want: true},
		{name: "in ms", at: "1700000000000", ask: true, want: true},
		{name: "nobody asked"},
		{name: "an error", status: "error", ask: true},
		{name: "another method", method: "delete", ask: true},
		{name: "of no time", at: "0", ask: true},
		{name: "before time", at: "-1", ask: true},
		{name: "a text for a time", at: `"1700000000"`, ask: true},
		{name: "kept by the broker", retained: true, ask: true},
		{name: "in doubt", change: func(c *iotkit.Config) { c.Trusted = func() bool { return false } }, ask: true},
		{name: "no shadow", change: func(c *iotkit.Config) { c.Shadow = false }, method: "control"},
		{name: "of another device", topic: "/shadow/get/subpk/M2", ask: true},
		{name: "of another product", topic: "/shadow/get/gwpk/M1", ask: true},
		{name: "upwards", topic: "/shadow/update/subpk/M1", ask: true},
	} {
		conf := iotkit.Config{ProductKey: "gwpk", ProductSecret: "s", DeviceName: "gwdn", Model: "m", SubProductKey: "subpk", SubModel: "m", Enjoyiot: true, Shadow: true}
		conf.Directory = site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{site.Meter(addresses[0], "M1")}})
		if c.change != nil {
			c.change(&conf)
		}
		k := iotkit.New(conf)
		k.Login(now)
		dev := &conf.Directory.Devices()[0]
		register(k, now, dev, `,"data":{"deviceName":"M1"}`)
		for range 3 {
			if _, ok, _ := k.Ask(now); !ok || !c.ask {
				break
			}
		}
		method, status, at, topic := "reply", "success", "1700000000", "/shadow/get/subpk/M1"
		for _, over := range []struct{ to, from *string }{{&method, &c.method}, {&status, &c.status}, {&at, &c.at}, {&topic, &c.topic}} {
			if *over.from != "" {
				*over.to = *over.from
			}
		}
		in := uplink.Inbound{Topic: topic, Payload: fmt.Appendf(nil, wish, method, status, at), Retained: c.retained}
		rc := k.Receive(now, in)
		if got := rc.Command != nil; got != c.want || rc.Reply != nil || rc.Verdict != uplink.Ignored {
			t.Errorf("%s: %+v", c.name, rc)
		}
		if !c.want {
			continue
		}
		if !rc.Command.Said.Equal(now) || rc.Command.Meter != dev.Meter {
			t.Errorf("%s: %+v", c.name, rc.Command)
		}
		if again := k.Receive(now, in); method == "reply" && again.Command != nil || method == "control" && again.Command.ID != rc.Command.ID {
			t.Errorf("%s, again: %+v", c.name, again.Command)
		}
		for o, want := range map[meter.Outcome]string{meter.Done: `{"method":"update","state":{"reported":{"relay":"open"}},"version":4}`, meter.Unconfirmed: "", meter.Denied: ""} {
			if m, ok := k.Answer(now, *rc.Command, meter.Result{Outcome: o}); ok != (want != "") || string(m.Payload) != want {
				t.Errorf("%s, %s: told %s", c.name, o, m.Payload)
			}
		}
	}
}

// register has a meter registered.
func register(k *iotkit.Iotkit, now time.Time, dev *uplink.Device, more string) {
	m, _ := k.Register(now, dev, 0)
	registered(k, now, dev, m, more)
}

// registered has a meter's registration accepted.
func registered(k *iotkit.Iotkit, now time.Time, dev *uplink.Device, m uplink.Message, more string) {
	var asked struct{ ID string }
	_ = json.Unmarshal(m.Payload, &asked) // our own
	k.Receive(now, uplink.Inbound{Topic: "/sys/gwpk/gwdn/c/register_reply", Payload: fmt.Appendf(nil, `{"id":%q,"code":0%s}`, asked.ID, more)})
	k.Register(now, dev, 1)
}

// TestAControlWithoutATimeHasTheShadowAsked, once a minute at most.
func TestAControlWithoutATimeHasTheShadowAsked(t *testing.T) {
	now := time.Unix(1700000000, 0)
	conf := iotkit.Config{ProductKey: "gwpk", ProductSecret: "s", DeviceName: "gwdn", Model: "m", SubProductKey: "subpk", SubModel: "m", Enjoyiot: true, Shadow: true}
	conf.Directory = site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{site.Meter(addresses[0], "M1")}})
	k := iotkit.New(conf)
	k.Login(now)
	dev := &conf.Directory.Devices()[0]
	register(k, now, dev, "")
	asks := func(at time.Time) (n int, again time.Time) {
		for {
			m, ok, next := k.Ask(at)
			if !ok {
				return n, next
			}
			if m.Topic == "/shadow/update/subpk/M1" {
				n++
			}
		}
	}
	if n, _ := asks(now); n != 1 {
		t.Fatalf("asked %d times at the start", n)
	}
	control := uplink.Inbound{Topic: "/shadow/get/subpk/M1", Payload: []byte(`{"method":"control","payload":{"state":{"desired":{"relay":"open"}}},"version":4,"timestamp":1700000001}`)}
	for range 3 {
		if rc := k.Receive(now, control); rc.Command != nil {
			t.Fatalf("of no time: %+v", rc.Command)
		}
	}
	if n, again := asks(now.Add(59 * time.Second)); n != 0 || !again.Equal(now.Add(time.Minute)) {
		t.Errorf("asked %d times within the minute, again at %v", n, again)
	}
	if n, again := asks(now.Add(time.Minute)); n != 1 || !again.IsZero() {
		t.Errorf("asked %d times after it, again at %v", n, again)
	}
	// One that comes back is asked for as well: what was said meanwhile was said to
	// nobody.
	k.Leave(now, dev)
	m, _ := k.Register(now, dev, 0)
	if n, _ := asks(now.Add(time.Hour)); n != 0 {
		t.Errorf("asked %d times before it is registered", n)
	}
	registered(k, now, dev, m, "")
	if n, _ := asks(now.Add(time.Hour)); n != 1 {
		t.Errorf("asked %d times after it came back", n)
	}
}
