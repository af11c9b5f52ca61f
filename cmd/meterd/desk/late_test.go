package desk

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// TestAnIDIsKnownThoughTheClockWasSet: the clock is three days behind, a command is
// carried out, NTP sets the clock, and the program starts anew a minute after the
// command. The platform, which got no answer, asks again under the same id. Only
// where the system has started anew since, and the clock is believed, is it a day
// ago.
func TestAnIDIsKnownThoughTheClockWasSet(t *testing.T) {
	const behind = 72 * time.Hour
	for _, c := range []struct {
		what    string
		boot    uint32
		trusted bool
		step    time.Duration
		want    int // frames
	}{
		{"the clock was set forward", 7, true, behind, 0},
		{"and nobody believes it", 7, false, behind, 0},
		{"the clock is wild after the system's start", 8, false, 80 * 365 * 24 * time.Hour, 0},
		{"a day has passed", 7, true, 0, 1},
		{"the board was off for days", 8, true, behind, 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			var left string
			outer := t
			said := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
			command := func(b *bench) meter.Command {
				cmd := trip(b.all[0], "r1")
				if !c.trusted {
					cmd.Said = said
				}
				return cmd
			}
			synctest.Test(t, func(t *testing.T) {
				b := newBenchOf(t, "", stampOf(7, time.Now().Add(-time.Minute)), nil, 1)
				b.ask(command(b))
				b.answered("r1")
				left = copyRing(outer, b.path)
				b.end()
			})
			synctest.Test(t, func(t *testing.T) {
				began := time.Now().Add(-time.Minute)
				if c.step == 0 {
					time.Sleep(knownFor + time.Minute)
				} else {
					time.Sleep(c.step)
					began = time.Now().Add(-2 * time.Minute)
				}
				b := newBenchOf(t, left, func(e *meter.Event) {
					stampOf(c.boot, began)(e)
					e.Trusted = c.trusted
				}, nil, 1)
				b.trusted = c.trusted
				b.ask(command(b))
				if got := b.answered("r1"); !slices.Equal(got, []string{"done"}) || b.frames() != c.want {
					t.Errorf("told %v, and %d frames went to the meter, want %d", got, b.frames(), c.want)
				}
				b.end()
			})
		})
	}
}

// TestAnIDIsReadFromFarBack: many readings and a step of the clock after a
// command, the next desk reads the same ring.
func TestAnIDIsReadFromFarBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now().Add(-time.Minute)
		stamp := stampOf(7, began)
		b := newBenchOf(t, "", stamp, nil, 1)
		b.ask(trip(b.all[0], "r1"))
		b.answered("r1")
		uptime := 2 * time.Minute
		for n := range 3001 {
			if n == 3000 {
				time.Sleep(72 * time.Hour) // stands for the step of the clock
			}
			uptime += 300 * time.Millisecond
			r := meter.Reading{Meter: b.all[0].Address, Time: time.Now(), Round: time.Now(), Trusted: true, Boot: 7, Uptime: uptime,
				Values: []meter.PointValue{{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}}}}
			rec, err := r.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.ring.Append(rec); err != nil {
				t.Fatal(err)
			}
		}
		known := newMemory()
		known.load(t.Context(), b.ring, meter.Event{Time: time.Now(), Trusted: true, Boot: 7, Uptime: uptime})
		if k, ok := known.get(time.Now(), "u\x00r1"); !ok || time.Since(k.at) > time.Hour {
			t.Errorf("known: %v, since %v", ok, time.Since(k.at))
		}
		b.end()
	})
}

