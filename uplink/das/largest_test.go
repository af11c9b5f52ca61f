package das_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/das"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

// TestABrokerThatTakesLessThanThePlatform: mosquitto ends the connection over
// what is larger than its limit, or drops it and says that it has it. What has
// gathered in an outage would go out in messages that are all too large.
func TestABrokerThatTakesLessThanThePlatform(t *testing.T) {
	if testing.Short() {
		t.Skip("connects again and again at real pace; make test runs it")
	}
	for name, limit := range map[string]string{"it ends the connection": "max_packet_size 3000", "it drops the message": "message_size_limit 3000"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const records = 600
			p := das.New(das.Config{
				Gateway: "gw1", ProductID: "pk", DeviceID: "gw", DeviceSecret: "secret", SignMethod: das.SignSHA256,
				Directory: site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{site.Meter(meters[0], "m1")}}),
				Trusted:   func() bool { return false }, // so that the credentials hold no time
			})
			l := p.Login(time.Now())
			const secret = "the platform's own"
			m, err := uplinktest.NewMosquitto(t.TempDir(), map[string]string{l.Username: l.Password, "platform": secret}, limit)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(m.Stop)
			platform := &uplinktest.DAS{ProductID: "pk", DeviceID: "gw", DeviceSecret: "secret", SubDevices: []uplinktest.DASDevice{{ProductID: "pk", DeviceID: "m1"}}}
			attached, err := uplinktest.Attach(platform, m.Addr(), "platform", secret)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(attached.Close)
			ring, err := store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ring.Close() })
			for i := range records {
				r := meter.Reading{Meter: meters[0], Time: time.UnixMilli(start + int64(i)*1000), Trusted: true, Values: []meter.PointValue{{Point: "frequency", Value: number(int64(i), 2)}}}
				b, err := r.AppendBinary(nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := ring.Append(b); err != nil {
					t.Fatal(err)
				}
			}
			u, err := uplink.New(uplink.Config{
				Name: "u", Endpoint: uplink.Endpoint{URL: "tcp://" + m.Addr()}, Ring: ring, FromOldest: true, Platform: p, Timeout: time.Second,
				Meters: func() []meter.MeterState { return nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() {
				defer close(done)
				u.Run(ctx)
			}()
			t.Cleanup(func() {
				cancel()
				<-done
			})
			for end := time.Now().Add(4 * time.Minute); u.State().Cursor < ring.Last(); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("not drained: %+v", u.State())
				}
			}
			seen, state := platform.Seen(), u.State()
			if len(seen.Values) != records || len(seen.Violations) > 0 || state.Counts.SetAside > 0 || state.Counts.Lost > 0 {
				t.Errorf("%d values, %d set aside, violations %v", len(seen.Values), state.Counts.SetAside, seen.Violations)
			}
		})
	}
}
