package meter

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

func address(n int) dlt645.Address {
	a, err := dlt645.ParseAddress(fmt.Sprintf("2024112%05d", n))
	if err != nil {
		panic(err)
	}
	return a
}

func simulated(n int) []*dlt645test.Meter {
	var all []*dlt645test.Meter
	for i := range n {
		all = append(all, dlt645test.NewMeter(address(i+1), 3))
	}
	return all
}

func (p *Poller) learnedOf(i int) Learned { return p.Learned()[i] }

func TestPreambleIsLearnedMeterByMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := simulated(2)
		meters[1].Quirks.NeedsPreamble = true
		timing := Timing{Baud: 9600, Preamble: 4, AutoPreamble: true, Timeout: 300 * time.Millisecond, Retries: 1}
		b := newBench(timing, meters, Group{Every: time.Minute, Points: pointsOf(t, "voltage", "current", "frequency")})
		bare := map[dlt645.Address]int{}
		b.line.Tap = func(e dlt645test.Event) {
			if e.OK && !e.Frame.Control.Response() && e.Wire[0] == 0x68 {
				bare[e.Frame.Address]++
			}
		}
		b.run(t, 20*time.Minute+30*time.Second)
		if got := [2]string{b.poller.learnedOf(0).Preamble.text(), b.poller.learnedOf(1).Preamble.text()}; got != [2]string{"needs no FE", "needs FE"} {
			t.Errorf("learned %v", got)
		}
		if len(b.readings) != 42 {
			t.Errorf("%d readings, want 21 of each meter", len(b.readings))
		}
		if bare[meters[0].Address] != 63 || bare[meters[1].Address] != missedOften {
			t.Errorf("requests without FE: %v, want all to the first meter and %d to the second", bare, missedOften)
		}
		if c := b.poller.Bus().Counts(); c.Retries != missedOften {
			t.Errorf("%d retries, want one for each request that was missed", c.Retries)
		}
	})
}

func (s PreambleState) text() string { return s.Text().EN }

func TestTimeoutIsLearnedFromTheMetersOwnAnswers(t *testing.T) {
	var times Times
	if got := times.timeout(MostTimeout); got != time.Second {
		t.Errorf("of an unknown meter: %v, want 1s", got)
	}
	for range 19 {
		times.add(20 * time.Millisecond)
	}
	if got := times.timeout(MostTimeout); got < standardTimeout {
		t.Errorf("of 19 answers: %v, want what the standard allows at least", got)
	}
	times.add(20 * time.Millisecond)
	if got := times.timeout(MostTimeout); got != leastTimeout {
		t.Errorf("of 20 answers in 20 ms: %v, want %v", got, leastTimeout)
	}
	times.Lost = 2
	if got := times.timeout(MostTimeout); got != 4*leastTimeout {
		t.Errorf("after two losses: %v, want %v", got, 4*leastTimeout)
	}
	times.Lost = 0
	for range 100 {
		times.add(900 * time.Millisecond)
	}
	if a, b := times.timeout(MostTimeout), times.timeout(MostTimeoutTCP); a <= 1800*time.Millisecond-1 || a > MostTimeout || b <= MostTimeout-1 && a != b {
		t.Errorf("of a slow meter: %v, behind a server %v", a, b)
	}
	for range 100 {
		times.add(20 * time.Second)
	}
	if a, b := times.timeout(MostTimeout), times.timeout(MostTimeoutTCP); a != MostTimeout || b != MostTimeoutTCP {
		t.Errorf("of one that takes for ever: %v, behind a server %v", a, b)
	}
}

func TestSilenceCostsLessOnceTheTimeoutIsLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timing := Timing{Baud: 9600, Preamble: 4, AutoTimeout: true}
		b := newBench(timing, simulated(1), Group{Every: time.Minute, Points: pointsOf(t, "voltage", "current", "frequency")})
		b.run(t, 10*time.Minute+30*time.Second)
		m := b.poller.meters[0].health
		if how := m.manner(b.poller.bus.Manner(), b.poller.bus.timing, false); how.Timeout != leastTimeout {
			t.Errorf("after %d answers the time-out is %v, want %v", m.learned.Times.N, how.Timeout, leastTimeout)
		}
	})
}

func TestEditionIsFoundByAskingAndRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := []*dlt645test.Meter{dlt645test.NewMeter(address(1), 3), dlt645test.NewMeter97(address(2), 3)}
		auto := func(c *PollerConfig) {
			for i := range c.Meters {
				c.Meters[i].Protocol, c.Meters[i].Auto = dlt645.V2007, true
			}
		}
		timing := Timing{Baud: 2400, Preamble: 4, Timeout: 500 * time.Millisecond}
		group := Group{Every: time.Minute, Points: pointsOf(t, "voltage", "energy.forward.total", "temperature")}
		b := newBenchWith(auto, timing, meters, group)
		b.run(t, 90*time.Second)
		if a, o := b.poller.learnedOf(0), b.poller.learnedOf(1); a.Protocol != "2007" || o.Protocol != "1997" {
			t.Errorf("found %q and %q", a.Protocol, o.Protocol)
		}
		points := map[string]int{}
		for _, r := range b.readings {
			for _, v := range r.Values {
				if r.Meter == meters[1].Address {
					points[v.Point]++
				}
			}
		}
		if fmt.Sprint(points) != "map[energy.forward.total:2 voltage.a:2 voltage.b:2 voltage.c:2]" {
			t.Errorf("of the meter of 1997: %v", points)
		}
		silence := b.poller.Bus().Counts().Silence

		// The next start remembers, also through the file.
		kept, err := json.Marshal(b.poller.Learned())
		if err != nil {
			t.Fatal(err)
		}
		var learned []Learned
		if err := json.Unmarshal(kept, &learned); err != nil {
			t.Fatal(err)
		}
		b = newBenchWith(func(c *PollerConfig) { auto(c); c.Learned = learned }, timing, meters, group)
		b.run(t, 90*time.Second)
		if now := b.poller.Bus().Counts().Silence; silence == 0 || now != 0 {
			t.Errorf("%d requests met silence at the first start and %d at the second, want some and none", silence, now)
		}
	})
}

func TestRefusalsAreRememberedAcrossARestartAndForgottenAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := simulated(1)
		meters[0].NoBlock = true
		group := Group{Every: time.Minute, Points: pointsOf(t, "voltage")}
		refusals := func(learned []Learned) (int, []Learned) {
			b := newBenchWith(func(c *PollerConfig) { c.Learned = learned }, testTiming, meters, group)
			b.run(t, 150*time.Second)
			return b.poller.Bus().Counts().Refusals, b.poller.Learned()
		}
		first, learned := refusals(nil)
		second, learned := refusals(learned)
		time.Sleep(25 * time.Hour)
		third, _ := refusals(learned)
		if first != 1 || second != 0 || third != 1 {
			t.Errorf("%d, %d and %d refusals, want 1, 0, and 1 again after a day", first, second, third)
		}
	})
}

func TestAnotherMeterAtTheAddressLosesWhatWasLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := simulated(1)
		meters[0].NoBlock = true
		b := newBenchWith(func(c *PollerConfig) { c.Daily = true }, testTiming, meters, Group{Every: time.Minute, Points: pointsOf(t, "voltage")})
		go func() {
			time.Sleep(10 * time.Minute)
			meters[0].Change(func(m *dlt645test.Meter) { m.NoBlock = false })
			meters[0].Set(0x04000402, []byte{9, 9, 9, 9, 9, 9})
		}()
		b.run(t, 28*time.Hour)
		l := b.poller.learnedOf(0)
		if l.Number != "090909090909" || len(l.Lacking) != 0 {
			t.Errorf("learned %+v", l)
		}
		replaced := 0
		for _, e := range b.events {
			if e.Kind == EventReplaced {
				replaced++
			}
		}
		if replaced != 1 {
			t.Errorf("%d events tell of the replacement: %v", replaced, b.events)
		}
	})
}

func TestOfflineAndOnlineAreEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(testTiming, simulated(1), Group{Every: time.Minute, Points: pointsOf(t, "voltage")})
		go func() {
			time.Sleep(5*time.Minute + time.Second)
			b.line.Unplug(true)
			time.Sleep(10 * time.Minute)
			b.line.Unplug(false)
		}()
		b.run(t, 30*time.Minute)
		var kinds []string
		for _, e := range b.events {
			kinds = append(kinds, e.Kind)
			var back Event
			rec, err := e.AppendBinary(nil)
			if err != nil || back.UnmarshalBinary(rec) != nil || back.Kind != e.Kind || back.Text != e.Text || back.Meter != e.Meter || !IsEvent(rec) {
				t.Errorf("%+v as a record gives %+v", e, back)
			}
		}
		if fmt.Sprint(kinds) != "[meter-offline meter-online]" {
			t.Errorf("events: %v", kinds)
		}
	})
}

