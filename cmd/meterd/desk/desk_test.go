package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"meterd/dlt645"
	"meterd/meter"
)

// TestTheGates holds each command that must not be carried out against the
// desk: what it is told, and that no frame leaves.
func TestTheGates(t *testing.T) {
	for _, c := range []struct {
		what   string
		handle func(*meter.Handle)
		change func(b *bench, c *meter.Command)
		want   string // "" and "nothing": no answer at all
		frames int
	}{
		{"a good one", nil, nil, "done", 1},
		{"retained", nil, func(_ *bench, c *meter.Command) { c.Retained = true }, "expired", 0},
		{"retained, and a read", nil, func(_ *bench, c *meter.Command) { c.Op, c.Points, c.Retained = meter.OpRead, []string{"voltage"}, true }, "expired", 0},
		{"without an id", nil, func(_ *bench, c *meter.Command) { c.ID = "" }, "nameless", 0},
		{"with an id of 900 KB", nil, func(_ *bench, c *meter.Command) { c.ID = strings.Repeat("x", 900<<10) }, "nameless", 0},
		{"said just within its age", nil, func(_ *bench, c *meter.Command) { c.Said = time.Now().Add(time.Second - 2*time.Minute) }, "done", 1},
		{"said three years ago", nil, func(_ *bench, c *meter.Command) { c.Said = time.Now().AddDate(-3, 0, 0) }, "expired", 0},
		{"said three years ago, with a doubted clock", nil, func(b *bench, c *meter.Command) { c.Said, b.trusted = time.Now().AddDate(-3, 0, 0), false }, "done", 1},
		{"said a day to come, less its age", nil, func(_ *bench, c *meter.Command) { c.Said = time.Now().Add(24*time.Hour - 2*time.Minute) }, "done", 1},
		{"said a day to come: its id would be forgotten before it is too old", nil, func(_ *bench, c *meter.Command) { c.Said = time.Now().Add(24*time.Hour - time.Minute) }, "expired", 0},
		{"said in a week", nil, func(_ *bench, c *meter.Command) { c.Said = time.Now().AddDate(0, 0, 7) }, "expired", 0},
		{"not allowed", func(h *meter.Handle) { h.Allow = []meter.Operation{meter.OpSet} }, nil, "denied", 0},
		{"allowed to nobody", func(h *meter.Handle) { h.Allow = nil }, nil, "denied", 0},
		{"no password", func(h *meter.Handle) { h.HasPassword = false }, nil, "denied", 0},
		{"an alarm where the relay alone is allowed", func(h *meter.Handle) { h.Allow = []meter.Operation{meter.OpRelay} }, func(_ *bench, c *meter.Command) { c.Op, c.Relay = meter.OpAlarm, dlt645.CommandAlarm }, "denied", 0},
		{"an alarm in the name of a relay", nil, func(_ *bench, c *meter.Command) { c.Relay = dlt645.CommandAlarm }, "unknown", 0},
		{"a meter that is not the desk's", nil, func(_ *bench, c *meter.Command) {
			c.Meter = &meter.Handle{Name: "m1", Address: c.Meter.Address, Bus: "b1", Allow: allowed, HasPassword: true}
		}, "unknown", 0},
		{"an operation that is none", nil, func(_ *bench, c *meter.Command) { c.Op = "explode" }, "denied", 0},
		{"a set of no value", nil, func(_ *bench, c *meter.Command) { c.Op, c.Point, c.Value = meter.OpWrite, "04000103", "sixty" }, "invalid", 0},
		{"a set of a derived point", nil, func(_ *bench, c *meter.Command) { c.Op, c.Point, c.Value = meter.OpSet, "relay", "closed" }, "invalid", 0},
		{"a write where set is allowed", func(h *meter.Handle) { h.Allow = []meter.Operation{meter.OpSet} }, func(_ *bench, c *meter.Command) { c.Op, c.Point, c.Value = meter.OpWrite, "04000103", "30" }, "done", 1},
		{"a write of the meter's address", nil, writing("04000401", "202411200199"), "denied", 0},
		{"a write of a port's rate", nil, writing("04000703", "08"), "denied", 0},
		{"a write of a password", nil, writing("04000c03", "00000000"), "denied", 0},
		{"a write of the password of 1997", nil, writing("C212", "00000000"), "denied", 0},
		{"a write of the clock, where set is allowed", func(h *meter.Handle) { h.Allow = []meter.Operation{meter.OpSet} }, writing("04000102", "12:00:00"), "denied", 0},
		{"a write of the date", nil, writing("04000101", "2026-11-30"), "denied", 0},
		{"a write of both", nil, writing("0400010C", "2026-11-30"), "denied", 0},
		{"a write of the address at the console", nil, func(_ *bench, c *meter.Command) { writing("04000401", "202411200199")(nil, c); c.By = meter.ByConsole }, "done", 1},
		{"a read of nothing known", nil, func(_ *bench, c *meter.Command) { c.Op, c.Points = meter.OpRead, []string{"colour"} }, "unknown", 0},
		{"a read that is allowed to nobody", func(h *meter.Handle) { h.Allow, h.HasPassword = nil, false }, func(_ *bench, c *meter.Command) { c.Op, c.Points, c.ID = meter.OpRead, []string{"voltage"}, "" }, "done", 0},
		{"a meter that is dead", nil, func(b *bench, _ *meter.Command) { b.lines[0].Unplug(true) }, "no answer", 0},
		{"a time, where another meter of the line does not allow it", nil, func(b *bench, c *meter.Command) { c.Op, b.all[1].Allow = meter.OpTime, nil }, "denied", 0},
		{"a time that all of the line allow", nil, func(_ *bench, c *meter.Command) { c.Op = meter.OpTime }, "done", 1},
		{"a clock, where the line's other meter does not allow the time", nil, func(b *bench, c *meter.Command) { c.Op, b.all[1].Allow = meter.OpClock, nil }, "done", 0},
		{"a clock, where the time is not allowed", func(h *meter.Handle) { h.Allow = []meter.Operation{meter.OpSet} }, func(_ *bench, c *meter.Command) { c.Op = meter.OpClock }, "denied", 0},
		{"a clock without a password", func(h *meter.Handle) { h.HasPassword = false }, func(_ *bench, c *meter.Command) { c.Op = meter.OpClock }, "denied", 0},
		{"a freeze", nil, func(_ *bench, c *meter.Command) { c.Op = meter.OpFreeze }, "done", 1},
		{"a demand reset", nil, func(_ *bench, c *meter.Command) { c.Op = meter.OpDemandReset }, "done", 1},
		{"protection", nil, func(_ *bench, c *meter.Command) { c.Op, c.Relay = meter.OpProtection, dlt645.CommandProtect }, "done", 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(10 * time.Hour) // not near midnight
				b := newBench(t, "", c.handle, 2)
				cmd := trip(b.all[0], "r1")
				if c.change != nil {
					c.change(b, &cmd)
				}
				b.ask(cmd)
				if got := b.answered(cmd.ID); len(got) != 1 || got[0] != c.want {
					t.Errorf("told %v, want %s", got, c.want)
				}
				if n := b.frames(); n != c.frames {
					t.Errorf("%d frames, want %d", n, c.frames)
				}
				for _, r := range b.records() {
					if c.frames > 0 && !strings.HasPrefix(r, "r1 ") {
						t.Errorf("the record holds %q", r)
					}
				}
				if n := len(b.records()); c.frames > 0 && n != 2 {
					t.Errorf("%d records, want the intent and the outcome: %v", n, b.records())
				}
				b.end()
			})
		})
	}
}

