package meter

import (
	"slices"
	"sync"
	"time"
)

// order is a wish for more of a meter's record.
type order struct {
	meter    int
	from, to time.Time
	have     map[int64][]string // the points that are there, by the moment
}

// Fetch has what lacks of a meter between two times fetched from its memory,
// although it counts as missing. Have tells the points that are there, by the
// moment in seconds since 1970. It gives how many moments lack.
func (a *archive) Fetch(h *Handle, from, to time.Time, have map[int64][]string) (moments int) {
	i := slices.Index(a.handles, h)
	if i < 0 {
		return 0
	}
	o := order{i, from, to, have}
	known := a.known(i)
	for _, l := range lanes(h, a.zone) {
		if l.Of == Events {
			continue
		}
		l.each(o, &known, time.Now(), func(time.Time, []string) { moments++ })
	}
	if moments > 0 {
		a.wishes.add(o)
	}
	return moments
}

// wishes are those that wait: whoever asks adds, and Run takes.
type wishes struct {
	mu   sync.Mutex
	list []order // guarded by mu
}

// mostOrders bounds the wishes that wait.
const mostOrders = 64

func (w *wishes) add(o order) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.list) < mostOrders {
		w.list = append(w.list, o)
	}
}

func (w *wishes) take() []order {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.list
	w.list = nil
	return all
}

// each calls f for the moments of a wish that lack something, with the points
// that are there.
func (l lane) each(o order, known *Learned, now time.Time, f func(at time.Time, have []string)) {
	r := Record{Of: l.Of, Step: int64(l.step / time.Second)}
	for _, rec := range known.Records {
		if rec.Of == l.Of {
			r.Settles = rec.Settles
		}
	}
	first := o.from
	if oldest := now.Add(-l.Of.Depth()).In(first.Location()); first.Before(oldest) {
		first = oldest
	}
	for at := r.moment(first); !at.After(o.to) && !at.Add(l.grace).After(now); at = r.after(at) {
		read := at
		if l.Of == Month {
			var ok bool
			if read, ok = r.settled(at); !ok {
				continue
			}
		}
		var have []string
		for _, p := range l.Points {
			if slices.Contains(o.have[read.Unix()], p.Name) {
				have = append(have, p.Name)
			}
		}
		if len(have) < len(l.Points) {
			f(at, have)
		}
	}
}

// obey makes holes of the moments that a wish names.
func (a *archive) obey(now time.Time) {
	for _, o := range a.wishes.take() {
		m := a.meters[o.meter]
		a.begin(m, now)
		for _, l := range m.planned() {
			if l.Of == Events {
				continue
			}
			rec := m.health.learned.record(l)
			l.each(o, &m.health.learned, now, func(at time.Time, have []string) {
				lacks := len(l.Points) - len(have)
				lacks -= rec.wanted(at, lacks)
				for _, r := range m.health.learned.Records {
					if r.Left && r.Of == l.Of { // it was a moment of an earlier plan
						lacks -= r.wanted(at, lacks)
					}
				}
				rec.take(at, at)
				if at.Unix() >= rec.Next || m.leftHole(l, at) {
					return // it will be judged, or is made up
				}
				if have == nil {
					rec.wish(at, len(l.Points))
					return
				}
				rec.insert(Hole{From: at.Unix(), To: at.Unix(), Cause: CauseValue, Have: have}, at.Location(), len(l.Points))
			})
		}
		a.keepKnown(m)
	}
}
