package meter

import (
	"context"
	"errors"
	"strings"
	"time"

	"meterd/dlt645"
)

// What a meter remembers of events: for each count of the table of points that
// [[profile.history]] names, the last ten records with begin and end.

// mostEvents is how many records of one kind a meter keeps.
const mostEvents = 10

// chronicle is what is known of one kind of a meter's events.
type chronicle struct {
	Count int64 `json:"count"`          // of those that were told
	Last  int64 `json:"last,omitempty"` // begin of the newest record that was told, in seconds since 1970
}

// newest gives the begin of the newest record that was told; 0 if it is of a time to
// come: the meter's clock was ahead, and records of now are newer.
func (c chronicle) newest(now time.Time) int64 {
	if c.Last > now.Add(doubtfulOff).Unix() {
		return 0
	}
	return c.Last
}

// counted notes how many events a meter has counted of a kind. It reports
// whether there are some whose records are to be read. What was before the board
// came is not told, nor what a meter has counted that begins at zero again.
func (l *Learned) counted(point string, count int64) bool {
	c, known := l.Events[point]
	if l.Events == nil {
		l.Events = map[string]chronicle{}
	}
	if !known || count < c.Count {
		c.Count = count
		l.Events[point] = c
	}
	return count > c.Count
}

// RememberEvent takes an event that is in the ring already, and came after what
// was learned was last kept: before Run.
func (a *archive) RememberEvent(e Event) {
	for _, m := range a.meters {
		if m.Address != e.Meter || !e.Recalled {
			continue
		}
		for point, c := range m.health.learned.Events {
			if eventOf(point) == e.Kind {
				c.Last = max(c.Last, e.Time.Unix())
				m.health.learned.Events[point] = c
			}
		}
	}
}

// tellsOf reports whether the records of a count are fetched, and tell more than
// that it has moved.
func (m *polled) tellsOf(point string) bool {
	for _, h := range m.planned() {
		if h.Of != Events {
			continue
		}
		for _, p := range h.Points {
			if p.Name == point {
				return true
			}
		}
	}
	return false
}

// counted notes the events of a reading whose records are to be fetched.
func (a *archive) counted(m *polled, r *Reading) {
	for _, h := range m.planned() {
		if h.Of != Events {
			continue
		}
		for _, point := range h.Points {
			v, ok := r.Value(point.Name)
			if !ok || v.Kind != dlt645.Number || v.Dec.Scale != 0 {
				continue
			}
			delete(m.events, point.Name)
			if m.health.learned.counted(point.Name, v.Dec.Coef) {
				if m.events == nil {
					m.events = map[string]int64{}
				}
				m.events[point.Name] = v.Dec.Coef
			}
		}
	}
}

// happening is an event that a meter remembers.
type happening struct {
	begin time.Time
	text  string
}

// chooseEvents fetches the records of events that have been counted, one
// transaction of each visit: the newest first, until one is known.
func (a *archive) chooseEvents(m *polled, now time.Time) bool {
	for _, h := range m.planned() {
		if h.Of != Events {
			continue
		}
		for _, point := range h.Points {
			if count, ok := m.events[point.Name]; ok && a.now().up >= m.eventsFrom {
				c := m.health.learned.Events[point.Name]
				a.of, a.tale = m, &tale{of: m.Handle, point: point, count: count, want: int(min(count-c.Count, mostEvents)), last: c.newest(now), zone: now.Location()}
				return true
			}
		}
	}
	return false
}

// tale reads the records of one kind of events, the newest first. It speaks to
// nobody.
type tale struct {
	of     *Handle
	point  Point
	count  int64 // of events, with those that are read
	want   int   // records
	last   int64 // begin of the newest one that is known
	zone   *time.Location
	number int // of the last record that was asked for
	found  []happening
	known  bool // the last record is the newest one that is known
	over   bool
	lost   error
}

// next gives the record to read; false at the end.
func (t *tale) next() (dlt645.DI, bool) {
	if t.over || t.number >= mostEvents || len(t.found) >= t.want {
		return dlt645.DI{}, false
	}
	return number(t.point.DI, t.number+1), true
}

