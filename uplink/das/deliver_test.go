package das_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/das"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

// meters: the first two only report, the third logs in.
var meters = []dlt645.Address{
	{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}, {0x20, 0x24, 0x11, 0x20, 0x01, 0x02}, {0x20, 0x24, 0x11, 0x20, 0x01, 0x03},
}

type world struct {
	*site.Site
	platform *uplinktest.DAS
}

// newWorld fills the ring before the uplink starts, so that messages carry
// many readings.
func newWorld(t *testing.T, platform *uplinktest.DAS, records int, do func(meter.Command) meter.Result) *world {
	t.Helper()
	platform.ProductID, platform.DeviceID, platform.DeviceSecret = "pk", "gw", "secret"
	platform.SubDevices = []uplinktest.DASDevice{
		{ProductID: "mp", DeviceID: "m1"}, {ProductID: "mp", DeviceID: "202411200102"}, {ProductID: "mp", DeviceID: "m3", Secret: "s3"},
	}
	var wait time.Duration
	if platform.Answer != nil { // some answers are lost
		wait = time.Second
	}
	return &world{platform: platform, Site: site.New(t, site.Config{
		Dialect: das.New(das.Config{
			Gateway: "gw1", ProductID: "pk", DeviceID: "gw", DeviceSecret: "secret", SignMethod: das.SignSHA256, SubProductID: "mp",
			Directory: site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{site.Meter(meters[0], "m1"), site.Meter(meters[1], ""), withKey(site.Meter(meters[2], "m3"), "s3")}}),
		}),
		Platform: platform, Allow: platform.Allow, Subscribed: platform.AllowSubscribe, Do: do, Wait: wait,
		Fill:   func(s *site.Site) { add(t, s, records) },
		Meters: func() []meter.MeterState { return []meter.MeterState{{Address: meters[0], Known: true, Online: true}} },
	})}
}

func withKey(d uplink.Device, key string) uplink.Device {
	d.Key = key
	return d
}

func number(coef int64, scale uint8) dlt645.Value {
	return dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: coef, Scale: scale}}
}

const start = 1700000000000

func add(t *testing.T, s *site.Site, n int) {
	t.Helper()
	for i := range n {
		r := meter.Reading{Meter: meters[i%3], Time: time.UnixMilli(start + int64(i)), Trusted: true, Values: []meter.PointValue{
			{Point: "voltage.a", Value: number(int64(2000+i), 1)}, {Point: "frequency", Value: number(5000, 2)},
			{Point: "current.a", Value: number(int64(i), 3)},
		}}
		s.Add(t, &r)
	}
}

// check compares what is stored with what was read, but for what lacks.
func (s *world) check(t *testing.T, n int, lacks func(i int, identifier string) bool) {
	t.Helper()
	seen := s.platform.Seen()
	if len(seen.Violations) > 0 {
		t.Fatalf("violations %v", seen.Violations)
	}
	got := map[uplinktest.DASValue]int{}
	for _, v := range seen.Values {
		got[v]++
	}
	want := 0
	for i := range n {
		device := []string{"m1", "202411200102", "m3"}[i%3]
		for identifier, value := range map[string]string{
			"voltage_a": fmt.Sprintf("%d.%d", 200+i/10, i%10), "frequency": "50.00", "current_a": fmt.Sprintf("%d.%03d", i/1000, i%1000),
		} {
			v := uplinktest.DASValue{Device: device, Identifier: identifier, Value: value, Time: start + int64(i)}
			switch {
			case lacks(i, identifier):
			case got[v] != 1:
				t.Errorf("%+v is stored %d times", v, got[v])
				fallthrough
			default:
				want++
			}
		}
	}
	if len(seen.Values) != want {
		t.Errorf("%d values are stored, want %d; %+v", len(seen.Values), want, s.Uplink.State())
	}
}

func TestBacklogReachesThePlatformOnceEach(t *testing.T) {
	s := newWorld(t, &uplinktest.DAS{}, 300, nil)
	s.Drained(t)
	s.check(t, 300, func(int, string) bool { return false })
	seen := s.platform.Seen()
	if seen.Repeats > 0 || len(seen.LoggedIn) != 1 {
		t.Errorf("%d repeats, logged in %v", seen.Repeats, seen.LoggedIn)
	}
	if seen.Answers > 30 {
		t.Errorf("%d messages for 300 readings: they are not put together", seen.Answers)
	}
	e := meter.Event{Meter: meters[0], Time: time.UnixMilli(start), Trusted: true, Kind: meter.EventOffline, Text: "silence"}
	s.Add(t, &e)
	s.Drained(t)
	seen = s.platform.Seen()
	if len(seen.Events) != 1 || len(seen.Violations) > 0 || seen.Events[0].Identifier != "meter_offline" ||
		seen.Events[0].Value != `{"meter":"m1","by":"","text":"silence"}` {
		t.Errorf("events %+v, violations %v", seen.Events, seen.Violations)
	}
}

