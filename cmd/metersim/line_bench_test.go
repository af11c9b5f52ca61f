package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"meterd/board"
	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
	"meterd/meter"
)

// The figures of the line, on a pty that is paced as the line would be.

const benchBaud = 2400

var benchMeter = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}

// benchLine is a meter on a paced pty, and a tap on the line.
type benchLine struct {
	path string

	mu     sync.Mutex
	events []dlt645test.Event // guarded by mu
}

func newBenchLine(b *testing.B, m *dlt645test.Meter) *benchLine {
	b.Helper()
	l := &benchLine{}
	l.path = benchPty(b, &dlt645test.Line{Baud: benchBaud, Meters: []*dlt645test.Meter{m}, Tap: func(e dlt645test.Event) {
		l.mu.Lock()
		defer l.mu.Unlock()
		e.At = time.Now() // its last byte has just passed
		l.events = append(l.events, e)
	}})
	return l
}

// benchPty serves a line on a pty, and gives its path.
func benchPty(b *testing.B, line *dlt645test.Line) string {
	b.Helper()
	p, err := openPty()
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.serve(ctx, line)
	}()
	b.Cleanup(func() {
		cancel()
		<-done
	})
	return p.path
}

func (l *benchLine) take() []dlt645test.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.events
	l.events = nil
	return all
}

func (l *benchLine) bus(b *testing.B, preamble int) *meter.Bus {
	bus := meter.NewBus("bench", meter.Timing{Baud: benchBaud, Preamble: preamble}, func() (meter.Port, error) {
		return board.OpenSerial(board.SerialConfig{Path: l.path, Baud: benchBaud, Parity: "even"})
	}, nil)
	b.Cleanup(func() { bus.Close() })
	return bus
}

func standardSet(b *testing.B) []meter.Point {
	var ps meter.Points
	var all []meter.Point
	for _, n := range []string{"energy.forward", "energy.reverse", "voltage", "current", "power.active", "power.reactive", "power.factor", "frequency"} {
		found, ok := ps.Expand(n)
		if !ok {
			b.Fatal(n)
		}
		all = append(all, found...)
	}
	return all
}

