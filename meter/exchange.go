package meter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"meterd/dlt645"
)

// One transaction on the line: a request goes out when the line is quiet, and the
// answer to it is found in what comes.

// timingOf is the line's timing in the manner of one meter.
func (b *Bus) timingOf(how Manner) Timing {
	t := b.timing
	t.Preamble = how.Preamble
	if how.Timeout > 0 {
		t.Timeout = how.Timeout
	}
	if how.Baud > 0 {
		t.Baud = how.Baud
	}
	return t
}

// exchange runs one transaction; the caller has the turn.
func (b *Bus) exchange(ctx context.Context, how Manner, req dlt645.Frame, wire []byte) (Answer, error) {
	sent, err := b.send(ctx, how, wire)
	if err != nil {
		return Answer{}, err
	}
	return b.receive(ctx, b.timingOf(how), req, sent, len(wire))
}

// send waits for a quiet line and hands the request to the port in one
// write. It gives the time of the write.
func (b *Bus) send(ctx context.Context, how Manner, wire []byte) (time.Time, error) {
	t := b.timingOf(how)
	if err := b.prepare(ctx, t.Baud); err != nil {
		return time.Time{}, &UnsentError{err}
	}
	sent := time.Now()
	if !how.By.IsZero() && sent.After(how.By) {
		return time.Time{}, &UnsentError{ErrLate}
	}
	if _, err := b.port.Write(wire); err != nil {
		return sent, b.failed(err)
	}
	b.last = sent.Add(t.Wire(len(wire)))
	b.count.add(func(c *Counts) { c.Requests++; c.BytesSent += len(wire) })
	b.trace(Trace{Bus: b.name, At: sent, Sent: true, Wire: wire})
	return sent, nil
}

// prepare brings the line to where a request may go out. A serial server that
// hung up meanwhile is called anew: nothing was sent.
func (b *Bus) prepare(ctx context.Context, baud int) error {
	open := b.port != nil
	if err := b.ready(); err != nil {
		return err
	}
	err := b.quiet(ctx)
	if errors.Is(err, errHungUp) && open {
		if err = b.ready(); err == nil {
			err = b.quiet(ctx)
		}
	}
	if err != nil {
		return err
	}
	return b.setBaud(baud)
}

// ready opens the port if it is not open.
func (b *Bus) ready() error {
	if b.port != nil {
		return nil
	}
	port, err := b.open()
	if err != nil {
		b.count.add(func(c *Counts) { c.PortErrors++; c.PortErr = err.Error() })
		return &PortError{Bus: b.name, Err: err}
	}
	b.count.add(func(c *Counts) { c.PortErr = "" })
	b.port, b.held, b.last, b.baud = port, nil, time.Time{}, b.timing.Baud
	return nil
}

// setBaud gives the port the rate of the next transaction. The line is quiet.
func (b *Bus) setBaud(baud int) error {
	if baud == b.baud {
		return nil
	}
	port, ok := b.port.(RatePort)
	if !ok {
		return nil // a serial server, say: it has the rate that it has
	}
	if err := port.SetBaud(baud); err != nil {
		return b.failed(err)
	}
	b.baud = baud
	return nil
}

// failed closes a port that gave an error, so that the next use opens it
// again.
func (b *Bus) failed(err error) error {
	b.count.add(func(c *Counts) { c.PortErrors++; c.PortErr = err.Error() })
	b.port.Close()
	b.port = nil
	return &PortError{Bus: b.name, Err: err}
}

// quiet takes stale input off the line, so that no late answer is taken for
// the next one, and waits until the line has been silent for the gap. A line
// that never is gets the request all the same after the time of the longest
// answer.
func (b *Bus) quiet(ctx context.Context) error {
	patience := time.Now().Add(b.timing.Gap + b.timing.Wire(dlt645.MaxFrame) + b.timing.ByteTimeout)
	for {
		now := time.Now()
		wait := max(0, b.last.Add(b.timing.Gap).Sub(now))
		n, err := b.read(ctx, wait)
		switch {
		case err != nil:
			return err
		case n == 0 && wait <= slice, now.After(patience):
			b.drop()
			return nil
		}
	}
}

