package meter

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// dayOf is midnight of one in the tests' year.
func dayOf(month time.Month, day int) time.Time {
	return time.Date(2000, month, day, 0, 0, 0, 0, time.UTC)
}

// TestAReplacedMeterThatStandsHigher: the board is off for days, and finds another
// meter whose register stands higher. It may have risen so far in the time, but its
// number tells.
func TestAReplacedMeterThatStandsHigher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 2, []Group{{Every: 15 * time.Minute, Points: points}})
		old, other := p.meters[0], p.meters[1]
		p.handles = p.handles[:1]
		old.Set(0x04000402, []byte{1, 0, 0, 0, 0, 0})
		other.Set(0x04000402, []byte{2, 0, 0, 0, 0, 0})
		time.Sleep(9*24*time.Hour + 7*time.Minute)
		old.SetRegister(0x00010100, 300000, time.Now())
		other.SetRegister(0x00010100, 300000, time.Now())
		stands, _ := old.RegisterAt(0x00010000, time.Now())
		other.SetRegister(0x00010000, stands.Coef+200000, time.Now())
		p.run(t, 24*time.Hour)
		time.Sleep(3 * 24 * time.Hour)
		here, away := old.Address, other.Address
		old.Change(func(m *dlt645test.Meter) { m.Address = away })
		other.Change(func(m *dlt645test.Meter) { m.Address = here })
		p.run(t, 2*time.Hour)
		if m, ok := p.readings[len(p.readings)-1].Value("energy.forward.month"); !ok || m.Dec.Coef > 100000 {
			t.Errorf("energy.forward.month is %s kWh: the new meter's register less the old one's counts as used", m)
		}
	})
}

// TestTheTimeOfASettlementWhereTheClockIsWrong: a meter is two days behind, and
// numbers its settlements by its own clock.
func TestTheTimeOfASettlementWhereTheClockIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: pointsOf(t, "settlement.time")}})
		m := p.meters[0]
		m.ClockOffset = -48 * time.Hour
		m.Set(0x04000B01, []byte{0x00, 0x01})
		time.Sleep(time.Until(dayOf(2, 27).Add(11*time.Hour + 7*time.Minute)))
		p.run(t, 4*24*time.Hour) // until March 2, by the meter February 29
		for _, r := range p.readings {
			at, ok := r.Value("settlement.time")
			if !ok {
				continue
			}
			told, _ := r.Value("settlement.forward.total")
			when, err := time.Parse("2006-01-02 15:04", at.Text)
			if err != nil {
				t.Fatal(err)
			}
			if want, there := m.Settled(when, 0x00010000); !there || want.String() != told.String() {
				t.Fatalf("%v: the settlement of %s is told to be %s; the meter's of that time: %s, %v", r.Time, at.Text, told, want, there)
			}
		}
	})
}

// TestAnOldSettlementWhereTheClockIsBehind: that of February 1 is asked for on March
// 1, when the meter, two days behind, has not settled yet.
func TestAnOldSettlementWhereTheClockIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: pointsOf(t, "voltage.a")}}, History{Of: Month, Points: pointsOf(t, "energy.forward.total"), Back: 24 * time.Hour})
		m := p.meters[0]
		m.Set(0x04000B01, []byte{0x00, 0x01})
		time.Sleep(time.Until(dayOf(2, 9).Add(11*time.Hour + 7*time.Minute)))
		p.run(t, 24*time.Hour)
		m.Change(func(m *dlt645test.Meter) { m.ClockOffset = -48 * time.Hour })
		p.run(t, 20*24*time.Hour+3*time.Hour, func() {
			time.Sleep(time.Until(dayOf(3, 1).Add(10 * time.Hour)))
			p.last.Fetch(p.handles[0], dayOf(1, 20), dayOf(2, 20), nil)
		})
		n := 0
		for _, r := range p.readings {
			v, ok := r.Value("energy.forward.total")
			if !ok {
				continue
			}
			n++
			if want, there := m.Settled(r.Time, 0x00010000); !there || v.String() != want.String() {
				t.Errorf("the settlement of %v is told to be %v (doubtful %v); the meter's: %v, %v", r.Time, v, r.Doubtful, want, there)
			}
		}
		if n == 0 {
			t.Error("no settlement is told")
		}
	})
}

