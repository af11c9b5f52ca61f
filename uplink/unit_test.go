package uplink

import (
	"testing"
	"time"
	"unsafe"
)

// clockSet gives a time as a clock that was set by so much shows it: the
// monotonic clock beside it is what it was.
func clockSet(t time.Time, by time.Duration) time.Time {
	inside := (*struct { // the layout of a time.Time that has a monotonic reading
		wall uint64
		ext  int64
		loc  *time.Location
	})(unsafe.Pointer(&t))
	inside.wall += uint64(by/time.Second) << 30
	return t
}

// TestAMomentBeforeTheClockWasSet has the time that it was by the clock as it is
// set now.
func TestAMomentBeforeTheClockWasSet(t *testing.T) {
	const fast = 3 * time.Hour
	read := time.Now()
	now := clockSet(read.Add(time.Minute), fast)
	if got := now.Round(0).Sub(read.Round(0)); got != fast+time.Minute {
		t.Skipf("a time of this Go has another layout: %v", got)
	}
	if got, want := Then(now, read).UnixMilli(), read.Add(fast).UnixMilli(); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	plain := time.UnixMilli(1700000000456) // without a monotonic reading it is what it says
	if got := Then(time.UnixMilli(1700000100000), plain); !got.Equal(plain) {
		t.Errorf("got %v, want %v", got, plain)
	}
}
