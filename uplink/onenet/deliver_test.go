package onenet_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/onenet"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

func address(i int) dlt645.Address { return dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, byte(i + 1)} }

var identity = onenet.Identity{ProductID: "469948", Device: "gw", AccessKey: "a2V5", Method: "sha256"}

// known makes the gateway and its meters known to a platform.
func known(p *uplinktest.Onenet) *uplinktest.Onenet {
	p.ProductID, p.Device, p.AccessKey = "469948", "gw", "a2V5"
	p.Keys = map[string]string{"202411200101": "azE=", "202411200102": "azI=", "202411200103": "azM="}
	return p
}

// deliver runs readings of three meters and an event to a simulated platform.
func deliver(t *testing.T, platform *uplinktest.Onenet, p uplink.Platform, rounds int) (uplink.State, uplinktest.OnenetSeen) {
	t.Helper()
	known(platform)
	s := site.New(t, site.Config{Dialect: p, Platform: platform, Allow: platform.Allow, Wait: 2 * time.Second, Fill: func(s *site.Site) {
		for r := range rounds {
			for m := range 3 {
				s.Add(t, &meter.Reading{Meter: address(m), Time: time.Unix(1700000000+int64(r)*60, 0), Trusted: true, Values: []meter.PointValue{
					{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: int64(2000 + r), Scale: 1}}},
					{Point: "current.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: int64(r), Scale: 3}}},
					{Point: "frequency", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 5000, Scale: 2}}},
				}})
			}
		}
	}})
	s.Drained(t)
	seen := platform.Seen()
	if seen.Changed > 0 {
		t.Errorf("%d values came again and were others", seen.Changed)
	}
	return s.Uplink.State(), seen
}

func directory(t testing.TB, keys bool) *uplink.Directory {
	var all []uplink.Device
	for i := range 3 {
		d := site.Meter(address(i), fmt.Sprintf("2024112001%02d", i+1))
		if keys {
			d.Key = []string{"azE=", "azI=", "azM="}[i]
		}
		all = append(all, d)
	}
	return site.Directory(t, uplink.DirectoryConfig{Devices: all})
}

func TestBacklogReachesTheSuite(t *testing.T) {
	for _, streams := range []string{onenet.StreamsObject, onenet.StreamsFlat, onenet.StreamsSubdev} {
		t.Run(streams, func(t *testing.T) {
			p := onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: streams, Directory: directory(t, streams == onenet.StreamsSubdev)})
			_, seen := deliver(t, &uplinktest.Onenet{}, p, 200)
			if len(seen.Points) != 3*3*200 || len(seen.Violations) > 0 || seen.Repeats > 0 {
				t.Errorf("%d points, %d repeats, violations %v", len(seen.Points), seen.Repeats, seen.Violations)
			}
			// 600 readings fit into few messages.
			if seen.Posts > 20 {
				t.Errorf("%d messages", seen.Posts)
			}
		})
	}
}

// TestOneBadPointIsFoundAndTheOthersArrive has the platform refuse one
// identifier of one meter: the message is divided down to it.
func TestOneBadPointIsFoundAndTheOthersArrive(t *testing.T) {
	platform := &uplinktest.Onenet{Bad: func(device, key string) bool { return device == "202411200102" && key == "current_a" }}
	p := onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsObject, Directory: directory(t, false)})
	state, seen := deliver(t, platform, p, 4)
	if len(seen.Points) != 3*3*4-4 || len(seen.Violations) > 0 {
		t.Errorf("%d points, want all but 4; violations %v", len(seen.Points), seen.Violations)
	}
	if state.Counts.Refused != 4 || !strings.HasPrefix(state.Counts.LastRefusal, "meter 2024") {
		t.Errorf("%d are set aside (%s), want 4", state.Counts.Refused, state.Counts.LastRefusal)
	}
}

