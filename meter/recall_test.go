package meter

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// once sees that no moment of a point of a meter is there twice.
func (p *site) once(t *testing.T) {
	t.Helper()
	type one struct {
		meter, point string
		at           int64
	}
	seen := map[one]bool{}
	for _, r := range p.readings {
		for _, v := range r.Values {
			is := one{r.Meter.String(), v.Point, r.Round.Unix()}
			if seen[is] {
				t.Errorf("%s of %s at %v is there twice; recalled %v", v.Point, is.meter, r.Round, r.Recalled)
			}
			seen[is] = true
		}
	}
}

// TestAPeriodThatMeetsMidnightNowAndThenDoublesNothing: rounds of seven minutes
// fall on 00:00 once a week, and on many an hour.
func TestAPeriodThatMeetsMidnightNowAndThenDoublesNothing(t *testing.T) {
	logicAlone(t)
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 2, []Group{{Every: 7 * time.Minute, Points: points}},
			History{Of: Daily, Points: points, Back: 72 * time.Hour}, History{Of: Hourly, Points: points, Back: 72 * time.Hour},
			History{Of: Load, Points: points, Back: 72 * time.Hour})
		time.Sleep(10*24*time.Hour + 11*time.Hour)
		first := time.Now()
		p.run(t, 5*24*time.Hour)
		p.learned, p.since = nil, 0
		p.run(t, 4*24*time.Hour)
		p.once(t)
		p.whole(t, first, time.Now(), time.Hour, "energy.forward.total", 0x00010000)
	})
}

// TestWhatIsTooOldCountsAsMissing: the board was off for longer than is made up.
func TestWhatIsTooOldCountsAsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: points}}, History{Of: Load, Points: points, Back: 48 * time.Hour})
		p.run(t, 3*time.Hour+50*time.Minute)
		time.Sleep(6 * 24 * time.Hour)
		p.run(t, 40*time.Hour)
		missing, told := map[Cause]int{}, 0
		for _, d := range p.last.Learned()[0].Records[0].Days {
			for c, n := range d.Causes {
				missing[c] += n
			}
		}
		for _, e := range p.events {
			if e.Kind == EventMissing {
				told++
			}
		}
		// The last round of before was that of 3:45; the last 48 hours are made up.
		if want := 4 * 24 * 4; missing[CauseOld] != want || len(missing) != 1 || told == 0 {
			t.Errorf("missing %v, want %d that are too old; told %d times", missing, want, told)
		}
	})
}

// TestAClockThatWasAheadHidesNothing: what it told of days that never were is
// forgotten when it is put back.
func TestAClockThatWasAheadHidesNothing(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 1, 0, 0, time.UTC)
	r := newRecord(now.Add(-time.Hour))
	r.look(now, 0, CauseLine, 1)
	holes := r.rows()
	far := now.AddDate(30, 0, 0)
	for day := range 12 {
		r.begin(far.AddDate(0, 0, day), 72*time.Hour)
		r.look(far.AddDate(0, 0, day), 0, CauseLine, 1)
		r.got(lastRound(far.AddDate(0, 0, day), 900*time.Second, time.UTC), []string{"a"}, 1, true, CauseLine)
	}
	r.begin(now.Add(time.Minute), 72*time.Hour)
	if got := r.rows(); got != holes && got != "" {
		t.Errorf("the holes are %s, want %s or none", got, holes)
	}
	r.begin(now.Add(time.Hour), 72*time.Hour)
	r.look(now.Add(time.Hour), 0, CauseLine, 1)
	if h, ok := r.next(now.Add(time.Hour)); !ok || h.To > now.Add(time.Hour).Unix() {
		t.Errorf("an hour later the hole to fill is %v, %v", h, ok)
	}
	r.got(r.moment(now.Add(time.Hour)), []string{"a"}, 1, false, CauseLine)
	if d := r.Days[0]; d.Day != "2026-11-20" || d.Live != 1 {
		t.Errorf("the newest day is %+v", d)
	}
	before, _ := r.next(now)
	r.begin(now.Add(-10*time.Minute), 72*time.Hour) // put back by a little
	if h, ok := r.next(now.Add(-10 * time.Minute)); ok && h.To > now.Add(-10*time.Minute).Unix() {
		t.Errorf("what is not past yet is asked for: %v, before %v", h, before)
	}
}

