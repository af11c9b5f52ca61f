package tuya_test

import (
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/tuya"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

var address = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}

type world struct {
	*site.Site
	platform *uplinktest.Tuya
}

func newWorld(t *testing.T, platform *uplinktest.Tuya) *world {
	t.Helper()
	var line site.Line
	line.Set(address, true)
	return newWorldOn(t, platform, &line, 0)
}

// newWorldOn has records in the ring before the uplink starts.
func newWorldOn(t *testing.T, platform *uplinktest.Tuya, line *site.Line, records int) *world {
	t.Helper()
	var wait time.Duration
	if platform.Answer != nil { // some answers are lost
		wait = time.Second
	}
	return &world{platform: platform, Site: site.New(t, site.Config{
		Dialect: tuya.New(tuya.Config{
			Gateway: "gw1", Username: "v1", Sync: tuya.Sync{ProductID: "p1"},
			Directory: site.Directory(t, uplink.DirectoryConfig{Default: tuya.Defaults, Devices: []uplink.Device{site.Meter(address, "c1")}}),
		}),
		Platform: platform, Wait: wait, Fill: func(s *site.Site) { add(t, s, records) },
		Allow:  func(id, user, password string) bool { return password == uplinktest.Password(id, user) },
		Meters: line.Meters,
	})}
}

func (s *world) add(t *testing.T, n int) { add(t, s.Site, n) }

func add(t *testing.T, s *site.Site, n int) {
	t.Helper()
	for i := range n {
		r := meter.Reading{Meter: address, Time: time.Unix(1700000000+int64(i), 0), Trusted: true, Values: []meter.PointValue{
			{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: int64(2000 + i), Scale: 1}}},
			{Point: "frequency", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 5000, Scale: 2}}},
		}}
		s.Add(t, &r)
	}
}

func TestBacklogReachesThePlatformOnceEach(t *testing.T) {
	s := newWorld(t, &uplinktest.Tuya{})
	s.add(t, 200)
	s.Drained(t)
	seen := s.platform.Seen()
	// Voltage and phase A for the one point, frequency for the other.
	if len(seen.Reports) != 3*200 || len(seen.Violations) > 0 || seen.Repeats > 0 {
		t.Errorf("%d reports, %d repeats, violations %v; %+v", len(seen.Reports), seen.Repeats, seen.Violations, s.Uplink.State())
	}
	if seen.Statuses == 0 || !seen.Online["c1"] {
		t.Errorf("the meter's status is %+v", seen.Online)
	}
}

func TestPlatformThatMisbehavesLosesNothing(t *testing.T) {
	t.Parallel()
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
	s := newWorld(t, platform)
	s.add(t, 40)
	s.Drained(t)
	seen := s.platform.Seen()
	if len(seen.Reports) != 3*40 || len(seen.Violations) > 0 || seen.Repeats == 0 {
		t.Errorf("%d reports, %d repeats, violations %v; %+v", len(seen.Reports), seen.Repeats, seen.Violations, s.Uplink.State())
	}
	if got := s.Uplink.State().Counts.Resent; got < seen.Repeats {
		t.Errorf("%d were sent again by our count, %d by the platform's", got, seen.Repeats)
	}
}

func TestPlatformThatForgotTheMeterIsToldAgain(t *testing.T) {
	s := newWorld(t, &uplinktest.Tuya{})
	s.add(t, 3)
	s.Drained(t)
	s.platform.Forget()
	s.add(t, 3)
	s.Drained(t)
	if seen := s.platform.Seen(); len(seen.Reports) != 3*6 || len(seen.Synced) != 1 {
		t.Errorf("%d reports, synced %v", len(seen.Reports), seen.Synced)
	}
}

func TestCommandIsAnsweredThatItIsNotSupported(t *testing.T) {
	s := newWorld(t, &uplinktest.Tuya{})
	s.add(t, 1)
	s.Drained(t)
	if err := s.Attached.Command("gw1", []byte(`{"t":1700000000,"cid":"c1","request_id":"cd0fd3c3-bd15-42f6-8bf9-d230a0000003","param":{"id":"1","value":"1"}}`)); err != nil {
		t.Fatal(err)
	}
	s.Until(t, "answered", func() bool { return len(s.platform.Seen().Commands) > 0 })
}

// TestTheStatusOfADeadMeterDoesNotFlap: the platform takes readings of devices
// that are online alone. One that is dead is told as online while what it left
// is delivered, and as offline after that, whatever number of readings it is.
func TestTheStatusOfADeadMeterDoesNotFlap(t *testing.T) {
	t.Parallel()
	var line site.Line
	line.Set(address, false)
	s := newWorldOn(t, &uplinktest.Tuya{OnlineAlone: true}, &line, 40)
	s.Drained(t)
	s.Until(t, "told as offline", func() bool { return !s.platform.Seen().Online["c1"] })
	seen := s.platform.Seen()
	if len(seen.Reports) != 3*40 || len(seen.Violations) > 0 || seen.Turns["c1"] != 2 {
		t.Errorf("%d reports, the status changed %d times, violations %v", len(seen.Reports), seen.Turns["c1"], seen.Violations)
	}
}
