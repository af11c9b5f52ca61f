package uplink

import (
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// unitOf reads a record; false if it is of a later version, or none at all.
func unitOf(seq uint64, data []byte) (Unit, bool) {
	u := Unit{Seq: seq}
	if meter.IsEvent(data) {
		u.Event = &meter.Event{}
		return u, u.Event.UnmarshalBinary(data) == nil
	}
	u.Reading = &meter.Reading{}
	return u, u.Reading.UnmarshalBinary(data) == nil
}

// meter is that of the unit; zero is the board itself.
func (u Unit) meter() dlt645.Address {
	if u.Event != nil {
		return u.Event.Meter
	}
	return u.Reading.Meter
}

// private reports whether a unit is for the board's own record alone: that a
// command is about to be carried out.
func (u Unit) private() bool {
	return u.Event != nil && u.Event.Command != nil && !u.Event.Command.Done
}

// Then gives when a moment of this run was, by the clock as it is set now.
func Then(now, moment time.Time) time.Time { return now.Add(moment.Sub(now)) }

// Stamp reads a platform's time in s or in ms: what would be a year after 5000 in
// seconds is in ms. Zero if it is none.
func Stamp(n int64) time.Time {
	switch {
	case n <= 0:
		return time.Time{}
	case n > 1e11:
		return time.UnixMilli(n)
	}
	return time.Unix(n, 0)
}

// dated is the outcome of dating a reading.
type dated uint8

const (
	datedNow   dated = iota // the time is good
	datedLater              // it will be known when the clock is trusted
	datedNever              // the start that it belongs to is gone
)
