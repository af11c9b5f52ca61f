// Package report writes what the ring holds as one page for a browser: of each
// meter the last 7 and 30 days, and how the board is. The page needs no network
// and holds all that it shows: its text in English and Chinese, its charts'
// script, and the data as JSON.
//
//	head: style and script        page/, packed into page.gz
//	<script type="application/json" id="board">     the board, once
//	<script type="application/json" class="meter">  each meter
//	<script type="application/json" id="end">       all was written
//
// Nothing that a meter, a platform or a configuration says is ever markup: it
// goes through JSON, in which <, > and & are escaped, and the page's script puts
// it in as text. The page's own policy lets no other script run.
//
// The ring is only read, once for what is common and once for each 64 meters, of
// which a bounded sum is kept in memory (TestABoardsMemoryIsEnough in browser/); a page holds at
// most 256 meters. Others go first.
package report

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/record"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

// Name is that of the file.
const Name = "report.html"

// Config says what is written.
type Config struct {
	Ring    *store.Ring
	Points  *meter.Points
	Meters  []*meter.Handle // of the configuration; others that the ring has follow
	Zone    *time.Location
	Gateway string
	Version string
	// Now is the end of what is shown. Where it is doubted, the last time in the ring
	// is, if there is one.
	Now     time.Time
	Doubted bool
	// Status is how the board is, nil where only the ring is known.
	Status *console.Status
	Record []console.MeterRecord
	// Hide gives a text without secrets; nil: there are none.
	Hide  func(string) string
	Pause time.Duration // after some records, for others
	// Write writes to the end of the page.
	Write func(b []byte) error
}

// Result is what was written.
type Result struct {
	Meters int
	Left   int // meters that the page has no room for
	Bytes  int
}

const (
	// days are shown, and week of them finely.
	days = 30
	week = 7
	// mostMeters bounds the page, groupSize the memory that is needed.
	mostMeters = 256
	groupSize  = 64
	bufferSize = 4 << 10
	pauseEvery = 64
)

// window is the time that is shown.
type window struct {
	zone         *time.Location
	now          time.Time
	days         []time.Time // the midnight that each begins with, and the one after the last
	fine, coarse bins
	quarters     bins       // all quarter-hours, for what was read when
	changed      [days]bool // another configuration began to run on that day
}

func newWindow(now time.Time, zone *time.Location) window {
	w := window{zone: zone, now: now.In(zone)}
	y, m, d := w.now.Date()
	for i := range days + 1 {
		w.days = append(w.days, time.Date(y, m, d-days+1+i, 0, 0, 0, 0, zone))
	}
	w.fine = binsOf(w.days[days-week], now, fine)
	w.coarse = binsOf(w.days[0], now, coarse)
	w.quarters = binsOf(w.days[0], now, fine)
	return w
}

// day gives the day of a time.
func (w *window) day(t time.Time) (int, bool) {
	if t.Before(w.days[0]) || !t.Before(w.days[days]) {
		return 0, false
	}
	i, found := slices.BinarySearchFunc(w.days, t, time.Time.Compare)
	if !found {
		i--
	}
	return i, true
}

// configured notes when another configuration began to run.
func (w *window) configured(at time.Time) {
	if day, ok := w.day(at); ok {
		w.changed[day] = true
	}
}

// Write writes the page.
func Write(ctx context.Context, c Config) (Result, error) {
	p := &printer{write: c.Write}
	s, err := c.survey(ctx)
	if err != nil {
		return Result{}, err
	}
	w := newWindow(s.now, c.Zone)
	all, left := c.meters(s)
	r := Result{Meters: len(all), Left: left}
	if err := p.head(); err != nil {
		return r, err
	}
	b, err := c.boardJSON(s, &w, r)
	if err != nil {
		return r, err
	}
	p.data("board", "id", b)
	from := s.from
	for group := range slices.Chunk(all, groupSize) {
		if err := c.tally(ctx, from, s.starts, &w, group); err != nil {
			return r, err
		}
		for i, m := range group {
			p.data("meter", "class", c.meterJSON(m, &w))
			group[i] = nil // its memory is for the next ones
		}
		if p.err != nil {
			break
		}
	}
	p.tail()
	r.Bytes = p.bytes
	return r, p.err
}

// meters gives those that are shown, and how many there is no room for.
func (c Config) meters(s *survey) (all []*tally, left int) {
	for _, h := range c.Meters {
		all = append(all, &tally{name: h.Name, address: h.Address, handle: h})
		delete(s.seen, h.Address)
	}
	var others []dlt645.Address
	for a := range s.seen {
		others = append(others, a)
	}
	slices.SortFunc(others, func(a, b dlt645.Address) int { return strings.Compare(a.String(), b.String()) })
	for _, a := range others {
		all = append(all, &tally{name: a.String(), address: a})
	}
	left = max(len(all)-mostMeters, 0)
	return all[:len(all)-left], left
}

// survey is what a first look over the ring finds.
type survey struct {
	now    time.Time
	from   uint64 // all that is shown stands after that number
	last   uint64 // the last one that is there: a ring that is only looked at does not say it
	starts map[uint32]time.Time
	seen   map[dlt645.Address]bool
	began  []time.Time // starts of the system that something was read in
	events chronicle   // of the board itself
	gaps   []gapJSON   // numbers that are missing
}

