package uplink_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/tuya"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

var address = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}

// run runs an uplink to Tuya over the pipes while test runs, in a bubble.
func run(t *testing.T, b *uplinktest.Pipes, test func(t *testing.T, ring *store.Ring, u *uplink.Uplink)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))) // a bubble begins in 2000
		b.Over = make(chan struct{})
		ring, err := store.Open(filepath.Join(dir, "ring"), store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer ring.Close()
		conf := uplink.Config{
			Name: "u", Endpoint: uplink.Endpoint{URL: "tcp://broker:1883"}, Ring: ring, FromOldest: true,
			Platform: newTuya(t),
			Meters:   func() []meter.MeterState { return nil },
		}
		conf.Endpoint.Dial = b.Reach
		u, err := uplink.New(conf)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			u.Run(ctx)
		}()
		test(t, ring, u)
		cancel()
		<-done
		close(b.Over)
		time.Sleep(time.Minute) // a publish that found no way ends by itself; the bubble finds what does not
	})
}

// newTuya is a platform with the meter "c1".
func newTuya(t testing.TB) uplink.Platform {
	return tuya.New(tuya.Config{
		Gateway: "gw1", Username: "v1", Sync: tuya.Sync{ProductID: "p1"},
		Directory: site.Directory(t, uplink.DirectoryConfig{Default: tuya.Defaults, Devices: []uplink.Device{site.Meter(address, "c1")}}),
	})
}

// add puts n readings of one value each into the ring.
func add(t *testing.T, ring *store.Ring, n int) {
	t.Helper()
	for range n {
		r := meter.Reading{Meter: address, Time: time.Now(), Trusted: true, Values: []meter.PointValue{
			{Point: "frequency", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: int64(ring.Last()), Scale: 2}}},
		}}
		b, err := r.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ring.Append(b); err != nil {
			t.Fatal(err)
		}
	}
}

