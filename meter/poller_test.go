package meter

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

func pointsOf(t testing.TB, names ...string) []Point {
	t.Helper()
	var ps Points
	var out []Point
	for _, n := range names {
		found, ok := ps.Expand(n)
		if !ok {
			t.Fatalf("no point %s", n)
		}
		out = append(out, found...)
	}
	return out
}

func TestPlanOfTheStandardSetTakesEightRequests(t *testing.T) {
	points := pointsOf(t, "energy.forward", "energy.reverse", "voltage", "current", "power.active", "power.reactive", "power.factor", "frequency")
	if len(points) != 29 {
		t.Fatalf("the set has %d points, want 29", len(points))
	}
	var got []string
	for _, r := range Plan(points, dlt645.V2007) {
		got = append(got, r.DI.String())
	}
	want := "[0001FF00 0002FF00 0201FF00 0202FF00 0203FF00 0204FF00 0206FF00 02800002]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestPlanReadsOnePointOfAFamilySingly(t *testing.T) {
	reqs := Plan(pointsOf(t, "voltage.b", "relay", "demand.forward"), dlt645.V2007)
	var got []string
	for _, r := range reqs {
		got = append(got, r.DI.String())
	}
	if fmt.Sprint(got) != "[02010200 04000503 01010000]" {
		t.Errorf("got %v", got)
	}
}

func TestRoundsStartOnMultiplesOfTheWallClock(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 10, 7, 31, 5, shanghai)
	for _, c := range []struct {
		every time.Duration
		want  string
	}{
		{time.Minute, "2026-11-20 10:08:00"}, {15 * time.Minute, "2026-11-20 10:15:00"}, {6 * time.Hour, "2026-11-20 12:00:00"},
		{24 * time.Hour, "2026-11-21 00:00:00"}, {7 * time.Minute, "2026-11-20 10:08:00"},
	} {
		if got := nextRound(at, c.every, shanghai).In(shanghai).Format(time.DateTime); got != c.want {
			t.Errorf("every %v: got %s, want %s", c.every, got, c.want)
		}
	}
}

// bench is a poller on a simulated line.
type bench struct {
	poller *Poller
	line   *dlt645test.Line
	end    *dlt645test.End

	mu       sync.Mutex
	readings []Reading
	events   []Event
}

func newBench(timing Timing, meters []*dlt645test.Meter, groups ...Group) *bench {
	return newBenchWith(nil, timing, meters, groups...)
}

// handle gives the handle of an address.
func (b *bench) handle(a dlt645.Address) *Handle {
	for _, m := range b.poller.meters {
		if m.Address == a {
			return m.Handle
		}
	}
	return nil
}

// newBenchWith lets the caller change what the poller works with.
func newBenchWith(change func(*PollerConfig), timing Timing, meters []*dlt645test.Meter, groups ...Group) *bench {
	b := &bench{}
	ours, theirs := dlt645test.Pipe()
	b.end = theirs
	b.line = &dlt645test.Line{Baud: timing.Baud, Meters: meters}
	var configs []*Handle
	for i, m := range meters {
		configs = append(configs, &Handle{
			Name: fmt.Sprintf("m%d", i), Address: m.Address, Protocol: m.Protocol, Groups: groups,
			Access: dlt645.Access{Password: dlt645test.DefaultPassword},
		})
	}
	bus := NewBus("test", timing, func() (Port, error) { return ours, nil }, nil)
	c := PollerConfig{Bus: bus, Meters: configs, Sink: func(r Reading) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.readings = append(b.readings, r)
	}, Event: func(e Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
	}}
	if change != nil {
		change(&c)
	}
	b.poller = NewPoller(c)
	return b
}

// run polls for a while of fake time.
func (b *bench) run(t *testing.T, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	go b.line.Serve(ctx, b.end)
	b.poller.Run(ctx)
	b.end.Close()
	synctest.Wait()
}

