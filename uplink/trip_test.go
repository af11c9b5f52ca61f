package uplink

import (
	"testing"
	"time"
)

func TestTripsKeepTheLast(t *testing.T) {
	var trips Trips
	if got := trips.Percentile(0.5); got != 0 {
		t.Errorf("got %v of none", got)
	}
	for i := range 1000 {
		trips.add(time.Duration(i) * time.Millisecond)
	}
	// 936 to 999 ms are left.
	for share, want := range map[float64]time.Duration{0: 936, 0.5: 967, 0.99: 998, 1: 999} {
		if got := trips.Percentile(share); got != want*time.Millisecond {
			t.Errorf("%v: got %v, want %v ms", share, got, want)
		}
	}
}
