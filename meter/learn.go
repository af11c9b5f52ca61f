package meter

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"meterd/dlt645"
)

// Learned is what is known of one meter beyond its configuration. It is kept
// across restarts; a meter that was replaced loses it.
type Learned struct {
	Address  string               `json:"address"`
	Number   string               `json:"number,omitempty"`   // the meter's own: another one is another meter
	Protocol string               `json:"protocol,omitempty"` // that "auto" found
	Baud     int                  `json:"baud,omitempty"`     // that "auto" found, where it is not the line's
	Lacking  map[string]time.Time `json:"lacking,omitempty"`  // identifiers that it refused or is silent to, and until when this is believed
	Widths   map[string]int       `json:"widths,omitempty"`   // bytes of answers that are not as wide as the table says
	Preamble PreambleState        `json:"preamble"`
	Times    Times                `json:"times"`
	Books    Books                `json:"books"`
	Records  []*Record            `json:"records,omitempty"`
	Events   map[string]chronicle `json:"events,omitempty"`    // by the point that counts them
	Offset   int64                `json:"offset,omitempty"`    // seconds that its clock was ahead, when it was last read
	OffsetAt int64                `json:"offset_at,omitempty"` // when that was, in seconds since 1970
	// WrongFrom is when its clock was last known to be right before it was found
	// wrong, 0 if it never was; WrongUntil when it was found right again, 0 if it
	// was not: records of between may be of other moments than they say.
	WrongFrom  int64  `json:"wrong_from,omitempty"`
	WrongUntil int64  `json:"wrong_until,omitempty"`
	ToldGaps   string `json:"told_gaps,omitempty"` // the day on which it was last told that values are missing for good
	Rating     string `json:"rating,omitempty"`    // kW that the meter can count at most, by its nameplate, without the ratio
	Synced     string `json:"synced,omitempty"`    // the day on which its line was last told the time
	// TakenOut tells that the configuration names it no longer, and that what had not
	// been made up of it was told.
	TakenOut bool `json:"taken_out,omitempty"`
}

// Lacks counts the values of a meter until now that may still be made up.
func (l *Learned) Lacks(now time.Time) (values int) {
	for _, r := range l.Records {
		if r.Out {
			continue
		}
		c := r.clone()
		if !c.Left && c.Next > 0 {
			c.look(now, 0, CauseLine, len(c.Points))
		}
		for _, n := range c.Lacks(now.Location()) {
			values += n
		}
	}
	return values
}

// clone gives a copy that shares nothing.
func (l *Learned) clone() Learned {
	c := *l
	c.Lacking, c.Widths, c.Events = maps.Clone(l.Lacking), maps.Clone(l.Widths), maps.Clone(l.Events)
	c.Times.Counts, c.Books, c.Records = slices.Clone(l.Times.Counts), l.Books.clone(), cloneRecords(l.Records)
	return c
}

const (
	// refusedFor is how long a refusal is believed: meters get replaced and
	// reprogrammed.
	refusedFor = 24 * time.Hour
	// silentFor is how long an identifier is left alone that the meter is silent
	// to, which noise may have done.
	silentFor = time.Hour
	// silentOften is how often in a row a meter must be silent to one.
	silentOften = 3
)

func (l *Learned) lack(di dlt645.DI, until time.Time) {
	if l.Lacking == nil {
		l.Lacking = map[string]time.Time{}
	}
	l.Lacking[di.String()] = until
}

func (l *Learned) lacks(di dlt645.DI, now time.Time) bool {
	return len(l.Lacking) > 0 && now.Before(l.Lacking[di.String()])
}

// tidy forgets what is no longer believed.
func (l *Learned) tidy(now time.Time) {
	for di, until := range l.Lacking {
		if !now.Before(until) || until.Sub(now) > refusedFor { // or the clock was wrong then
			delete(l.Lacking, di)
		}
	}
}

// noteWidth remembers an answer that is not as wide as the table says.
func (l *Learned) noteWidth(di dlt645.DI, n int) {
	want := dlt645.AnswerWidth(di)
	switch {
	case want == 0 || l.Widths[di.String()] == n:
	case want == n:
		delete(l.Widths, di.String())
	default:
		if l.Widths == nil {
			l.Widths = map[string]int{}
		}
		l.Widths[di.String()] = n
	}
}

// replaced notes the meter's own number. Another one than before means that
// another meter hangs there: what was learned of the old one is forgotten,
// but for what it counted.
func (l *Learned) replaced(number string, since int64) bool {
	if number == "" || number == l.Number {
		return false
	}
	was := l.Number
	l.Number = number
	if was == "" {
		return false
	}
	l.Lacking, l.Widths, l.Preamble, l.Times, l.Rating, l.Events = nil, nil, PreambleState{}, Times{}, "", nil
	l.Offset, l.OffsetAt, l.WrongFrom, l.WrongUntil = 0, 0, 0, 0
	l.Books.replaced(since)
	return true
}

