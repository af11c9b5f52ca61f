package uplink_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/uplinktest"
)

var kills = flag.Int("kills", 6, "how often mosquitto is killed")

// TestMosquittoIsKilled kills a real broker at random moments while a backlog
// is drained through it. Nothing is lost, and what comes twice has the same id
// and content.
func TestMosquittoIsKilled(t *testing.T) {
	const secret = "the platform's own"
	m, err := uplinktest.NewMosquitto(t.TempDir(), map[string]string{"v1": uplinktest.Password("gw1", "v1"), "platform": secret})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Stop()
	platform := &uplinktest.Tuya{}
	attached, err := uplinktest.Attach(platform, m.Addr(), "platform", secret)
	if err != nil {
		t.Fatal(err)
	}
	defer attached.Close()
	ring, err := store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: 16 << 20}, Flush: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	conf := uplink.Config{
		Name: "u", Endpoint: uplink.Endpoint{URL: "tcp://" + m.Addr()}, Ring: ring, FromOldest: true, Timeout: time.Second,
		Platform: newTuya(t),
		Meters:   func() []meter.MeterState { return nil },
	}
	conf.Hurry(10 * time.Millisecond)
	u, err := uplink.New(conf)
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
	wait := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("not %s: %+v", what, u.State())
			}
		}
	}
	if testing.Short() {
		*kills = 2
	}
	for range *kills {
		before := len(platform.Seen().Reports) // all may have come as soon as they are added
		add(t, ring, 100)
		wait("delivering", func() bool { return len(platform.Seen().Reports) > before })
		time.Sleep(rand.N(20 * time.Millisecond))
		m.Stop()
		if err := m.Start(); err != nil {
			t.Fatal(err)
		}
	}
	wait("drained", func() bool { return u.State().Cursor == ring.Last() })
	seen := platform.Seen()
	t.Logf("%d kills, %d readings, %d came twice with the same id", *kills, ring.Last(), seen.Repeats)
	if uint64(len(seen.Reports)) != ring.Last() || len(seen.Violations) > 0 {
		t.Errorf("%d of %d readings are stored, violations %v", len(seen.Reports), ring.Last(), seen.Violations)
	}
}