// drop forgets what is held and counts the good frames in it: they came too
// late.
func (b *Bus) drop() {
	if len(b.held) == 0 {
		return
	}
	b.trace(Trace{Bus: b.name, At: b.last, Wire: slices.Clone(b.held[:min(len(b.held), mostSeen)])})
	var f dlt645.Frame
	for {
		at, ok := dlt645.Scan(b.held, &f)
		if !ok {
			break
		}
		b.count.add(func(c *Counts) { c.Late++ })
		if f.Control.Response() {
			b.owes.late(f, b.last)
		}
		b.held = b.held[at.End:]
	}
	b.noteOther()
	b.held = nil
}

// noteOther remembers another protocol of which a frame is among what was held
// and understood by nobody.
func (b *Bus) noteOther() {
	if name := dlt645.Foreign(b.held[:min(len(b.held), mostSeen)]); name != "" {
		b.count.add(func(c *Counts) { c.Other, c.OtherAt = name, b.last })
	}
}

// slice bounds one read, so that a cancelled context is noticed.
const slice = 200 * time.Millisecond

// mostCame is more than a line carries in a transaction at its highest rate.
const mostCame = 16 << 10

// errFlood ends a connection on which more comes than a line can carry.
var errFlood = errors.New("more bytes come than a line can carry")

// errHungUp says that a serial server closed the connection.
var errHungUp = errors.New("the serial server has closed the connection")

// mostSeen bounds what is kept of a transaction for people to see.
const mostSeen = 2 * dlt645.MaxFrame

// read adds to held what comes within wait, or within slice if that is
// shorter.
func (b *Bus) read(ctx context.Context, wait time.Duration) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := b.port.SetReadTimeout(min(wait, slice)); err != nil {
		return 0, b.failed(err)
	}
	var buf [dlt645.MaxFrame]byte
	n, err := b.port.Read(buf[:])
	if err != nil {
		if b.hungUp(err) {
			err = fmt.Errorf("%w (%w)", errHungUp, err)
		}
		return n, b.failed(err)
	}
	if n > 0 {
		b.held = append(b.held, buf[:n]...)
		b.last = time.Now()
		b.count.add(func(c *Counts) { c.BytesReceived += n })
		if b.came += n; b.came > mostCame {
			b.held = nil
			return n, b.failed(errFlood)
		}
	}
	return n, nil
}

// receive waits for the answer. It is complete at the moment its last byte
// with a right checksum has come. Frames that answer something else are
// dropped without ending the wait.
func (b *Bus) receive(ctx context.Context, t Timing, req dlt645.Frame, sent time.Time, sentLen int) (Answer, error) {
	var (
		firstBy = t.firstBy(sent, sentLen)
		endBy   = t.endBy(firstBy)
		left    = sent.Add(t.Wire(sentLen)) // when the request's last byte has passed
		began   time.Time                   // when the first byte of what is held came
		pace    pacing
		total   int // bytes that came
		seen    []byte
		foreign *dlt645.Address // answered what another one was asked
		unclear bool            // it refused something
	)
	defer func() {
		if len(seen) > 0 {
			b.trace(Trace{Bus: b.name, At: b.last, Wire: seen})
		}
	}()
	for {
		by := firstBy
		if len(b.held) > 0 {
			by = later(firstBy, t.nextBy(b.last))
		}
		if by.After(endBy) {
			by = endBy
		}
		wait := time.Until(by)
		// A program that got no CPU for a while looks once more before it gives up.
		n, err := b.read(ctx, max(0, wait))
		switch {
		case errors.Is(err, errHungUp): // it is there, and the request may be sent again if it only reads
			b.held = nil
			return Answer{}, fmt.Errorf("%w: %w", ErrSilence, errHungUp)
		case err != nil:
			return Answer{}, err
		}
		if n == 0 && wait <= 0 {
			err := b.gaveUp(req, sent, foreign)
			if unclear && foreign == nil && errors.Is(err, ErrSilence) {
				err = errUnclear
			}
			return Answer{}, err
		}
		if n == 0 {
			continue
		}
		if began.IsZero() {
			began = b.last
		}
		total += n
		pace.note(t, b.last, total)
		seen = append(seen, b.held[len(b.held)-min(n, mostSeen-len(seen)):]...)
		if f, ok := b.match(req, &foreign); ok {
			ans := Answer{Frame: f, At: b.last, Took: max(0, began.Sub(left)-t.Wire(1))}
			var err error
			if ans.Since, unclear, err = b.accept(req, f, sent); !unclear {
				return ans, err
			}
		}
		if len(b.held) == 0 {
			began = time.Time{}
			continue
		}
		if err := b.rest(ctx, t, pace, total, endBy); err != nil {
			return Answer{}, err
		}
	}
}