// TestTheMomentThatACutLineMissed: the line is cut over midnight, or over a
// settlement. What is read when it is back is of that time, and the moment's own
// value is fetched.
func TestTheMomentThatACutLineMissed(t *testing.T) {
	points := pointsOf(t, "energy.forward.total")
	for _, c := range []struct {
		what     string
		groups   []Group
		history  []History
		at       time.Time
		cut, end time.Duration // before and after that
	}{
		{"once a day", []Group{{Every: 24 * time.Hour, Points: points}, {Every: 15 * time.Minute, Points: pointsOf(t, "voltage.a")}},
			[]History{{Of: Daily, Points: points, Back: 72 * time.Hour}}, dayOf(1, 11), 2 * time.Hour, 8 * time.Hour},
		{"once an hour, a settlement", []Group{{Every: time.Hour, Points: points}},
			[]History{{Of: Month, Points: points, Back: 24 * time.Hour}, {Of: Daily, Points: points, Back: 24 * time.Hour}}, dayOf(3, 1), 150 * time.Minute, 45 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlace(t, 1, c.groups, c.history...)
			m := p.meters[0]
			m.Set(0x04000B01, []byte{0x00, 0x01})
			time.Sleep(time.Until(c.at.Add(-36*time.Hour + 7*time.Minute)))
			p.run(t, 3*24*time.Hour, func() {
				time.Sleep(time.Until(c.at.Add(-c.cut)))
				p.line.Unplug(true)
				time.Sleep(time.Until(c.at.Add(c.end)))
				p.line.Unplug(false)
			})
			want, _ := m.RegisterAt(0x00010000, c.at)
			n := 0
			for _, r := range p.readings {
				v, ok := r.Value("energy.forward.total")
				if stood, _ := m.RegisterAt(0x00010000, r.Time); ok && v.Dec != stood {
					t.Errorf("%s: told for %v is %v, it stood at %v", c.what, r.Time, v, stood)
				}
				if ok && r.Time.Equal(c.at) {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s: the register of %v, %v, is there %d times, want once", c.what, c.at, want, n)
			}
		})
	}
}

// TestSettlementsOfZeros: a meter fills the settlements that it never made with
// zeros, in each register by itself.
func TestSettlementsOfZeros(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: pointsOf(t, "energy.forward")}}, History{Of: Month, Points: pointsOf(t, "energy.forward", "demand.forward"), Back: 150 * 24 * time.Hour})
		m := p.meters[0]
		if err := m.Give("absent-zero"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(9*24*time.Hour + 12*time.Hour)
		p.run(t, 6*time.Hour)
		for _, r := range p.readings {
			if _, ok := m.Settled(r.Time, 0x00010000); r.Recalled && !ok {
				t.Errorf("the meter has no settlement of %v; told: %v", r.Time, r.Values)
			}
		}
	})
}

// TestDaysOfAMeterWithoutFreezes, however it says so, or does not.
func TestDaysOfAMeterWithoutFreezes(t *testing.T) {
	freeze := func(f dlt645.Frame) bool { di, ok := f.DI(); return ok && di.Code>>16 == 0x0506 }
	for how, change := range map[string]func(m *dlt645test.Meter){
		"02":     func(m *dlt645test.Meter) {},
		"01":     func(m *dlt645test.Meter) { m.Quirks.Refusal = []byte{1} },
		"bare":   func(m *dlt645test.Meter) { m.Quirks.Refusal = []byte{} },
		"silent": func(m *dlt645test.Meter) { m.Quirks.Answer = withAnswer(freeze, []byte{}) },
		"ff": func(m *dlt645test.Meter) {
			m.Quirks.Answer = func(f dlt645.Frame) []byte {
				if !freeze(f) {
					return nil
				}
				b, err := dlt645.AnswerTo(f, m.Address, []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, false).AppendBinary(nil)
				if err != nil {
					panic(err)
				}
				return b
			}
		},
	} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: pointsOf(t, "energy.forward.total")}})
				m := p.meters[0]
				if err := m.Give("no-daily"); err != nil {
					t.Fatal(err)
				}
				change(m)
				time.Sleep(9*24*time.Hour + 12*time.Hour)
				p.run(t, 5*24*time.Hour)
				told, all := 0, 0
				for _, r := range p.readings {
					if r.Time.Day() > 11 {
						all++
						if _, ok := r.Value("energy.forward.day"); ok {
							told++
						}
					}
				}
				if told < all*9/10 {
					t.Errorf("energy.forward.day was told in %d of %d readings", told, all)
				}
			})
		})
	}
}

