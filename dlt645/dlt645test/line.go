package dlt645test

import (
	"context"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"meterd/dlt645"
)

// Line is a simulated RS-485 line: bytes take the time that the baud rate
// gives them, in both directions, and meters answer after their delay.
type Line struct {
	Baud   int // zero: 2400
	Bits   int // of a byte on the wire: 11 with parity (zero), 10 without
	Meters []*Meter
	Faults Faults
	Seed   uint64 // of the faults
	// Whole hands an answer over in one piece, when its last byte has passed:
	// long simulations need fewer timers so.
	Whole bool
	// Rate gives the rate that the other end has set; nil: Baud.
	Rate func() int

	// Tap is called with each frame as it is complete on the line, and with
	// what was no frame; from the line's goroutine.
	Tap func(Event)

	unplugged atomic.Bool
}

// Event is something that passed on a line.
type Event struct {
	At    time.Time // when it was complete on the line
	Came  time.Time // of a request: when its bytes came to us, which is at once
	Wire  []byte    // with preamble
	Frame dlt645.Frame
	OK    bool // Wire is a good frame
}

// ByteTime is how long one byte takes.
func (l *Line) ByteTime() time.Duration {
	baud, bits := l.Baud, l.Bits
	if baud == 0 {
		baud = 2400
	}
	if bits == 0 {
		bits = 11
	}
	return time.Duration(bits) * time.Second / time.Duration(baud)
}

// Unplug takes the meters off the line, or puts them back.
func (l *Line) Unplug(off bool) { l.unplugged.Store(off) }

// Serve answers what comes from port until it fails or ends (io.EOF), or the
// context does. The caller closes port to end a blocked read.
func (l *Line) Serve(ctx context.Context, port io.ReadWriter) error {
	w := &wire{Line: l, port: port, rng: rand.New(rand.NewPCG(l.Seed, 1))}
	l.Faults.ApplyTo(l.Meters)
	var held []byte
	buf := make([]byte, 512)
	for ctx.Err() == nil {
		n, err := port.Read(buf)
		if err != nil {
			return err
		}
		now := time.Now()
		w.came = now
		if now.After(w.free) {
			w.free = now
		}
		// The bytes came at once; on the wire they take their time.
		w.free = w.free.Add(time.Duration(n) * l.ByteTime())
		if strikes(w.rng, l.Faults.Echo) {
			if err := w.send(ctx, buf[:n], now); err != nil {
				return err
			}
		}
		held = append(held, buf[:n]...)
		var req dlt645.Frame
		for {
			at, ok := dlt645.Scan(held, &req)
			if !ok {
				break
			}
			w.tap(held[:at.End], req, true, w.free)
			held = held[at.End:]
			if err := w.answer(ctx, req, at.Preamble); err != nil {
				return err
			}
		}
		held = append([]byte(nil), held[dlt645.Pending(held):]...)
	}
	return nil
}

// wire is the state of one Serve.
type wire struct {
	*Line
	port io.ReadWriter
	rng  *rand.Rand
	free time.Time // when the last byte has passed

	answered time.Time // when the last answer had passed
	came     time.Time // when bytes last came
}

func (w *wire) tap(b []byte, f dlt645.Frame, ok bool, at time.Time) {
	if w.Tap == nil {
		return
	}
	f.Data = append([]byte(nil), f.Data...)
	w.Tap(Event{At: at, Came: w.came, Wire: append([]byte(nil), b...), Frame: f, OK: ok})
}

// answer lets the meters answer a request that is complete at w.free. Where
// several do at once, what is on the line is neither's answer.
func (w *wire) answer(ctx context.Context, req dlt645.Frame, preamble int) error {
	began := w.free
	var said []saying
	for i, m := range w.Meters {
		how := m.manner()
		if w.unplugged.Load() || strikesMeter(w.Faults.Dead, i, len(w.Meters)) || w.deaf(how, preamble, began) {
			continue
		}
		ans, ok := m.Answer(req, time.Now())
		if !ok || strikes(w.rng, w.Faults.Silence) {
			continue
		}
		delay := how.delay
		if delay == 0 {
			delay = 20 * time.Millisecond
		}
		if strikes(w.rng, w.Faults.Late) {
			delay += 1200*time.Millisecond + time.Duration(w.rng.Int64N(int64(time.Second)))
		}
		s, err := w.say(how, req, ans, began.Add(delay))
		if err != nil {
			return err
		}
		said = append(said, s)
	}
	if len(said) > 1 {
		said = []saying{w.collide(said)}
	}
	for _, s := range said {
		if err := w.send(ctx, s.bytes, s.at); err != nil {
			return err
		}
		w.answered = w.free
		w.tap(s.bytes, s.frame, s.good, w.free)
	}
	return nil
}