func TestClocksAreSetOnceADayAndOnlyByATrustedClock(t *testing.T) {
	for _, c := range []struct {
		name    string
		ahead   time.Duration
		trusted bool
		sync    bool
		before  string // when the time was told before the start
		sent    int
		left    string // the offset at the end
	}{
		{"two minutes ahead", 2 * time.Minute, true, true, "", 1, "0"},
		{"half a minute ahead", 30 * time.Second, true, true, "", 0, "30"},
		{"a doubted clock", 2 * time.Minute, false, true, "", 0, ""},
		{"not wanted", 2 * time.Minute, true, false, "", 0, "120"},
		{"farther than meters take", 20 * time.Minute, true, true, "", 1, "1200"},
		{"told yesterday", 2 * time.Minute, true, true, "1999-12-31", 1, "0"},
		{"told today", 2 * time.Minute, true, true, "2000-01-01", 0, "120"},
		{"farther than meters take, and told when the board was years ahead", 20 * time.Minute, true, true, "2010-05-01", 1, "1200"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(9 * time.Hour) // the bubble begins at midnight
				meters := simulated(2)
				meters[0].ClockOffset = c.ahead
				var shown []time.Duration // by the meter's clock against the board's
				b := newBenchWith(func(p *PollerConfig) {
					p.Daily, p.SyncClocks = true, c.sync
					p.Learned = []Learned{{Address: meters[0].Address.String(), Synced: c.before}}
					p.Trusted = func(time.Time) bool { return c.trusted }
					p.Stamp = func(r *Reading) { r.Trusted = c.trusted }
					p.Clock = func(a dlt645.Address, at time.Time) {
						if a == meters[0].Address {
							shown = append(shown, time.Until(at))
						}
					}
				}, testTiming, meters, Group{Every: time.Minute, Points: pointsOf(t, "voltage")})
				sent := 0
				b.line.Tap = func(e dlt645test.Event) {
					if e.Frame.Control.Function() == dlt645.FuncBroadcastTime {
						sent++
					}
				}
				b.run(t, 10*time.Minute)
				if len(shown) == 0 || (shown[0]-c.ahead).Abs() > time.Second {
					t.Errorf("the meter's clock was told as %v ahead, want %v first", shown, c.ahead)
				}
				left := ""
				for _, r := range b.readings {
					if v, ok := r.Value("clock.offset"); ok && r.Meter == meters[0].Address {
						left = v.String()
					}
				}
				if sent != c.sent {
					t.Errorf("%d broadcasts, want %d", sent, c.sent)
				}
				if n := len(left); left != c.left && !(c.left == "0" && n > 0 && (left == "1" || left == "-1")) {
					t.Errorf("the offset is %q at the end, want %q", left, c.left)
				}
			})
		})
	}
}

func TestNobodyWaitsForAnotherMetersRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := simulated(5)
		timing := Timing{Baud: 9600, Preamble: 4, Timeout: time.Second, Retries: 3}
		b := newBench(timing, meters, Group{Every: time.Minute, Points: pointsOf(t, "voltage")})
		b.line.Faults.Dead = 0.2 // the first of five
		read := map[dlt645.Address]time.Duration{}
		start := time.Now()
		b.poller.sink = func(r Reading) {
			if _, ok := read[r.Meter]; !ok {
				read[r.Meter] = time.Since(start)
			}
		}
		b.run(t, 30*time.Second)
		for _, m := range meters[1:] {
			// One time-out of the dead meter and five answers.
			if took, ok := read[m.Address]; !ok || took > 1700*time.Millisecond {
				t.Errorf("%s was read after %v", m.Address, took)
			}
		}
		if c := b.poller.Bus().Counts(); c.Retries != 3 {
			t.Errorf("%d retries, want 3", c.Retries)
		}
	})
}