// TestALineThatIsCutIsNoMeterWithoutFreezes: what is asked for in vain while nobody
// on the line can answer says nothing of what the meter has. The freeze of the
// night comes once the line is back.
func TestALineThatIsCutIsNoMeterWithoutFreezes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, 1, []Group{{Every: time.Hour, Points: pointsOf(t, "energy.forward.total")}}, History{Of: Daily, Points: pointsOf(t, "energy.forward"), Back: 72 * time.Hour})
		time.Sleep(9*24*time.Hour + 12*time.Hour)
		p.run(t, 18*time.Hour, func() {
			time.Sleep(12*time.Hour + 2*time.Minute) // after the round of midnight
			p.line.Unplug(true)
			time.Sleep(50 * time.Minute)
			p.line.Unplug(false)
		})
		for _, r := range p.readings {
			if r.Recalled && r.Time.Equal(time.Date(2000, 1, 11, 0, 0, 0, 0, time.UTC)) && len(r.Values) > 3 {
				return
			}
		}
		t.Error("the freeze of the night was not fetched")
	})
}

// withAnswer answers the requests that are meant with these bytes.
func withAnswer(meant func(dlt645.Frame) bool, b []byte) func(dlt645.Frame) []byte {
	return func(f dlt645.Frame) []byte {
		if meant(f) {
			return b
		}
		return nil
	}
}

// TestTheClockOfAMeterOf1997 is asked for out of turn, and set by a broadcast that
// its clock shows.
func TestTheClockOfAMeterOf1997(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter97(address(1), 3)
		b := newBench(testTiming, []*dlt645test.Meter{m}, Group{Every: time.Minute, Points: pointsOf(t, "clock.offset")})
		go func() {
			time.Sleep(10*time.Minute + 30*time.Second)
			h := b.handle(m.Address)
			values, err := b.poller.Values(t.Context(), h, pointsOf(t, "clock", "clock.offset"))
			if err != nil || len(values) != 2 {
				t.Errorf("asked for out of turn: %v, %v", values, err)
			}
			if err := b.poller.SyncTime(t.Context(), h, true); err != nil {
				t.Errorf("sync: %v", err)
			}
		}()
		b.run(t, 20*time.Minute)
	})
}

// TestTheDemandOfASettlement: with it the meter begins its demands anew. A round at
// that moment reads the new one, and is not the settled one.
func TestTheDemandOfASettlement(t *testing.T) {
	for _, c := range []struct {
		every        time.Duration
		polled, also bool // the demand is polled; the daily freezes are made up too
	}{{15 * time.Minute, true, false}, {7 * time.Minute, true, false}, {15 * time.Minute, false, false}, {15 * time.Minute, false, true}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				points := pointsOf(t, "energy.forward.total", "demand.forward")
				live := points
				if !c.polled {
					live = points[:1]
				}
				history := []History{{Of: Month, Points: points, Back: 24 * time.Hour}}
				if c.also {
					history = append(history, History{Of: Daily, Points: points, Back: 24 * time.Hour})
				}
				p := newPlace(t, 1, []Group{{Every: c.every, Points: live}}, history...)
				p.meters[0].Set(0x04000B01, []byte{0x00, 0x01})
				time.Sleep(time.Until(dayOf(2, 28).Add(11*time.Hour + 7*time.Minute)))
				p.run(t, 3*24*time.Hour)
				settled := ""
				for _, r := range p.readings {
					if v, ok := r.Value("demand.forward"); ok && r.Recalled && r.Round.Equal(dayOf(3, 1)) {
						settled += v.String()
					}
				}
				if settled != "0.6300" {
					t.Errorf("the maximum demand that was settled is told to be %q, want 0.6300", settled)
				}
			})
		})
	}
}

