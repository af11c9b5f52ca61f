package meter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// open has a meter's relay open.
func open(m *dlt645test.Meter, _ *dlt645test.Line) { m.Command(dlt645.CommandTrip, time.Now()) }

// loseAnswer has the line lose the answer to 1CH.
func loseAnswer(m *dlt645test.Meter, to dlt645.Function) {
	m.Quirks.Answer = func(req dlt645.Frame) []byte {
		if req.Control.Function() == to {
			return []byte{0x55}
		}
		return nil
	}
}

// TestRelayTellsWhatTheMeterShows holds each outcome to what status word 3
// says. Whatever happens, the command goes out once.
func TestRelayTellsWhatTheMeterShows(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(*dlt645test.Meter, *dlt645test.Line)
		config  func(*Handle)
		command dlt645.Command
		want    Outcome // by ResultOf
		says    string
		sent    int // requests with 1CH
		open    bool
	}{
		{"trip", nil, nil, dlt645.CommandTrip, Done, "", 1, true},
		{"trip after the meter's delay", func(m *dlt645test.Meter, _ *dlt645test.Line) { m.Quirks.TripDelay = 8 * time.Second }, nil, dlt645.CommandTrip, Done, "", 1, true},
		{"a relay that sticks", func(m *dlt645test.Meter, _ *dlt645test.Line) { m.Quirks.Stuck = true }, nil, dlt645.CommandTrip, Unconfirmed, "delays the trip, or sticks", 1, false},
		{"a wrong password", nil, func(c *Handle) { c.Access.Password = dlt645.Password{2, 0, 0, 0} }, dlt645.CommandTrip, NotTaken, "password", 1, false},
		{"a meter that takes no plain trip", func(m *dlt645test.Meter, _ *dlt645test.Line) { m.Quirks.RefusesTrip = true }, nil, dlt645.CommandTrip, NotTaken, "not authorised", 1, false},
		{"a meter whose clock is an hour behind", func(m *dlt645test.Meter, _ *dlt645test.Line) { m.ClockOffset = -time.Hour }, nil, dlt645.CommandTrip, Done, "", 1, true},
		{"a lost answer, but the relay moved", func(m *dlt645test.Meter, _ *dlt645test.Line) { loseAnswer(m, dlt645.FuncControl) }, nil, dlt645.CommandTrip, Done, "", 1, true},
		{"a vendor's codes", func(m *dlt645test.Meter, _ *dlt645test.Line) {
			m.Quirks.Commands = map[byte]dlt645.Command{0x2A: dlt645.CommandTrip}
		}, func(c *Handle) { c.Codes = map[dlt645.Command]dlt645.Command{dlt645.CommandTrip: 0x2A} }, dlt645.CommandTrip, Done, "", 1, true},
		{"a dead meter", func(_ *dlt645test.Meter, l *dlt645test.Line) { l.Faults.Dead = 1 }, nil, dlt645.CommandTrip, NoAnswer, "clock", 0, false},
		{"a meter of 1997", nil, func(c *Handle) { c.Protocol = dlt645.V1997 }, dlt645.CommandTrip, Failed, "1997", 0, false},
		{"close", nil, nil, dlt645.CommandClose, Done, "", 1, false},
		{"permit, with the relay open", open, nil, dlt645.CommandPermit, Done, "", 1, true},
		{"permit, whose answer is lost", func(m *dlt645test.Meter, l *dlt645test.Line) { open(m, l); loseAnswer(m, dlt645.FuncControl) }, nil, dlt645.CommandPermit, Done, "", 1, true},
		{"permit where it is permitted, and whose answer is lost", func(m *dlt645test.Meter, _ *dlt645test.Line) { loseAnswer(m, dlt645.FuncControl) }, nil, dlt645.CommandPermit, Unconfirmed, "cannot show it", 1, false},
		{"unheard: a trip, of a relay that is open and permitted to close", func(m *dlt645test.Meter, l *dlt645test.Line) {
			open(m, l)
			m.Open(time.Now()) // it is by now
			m.Command(dlt645.CommandPermit, time.Now())
		}, nil, dlt645.CommandTrip, Unconfirmed, "does not show it", 1, true},
		{"unheard: a trip, of a relay that was tripped", open, nil, dlt645.CommandTrip, Done, "", 1, true},
		{"unheard: a close, of a relay that is about to trip", func(m *dlt645test.Meter, l *dlt645test.Line) {
			m.Quirks.TripDelay = time.Minute
			open(m, l)
		}, nil, dlt645.CommandClose, Unconfirmed, "does not show it", 1, false},
		{"unheard: a close, of a relay that is closed", nil, nil, dlt645.CommandClose, Done, "", 1, false},
		{"unheard: an alarm", nil, nil, dlt645.CommandAlarm, Unconfirmed, "does not show it", 1, false},
		{"close, with the relay open", open, nil, dlt645.CommandClose, Done, "", 1, false},
		{"a trip that the meter delays for long", func(m *dlt645test.Meter, _ *dlt645test.Line) { m.Quirks.TripDelay = time.Minute }, nil, dlt645.CommandTrip, Unconfirmed, "delays the trip, or sticks", 1, false},
		{"alarm", nil, nil, dlt645.CommandAlarm, Done, "", 1, false},
		{"protection", nil, nil, dlt645.CommandProtect, Done, "", 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(10 * time.Hour)
				m := dlt645test.NewMeter(unit1, 3)
				b := newBenchWith(func(p *PollerConfig) {
					if c.config != nil {
						c.config(p.Meters[0])
					}
				}, Timing{Baud: 9600, Preamble: 4, Timeout: 500 * time.Millisecond, Retries: 1}, []*dlt645test.Meter{m})
				if c.prepare != nil {
					c.prepare(m, b.line)
				}
				sent := 0
				b.line.Tap = func(e dlt645test.Event) {
					if e.Frame.Control.Response() {
						return
					}
					is := e.Frame.Control == dlt645.Control(dlt645.FuncControl)
					m.Change(func(m *dlt645test.Meter) {
						if m.Address = unit1; is && strings.HasPrefix(c.name, "unheard") {
							m.Address = unit2
						}
					})
					if is {
						sent++
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				go b.line.Serve(ctx, b.end)
				began := time.Now()
				err := b.poller.Relay(ctx, b.handle(unit1), c.command)
				out := ResultOf(err).Outcome
				took := time.Since(began)
				if out != c.want || (err == nil) != (c.want == Done) || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v, %v, want %v with %q", out, err, c.want, c.says)
				}
				if sent > 1 || c.want != Failed && c.want != NoAnswer && sent != c.sent {
					t.Errorf("the command was sent %d times, want %d", sent, c.sent)
				}
				if m.Open(time.Now()) != c.open {
					t.Errorf("the relay is open: %v", !c.open)
				}
				if took > confirmFor+5*time.Second {
					t.Errorf("it took %v", took)
				}
				cancel()
				b.end.Close()
				synctest.Wait()
			})
		})
	}
}