// PreambleState is what was learned of a meter's need for FE bytes: whether
// it answers a request without them.
type PreambleState struct {
	Without int `json:"without"` // requests without FE that were answered
	Missed  int `json:"missed"`  // that were not, while the same with FE was
	Settled int `json:"settled"` // 1: it needs none, 2: it needs them
}

// Preambles of a meter whose need is settled.
const (
	needsNone = 1
	needsFE   = 2
)

// How often a meter must answer, or not, before its need is settled.
const (
	withoutOften = 3
	missedOften  = 3
)

// next gives how many FE bytes the next request gets, of the line's usual.
func (s *PreambleState) next(usual int) int {
	if s.Settled == needsFE {
		return usual
	}
	return 0
}

// answered notes an answer to a request without FE.
func (s *PreambleState) answered() {
	if s.Without++; s.Settled == 0 && s.Without >= withoutOften {
		s.Settled, s.Missed = needsNone, 0
	}
	if s.Without%100 == 0 && s.Missed > 0 {
		s.Missed-- // a lost request now and then has other causes
	}
}

// missed notes a request without FE that was lost, and was answered with.
func (s *PreambleState) missed() {
	if s.Missed++; s.Missed >= missedOften {
		s.Settled = needsFE
	}
}

// Text tells the state for the console.
func (s *PreambleState) Text() dlt645.Text {
	switch s.Settled {
	case needsNone:
		return dlt645.Text{EN: "needs no FE", ZH: "无需前导字节"}
	case needsFE:
		return dlt645.Text{EN: "needs FE", ZH: "需要前导字节"}
	}
	return dlt645.Text{EN: "not known yet", ZH: "未知"}
}

// Times are the answer times of one meter: how many lay under each bound.
type Times struct {
	Counts []uint32 `json:"counts,omitempty"`
	N      uint32   `json:"n,omitempty"`
	Lost   int      `json:"-"` // requests in a row that were not answered in time
}

// timeBounds are the upper bounds of the buckets, each a fifth above the one
// before, from 1 ms to over 5 s.
var timeBounds = func() (b [50]time.Duration) {
	d := float64(time.Millisecond)
	for i := range b {
		b[i] = time.Duration(d)
		d *= 1.2
	}
	return b
}()

// enoughTimes is how many answers must be known before a time-out is
// learned; halveAt is when old ones begin to count less.
const (
	enoughTimes = 20
	halveAt     = 4000
)

func (t *Times) add(d time.Duration) {
	t.Lost = 0
	if len(t.Counts) != len(timeBounds) {
		t.Counts, t.N = make([]uint32, len(timeBounds)), 0
	}
	i, _ := slices.BinarySearchFunc(timeBounds[:], d, cmp.Compare[time.Duration])
	t.Counts[min(i, len(timeBounds)-1)]++
	if t.N++; t.N < halveAt {
		return
	}
	t.N = 0
	for i := range t.Counts {
		t.Counts[i] /= 2
		t.N += t.Counts[i]
	}
}

// Percentile gives the bound that share of the answers (0 to 1) came within,
// 0 if none is known.
func (t *Times) Percentile(share float64) time.Duration {
	if t.N == 0 {
		return 0
	}
	want, seen := uint32(share*float64(t.N)+0.5), uint32(0)
	for i, n := range t.Counts {
		if seen += n; seen >= max(want, 1) {
			return timeBounds[i]
		}
	}
	return timeBounds[len(timeBounds)-1]
}

// Bucket is how many answers came under a bound, and not under that of the
// bucket before.
type Bucket struct {
	Under time.Duration
	N     int
}

// Buckets gives the answer times from the first that came to the last; nil if
// none is known.
func (t *Times) Buckets() []Bucket {
	var all []Bucket
	last := 0
	for i, n := range t.Counts {
		if n > 0 || len(all) > 0 {
			all = append(all, Bucket{timeBounds[i], int(n)})
		}
		if n > 0 {
			last = len(all)
		}
	}
	return all[:last]
}

const (
	standardTimeout = 500 * time.Millisecond // Td, clause 5.3.3
	leastTimeout    = 150 * time.Millisecond
	// MostTimeout and MostTimeoutTCP bound a learned time-out, on a line and
	// through a serial server.
	MostTimeout    = 2 * time.Second
	MostTimeoutTCP = 5 * time.Second
)

// timeout gives the learned time-out: twice what 99 of 100 answers took, and
// more after each loss. Until 20 answers are known it is not under what the
// standard allows the meter, nor under what the slowest of them took.
func (t *Times) timeout(most time.Duration) time.Duration {
	d := max(2*standardTimeout, t.Percentile(1)+50*time.Millisecond)
	if t.N >= enoughTimes {
		d = max(leastTimeout, 2*t.Percentile(0.99)+50*time.Millisecond)
	}
	for range min(t.Lost, 5) {
		d *= 2
	}
	return min(d, most)
}
