package meter

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Record is what should be there of a meter, of one kind of its memory, and is
// not. It is kept with what was learned, so that a hole is known over restarts
// without a look through the ring. It reads no clock itself.
//
// The moments of a record are the multiples of its step on the wall clock. Each
// is judged once: read live, or a hole. A hole is made up from the meter's
// memory, or counted as missing with its cause.
type Record struct {
	Of    Memory `json:"of"`
	Step  int64  `json:"step"`            // seconds from moment to moment
	Every int64  `json:"every,omitempty"` // seconds between the rounds that read it live; 0: none does
	// Points are the names of what is recorded.
	Points []string `json:"points,omitempty"`
	Next   int64    `json:"next"` // the first moment that was not judged, in seconds since 1970
	// Began is when it was first looked at: what lies before is made up as far as
	// the meter has it, and is not missed.
	Began int64  `json:"began,omitempty"`
	Holes []Hole `json:"holes,omitempty"` // the oldest first
	Days  []Day  `json:"days,omitempty"`  // the newest first
	// Settles is the day and hour at which the meter settles, "0100": of a record
	// of settlements; "" is not known. Such a record has a moment at each 00:00,
	// to which the settlement of the 24 hours before belongs.
	Settles string `json:"settles,omitempty"`
	// Left tells that it is of an earlier plan, whose holes are left.
	Left bool `json:"left,omitempty"`
	// Out tells that the plan of now has nothing of it. It waits for one that has: a
	// plan that is tried may be taken back.
	Out bool `json:"out,omitempty"`

	of []Point // the same as Points, once somebody has asked; never changes
}

// Hole is a row of moments without a reading.
type Hole struct {
	From  int64    `json:"from"`
	To    int64    `json:"to"` // the last one
	Cause Cause    `json:"cause"`
	Tries int      `json:"tries,omitempty"` // that brought nothing
	After int64    `json:"after,omitempty"` // when it is tried again
	Have  []string `json:"have,omitempty"`  // points that are there of each
}

const (
	// mostHoles bounds the holes that are kept of one meter and kind.
	mostHoles = 24
	// mostDays bounds the days that are told of.
	mostDays = 10
)

func (r *Record) step() time.Duration { return time.Duration(r.Step) * time.Second }

// clone gives a copy that shares nothing.
func (r *Record) clone() Record {
	c := *r
	c.Holes, c.Days = slices.Clone(r.Holes), slices.Clone(r.Days)
	for i := range c.Days {
		c.Days[i].Causes = maps.Clone(c.Days[i].Causes)
	}
	return c
}

// moment gives the first moment that is not before t.
func (r *Record) moment(t time.Time) time.Time {
	if last := lastRound(t, r.step(), t.Location()); last.Equal(t) {
		return last
	}
	return nextRound(t, r.step(), t.Location())
}

func (r *Record) after(t time.Time) time.Time { return nextRound(t, r.step(), t.Location()) }

// begin makes the record ready: what lies within back is looked at. What was not
// judged and lies before counts as missing; that gives the number of values.
func (r *Record) begin(now time.Time, back time.Duration) (values int) {
	r.setBack(now)
	if r.Began == 0 {
		r.Began = now.Unix()
	}
	first := r.moment(now.Add(-back))
	switch next := time.Unix(r.Next, 0).In(now.Location()); {
	case r.Next == 0:
		r.Next = first.Unix()
	case next.Before(first):
		r.Next = first.Unix()
		if told := now.AddDate(0, 0, -mostDays); next.Before(told) {
			next = told
		}
		if from, to := r.moment(next), r.before(first); !from.After(to) {
			r.row(from, to, CauseOld, len(r.Points))
			values = r.missing(from, to, CauseOld, len(r.Points))
		}
	}
	return values
}

