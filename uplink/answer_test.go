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
	"meterd/uplink/uplinktest"
)

// TestACommandThatEndsWithTheUplinkIsAnswered: the program is about to start
// anew while a command is at work. Its outcome is known a moment later, and told
// before the good-bye. One that stays unknown does not hold the end up.
func TestACommandThatEndsWithTheUplinkIsAnswered(t *testing.T) {
	for name, known := range map[string]bool{"known in time": true, "not known": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))) // a bubble begins in 2000
				platform := &uplinktest.Tuya{}
				b := &uplinktest.Pipes{Platform: platform, Over: make(chan struct{})}
				ring, err := store.Open(filepath.Join(dir, "ring"), store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Minute})
				if err != nil {
					t.Fatal(err)
				}
				defer ring.Close()
				asked := make(chan func(meter.Result), 1)
				conf := uplink.Config{
					Name: "u", Endpoint: uplink.Endpoint{URL: "tcp://broker:1883", Dial: b.Reach}, Ring: ring, FromOldest: true, Platform: newTuya(t),
					Meters: func() []meter.MeterState { return nil },
					Ask:    func(_ meter.Command, done func(meter.Result)) { asked <- done },
				}
				u, err := uplink.New(conf)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					u.Run(ctx)
				}()
				until(t, "connected", time.Minute, func() bool { return u.State().Connected })
				b.Send(platform.Command("gw1", "0cca0f27-0a3c-4b46-a3d4-b2a6cdd1a1a6", "c1", "1", "true", time.Now()))
				done := <-asked
				cancel()
				synctest.Wait()
				began := time.Now()
				if known {
					time.Sleep(300 * time.Millisecond)
					done(meter.Result{Outcome: meter.Unconfirmed, Text: dlt645.Text{EN: "the board restarted meanwhile"}})
				}
				<-ended
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("the end took %v", took)
				}
				close(b.Over)
				synctest.Wait()
				seen := platform.Seen()
				if told := len(seen.Commands) == 1 && strings.Contains(seen.Commands[0], `"code":400`); told != known || len(seen.Violations) > 0 {
					t.Errorf("answers %v, violations %v", seen.Commands, seen.Violations)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}
