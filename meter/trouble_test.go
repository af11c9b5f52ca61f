package meter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

func TestDailyRoundsKeepToMidnightWhenTheClocksChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, start := range []time.Time{time.Date(2026, 10, 24, 0, 0, 1, 0, berlin), time.Date(2026, 3, 28, 0, 0, 1, 0, berlin)} {
		at := start
		for day := 1; day < 5; day++ {
			at = nextRound(at, 24*time.Hour, berlin)
			if want := time.Date(start.Year(), start.Month(), start.Day()+day, 0, 0, 0, 0, berlin); !at.Equal(want) {
				t.Errorf("day %d after %v: the round is at %v", day, start, at.In(berlin))
				break
			}
		}
	}
}

func TestFullLineLeavesNoGroupOutForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := []*dlt645test.Meter{dlt645test.NewMeter(unit1, 3), dlt645test.NewMeter(unit2, 3)}
		for _, m := range meters {
			m.Delay = 1300 * time.Millisecond
		}
		timing := testTiming
		timing.Timeout = 5 * time.Second
		b := newBench(timing, meters, Group{Every: 2 * time.Second, Points: pointsOf(t, "frequency")}, Group{Every: time.Minute, Points: pointsOf(t, "voltage.a")})
		b.run(t, 30*time.Minute)
		n := map[string]int{}
		for _, r := range b.readings {
			if _, ok := r.Value("voltage.a"); ok {
				n[r.Meter.String()]++
			}
		}
		for _, m := range meters {
			if n[m.Address.String()] < 10 {
				t.Errorf("meter %s: %d of 30 rounds of the minute", m.Address, n[m.Address.String()])
			}
		}
	})
}

func TestGroupThatTheMeterLacksDoesNotMakeItOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(unit1, 3)
		m.Set(0x1D000001, nil)
		b := newBench(testTiming, []*dlt645test.Meter{m},
			Group{Every: 10 * time.Second, Points: pointsOf(t, "count.trip")}, Group{Every: time.Minute, Points: pointsOf(t, "voltage")})
		var log bytes.Buffer
		b.poller.log = slog.New(slog.NewTextHandler(&log, nil))
		b.run(t, 10*time.Minute+time.Second)
		if bytes.Contains(log.Bytes(), []byte("offline")) || len(b.readings) < 10 {
			t.Errorf("%d readings, log: %s", len(b.readings), log.String())
		}
	})
}

// answering runs a poller against a func for a while of fake time and counts
// the values of each point.
func answering(t *testing.T, f func(dlt645.Frame) (dlt645.Frame, bool), d time.Duration, points ...string) (map[string]int, *Poller) {
	ours, end := dlt645test.Pipe()
	done := responder(end, f)
	bus := NewBus("test", testTiming, func() (Port, error) { return ours, nil }, nil)
	n := map[string]int{}
	p := NewPoller(PollerConfig{
		Bus: bus, Meters: []*Handle{{Name: "a", Address: unit1, Groups: []Group{{Every: time.Minute, Points: pointsOf(t, points...)}}}},
		Sink: func(r Reading) {
			for _, v := range r.Values {
				n[v.Point]++
			}
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	p.Run(ctx)
	end.Close()
	<-done
	return n, p
}

// responder answers each request by a func, 200 ms later. Its channel closes
// when it has ended: the end can come in the midst of an answer.
func responder(end *dlt645test.End, f func(dlt645.Frame) (dlt645.Frame, bool)) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, err := end.Read(buf)
			if err != nil {
				return
			}
			var req dlt645.Frame
			if _, ok := dlt645.Scan(buf[:n], &req); !ok {
				continue
			}
			ans, ok := f(req)
			if !ok {
				continue
			}
			time.Sleep(200 * time.Millisecond)
			b, err := ans.AppendBinary(nil)
			if err != nil {
				panic(err)
			}
			end.Write(b)
		}
	}()
	return done
}

func TestMeterThatIsSilentToOneIdentifierGivesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(unit1, 3)
		n, p := answering(t, func(req dlt645.Frame) (dlt645.Frame, bool) {
			if di, _ := req.DI(); di.Code == 0x02800001 {
				return dlt645.Frame{}, false
			}
			return m.Answer(req, time.Now())
		}, 2*time.Hour, "voltage", "current.neutral", "frequency", "temperature")
		if n["frequency"] < 115 || n["temperature"] < 115 || n["voltage.c"] < 115 {
			t.Errorf("in 120 minutes: %v", n)
		}
		if c := p.Bus().Counts(); c.Silence > 10 {
			t.Errorf("the silent identifier was asked for %d times", c.Silence)
		}
	})
}

func TestMeterThatIsSilentToBlocksIsReadSingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(unit1, 3)
		n, p := answering(t, func(req dlt645.Frame) (dlt645.Frame, bool) {
			if di, _ := req.DI(); dlt645.IsBlock(di) {
				return dlt645.Frame{}, false
			}
			return m.Answer(req, time.Now())
		}, 2*time.Hour, "voltage", "current", "frequency")
		if n["voltage.a"] < 110 || n["current.c"] < 110 || n["frequency"] < 110 {
			t.Errorf("in 120 minutes: %v", n)
		}
		if !p.Meters()[0].Online {
			t.Error("the meter counts as offline")
		}
	})
}