// setBack forgets what a clock that was far ahead has told of moments to come. They
// are judged when they come.
func (r *Record) setBack(now time.Time) {
	ahead := now.Add(48 * time.Hour).Unix()
	if r.Began > ahead {
		r.Began = now.Unix()
	}
	if r.Next <= ahead {
		return
	}
	next := r.moment(now)
	r.Next = next.Unix()
	if n := len(r.Holes); n > 0 {
		r.take(next, time.Unix(r.Holes[n-1].To, 0))
	}
	r.Days = slices.DeleteFunc(r.Days, func(d Day) bool { return d.Day > now.Format(time.DateOnly) })
}

// look judges the moments that are past by now, but for those of which a round
// may still come within grace. It reports whether there are new holes.
func (r *Record) look(now time.Time, grace time.Duration, cause Cause, points int) (found bool) {
	first, last := r.moment(time.Unix(r.Next, 0).In(now.Location())), lastRound(now.Add(-grace), r.step(), now.Location())
	if first.After(last) {
		return false
	}
	r.row(first, last, cause, points)
	r.Next = r.after(last).Unix()
	return true
}

// row notes moments without a reading, from one to another.
func (r *Record) row(from, to time.Time, cause Cause, points int) {
	if n := len(r.Holes); n > 0 {
		last := &r.Holes[n-1]
		if last.Cause == cause && last.Have == nil && last.Tries == 0 && r.after(time.Unix(last.To, 0).In(from.Location())).Equal(from) {
			last.To = to.Unix()
			return
		}
	}
	r.insert(Hole{From: from.Unix(), To: to.Unix(), Cause: cause}, from.Location(), points)
}

// insert keeps a hole, in their order. Where there are too many the oldest
// counts as missing.
func (r *Record) insert(h Hole, zone *time.Location, points int) {
	i, _ := slices.BinarySearchFunc(r.Holes, h.From, func(o Hole, from int64) int { return int(min(max(o.From-from, -1), 1)) })
	r.Holes = slices.Insert(r.Holes, i, h)
	r.join(zone)
	for len(r.Holes) > mostHoles {
		r.missing(time.Unix(r.Holes[0].From, 0).In(zone), time.Unix(r.Holes[0].To, 0).In(zone), CauseMany, points)
	}
}

// join makes one row of those that follow each other and are alike. It is tried
// again when the last of it is.
func (r *Record) join(zone *time.Location) {
	joined := r.Holes[:0]
	for _, h := range r.Holes {
		if n := len(joined); n > 0 {
			last := &joined[n-1]
			if last.Cause == h.Cause && last.Tries == h.Tries && slices.Equal(last.Have, h.Have) && r.after(time.Unix(last.To, 0).In(zone)).Unix() == h.From {
				last.To, last.After = h.To, max(last.After, h.After)
				continue
			}
		}
		joined = append(joined, h)
	}
	r.Holes = joined
}

// take takes the moments from one to another out of the holes, and reports
// whether there were any.
func (r *Record) take(from, to time.Time) (taken bool) {
	var left []Hole
	for _, h := range r.Holes {
		if h.To < from.Unix() || h.From > to.Unix() {
			left = append(left, h)
			continue
		}
		taken = true
		if h.From < from.Unix() {
			before := h
			before.To = r.before(from).Unix()
			left = append(left, before)
		}
		if h.To > to.Unix() {
			after := h
			after.From = r.after(to).Unix()
			left = append(left, after)
		}
	}
	r.Holes = left
	return taken
}

// before gives the last moment before t.
func (r *Record) before(t time.Time) time.Time {
	return lastRound(t.Add(-time.Second), r.step(), t.Location())
}

// usualSettlement is when meters settle that nobody has told another day: the
// 1st at 00:00.
const usualSettlement = "0100"

// settled gives the settlement that belongs to a moment; false if there is none.
func (r *Record) settled(moment time.Time) (at time.Time, ok bool) {
	s := cmp.Or(r.Settles, usualSettlement)
	day, hour := int(s[0]-'0')*10+int(s[1]-'0'), int(s[2]-'0')*10+int(s[3]-'0')
	at = moment
	if hour > 0 {
		at = time.Date(moment.Year(), moment.Month(), moment.Day()-1, hour, 0, 0, 0, moment.Location())
	}
	return at, at.Day() == day
}

