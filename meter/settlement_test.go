package meter

import (
	"encoding/hex"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645/dlt645test"
)

// TestEachSettlementIsThereOnce: those of before the board came, that of a
// month's end at which it works, and that of while it was off; whatever hour
// the meter settles at, and whether or not a round reads the same moment.
func TestEachSettlementIsThereOnce(t *testing.T) {
	logicAlone(t)
	for _, c := range []struct {
		hour   byte
		every  time.Duration
		lost   string
		others []string // hhDD at which it settles too
	}{
		{0, 15 * time.Minute, "nothing", nil}, {0, 15 * time.Minute, "all", nil}, {0, 7 * time.Minute, "the last hours", nil},
		{12, 15 * time.Minute, "nothing", nil}, {12, 7 * time.Minute, "all", nil},
		{0, 15 * time.Minute, "nothing", []string{"0815"}}, {12, 7 * time.Minute, "all", []string{"0010", "1220"}},
	} {
		t.Run(fmt.Sprint(c.hour, " ", c.every, ", of what was learned is lost: ", c.lost, ", also ", c.others), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { settlements(t, c.hour, c.every, c.lost, c.others) })
		})
	}
}

func settlements(t *testing.T, hour byte, every time.Duration, lost string, others []string) {
	live := pointsOf(t, "energy.forward.total")
	points := pointsOf(t, "energy.forward.total", "energy.reverse.total")
	p := newPlace(t, 1, []Group{{Every: every, Points: live}},
		History{Of: Daily, Points: live, Back: 72 * time.Hour}, History{Of: Month, Points: points, Back: 62 * 24 * time.Hour})
	m := p.meters[0]
	m.Set(0x04000B01, []byte{hour/10<<4 | hour%10, 0x01})
	for i, other := range others {
		value, err := hex.DecodeString(other)
		if err != nil {
			t.Fatal(err)
		}
		m.Set(0x04000B02+uint32(i), value)
	}
	first := time.Date(2000, 2, 27, 11, 7, 0, 0, time.UTC)
	time.Sleep(time.Until(first))
	p.run(t, 4*24*time.Hour) // over the end of February
	forget := func() {
		switch lost {
		case "the last hours":
			p.learned, p.since = p.before, p.sinceBefore
		case "all":
			p.learned, p.since = nil, 0
		}
	}
	forget()
	p.run(t, time.Hour)
	time.Sleep(31 * 24 * time.Hour) // and of March
	p.run(t, 5*time.Hour)
	forget()
	p.run(t, 5*time.Hour)
	for _, month := range []time.Month{2, 3, 4} {
		at := time.Date(2000, month, 1, int(hour), 0, 0, 0, time.UTC)
		for _, point := range points {
			value, n, _ := p.of(m, point.Name, at)
			want, ok := m.Settled(at, point.DI.Code)
			if !ok || n != 1 || value != want.String() {
				t.Errorf("%s of %v is there %d times, %s, want %s", point.Name, at, n, value, want)
			}
		}
	}
}

// settler is a meter that is asked for its settlements alone, and a board that
// begins at a time.
func settler(t *testing.T, begin time.Time) *site {
	points := pointsOf(t, "energy.forward.total")
	p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: pointsOf(t, "voltage.a")}}, History{Of: Month, Points: points, Back: 62 * 24 * time.Hour})
	time.Sleep(time.Until(begin))
	return p
}

// TestASettlementThatIsDueShiftsNoNumber: at the turn of a month, whichever clock is
// ahead, and where the line is slow, each settlement is of its own month.
func TestASettlementThatIsDueShiftsNoNumber(t *testing.T) {
	turn := time.Date(2000, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		begin, off time.Duration // of the board, from the turn of the month; of the meter's clock
	}{
		{time.Minute, -4 * time.Minute}, {-3 * time.Minute, 4 * time.Minute}, {-time.Hour, 0}, {time.Hour, -4 * time.Minute}, {-7 * time.Minute, 4 * time.Minute},
	} {
		t.Run(fmt.Sprint(c.begin, " ", c.off), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := settler(t, turn.Add(c.begin))
				p.meters[0].ClockOffset = c.off
				p.run(t, 3*time.Hour)
				for _, month := range []time.Month{2, 3} {
					at := time.Date(2000, month, 1, 0, 0, 0, 0, time.UTC)
					value, n, _ := p.of(p.meters[0], "energy.forward.total", at)
					want, ok := p.meters[0].Settled(at, 0x00010000)
					if !ok || n != 1 || value != want.String() {
						t.Errorf("the settlement of %v is there %d times, %s, want %s", at, n, value, want)
					}
				}
			})
		})
	}
}

// TestAMeterThatDoesNotSayWhenItSettles: what it refuses for the moment is asked for
// again, and what it does not have counts as missing.
func TestAMeterThatDoesNotSayWhenItSettles(t *testing.T) {
	for _, busy := range []bool{true, false} {
		t.Run(fmt.Sprint("busy: ", busy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := settler(t, time.Date(2000, 2, 29, 12, 0, 0, 0, time.UTC))
				refuses := true
				p.meters[0].Change(func(m *dlt645test.Meter) {
					if m.Quirks.Refusal = []byte{0x02}; busy {
						m.Quirks.Refusal = []byte{0x01}
					}
					m.Quirks.Lacks = func(code uint32) bool { return refuses && code == 0x04000B01 }
				})
				at := time.Date(2000, 3, 1, 0, 0, 0, 0, time.UTC)
				p.run(t, 16*time.Hour, func() {
					time.Sleep(12*time.Hour + 30*time.Minute)
					p.meters[0].Change(func(*dlt645test.Meter) { refuses = refuses && !busy })
				})
				_, n, _ := p.of(p.meters[0], "energy.forward.total", at)
				missing := map[Cause]int{}
				for _, d := range p.last.Learned()[0].Records[0].Days {
					for cause, n := range d.Causes {
						missing[cause] += n
					}
				}
				if want := map[bool]string{true: "1 map[]", false: "0 map[never:1]"}[busy]; fmt.Sprint(n, missing) != want {
					t.Errorf("the settlement is there %d times, missing %v, want %s", n, missing, want)
				}
			})
		})
	}
}