func TestPollerReadsAtOnceAndThenOnTheMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(testTiming, []*dlt645test.Meter{dlt645test.NewMeter(unit1, 3)}, Group{Every: time.Minute, Points: pointsOf(t, "voltage", "frequency")})
		time.Sleep(17 * time.Second) // the bubble's clock starts on a full minute
		start := time.Now()
		b.run(t, 2*time.Minute)
		if len(b.readings) != 3 {
			t.Fatalf("got %d readings, want 3", len(b.readings))
		}
		for i, r := range b.readings {
			want := start
			if i > 0 {
				want = start.Truncate(time.Minute).Add(time.Duration(i) * time.Minute)
			}
			if !r.Round.Equal(want) {
				t.Errorf("round %d belongs to %v, want %v", i, r.Round, want)
			}
			// The voltage block: 20 bytes out, 20 ms, 26 bytes back, 5 ms each.
			if took := r.Time.Sub(want); took != 250*time.Millisecond {
				t.Errorf("round %d: the first answer came after %v, want 250ms", i, took)
			}
			if len(r.Values) != 4 {
				t.Errorf("round %d has %d values, want 4", i, len(r.Values))
			}
		}
	})
}

func TestMissedRoundsAreSkippedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Two meters that each need 2.5 s a round, asked for every 2 s.
		slow := []*dlt645test.Meter{dlt645test.NewMeter(unit1, 3), dlt645test.NewMeter(unit2, 3)}
		for _, m := range slow {
			m.Delay = 2300 * time.Millisecond
		}
		timing := testTiming
		timing.Timeout = 5 * time.Second
		b := newBench(timing, slow, Group{Every: 2 * time.Second, Points: pointsOf(t, "frequency")})
		b.run(t, time.Minute)
		states := b.poller.Meters()
		for _, s := range states {
			if s.Rounds < 10 || s.Rounds > 13 {
				t.Errorf("meter %s had %d rounds, want its half of 24", s.Name, s.Rounds)
			}
			if s.Missed < 15 {
				t.Errorf("meter %s missed %d rounds, want all the others", s.Name, s.Missed)
			}
		}
		for i := 1; i < len(b.readings); i++ {
			if d := b.readings[i].Time.Sub(b.readings[i].Round); d > 8*time.Second {
				t.Errorf("a round of %v was read at %v: it was piled up", b.readings[i].Round, b.readings[i].Time)
			}
		}
	})
}

func TestDeadMeterCostsOneRequestAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := []*dlt645test.Meter{dlt645test.NewMeter(unit1, 3), dlt645test.NewMeter(unit2, 3)}
		b := newBench(testTiming, meters[:1], Group{Every: 10 * time.Second, Points: pointsOf(t, "voltage", "current", "frequency")})
		b.line.Unplug(true)
		go func() {
			time.Sleep(10*time.Minute + time.Second)
			b.line.Unplug(false)
		}()
		b.run(t, 20*time.Minute)
		s := b.poller.Meters()[0]
		if !s.Online {
			t.Error("the meter answers again, but is not online")
		}
		c := b.poller.Bus().Counts()
		// Two lost rounds, then pauses of 20 s, 40 s .. 5 min within 10 minutes.
		if c.Silence > 10 {
			t.Errorf("the dead meter was asked %d times in 10 minutes", c.Silence)
		}
		back := b.readings[0].Time.Sub(time.Date(2000, 1, 1, 0, 10, 1, 0, time.UTC))
		if back > 5*time.Minute+20*time.Second {
			t.Errorf("it took %v to find the meter again", back)
		}
	})
}

func TestRefusedBlockFallsBackToSingleReadsAndIsLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(unit1, 3)
		m.NoBlock = true
		m.Set(0x1D000001, nil)
		b := newBench(testTiming, []*dlt645test.Meter{m}, Group{Every: time.Minute, Points: pointsOf(t, "voltage", "frequency", "count.trip")})
		b.run(t, 90*time.Second)
		if len(b.readings) != 2 {
			t.Fatalf("got %d readings, want 2", len(b.readings))
		}
		for i, r := range b.readings {
			if len(r.Values) != 4 {
				t.Errorf("reading %d: %v, want three voltages and the frequency", i, r.Values)
			}
		}
		// First round: block refused, 3 single, frequency, count refused. Then 4.
		if c := b.poller.Bus().Counts(); c.Requests != 6+4 || c.Refusals != 2 {
			t.Errorf("counted %+v, want 10 requests and 2 refusals", c)
		}
	})
}

func TestAbsentPhasesAreNoValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(testTiming, []*dlt645test.Meter{dlt645test.NewMeter(unit1, 1)}, Group{Every: time.Minute, Points: pointsOf(t, "voltage")})
		b.run(t, 10*time.Second)
		if len(b.readings) != 1 || len(b.readings[0].Values) != 1 || b.readings[0].Values[0].Point != "voltage.a" {
			t.Errorf("got %+v, want phase A alone", b.readings)
		}
	})
}

func TestRatiosAndDerivedPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(unit1, 3)
		m.SetNumber(0x02020100, 1234, 3, true)
		m.SetNumber(0x02020200, 2, 3, true)
		m.SetNumber(0x02020300, 0, 3, true)
		m.Set(0x04000503, []byte{0x50, 0x00})
		m.Set(0x04000505, []byte{0x06, 0x00})
		b := newBench(testTiming, []*dlt645test.Meter{m}, Group{Every: time.Minute, Points: pointsOf(t, "current", "status")})
		b.poller.meters[0].CT = 80
		b.run(t, 10*time.Second)
		r := b.readings[0]
		for point, want := range map[string]string{
			"current.a": "98.720", "current.b": "0.160", "status.3": "0050", "relay": "open", "fault": "under-voltage.b,over-voltage.b",
		} {
			if v, _ := r.Value(point); v.String() != want {
				t.Errorf("%s is %q, want %q", point, v, want)
			}
		}
	})
}

func TestNoisyLineGivesNoWrongValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(unit1, 3)
		for p := range uint32(3) {
			m.SetNumber(0x02010100+p<<8, 2201+int64(p), 2, false)
		}
		b := newBench(Timing{Baud: 9600, Preamble: 4, Timeout: 300 * time.Millisecond, Retries: 1}, []*dlt645test.Meter{m}, Group{Every: 5 * time.Second, Points: pointsOf(t, "voltage")})
		b.line.Faults = dlt645test.Faults{Noise: 0.2, Late: 0.05, Checksum: 0.05, Echo: 0.3, Silence: 0.05}
		b.run(t, 2*time.Hour)
		if len(b.readings) < 1000 {
			t.Errorf("only %d readings in two hours", len(b.readings))
		}
		for _, r := range b.readings {
			for _, v := range r.Values {
				want := map[string]string{"voltage.a": "220.1", "voltage.b": "220.2", "voltage.c": "220.3"}[v.Point]
				if got := v.Value.String(); got != want {
					t.Fatalf("%s is %s, want %s", v.Point, got, want)
				}
			}
		}
		c := b.poller.Bus().Counts()
		t.Logf("%+v", c)
		if c.Noise == 0 || c.Late == 0 || c.Echoes == 0 || c.Retries == 0 {
			t.Errorf("the faults did not strike: %+v", c)
		}
	})
}

func TestReadingRoundTrip(t *testing.T) {
	r := Reading{
		Meter: unit1, Time: time.UnixMilli(1763600000123), Round: time.UnixMilli(1763600000000), Trusted: true, Boot: 7, Uptime: 5 * time.Second,
		Values: []PointValue{
			{"voltage.a", dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}},
			{"power.active.total", dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: -123, Scale: 4}}},
			{"relay", dlt645.Value{Kind: dlt645.Characters, Text: "closed"}},
		},
	}
	b, err := r.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back Reading
	if err := back.UnmarshalBinary(b); err != nil || fmt.Sprintf("%+v", back) != fmt.Sprintf("%+v", r) {
		t.Errorf("got %+v (%v), want %+v", back, err, r)
	}
	for i := range b {
		if back.UnmarshalBinary(b[:i]) == nil {
			t.Errorf("the first %d of %d bytes were taken for a reading", i, len(b))
		}
	}
}

func FuzzReading(f *testing.F) {
	r := Reading{Meter: unit1, Values: []PointValue{{"relay", dlt645.Value{Kind: dlt645.Characters, Text: "open"}}}}
	b, err := r.AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Reading
		if r.UnmarshalBinary(b) != nil {
			return
		}
		again, err := r.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		var back Reading
		if err := back.UnmarshalBinary(again); err != nil || fmt.Sprint(back) != fmt.Sprint(r) {
			t.Errorf("%X becomes %X (%v)", b, again, err)
		}
	})
}
