package uplink

import (
	"time"

	"meterd/meter"
)

// mostAnchors bounds how many starts of the system are remembered.
const mostAnchors = 64

// anchor tells when an earlier start of the system began; false if no record
// of it knows. What was taken before the clock was trusted is followed by
// records that date it: readings, or the event that tells of the trust. They
// stand after it, before those of the next start.
func (u *Uplink) anchor(boot uint32, seq uint64) (time.Time, bool) {
	if began, ok := u.anchors[boot]; ok {
		return began, !began.IsZero()
	}
	if u.anchors == nil || len(u.anchors) >= mostAnchors {
		u.anchors = map[uint32]time.Time{}
	}
	u.anchors[boot] = time.Time{} // looked for once
	rd := u.Ring.NewReader(seq - 1)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if e.Gap != nil {
			continue
		}
		of, began, trusted, ok := meter.Began(e.Data)
		if !ok {
			continue
		}
		if of != boot {
			break
		}
		if trusted {
			u.anchors[boot] = began
			return began, true
		}
	}
	return time.Time{}, false
}