func readAll(b *testing.B, bus *meter.Bus, reqs []meter.Request) time.Duration {
	b.Helper()
	began := time.Now()
	for _, r := range reqs {
		if _, err := bus.Try(b.Context(), dlt645.ReadRequest(benchMeter, r.DI)); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

// plainLoop does the same reads as a program would that knows nothing but its
// port.
func plainLoop(b *testing.B, path string, reqs []meter.Request) time.Duration {
	b.Helper()
	port, err := board.OpenSerial(board.SerialConfig{Path: path, Baud: benchBaud, Parity: "even"})
	if err != nil {
		b.Fatal(err)
	}
	defer port.Close()
	if err := port.SetReadTimeout(time.Second); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	buf := make([]byte, 256)
	for _, r := range reqs {
		req, err := dlt645.ReadRequest(benchMeter, r.DI).AppendBinary(dlt645.AppendPreamble(nil, 4))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := port.Write(req); err != nil {
			b.Fatal(err)
		}
		var held []byte
		var f dlt645.Frame
		for {
			n, err := port.Read(buf)
			if err != nil || n == 0 {
				b.Fatal("no answer", err)
			}
			held = append(held, buf[:n]...)
			if _, ok := dlt645.Scan(held, &f); ok {
				break
			}
		}
	}
	return time.Since(began)
}

const meterDelay = 20 * time.Millisecond

// wireTime is what the reads take by physics: the bytes of requests and
// answers, and the meter's delays.
func wireTime(reqs []meter.Request, events []dlt645test.Event) time.Duration {
	bytes := 0
	for _, e := range events {
		bytes += len(e.Wire)
	}
	return meter.Timing{Baud: benchBaud}.Wire(bytes) + time.Duration(len(reqs))*meterDelay
}

// overheads gives the times from the last byte of an answer to the next
// request, as the line sees them, sorted.
func overheads(events []dlt645test.Event) []time.Duration {
	var all []time.Duration
	for i := 1; i < len(events); i++ {
		if !events[i].Frame.Control.Response() && events[i-1].Frame.Control.Response() {
			all = append(all, events[i].Came.Sub(events[i-1].At))
		}
	}
	slices.Sort(all)
	return all
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// BenchmarkRoundOnPty reads the standard set of 29 points in its 8 requests,
// beside a plain loop over the same 8 and beside the physical limit.
func BenchmarkRoundOnPty(b *testing.B) {
	l := newBenchLine(b, dlt645test.NewMeter(benchMeter, 3))
	bus := l.bus(b, 4)
	reqs := meter.Plan(standardSet(b), dlt645.V2007)
	var ours, plain, physical time.Duration
	var between []time.Duration
	for b.Loop() {
		readAll(b, bus, reqs[:1]) // the port is open
		l.take()
		ours += readAll(b, bus, reqs)
		time.Sleep(10 * time.Millisecond)
		events := l.take()
		physical += wireTime(reqs, events)
		between = append(between, overheads(events)...)
		bus.Close()
		plain += plainLoop(b, l.path, reqs)
	}
	slices.Sort(between)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(reqs)), "requests")
	b.ReportMetric(ours.Seconds()/physical.Seconds(), "round/physical")
	b.ReportMetric(plain.Seconds()/physical.Seconds(), "plain-loop/physical")
	b.ReportMetric(micros(between[len(between)/2]), "µs-host-p50")
	b.ReportMetric(micros(between[len(between)*99/100]), "µs-host-p99")
}

// BenchmarkPreambleOnPty reads the set from a meter that needs no FE bytes and
// sends none: without them, and with 4.
func BenchmarkPreambleOnPty(b *testing.B) {
	m := dlt645test.NewMeter(benchMeter, 3)
	m.Preamble = 0
	l := newBenchLine(b, m)
	points := standardSet(b)
	reqs := meter.Plan(points, dlt645.V2007)
	var singles []meter.Request
	for _, p := range points {
		singles = append(singles, meter.Request{DI: p.DI})
	}
	var without, with, single time.Duration
	for b.Loop() {
		for preamble, sum := range map[int]*time.Duration{0: &without, 4: &with} {
			bus := l.bus(b, preamble)
			readAll(b, bus, reqs[:1])
			*sum += readAll(b, bus, reqs)
			if preamble == 4 {
				single += readAll(b, bus, singles)
			}
			bus.Close()
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(without.Seconds()/with.Seconds(), "auto/4-FE")
	b.ReportMetric(single.Seconds()/without.Seconds(), "29-singles/round")
}

// BenchmarkRoundStartOnPty measures how late rounds start against the wall
// clock.
func BenchmarkRoundStartOnPty(b *testing.B) {
	m := dlt645test.NewMeter(benchMeter, 3)
	l := newBenchLine(b, m)
	var late []time.Duration
	for b.Loop() {
		var ps meter.Points
		points, _ := ps.Expand("frequency")
		p := meter.NewPoller(meter.PollerConfig{
			Bus: l.bus(b, 4), Sink: func(meter.Reading) {},
			Meters: []*meter.Handle{{Name: "m", Address: benchMeter, Groups: []meter.Group{{Every: time.Second, Points: points}}}},
		})
		ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
		p.Run(ctx)
		cancel()
		p.Bus().Close()
		events := l.take()
		for i, e := range events {
			if i > 1 && !e.Frame.Control.Response() {
				late = append(late, e.Came.Sub(e.Came.Truncate(time.Second)))
			}
		}
	}
	slices.Sort(late)
	if len(late) < 10 {
		b.Fatal(fmt.Sprint("only ", len(late), " rounds"))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(micros(late[len(late)/2])/1000, "ms-late-p50")
	b.ReportMetric(micros(late[len(late)*99/100])/1000, "ms-late-p99")
}