// TestIdentifierThatThePlatformLacksCostsNothingElse has the bad identifier in
// some readings of the meter that reports, and of the one that logs in.
func TestIdentifierThatThePlatformLacksCostsNothingElse(t *testing.T) {
	bad := func(device, identifier string) bool { return device != "m1" && identifier == "frequency" }
	s := newWorld(t, &uplinktest.DAS{Filter: bad}, 60, nil)
	s.Drained(t)
	s.check(t, 60, func(i int, identifier string) bool { return i%3 != 0 && identifier == "frequency" })
	if st := s.Uplink.State(); st.Counts.Refused != 40 || st.Counts.Lost != 0 || !strings.Contains(st.Counts.LastRefusal, "item frequency") {
		t.Errorf("state %+v", st)
	}
}

func TestPlatformThatMisbehavesLosesNothing(t *testing.T) {
	t.Parallel()
	n := 0
	platform := &uplinktest.DAS{Answer: func(topic string) (int, bool) {
		if topic != "thing/properties/gateway/up" {
			return 0, false
		}
		n++
		if n == 3 {
			return 429, false
		}
		return 0, n%4 == 2
	}}
	s := newWorld(t, platform, 500, nil)
	s.Drained(t)
	s.check(t, 500, func(int, string) bool { return false })
	if seen := s.platform.Seen(); seen.Repeats == 0 || seen.Resent == 0 {
		t.Errorf("%d repeats, %d sent again", seen.Repeats, seen.Resent)
	}
}

func TestMeterThatMayNotLogInHoldsUpOnlyItself(t *testing.T) {
	t.Parallel()
	var open atomic.Bool
	platform := &uplinktest.DAS{Answer: func(topic string) (int, bool) {
		if topic == "thing/gateway/login" && !open.Load() {
			return 40003, false
		}
		return 0, false
	}}
	s := newWorld(t, platform, 30, nil)
	s.Until(t, "stored for the others", func() bool { return len(s.platform.Seen().Values) >= 60 })
	s.Until(t, "told why it is not", func() bool { return strings.Contains(s.Uplink.State().Unregistered[meters[2]], "40003") })
	open.Store(true)
	s.Drained(t)
	s.check(t, 30, func(int, string) bool { return false })
}

func TestCommandsAreCarriedOutAndAnswered(t *testing.T) {
	s := newWorld(t, &uplinktest.DAS{}, 3, func(c meter.Command) meter.Result {
		if c.Op == meter.OpRead {
			return meter.Result{Values: []meter.PointValue{{Point: c.Points[0], Value: number(2201, 1)}}}
		}
		return meter.Result{Outcome: meter.Denied, Text: dlt645.Text{EN: "not allowed"}}
	})
	s.Drained(t)
	for _, out := range []uplinktest.Out{
		s.platform.Down("thing/properties/get", `{"id":"5","version":"1.0","params":["m1.voltage_a"],"method":"thing.properties.get"}`),
		s.platform.Down("thing/properties/set", `{"id":"5","version":"1.0","params":{"m3.relay":0},"method":"thing.properties.set"}`),
	} {
		s.Publish(t, out)
	}
	s.Until(t, "answered", func() bool { return len(s.platform.Seen().Replies) >= 2 })
	seen := s.platform.Seen()
	all := fmt.Sprintf("%s", seen.Replies)
	if len(seen.Violations) > 0 || !strings.Contains(all, `"m1.voltage_a":220.1`) || !strings.Contains(all, "100001") {
		t.Errorf("answers %s, violations %v", all, seen.Violations)
	}
}

// TestADeadMeterIsLoggedOut: its state on the platform follows login and logout
// alone, so it is what it is on its line.
func TestADeadMeterIsLoggedOut(t *testing.T) {
	t.Parallel()
	var line site.Line
	platform := &uplinktest.DAS{ProductID: "pk", DeviceID: "gw", DeviceSecret: "secret", SubDevices: []uplinktest.DASDevice{{ProductID: "mp", DeviceID: "m3", Secret: "s3"}}}
	s := site.New(t, site.Config{
		Dialect: das.New(das.Config{
			Gateway: "gw1", ProductID: "pk", DeviceID: "gw", DeviceSecret: "secret", SignMethod: das.SignSHA256, SubProductID: "mp",
			Directory: site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{withKey(site.Meter(meters[2], "m3"), "s3")}}),
		}),
		Platform: platform, Allow: platform.Allow, Subscribed: platform.AllowSubscribe, Meters: line.Meters,
	})
	line.ComesAndGoes(t, s, meters[2], func() bool { return len(platform.Seen().LoggedIn) == 1 }, func() {
		s.Add(t, &meter.Event{Meter: meters[2], Time: time.UnixMilli(start), Trusted: true, Kind: meter.EventOffline, Text: "silence"})
	})
	if v := platform.Seen().Violations; len(v) > 0 {
		t.Errorf("violations: %v", v)
	}
}