func TestRefusedFollowUpDoesNotBarTheIdentifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(unit1, 3)
		m.Buffer = 8
		m.Set(0x05060101, []byte{1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0})
		b := newBench(Timing{Baud: 9600, Preamble: 4, Timeout: 300 * time.Millisecond, Retries: 1}, []*dlt645test.Meter{m},
			Group{Every: 10 * time.Second, Points: pointsOf(t, "freeze.daily.forward", "frequency")})
		b.line.Faults = dlt645test.Faults{Checksum: 0.1}
		b.run(t, 2*time.Hour)
		with := 0
		for _, r := range b.readings {
			if v, ok := r.Value("freeze.daily.forward.t4"); ok {
				with++
				if v.String() != "0.05" {
					t.Fatalf("got %v", v)
				}
			}
		}
		if with < len(b.readings)*8/10 {
			t.Errorf("%d of %d readings hold the frozen energy", with, len(b.readings))
		}
	})
}

func TestFollowUpWithoutEndIsCutShort(t *testing.T) {
	for payload, want := range map[int]error{0: ErrNoise, 1: ErrOverrun} {
		synctest.Test(t, func(t *testing.T) {
			bus, end := pipeBus(testTiming)
			done := responder(end, func(req dlt645.Frame) (dlt645.Frame, bool) {
				a := dlt645.Frame{Address: unit1, Control: req.Control | 0xA0, Data: append([]byte(nil), req.Data[:4]...)}
				a.Data = append(a.Data, make([]byte, payload)...)
				if s, ok := req.SEQ(); ok {
					a.Data = append(a.Data, s)
				}
				return a, true
			})
			if _, err := bus.Read(t.Context(), unit1, voltageA); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			if n := bus.Counts().Requests; n > 10 {
				t.Errorf("%d requests", n)
			}
			end.Close()
			<-done
		})
	}
}

func TestLateRefusalIsNotTakenForTheNextAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timing := testTiming
		timing.Retries, timing.Gap = 1, 30*time.Millisecond
		bus, end := pipeBus(timing)
		// The meter lacks the temperature, and needs 1.3 s to say so.
		temperature := dlt645.DI{Code: 0x02800007}
		go func() {
			buf := make([]byte, 512)
			for {
				n, err := end.Read(buf)
				if err != nil {
					return
				}
				var f dlt645.Frame
				if _, ok := dlt645.Scan(buf[:n], &f); !ok {
					continue
				}
				b, delay := refusalOf(unit1, 2), 1300*time.Millisecond
				if di, _ := f.DI(); di == voltageA {
					b, delay = answerOf(unit1, voltageA, "0122"), 700*time.Millisecond
				}
				time.AfterFunc(delay, func() { end.Write(b) })
			}
		}()
		if _, err := bus.Read(t.Context(), unit1, temperature); FailureKind(err) != "silence" {
			t.Errorf("the temperature: %v, want silence: nobody knows what was refused", err)
		}
		r, err := bus.Read(t.Context(), unit1, voltageA)
		if err != nil || fmt.Sprintf("%X", r.Data) != "0122" {
			t.Errorf("the voltage: %X, %v", r.Data, err)
		}
		time.Sleep(10 * time.Second)
		end.Close()
	})
}

func TestClockPointIsLeftOutNearMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(unit1, 3)
		m.ClockOffset = -100 * time.Millisecond
		b := newBench(testTiming, []*dlt645test.Meter{m}, Group{Every: time.Hour, Points: pointsOf(t, "clock")})
		time.Sleep(23*time.Hour + 30*time.Minute)
		b.run(t, 2*time.Hour)
		for _, r := range b.readings {
			v, ok := r.Value("clock")
			if midnight := r.Round.Hour() == 0; ok == midnight {
				t.Errorf("the round of %v has the clock %q", r.Round, v)
			}
		}
	})
}

// stalling is a port whose program gets no CPU for a while.
type stalling struct {
	Port
	reads, stall int
}

func (s *stalling) Read(b []byte) (int, error) {
	n, err := s.Port.Read(b)
	if s.reads++; s.reads == s.stall && n == 0 {
		time.Sleep(2 * time.Second)
	}
	return n, err
}

func TestAnswerThatWaitsInTheBufferIsSeenBeforeGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, end := dlt645test.Pipe()
		bus := NewBus("test", testTiming, func() (Port, error) { return &stalling{Port: ours, stall: 2}, nil }, nil)
		script(t.Context(), end, []part{{400 * time.Millisecond, answerOf(unit1, voltageA, "0122")}})
		if _, err := bus.Try(t.Context(), dlt645.ReadRequest(unit1, voltageA)); err != nil {
			t.Error(err)
		}
		end.Close()
	})
}

func TestAnswerInLumpsOfASerialServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, end := pipeBus(testTiming)
		g := answerOf(unit1, voltageA, "0122")
		const ms = time.Millisecond
		script(t.Context(), end, []part{{900 * ms, g[:4]}, {1300 * ms, g[4:8]}, {1700 * ms, g[8:12]}, {2100 * ms, g[12:]}})
		if _, err := bus.Try(t.Context(), dlt645.ReadRequest(unit1, voltageA)); err != nil {
			t.Error(err)
		}
		end.Close()
	})
}

func TestCustomPointsThatShareAnIdentifier(t *testing.T) {
	current := pointsOf(t, "current.a")[0]
	layout := func(decimals uint8) *Layout { return &Layout{Bytes: 3, Decimals: decimals} }
	points := []Point{
		current,
		{Name: "x", DI: current.DI, Custom: layout(1)},
		{Name: "y", DI: dlt645.DI{Code: 0x02A30001}, Custom: layout(1)},
		{Name: "z", DI: dlt645.DI{Code: 0x02A30001}, Custom: layout(2)},
	}
	got := map[string]string{}
	for _, r := range Plan(points, dlt645.V2007) {
		a, err := decode(r, []byte{0x34, 0x12, 0}, 1, 1)
		values, invalid := a.values, a.invalid
		if invalid > 0 {
			t.Error(err)
		}
		for _, v := range values {
			got[v.Point] = v.Value.String()
		}
	}
	if fmt.Sprint(got) != "map[current.a:1.234 x:123.4 y:123.4 z:12.34]" {
		t.Errorf("got %v", got)
	}
}

func TestPortThatIsGoneIsToldAndTheMetersAreNotOnline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(testTiming, []*dlt645test.Meter{dlt645test.NewMeter(unit1, 3)}, Group{Every: 10 * time.Second, Points: pointsOf(t, "voltage")})
		var log bytes.Buffer
		b.poller.log = slog.New(slog.NewTextHandler(&log, nil))
		plugged := true
		opened := b.poller.bus.open
		b.poller.bus.open = func() (Port, error) {
			if !plugged {
				return nil, errors.New("no such device")
			}
			return opened()
		}
		go func() {
			time.Sleep(65 * time.Second)
			if c := b.poller.Bus().Counts(); c.PortErr != "" || !b.poller.Meters()[0].Online {
				t.Errorf("while it works: %+v", c)
			}
			plugged = false
			b.end.Close() // the adapter is pulled
			time.Sleep(time.Minute)
			if c := b.poller.Bus().Counts(); c.PortErr != "no such device" || b.poller.Meters()[0].Online {
				t.Errorf("while it is gone: %+v", c)
			}
		}()
		b.run(t, 3*time.Minute)
		if n := bytes.Count(log.Bytes(), []byte("the port does not work")); n != 1 {
			t.Errorf("the loss is logged %d times: %s", n, log.String())
		}
	})
}

// server is a connection to a serial server, which nobody knows the rate of.
type server struct{ Port }

// SetReadTimeout waits a millisecond at least, as board's TCP port does.
func (s server) SetReadTimeout(d time.Duration) error {
	return s.Port.SetReadTimeout(max(d, time.Millisecond))
}

// TestASilentServerIsCalledAnew: a serial server that takes everything and gives
// nothing is called anew once all of its meters are silent, ever more rarely, and
// again soon after it has worked.
func TestASilentServerIsCalledAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := &dlt645test.Line{Baud: 9600, Meters: simulated(2)}
		var stuck atomic.Bool
		var dials, readings atomic.Int64
		stuck.Store(true)
		var ends []*dlt645test.End // read when nobody calls any more
		bus := NewBus("b1", Timing{Baud: 9600}, func() (Port, error) {
			ours, theirs := dlt645test.Pipe()
			dials.Add(1)
			ends = append(ends, theirs)
			if !stuck.Load() { // the connection that was made while it was stuck stays so
				go line.Serve(t.Context(), theirs)
			}
			return server{ours}, nil
		}, nil)
		var meters []*Handle
		for i, m := range line.Meters {
			meters = append(meters, &Handle{Name: fmt.Sprint(i), Address: m.Address, Groups: []Group{{Every: 10 * time.Second, Points: pointsOf(t, "voltage")}}})
		}
		p := NewPoller(PollerConfig{Bus: bus, Meters: meters, Sink: func(Reading) { readings.Add(1) }})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.Run(ctx)
		}()
		time.Sleep(6 * time.Hour)
		if n := dials.Load(); n < 10 || n > 20 {
			t.Errorf("it was called %d times in six hours, want about 15", n)
		}
		stuck.Store(false)
		time.Sleep(40 * time.Minute)
		if n := readings.Load(); n < 50 {
			t.Errorf("%d readings after it works again", n)
		}
		before := dials.Load()
		time.Sleep(2 * time.Hour)
		if n := dials.Load() - before; n > 0 {
			t.Errorf("it was called anew %d times although it works", n)
		}
		cancel()
		<-done
		bus.Close()
		for _, e := range ends {
			e.Close()
		}
	})
}
