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

// Before gives a number after which all records since a time stand. It looks
// at a few records, each four times as far back as the one before.
func Before(ctx context.Context, ring *store.Ring, from time.Time) uint64 {
	s := ring.Stats()
	for back := uint64(256); back < s.Last && ctx.Err() == nil; back *= 4 {
		seq := s.Last - back
		if seq < s.First {
			break
		}
		rd := ring.NewReader(seq)
		e, ok := rd.Next()
		if ok && e.Gap == nil {
			if at, dated := meter.Taken(e.Data); dated && at.Before(from) {
				return seq
			}
		}
	}
	return 0
}