// TestYesterdayOfAMeterThatIsReadSeldom: its total is told when it is known, though
// the next reading is of another day.
func TestYesterdayOfAMeterThatIsReadSeldom(t *testing.T) {
	for _, every := range []time.Duration{12 * time.Hour, 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlace(t, 1, []Group{{Every: every, Points: pointsOf(t, "energy.forward.total")}, {Every: 15 * time.Minute, Points: pointsOf(t, "voltage.a")}})
			m := p.meters[0]
			time.Sleep(9*24*time.Hour + 12*time.Hour)
			p.run(t, 10*24*time.Hour)
			told := map[time.Time]int{}
			for _, r := range p.readings {
				v, ok := r.Value("energy.forward.yesterday")
				if !ok {
					continue
				}
				day := r.Time.Truncate(24 * time.Hour)
				if told[day]++; told[day] > 1 {
					t.Errorf("every %v, on %v: told again", every, r.Time)
				}
				to, _ := m.RegisterAt(0x00010000, day)
				from, _ := m.RegisterAt(0x00010000, day.Add(-24*time.Hour))
				if want := (dlt645.Decimal{Coef: to.Coef - from.Coef, Scale: 2}); v.Dec != want {
					t.Errorf("every %v, on %v: yesterday is %v, want %v", every, r.Time, v, want)
				}
			}
			if len(told) < 9 {
				t.Errorf("every %v: yesterday was told on %d of 10 days", every, len(told))
			}
		})
	}
}

// TestAFaultLastsWhereItsWordIsSilent: the meter has told of it, and does not
// answer to that word for a while.
func TestAFaultLastsWhereItsWordIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, 1, []Group{{Every: time.Minute, Points: pointsOf(t, "fault")}})
		m := p.meters[0]
		m.NoBlock = true
		m.Set(0x04000505, []byte{1, 0}) // loss of voltage, phase B
		var mute atomic.Bool
		m.Quirks.Answer = withAnswer(func(f dlt645.Frame) bool { di, ok := f.DI(); return ok && di.Code == 0x04000505 && mute.Load() }, []byte{})
		p.run(t, 4*time.Hour, func() {
			time.Sleep(10*time.Minute + 30*time.Second)
			mute.Store(true)
			time.Sleep(90 * time.Minute)
			mute.Store(false)
			m.Set(0x04000505, []byte{0, 0})
		})
		last := "?"
		for _, r := range p.readings {
			v, ok := r.Value("fault")
			if !ok {
				continue
			}
			last = v.Text
			if mended := r.Time.Sub(p.readings[0].Time) > 100*time.Minute; !mended && !strings.Contains(last, "loss-of-voltage.b") {
				t.Fatalf("%v: the fault of phase B is told to have ended: %q", r.Time, last)
			}
		}
		if last != "" {
			t.Errorf("the fault is over, and %q is told at last", last)
		}
	})
}

// TestWhatAnEventHeldHasTheRatio: the registers of an event's record are told as
// they are read.
func TestWhatAnEventHeldHasTheRatio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "count.cover", "energy.forward.total")
		p := newPlace(t, 1, []Group{{Every: 10 * time.Minute, Points: points}}, History{Of: Events, Points: points[:1], Back: 24 * time.Hour})
		p.handles[0].CT = 80
		m := p.meters[0]
		time.Sleep(10*24*time.Hour + 7*time.Minute)
		var opened dlt645.Decimal
		p.run(t, 2*time.Hour, func() {
			time.Sleep(time.Hour)
			m.Cover(true, time.Now())
			opened, _ = m.RegisterAt(0x00010000, time.Now())
			time.Sleep(time.Minute)
			m.Cover(false, time.Now())
		})
		want, _ := opened.Mul(80)
		told := ""
		for _, e := range p.events {
			if e.Kind == "cover-opened" {
				told = e.Text
			}
		}
		if !strings.Contains(told, want.String()+" kWh") {
			t.Errorf("told is %q, want %s kWh in it", told, want)
		}
	})
}