// TestReadingsOfOneSecondDoNotReplaceOneAnother: in one stream and second the
// platform keeps the last object alone. The two readings of the second come in
// two messages, each divided besides, and so do two events.
func TestReadingsOfOneSecondDoNotReplaceOneAnother(t *testing.T) {
	t.Parallel()
	for _, streams := range []string{onenet.StreamsObject, onenet.StreamsFlat, onenet.StreamsSubdev} {
		t.Run(streams, func(t *testing.T) {
			t.Parallel()
			platform := known(&uplinktest.Onenet{})
			platform.Bad = func(_, key string) bool { return strings.HasSuffix(key, "current_a") }
			n := 0
			platform.Silent = func(string) bool { n++; return n%4 == 3 }
			p := onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: streams, Directory: directory(t, streams == onenet.StreamsSubdev)})
			s := site.New(t, site.Config{Dialect: p, Platform: platform, Allow: platform.Allow, Wait: time.Second})
			for _, point := range []string{"voltage.a", "voltage.b", "frequency", "voltage.c"} {
				s.Add(t, &meter.Reading{Meter: address(0), Time: time.Unix(1700000000, 0), Trusted: true, Values: []meter.PointValue{
					{Point: point, Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}},
					{Point: "current.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 1, Scale: 3}}},
				}})
				s.Add(t, &meter.Event{Meter: address(0), Time: time.Unix(1700000000, 0), Trusted: true, Kind: string(meter.OpRelay), Text: point})
				s.Drained(t)
			}
			seen := platform.Seen()
			var got []string
			for _, v := range seen.Points {
				got = append(got, strings.TrimPrefix(v.Key, "202411200101_"))
			}
			slices.Sort(got)
			if want := []string{"frequency", "relay", "relay_2", "relay_3", "relay_4", "voltage_a", "voltage_b", "voltage_c"}; !slices.Equal(got, want) || len(seen.Violations) > 0 || seen.Changed > 0 {
				t.Errorf("the platform has %v, want %v; violations %v", got, want, seen.Violations)
			}
		})
	}
}

// TestRefusalWithoutAnIDIsFound: the platform cannot read messages with one
// identifier of one meter, and does not say which they are. Everything else
// arrives.
func TestRefusalWithoutAnIDIsFound(t *testing.T) {
	t.Parallel()
	platform := known(&uplinktest.Onenet{Unreadable: func(b []byte) bool { return bytes.Contains(b, []byte("_current_a")) }})
	p := onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsFlat, Directory: directory(t, false)})
	s := site.New(t, site.Config{Dialect: p, Platform: platform, Allow: platform.Allow, Wait: 2 * time.Second, Fill: func(s *site.Site) {
		for i := range 60 {
			r := &meter.Reading{Meter: address(i % 3), Time: time.Unix(1700000000+int64(i), 0), Trusted: true, Values: []meter.PointValue{
				{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}},
			}}
			if i == 41 {
				r.Values = append(r.Values, meter.PointValue{Point: "current.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 1, Scale: 3}}})
			}
			s.Add(t, r)
		}
	}})
	s.Drained(t)
	seen, state := platform.Seen(), s.Uplink.State()
	if len(seen.Points) != 60 || len(seen.Violations) > 0 || state.Counts.Refused != 1 || !strings.Contains(state.Counts.LastRefusal, "current.a") {
		t.Errorf("%d points, violations %v, %d set aside: %s", len(seen.Points), seen.Violations, state.Counts.Refused, state.Counts.LastRefusal)
	}
}

