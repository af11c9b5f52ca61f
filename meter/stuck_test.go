package meter

import (
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// TestAMeterComesBackThoughItsFirstGroupGivesNothing: it was away, and whether it is
// there again is asked by another one. It refuses the first, or its edition has
// nothing of that.
func TestAMeterComesBackThoughItsFirstGroupGivesNothing(t *testing.T) {
	refuses := dlt645test.NewMeter(unit1, 3)
	refuses.Quirks.Lacks = func(code uint32) bool { return code == 0x02800002 }
	for _, c := range []struct {
		first string
		meter *dlt645test.Meter
		long  time.Duration
	}{{"frequency", refuses, 12 * time.Hour}, {"temperature", dlt645test.NewMeter97(unit1, 3), 72 * time.Hour}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(testTiming, []*dlt645test.Meter{c.meter},
				Group{Every: time.Minute, Points: pointsOf(t, c.first)},
				Group{Every: time.Minute, Points: pointsOf(t, "voltage")})
			go func() {
				time.Sleep(5 * time.Minute)
				b.line.Unplug(true)
				time.Sleep(10 * time.Minute)
				b.line.Unplug(false)
			}()
			b.run(t, c.long)
			n := 0
			for _, r := range b.readings {
				if r.Time.Sub(b.poller.began) > 16*time.Minute {
					n++
				}
			}
			if n < 600 {
				t.Errorf("%s first: only %d readings in the hours after the meter is back", c.first, n)
			}
		})
	}
}

// TestARefusalAfterSilenceShowsThatTheMeterIsThere: it is silent to the first point
// of a group, refuses the second, and has the third.
func TestARefusalAfterSilenceShowsThatTheMeterIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(unit1, 3)
		n, p := answering(t, func(req dlt645.Frame) (dlt645.Frame, bool) {
			switch di, _ := req.DI(); di.Code {
			case 0x02800001: // current.neutral: silent
				return dlt645.Frame{}, false
			case 0x02800002: // frequency: refused
				return dlt645.Frame{Address: unit1, Control: 0xD1, Data: []byte{0x02}}, true
			}
			return m.Answer(req, time.Now())
		}, 2*time.Hour, "current.neutral", "frequency", "temperature")
		if n["temperature"] < 100 {
			t.Errorf("in 120 minutes: %v, online %v", n, p.Meters()[0].Online)
		}
	})
}

// TestABlockThatAlwaysComesBroken is read singly: a wireless bridge cuts long
// answers, say. Nor does the meter count as offline for it.
func TestABlockThatAlwaysComesBroken(t *testing.T) {
	for _, points := range [][]string{{"frequency", "voltage"}, {"voltage", "frequency"}} {
		t.Run(points[0], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := dlt645test.NewMeter(unit1, 3)
				m.Quirks.Answer = func(f dlt645.Frame) []byte {
					if di, ok := f.DI(); ok && dlt645.IsBlock(di) {
						b, _ := f.AppendBinary(nil)
						return b[:len(b)-4] // the end is cut off
					}
					return nil
				}
				b := newBench(testTiming, []*dlt645test.Meter{m}, Group{Every: time.Minute, Points: pointsOf(t, points...)})
				b.run(t, 4*time.Hour)
				n := map[string]int{}
				for _, r := range b.readings {
					for _, v := range r.Values {
						n[v.Point]++
					}
				}
				ev := map[string]int{}
				for _, e := range b.events {
					ev[e.Kind]++
				}
				if n["voltage.a"] < 200 || n["frequency"] < 200 || ev[EventOffline] > 0 {
					t.Errorf("%v: in 240 minutes %v, events %v", points, n, ev)
				}
			})
		})
	}
}
