package store

import (
	"errors"
	"maps"
	"time"
)

// Stats tells about the ring for people.
type Stats struct {
	CapacityBytes int64 // 0: there is no medium
	UsedBytes     int64
	First, Last   uint64 // numbers of the oldest and the newest record; Last < First: none
	Held          uint64 // the last number that the medium itself names: an unclean end skips those after it
	Waiting       int    // records that are not durable yet
	Dropped       int    // records that were given up in memory because no commit worked
	Corrupt       int    // damaged places met
	Torn          bool   // a write was torn when the store was last closed
	Emptied       bool   // it was made before, and holds nothing at all
	Far           bool   // the next number that is given lies far away
	BytesWritten  int64
	Commits       int
	Failures      int
	LastErr       string         // of the last commit, "" if it worked
	Foreign       bool           // there is no medium, because what stands at its path is no ring that this program reads
	Lost          map[string]int // records that were overwritten or dropped before a cursor had passed them
	Unseen        map[string]int // records that were overwritten after the position that a cursor has now
	// UnseenSince is when the first of those was taken, where that is known.
	UnseenSince map[string]time.Time
	// Holds is how long it takes to write the whole ring at the pace of the
	// last hour or two; 0: not known yet.
	Holds time.Duration
}

// Stats tells about the ring.
func (r *Ring) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Lost = maps.Clone(s.Lost)
	s.Unseen = map[string]int{}
	s.UnseenSince = map[string]time.Time{}
	for name, n := range r.unseen {
		s.Unseen[name] = int(n)
		if at := r.unseenAt[name]; at > 0 {
			s.UnseenSince[name] = time.UnixMilli(int64(at))
		}
	}
	s.Foreign = errors.Is(r.gone, ErrForeign) || errors.Is(r.gone, ErrVersion)
	s.Far, s.Held = r.far, r.held
	s.Last = r.next - 1
	s.Waiting = len(r.pending)
	s.First = r.first
	if r.written {
		s.UsedBytes = int64(r.newest+1-r.lowest) * int64(r.medium.segmentSize)
	}
	s.Holds = r.pace.holds(time.Now(), s.BytesWritten, s.CapacityBytes)
	return s
}

// pace measures how fast the ring is written: from the beginning of the last
// whole hour.
type pace struct {
	from, hour       time.Time
	fromAt, hourByte int64
}

// leastPace is how long is measured before anything is said.
const leastPace = 10 * time.Minute

func (p *pace) start(now time.Time) { p.from, p.hour = now, now }

// holds gives how long a capacity lasts, 0 if it is not known yet.
func (p *pace) holds(now time.Time, written, capacity int64) time.Duration {
	p.roll(now, written)
	took, bytes := now.Sub(p.from), written-p.fromAt
	if took < leastPace || bytes <= 0 || capacity == 0 {
		return 0
	}
	hours := float64(capacity) / float64(bytes) * took.Hours()
	return time.Duration(min(hours, 24*365*100)) * time.Hour
}

func (p *pace) roll(now time.Time, written int64) {
	if now.Sub(p.hour) >= time.Hour {
		p.from, p.fromAt = p.hour, p.hourByte
		p.hour, p.hourByte = now, written
	}
}
