package meter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// TestADayOfManyMeters polls 64 meters on 8 lines for a day, with 5 % noise,
// 2 % late answers and one meter in ten dead. Each register of each meter has
// a value of its own, so that a value of another meter or identifier is seen
// at once.
func TestADayOfManyMeters(t *testing.T) {
	day, every := 24*time.Hour, 5*time.Minute
	if testing.Short() {
		day = time.Hour
	}
	const lines, perLine = 8, 8
	synctest.Test(t, func(t *testing.T) {
		timing := Timing{Baud: 9600, Preamble: 4, Timeout: time.Second, Gap: 30 * time.Millisecond, Retries: 2, AutoPreamble: true, AutoTimeout: true}
		points := pointsOf(t, "energy.forward", "voltage", "current", "power.active", "frequency")
		var all []*bench
		want := map[dlt645.Address]map[string]string{}
		for l := range lines {
			var meters []*dlt645test.Meter
			for i := range perLine {
				a := address(l*perLine + i + 1)
				m := dlt645test.NewMeter(a, 3)
				want[a] = pinAll(m, points, l*perLine+i+1)
				meters = append(meters, m)
			}
			b := newBench(timing, meters, Group{Every: every, Points: points})
			b.line.Whole, b.line.Seed = true, uint64(l)
			b.line.Faults = dlt645test.Faults{Noise: 0.05, Late: 0.02, Dead: 0.1}
			all = append(all, b)
		}
		ctx, cancel := context.WithTimeout(t.Context(), day+time.Minute)
		defer cancel()
		var running sync.WaitGroup
		for _, b := range all {
			running.Go(func() { b.line.Serve(ctx, b.end) })
			running.Go(func() {
				b.poller.Run(ctx)
				b.end.Close()
			})
		}
		running.Wait()
		dead, values, whole, rounds := 0, 0, 0, 0
		for _, b := range all {
			counts := b.poller.Bus().Counts()
			for _, r := range b.readings {
				for _, v := range r.Values {
					values++
					if w, ok := want[r.Meter][v.Point]; ok && w != v.Value.String() {
						t.Fatalf("meter %s: %s is %s, want %s", r.Meter, v.Point, v.Value, w)
					}
				}
				if len(r.Values) >= len(points) {
					whole++
				}
			}
			for _, s := range b.poller.Meters() {
				if !s.Online && s.Answers == 0 {
					dead++
					continue
				}
				rounds += int(day/every) + 1
				if s.Missed > 0 {
					t.Errorf("meter %s missed %d rounds on a line with time to spare", s.Address, s.Missed)
				}
			}
			if counts.Late == 0 || counts.Noise == 0 {
				t.Errorf("the faults did not strike: %+v", counts)
			}
		}
		t.Logf("%d values, %d of %d rounds of living meters whole, %d dead", values, whole, rounds, dead)
		// A request fails three times in a row with 0.07^3, so one round in 600.
		if dead != lines || whole < rounds*98/100 {
			t.Errorf("%d of %d rounds are whole, %d meters dead", whole, rounds, dead)
		}
	})
}

// pinAll gives every point a value that no other point of any meter has.
func pinAll(m *dlt645test.Meter, points []Point, meter int) map[string]string {
	want := map[string]string{}
	for i, p := range points {
		width := dlt645.AnswerWidth(p.DI)
		n := int64(meter*40 + i)
		m.SetNumber(p.DI.Code, n, width, false)
		b, err := dlt645.AppendNumber(nil, n, width, false)
		if err != nil {
			panic(err)
		}
		items, err := dlt645.Decode(nil, p.DI, b)
		if err != nil {
			panic(err)
		}
		want[p.Name] = items[0].Value.String()
	}
	return want
}

// pluggedPort is a port that can be pulled out.
type pluggedPort struct {
	Port
	out  *atomic.Bool
	open *atomic.Int64
	once sync.Once
}

var errUnplugged = errors.New("input/output error")

func (p *pluggedPort) Read(b []byte) (int, error) {
	if p.out.Load() {
		return 0, errUnplugged
	}
	return p.Port.Read(b)
}

func (p *pluggedPort) Write(b []byte) (int, error) {
	if p.out.Load() {
		return 0, errUnplugged
	}
	return p.Port.Write(b)
}

