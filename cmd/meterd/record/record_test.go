package record

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

var began = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// newRing holds that many readings, a minute from one to the next; every
// fifth was taken while the clock was doubted.
func newRing(t *testing.T, records int) *store.Ring {
	t.Helper()
	ring, err := store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: 4 << 20}, Flush: time.Hour, Codec: meter.Packing{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close() })
	for n := range records {
		at := began.Add(time.Duration(n) * time.Minute)
		r := meter.Reading{Meter: dlt645.Address{1}, Time: at, Round: at, Trusted: n%5 != 4,
			Values: []meter.PointValue{{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}}}}
		rec, err := r.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ring.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	return ring
}

func TestTimeIsToldOnlyWhereItCanBeBelieved(t *testing.T) {
	reading := func(trusted bool) []byte {
		r := meter.Reading{Meter: dlt645.Address{1}, Time: began, Round: began, Trusted: trusted}
		b, _ := r.AppendBinary(nil)
		return b
	}
	event := func(trusted bool) []byte {
		e := meter.Event{Kind: meter.EventConfig, Time: began, Trusted: trusted}
		b, _ := e.AppendBinary(nil)
		return b
	}
	for _, c := range []struct {
		what   string
		record []byte
		want   bool
	}{
		{"a reading", reading(true), true},
		{"a reading of a doubted clock", reading(false), false},
		{"an event", event(true), true},
		{"an event of a doubted clock", event(false), false},
		{"a cut event", event(true)[:3], false},
		{"a cut reading", reading(true)[:3], false},
		{"nothing", nil, false},
	} {
		if at, ok := meter.Taken(c.record); ok != c.want || ok && !at.Equal(began) {
			t.Errorf("%s: %v, %v", c.what, at, ok)
		}
	}
}

// TestBeforeGivesAllSinceATime: from the number that it gives, no record since
// the time is missing, and where the ring is long not all of it is read.
func TestBeforeGivesAllSinceATime(t *testing.T) {
	const records = 5000
	ring := newRing(t, records)
	last := ring.Last()
	for _, back := range []int{0, 1, 10, 255, 256, 300, 1000, 1200, 4000, 4999, 6000} {
		from := began.Add(time.Duration(records-1-back) * time.Minute)
		seq := Before(context.Background(), ring, from)
		first := max(int64(last)-int64(back), int64(ring.Stats().First))
		if int64(seq) >= first {
			t.Errorf("since %d minutes ago: after %d, but %d is wanted", back, seq, first)
		}
		if back < 1000 && seq == 0 {
			t.Errorf("since %d minutes ago: the whole ring is read", back)
		}
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if seq := Before(ended, ring, began.Add(records*time.Minute)); seq != 0 {
		t.Errorf("for nobody any more: after %d", seq)
	}
}

func TestAfterGivesTheNextRecordsTime(t *testing.T) {
	ring := newRing(t, 10)
	first := ring.Stats().First
	if at, ok := After(ring, first-1); !ok || !at.Equal(began) {
		t.Errorf("the first: %v, %v", at, ok)
	}
	if _, ok := After(ring, first+3); ok {
		t.Error("one of a doubted clock has a time")
	}
	if _, ok := After(ring, ring.Last()); ok {
		t.Error("after the last one there is a time")
	}
}
