package uplink

import "meterd/store"

// feed reads the ring for one uplink: what is new first, and the backlog
// whenever nothing is, so that a value of now never waits behind those of
// weeks.
type feed struct {
	ring   *store.Ring
	cursor string // of the uplink

	live   *store.Reader
	liveAt uint64 // the last number that live gave

	back  *store.Reader // nil: there is no backlog
	spans []span        // of the backlog, the oldest first; back reads the first

	tried map[uint64]*store.Reader // by the number of a record that was to be read again, and could not be
}

// span is a stretch of numbers that is to be read: after from, up to to.
type span struct {
	from, to uint64
	records  int // that are left in it; an unclean end skips many numbers
}

// liveBehind is how many records a backlog has at least: fewer are read in
// their order.
const liveBehind = 256

func newFeed(ring *store.Ring, cursor string, pos uint64) *feed {
	f := &feed{ring: ring, cursor: cursor, live: ring.NewReader(pos).Of(cursor), liveAt: pos}
	f.renew()
	return f
}

// renew makes a backlog of what live has not read, if that is much. It is
// called when a connection begins.
func (f *feed) renew() {
	last := f.ring.Last()
	behind := f.live.Behind()
	if behind <= liveBehind {
		return
	}
	live := f.ring.NewReader(last)
	f.spans = append(f.spans, span{f.liveAt, last, behind - live.Behind()})
	f.live, f.liveAt = live, last
	if f.back == nil {
		f.back = f.ring.NewReader(f.spans[0].from).Of(f.cursor)
	}
}

// Durable reports whether a record survives a power cut.
func (f *feed) Durable(seq uint64) bool { return f.ring.Durable(seq) }

// Next gives the next record or gap.
func (f *feed) Next() (store.Entry, bool) {
	if e, ok := f.live.Next(); ok {
		f.liveAt = end(e)
		return e, true
	}
	for f.back != nil {
		s := &f.spans[0]
		e, ok := f.back.Next()
		if !ok && f.back.Stuck() { // it is not gone: the flash does not let itself be read
			return store.Entry{}, false
		}
		if !ok || begin(e) > s.to { // the rest of the stretch is gone
			f.endSpan()
			continue
		}
		if e.Gap != nil && e.Gap.To > s.to { // what follows is live's
			gap := *e.Gap
			gap.To = s.to
			if e.Missing = min(e.Missing, s.records); !e.Counted {
				e.Missing = s.records
			}
			e.Gap, e.Counted = &gap, true
		}
		switch {
		case e.Gap == nil:
			s.records = max(0, s.records-1)
		case e.Counted:
			s.records = max(0, s.records-e.Missing)
		}
		if s.from = end(e); s.from >= s.to {
			f.endSpan()
		}
		return e, true
	}
	return store.Entry{}, false
}

func begin(e store.Entry) uint64 {
	if e.Gap != nil {
		return e.Gap.From
	}
	return e.Seq
}

func end(e store.Entry) uint64 {
	if e.Gap != nil {
		return e.Gap.To
	}
	return e.Seq
}

// endSpan goes on to the next stretch of the backlog.
func (f *feed) endSpan() {
	f.spans = f.spans[1:]
	f.back = nil
	if len(f.spans) > 0 {
		f.back = f.ring.NewReader(f.spans[0].from).Of(f.cursor)
	}
}

// Floor is the number up to which everything was read.
func (f *feed) Floor() uint64 {
	if len(f.spans) > 0 {
		return f.spans[0].from
	}
	return f.liveAt
}

// Fresh reports whether a live record comes next.
func (f *feed) Fresh() bool { return f.live.Behind() > 0 }

// Behind tells how many records are not read yet. It may count such that
// damage has taken.
func (f *feed) Behind() int {
	n := f.live.Behind()
	for _, s := range f.spans {
		n += s.records
	}
	return n
}

// Again gives one record. A place that cannot be read is tried by one reader for
// as long as the ring tries it.
func (f *feed) Again(seq uint64) ([]byte, again) {
	rd := f.tried[seq]
	if rd == nil {
		rd = f.ring.NewReader(seq - 1)
	}
	e, ok := rd.Next()
	if !ok && rd.Stuck() {
		if f.tried == nil {
			f.tried = map[uint64]*store.Reader{}
		}
		f.tried[seq] = rd
		return nil, againLater
	}
	delete(f.tried, seq)
	if !ok || e.Gap != nil || e.Seq != seq {
		return nil, againGone
	}
	return e.Data, againThere
}
