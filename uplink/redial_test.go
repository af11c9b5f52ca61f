package uplink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meterd/store"
)

// TestPausesBeforeAConnect, in seconds, where chance draws the longest.
func TestPausesBeforeAConnect(t *testing.T) {
	down := errors.New("down")
	noClock := fmt.Errorf("not now: %w", errNoClock)
	type end struct {
		err  error
		good bool
	}
	for _, row := range []struct {
		name string
		ends []end
		want []time.Duration
	}{
		{"it fails time and again", []end{{down, false}, {down, false}, {down, false}, {down, false}, {down, false}, {down, false}, {down, false}, {down, false}},
			[]time.Duration{10, 15, 25, 45, 85, 165, 300, 300}},
		{"a good connection in between", []end{{down, false}, {down, false}, {down, true}, {down, false}}, []time.Duration{10, 15, 10, 15}},
		{"without a clock it looks each second", []end{{down, false}, {down, false}, {noClock, false}, {noClock, false}, {down, false}}, []time.Duration{10, 15, 1, 1, 10}},
	} {
		r := redial{least: leastPause, spread: leastPause}
		var got []time.Duration
		for _, e := range row.ends {
			got = append(got, r.pause(e.err, e.good, func(most time.Duration) time.Duration { return most })/time.Second)
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: pauses of %v s, want %v", row.name, got, row.want)
		}
	}
	r := redial{least: time.Minute, spread: time.Minute}
	if got := r.pause(down, false, func(time.Duration) time.Duration { return 0 }); got != time.Minute {
		t.Errorf("the least pause is %v, want 1m", got)
	}
}

// TestTheFirstConnectIsSpread: boards that start as one come at random times
// within the spread, and one that ends before its turn has not come at all.
func TestTheFirstConnectIsSpread(t *testing.T) {
	const boards, spread = 200, time.Minute
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ring, err := store.Open(filepath.Join(dir, "ring"), store.Options{Geometry: store.Geometry{Size: store.MinSize}})
		if err != nil {
			t.Fatal(err)
		}
		defer ring.Close()
		began := time.Now()
		var mu sync.Mutex
		var came []time.Duration
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range boards {
			c := Config{Name: "u", Ring: ring, Spread: spread, Platform: &twoItems{}, Endpoint: Endpoint{URL: "tcp://broker:1883"}}
			first := true
			c.Endpoint.Dial = func(context.Context, string, string) (net.Conn, error) {
				mu.Lock()
				defer mu.Unlock()
				if first {
					first, came = false, append(came, time.Since(began))
				}
				return nil, errors.New("down")
			}
			u, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() { u.Run(ctx) })
		}
		time.Sleep(spread / 2)
		mu.Lock()
		half := len(came)
		mu.Unlock()
		time.Sleep(spread/2 + time.Second)
		cancel()
		all.Wait()
		if len(came) != boards || half < boards/4 || half > boards*3/4 {
			t.Errorf("%d have come after half of the spread and %d in all, want about %d and %d", half, len(came), boards/2, boards)
		}
	})
}
