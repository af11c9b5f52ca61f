package tuya_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/tuya"
	"meterd/uplink/uplinktest"
)

var address = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}

// site is a ring, an uplink and a platform behind an embedded broker.
type site struct {
	ring     *store.Ring
	uplink   *uplink.Uplink
	platform *uplinktest.Tuya
	attached *uplinktest.Attachment
}

func newSite(t *testing.T, platform *uplinktest.Tuya) *site {
	t.Helper()
	allow := func(id, user, password string) bool { return password == uplinktest.Password(id, user) }
	broker, err := uplinktest.NewBroker("127.0.0.1:0", "secret", allow)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close() })
	s := &site{platform: platform}
	if s.attached, err = uplinktest.AttachEmbedded(platform, broker.Addr(), "secret"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.attached.Close)
	s.ring, err = store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.ring.Close() })
	s.uplink, err = uplink.New(uplink.Config{
		Name: "tuya", Endpoint: uplink.Endpoint{URL: "tcp://" + broker.Addr()}, Ring: s.ring, FromOldest: true, Timeout: time.Second,
		Platform: tuya.New(tuya.Config{Gateway: "gw1", Username: "v1", Devices: []tuya.Device{{Meter: address, CID: "c1", ProductID: "p1"}}}),
		Meters:   func() []meter.MeterState { return []meter.MeterState{{Address: address, Known: true, Online: true}} },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.uplink.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

func (s *site) add(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		r := meter.Reading{Meter: address, Time: time.Unix(1700000000+int64(i), 0), Trusted: true, Values: []meter.PointValue{
			{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: int64(2000 + i), Scale: 1}}},
			{Point: "frequency", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 5000, Scale: 2}}},
		}}
		b, err := r.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.ring.Append(b); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *site) drained(t *testing.T, last uint64) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if pos, _ := s.ring.Cursor("tuya"); pos == last {
			return
		}
	}
	t.Fatalf("not drained: %+v", s.uplink.State())
}

func TestBacklogReachesThePlatformOnceEach(t *testing.T) {
	s := newSite(t, &uplinktest.Tuya{})
	s.add(t, 200)
	s.drained(t, 200)
	seen := s.platform.Seen()
	// Voltage and phase A for the one point, frequency for the other.
	if len(seen.Reports) != 3*200 || len(seen.Violations) > 0 || seen.Repeats > 0 {
		t.Errorf("%d reports, %d repeats, violations %v; %+v", len(seen.Reports), seen.Repeats, seen.Violations, s.uplink.State())
	}
	if seen.Statuses == 0 || !seen.Online["c1"] {
		t.Errorf("the meter's status is %+v", seen.Online)
	}
}

func TestPlatformThatMisbehavesLosesNothing(t *testing.T) {
	asked := map[string]int{}
	// Every third report gets no answer the first time, every fifth a 500.
	platform := &uplinktest.Tuya{}
	n := 0
	platform.Answer = func(what, _, _ string) (int, bool) {
		asked[what]++
		if what != "report" {
			return 0, false
		}
		n++
		return 0, n%7 == 3
	}
	s := newSite(t, platform)
	s.add(t, 40)
	s.drained(t, 40)
	seen := s.platform.Seen()
	if len(seen.Reports) != 3*40 || len(seen.Violations) > 0 || seen.Repeats == 0 {
		t.Errorf("%d reports, %d repeats, violations %v; %+v", len(seen.Reports), seen.Repeats, seen.Violations, s.uplink.State())
	}
	if got := s.uplink.State().Counts.Resent; got < seen.Repeats {
		t.Errorf("%d were sent again by our count, %d by the platform's", got, seen.Repeats)
	}
}

func TestPlatformThatForgotTheMeterIsToldAgain(t *testing.T) {
	s := newSite(t, &uplinktest.Tuya{})
	s.add(t, 3)
	s.drained(t, 3)
	s.platform.Forget()
	s.add(t, 3)
	s.drained(t, 6)
	if seen := s.platform.Seen(); len(seen.Reports) != 3*6 || len(seen.Synced) != 1 {
		t.Errorf("%d reports, synced %v", len(seen.Reports), seen.Synced)
	}
}

func TestCommandIsAnsweredThatItIsNotSupported(t *testing.T) {
	s := newSite(t, &uplinktest.Tuya{})
	s.add(t, 1)
	s.drained(t, 1)
	if err := s.attached.Command("gw1", []byte(`{"t":1700000000,"cid":"c1","request_id":"cd0fd3c3-bd15-42f6-8bf9-d230a0000003","param":{"id":"1","value":"1"}}`)); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); len(s.platform.Seen().Commands) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no answer")
		}
	}
}