// saying is an answer that goes on the line.
type saying struct {
	bytes []byte
	at    time.Time
	frame dlt645.Frame
	good  bool
}

// collide puts answers on top of each other: a bit that one meter drives low
// is low.
func (w *wire) collide(said []saying) saying {
	first := said[0].at
	for _, s := range said {
		if s.at.Before(first) {
			first = s.at
		}
	}
	var mixed []byte
	for _, s := range said {
		at := int(s.at.Sub(first) / w.ByteTime())
		for i, b := range s.bytes {
			for len(mixed) <= at+i {
				mixed = append(mixed, 0xFF)
			}
			mixed[at+i] &= b
		}
	}
	out := saying{bytes: mixed, at: first}
	_, out.good = dlt645.Scan(mixed, &out.frame)
	return out
}

// deaf reports whether a meter misses a request: sent at another rate,
// without the FE bytes that it needs, or too soon after its last answer.
func (w *wire) deaf(m manner, preamble int, at time.Time) bool {
	baud := w.Line.Baud
	if baud == 0 {
		baud = 2400
	}
	if w.Rate != nil {
		baud = w.Rate()
	}
	return m.baud != 0 && m.baud != baud || m.quirks.NeedsPreamble && preamble == 0 ||
		m.quirks.MinGap > 0 && at.Sub(w.answered) < m.quirks.MinGap
}

// say makes an answer ready, with the faults that strike it.
func (w *wire) say(m manner, req, ans dlt645.Frame, at time.Time) (saying, error) {
	s := saying{at: at, frame: ans, good: true}
	if m.quirks.Answer != nil {
		if s.bytes = m.quirks.Answer(req); s.bytes != nil {
			return s, nil
		}
	}
	b := append([]byte(nil), m.quirks.Head...)
	if m.quirks.Report { // of the active report status word, asked for by nobody
		report := dlt645.Frame{Address: m.address, Control: 0x91, Data: append([]byte{0x01, 0x15, 0x00, 0x04}, make([]byte, 12)...)}
		b, _ = report.AppendBinary(b)
	}
	if !strikes(w.rng, w.Faults.NoPreamble) {
		b = dlt645.AppendPreamble(b, m.preamble)
	}
	b, err := ans.AppendBinary(b)
	if err != nil {
		return s, err
	}
	b = append(b[min(m.quirks.LostBytes, len(b)):], m.quirks.Tail...)
	if strikes(w.rng, w.Faults.Checksum) {
		b[len(b)-2-len(m.quirks.Tail)]++
		s.good = false
	}
	if strikes(w.rng, w.Faults.Noise) {
		noise := make([]byte, 1+w.rng.IntN(6))
		for i := range noise {
			noise[i] = byte(w.rng.Uint32())
		}
		b = append(noise, b...)
		if w.rng.IntN(2) == 0 { // and one byte of the answer is hit
			b[len(noise)+w.rng.IntN(len(b)-len(noise))] ^= byte(1 + w.rng.IntN(255))
			var f dlt645.Frame
			_, s.good = dlt645.Scan(b, &f)
		}
	}
	s.bytes = b
	return s, nil
}

// send puts bytes on the line, the first of them beginning at at.
func (w *wire) send(ctx context.Context, b []byte, at time.Time) error {
	step := w.ByteTime()
	if w.Whole {
		end := at.Add(time.Duration(len(b)) * step)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(end)):
		}
		w.free = later(w.free, end)
		_, err := w.port.Write(b)
		return err
	}
	for i := range b {
		due := at.Add(time.Duration(i+1) * step)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(due)):
		}
		if _, err := w.port.Write(b[i : i+1]); err != nil {
			return err
		}
	}
	w.free = later(w.free, at.Add(time.Duration(len(b))*step))
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