// Rounds go on over each change of the clocks, wherever that is: the next one is
// later, and a moment is its own.
func TestRoundsGoOnWhereClocksChange(t *testing.T) {
	for _, name := range []string{"America/Havana", "America/New_York", "America/Asuncion", "Africa/Cairo", "Europe/Berlin", "Asia/Shanghai", "Asia/Kathmandu"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Skip("no zones here")
		}
		for _, every := range []time.Duration{7 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour} {
			for now := time.Date(2026, 1, 1, 0, 0, 0, 0, zone); now.Year() == 2026; now = now.Add(31 * time.Minute) {
				next, last := nextRound(now, every, zone), lastRound(now, every, zone)
				if !next.After(now) || last.After(now) || !lastRound(next, every, zone).Equal(next) || next.Sub(now) > every+time.Hour {
					t.Fatalf("%s, each %v: at %v the last round is %v and the next one %v", name, every, now, last, next)
				}
			}
		}
	}
}

// TestADayBeginsWhereItsNameSays: also one of which the clock leaps over the first
// hour.
func TestADayBeginsWhereItsNameSays(t *testing.T) {
	for _, name := range []string{"America/Havana", "America/Santiago", "Atlantic/Azores", "Africa/Cairo", "Asia/Beirut", "Asia/Shanghai"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Skip("no zones here")
		}
		for noon := time.Date(2026, 1, 1, 12, 0, 0, 0, zone); noon.Year() == 2026; noon = noon.AddDate(0, 0, 1) {
			day := noon.Format(time.DateOnly)
			midnight, ok := momentOf(dlt645.Value{Kind: dlt645.Time, Text: day + " 00:00"}, zone)
			if !ok || !midnight.Equal(startOfDay(noon)) || midnight.Format(time.DateOnly) != day {
				t.Errorf("%s: a record of 00:00 on %s is of %v, want %v", name, day, midnight, startOfDay(noon))
			}
			b := Books{Last: "5.00", Marks: []Mark{{Day: day}}}
			for _, wanted := range b.wanted(noon.AddDate(0, 0, 1)) {
				if b.mark(Mark{Day: wanted.Format(time.DateOnly)}); !wanted.Equal(startOfDay(wanted)) {
					t.Errorf("%s: the freeze of %v is asked for, which is no midnight", name, wanted)
				}
			}
			if n := len(b.wanted(noon.AddDate(0, 0, 1))); n != 0 {
				t.Errorf("%s: on the day after %s, %d freezes are wanted when all are there: %v", name, day, n, b.Marks)
			}
		}
	}
}

// TestEventsAreToldOverARestartAndOnce: the board goes down after it has seen
// that a count moved, and after it has told of it.
func TestEventsAreToldOverARestartAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := pointsOf(t, "count.outage")
		p := newPlace(t, 1, []Group{{Every: 10 * time.Minute, Points: counts}}, History{Of: Events, Points: counts, Back: 24 * time.Hour})
		m := p.meters[0]
		time.Sleep(10*24*time.Hour + 7*time.Minute)
		p.run(t, time.Hour)
		var want []time.Time
		outage := func() {
			want = append(want, time.Now())
			m.Power(true, time.Now())
			m.Power(false, time.Now().Add(time.Minute))
			time.Sleep(time.Minute)
		}
		outage()
		p.changed = func(c *PollerConfig) { // the record of the event cannot be read
			port := c.Bus.open
			c.Bus = NewBus("b1", p.timing, func() (Port, error) { return port() }, func(tr Trace) {
				p.line.Unplug(tr.Sent && strings.Contains(fmt.Sprintf("%X", tr.Wire), "34334436")) // 03110001
			})
		}
		p.run(t, 30*time.Second)
		if len(p.events) > 0 {
			t.Fatalf("%v is told of what could not be read", p.events)
		}
		p.changed = nil
		p.run(t, time.Hour)
		p.learned, p.since = p.before, p.sinceBefore // the power goes before what was told is kept
		time.Sleep(time.Hour)
		p.run(t, time.Hour)
		outage()
		p.learned, p.since = p.before, p.sinceBefore
		p.run(t, time.Hour)
		var got []time.Time
		for _, e := range p.events {
			if e.Kind == EventPowerOff {
				got = append(got, e.Time)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("told of %v, want %v", got, want)
		}
	})
}

