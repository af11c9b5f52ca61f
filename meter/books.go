package meter

import (
	"math"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
)

// Books are what a meter's register of forward energy stood at where days and
// months begin, so that what it counted in them is a difference of two
// readings, to the last digit. They are kept with what was learned, over
// restarts, replaced meters and a register that turns over.
//
// All numbers are in kWh with the transformers' ratio in them. What the place
// has used is the register plus what was moved: the registers of meters before,
// and the times that it went round.
type Books struct {
	Last   string `json:"last,omitempty"`    // register: the last reading that counts; "": this meter has none yet
	LastAt int64  `json:"last_at,omitempty"` // when the place was read last, in seconds since 1970; 0: not known
	Held   string `json:"held,omitempty"`    // register: a reading that it cannot have moved to, which the next one is to confirm
	HeldAt int64  `json:"held_at,omitempty"`
	Moved  string `json:"moved,omitempty"`
	// Since is when this meter came, or this ratio: what the meter remembers of
	// before is not of this place.
	Since int64  `json:"since,omitempty"`
	Ratio int64  `json:"ratio,omitempty"`
	Marks []Mark `json:"marks,omitempty"` // the newest first
	// Told are the day and month whose predecessors' totals have been handed on.
	ToldDay   string `json:"told_day,omitempty"`
	ToldMonth string `json:"told_month,omitempty"`
}

// clone gives a copy that shares nothing.
func (b *Books) clone() Books {
	c := *b
	c.Marks = slices.Clone(b.Marks)
	return c
}

// Mark is what the place had used when a day began.
type Mark struct {
	Day   string `json:"day"` // "2026-11-20"
	Total string `json:"total"`
	// Own tells that it is the board's own reading: the last one of the day
	// before, or that of midnight. Else it is what the meter froze.
	Own bool `json:"own,omitempty"`
}

// Figures are what follows from the books; a nil one is not known.
type Figures struct {
	Day, Month           *dlt645.Decimal // until now
	Yesterday, LastMonth *dlt645.Decimal // from two of the meter's freezes
}

const (
	// mostMarks is more than the four that are used.
	mostMarks = 8
	// registerDigits is where a register of energy goes round: at 999999.99.
	registerDigits = 8
	// boundaryWithin is how soon after midnight a round must be read that counts
	// as that of midnight.
	boundaryWithin = 2 * time.Minute
)

// limitSlack is added to the time between two readings when it is said how far
// a register can have moved: the two were not taken at the second.
const limitSlack = 2 * time.Minute

// take counts a reading of the register at a trusted time, in the zone whose
// midnights are the days'. The round is the moment that it belongs to. Most is
// the highest power that the meter can count, in kW with the ratio. False: the
// register cannot have moved there, and the next reading is to confirm it.
func (b *Books) take(now dlt645.Decimal, at, round time.Time, most dlt645.Decimal) (counts bool) {
	last, err := dlt645.ParseDecimal(b.Last)
	switch {
	case b.Last == "":
		b.turn(at)
		if b.Moved != "" { // it has replaced another one, and goes on from where that stood
			b.move(dlt645.Decimal{Coef: -now.Coef, Scale: now.Scale})
		}
		b.accept(now, at, round)
		return true
	case err != nil || last.Scale != now.Scale: // another kind of register
		*b = Books{Ratio: b.Ratio, Since: at.Unix()}
		b.accept(now, at, round)
		return true
	}
	if reaches(last, now, time.Duration(at.Unix()-b.LastAt)*time.Second, most) || b.LastAt == 0 && now.Coef >= last.Coef {
		b.turn(at)
		b.accept(now, at, round)
		return true
	}
	held, err := dlt645.ParseDecimal(b.Held)
	if err != nil || held.Scale != now.Scale || !reaches(held, now, time.Duration(at.Unix()-b.HeldAt)*time.Second, most) {
		b.Held, b.HeldAt = now.String(), at.Unix()
		return false
	}
	b.turn(at)
	if held.Coef < last.Coef { // it went round, or another meter hangs there
		whole := b.whole(now.Scale)
		round := dlt645.Decimal{Coef: held.Coef + whole.Coef, Scale: held.Scale}
		if reaches(last, round, time.Duration(b.HeldAt-b.LastAt)*time.Second, most) {
			b.move(whole)
		} else {
			b.move(dlt645.Decimal{Coef: last.Coef - held.Coef, Scale: last.Scale})
			b.Since = b.HeldAt
		}
	}
	b.accept(now, at, round)
	return true
}

