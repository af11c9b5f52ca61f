package onenet_test

import (
	"fmt"
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

// deliver runs readings of three meters and an event to a simulated platform.
func deliver(t *testing.T, platform *uplinktest.Onenet, p uplink.Platform, rounds int) (uplink.State, uplinktest.OnenetSeen) {
	t.Helper()
	platform.ProductID, platform.Device, platform.AccessKey = "469948", "gw", "a2V5"
	platform.Keys = map[string]string{"202411200101": "azE=", "202411200102": "azI=", "202411200103": "azM="}
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
	return s.Uplink.State(), platform.Seen()
}

func devices(keys bool) []onenet.Device {
	var all []onenet.Device
	for i := range 3 {
		d := onenet.Device{Meter: address(i), ID: fmt.Sprintf("2024112001%02d", i+1)}
		if keys {
			d.Key = []string{"azE=", "azI=", "azM="}[i]
		}
		all = append(all, d)
	}
	return all
}

func TestBacklogReachesTheSuite(t *testing.T) {
	for _, streams := range []string{onenet.StreamsObject, onenet.StreamsFlat, onenet.StreamsSubdev} {
		t.Run(streams, func(t *testing.T) {
			p := onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: streams, Devices: devices(streams == onenet.StreamsSubdev)})
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
	p := onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsObject, Devices: devices(false)})
	state, seen := deliver(t, platform, p, 4)
	if len(seen.Points) != 3*3*4-4 || len(seen.Violations) > 0 {
		t.Errorf("%d points, want all but 4; violations %v", len(seen.Points), seen.Violations)
	}
	if state.Counts.Refused != 4 || state.Counts.LastRefusal == "" {
		t.Errorf("%d are set aside (%s), want 4", state.Counts.Refused, state.Counts.LastRefusal)
	}
}

func TestLostAcknowledgementsCostRepeatsOnly(t *testing.T) {
	n := 0
	platform := &uplinktest.Onenet{Silent: func(string) bool { n++; return n%3 == 1 }}
	p := onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsObject, Devices: devices(false)})
	state, seen := deliver(t, platform, p, 150)
	if len(seen.Points) != 3*3*150 || len(seen.Violations) > 0 || state.Counts.Resent == 0 {
		t.Errorf("%d points, %d sent again, violations %v", len(seen.Points), state.Counts.Resent, seen.Violations)
	}
}

func TestBacklogReachesStudio(t *testing.T) {
	platform := &uplinktest.Onenet{Studio: true, Bad: func(device, key string) bool { return device == "202411200103" && key == "frequency" }}
	p := onenet.NewStudio(onenet.StudioConfig{Identity: identity, Devices: devices(true)})
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