// TestWhatWasRecordedWhileTheClockWasWrongStaysDoubtful: also when it was set
// right before its records are read.
func TestWhatWasRecordedWhileTheClockWasWrongStaysDoubtful(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 1, []Group{{Every: 7 * time.Minute, Points: points}}, History{Of: Daily, Points: points, Back: 240 * time.Hour})
		m := p.meters[0]
		day := func(n int) time.Time { return time.Date(2000, 1, n, 11, 0, 0, 0, time.UTC) }
		time.Sleep(time.Until(day(10)))
		p.run(t, 2*time.Hour)
		time.Sleep(time.Until(day(12)))
		m.SetClock(time.Now().Add(40*time.Minute), time.Now())
		p.run(t, 2*time.Hour)
		time.Sleep(time.Until(day(14)))
		m.SetClock(time.Now(), time.Now())
		time.Sleep(time.Until(day(16)))
		p.run(t, 4*time.Hour)
		p.learned, p.since = p.before, p.sinceBefore
		seen := 0
		for _, r := range p.readings {
			if !r.Recalled {
				if _, ok := r.Value("energy.forward.yesterday"); ok && r.Time.After(day(13)) {
					t.Errorf("yesterday is told at %v", r.Time)
				}
				continue
			}
			seen++
			// It was right on the 10th, and is known to be so again on the 16th.
			if want := r.Time.After(day(10)) && r.Time.Before(day(16)); r.Doubtful != want {
				t.Errorf("the freeze of %v is doubtful: %v", r.Time, r.Doubtful)
			}
		}
		if seen < 14 {
			t.Errorf("%d freezes were fetched", seen)
		}
	})
}

// TestARecordThatIsNotThereCostsNoOther: a meter that refuses the settlement
// before its first one is asked for the present one all the same.
func TestARecordThatIsNotThereCostsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := pointsOf(t, "settlement.forward.total")
		p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: live}},
			History{Of: Month, Points: pointsOf(t, "energy.forward.total"), Back: 150 * 24 * time.Hour})
		p.meters[0].Change(func(m *dlt645test.Meter) {
			m.Quirks.Lacks = func(code uint32) bool { return code>>8 == 0x000100 && code&0xFF > 1 }
		})
		time.Sleep(11 * time.Hour)
		p.run(t, 6*time.Hour)
		n := 0
		for _, r := range p.readings {
			if _, ok := r.Value("settlement.forward.total"); ok {
				n++
			}
		}
		if n < 24 {
			t.Errorf("it was read %d times in six hours, each quarter-hour", n)
		}
	})
}

// TestABlankRecordHasNoValues: also not those beside the register that shows it.
func TestABlankRecordHasNoValues(t *testing.T) {
	var h health
	h.learned.Books.Last = "5000.00"
	zero := func(points ...string) (values []PointValue) {
		for _, p := range points {
			values = append(values, PointValue{p, dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Scale: 2}}})
		}
		return values
	}
	v := visit{health: &h}
	v.keep(time.Unix(0, 0), zero("energy.forward.total", "energy.forward.t1"))
	if len(v.found) != 0 {
		t.Errorf("a blank record gives %v", v.found)
	}
	v.keep(time.Unix(0, 0), zero("energy.reverse.total"))
	if len(v.found) != 1 {
		t.Errorf("a register that never counted gives %v", v.found)
	}
}