func writing(di, value string) func(*bench, *meter.Command) {
	return func(_ *bench, c *meter.Command) { c.Op, c.Point, c.Value = meter.OpWrite, di, value }
}

// TestAnIDIsCarriedOutOnce: the same command again gets the first outcome, at
// work or done; another command under its id is refused.
func TestAnIDIsCarriedOutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", nil, 2)
		for range 3 {
			b.ask(trip(b.all[0], "r1")) // two of them while the first is at work
		}
		if got := b.answered("r1"); !slices.Equal(got, []string{"done"}) {
			t.Errorf("told %v", got)
		}
		b.ask(trip(b.all[0], "r1"))
		b.ask(closing(b.all[0], "r1"))
		b.ask(trip(b.all[1], "r1"))
		if got := b.answered("r1"); !slices.Equal(got, []string{"done", "done", "nameless", "nameless"}) {
			t.Errorf("told %v", got)
		}
		if b.frames() != 1 || b.meters[1].Open(time.Now()) {
			t.Errorf("%d frames", b.frames())
		}
		other := trip(b.all[0], "r1")
		other.By = "another platform"
		b.ask(other)
		if got := b.answered("r1"); len(got) != 5 || b.frames() != 2 {
			t.Errorf("another platform's id is told %v, %d frames", got, b.frames())
		}
		time.Sleep(knownFor)
		b.ask(trip(b.all[0], "r1"))
		if got := b.answered("r1"); len(got) != 6 || b.frames() != 3 {
			t.Errorf("a day later it is told %v, %d frames", got, b.frames())
		}
		b.end()
	})
}

