package uplink

// sizing is how large a message may be that nothing but its size may have kept
// from getting through: a broker that takes less than the platform allows ends
// the connection over it, or drops it without a word. Such a message is halved,
// and so is what comes after it, before it goes out. The bound is lifted again
// step by step as messages get through that are near it.
type sizing struct {
	most int // bytes; 0: no bound
	good int // messages near the bound that got through
	need int // of them, before it is doubled
	got  int // the largest that got through
}

const (
	// leastSize is what any broker takes.
	leastSize = 512
	// firstNeed and mostNeed bound how soon a larger message is tried, which costs
	// some connections where it is too large.
	firstNeed = 4
	mostNeed  = 1 << 12
	// unbounded is more than any platform allows.
	unbounded = 256 << 10
)

// tooLarge takes note of a message that did not get through.
func (s *sizing) tooLarge(size int) {
	if size <= leastSize {
		return
	}
	s.got = min(s.got, size-1) // it may have been another broker
	s.most, s.good = max(size/2, leastSize), 0
	s.need = min(max(4*s.need, firstNeed), mostNeed)
}

// accepted takes note of one that did.
func (s *sizing) accepted(size int) {
	s.got = max(s.got, size)
	if s.most == 0 || size <= s.most/2 {
		return
	}
	if s.good++; s.good < s.need {
		return
	}
	s.good = 0
	if s.most *= 2; s.most > unbounded {
		s.most = 0
	}
}

// tries reports whether a message is larger than any that got through, where
// there is a bound: its size is the first thing to suspect.
func (s *sizing) tries(size int) bool { return s.most > 0 && size > s.got }

// fits reports whether a message may go as it is.
func (s *sizing) fits(size int) bool { return s.most == 0 || size <= s.most }