// mostSeen bounds the meters, and the events of the board, that a survey keeps.
const mostSeen = 4096

// survey looks for the meters, the starts of the system and what happened to
// the board.
func (c Config) survey(ctx context.Context) (*survey, error) {
	s := &survey{now: c.Now, starts: map[uint32]time.Time{}, seen: map[dlt645.Address]bool{}, gaps: []gapJSON{}}
	if c.Doubted {
		if last := c.last(ctx); !last.IsZero() {
			s.now = last
		}
	}
	w := newWindow(s.now, c.Zone)
	s.from = record.Before(ctx, c.Ring, w.days[0])
	var happened []meter.Event
	err := c.walk(ctx, s.from, func(e store.Entry) {
		if e.Gap != nil {
			if len(s.gaps) < mostEvents {
				s.gaps = append(s.gaps, gapJSON{e.Gap.From, e.Gap.To, string(e.Gap.Cause)})
			}
			return
		}
		s.last = e.Seq
		boot, at, trusted, ok := meter.Began(e.Data)
		if ok && trusted {
			if _, known := s.starts[boot]; !known && at.Before(s.now) && !at.Before(w.days[0]) && len(s.began) < mostEvents {
				s.began = append(s.began, at)
			}
			s.starts[boot] = at
		}
		if meter.IsEvent(e.Data) {
			var ev meter.Event
			if ev.UnmarshalBinary(e.Data) == nil && ev.Meter == (dlt645.Address{}) {
				happened = append(happened, ev)
				happened = happened[max(len(happened)-mostSeen, 0):]
			}
			return
		}
		var r meter.Reading
		if r.UnmarshalBinary(e.Data) == nil && len(s.seen) < mostSeen {
			s.seen[r.Meter] = true
		}
	})
	for _, ev := range happened { // when all starts are known
		if dateEvent(&ev, s.starts) && !ev.Time.Before(w.days[0]) && !ev.Time.After(s.now) {
			s.events.take(&ev)
		}
	}
	return s, err
}

// last gives the last time in the ring that can be believed.
func (c Config) last(ctx context.Context) time.Time {
	var last time.Time
	c.walk(ctx, 0, func(e store.Entry) {
		if e.Gap == nil {
			if at, trusted := meter.Taken(e.Data); trusted && at.After(last) {
				last = at
			}
		}
	})
	return last
}

