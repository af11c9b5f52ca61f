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

// TestTheClockOfOneMeterIsSet: by writes to it alone, each once. The other
// meter of the line keeps the time it had.
func TestTheClockOfOneMeterIsSet(t *testing.T) {
	for _, c := range []struct {
		name    string
		off     time.Duration
		prepare func(*dlt645test.Meter, *Handle)
		hour    time.Duration
		want    Outcome
		says    string
		writes  int
		right   bool // the clock, afterwards
	}{
		{"an hour behind", -time.Hour, nil, 12 * time.Hour, Done, "", 1, true},
		{"three days ahead", 72 * time.Hour, nil, 12 * time.Hour, Done, "", 2, true},
		{"right already", time.Second, nil, 12 * time.Hour, Done, "", 0, true},
		{"near midnight", -time.Hour, nil, 23*time.Hour + 55*time.Minute, Failed, "midnight", 0, false},
		{"a wrong password", -time.Hour, func(_ *dlt645test.Meter, h *Handle) { h.Access.Password = dlt645.Password{2, 0, 0, 0} }, 12 * time.Hour, NotTaken, "password", 1, false},
		{"a meter of 1997", -time.Hour, func(_ *dlt645test.Meter, h *Handle) { h.Protocol = dlt645.V1997 }, 12 * time.Hour, Failed, "1997", 0, false},
		{"a date that is taken, and a time that is not", 72 * time.Hour, func(m *dlt645test.Meter, _ *Handle) {
			n := 0
			m.Quirks.Answer = func(req dlt645.Frame) []byte {
				if req.Control.Function() != dlt645.FuncWrite {
					return nil
				}
				if n++; n == 1 {
					return nil
				}
				return []byte{0x55}
			}
		}, 12 * time.Hour, Unconfirmed, "the date is set, and the time is not", 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(c.hour)
				m, other := dlt645test.NewMeter(unit1, 3), dlt645test.NewMeter(unit2, 3)
				m.ClockOffset, other.ClockOffset = c.off, -time.Hour
				b := newBench(testTiming, []*dlt645test.Meter{m, other})
				h := b.handle(unit1)
				if c.prepare != nil {
					c.prepare(m, h)
				}
				writes := 0
				b.line.Tap = func(e dlt645test.Event) {
					if e.Frame.Control == dlt645.Control(dlt645.FuncWrite) {
						writes++
					}
					if e.Frame.Address == dlt645.BroadcastAddress {
						t.Errorf("all meters hear %v", e.Frame)
					}
				}
				go b.line.Serve(t.Context(), b.end)
				r := ResultOf(b.poller.SetClock(t.Context(), h))
				if r.Outcome != c.want || !strings.Contains(r.Text.EN, c.says) || writes != c.writes {
					t.Errorf("got %s %q after %d writes, want %s %q after %d", r.Outcome, r.Text.EN, writes, c.want, c.says, c.writes)
				}
				if right := m.ClockOffset.Abs() <= syncedWithin; right != c.right {
					t.Errorf("its clock is %v off", m.ClockOffset)
				}
				if other.ClockOffset != -time.Hour {
					t.Errorf("the other meter's clock is %v off", other.ClockOffset)
				}
				b.end.Close()
				synctest.Wait()
			})
		})
	}
}

// TestNoDayIsCountedFromWhatAWrongClockFroze: also not from what had been taken for
// right before the clock was read.
func TestNoDayIsCountedFromWhatAWrongClockFroze(t *testing.T) {
	zone := time.FixedZone("CST", 8*3600)
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 30, 0, 0, zone) }
	midnight := func(day int) time.Time { return time.Date(2026, 11, day, 0, 0, 0, 0, zone) }
	var l Learned
	l.Books.take(decimal(t, "5000.00"), at(18, 12), at(18, 12), usualMost)
	read := func(day, hour int) {
		l.Books.take(decimal(t, fmt.Sprintf("%d.00", 5000+day)), at(day, hour), at(day, hour), usualMost)
	}
	for _, c := range []struct {
		day    int
		offset int64 // of the meter's clock at 03:30
		froze  string
		want   string // used today, as counted then
	}{
		{19, 0, "5018.50", "0.50"},
		{20, 200, "5019.25", "0.75"},
		{21, 7200, "5020.00", "-"}, // it was right on the 20th at 03:30
	} {
		read(c.day, 0)
		if !l.Books.froze(midnight(c.day), decimal(t, c.froze)) {
			t.Fatalf("the freeze of November %d does not fit", c.day)
		}
		l.clockRead(c.offset, at(c.day, 3))
		read(c.day, 3)
		if got := shown(l.Books.figures(at(c.day, 3), false).Day); got != c.want {
			t.Errorf("on November %d: %s, want %s", c.day, got, c.want)
		}
	}
	for day, there := range map[int]bool{20: true, 21: false} {
		if _, ok := l.Books.at(midnight(day).Format(time.DateOnly)); ok != there {
			t.Errorf("the freeze of November %d is there: %v", day, ok)
		}
	}
}