func (p *pluggedPort) Close() error {
	p.once.Do(func() { p.open.Add(-1) })
	return nil // the other end goes on
}

func TestAThousandTimesUnpluggedLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := dlt645test.Pipe()
		var out atomic.Bool
		var open, most atomic.Int64
		line := &dlt645test.Line{Baud: 9600, Whole: true, Meters: simulated(2)}
		bus := NewBus("test", Timing{Baud: 9600, Preamble: 4}, func() (Port, error) {
			if out.Load() {
				return nil, fmt.Errorf("no such device")
			}
			most.Store(max(most.Load(), open.Add(1)))
			return &pluggedPort{Port: ours, out: &out, open: &open}, nil
		}, nil)
		var read atomic.Int64
		p := NewPoller(PollerConfig{Bus: bus, Sink: func(Reading) { read.Add(1) }, Meters: []*Handle{
			{Name: "a", Address: line.Meters[0].Address, Groups: []Group{{Every: 10 * time.Second, Points: pointsOf(t, "voltage")}}},
			{Name: "b", Address: line.Meters[1].Address, Groups: []Group{{Every: 10 * time.Second, Points: pointsOf(t, "voltage")}}},
		}})
		ctx, cancel := context.WithCancel(t.Context())
		go line.Serve(ctx, theirs)
		done := make(chan struct{})
		go func() {
			p.Run(ctx)
			close(done)
		}()
		time.Sleep(time.Minute)
		before := runtime.NumGoroutine()
		rng := rand.New(rand.NewPCG(1, 2))
		for range 1000 {
			out.Store(true)
			time.Sleep(time.Duration(rng.IntN(25000)) * time.Millisecond)
			out.Store(false)
			time.Sleep(time.Duration(5000+rng.IntN(30000)) * time.Millisecond)
		}
		had := read.Load()
		time.Sleep(time.Minute)
		if read.Load()-had < 10 {
			t.Errorf("%d readings in the minute after the last time", read.Load()-had)
		}
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("%d goroutines before and %d after", before, n)
		}
		if open.Load() != 1 || most.Load() != 1 {
			t.Errorf("%d ports are open, %d were at once", open.Load(), most.Load())
		}
		if c := bus.Counts(); c.PortErrors < 500 || c.PortErr != "" {
			t.Errorf("counted %d port errors, and says %q", c.PortErrors, c.PortErr)
		}
		cancel()
		<-done
		bus.Close()
		theirs.Close()
		synctest.Wait()
		if open.Load() != 0 {
			t.Error("the port is open at the end")
		}
	})
}

func TestTheLastFramesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Timing{Baud: 9600}, simulated(1), Group{Every: time.Second, Points: pointsOf(t, "voltage")})
		b.run(t, 10*time.Minute)
		got := b.poller.Bus().Recent()
		if len(got) != recentTraces {
			t.Fatalf("%d frames are kept, want %d", len(got), recentTraces)
		}
		for i := 1; i < len(got); i++ {
			if got[i].At.Before(got[i-1].At) || got[i].Sent == got[i-1].Sent {
				t.Fatalf("frame %d: %v after %v", i, got[i], got[i-1])
			}
		}
		if since := time.Since(got[len(got)-1].At); since > 2*time.Second {
			t.Errorf("the last one is %v old", since)
		}
	})
}

func TestLoadIsThatOfTheLastMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Timing{Baud: 2400}, simulated(1), Group{Every: time.Second, Points: pointsOf(t, "voltage.a")})
		b.run(t, 20*time.Minute)
		r := Request{DI: voltageA}
		want := r.Duration(Timing{Baud: 2400}).Seconds() - (usualDelay - 20*time.Millisecond).Seconds()
		if got := b.poller.Bus().Load(time.Now()); got < want*0.95 || got > want*1.05 {
			t.Errorf("load %.3f, want about %.3f", got, want)
		}
		if got := b.poller.PlannedLoad(); got < want || got > want*1.3 {
			t.Errorf("planned %.3f, want about %.3f", got, want)
		}
		time.Sleep(time.Hour)
		if got := b.poller.Bus().Load(time.Now()); got != 0 {
			t.Errorf("load %.3f after an hour of rest", got)
		}
	})
}
