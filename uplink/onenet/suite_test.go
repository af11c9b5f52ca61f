package onenet_test

import (
	"fmt"
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

// TestMoreSubDevicesThanSubscriptions: the first have topics of their own, the
// gateway tells the others, and all is acknowledged within the platform's
// fifteen subscriptions.
func TestMoreSubDevicesThanSubscriptions(t *testing.T) {
	t.Parallel()
	const meters = 20
	platform := known(&uplinktest.Onenet{})
	var all []uplink.Device
	for i := range meters {
		d := site.Meter(dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, byte(i/10<<4 | i%10)}, "")
		platform.Keys[d.ID] = "azE="
		all = append(all, d)
	}
	p := onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsSubdev, Directory: site.Directory(t, uplink.DirectoryConfig{Devices: all})})
	s := site.New(t, site.Config{Dialect: p, Platform: platform, Allow: platform.Allow, Subscribed: platform.AllowSubscribe, Wait: 2 * time.Second, Fill: func(s *site.Site) {
		for round := range 3 {
			for _, d := range all {
				s.Add(t, &meter.Reading{Meter: d.Address(), Time: time.Unix(1700000000+int64(round)*60, 0), Trusted: true, Values: []meter.PointValue{
					{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: int64(2000 + round), Scale: 1}}},
					{Point: "frequency", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 5000, Scale: 2}}},
				}})
			}
		}
	}})
	s.Drained(t)
	seen := platform.Seen()
	values := map[string]int{}
	for _, v := range seen.Points {
		values[v.Device]++
	}
	if len(seen.Violations) > 0 || len(seen.Online) != onenet.MostSubdevs || len(values) != meters {
		t.Errorf("%d logged in, values of %d meters, violations %v", len(seen.Online), len(values), seen.Violations)
	}
	for device, n := range values {
		if n != 6 {
			t.Errorf("%d values of %s", n, device)
		}
	}
	// One that the gateway tells is commanded through the gateway, too.
	topic := "$sys/469948/gw/cmd/request/7"
	if rc := p.Receive(time.Now(), uplink.Inbound{Topic: topic, Payload: fmt.Appendf(nil, `{"meter":%q,"op":"relay","action":"trip"}`, all[19].ID)}); rc.Command == nil || rc.Command.Meter != all[19].Meter {
		t.Errorf("got %+v", rc)
	}
}

// TestASubDeviceOnItsOwnTopics is commanded and answers there. One that the
// platform does not let in waits, and the others do not.
func TestASubDeviceOnItsOwnTopics(t *testing.T) {
	t.Parallel()
	platform := known(&uplinktest.Onenet{})
	delete(platform.Keys, "202411200103")
	s := site.New(t, site.Config{
		Dialect:  onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsSubdev, Directory: directory(t, true)}),
		Platform: platform, Allow: platform.Allow, Do: func(meter.Command) meter.Result { return meter.Result{} },
		Meters: func() (all []meter.MeterState) {
			for i := range 3 {
				all = append(all, meter.MeterState{Address: address(i), Known: true, Online: true})
			}
			return all
		},
	})
	s.Until(t, "logged in", func() bool {
		return len(platform.Seen().Online) == 2 && s.Uplink.State().Unregistered[address(2)] != ""
	})
	s.Publish(t, uplinktest.Out{Topic: "$subdev/469948/202411200102/cmd/request/7", Payload: []byte(`{"op":"relay","action":"trip"}`)})
	const topic = "$subdev/469948/202411200102/cmd/response/7"
	s.Until(t, "answered", func() bool { return platform.Seen().Responses[topic] != "" })
	if seen := platform.Seen(); seen.Responses[topic] != `{"outcome":"done"}` || len(seen.Violations) > 0 {
		t.Errorf("answered %q, violations %v", seen.Responses, seen.Violations)
	}
}

// TestATokenOfTheProduct names no device, but those of sub-devices do.
func TestATokenOfTheProduct(t *testing.T) {
	product := identity
	product.Product = true
	for _, c := range []struct {
		i    onenet.Identity
		of   bool // the platform wants the product's
		want bool
	}{{product, true, true}, {product, false, false}, {identity, false, true}, {identity, true, false}} {
		platform := known(&uplinktest.Onenet{ProductToken: c.of})
		if l := c.i.Login(time.Now()); platform.Allow(l.ClientID, l.Username, l.Password) != c.want {
			t.Errorf("a token of %v where %v is wanted: admitted %v", c.i.Product, c.of, !c.want)
		}
	}
	s := onenet.NewStudio(onenet.StudioConfig{Identity: product, Directory: directory(t, true)})
	m, ok := s.Register(time.Now(), &s.Directory().Devices()[0], 0)
	if !ok || !strings.Contains(string(m.Payload), "%2Fdevices%2F202411200101") {
		t.Errorf("a sub-device's token: %s", m.Payload)
	}
}