// TestACountedIDThatComesAgainLaterIsRefused: a sender that counts its ids begins
// anew when it starts. Soon after the first it is the same command; hours later
// it may be a new one, so it is neither carried out nor told as done, and over a
// restart of the board neither.
func TestACountedIDThatComesAgainLaterIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", nil, 1)
		counted := func(c meter.Command) meter.Command { c.Counted = true; return c }
		b.ask(counted(trip(b.all[0], "0")))
		if got := b.answered("0"); !slices.Equal(got, []string{"done"}) {
			t.Errorf("told %v", got)
		}
		b.ask(counted(trip(b.all[0], "0"))) // two minutes later: command_age is two minutes
		b.ask(counted(closing(b.all[0], "1")))
		if got := b.answered("1"); !slices.Equal(got, []string{"done"}) || len(b.results["0"]) != 2 || b.results["0"][1] != "done" {
			t.Errorf("told %v, and %v soon after it", got, b.results["0"])
		}
		time.Sleep(3 * time.Hour) // the sender starts anew, and counts from 0
		b.ask(counted(trip(b.all[0], "0")))
		if got := b.answered("0"); !slices.Equal(got, []string{"done", "done", "nameless"}) {
			t.Errorf("told %v", got)
		}
		if b.frames() != 2 || b.meters[0].Open(time.Now()) {
			t.Errorf("%d frames, open %v: it is neither carried out nor told as done", b.frames(), b.meters[0].Open(time.Now()))
		}
		b.ask(counted(trip(b.all[0], "2"))) // the next one has the next number
		if got := b.answered("2"); !slices.Equal(got, []string{"done"}) || b.frames() != 3 {
			t.Errorf("the next is told %v, %d frames", got, b.frames())
		}
		b.end()
	})
}

// TestAfterARestart kills the board at each step of a command, by going on
// with the flash as it was then: nothing is carried out twice.
func TestAfterARestart(t *testing.T) {
	for _, c := range []struct {
		what   string
		at     string
		want   string
		frames int // after the restart
	}{
		{"before it came", "start", "done", 1},
		{"when the frame reaches the meter", "frame", "not confirmed", 0},
		{"after it was answered", "end", "done", 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			var left string
			outer := t // its directory outlives the bubble
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, "", nil, 1)
				if c.at == "start" {
					left = copyRing(outer, b.path)
				}
				b.tap = func(dlt645.Frame) {
					if c.at == "frame" {
						left = copyRing(outer, b.path)
					}
				}
				b.ask(trip(b.all[0], "r1"))
				b.answered("r1")
				if c.at == "end" {
					left = copyRing(outer, b.path)
				}
				b.end()
			})
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, left, nil, 1)
				var late []string // the sender is told without asking again
				if c.at == "frame" {
					late = []string{"r1 relay of m1 by u: not confirmed"}
				}
				if !slices.Equal(b.late, late) {
					t.Errorf("told at the start %q, want %q", b.late, late)
				}
				b.ask(trip(b.all[0], "r1"))
				if got := b.answered("r1"); !slices.Equal(got, []string{c.want}) || b.frames() != c.frames {
					t.Errorf("told %v with %d frames, want %s with %d", got, b.frames(), c.want, c.frames)
				}
				if c.at == "frame" && !strings.HasSuffix(b.records()[1], "not confirmed: the board restarted meanwhile") {
					t.Errorf("the record holds %q", b.records())
				}
				b.end()
			})
		})
	}
}

// calledOff is a context that ends when it has been asked so often.
type calledOff struct {
	context.Context
	left *int
}

func (c calledOff) Err() error {
	if *c.left--; *c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestAStartThatIsCalledOff: a desk that ends while it reads the ring judges no
// command by the half that it has read.
func TestAStartThatIsCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", nil, 1)
		for _, id := range []string{"r1", "r2"} {
			b.ask(trip(b.all[0], id))
			b.answered(id)
		}
		want := b.records()
		for n := range 12 {
			left := n
			New(b.desk.Config).remember(calledOff{t.Context(), &left})
		}
		if got := b.records(); !slices.Equal(got, want) {
			t.Errorf("the record holds %q, want %q", got, want)
		}
		b.end()
	})
}