// TestSubDeviceThatIsLoggedOutLogsInAgain: the platform lets one go, and takes
// nothing of it until then.
func TestSubDeviceThatIsLoggedOutLogsInAgain(t *testing.T) {
	t.Parallel()
	platform := known(&uplinktest.Onenet{})
	p := onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsSubdev, Directory: directory(t, true)})
	s := site.New(t, site.Config{Dialect: p, Platform: platform, Allow: platform.Allow, Meters: func() (all []meter.MeterState) {
		for i := range 3 {
			all = append(all, meter.MeterState{Address: address(i), Known: true, Online: true})
		}
		return all
	}})
	s.Until(t, "logged in", func() bool { return len(platform.Seen().Online) == 3 })
	s.Publish(t, platform.Logout("202411200102"))
	s.Until(t, "logged in again", func() bool { return len(platform.Seen().Online) == 3 })
	s.Add(t, &meter.Reading{Meter: address(1), Time: time.Unix(1700000000, 0), Trusted: true, Values: []meter.PointValue{
		{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}},
	}})
	s.Drained(t)
	if seen := platform.Seen(); len(seen.Points) != 1 || len(seen.Violations) > 0 {
		t.Errorf("%+v", seen)
	}
}

func TestLostAcknowledgementsCostRepeatsOnly(t *testing.T) {
	t.Parallel()
	n := 0
	platform := &uplinktest.Onenet{Silent: func(string) bool { n++; return n%3 == 1 }}
	p := onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsObject, Directory: directory(t, false)})
	state, seen := deliver(t, platform, p, 150)
	if len(seen.Points) != 3*3*150 || len(seen.Violations) > 0 || state.Counts.Resent == 0 {
		t.Errorf("%d points, %d sent again, violations %v", len(seen.Points), state.Counts.Resent, seen.Violations)
	}
}

func TestBacklogReachesStudio(t *testing.T) {
	t.Parallel()
	platform := &uplinktest.Onenet{Studio: true, Bad: func(device, key string) bool { return device == "202411200103" && key == "frequency" }}
	p := onenet.NewStudio(onenet.StudioConfig{Identity: identity, Directory: directory(t, true)})
	state, seen := deliver(t, platform, p, 2)
	if len(seen.Points) != 3*3*2-2 || len(seen.Violations) > 0 || len(seen.Online) != 3 || state.Counts.Refused != 2 {
		t.Errorf("%d points, online %v, %d set aside, violations %v", len(seen.Points), seen.Online, state.Counts.Refused, seen.Violations)
	}
}

func TestWrongKeyIsNotAdmitted(t *testing.T) {
	platform := &uplinktest.Onenet{ProductID: "469948", Device: "gw", AccessKey: "a2V5"}
	wrong := identity
	wrong.AccessKey = "b3RoZXI="
	for name, c := range map[string]struct {
		i    onenet.Identity
		want bool
	}{"right": {identity, true}, "wrong": {wrong, false}} {
		l := c.i.Login(time.Now())
		if platform.Allow(l.ClientID, l.Username, l.Password) != c.want {
			t.Errorf("the %s key: admitted %v", name, !c.want)
		}
	}
}

// TestADeadSubDeviceIsLoggedOut in both dialects.
func TestADeadSubDeviceIsLoggedOut(t *testing.T) {
	t.Parallel()
	dir := directory(t, true)
	for name, p := range map[string]uplink.Platform{
		"suite":  onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsSubdev, Directory: dir}),
		"studio": onenet.NewStudio(onenet.StudioConfig{Identity: identity, Directory: dir}),
	} {
		t.Run(name, func(t *testing.T) {
			var line site.Line
			platform := known(&uplinktest.Onenet{Studio: name == "studio"})
			s := site.New(t, site.Config{Dialect: p, Platform: platform, Allow: platform.Allow, Meters: line.Meters})
			line.ComesAndGoes(t, s, address(1), func() bool { return len(platform.Seen().Online) == 1 }, func() {
				s.Add(t, &meter.Reading{Meter: address(1), Time: time.Unix(1700000000, 0), Trusted: true, Values: []meter.PointValue{
					{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}},
				}})
			})
			if v := platform.Seen().Violations; len(v) > 0 {
				t.Errorf("violations: %v", v)
			}
		})
	}
}