// walk hands each record to f that the ring holds by now.
func (c Config) walk(ctx context.Context, from uint64, f func(store.Entry)) error {
	last := c.Ring.Last()
	rd := c.Ring.NewReader(from)
	n := 0
	for e, ok := rd.Next(); ok && e.Seq <= last; e, ok = rd.Next() {
		f(e)
		if n++; n%pauseEvery == 0 && c.Pause > 0 {
			time.Sleep(c.Pause)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// tally sums up what the ring holds of some meters.
func (c Config) tally(ctx context.Context, from uint64, starts map[uint32]time.Time, w *window, group []*tally) error {
	of := map[dlt645.Address]*tally{}
	for _, m := range group {
		m.begin(w)
		of[m.address] = m
	}
	names := map[string]string{} // of points, each once in memory
	return c.walk(ctx, from, func(e store.Entry) {
		if e.Gap != nil {
			return
		}
		if meter.IsEvent(e.Data) {
			var ev meter.Event
			if ev.UnmarshalBinary(e.Data) != nil {
				return
			}
			m := of[ev.Meter]
			if m == nil && ev.Kind != meter.EventConfig || !dateEvent(&ev, starts) {
				return
			}
			if ev.Kind == meter.EventConfig {
				w.configured(ev.Time)
			} else {
				m.happened(&ev, w)
			}
			return
		}
		var r meter.Reading
		if r.UnmarshalBinary(e.Data) != nil {
			return
		}
		m := of[r.Meter]
		if m == nil {
			return
		}
		if !r.Trusted && !r.Recalled {
			began, ok := starts[r.Boot]
			if !ok {
				m.undated++
				return
			}
			r.Date(began)
		}
		m.read(&r, w, names)
	})
}

// dateEvent gives an event that was noted while the clock was doubted its time.
// False: nobody knows it.
func dateEvent(e *meter.Event, starts map[uint32]time.Time) bool {
	if e.Trusted || e.Recalled {
		return true
	}
	began, ok := starts[e.Boot]
	if ok {
		e.Date(began)
	}
	return ok
}

// boardJSON is what is told of the board. Times are seconds since 1970.
func (c Config) boardJSON(s *survey, w *window, r Result) (boardJSON, error) {
	stats := c.Ring.Stats()
	status, err := c.status()
	b := boardJSON{
		Gateway: c.Gateway, Version: c.Version, Now: w.now.Unix(), Zone: c.Zone.String(), Offsets: w.offsets(),
		Fine: w.fine.json(), Coarse: w.coarse.json(), Week: week, Status: status,
		Ring:   ringJSON{stats.CapacityBytes, stats.UsedBytes, stats.First, s.last, stats.Corrupt, s.gaps},
		Starts: []int64{}, Events: c.events(&s.events), MoreEvents: s.events.more, Meters: r.Meters, Left: r.Left,
	}
	if c.Status != nil {
		for _, p := range c.Status.Problems() {
			b.Problems = append(b.Problems, problemJSON{[2]string{c.hide(p.What.EN), c.hide(p.What.ZH)}, [2]string{c.hide(p.Todo.EN), c.hide(p.Todo.ZH)}})
		}
	}
	for _, d := range w.days {
		b.Days = append(b.Days, dayJSON{d.Unix(), d.Format(time.DateOnly)})
	}
	for _, t := range s.began {
		b.Starts = append(b.Starts, t.Unix())
	}
	return b, err
}

// status gives how the board is, without secrets.
func (c Config) status() (any, error) {
	if c.Status == nil {
		return nil, nil
	}
	b, err := json.Marshal(c.Status)
	if err != nil {
		return nil, err
	}
	var v any
	err = json.Unmarshal(b, &v)
	return c.hidden(v), err
}

func (c Config) hide(s string) string {
	if c.Hide == nil {
		return s
	}
	return c.Hide(s)
}

// hidden hides secrets in every text of a value of JSON.
func (c Config) hidden(v any) any {
	switch v := v.(type) {
	case string:
		return c.hide(v)
	case []any:
		for i := range v {
			v[i] = c.hidden(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = c.hidden(v[k])
		}
	}
	return v
}

// events gives what happened, the newest first, without secrets.
func (c Config) events(of *chronicle) []eventJSON {
	all := of.json()
	for i := range all {
		all[i].By, all[i].Text, all[i].Command = c.hide(all[i].By), c.hide(all[i].Text), c.hide(all[i].Command)
	}
	return all
}

type boardJSON struct {
	Gateway    string        `json:"gateway"`
	Version    string        `json:"version"`
	Now        int64         `json:"now"`
	Zone       string        `json:"zone"`
	Offsets    [][2]int64    `json:"offsets"` // from when on, seconds east of Greenwich
	Days       []dayJSON     `json:"days"`    // and the one after the last
	Week       int           `json:"week"`    // how many of them are shown finely
	Fine       [3]int64      `json:"fine"`    // bins: when the first begins, how long each is, how many
	Coarse     [3]int64      `json:"coarse"`
	Status     any           `json:"status"` // as exec -json status; null: not known
	Problems   []problemJSON `json:"problems"`
	Ring       ringJSON      `json:"ring"`
	Starts     []int64       `json:"starts"` // of the system
	Events     []eventJSON   `json:"events"`
	MoreEvents int           `json:"more_events"`
	Meters     int           `json:"meters"`
	Left       int           `json:"left_out"`
}

// problemJSON is what is wrong and what to do about it, in English and Chinese.
type problemJSON struct {
	What [2]string `json:"what"`
	Todo [2]string `json:"todo"`
}

type dayJSON struct {
	From int64  `json:"from"`
	Day  string `json:"day"`
}

type ringJSON struct {
	Capacity int64     `json:"capacity_bytes"`
	Used     int64     `json:"used_bytes"`
	First    uint64    `json:"first"`
	Last     uint64    `json:"last"`
	Corrupt  int       `json:"corrupt"`
	Gaps     []gapJSON `json:"gaps"`
}

type gapJSON struct {
	From  uint64 `json:"from"`
	To    uint64 `json:"to"`
	Cause string `json:"cause"`
}

func (b bins) json() [3]int64 { return [3]int64{b.base, b.width, int64(b.n)} }

// offsets tells how far the zone's clocks are from Greenwich, and since when.
func (w *window) offsets() (all [][2]int64) {
	for t := w.days[0]; ; {
		_, offset := t.Zone()
		all = append(all, [2]int64{t.Unix(), int64(offset)})
		_, end := t.ZoneBounds()
		if end.IsZero() || end.After(w.now) {
			return all
		}
		t = end
	}
}

// printer writes the page through a buffer. It is done with the first error.
type printer struct {
	write  func(b []byte) error
	buffer []byte
	bytes  int
	err    error
}

func (p *printer) Write(b []byte) (int, error) {
	p.buffer = append(p.buffer, b...)
	p.bytes += len(b)
	if len(p.buffer) >= bufferSize {
		p.flush()
	}
	return len(b), p.err
}

func (p *printer) text(s string) { p.Write([]byte(s)) }

func (p *printer) flush() {
	if p.err == nil && len(p.buffer) > 0 {
		p.err = p.write(p.buffer)
	}
	p.buffer = p.buffer[:0]
}

// data writes JSON into a script that is none. What would end it is escaped.
func (p *printer) data(name, attribute string, v any) {
	b, err := json.Marshal(v)
	if err != nil && p.err == nil {
		p.err = err
	}
	p.text(`<script type="application/json" ` + attribute + `="` + name + `">`)
	p.Write(b)
	p.text("</script>\n")
}

func (p *printer) tail() {
	p.data("end", "id", true)
	p.text("</body></html>\n")
	p.flush()
}