// until waits in the bubble's time.
func until(t *testing.T, what string, most time.Duration, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > most {
			t.Fatalf("not within %v: %s", most, what)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(began)
}

// TestBrokerBreaksAtRandomMoments: the connection ends 200 times, each time
// after another packet, be it a message on its way up, its acknowledgement or
// the platform's answer. Nothing is lost, and what comes twice has the same id.
func TestBrokerBreaksAtRandomMoments(t *testing.T) {
	platform := &uplinktest.Tuya{}
	b := &uplinktest.Pipes{Platform: platform, Lasts: uplinktest.Randomly(1, 60)}
	run(t, b, func(t *testing.T, ring *store.Ring, u *uplink.Uplink) {
		for b.Connects() <= 200 {
			if u.State().Queued < 100 {
				add(t, ring, 20)
			}
			time.Sleep(time.Second)
		}
		until(t, "drained", 24*time.Hour, func() bool { return u.State().Cursor == ring.Last() })
		seen := platform.Seen()
		if uint64(len(seen.Reports)) != ring.Last() || len(seen.Violations) > 0 {
			t.Errorf("%d of %d readings are stored, violations %v", len(seen.Reports), ring.Last(), seen.Violations)
		}
		if seen.Repeats == 0 {
			t.Error("nothing came twice: the connection broke at harmless moments only")
		}
		t.Logf("%d connections, %d readings, %d of them came twice with the same id, none was lost", b.Connects(), ring.Last(), seen.Repeats)
	})
}

// TestPartitionIsFound: packets go nowhere, and the connection stays open. It
// is found within 2.5 keepalives, be the line at rest or at work.
func TestPartitionIsFound(t *testing.T) {
	for name, c := range map[string]struct{ swallow, stuck, busy bool }{
		"swallowed, nothing to send":  {swallow: true},
		"swallowed, readings to send": {swallow: true, busy: true},
		"not taken, nothing to send":  {stuck: true},
		"not taken, readings to send": {stuck: true, busy: true},
	} {
		t.Run(name, func(t *testing.T) {
			platform := &uplinktest.Tuya{}
			b := &uplinktest.Pipes{Platform: platform}
			run(t, b, func(t *testing.T, ring *store.Ring, u *uplink.Uplink) {
				add(t, ring, 3)
				until(t, "delivered", time.Minute, func() bool { return u.State().Cursor == 3 })
				time.Sleep(3 * time.Minute)
				b.Partition(c.swallow, c.stuck)
				if c.busy {
					add(t, ring, 3)
				}
				found := until(t, "found", 150*time.Second, func() bool { return !u.State().Connected })
				t.Logf("found after %v: %s", found, u.State().LastErr)
				add(t, ring, 1)
				until(t, "delivered again", 10*time.Minute, func() bool { return u.State().Cursor == ring.Last() })
				if seen := platform.Seen(); uint64(len(seen.Reports)) != ring.Last() || len(seen.Violations) > 0 {
					t.Errorf("%d of %d are stored, violations %v", len(seen.Reports), ring.Last(), seen.Violations)
				}
			})
		})
	}
}

// TestBrokerThatSaysNothing takes connections, and no word comes from it.
func TestBrokerThatSaysNothing(t *testing.T) {
	b := &uplinktest.Pipes{Platform: &uplinktest.Tuya{}, Mute: true}
	run(t, b, func(t *testing.T, ring *store.Ring, u *uplink.Uplink) {
		time.Sleep(time.Hour)
		s := u.State()
		if s.Connected || !strings.HasPrefix(s.LastErr, "connected, but no answer to the MQTT connect") || !strings.Contains(s.Hint.EN, "is the port in broker that of MQTT") || s.Hint.ZH == "" {
			t.Errorf("state %+v", s)
		}
		if n := b.Connects(); n < 8 || n > 60 {
			t.Errorf("%d attempts in an hour", n)
		}
	})
}

// TestBrokerThatClosesAfterEachReport: each connection brings something over.
func TestBrokerThatClosesAfterEachReport(t *testing.T) {
	platform := &uplinktest.Tuya{}
	b := &uplinktest.Pipes{Platform: platform, Once: func(topic string) bool { return strings.HasSuffix(topic, "/properties/report") }}
	run(t, b, func(t *testing.T, ring *store.Ring, u *uplink.Uplink) {
		add(t, ring, 20)
		until(t, "drained", 24*time.Hour, func() bool { return u.State().Cursor == 20 })
		if seen := platform.Seen(); len(seen.Reports) != 20 || len(seen.Violations) > 0 {
			t.Errorf("%d are stored, violations %v", len(seen.Reports), seen.Violations)
		}
		t.Logf("%d connections for 20 readings", b.Connects())
	})
}

// TestABrokerMaySendWithQoS2, and each message twice before it is released.
func TestABrokerMaySendWithQoS2(t *testing.T) {
	platform := &uplinktest.Tuya{}
	run(t, &uplinktest.Pipes{Platform: platform, Exactly: true}, func(t *testing.T, ring *store.Ring, u *uplink.Uplink) {
		add(t, ring, 50)
		until(t, "drained", time.Hour, func() bool { return u.State().Cursor == 50 })
		if seen, s := platform.Seen(), u.State(); len(seen.Reports) != 50 || seen.Repeats > 0 || len(seen.Violations) > 0 || !s.Connected || s.Flooded > 0 {
			t.Errorf("%d are stored, %d repeats, violations %v; %+v", len(seen.Reports), seen.Repeats, seen.Violations, s)
		}
	})
}

// TestBrokerThatClosesAfterEachPublish does not even let a meter be
// registered. It is tried ever more rarely, and the readings stay.
func TestBrokerThatClosesAfterEachPublish(t *testing.T) {
	b := &uplinktest.Pipes{Platform: &uplinktest.Tuya{}, Once: func(string) bool { return true }}
	run(t, b, func(t *testing.T, ring *store.Ring, u *uplink.Uplink) {
		add(t, ring, 20)
		time.Sleep(24 * time.Hour)
		if s := u.State(); s.Cursor != 0 || s.Queued != 20 || s.LastErr == "" {
			t.Errorf("state %+v", s)
		}
		if n := b.Connects(); n < 24*12 || n > 24*60 {
			t.Errorf("%d attempts in a day", n)
		}
	})
}

// TestRefusedConnects: each code of CONNACK is told in words, with what to
// look at, and what gets a board banned is not tried again before a minute.
func TestRefusedConnects(t *testing.T) {
	for code, c := range map[byte]struct {
		words, hint string
		slow        bool
	}{
		1: {"protocol version", "MQTT 3.1.1", false},
		2: {"client id or keepalive", "keepalive", true},
		3: {"unavailable", "goes on trying", false},
		4: {"user name or password", "secrets", true},
		5: {"not authorised", "enabled on the platform", true},
	} {
		b := &uplinktest.Pipes{Platform: &uplinktest.Tuya{}, Refuse: code}
		run(t, b, func(t *testing.T, _ *store.Ring, u *uplink.Uplink) {
			time.Sleep(59 * time.Second)
			s := u.State()
			if s.Connected || !strings.Contains(s.LastErr, c.words) || !strings.Contains(s.Hint.EN, c.hint) || s.Hint.ZH == "" {
				t.Errorf("code %d: %q, hint %q", code, s.LastErr, s.Hint.EN)
			}
			if n := b.Connects(); (n == 1) != c.slow {
				t.Errorf("code %d: %d attempts in the first minute", code, n)
			}
		})
	}
}