// settlesAt reports whether the meter settles at a time, as far as is known.
func (r *Record) settlesAt(t time.Time) bool {
	at, ok := r.settled(r.moment(t))
	return ok && at.Equal(t)
}

// have lists the points that are there of a moment which is a hole.
func (r *Record) have(t time.Time) []string {
	for _, h := range r.Holes {
		if h.From <= t.Unix() && t.Unix() <= h.To {
			return h.Have
		}
	}
	return nil
}

// hole reports whether a moment is one.
func (r *Record) hole(t time.Time) bool {
	return slices.ContainsFunc(r.Holes, func(h Hole) bool {
		return h.From <= t.Unix() && t.Unix() <= h.To && r.moment(t).Equal(t)
	})
}

// tried notes that a row of moments was asked for in vain, and when it is to be
// tried again. What lies next to it is tried at once, as long as there is room for
// one more row.
func (r *Record) tried(from, to, again time.Time) (tries int) {
	for i := range r.Holes {
		h := r.Holes[i]
		if h.To < from.Unix() || h.From > to.Unix() {
			continue
		}
		parts := []Hole{h}
		if h.From < from.Unix() && len(r.Holes) < mostHoles {
			before := h
			before.To, parts[0].From = r.before(from).Unix(), from.Unix()
			parts = []Hole{before, parts[0]}
		}
		if h.To > to.Unix() && len(r.Holes)+len(parts) <= mostHoles {
			after := h
			after.From, parts[len(parts)-1].To = r.after(to).Unix(), to.Unix()
			parts = append(parts, after)
		}
		for j := range parts {
			if p := &parts[j]; p.From <= to.Unix() && p.To >= from.Unix() {
				p.Tries++
				p.After = again.Unix()
				tries = p.Tries
			}
		}
		r.Holes = slices.Replace(r.Holes, i, i+1, parts...)
		r.join(from.Location())
		return tries
	}
	return 0
}

// expire counts what lies further back than is made up as missing. What
// somebody asked for stays.
func (r *Record) expire(now time.Time, back time.Duration, points int) (values int) {
	zone := now.Location()
	least := func(h Hole) time.Time {
		if h.Cause == CauseWish {
			return earlier(now.Add(-back), now.Add(-r.Of.Depth()))
		}
		return now.Add(-back)
	}
	for {
		i := slices.IndexFunc(r.Holes, func(h Hole) bool { return h.From < least(h).Unix() })
		if i < 0 {
			return values
		}
		h := r.Holes[i]
		from, to := time.Unix(h.From, 0).In(zone), time.Unix(h.To, 0).In(zone)
		if last := r.before(least(h)); to.After(last) {
			to = last
		}
		cause := CauseOld
		if h.Tries > 0 {
			cause = CauseLine
		}
		if to.Before(from) {
			return values
		}
		values += r.missing(from, to, cause, points)
	}
}

// next gives the hole to fill: the newest one of those whose time has come. A
// moment that is not past yet, since the clock was put back, waits for it.
func (r *Record) next(now time.Time) (h Hole, ok bool) {
	for i := len(r.Holes) - 1; i >= 0; i-- {
		h := r.Holes[i]
		if h.From > now.Unix() {
			continue
		}
		if h.After <= now.Unix() || h.After > now.Add(48*time.Hour).Unix() {
			if h.To > now.Unix() {
				h.To = lastRound(now, r.step(), now.Location()).Unix()
			}
			return h, true
		}
	}
	return Hole{}, false
}

// wish makes a hole of a moment that somebody asks for, besides those that are
// there.
func (r *Record) wish(t time.Time, points int) {
	for i := range r.Holes {
		if h := &r.Holes[i]; h.Have == nil && h.Cause == CauseWish && r.after(time.Unix(h.To, 0).In(t.Location())).Equal(t) {
			h.To = t.Unix()
			return
		}
	}
	r.insert(Hole{From: t.Unix(), To: t.Unix(), Cause: CauseWish}, t.Location(), points)
}