// TestAPowerCutWhileACommandIsAtWork: the board starts again with the intent of
// before in its ring. What is recorded of it can be read, and another start tells
// nobody once more.
func TestAPowerCutWhileACommandIsAtWork(t *testing.T) {
	var left [3]string
	outer := t
	synctest.Test(t, func(t *testing.T) {
		b := newBenchOf(t, "", stampOf(1, time.Now().Add(-time.Hour)), nil, 1)
		b.tap = func(dlt645.Frame) { left[0] = copyRing(outer, b.path) }
		b.ask(trip(b.all[0], "r1"))
		b.answered("r1")
		b.end()
	})
	for n := range 2 {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Duration(n+1) * 40 * time.Second)
			b := newBenchOf(t, left[n], stampOf(uint32(n+2), time.Now().Add(-30*time.Second)), nil, 1)
			if want := []string{"r1 relay of m1 by u: not confirmed"}; n == 0 && !slices.Equal(b.late, want) || n > 0 && len(b.late) > 0 {
				t.Errorf("restart %d: the platform is told %q", n+1, b.late)
			}
			outcomes := 0
			rd := b.ring.NewReader(0)
			for e, ok := rd.Next(); ok; e, ok = rd.Next() {
				var ev meter.Event
				if e.Gap == nil && ev.UnmarshalBinary(e.Data) == nil && ev.Command != nil && ev.Command.Done {
					outcomes++
				}
			}
			if outcomes != 1 {
				t.Errorf("restart %d: the ring holds %d outcomes that can be read, want 1", n+1, outcomes)
			}
			if err := b.ring.Flush(); err != nil {
				t.Error(err)
			}
			left[n+1] = copyRing(outer, b.path)
			b.end()
		})
	}
}

// TestACommandLeavesWithinItsAge or not at all: it is young enough when its turn
// comes, and its meter is slow to tell what is read before it.
func TestACommandLeavesWithinItsAge(t *testing.T) {
	for _, c := range []struct {
		what string
		said time.Duration // ago
		want string
		sent int
	}{
		{"too old when it could leave", 119500 * time.Millisecond, "expired", 0},
		{"young enough", 100 * time.Second, "not confirmed", 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, "", nil, 1)
			b.meters[0].Quirks.Answer = func(f dlt645.Frame) []byte {
				if di, ok := f.DI(); ok && di.Code == 0x04000503 {
					return []byte{} // it is silent to status word 3
				}
				return nil
			}
			cmd := trip(b.all[0], "r1")
			cmd.Said = time.Now().Add(-c.said)
			b.ask(cmd)
			if got := b.answered("r1"); !slices.Equal(got, []string{c.want}) || b.frames() != c.sent {
				t.Errorf("%s: told %v, and %d frames left, want %s and %d", c.what, got, b.frames(), c.want, c.sent)
			}
			if b.meters[0].Open(time.Now()) != (c.sent > 0) {
				t.Errorf("%s: the relay is open: %v", c.what, b.meters[0].Open(time.Now()))
			}
			b.end()
		})
	}
}

// TestWhatWasTooMuchStaysSo: a command is told that it is not carried out later,
// and the broker, which saw no acknowledgement, brings it again.
func TestWhatWasTooMuchStaysSo(t *testing.T) {
	for _, c := range []struct {
		what  string
		fill  func(b *bench)
		again meter.Command
	}{
		{"the queue is full", func(b *bench) {
			for i := range mostQueued + 9 {
				b.ask(trip(b.all[0], fmt.Sprint("r", i)))
			}
		}, meter.Command{Op: meter.OpRelay, Relay: dlt645.CommandTrip}},
		{"it was set just now", func(b *bench) {
			b.ask(meter.Command{Op: meter.OpWrite, Meter: b.all[0], By: "u", ID: "r0", Point: "04000103", Value: "30"})
		}, meter.Command{Op: meter.OpWrite, Point: "04000103", Value: "60"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, "", nil, 1)
			c.fill(b)
			cmd := c.again
			cmd.Meter, cmd.By, cmd.ID = b.all[0], "u", "last"
			b.ask(cmd)
			b.answered("last")
			time.Sleep(2 * writeEvery)
			before := b.frames()
			b.ask(cmd)
			if got := b.answered("last"); !slices.Equal(got, []string{"busy", "busy"}) || b.frames() != before {
				t.Errorf("%s: told %v, and %d more frames left", c.what, got, b.frames()-before)
			}
			cmd.ID = "another"
			b.ask(cmd)
			if got := b.answered("another"); !slices.Equal(got, []string{"done"}) || b.frames() != before+1 {
				t.Errorf("%s: under another id told %v, %d more frames", c.what, got, b.frames()-before)
			}
			b.end()
		})
	}
}
