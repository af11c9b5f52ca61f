package meter

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// habit is how a serial server hands a line's answers over.
type habit struct {
	closes bool          // hangs up after each answer
	beat   time.Duration // sends a text of its own this often
	glued  bool          // with the text before each answer, in one piece
}

// gate is a serial server's end of a connection.
type gate struct {
	*dlt645test.End
	habit
}

func (g *gate) Write(b []byte) (int, error) {
	if g.glued {
		b = append([]byte("HEARTBEAT 68 h\r\n"), b...)
	}
	n, err := g.End.Write(b)
	if g.closes {
		time.AfterFunc(time.Millisecond, func() { g.Close() })
	}
	return n, err
}

// served polls meters behind a serial server for ten minutes of fake time.
func served(t *testing.T, h habit, timing Timing, meters []*dlt645test.Meter) (readings map[int]int, dials int, p *Poller, log string) {
	line := &dlt645test.Line{Baud: 9600, Whole: true, Meters: meters}
	var mu sync.Mutex
	var gates []*gate
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute-time.Second)
	defer cancel()
	bus := NewBus("b1", timing, func() (Port, error) {
		ours, theirs := dlt645test.Pipe()
		g := &gate{theirs, h}
		mu.Lock()
		gates = append(gates, g)
		mu.Unlock()
		go line.Serve(ctx, g)
		if h.beat > 0 {
			go func() {
				for {
					select {
					case <-ctx.Done():
						return
					case <-time.After(h.beat):
					}
					if _, err := theirs.Write([]byte("+HB\r\n")); err != nil {
						return
					}
				}
			}()
		}
		return server{ours}, nil
	}, nil)
	var handles []*Handle
	for i, m := range line.Meters {
		handles = append(handles, &Handle{Name: fmt.Sprint(i), Address: m.Address, Groups: []Group{{Every: 10 * time.Second, Points: pointsOf(t, "voltage", "current", "frequency")}}})
	}
	readings = map[int]int{}
	var text bytes.Buffer
	p = NewPoller(PollerConfig{Bus: bus, Meters: handles, Log: slog.New(slog.NewTextHandler(&text, nil)), Sink: func(r Reading) {
		i := slices.IndexFunc(handles, func(h *Handle) bool { return h.Address == r.Meter })
		if len(r.Values) == 7 {
			readings[i]++
		}
	}})
	p.Run(ctx)
	bus.Close()
	for _, g := range gates {
		g.Close()
	}
	synctest.Wait()
	return readings, len(gates), p, text.String()
}

// TestHabitsOfSerialServersCostNoRound: whatever a serial server does beside
// handing the bytes over, each round comes whole.
func TestHabitsOfSerialServersCostNoRound(t *testing.T) {
	for name, h := range map[string]habit{
		"none": {}, "hangs up after each answer": {closes: true}, "a heartbeat a second": {beat: time.Second},
		"a heartbeat glued to each answer": {glued: true}, "all of it": {closes: true, beat: 700 * time.Millisecond, glued: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				readings, dials, p, _ := served(t, h, Timing{Baud: 9600, AutoTimeout: true, Gap: 30 * time.Millisecond, Retries: 1}, simulated(3))
				for i := range 3 {
					if readings[i] < 59 || p.Meters()[i].Lost > 0 {
						t.Errorf("meter %d: %d whole readings in ten minutes, %d rounds lost: %s", i, readings[i], p.Meters()[i].Lost, p.Meters()[i].LastErr)
					}
				}
				if h.closes == (dials < 100) {
					t.Errorf("it was called %d times", dials)
				}
			})
		})
	}
}

// TestAnswersThatAlwaysComeLate: where time-outs are learned each request is
// asked once after the first few, and no answer counts as shorter than it was;
// where they are not, a person is told what to do.
func TestAnswersThatAlwaysComeLate(t *testing.T) {
	slow := func() []*dlt645test.Meter {
		meters := simulated(2)
		for _, m := range meters {
			m.Delay = 2600 * time.Millisecond
		}
		return meters
	}
	synctest.Test(t, func(t *testing.T) {
		readings, _, p, _ := served(t, habit{}, Timing{Baud: 9600, AutoTimeout: true, MostTimeout: MostTimeoutTCP, Gap: 30 * time.Millisecond, Retries: 1}, slow())
		for i, s := range p.Meters() {
			if readings[i] < 30 || s.Silence > 5 {
				t.Errorf("learned: meter %d has %d readings, %d of %d requests met silence", i, readings[i], s.Silence, s.Requests)
			}
			if s.P50 < 2600*time.Millisecond || s.P50 > 3120*time.Millisecond { // a bucket is a fifth wide
				t.Errorf("learned: meter %d answers after %v, want 2.6 s", i, s.P50)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		_, _, p, log := served(t, habit{}, Timing{Baud: 9600, Timeout: time.Second, Gap: 30 * time.Millisecond}, slow())
		for i, s := range p.Meters() {
			if s.Late < 2600*time.Millisecond { // and longer where one waits for the other
				t.Errorf("not learned: meter %d is told to be %v late", i, s.Late)
			}
		}
		if n := strings.Count(log, "answers come too late: raise timeout, or use auto"); n != 2 {
			t.Errorf("it is logged %d times of two meters: %s", n, log)
		}
	})
}

// TestAnotherProtocolOnTheLineIsNamed: a device that answers in its own.
func TestAnotherProtocolOnTheLineIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meters := simulated(1)
		meters[0].Quirks.Answer = func(dlt645.Frame) []byte { return []byte{0x01, 0x04, 0x02, 0xFF, 0xFF, 0xB8, 0x80} }
		b := newBench(testTiming, meters, Group{Every: time.Minute, Points: pointsOf(t, "voltage")})
		b.run(t, 90*time.Second)
		if c := b.poller.Bus().Counts(); c.Other != "Modbus-RTU" || c.OtherAt.IsZero() || time.Since(c.OtherAt) > time.Minute {
			t.Errorf("the line's other protocol is %q, %v ago", c.Other, time.Since(c.OtherAt))
		}
		if s := b.poller.Meters()[0]; !strings.Contains(s.LastErr, "a frame of another protocol, Modbus-RTU") {
			t.Errorf("of the meter is told: %s", s.LastErr)
		}
	})
}
