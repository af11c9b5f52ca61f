package meter

import (
	"context"
	"errors"
	"io"
	"time"

	"meterd/dlt645"
)

// Port is a serial port, or what stands for one. Read gives 0 and no error
// when the read time-out passes; a time-out of 0 does not wait.
type Port interface {
	io.ReadWriteCloser
	SetReadTimeout(time.Duration) error
}

// RatePort is a Port whose rate can be changed. Without it a line has the
// rate that it was opened with.
type RatePort interface {
	Port
	SetBaud(int) error
}

// PacedPort is a Port whose bytes come at the line's rate, as they do not from
// a serial server, so that one may sleep until they are due. Pause is better
// than a millisecond, which time.Sleep is not.
type PacedPort interface {
	Port
	Pause(time.Duration)
}

// Bus is a line with meters on it. One transaction runs at a time, whoever
// asks; Do and Try may be called from several goroutines.
type Bus struct {
	name   string
	open   func() (Port, error)
	timing Timing
	trace  func(Trace)
	count  counters
	recent recent

	turn chan struct{} // holds a token while a transaction runs; who has it owns what follows
	port Port          // nil: to be opened
	baud int           // that the port has now
	held []byte        // bytes that came and were not used yet
	came int           // bytes in this transaction, and in what went before it
	last time.Time     // when the line was last busy, also in the near future while our bytes leave
	owes debts
}

// NewBus gives a bus that opens its port when it is first used and again
// after the port has failed. Trace, if not nil, is called from the
// goroutine that runs the transaction.
func NewBus(name string, t Timing, open func() (Port, error), trace func(Trace)) *Bus {
	b := &Bus{name: name, open: open, timing: t.withDefaults(), turn: make(chan struct{}, 1)}
	b.trace = func(t Trace) {
		b.recent.add(t)
		if trace != nil {
			trace(t)
		}
	}
	return b
}

// Name is the bus's name in the configuration.
func (b *Bus) Name() string { return b.name }

// Timing gives how the line is used, defaults filled in.
func (b *Bus) Timing() Timing { return b.timing }

// Answer is a meter's good answer.
type Answer struct {
	Frame dlt645.Frame
	At    time.Time     // when its last byte came
	Took  time.Duration // from the request's last byte on the wire to the answer's first byte
	Since time.Duration // from the first request to this meter that it had not answered; 0: it owed none
}

// Manner is how one meter is spoken to.
type Manner struct {
	Preamble int           // FE bytes before a request
	Timeout  time.Duration // longest wait for an answer's first byte
	Baud     int           // 0: the line's own
	Retries  int           // of a request that met silence or noise
	By       time.Time     // after that the request does not leave any more; zero: it may
}

// Manner gives how the line speaks to a meter of which nothing is known.
func (b *Bus) Manner() Manner {
	return Manner{Preamble: b.timing.Preamble, Timeout: b.timing.Timeout, Retries: b.timing.Retries}
}

// again sends a request that only reads, and repeats it as often as the manner
// says when it meets silence or noise.
func (b *Bus) again(ctx context.Context, how Manner, req dlt645.Frame) (Answer, error) {
	for try := 0; ; try++ {
		ans, err := b.TryAs(ctx, how, req)
		if !isLost(err) || try >= how.Retries {
			return ans, err
		}
		b.countRetry()
	}
}

// isLost reports whether a request met silence or noise, and may be sent
// again.
func isLost(err error) bool { return errors.Is(err, ErrSilence) || errors.Is(err, ErrNoise) }

func (b *Bus) countRetry() { b.count.add(func(c *Counts) { c.Retries++ }) }

// Try sends a request once and gives the answer of the meter. The error is
// ErrSilence or ErrNoise with what was seen, a *dlt645.Refusal, a *PortError,
// an UnsentError, or the context's.
func (b *Bus) Try(ctx context.Context, req dlt645.Frame) (Answer, error) {
	return b.TryAs(ctx, b.Manner(), req)
}

// TryAs is Try in a manner of its own.
func (b *Bus) TryAs(ctx context.Context, how Manner, req dlt645.Frame) (Answer, error) {
	wire, err := b.claim(ctx, how, req)
	if err != nil {
		return Answer{}, err
	}
	defer b.release()
	began := time.Now()
	ans, err := b.exchange(ctx, how, req, wire)
	if isLost(err) {
		b.owes.add(req, began)
	}
	b.count.outcome(err)
	b.count.busy(began, time.Since(began))
	return ans, err
}

// Send sends what no meter answers, such as a freeze of all.
func (b *Bus) Send(ctx context.Context, req dlt645.Frame) error {
	return b.sendNow(ctx, func() dlt645.Frame { return req })
}

// sendNow builds what it sends when the line is its own: a time would be old
// after a wait.
func (b *Bus) sendNow(ctx context.Context, build func() dlt645.Frame) error {
	how := b.Manner()
	how.By = leavesBy(ctx)
	if _, err := b.claim(ctx, how, build()); err != nil {
		return err
	}
	defer b.release()
	if err := b.prepare(ctx, b.timing.Baud); err != nil { // before the time is taken
		return &UnsentError{err}
	}
	wire, err := build().AppendBinary(dlt645.AppendPreamble(nil, how.Preamble))
	if err != nil {
		return err
	}
	began := time.Now()
	_, err = b.send(ctx, how, wire)
	b.count.busy(began, b.timing.Wire(len(wire)))
	return err
}

// claim waits for the turn and gives the request as it goes on the wire. Who
// gets no error has the turn until release.
func (b *Bus) claim(ctx context.Context, how Manner, req dlt645.Frame) ([]byte, error) {
	wire, err := req.AppendBinary(dlt645.AppendPreamble(nil, how.Preamble))
	if err != nil {
		return nil, &UnsentError{err}
	}
	select {
	case b.turn <- struct{}{}:
		b.came = 0
		return wire, nil
	case <-ctx.Done():
		return nil, &UnsentError{ctx.Err()}
	}
}

func (b *Bus) release() { <-b.turn }

// Close closes the port, after the transaction in progress.
func (b *Bus) Close() error {
	b.turn <- struct{}{}
	defer b.release()
	if b.port == nil {
		return nil
	}
	err := b.port.Close()
	b.port = nil
	return err
}

// redial closes a connection to a serial server, so that the next transaction
// makes a new one; false if the port is none, or not open.
func (b *Bus) redial(ctx context.Context) bool {
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer b.release()
	if _, paced := b.port.(PacedPort); paced || b.port == nil {
		return false
	}
	b.port.Close()
	b.port = nil
	return true
}