// reaches reports whether a register can have moved so far in a time.
func reaches(from, to dlt645.Decimal, in time.Duration, most dlt645.Decimal) bool {
	if to.Coef < from.Coef {
		return false
	}
	seconds := int64((in.Abs() + limitSlack) / time.Second)
	coef, ok := most.Scaled(int(to.Scale))
	if !ok || coef <= 0 || seconds > (1<<62)/coef {
		return true // nobody knows better
	}
	return to.Coef-from.Coef <= coef*seconds/3600+1
}

// whole is what a register counts before it begins at zero again.
func (b *Books) whole(scale uint8) dlt645.Decimal {
	n := int64(1)
	for range registerDigits - 2 + int(scale) { // two of the digits are decimals
		n *= 10
	}
	return dlt645.Decimal{Coef: n * max(b.Ratio, 1), Scale: scale}
}

// turn marks the day that began between the last reading that counts and one of
// the day after, before that one moves anything.
func (b *Books) turn(at time.Time) {
	stood := b.Moved // where the meter before stood last
	if last, err := dlt645.ParseDecimal(b.Last); err == nil {
		stood = b.total(last).String()
	}
	before, today := time.Unix(b.LastAt, 0).In(at.Location()), at.Format(time.DateOnly)
	if b.LastAt != 0 && stood != "" && before.AddDate(0, 0, 1).Format(time.DateOnly) == today {
		b.mark(Mark{Day: today, Total: stood, Own: true})
	}
}

// accept takes a reading that counts.
func (b *Books) accept(now dlt645.Decimal, at, round time.Time) {
	if midnight := startOfDay(at); round.Equal(midnight) && at.Sub(midnight) < boundaryWithin {
		b.mark(Mark{Day: at.Format(time.DateOnly), Total: b.total(now).String(), Own: true})
	}
	b.Last, b.LastAt, b.Held, b.HeldAt = now.String(), at.Unix(), "", 0
	b.tidy(at)
}

func startOfDay(t time.Time) time.Time {
	return lastRound(t, 24*time.Hour, t.Location())
}

// total is what the place has used when the register shows this.
func (b *Books) total(register dlt645.Decimal) dlt645.Decimal {
	moved, err := dlt645.ParseDecimal(b.Moved)
	if err != nil || moved.Scale != register.Scale {
		return register
	}
	return dlt645.Decimal{Coef: register.Coef + moved.Coef, Scale: register.Scale}
}

func (b *Books) move(by dlt645.Decimal) {
	moved := b.total(dlt645.Decimal{Scale: by.Scale})
	b.Moved = dlt645.Decimal{Coef: moved.Coef + by.Coef, Scale: by.Scale}.String()
}

// mark keeps what the day began with. What the meter froze is not replaced by
// the board's own.
func (b *Books) mark(m Mark) {
	if i := slices.IndexFunc(b.Marks, func(o Mark) bool { return o.Day == m.Day }); i >= 0 {
		if !m.Own || b.Marks[i].Own {
			b.Marks[i] = m
		}
		return
	}
	b.Marks = append(b.Marks, m)
	slices.SortFunc(b.Marks, func(a, o Mark) int { return strings.Compare(o.Day, a.Day) }) // the newest first
}

// tidy forgets the marks that nothing is counted from any more.
func (b *Books) tidy(at time.Time) {
	used := marksOf(at)
	b.Marks = slices.DeleteFunc(b.Marks, func(m Mark) bool {
		return !slices.Contains(used[:], m.Day) && m.Day < used[0] // one of the future stays: the clock may have been put back
	})
	b.Marks = b.Marks[:min(len(b.Marks), mostMarks)]
}

// marksOf are the days with which today, yesterday, this and the last month
// begin.
func marksOf(at time.Time) [4]string {
	first := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, at.Location())
	return [4]string{
		at.Format(time.DateOnly), startOfDay(at).AddDate(0, 0, -1).Format(time.DateOnly),
		first.Format(time.DateOnly), first.AddDate(0, -1, 0).Format(time.DateOnly),
	}
}

// wanted lists the days of marksOf of which the meter's freeze is not known,
// and that this meter can have.
func (b *Books) wanted(at time.Time) (days []time.Time) {
	if b.Held != "" { // which register is it?
		return nil
	}
	for _, name := range marksOf(at) {
		day, err := parseShown(time.DateOnly, name, at.Location())
		if err != nil || day.Unix() < b.Since || slices.ContainsFunc(days, day.Equal) {
			continue
		}
		if m, ok := b.at(name); !ok || m.Own {
			days = append(days, day)
		}
	}
	return days
}