// TestLongRowsAreCheap: a lane of minutes over 62 days is judged, given up and
// counted without a walk over its moments.
func TestLongRowsAreCheap(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	allocs := testing.AllocsPerRun(3, func() {
		r := &Record{Of: Load, Step: 60, Every: 60, Points: []string{"a"}}
		r.begin(now.AddDate(0, 0, -80), 0)
		r.begin(now.AddDate(0, 0, -62), 62*24*time.Hour)
		r.look(now, 0, CauseLine, 1)
		r.Open(time.UTC)
		r.missing(now.AddDate(0, 0, -61), now, CausePower, 1)
		if len(r.Holes) != 1 || r.Days[0].Missing != 12*60+1 || r.Days[1].Missing != 24*60 {
			t.Fatalf("holes %v, days %v", r.Holes, r.Days)
		}
	})
	if allocs > 2000 {
		t.Errorf("%v allocations", allocs)
	}
}

// TestAnotherMetersRecordsAreNotThePlaces: a meter is replaced while the line is
// cut, or while the board is off; nothing tells so but its number.
func TestAnotherMetersRecordsAreNotThePlaces(t *testing.T) {
	logicAlone(t)
	for _, off := range []string{"the line is cut", "the board is off"} {
		t.Run(off, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				points := pointsOf(t, "voltage.a")
				p := newPlace(t, 2, []Group{{Every: 15 * time.Minute, Points: points}}, History{Of: Load, Points: points, Back: 72 * time.Hour})
				old, other := p.meters[0], p.meters[1]
				p.handles = p.handles[:1]
				old.Set(0x04000402, []byte{1, 0, 0, 0, 0, 0})
				here, away := old.Address, other.Address
				swap := func() {
					old.Change(func(m *dlt645test.Meter) { m.Address = away })
					other.Change(func(m *dlt645test.Meter) { m.Address = here })
				}
				other.Set(0x04000402, []byte{2, 0, 0, 0, 0, 0})
				time.Sleep(4*24*time.Hour + 7*time.Minute)
				first := time.Now()
				p.run(t, 72*time.Hour)
				if off == "the board is off" {
					time.Sleep(2 * time.Hour)
					swap()
				}
				from := time.Now()
				p.run(t, 6*time.Hour, func() {
					if off == "the line is cut" {
						p.line.Unplug(true)
						time.Sleep(2 * time.Hour)
						swap()
						from = time.Now()
						p.line.Unplug(false)
					}
				})
				for _, r := range p.readings {
					if r.Recalled && r.Time.After(first.Add(72*time.Hour)) && r.Time.Before(from) {
						t.Errorf("what the other meter says of %v is taken for the place's", r.Time)
						break
					}
				}
			})
		})
	}
}

// TestARefusalForAnotherReasonIsNotTheEnd: a class of load records, and an item
// of a freeze, that are refused for the moment are asked for again.
func TestARefusalForAnotherReasonIsNotTheEnd(t *testing.T) {
	for _, of := range []Memory{Load, Daily, Month} {
		t.Run(string(of), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				points := pointsOf(t, "energy.forward.total", "power.active.total")
				if of != Load {
					points = pointsOf(t, "energy.forward.total", "energy.reverse.total")
				}
				p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: pointsOf(t, "voltage.a")}}, History{Of: of, Points: points, Back: 48 * time.Hour})
				busy := true
				m := p.meters[0]
				m.Change(func(m *dlt645test.Meter) {
					m.Quirks.Refusal = []byte{0x01}
					m.Quirks.Lacks = func(code uint32) bool {
						return busy && (code == 0x06020001 || code&0xFFFFFF00 == 0x05060200 || code&0xFFFFFF00 == 0x00020000 && code&0xFF > 0)
					}
				})
				time.Sleep(31*24*time.Hour + 10*time.Hour) // the 1st of February
				p.run(t, 3*time.Hour, func() {
					time.Sleep(90 * time.Minute)
					m.Change(func(*dlt645test.Meter) { busy = false })
				})
				got := map[string]int{}
				for _, r := range p.readings {
					for _, v := range r.Values {
						if r.Recalled {
							got[v.Point]++
						}
					}
				}
				if a, b := got[points[0].Name], got[points[1].Name]; a == 0 || a != b {
					t.Errorf("%v", got)
				}
				p.once(t)
			})
		})
	}
}