func TestDeadMetersCostAtMostTheirShare(t *testing.T) {
	for _, dead := range []int{3, 9} {
		synctest.Test(t, func(t *testing.T) {
			meters := simulated(10)
			timing := Timing{Baud: 2400, Preamble: 4, Timeout: time.Second, Retries: 1}
			b := newBench(timing, meters, Group{Every: time.Minute, Points: pointsOf(t, "voltage", "current")})
			b.line.Faults.Dead = float64(dead) / 10
			var spent time.Duration
			began := time.Now()
			const settled, watched = 5 * time.Minute, 2 * time.Hour
			asked := map[dlt645.Address]time.Time{}
			b.poller.bus.trace = func(tr Trace) {
				var f dlt645.Frame
				if _, ok := dlt645.Scan(tr.Wire, &f); ok && tr.Sent {
					asked[f.Address] = tr.At
					for i, m := range meters {
						if i < dead && m.Address == f.Address && time.Since(began) > settled {
							spent += timing.Wire(len(tr.Wire)+1) + timing.Timeout
						}
					}
				}
			}
			b.run(t, settled+watched)
			share := spent.Seconds() / watched.Seconds()
			t.Logf("%d of 10 meters dead: they cost %.2f %% of the line's time after the first five minutes", dead, 100*share)
			if share > deadShare || share == 0 {
				t.Errorf("%d dead meters cost %.1f %% of the line", dead, 100*share)
			}
		})
	}
}

// ratePort is a port whose rate the line hears.
type ratePort struct {
	Port
	baud *atomic.Int64
}

func (p ratePort) SetBaud(baud int) error {
	p.baud.Store(int64(baud))
	return nil
}

func TestAMeterOf1997IsFoundAtItsOwnRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := []*dlt645test.Meter{dlt645test.NewMeter(address(1), 3), dlt645test.NewMeter97(address(2), 3)}
		meters[0].Baud, meters[1].Baud = 2400, 1200
		var baud atomic.Int64
		baud.Store(2400)
		ours, theirs := dlt645test.Pipe()
		line := &dlt645test.Line{Baud: 2400, Meters: meters, Rate: func() int { return int(baud.Load()) }}
		bus := NewBus("test", Timing{Baud: 2400, Preamble: 4, Timeout: 500 * time.Millisecond}, func() (Port, error) { return ratePort{ours, &baud}, nil }, nil)
		read := map[dlt645.Address]int{}
		var configs []*Handle
		for _, m := range meters {
			configs = append(configs, &Handle{Name: "m", Address: m.Address, Auto: true, Groups: []Group{{Every: time.Minute, Points: pointsOf(t, "voltage")}}})
		}
		p := NewPoller(PollerConfig{Bus: bus, Meters: configs, Sink: func(r Reading) { read[r.Meter]++ }})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute+time.Second)
		defer cancel()
		go line.Serve(ctx, theirs)
		p.Run(ctx)
		theirs.Close()
		synctest.Wait()
		l := p.learnedOf(1)
		if l.Protocol != "1997" || l.Baud != 1200 || read[meters[0].Address] != 6 || read[meters[1].Address] != 6 {
			t.Errorf("learned %q at %d; read %v", l.Protocol, l.Baud, read)
		}
	})
}

func TestWhatChangesIsAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := simulated(1)
		b := newBench(Timing{Baud: 9600}, meters, Group{Every: time.Minute, Points: pointsOf(t, "relay", "fault", "count.cover", "count.outage")})
		go func() {
			time.Sleep(150 * time.Second)
			meters[0].Set(0x04000505, []byte{0x04, 0x00}) // over-voltage of phase B
			meters[0].SetNumber(0x03300D00, 2, 3, false)
			time.Sleep(time.Minute)
			meters[0].Set(0x04000503, []byte{0x50, 0x00})
			meters[0].SetNumber(0x03110000, 4, 3, false)
			time.Sleep(time.Minute)
			meters[0].Set(0x04000505, []byte{0x00, 0x00})
		}()
		b.run(t, 6*time.Minute)
		var got []string
		for _, e := range b.events {
			got = append(got, e.Kind+" "+e.Text)
		}
		want := "[fault-on over-voltage.b cover-opened 2 relay-changed open power-off 4 fault-off over-voltage.b]"
		if fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}

func TestBucketsReachFromTheFirstAnswerToTheLast(t *testing.T) {
	var times Times
	if got := times.Buckets(); got != nil {
		t.Errorf("got %v of no answers", got)
	}
	for _, ms := range []int{20, 20, 21, 30} {
		times.add(time.Duration(ms) * time.Millisecond)
	}
	got := times.Buckets()
	if len(got) < 3 || got[0].N != 2 && got[0].N != 3 || got[len(got)-1].N != 1 {
		t.Fatalf("got %v", got)
	}
	n := 0
	for i, b := range got {
		n += b.N
		if i > 0 && b.Under <= got[i-1].Under {
			t.Errorf("the bounds do not grow: %v", got)
		}
	}
	if n != 4 || got[0].Under < 20*time.Millisecond || got[0].Under > 24*time.Millisecond {
		t.Errorf("got %v", got)
	}
}