// TestACommandHoldsWhereClocksChange: the deadline is five minutes later by the
// meter's clock, also in the hour that the zone of the configuration shows twice.
func TestACommandHoldsWhereClocksChange(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Skip("no zones here")
	}
	for _, c := range []struct{ now, deadline string }{
		{"2000-04-02T06:58:00Z", "2000-04-02 02:03"}, // the clocks are put on at 02:00
		{"2000-10-29T05:58:00Z", "2000-10-29 02:03"}, // and back at 02:00
		{"2000-12-31T04:58:00Z", "2000-12-31 00:03"},
	} {
		synctest.Test(t, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Until(now))
			m := dlt645test.NewMeter(unit1, 3)
			_, offset := now.In(zone).Zone()
			m.Zone = time.FixedZone("the meter's", offset) // it knows of no change
			b := newBenchWith(func(p *PollerConfig) { p.Zone = zone }, testTiming, []*dlt645test.Meter{m})
			var sent []byte
			b.line.Tap = func(e dlt645test.Event) {
				if e.Frame.Control == dlt645.Control(dlt645.FuncControl) {
					sent = e.Frame.Data
				}
			}
			go b.line.Serve(t.Context(), b.end)
			if err := b.poller.Relay(t.Context(), b.handle(unit1), dlt645.CommandTrip); err != nil {
				t.Errorf("at %s: %v", c.now, err)
			}
			if len(sent) != 16 { // password, operator, command, ss mm hh DD MM YY
				t.Fatalf("sent %X", sent)
			}
			if got := fmt.Sprintf("20%02X-%02X-%02X %02X:%02X", sent[15], sent[14], sent[13], sent[12], sent[11]); got != c.deadline {
				t.Errorf("at %s the command holds until %s, want %s", c.now, got, c.deadline)
			}
			b.end.Close()
			synctest.Wait()
		})
	}
}