// accept takes a frame that answers req. Since is how long ago the earlier request
// was sent that it belongs to, if it does. Unclear tells that it is a refusal while
// the meter still owes an answer: it does not say to what. Taken for a late one, at
// worst it is asked for again.
func (b *Bus) accept(req, f dlt645.Frame, sent time.Time) (since time.Duration, unclear bool, err error) {
	refusal := f.Refusal()
	owed := b.owes.has(req.Address, sent)
	if owed {
		answer := f
		answer.Address = req.Address // that of a wildcard
		since = b.owes.paid(answer, b.last)
	}
	switch {
	case refusal == nil && since > 0: // then this request may be answered yet
		b.owes.add(req, sent)
		return since, false, nil
	case refusal == nil:
		b.owes.clear(req.Address)
		return 0, false, nil
	case owed:
		b.count.add(func(c *Counts) { c.Late++ })
		return 0, true, nil
	}
	return 0, false, refusal
}

// match looks for the answer to req in what is held and drops good frames
// that are none: echoes of the request, and late or foreign answers. Foreign is
// the address of one that answers this request and was not asked.
func (b *Bus) match(req dlt645.Frame, foreign **dlt645.Address) (dlt645.Frame, bool) {
	for {
		var f dlt645.Frame
		at, ok := dlt645.Scan(b.held, &f)
		if !ok {
			if len(b.held) > 2*dlt645.MaxFrame {
				b.held = append([]byte(nil), b.held[len(b.held)-dlt645.MaxFrame:]...)
			}
			return f, false
		}
		b.held = b.held[at.End:]
		switch {
		case f.Answers(req):
			return f, true
		case f.Control.Response():
			b.count.add(func(c *Counts) { c.Late++ })
			own := f.Address
			owed := b.owes.has(own, b.last)
			b.owes.late(f, b.last)
			if !req.Address.Accepts(own) && !owed {
				f.Address = req.Address
				if f.Answers(req) {
					*foreign = &own
				}
			}
		default:
			b.count.add(func(c *Counts) { c.Echoes++ })
		}
	}
}

// gaveUp tells what a transaction without an answer met.
func (b *Bus) gaveUp(req dlt645.Frame, sent time.Time, foreign *dlt645.Address) error {
	after := time.Since(sent).Round(time.Millisecond)
	if foreign != nil {
		b.held = nil
		return fmt.Errorf("%w: %s was asked and %s answered; two meters may answer at this address", ErrForeign, req.Address, foreign)
	}
	if len(b.held) == 0 {
		return fmt.Errorf("%w: no answer from %s within %v", ErrSilence, req.Address, after)
	}
	err := fmt.Errorf("%w: %d bytes within %v but no frame (%w)", ErrNoise, len(b.held), after, dlt645.Diagnose(b.held))
	if errors.Is(err, dlt645.ErrSettings) {
		b.count.add(func(c *Counts) { c.Garbled++ })
	}
	b.noteOther()
	b.held = nil
	return err
}
