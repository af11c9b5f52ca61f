// Package record looks into the ring for what is asked by time: records have
// numbers, and only most of them a time that can be believed.
//
// It owns nothing and never writes.
package record

import (
	"context"
	"time"

	"meterd/meter"
	"meterd/store"
)

// After gives the time of the first record after a number that has one; false
// if there is none nearby.
func After(ring *store.Ring, seq uint64) (time.Time, bool) {
	rd := ring.NewReader(seq)
	for range 64 { // a gap or two may stand before it, and what was made up
		e, ok := rd.Next()
		if !ok {
			break
		}
		var r meter.Reading
		if e.Gap == nil && (r.UnmarshalBinary(e.Data) != nil || !r.Recalled) {
			return meter.Taken(e.Data)
		}
	}
	return time.Time{}, false
}

// Recent gives a number after which all records of the last while stand, before
// the newest one. Within one start of the system its uptime counts, since the
// clock may have been set in between. It looks at records as Before does.
func Recent(ctx context.Context, ring *store.Ring, while time.Duration) uint64 {
	newest, ok := momentOf(ring, ring.Last()-min(1, ring.Last()))
	if !ok {
		return 0
	}
	return backTo(ctx, ring, func(seq uint64) bool {
		m, ok := momentOf(ring, seq)
		switch {
		case !ok:
			return false
		case m.boot == newest.boot && m.boot != 0:
			return newest.uptime-m.uptime > while
		}
		return m.dated && newest.dated && newest.at.Sub(m.at) > while
	})
}

// moment is when a record was made.
type moment struct {
	at     time.Time
	dated  bool // the clock was to be trusted
	boot   uint32
	uptime time.Duration
}

// momentOf gives that of the record after a number; false if there is none, or
// it tells of another time than that at which it was made.
func momentOf(ring *store.Ring, after uint64) (moment, bool) {
	e, ok := ring.NewReader(after).Next()
	if !ok || e.Gap != nil {
		return moment{}, false
	}
	var r meter.Reading
	if r.UnmarshalBinary(e.Data) == nil {
		return moment{r.Time, r.Trusted, r.Boot, r.Uptime}, !r.Recalled
	}
	var ev meter.Event
	if ev.UnmarshalBinary(e.Data) == nil {
		return moment{ev.Time, ev.Trusted, ev.Boot, ev.Uptime}, !ev.Recalled
	}
	return moment{}, false
}

// Before gives a number after which all records since a time stand.
func Before(ctx context.Context, ring *store.Ring, from time.Time) uint64 {
	return backTo(ctx, ring, func(seq uint64) bool {
		e, ok := ring.NewReader(seq).Next()
		if !ok || e.Gap != nil {
			return false
		}
		at, dated := meter.Taken(e.Data)
		return dated && at.Before(from)
	})
}

// backTo gives a number at which the records are old. It looks at a few, each
// four times as far back as the one before; 0 if none of them is.
func backTo(ctx context.Context, ring *store.Ring, old func(seq uint64) bool) uint64 {
	s := ring.Stats()
	for back := uint64(256); back < s.Last && ctx.Err() == nil; back *= 4 {
		seq := s.Last - back
		if seq < s.First {
			break
		}
		if old(seq) {
			return seq
		}
	}
	return 0
}