func TestWritesAreReadBackAndSentOnce(t *testing.T) {
	period := dlt645.DI{Code: 0x04000103}
	for _, c := range []struct {
		name    string
		prepare func(*dlt645test.Meter)
		value   byte
		want    string
	}{
		{"written", nil, 0x30, ""},
		{"refused", func(m *dlt645test.Meter) { m.Password = dlt645.Password{} }, 0x30, "password"},
		{"accepted and not kept", func(m *dlt645test.Meter) {
			m.Quirks.Answer = func(req dlt645.Frame) []byte {
				if req.Control.Function() != dlt645.FuncWrite {
					return nil
				}
				b, _ := dlt645.AnswerTo(req, m.Address, nil, false).AppendBinary(nil)
				m.Set(period.Code, []byte{0x15})
				return b
			}
		}, 0x30, "reads back as 15"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := dlt645test.NewMeter(unit1, 3)
				b := newBench(testTiming, []*dlt645test.Meter{m})
				if c.prepare != nil {
					c.prepare(m)
				}
				writes := 0
				b.line.Tap = func(e dlt645test.Event) {
					if e.Frame.Control == dlt645.Control(dlt645.FuncWrite) {
						writes++
					}
				}
				go b.line.Serve(t.Context(), b.end)
				err := b.poller.Write(t.Context(), b.handle(unit1), period, []byte{c.value})
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				if writes != 1 {
					t.Errorf("written %d times", writes)
				}
				b.end.Close()
				synctest.Wait()
			})
		})
	}
}

func TestFreezeAndDemandReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(unit1, 3)
		b := newBench(testTiming, []*dlt645test.Meter{m})
		go b.line.Serve(t.Context(), b.end)
		if err := errors.Join(b.poller.FreezeNow(t.Context(), b.handle(unit1)), b.poller.ResetDemand(t.Context(), b.handle(unit1))); err != nil {
			t.Fatal(err)
		}
		for code, want := range map[uint32]string{0x05010001: "2000-01-01 00:00", 0x03300200: "1"} {
			di := dlt645.DI{Code: code}
			res, err := b.poller.ReadNow(t.Context(), b.handle(unit1), di)
			if err != nil {
				t.Fatalf("%v: %v", di, err)
			}
			if items, err := dlt645.Decode(nil, di, res.Data); err != nil || items[0].Value.String() != want {
				t.Errorf("%v: got %v (%v), want %s", di, items, err, want)
			}
		}
		b.end.Close()
		synctest.Wait()
	})
}

// TestAFreezeWithoutAnAnswerIsProvenByItsOwnRecord: one that was ordered a
// moment before must not pass for it, since the registers that are billed
// would be of another time.
func TestAFreezeWithoutAnAnswerIsProvenByItsOwnRecord(t *testing.T) {
	for _, c := range []struct {
		what  string
		since time.Duration // since an earlier freeze; 0: there was none
		want  Outcome
	}{
		{"none before", 0, Done},
		{"one in the same minute", 10 * time.Second, Unconfirmed},
		{"one a minute before", time.Minute, Done},
		{"one an hour before", time.Hour, Done},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := dlt645test.NewMeter(unit1, 3)
			b := newBench(testTiming, []*dlt645test.Meter{m})
			go b.line.Serve(t.Context(), b.end)
			if c.since > 0 {
				if err := b.poller.FreezeNow(t.Context(), b.handle(unit1)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.since)
			}
			loseAnswer(m, dlt645.FuncFreeze)
			if r := ResultOf(b.poller.FreezeNow(t.Context(), b.handle(unit1))); r.Outcome != c.want {
				t.Errorf("%s: got %v (%v), want %v", c.what, r.Outcome, r.Err, c.want)
			}
			b.end.Close()
			synctest.Wait()
		})
	}
}

