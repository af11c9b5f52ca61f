package meter

import "time"

// Began gives for a record when the start of the system that it was made in
// began, by the board's clock: its time less the time since then. Trusted
// tells whether that clock was right; such a record dates all others of the
// same start. False if the record is none of ours, or was made up later.
func Began(record []byte) (boot uint32, at time.Time, trusted, ok bool) {
	if IsEvent(record) {
		var e Event
		if e.UnmarshalBinary(record) != nil {
			return 0, time.Time{}, false, false
		}
		return e.Boot, e.Time.Add(-e.Uptime), e.Trusted && !e.Recalled, !e.Recalled
	}
	var r Reading
	if r.UnmarshalBinary(record) != nil {
		return 0, time.Time{}, false, false
	}
	return r.Boot, r.Time.Add(-r.Uptime), r.Trusted && !r.Recalled, !r.Recalled
}

// Taken gives the time of a record by the board's clock; trusted tells whether that
// was right. False if the record is none of ours, or was made up later from a
// meter's memory.
func Taken(record []byte) (at time.Time, trusted bool) {
	if IsEvent(record) {
		var e Event
		if e.UnmarshalBinary(record) != nil {
			return time.Time{}, false
		}
		return e.Time, e.Trusted && !e.Recalled
	}
	var r Reading
	if r.UnmarshalBinary(record) != nil {
		return time.Time{}, false
	}
	return r.Time, r.Trusted && !r.Recalled
}

// Date gives a reading that was taken while the clock was doubted its time,
// from the moment at which that start of the system began.
func (r *Reading) Date(began time.Time) {
	at := began.Add(r.Uptime).Round(time.Millisecond)
	r.Time, r.Round, r.Trusted = at, at.Add(r.Round.Sub(r.Time)), true
}

// Date is the same for an event.
func (e *Event) Date(began time.Time) {
	e.Time, e.Trusted = began.Add(e.Uptime).Round(time.Millisecond), true
}

// Recalled reports whether a record was made up from a meter's memory. Unlike
// what was read live it can be fetched again if it is lost.
func Recalled(record []byte) bool {
	return len(record) > 2 && record[0] == recordVersion && record[2]&flagRecalled != 0
}