func (b *Books) at(day string) (Mark, bool) {
	i := slices.IndexFunc(b.Marks, func(m Mark) bool { return m.Day == day })
	if i < 0 {
		return Mark{}, false
	}
	return b.Marks[i], true
}

// froze takes what the meter's memory says of the register at the beginning of
// a day. False: the register cannot have stood there, or another meter's did.
func (b *Books) froze(day time.Time, register dlt645.Decimal) bool {
	last, err := dlt645.ParseDecimal(b.Last)
	if err != nil || last.Scale != register.Scale || day.Unix() < b.Since || b.Held != "" {
		return false
	}
	at, now := b.total(register), b.total(last)
	if at.Coef > now.Coef { // from before it went round
		at.Coef -= b.whole(at.Scale).Coef
		if moved := b.total(dlt645.Decimal{Scale: at.Scale}); moved.Coef < b.whole(at.Scale).Coef {
			return false
		}
	}
	name := day.Format(time.DateOnly)
	for _, m := range b.Marks { // a day that began later cannot have begun with less
		total, err := dlt645.ParseDecimal(m.Total)
		if err != nil || m.Own || m.Day == name {
			continue
		}
		if m.Day > name && total.Coef < at.Coef || m.Day < name && total.Coef > at.Coef {
			return false
		}
	}
	b.mark(Mark{Day: name, Total: at.String()})
	return true
}

// doubt forgets what the meter froze at a time and later: its clock was wrong.
func (b *Books) doubt(since int64, zone *time.Location) {
	b.Marks = slices.DeleteFunc(b.Marks, func(m Mark) bool {
		day, err := parseShown(time.DateOnly, m.Day, zone)
		return !m.Own && (err != nil || day.Unix() >= since)
	})
}

// figures tells what was used, by the last reading that counts. Own tells that
// the meter froze nothing, and the board's own readings must do.
func (b *Books) figures(at time.Time, own bool) (f Figures) {
	days := marksOf(at)
	last, err := dlt645.ParseDecimal(b.Last)
	if err != nil {
		return f
	}
	now := b.total(last)
	f.Day, f.Month = b.since(now, days[0], own), b.since(now, days[2], own)
	f.Yesterday, f.LastMonth = b.between(days[1], days[0]), b.between(days[3], days[2])
	return f
}

// since gives what was used from the beginning of a day until a total.
func (b *Books) since(now dlt645.Decimal, day string, own bool) *dlt645.Decimal {
	m, ok := b.at(day)
	if m.Own && !own {
		return nil
	}
	from, err := dlt645.ParseDecimal(m.Total)
	if !ok || err != nil || from.Scale != now.Scale || from.Coef > now.Coef {
		return nil
	}
	return &dlt645.Decimal{Coef: now.Coef - from.Coef, Scale: now.Scale}
}

// between gives what was used from the beginning of a day to that of another,
// both as the meter froze them.
func (b *Books) between(from, to string) *dlt645.Decimal {
	a, ok := b.at(from)
	z, there := b.at(to)
	end, err := dlt645.ParseDecimal(z.Total)
	if !ok || !there || a.Own || z.Own || err != nil {
		return nil
	}
	return b.since(end, from, false)
}

// replaced goes on with another meter, whose register says something else:
// its first reading counts as where it began. What was used stays.
func (b *Books) replaced(since int64) {
	if last, err := dlt645.ParseDecimal(b.Last); err == nil {
		b.move(last)
	}
	b.Last, b.Held, b.HeldAt, b.Since = "", "", 0, since
}

// came gives the Since of what has come just now. While the clock is doubted that
// is a time which is still to come, until dated knows better.
func came(now time.Time, trusted bool) int64 {
	if !trusted {
		return math.MaxInt64
	}
	return now.Unix()
}

// dated notes a time that is known: what has come, has come by then.
func (b *Books) dated(now time.Time) { b.Since = min(b.Since, now.Unix()) }

// scaled notes the transformers' ratio. With another one nothing that was
// counted before fits.
func (b *Books) scaled(ratio, since int64) {
	if b.Ratio != 0 && b.Ratio != ratio {
		*b = Books{Since: since}
	}
	b.Ratio = ratio
}
