package report

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"meterd/cmd/meterd/console"
	"meterd/dlt645"
	"meterd/meter"
)

// charts are those of each meter, and the points that each shows.
var charts = []struct {
	name     string
	unit     string
	decimals int
	points   []string
}{
	{"power", "kW", 3, []string{"power.active.total"}},
	{"voltage", "V", 1, []string{"voltage.a", "voltage.b", "voltage.c"}},
}

// How the values of a bin were come by, as bits.
const (
	isLive = 1 << iota
	isRecalled
	isDoubtful
)

// tally is what is kept of one meter while the ring is read.
type tally struct {
	name    string
	address dlt645.Address
	handle  *meter.Handle // nil: the configuration does not have it

	series [][2]envelope // of each point: finely and coarsely
	how    [2][]byte     // of each bin: isLive, …
	read15 []byte        // of each quarter-hour
	first  int64         // of all readings; 0: none

	frozen   [days + 1]dlt645.Value // by the meter, when each day began
	told     [days]dlt645.Value     // what each day has used, by the books
	today    dlt645.Value
	replaced []int64 // when another meter came

	last    []meter.PointValue // the newest live values
	lastAt  time.Time
	events  chronicle
	undated int // readings of which nobody knows the time
}

func (m *tally) begin(w *window) {
	for _, c := range charts {
		for range c.points {
			m.series = append(m.series, [2]envelope{newEnvelope(w.fine), newEnvelope(w.coarse)})
		}
	}
	m.how = [2][]byte{make([]byte, w.fine.n), make([]byte, w.coarse.n)}
	m.read15 = make([]byte, w.quarters.n)
}

// read counts a reading whose time is known.
func (m *tally) read(r *meter.Reading, w *window, names map[string]string) {
	t := r.Time.Unix()
	how := byte(isLive)
	if r.Recalled {
		how = isRecalled
	}
	if r.Doubtful {
		how |= isDoubtful
	}
	if m.first == 0 || t < m.first {
		m.first = t
	}
	if i, ok := w.quarters.at(t); ok {
		m.read15[i] |= how
	}
	m.draw(r, t, how, w)
	m.account(r, w)
	if r.Recalled || r.Time.Before(m.lastAt) || r.Time.After(w.now) {
		return
	}
	m.lastAt = r.Time
	for _, v := range r.Values {
		if _, ok := names[v.Point]; !ok {
			names[strings.Clone(v.Point)] = strings.Clone(v.Point)
		}
		v.Point = names[v.Point]
		if i := slices.IndexFunc(m.last, func(o meter.PointValue) bool { return o.Point == v.Point }); i >= 0 {
			m.last[i] = v
		} else if len(m.last) < mostValues {
			m.last = append(m.last, v)
		}
	}
}

const mostValues = 256

// draw puts the values into the charts.
func (m *tally) draw(r *meter.Reading, t int64, how byte, w *window) {
	i, drawn := 0, false
	for _, c := range charts {
		for _, point := range c.points {
			if v, ok := r.Value(point); ok && v.Kind == dlt645.Number {
				m.series[i][0].take(t, v.Dec, c.decimals)
				m.series[i][1].take(t, v.Dec, c.decimals)
				drawn = true
			}
			i++
		}
	}
	if !drawn {
		return
	}
	for k, b := range []bins{w.fine, w.coarse} {
		if i, ok := b.at(t); ok {
			m.how[k][i] |= how
		}
	}
}

// account takes what the meter's books say of a day.
func (m *tally) account(r *meter.Reading, w *window) {
	if r.Doubtful {
		return
	}
	if v, ok := r.Value("energy.forward.total"); ok && r.Recalled && v.Kind == dlt645.Number {
		if i, found := slices.BinarySearchFunc(w.days, r.Round, time.Time.Compare); found {
			m.frozen[i] = v
		}
	}
	day, ok := w.day(r.Time)
	if !ok || r.Recalled {
		return
	}
	if v, ok := r.Value("energy.forward.yesterday"); ok && v.Kind == dlt645.Number && day > 0 {
		m.told[day-1] = v
	}
	if v, ok := r.Value("energy.forward.day"); ok && v.Kind == dlt645.Number && day == days-1 && !r.Time.Before(m.lastAt) {
		m.today = v
	}
}

// used gives what a day has used, absent where the books do not say it: what
// they told the day after, or the difference of two of the meter's freezes.
func (m *tally) used(day int, w *window) dlt645.Value {
	if day == days-1 {
		return dlt645.Value{} // it is not over
	}
	if m.told[day].Known() {
		return m.told[day]
	}
	from, to := m.frozen[day], m.frozen[day+1]
	if !from.Known() || !to.Known() || from.Dec.Scale != to.Dec.Scale || from.Dec.Coef > to.Dec.Coef {
		return dlt645.Value{}
	}
	for _, t := range m.replaced { // the two are of two meters
		if t >= w.days[day].Unix() && t < w.days[day+1].Unix() {
			return dlt645.Value{}
		}
	}
	if w.changed[day] { // perhaps of two transformer ratios
		return dlt645.Value{}
	}
	return dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: to.Dec.Coef - from.Dec.Coef, Scale: to.Dec.Scale}}
}

