package meter

import (
	"cmp"
	"slices"
	"time"

	"meterd/dlt645"
)

// lane is a part of what is made up of a meter, whose points have the same
// moments: they are read live by rounds of one period, or by none.
type lane struct {
	History
	step  time.Duration // from moment to moment
	every time.Duration // of the rounds that read it live; 0: none does
	grace time.Duration // after a moment, until which it may still be read live
	zone  *time.Location
	left  *Record // what an earlier plan left to be made up; nil: it is of this plan
}

// loadStep is how far load records usually lie apart.
const loadStep = 15 * time.Minute

// lanes splits what is made up of a meter by how it is read live.
func lanes(h *Handle, zone *time.Location) (all []lane) {
	for _, hist := range h.History {
		for _, p := range hist.Points {
			l := lane{History: History{Of: hist.Of, Points: []Point{p}, Back: hist.Back}, every: readEvery(h, p), zone: zone}
			switch hist.Of {
			case Load:
				l.step = cmp.Or(l.every, loadStep)
			case Hourly:
				l.step = time.Hour
			default:
				l.step = 24 * time.Hour
			}
			if l.every > 0 && l.step%l.every != 0 || hist.Of == Month {
				l.every = 0 // no round falls on its moments
			}
			l.grace = freezeAfter
			if l.every > 0 {
				l.grace = max(l.grace, l.every+time.Minute)
			}
			i := slices.IndexFunc(all, func(o lane) bool { return o.Of == l.Of && o.step == l.step && o.every == l.every })
			if i < 0 {
				all = append(all, l)
				continue
			}
			all[i].Points = append(all[i].Points, p)
		}
	}
	return all
}

// readEvery is the shortest period in which a meter's point is read; 0: it is
// not.
func readEvery(h *Handle, p Point) (every time.Duration) {
	for _, g := range h.Groups {
		if named(g.Points, p.Name) && (every == 0 || g.Every < every) {
			every = g.Every
		}
	}
	return every
}

// histories gives the parts of its memory that a meter is asked for: those of its
// plan, and what earlier plans left.
func (m *polled) histories() []lane {
	all := m.planned()
	if all == nil {
		return nil
	}
	for _, r := range m.health.learned.Records {
		if !r.Left {
			continue
		}
		if l, wanted := leftOf(r, m.lanes); wanted {
			all = append(slices.Clip(all), l)
		}
	}
	return all
}

// planned gives those of its plan alone; nil for a meter of an edition without such
// a memory.
func (m *polled) planned() []lane {
	if m.health.edition(m.Handle) != dlt645.V2007 {
		return nil
	}
	return m.lanes
}

// leftOf gives the part that an earlier plan left; false if nothing of it is made
// up any more.
func leftOf(r *Record, lanes []lane) (l lane, wanted bool) {
	l = lane{History: History{Of: r.Of}, step: r.step(), left: r}
	for _, of := range lanes {
		if of.Of == r.Of {
			l.Back, l.zone = max(l.Back, of.Back), of.zone
			wanted = wanted || slices.ContainsFunc(of.Points, func(p Point) bool { return slices.Contains(r.Points, p.Name) })
		}
	}
	var all Points
	for _, name := range r.Points {
		if p, ok := all.Lookup(name); ok {
			l.Points = append(l.Points, p)
		}
	}
	return l, wanted
}

// leftHole reports whether an earlier plan left a moment to be made up.
func (m *polled) leftHole(of Memory, t time.Time) bool {
	return slices.ContainsFunc(m.health.learned.Records, func(r *Record) bool { return r.Left && r.Of == of && r.hole(t) })
}

// is reports whether an account is of just this part.
func (l lane) is(r *Record) bool {
	return r.Of == l.Of && r.step() == l.step && r.Every == int64(l.every/time.Second) &&
		slices.EqualFunc(r.Points, l.Points, func(name string, p Point) bool { return name == p.Name })
}

// record gives the account of one part.
func (l *Learned) record(of lane) *Record {
	if of.left != nil {
		return of.left
	}
	if i := slices.IndexFunc(l.Records, of.is); i >= 0 {
		return l.Records[i]
	}
	r := &Record{Of: of.Of, Step: int64(of.step / time.Second), Every: int64(of.every / time.Second)}
	for _, p := range of.Points {
		r.Points = append(r.Points, p.Name)
	}
	l.Records = append(l.Records, r)
	return r
}

// mostLeft bounds the accounts of earlier plans that are kept of one meter.
const mostLeft = 4

// plan brings the accounts to the plan of now. What lacks of an earlier one until
// now is still made up, or counted as missing, at the moments that it had.
func (l *Learned) plan(lanes []lane, now time.Time) {
	var kept, left, leaves []*Record
	for _, r := range l.Records {
		if slices.ContainsFunc(lanes, func(of lane) bool { return of.is(r) }) {
			continue
		}
		r.setBack(now)
		of, wanted := leftOf(r, lanes)
		if !wanted {
			continue
		}
		if r.Left {
			left = append(left, r)
			continue
		}
		if r.Left = true; r.Next > 0 {
			r.look(now.In(of.zone), 0, CauseBoard, len(r.Points))
		}
		leaves = append(leaves, r)
	}
	left = append(left, leaves...) // the oldest first
	for _, of := range lanes {
		if of.Of == Events {
			continue
		}
		r := l.record(of)
		if r.Left || r.Next == 0 {
			r.Left = false
			l.goOn(r, now.In(of.zone))
		}
		kept = append(kept, r)
	}
	for i, r := range left {
		if n := len(r.Holes); n > 0 && i < len(left)-mostLeft {
			r.missing(time.Unix(r.Holes[0].From, 0).In(now.Location()), time.Unix(r.Holes[n-1].To, 0).In(now.Location()), CauseMany, len(r.Points))
		}
		if len(r.Holes) > 0 {
			kept = append(kept, r)
			continue
		}
		into := kept[slices.IndexFunc(kept, func(o *Record) bool { return o.Of == r.Of })]
		for _, d := range r.Days {
			into.count(d)
		}
	}
	l.Records = kept
}

// goOn has a record begin where the others of its kind have come: what those
// judged was read, or is a hole of theirs. Where there are others, they have
// judged what is past.
func (l *Learned) goOn(r *Record, now time.Time) {
	for _, o := range l.Records {
		if o.Of != r.Of || o == r || o.Next == 0 {
			continue
		}
		judged := o.before(time.Unix(o.Next, 0).In(now.Location()))
		r.Next = max(r.Next, r.after(judged).Unix(), r.moment(now).Unix())
		if r.Began == 0 || o.Began < r.Began {
			r.Began = o.Began
		}
		r.Settles = cmp.Or(r.Settles, o.Settles)
	}
}
