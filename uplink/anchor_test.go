package uplink

import (
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

func TestAnEarlierStartIsDatedByWhatItKnewLater(t *testing.T) {
	ring := newRing(t, 8<<20)
	began := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	wrong := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	add := func(boot uint32, uptime time.Duration, trusted bool) uint64 {
		r := meter.Reading{Meter: dlt645.Address{1}, Boot: boot, Uptime: uptime, Trusted: trusted, Time: wrong.Add(uptime), Round: wrong.Add(uptime - time.Second)}
		if trusted {
			r.Time, r.Round = began.Add(uptime), began.Add(uptime)
		}
		rec, _ := r.AppendBinary(nil)
		seq, err := ring.Append(rec)
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	never := add(4, time.Minute, false)
	first := add(5, 3*time.Minute, false)
	add(5, 4*time.Minute, false)
	e := meter.Event{Kind: meter.EventClock, Boot: 5, Uptime: 5 * time.Minute, Time: began.Add(5 * time.Minute), Trusted: true}
	rec, _ := e.AppendBinary(nil)
	if _, err := ring.Append(rec); err != nil {
		t.Fatal(err)
	}
	last := add(6, time.Minute, false)

	u := &Uplink{Config: Config{Ring: ring, Clock: func(now time.Time) (bool, uint32, time.Duration) { return false, 6, time.Hour }}}
	read := func(seq uint64) *meter.Reading {
		e, ok := ring.NewReader(seq - 1).Next()
		var r meter.Reading
		if !ok || r.UnmarshalBinary(e.Data) != nil {
			t.Fatalf("record %d cannot be read", seq)
		}
		return &r
	}
	for _, c := range []struct {
		seq  uint64
		want dated
	}{{never, datedNever}, {first, datedNow}, {first + 1, datedNow}, {last, datedLater}} {
		r := read(c.seq)
		if got := u.date(r, time.Now(), c.seq); got != c.want {
			t.Errorf("record %d of start %d: %v, want %v", c.seq, r.Boot, got, c.want)
		}
		if c.want == datedNow && (!r.Time.Equal(began.Add(r.Uptime)) || !r.Trusted || !r.Round.Equal(r.Time.Add(-time.Second))) {
			t.Errorf("record %d is dated %v, round %v", c.seq, r.Time, r.Round)
		}
	}
}
