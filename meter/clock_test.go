package meter

import (
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
