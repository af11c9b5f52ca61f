package meter

import (
	"slices"
	"strings"
	"time"
)

// How whole the days of a record are.

// Day is how whole the record of a day is, in values.
type Day struct {
	Day     string        `json:"day"` // "2026-11-20"
	Live    int           `json:"live,omitempty"`
	Made    int           `json:"made,omitempty"` // from the meter's memory
	Missing int           `json:"missing,omitempty"`
	Causes  map[Cause]int `json:"causes,omitempty"` // of the missing
}

// got takes a reading of a moment, live or made up, with some of the points
// that there should be. If some are missing, the moment is a hole for those.
// What was skipped on the way to it is judged, too. It gives how many of the
// points were not there before.
func (r *Record) got(t time.Time, names []string, points int, made bool, cause Cause) (fresh int) {
	var have []string
	if t.Unix() >= r.Next {
		if first := r.moment(time.Unix(r.Next, 0).In(t.Location())); first.Before(t) {
			r.row(first, r.before(t), cause, points)
		}
		r.Next = r.after(t).Unix()
	} else {
		have = slices.Clone(r.have(t))
		if !r.take(t, t) {
			return 0 // it was judged, and is no hole: a reading that comes twice
		}
	}
	for _, name := range names {
		if !slices.Contains(have, name) {
			have = append(have, name)
			fresh++
		}
	}
	if d := r.day(t); made {
		d.Made += fresh
	} else {
		d.Live += fresh
	}
	if len(have) < points {
		r.insert(Hole{From: t.Unix(), To: t.Unix(), Cause: CauseValue, Have: have}, t.Location(), points)
	}
	return fresh
}

// missing notes that what lacks between two moments cannot be made up. It gives
// the number of values.
func (r *Record) missing(from, to time.Time, cause Cause, points int) (values int) {
	for _, h := range r.Holes {
		first, last := max(h.From, from.Unix(), r.Began), min(h.To, to.Unix())
		lacking := points - len(h.Have)
		r.eachDay(first, last, from.Location(), func(t time.Time, moments int) {
			d := r.day(t)
			d.Missing += lacking * moments
			if d.Causes == nil {
				d.Causes = map[Cause]int{}
			}
			d.Causes[cause] += lacking * moments
			values += lacking * moments
		})
	}
	r.take(from, to)
	return values
}

// cameAfterAll takes values of a moment that counts as missing: another kind of
// the meter's memory had them.
func (r *Record) cameAfterAll(t time.Time, values int) {
	if n := r.wanted(t, values); n > 0 {
		r.day(t).Made += n
	}
}

// wanted has values of a moment that is no hole count as missing no longer: they are
// there, or asked for again. It gives how many did.
func (r *Record) wanted(t time.Time, values int) (were int) {
	if t.Unix() >= r.Next || t.Unix() < r.Began || !r.moment(t).Equal(t) || r.hole(t) {
		return 0
	}
	d := r.day(t)
	values = min(values, d.Missing)
	d.Missing -= values
	for range values {
		most := chiefOf(d.Causes)
		if d.Causes[most]--; d.Causes[most] <= 0 {
			delete(d.Causes, most)
		}
	}
	return values
}

// eachDay calls f for each day that has moments between two times, both in
// seconds since 1970 and with them, with the day's first one and their number.
func (r *Record) eachDay(from, to int64, zone *time.Location, f func(t time.Time, moments int)) {
	end := time.Unix(to, 0).In(zone)
	for t := r.moment(time.Unix(from, 0).In(zone)); !t.After(end); {
		last := r.before(nextRound(t, 24*time.Hour, zone))
		if last.After(end) {
			last = lastRound(end, r.step(), zone)
		}
		n := 1
		switch {
		case r.Of == Month:
			if _, ok := r.settled(t); !ok {
				n = 0
			}
		case r.step() <= time.Hour: // evenly
			n += int(last.Sub(t) / r.step())
		default:
			for at := r.after(t); !at.After(last); at = r.after(at) {
				n++
			}
		}
		if n > 0 {
			f(t, n)
		}
		t = r.after(last)
	}
}

// count adds what another account has of a day.
func (r *Record) count(o Day) {
	d := r.dayOf(o.Day)
	d.Live, d.Made, d.Missing = d.Live+o.Live, d.Made+o.Made, d.Missing+o.Missing
	for c, n := range o.Causes {
		if d.Causes == nil {
			d.Causes = map[Cause]int{}
		}
		d.Causes[c] += n
	}
}

// day gives the account of a moment's day.
func (r *Record) day(t time.Time) *Day { return r.dayOf(t.Format(time.DateOnly)) }

func (r *Record) dayOf(name string) *Day {
	i, found := slices.BinarySearchFunc(r.Days, name, func(d Day, name string) int { return strings.Compare(name, d.Day) })
	if !found {
		r.Days = slices.Insert(r.Days, i, Day{Day: name})
		if len(r.Days) > mostDays {
			if i == mostDays { // older than all: nobody is told
				r.Days = r.Days[:mostDays]
				return &Day{}
			}
			r.Days = r.Days[:mostDays]
		}
	}
	return &r.Days[i]
}

// Lacks counts the values of each day that may still be made up.
func (r *Record) Lacks(zone *time.Location) map[string]int {
	return r.inHoles(zone, func(h Hole) int { return len(r.Points) - len(h.Have) })
}

// Open counts the moments of each day that may still be made up.
func (r *Record) Open(zone *time.Location) map[string]int {
	if r.Of == Month { // nobody knows on which of the days the meter settles
		return map[string]int{}
	}
	return r.inHoles(zone, func(Hole) int { return 1 })
}

// inHoles counts something of which a moment of a hole has so much, by the day.
func (r *Record) inHoles(zone *time.Location, each func(Hole) int) map[string]int {
	days := map[string]int{}
	for _, h := range r.Holes {
		r.eachDay(h.From, h.To, zone, func(t time.Time, moments int) { days[t.Format(time.DateOnly)] += each(h) * moments })
	}
	return days
}
