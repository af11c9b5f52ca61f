package uplink

import (
	"cmp"
	"slices"

	"meterd/dlt645"
)

// record is a reading or an event that was read and is not settled.
type record struct {
	seq  uint64
	left int // messages that are not settled; parked counts as one
}

// ledger is the account of the records that were read: which are on their way,
// which wait for their meter, and so how far the cursor may move. It holds
// numbers alone and does no I/O.
//
//	note ─► begin ─► open ─────────────────────────► settle
//	                  │                                ▲
//	                  └─► park ─► parked ─► unpark ────┘
//	                        │       ▲
//	                        └─► passed ─► candidate, repark
//
// A meter that the platform does not know yet holds up its own records only:
// they are parked, and where too many are, passed over.
type ledger struct {
	open    []*record // in the order of their numbers; those that are parked too
	taken   uint64    // the last number that was read
	run     int       // counts where the numbers do not go on
	meters  map[dlt645.Address]*missed
	parked  int     // records, of all meters, but for those that were passed over
	skipped int     // records that were passed over, of all meters
	count   *Counts // Readings are counted here
}

// missed are the records of a meter that wait until the platform takes it.
type missed struct {
	parked []uint64  // they are open
	passed []stretch // they are not even parked, and are read again then
	went   bool      // a record went out since one was passed over
}

// stretch is a run of numbers in which records of a meter were passed over,
// because too many were parked already. It costs no memory for each record:
// they are read again when the meter is known. Every record of the meter in
// it was passed over.
type stretch struct {
	from, to uint64
	n        int // records of the meter that are left in it
	run      int // in which they were read
}

const (
	// mostParked is how many records wait for their meters.
	mostParked = 32768
	// mostStretches is how many of them a meter may have. Where there are more,
	// the delivery waits for the meter.
	mostStretches = 1024
)

func newLedger(count *Counts, meters []dlt645.Address) ledger {
	l := ledger{count: count, meters: map[dlt645.Address]*missed{}}
	for _, a := range meters {
		l.meters[a] = &missed{}
	}
	return l
}

// note takes note of numbers that came from the source.
func (l *ledger) note(from, to uint64) {
	if from != l.taken+1 {
		l.run++
	}
	l.taken = to
}

func (l *ledger) search(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(l.open, seq, func(r *record, seq uint64) int { return cmp.Compare(r.seq, seq) })
}

// begin takes a record up, in the place of its number.
func (l *ledger) begin(rec *record) {
	i, _ := l.search(rec.seq)
	l.open = slices.Insert(l.open, i, rec)
}

// drop forgets a record that will be read again; false if it is settled.
func (l *ledger) drop(rec *record) bool {
	i, ok := l.search(rec.seq)
	if ok {
		l.open = slices.Delete(l.open, i, i+1)
	}
	return ok
}

// settle marks a record as done.
func (l *ledger) settle(rec *record) {
	if l.drop(rec) {
		l.count.Readings++
	}
}

// settleOne marks one message of a record as done.
func (l *ledger) settleOne(rec *record) {
	if rec.left--; rec.left <= 0 {
		l.settle(rec)
	}
}

// settleAll marks a message of some records as done.
func (l *ledger) settleAll(recs []*record) {
	for _, rec := range recs {
		l.settleOne(rec)
	}
}

// cursor tells how far everything is settled, where all up to floor was read.
func (l *ledger) cursor(floor uint64) uint64 {
	if len(l.open) > 0 {
		floor = min(floor, l.open[0].seq-1)
	}
	if first := l.passedOver(); first > 0 {
		floor = min(floor, first-1)
	}
	return floor
}

// waiting is how many records are not settled.
func (l *ledger) waiting() int { return len(l.open) + l.skipped }

// park keeps a record until its meter takes it; false if it cannot be
// remembered. Then it is not open any more.
func (l *ledger) park(a dlt645.Address, rec *record) bool {
	m := l.meters[a]
	if len(m.passed) > 0 || l.parked >= mostParked {
		l.drop(rec)
		return l.pass(m, rec.seq)
	}
	rec.left = 1
	m.parked = append(m.parked, rec.seq)
	l.parked++
	return true
}

// oldest gives the oldest record of a meter that is parked; false if none is.
func (l *ledger) oldest(a dlt645.Address) (*record, bool) {
	m := l.meters[a]
	if len(m.parked) == 0 {
		return nil, false
	}
	if i, ok := l.search(m.parked[0]); ok {
		return l.open[i], true
	}
	return &record{seq: m.parked[0]}, true
}

// unpark takes the oldest record of a meter out of the park. It stays open.
func (l *ledger) unpark(a dlt645.Address) {
	m := l.meters[a]
	m.parked = m.parked[1:]
	l.parked--
}

// pass passes a record over; false if it cannot be remembered.
func (l *ledger) pass(m *missed, seq uint64) bool {
	if i := len(m.passed) - 1; i >= 0 && m.passed[i].run == l.run && !m.went {
		m.passed[i].to = seq
		m.passed[i].n++
		l.skipped++
		return true
	}
	if len(m.passed) >= mostStretches {
		return false
	}
	l.skipped++
	m.passed, m.went = append(m.passed, stretch{seq, seq, 1, l.run}), false
	return true
}

// candidate gives the next number that may be of a record that was passed over,
// 0 where a stretch ends instead. What is left of that is gone: it was
// overwritten meanwhile.
func (l *ledger) candidate(m *missed) (seq uint64, gone int) {
	s := &m.passed[0]
	if s.n == 0 || s.from > s.to {
		l.skipped -= s.n
		m.passed = m.passed[1:]
		return 0, s.n
	}
	s.from++
	return s.from - 1, 0
}

// repark parks the record that a candidate was.
func (l *ledger) repark(m *missed, seq uint64) {
	m.passed[0].n--
	l.skipped--
	l.begin(&record{seq: seq, left: 1})
	m.parked = append(m.parked, seq)
	l.parked++
}

// passedOver gives the lowest number that may be of a record that was passed
// over; 0 if none was.
func (l *ledger) passedOver() (first uint64) {
	if l.skipped == 0 {
		return 0
	}
	for _, m := range l.meters {
		for _, s := range m.passed {
			if s.n > 0 && (first == 0 || s.from < first) {
				first = s.from
			}
		}
	}
	return first
}

// owes reports whether records of a meter wait for it.
func (l *ledger) owes(a dlt645.Address) bool {
	m := l.meters[a]
	return m != nil && len(m.parked)+len(m.passed) > 0
}