// TestCommandsKeepTheirOrder: 14 to one meter, alternating.
func TestCommandsKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", nil, 1)
		for i := range 14 {
			c := trip(b.all[0], fmt.Sprint("r", i))
			if i%2 == 1 {
				c = closing(b.all[0], c.ID)
			}
			b.ask(c)
		}
		b.answered("r13")
		var got []byte
		for _, f := range b.sent {
			command, _ := f.Field(dlt645.FieldCommand)
			got = append(got, command[0])
		}
		want := []byte(strings.Repeat("\x1A\x1C", 7))
		if !slices.Equal(got, want) {
			t.Errorf("on the line were % X, want % X", got, want)
		}
		for i := range 14 {
			if r := b.results[fmt.Sprint("r", i)]; !slices.Equal(r, []string{"done"}) {
				t.Errorf("r%d is told %v", i, r)
			}
		}
		b.end()
	})
}

// TestMetersShareTheirLineFairly: 20 commands to each of five meters on two
// lines. Each meter's keep their order, no meter of a line gets far ahead of
// another, and the lines run side by side.
func TestMetersShareTheirLineFairly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", nil, 3, 2)
		began := time.Now()
		var last time.Time
		b.tap = func(dlt645.Frame) { last = time.Now() }
		for i := range 20 {
			for k, h := range b.all {
				b.ask(meter.Command{Op: meter.OpWrite, Meter: h, By: meter.ByConsole, Point: "04000103", Value: fmt.Sprint(10 + i), ID: fmt.Sprint("w", k, "/", i)})
			}
		}
		b.answered("w0/0")
		next := map[dlt645.Address]int{}
		for _, f := range b.sent {
			value, _ := f.Field(dlt645.FieldValue)
			if got, want := int(value[0]>>4)*10+int(value[0]&15), 10+next[f.Address]; got != want {
				t.Fatalf("%s is written %d, want %d", f.Address, got, want)
			}
			next[f.Address]++
			for k, h := range b.all {
				for _, o := range b.all[:k] {
					if o.Bus == h.Bus && next[h.Address]-next[o.Address] > 2 || o.Bus == h.Bus && next[o.Address]-next[h.Address] > 2 {
						t.Fatalf("%s has had %d, %s %d", h.Name, next[h.Address], o.Name, next[o.Address])
					}
				}
			}
		}
		if len(b.sent) != 100 {
			t.Errorf("%d of 100 were sent", len(b.sent))
		}
		one := last.Sub(began) // of the line of three; both together would take five thirds of that
		if t2 := 100 * 400 * time.Millisecond; one > t2 {
			t.Errorf("it took %v", one)
		}
		b.end()
	})
}

// TestAFullQueueRefuses: what finds no room is told so, and not carried out
// later.
func TestAFullQueueRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", nil, 2)
		b.meters[0].Quirks.Stuck = true // each is watched for 20 s
		for i := range mostQueued + 10 {
			b.ask(trip(b.all[0], fmt.Sprint("r", i)))
		}
		b.ask(trip(b.all[1], "other"))
		if got := b.answered("other"); !slices.Equal(got, []string{"done"}) {
			t.Errorf("another meter waits: %v", got)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		told := map[string]int{}
		for _, r := range b.results {
			told[r[0]]++
		}
		// One at work and 32 waiting; of these those that are older than two
		// minutes when their turn comes are not carried out.
		if told["busy"] != 9 || told["not confirmed"]+told["expired"] != mostQueued+1 || told["expired"] == 0 || b.frames() != told["not confirmed"]+1 {
			t.Errorf("told %v, %d frames", told, b.frames())
		}
		b.end()
	})
}

// TestACommandGrowsOldWhileItWaits: its age counts from when it was said until its
// turn comes, not from when it came.
func TestACommandGrowsOldWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", nil, 1)
		b.meters[0].Quirks.Stuck = true // each is watched for 20 s
		for id, ago := range map[string]time.Duration{"first": 0, "young": 70 * time.Second, "old": 110 * time.Second} {
			if id == "first" {
				b.ask(trip(b.all[0], id))
				continue
			}
			c := closing(b.all[0], id)
			c.Said = time.Now().Add(-ago)
			time.AfterFunc(time.Second, func() { b.ask(c) })
		}
		b.answered("first")
		for id, want := range map[string]string{"first": "not confirmed", "young": "done", "old": "expired"} {
			if got := b.answered(id); !slices.Equal(got, []string{want}) {
				t.Errorf("%s is told %v, want %s", id, got, want)
			}
		}
		if n := b.frames(); n != 2 {
			t.Errorf("%d commands were sent, want 2", n)
		}
		b.end()
	})
}

