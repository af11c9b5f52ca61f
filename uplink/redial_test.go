package uplink

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
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