// happened takes an event.
func (m *tally) happened(e *meter.Event, w *window) {
	if e.Kind == meter.EventReplaced && len(m.replaced) < mostEvents {
		m.replaced = append(m.replaced, e.Time.Unix())
	}
	if !e.Time.Before(w.days[0]) && !e.Time.After(w.now) {
		m.events.take(e)
	}
}

// step is how many quarter-hours lie between two readings, by the plan, or else
// by what was read.
func (m *tally) step(w *window) int {
	var every time.Duration
	if m.handle != nil {
		for _, g := range m.handle.Groups {
			if every == 0 || g.Every < every {
				every = g.Every
			}
		}
	}
	if every > 0 {
		return int((every + fine - 1) / fine)
	}
	return max(usual(w.quarters.n, func(i int) bool { return m.read15[i] != 0 }), 1)
}

// stepOf is how many seconds lie between two values of a chart.
func (m *tally) stepOf(points []string, from int, w *window) int64 {
	if m.handle != nil {
		for _, g := range m.handle.Groups {
			if slices.ContainsFunc(g.Points, func(p meter.Point) bool { return slices.Contains(points, p.Name) }) {
				return int64(g.Every / time.Second)
			}
		}
	}
	apart := 0
	for i := range points {
		e := &m.series[from+i][0]
		apart = max(apart, usual(e.n, e.filled))
	}
	return int64(apart) * w.fine.width
}

// moments are the quarter-hours, or the longer steps that the meter is read in,
// of a day: how many were read, made up from the meter's memory, and are to be.
type moments [3]int

// whole gives the moments of each day, nil before the first reading, and the
// gaps between readings.
func (m *tally) whole(w *window) (perDay []*moments, gaps [][2]int64) {
	step := m.step(w)
	perDay, gaps = make([]*moments, days), [][2]int64{}
	gap := int64(0) // the beginning of the one that is open
	for day := range days {
		from, to := w.days[day].Unix(), min(w.days[day+1].Unix(), w.now.Unix())
		for t := from; t < to; t += int64(step) * w.quarters.width {
			end := t + int64(step)*w.quarters.width
			if m.first == 0 || end <= m.first {
				continue
			}
			if perDay[day] == nil {
				perDay[day] = &moments{}
			}
			how := byte(0)
			for q := t; q < min(end, to); q += w.quarters.width {
				if i, ok := w.quarters.at(q); ok {
					how |= m.read15[i]
				}
			}
			if how == 0 && end > w.now.Unix() { // it may still be read
				continue
			}
			perDay[day][2]++
			switch {
			case how&isLive != 0:
				perDay[day][0]++
			case how != 0:
				perDay[day][1]++
			}
			if how == 0 && gap == 0 {
				gap = t
			}
			if how != 0 && gap != 0 {
				gaps, gap = append(gaps, [2]int64{gap, t}), 0
			}
		}
	}
	if gap != 0 {
		gaps = append(gaps, [2]int64{gap, w.now.Unix()})
	}
	return perDay, gaps
}

type meterJSON struct {
	Name       string               `json:"name"`
	Address    string               `json:"address"`
	Bus        string               `json:"bus"`
	Configured bool                 `json:"configured"`
	Step       int64                `json:"step"` // seconds from one moment to the next
	Charts     []chartJSON          `json:"charts"`
	How        [2]json.RawMessage   `json:"how"`     // finely and coarsely: from which bin on, how many; 1: from memory, 2: doubtful
	Energy     []*string            `json:"energy"`  // kWh of each day; null: not there
	Today      *string              `json:"today"`   // until now
	Moments    []*moments           `json:"moments"` // of each day; null: before the first reading
	Gaps       [][2]int64           `json:"gaps"`    // the newest first
	MoreGaps   int                  `json:"more_gaps"`
	Events     []eventJSON          `json:"events"`
	MoreEvents int                  `json:"more_events"`
	Undated    int                  `json:"undated"`
	LastAt     *int64               `json:"last_at"`
	Last       [][3]string          `json:"last"` // point, value, unit
	Record     []console.RecordPart `json:"record"`
}

type chartJSON struct {
	Name     string       `json:"name"`
	Unit     string       `json:"unit"`
	Decimals int          `json:"decimals"`
	Step     int64        `json:"step"` // seconds from one value to the next; 0: not known
	Series   []seriesJSON `json:"series"`
}