// TestAPersonIsCarriedOutInTurn and told by the same words.
func TestAPersonIsCarriedOutInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", func(h *meter.Handle) { h.Allow = nil }, 1)
		if r := b.desk.Do(t.Context(), trip(b.all[0], "")); r.Outcome != meter.Done || !b.meters[0].Open(time.Now()) {
			t.Errorf("told %+v", r)
		}
		b.lines[0].Unplug(true)
		if r := b.desk.Do(t.Context(), closing(b.all[0], "")); r.Outcome != meter.NoAnswer || r.Text.ZH == "" {
			t.Errorf("a dead meter: %+v", r)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if r := b.desk.Do(ctx, closing(b.all[0], "")); r.Outcome != meter.Unconfirmed {
			t.Errorf("who goes away is told %+v", r)
		}
		time.Sleep(time.Minute)
		if n := len(b.records()); n < 4 || !strings.Contains(b.records()[1], "console relay: trip: done") {
			t.Errorf("the record: %v", b.records())
		}
		b.end()
	})
}

// TestDerivedPointsAreReadNow: each from its sources, never as something else.
func TestDerivedPointsAreReadNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(10 * time.Hour)
		b := newBench(t, "", nil, 1)
		read := func(points ...string) meter.Result {
			told := make(chan meter.Result, 1)
			b.desk.Ask(meter.Command{Op: meter.OpRead, Meter: b.all[0], Points: points, By: "u"}, func(r meter.Result) { told <- r })
			return <-told
		}
		text := func(r meter.Result) string {
			var all []string
			for _, v := range r.Values {
				all = append(all, v.Point+"="+v.Value.String())
			}
			return strings.Join(all, " ")
		}
		if got := text(read("relay")); got != "relay=closed" {
			t.Errorf("got %s", got)
		}
		b.meters[0].Command(dlt645.CommandTrip, time.Now())
		if got := text(read("relay", "fault")); got != "relay=open fault=" {
			t.Errorf("got %s", got)
		}
		if got := text(read("clock")); !strings.HasPrefix(got, "clock=2000-01-01T10:") {
			t.Errorf("got %s", got)
		}
		if got := text(read("energy.forward.day")); !strings.HasPrefix(got, "energy.forward.day=") && read("energy.forward.day").Outcome == meter.Done {
			t.Errorf("got %s with success", got)
		}
		if r := read("voltage.a", "credit.energy"); r.Outcome != meter.Done || !strings.HasPrefix(text(r), "voltage.a=") || strings.Contains(text(r), "credit") || r.Text.EN == "" {
			t.Errorf("what is missing is told as %+v", r)
		}
		b.end()
	})
}

// TestWithoutADurableRecordNothingIsSent for a platform, which would repeat it.
func TestWithoutADurableRecordNothingIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir()+"/there/is/none/ring", nil, 1)
		b.ask(trip(b.all[0], "r1"))
		if got := b.answered("r1"); !slices.Equal(got, []string{"failed"}) || b.frames() != 0 {
			t.Errorf("told %v, %d frames", got, b.frames())
		}
		if r := b.desk.Do(t.Context(), trip(b.all[0], "")); r.Outcome != meter.Done {
			t.Errorf("a person is told %+v", r)
		}
		b.end()
	})
}

// TestRefusalsDoNotFillTheRing: a flood of them is counted, ten a minute are
// kept.
func TestRefusalsDoNotFillTheRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", func(h *meter.Handle) { h.Allow = nil }, 1)
		for i := range 1000 {
			b.ask(trip(b.all[0], fmt.Sprint(i)))
		}
		synctest.Wait()
		if n := len(b.records()); n != mostDenied {
			t.Errorf("%d records", n)
		}
		b.end()
	})
}

// TestMemoryIsBounded and never forgets what is at work.
func TestMemoryIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		now := time.Unix(0, 0)
		m.begin("at work", [8]byte{1}, now)
		for i := range mostKnown + rapid.IntRange(0, 100).Draw(t, "more") {
			m.put(fmt.Sprint(i), [8]byte{}, meter.Result{}, now)
		}
		if len(m.by) != mostKnown || len(m.order) != mostKnown {
			t.Fatalf("%d are known, %d in order", len(m.by), len(m.order))
		}
		if k, ok := m.get(now.Add(48*time.Hour), "at work"); !ok || k.done {
			t.Fatal("what is at work is forgotten")
		}
	})
}

// TestFindIsExact: a name first, an address next, nothing near.
func TestFindIsExact(t *testing.T) {
	h := &meter.Handle{Name: "Unit 1", Address: dlt645.Address{0, 0, 0, 0, 0, 1}}
	d := New(Config{Meters: []*meter.Handle{h}})
	for who, want := range map[string]bool{"Unit 1": true, "000000000001": true, "unit 1": false, "": false, "1": false, "00000000000": false} {
		if got, ok := d.Find(who); ok != want || ok && got != h {
			t.Errorf("%q: found %v", who, ok)
		}
	}
}
