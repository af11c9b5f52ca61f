package das_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/das"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

// TestBoardWithoutTheTimeGetsItFromThePlatform connects through mosquitto with
// the credentials that hold no time, which its password file knows. The
// platform's clock dates the readings that were taken before.
func TestBoardWithoutTheTimeGetsItFromThePlatform(t *testing.T) {
	var trusted atomic.Bool
	var ahead atomic.Int64
	p := das.New(das.Config{
		Gateway: "gw1", ProductID: "pk", DeviceID: "gw", DeviceSecret: "secret", SignMethod: das.SignSHA256, Directory: site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{withKey(site.Meter(meters[0], "m1"), "s1")}}),
		Trusted: trusted.Load,
		Offer: func(at time.Time) {
			ahead.Store(int64(time.Until(at).Abs()))
			trusted.Store(true)
		},
	})
	l := p.Login(time.Now())
	const secret = "the platform's own"
	m, err := uplinktest.NewMosquitto(t.TempDir(), map[string]string{l.Username: l.Password, "platform": secret})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Stop()
	platform := &uplinktest.DAS{ProductID: "pk", DeviceID: "gw", DeviceSecret: "secret", SubDevices: []uplinktest.DASDevice{{ProductID: "pk", DeviceID: "m1", Secret: "s1"}}}
	attached, err := uplinktest.Attach(platform, m.Addr(), "platform", secret)
	if err != nil {
		t.Fatal(err)
	}
	defer attached.Close()
	ring, err := store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	began := time.Now()
	uptime := func() time.Duration { return time.Hour + time.Since(began) }
	for i := range 5 {
		r := meter.Reading{Meter: meters[0], Time: time.Unix(1000+int64(i), 0), Boot: 7, Uptime: uptime() - 10*time.Minute + time.Duration(i)*time.Second, Values: []meter.PointValue{{Point: "frequency", Value: number(int64(5000+i), 2)}}}
		b, err := r.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ring.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	u, err := uplink.New(uplink.Config{
		Name: "u", Endpoint: uplink.Endpoint{URL: "tcp://" + m.Addr()}, Ring: ring, FromOldest: true, Platform: p,
		Meters: func() []meter.MeterState { return nil },
		Clock:  func(time.Time) (bool, uint32, time.Duration) { return trusted.Load(), 7, uptime() },
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
	defer func() {
		cancel()
		<-done
	}()
	// Longer than until the time is asked for again: an answer that took too long does not count.
	for end := time.Now().Add(3 * time.Minute); u.State().Cursor < ring.Last(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not drained: %+v", u.State())
		}
	}
	seen := platform.Seen()
	if len(seen.Values) != 5 || len(seen.Violations) > 0 || len(seen.LoggedIn) != 1 {
		t.Errorf("%+v", seen)
	}
	for _, v := range seen.Values {
		if age := time.Since(time.UnixMilli(v.Time)); age < 9*time.Minute || age > 15*time.Minute {
			t.Errorf("%+v is dated %v ago, want about 10 minutes", v, age)
		}
	}
	if off := time.Duration(ahead.Load()); off > das.Unsure {
		t.Errorf("the platform's clock is ours, but the offer is %v off", off)
	}
}