type seriesJSON struct {
	Point  string          `json:"point"`
	Fine   json.RawMessage `json:"fine"`
	Coarse json.RawMessage `json:"coarse"`
}

const mostGaps = 100

func (c Config) meterJSON(m *tally, w *window) any {
	j := meterJSON{Name: m.name, Address: m.address.String(), Configured: m.handle != nil, Step: int64(m.step(w)) * w.quarters.width,
		Charts: []chartJSON{}, Events: c.events(&m.events), MoreEvents: m.events.more, Undated: m.undated, Last: [][3]string{}}
	if m.handle != nil {
		j.Bus = m.handle.Bus
	}
	n := 0
	for _, chart := range charts {
		cj := chartJSON{Name: chart.name, Unit: chart.unit, Decimals: chart.decimals, Step: m.stepOf(chart.points, n, w), Series: []seriesJSON{}}
		for _, point := range chart.points {
			s := &m.series[n]
			n++
			if some(&s[0]) || some(&s[1]) {
				cj.Series = append(cj.Series, seriesJSON{point, s[0].appendJSON(nil), s[1].appendJSON(nil)})
			}
		}
		j.Charts = append(j.Charts, cj)
	}
	for i, b := range []bins{w.fine, w.coarse} {
		how := m.how[i]
		j.How[i] = append(appendRuns([]byte{'['}, b.n, func(i int) int { return mark(how[i]) }, true), ']')
	}
	for day := range days {
		var text *string
		if v := m.used(day, w); v.Known() {
			s := v.String()
			text = &s
		}
		j.Energy = append(j.Energy, text)
	}
	if m.today.Known() {
		s := m.today.String()
		j.Today = &s
	}
	j.Moments, j.Gaps = m.whole(w)
	slices.Reverse(j.Gaps)
	j.MoreGaps = max(len(j.Gaps)-mostGaps, 0)
	j.Gaps = j.Gaps[:len(j.Gaps)-j.MoreGaps]
	if !m.lastAt.IsZero() {
		at := m.lastAt.Unix()
		j.LastAt = &at
	}
	slices.SortFunc(m.last, func(a, b meter.PointValue) int { return strings.Compare(a.Point, b.Point) })
	for _, v := range m.last {
		if v.Value.Known() {
			p, _ := c.Points.Lookup(v.Point)
			j.Last = append(j.Last, [3]string{v.Point, cut(v.Value.String()), p.Unit})
		}
	}
	for _, r := range c.Record {
		if r.Address == j.Address {
			j.Record = r.Parts
		}
	}
	return j
}

// mark tells what is told of a bin: 0 nothing, 1 that all is from the meter's
// memory, 2 that some of it is doubtful.
func mark(how byte) int {
	switch {
	case how&isDoubtful != 0:
		return 2
	case how&isRecalled != 0 && how&isLive == 0:
		return 1
	}
	return 0
}

func some(e *envelope) bool {
	for i := range e.n {
		if e.filled(i) {
			return true
		}
	}
	return false
}

// chronicle keeps the newest events.
type chronicle struct {
	list []eventJSON
	more int
}

type eventJSON struct {
	Time     int64  `json:"time"`
	Kind     string `json:"kind"`
	By       string `json:"by,omitempty"`
	Text     string `json:"text,omitempty"`
	Recalled bool   `json:"recalled,omitempty"`
	// Command is its id, Outcome what became of it; "": not known.
	Command string `json:"command,omitempty"`
	Outcome string `json:"outcome,omitempty"`
}

const mostEvents = 100

// take takes an event. What became of a command takes the place of its intent.
func (c *chronicle) take(e *meter.Event) {
	j := eventJSON{Time: e.Time.Unix(), Kind: cut(e.Kind), By: cut(e.By), Text: cut(e.Text), Recalled: e.Recalled}
	if e.Command != nil {
		j.Command = cut(e.Command.ID)
		if j.Command == "" {
			j.Command = "-"
		}
		if e.Command.Done {
			j.Outcome = e.Command.Outcome.String()
			for i := len(c.list) - 1; i >= 0; i-- {
				if o := c.list[i]; o.Command == j.Command && o.Kind == j.Kind && o.Outcome == "" {
					c.list = slices.Delete(c.list, i, i+1)
					break
				}
			}
		}
	}
	if len(c.list) == mostEvents {
		c.list = slices.Delete(c.list, 0, 1)
		c.more++
	}
	c.list = append(c.list, j)
}

// json gives them, the newest first.
func (c *chronicle) json() []eventJSON {
	all := append([]eventJSON{}, c.list...)
	slices.SortStableFunc(all, func(a, b eventJSON) int { return int(b.Time - a.Time) })
	return all
}

// longestText bounds what is told of one thing, in bytes.
const longestText = 200

func cut(s string) string {
	if len(s) <= longestText {
		return strings.Clone(s)
	}
	n := longestText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