// took takes a record. One that shifted to a higher number meanwhile is known
// by its begin.
func (t *tale) took(di dlt645.DI, data []byte, err error) {
	if err != nil {
		if _, refused := errors.AsType[*dlt645.Refusal](err); !refused {
			t.lost = err
		}
		t.over = true
		return
	}
	t.number++
	items, err := dlt645.Decode(nil, di, data)
	if err != nil || len(items) == 0 {
		t.over = true
		return
	}
	begin, err := time.ParseInLocation(time.DateTime, items[0].Value.String(), t.zone)
	switch {
	case err != nil || begin.Unix() <= t.last:
		t.over = true
		t.known = err == nil && begin.Unix() == t.last
	case len(t.found) > 0 && !begin.Before(t.found[len(t.found)-1].begin): // numbers have shifted
	default:
		t.found = append(t.found, happening{begin, tell(items, t.of)})
	}
}

// mostTold bounds what an event says of its record, in bytes.
const mostTold = 400

// tell puts what a record holds besides its begin, which comes first, into
// words: values as they are read, with the meter's transformer ratios in them.
func tell(items []dlt645.Item, of *Handle) string {
	var b strings.Builder
	named := func(it dlt645.Item) (string, bool) {
		it.DI = number(it.DI, 1) // not "3 records back"
		name, ok := dlt645.Name(it)
		return name.EN, ok
	}
	first, _ := named(items[0])
	record := strings.TrimSuffix(first, "begin")
	for _, it := range items[1:] {
		name, ok := named(it)
		if !ok || !it.Value.Known() || it.Value.Kind == dlt645.Invalid {
			continue
		}
		v := it.Value
		if v.Kind == dlt645.Number {
			if v.Dec, ok = v.Dec.Mul(ratioOf(it.Unit(), max(of.CT, 1), max(of.PT, 1))); !ok {
				continue
			}
		}
		one := strings.TrimPrefix(name, record) + " " + v.String()
		if unit := it.Unit(); unit != "" {
			one += " " + unit
		}
		if b.Len()+len(one) > mostTold {
			break
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(one)
	}
	return b.String()
}

// readEvents reads the next record of the events that are fetched.
func (a *archive) readEvents(ctx context.Context) {
	t, m := a.tale, a.of
	if di, ok := t.next(); ok {
		how := m.health.manner(a.bus.Manner(), a.bus.timing, m.Auto)
		res, err := a.bus.readOnce(ctx, how, m.Address, di)
		a.heard(m, how, res.Took, res.Since, err)
		if ctx.Err() != nil {
			return
		}
		t.took(di, res.Data, err)
	}
	if _, more := t.next(); more {
		return
	}
	a.tale = nil
	if t.lost != nil {
		m.eventsFrom = a.now().up + lostAgain
		return
	}
	if m.events[t.point.Name] == t.count { // else more were counted meanwhile
		delete(m.events, t.point.Name)
	}
	c, ok := m.health.learned.Events[t.point.Name]
	if !ok { // another meter hangs there
		return
	}
	c.Count = t.count
	a.handing.Lock()
	defer a.handing.Unlock()
	for i := len(t.found) - 1; i >= 0; i-- { // in the order in which it happened
		h := t.found[i]
		c.Last = h.begin.Unix()
		a.event(Event{Meter: m.Address, Time: h.begin, Kind: eventOf(t.point.Name), Text: h.text, Recalled: true})
	}
	if len(t.found) == 0 && !t.known { // it keeps none: that the count has moved is told all the same
		a.tell(m, eventOf(t.point.Name), "")
	}
	m.health.learned.Events[t.point.Name] = c
	a.keepKnown(m)
	a.changed.Store(true)
}

// eventOf gives the kind of event that a count is of.
func eventOf(point string) string {
	switch point {
	case "count.cover":
		return EventCover
	case "count.outage":
		return EventPowerOff
	}
	return EventOfMeter
}
