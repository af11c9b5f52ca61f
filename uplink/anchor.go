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
	began, found, sure := u.find(boot, seq-1, ^uint64(0))
	if !found && sure { // the clock may have been trusted before it was doubted
		began, found, sure = u.find(boot, 0, seq)
	}
	if found || sure {
		u.anchors[boot] = began // looked for once
	}
	return began, found
}

// find looks for a record that dates a start, after a number and before another.
// Not sure: the flash did not let itself be read.
func (u *Uplink) find(boot uint32, after, before uint64) (began time.Time, found, sure bool) {
	rd := u.Ring.NewReader(after)
	n := 0
	for e, ok := rd.Next(); ok && (e.Gap != nil || e.Seq < before); e, ok = rd.Next() {
		if n++; n%4096 == 0 && u.Alive != nil { // it may be much of the ring
			u.Alive()
		}
		if e.Gap != nil {
			continue
		}
		of, began, trusted, ok := meter.Began(e.Data)
		switch {
		case !ok:
		case of == boot && trusted:
			return began, true, true
		case of != boot && after > 0:
			return time.Time{}, false, true
		}
	}
	return time.Time{}, false, !rd.Stuck()
}
