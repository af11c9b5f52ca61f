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

// histories gives the parts of its memory that a meter is asked for.
func (m *polled) histories() []lane {
	if m.health.edition(m.Handle) != dlt645.V2007 {
		return nil
	}
	return m.lanes
}

// record gives the account of one part. A new one goes on from where one of
// another plan had come: what that had judged was read, or is a hole still.
func (l *Learned) record(of lane) *Record {
	r := &Record{Of: of.Of, Step: int64(of.step / time.Second), Every: int64(of.every / time.Second)}
	for _, p := range of.Points {
		r.Points = append(r.Points, p.Name)
	}
	for _, o := range l.Records {
		if o.Of == r.Of && o.Step == r.Step && o.Every == r.Every && slices.Equal(o.Points, r.Points) {
			return o
		}
	}
	for _, o := range l.Records {
		if o.Of != r.Of {
			continue
		}
		r.Next = max(r.Next, o.Next)
		if r.Began == 0 || o.Began < r.Began {
			r.Began = o.Began
		}
		if !slices.ContainsFunc(r.Points, func(name string) bool { return !slices.Contains(o.Points, name) }) {
			r.adopt(o, of.zone)
		}
	}
	l.Records = append(l.Records, r)
	return r
}

// plan forgets the accounts of plans that are no longer.
func (l *Learned) plan(lanes []lane) {
	var kept []*Record
	before := len(l.Records)
	for _, of := range lanes {
		if of.Of != Events {
			kept = append(kept, l.record(of))
		}
	}
	if before > 0 && len(kept) < len(l.Records) {
		l.Records = kept
	}
}