// TestALateAnswerProvesNoCommand: a meter that is lost answers a freeze 2 s
// later, when the next one has been sent. What it has frozen is the first.
func TestALateAnswerProvesNoCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := dlt645test.NewMeter(unit1, 3)
		timing := testTiming
		timing.Timeout, timing.Retries = 500*time.Millisecond, 0
		b := newBench(timing, []*dlt645test.Meter{m})
		freezes := 0
		go func() {
			buf := make([]byte, 512)
			for {
				n, err := b.end.Read(buf)
				if err != nil {
					return
				}
				var req dlt645.Frame
				if _, ok := dlt645.Scan(buf[:n], &req); !ok {
					continue
				}
				delay := 50 * time.Millisecond
				switch is := req.Control.Function() == dlt645.FuncFreeze; {
				case is && freezes == 0:
					delay = 2 * time.Second
					freezes++
				case is:
					freezes++
					continue // it does not hear the second one
				case freezes == 1:
					continue
				}
				ans, ok := m.Answer(req, time.Now())
				if !ok {
					t.Errorf("no answer to %v", req)
				}
				wire, err := ans.AppendBinary(nil)
				if err != nil {
					t.Error(err)
				}
				time.AfterFunc(delay, func() { b.end.Write(wire) })
			}
		}()
		for i := range 2 {
			r := ResultOf(b.poller.FreezeNow(t.Context(), b.handle(unit1)))
			if r.Outcome != Unconfirmed {
				t.Errorf("freeze %d: got %v (%v), want %v", i+1, r.Outcome, r.Err, Unconfirmed)
			}
		}
		if freezes != 2 {
			t.Errorf("%d freezes were sent", freezes)
		}
		time.Sleep(5 * time.Second)
		b.end.Close()
		synctest.Wait()
	})
}

// TestCommandsGoAheadOfPolling puts a full line under commands: none waits
// longer than the transaction in progress takes.
func TestCommandsGoAheadOfPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := simulated(20)
		timing := Timing{Baud: 2400, Preamble: 4, Timeout: time.Second}
		b := newBench(timing, meters, Group{Every: time.Second, Points: pointsOf(t, "voltage", "current", "power.active")})
		var mu sync.Mutex
		asked := map[dlt645.DI]time.Time{}
		var worst time.Duration
		frequency := dlt645.DI{Code: 0x02800002}
		b.line.Tap = func(e dlt645test.Event) {
			if di, ok := e.Frame.DI(); ok && di == frequency && !e.Frame.Control.Response() {
				mu.Lock()
				worst = max(worst, e.Came.Sub(asked[di]))
				mu.Unlock()
			}
		}
		// The longest transaction of the polling: a power block of 12 bytes.
		longest := Request{DI: dlt645.DI{Code: 0x0203FF00}}
		cost := longest.Cost(timing.Preamble)
		bound := timing.Wire(cost.Sent+cost.Received) + 20*time.Millisecond
		n := 0
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				time.Sleep(time.Duration(100+n*37%700) * time.Millisecond) // at every point of a transaction
				mu.Lock()
				asked[frequency] = time.Now()
				mu.Unlock()
				if _, err := b.poller.ReadNow(ctx, b.handle(meters[7].Address), frequency); err != nil {
					return
				}
				n++
			}
		}()
		time.AfterFunc(10*time.Minute-time.Second, cancel)
		b.run(t, 10*time.Minute)
		<-done
		t.Logf("%d commands on a full line: the longest wait %v, the transaction in progress %v, ratio %.3f", n, worst, bound, worst.Seconds()/bound.Seconds())
		if n < 300 || worst > bound+time.Millisecond || worst == 0 {
			t.Errorf("%d commands waited up to %v, want %v at most", n, worst, bound)
		}
	})
}
