package station

import (
	"testing"
	"time"

	"meterd/board"
	"meterd/meter"
	"meterd/store"
)

func TestAGapIsToldWithItsTimes(t *testing.T) {
	since, until := time.Unix(1800000000, 0), time.Unix(1800003600, 0)
	for want, g := range map[string]store.Gap{
		"":                              {},
		", since 2027-01-15T08:00:00Z":  {Since: since},
		", before 2027-01-15T09:00:00Z": {Until: until},
		", 2027-01-15T08:00:00Z to before 2027-01-15T09:00:00Z": {Since: since, Until: until},
	} {
		if got := gapTimes(g); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestWhatWasBeforeTheSystemsStartCanBeRead: the outcome of a command that was at
// work when the power went is recorded after the next start.
func TestWhatWasBeforeTheSystemsStartCanBeRead(t *testing.T) {
	sh := &shift{Station: &Station{clock: &board.Clock{}, boot: 7, uptime: func() time.Duration { return 30 * time.Second }}}
	for ago, want := range map[time.Duration]uint32{0: 7, 20 * time.Second: 7, 5 * time.Minute: 0} {
		e := meter.Event{Time: time.Now().Add(-ago), Kind: "relay", By: "u", Text: "trip", Command: &meter.CommandRecord{ID: "r1", Done: true, Outcome: meter.Unconfirmed}}
		sh.date(&e)
		r := meter.Reading{Time: e.Time, Round: e.Time}
		sh.stamp(&r)
		rec, err := e.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		var back meter.Event
		if err := back.UnmarshalBinary(rec); err != nil || back.Boot != want || r.Boot != want {
			t.Errorf("%v ago: %v, in starts %d and %d, want %d", ago, err, back.Boot, r.Boot, want)
		}
	}
}
