package meter

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestEachSettlementIsThereOnce: those of before the board came, that of a
// month's end at which it works, and that of while it was off; whatever hour
// the meter settles at, and whether or not a round reads the same moment.
func TestEachSettlementIsThereOnce(t *testing.T) {
	logicAlone(t)
	for _, c := range []struct {
		hour  byte
		every time.Duration
		lost  string
	}{
		{0, 15 * time.Minute, "nothing"}, {0, 15 * time.Minute, "all"}, {0, 7 * time.Minute, "the last hours"},
		{12, 15 * time.Minute, "nothing"}, {12, 7 * time.Minute, "all"},
	} {
		t.Run(fmt.Sprint(c.hour, " ", c.every, ", of what was learned is lost: ", c.lost), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { settlements(t, c.hour, c.every, c.lost) })
		})
	}
}

func settlements(t *testing.T, hour byte, every time.Duration, lost string) {
	live := pointsOf(t, "energy.forward.total")
	points := pointsOf(t, "energy.forward.total", "energy.reverse.total")
	p := newPlace(t, 1, []Group{{Every: every, Points: live}},
		History{Of: Daily, Points: live, Back: 72 * time.Hour}, History{Of: Month, Points: points, Back: 62 * 24 * time.Hour})
	m := p.meters[0]
	m.Set(0x04000B01, []byte{hour/10<<4 | hour%10, 0x01})
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
