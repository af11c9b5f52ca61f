package meter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"meterd/dlt645"
)

// What is done to a meter. Each request that changes something is sent once:
// when its answer is lost, nobody knows whether the meter took it, so the
// meter is asked, and not told again.

// Control does things to the meters of one line, and reads them out of turn.
// Its methods may be called from several goroutines, while the poller runs.
type Control struct {
	*accounts
	bus     *Bus
	handles []*Handle
	books   bool // the meters' daily freezes are fetched
	zone    *time.Location
	stamp   func(*Reading)
	sink    func(Reading)
	trusted func(time.Time) bool
}

// Bus gives the line.
func (c *Control) Bus() *Bus { return c.bus }

// spoken gives the edition of a meter and how to speak to it.
func (c *Control) spoken(h *Handle) (dlt645.Protocol, Manner, error) {
	i := slices.Index(c.handles, h)
	if i < 0 {
		return 0, Manner{}, &UnsentError{fmt.Errorf("meter: %s is not on bus %s", h.Name, c.bus.Name())}
	}
	known := health{learned: c.known(i)}
	t := c.bus.timing
	how := known.manner(c.bus.Manner(), t, h.Auto)
	how.Preamble = t.Preamble // a command is not the time to learn
	how.Timeout = max(how.Timeout, c.bus.Manner().Timeout)
	return known.edition(h), how, nil
}

// ReadNow reads one identifier, after the transaction in progress and ahead
// of the polling.
func (c *Control) ReadNow(ctx context.Context, h *Handle, di dlt645.DI) (Reply, error) {
	_, how, err := c.spoken(h)
	if err != nil {
		return Reply{}, err
	}
	return c.bus.ReadAs(ctx, how, h.Address, di)
}

// PlanFor gives the requests that bring points of that meter.
func (c *Control) PlanFor(h *Handle, points []Point) ([]Request, error) {
	edition, _, err := c.spoken(h)
	if err != nil {
		return nil, err
	}
	return Plan(points, edition), nil
}

// Values reads points now, with the meter's transformer ratios in them;
// derived ones are derived from what was read now and from the meter's books.
// What could be read comes with the error of what could not.
func (c *Control) Values(ctx context.Context, h *Handle, points []Point) ([]PointValue, error) {
	r, err := c.readNow(ctx, h, points)
	var values []PointValue
	for _, point := range points {
		v, ok := r.Value(point.Name)
		switch {
		case ok && !slices.ContainsFunc(values, func(o PointValue) bool { return o.Point == point.Name }):
			values = append(values, PointValue{point.Name, v})
		case !ok && err == nil:
			err = fmt.Errorf("meter: the meter gives no %s", point.Name)
		}
	}
	return values, err
}

// readNow reads what points are made of, as one reading with what is derived.
// What could be read comes with the error of what could not.
func (c *Control) readNow(ctx context.Context, h *Handle, points []Point) (r Reading, err error) {
	reqs, err := c.PlanFor(h, sources(points))
	if err != nil {
		return r, err
	}
	at := time.Now()
	r = Reading{Meter: h.Address, Time: at, Round: at}
	var failed error
	var clockRead time.Time
	var blank []string
	for _, req := range reqs {
		res, err := c.ReadNow(ctx, h, req.DI)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", req.DI, err))
			continue
		}
		if named(req.Points, "clock.time") {
			clockRead = time.Now()
		}
		got, err := decode(req, res.Data, h.CT, h.PT)
		r.Values, blank, failed = append(r.Values, got.values...), append(blank, got.blank...), errors.Join(failed, err)
	}
	if len(r.Values) == 0 {
		return r, failed
	}
	c.stamp(&r)
	known := health{learned: c.known(slices.Index(c.handles, h))}
	known.learned.Books.tells(named(points, "energy.forward.yesterday"), named(points, "energy.forward.lastmonth"), at.In(c.zone))
	derive(&r, c.zone, clockRead, told{failed == nil, sources(points), blank, &known.learned, at})
	used(&r, &known.learned.Books, c.zone, known.learned.most(h), known.freezesNothing(h, c.books, at))
	return r, failed
}

// ReadExtra reads points out of turn and hands them on as a reading.
func (c *Control) ReadExtra(ctx context.Context, h *Handle, points []Point) error {
	r, err := c.readNow(ctx, h, points)
	if len(r.Values) > 0 {
		c.sink(r)
	}
	return err
}

// errEarlier says that an answer may be that of a request which was given up.
var errEarlier = fmt.Errorf("%w: the answer may be that of an earlier request", ErrSilence)

// send sends what must not be sent twice. The error is a refusal, an
// UnsentError, or nil where it was sent; lost is why its answer is not there.
func (c *Control) send(ctx context.Context, how Manner, req dlt645.Frame) (lost, err error) {
	if ctx.Err() != nil {
		return nil, &UnsentError{ctx.Err()}
	}
	how.By = leavesBy(ctx)
	ans, lost := c.bus.TryAs(ctx, how, req)
	if lost == nil && ans.Since > 0 {
		lost = errEarlier
	}
	if refusal, ok := errors.AsType[*dlt645.Refusal](lost); ok {
		return nil, refusal
	}
	if unsent, ok := errors.AsType[*UnsentError](lost); ok {
		return nil, unsent
	}
	return lost, nil
}

// Write writes an identifier (14H, 04H) once, and reads it back: the value
// must be the one that was written. A clock runs on, and is only accepted.
func (c *Control) Write(ctx context.Context, h *Handle, di dlt645.DI, value []byte) error {
	_, how, err := c.spoken(h)
	if err != nil {
		return err
	}
	req, err := dlt645.WriteRequest(h.Address, di, h.Access, value)
	if err != nil {
		return &UnsentError{err}
	}
	lost, err := c.send(ctx, how, req)
	if err != nil {
		return err
	}
	if di == clockDate || di == clockTime {
		if lost != nil {
			return &UnprovenError{lost}
		}
		return nil
	}
	res, err := c.bus.ReadAs(ctx, how, h.Address, di)
	switch {
	case err != nil:
		return &UnprovenError{errors.Join(lost, fmt.Errorf("meter: it is not read back: %w", err))}
	case string(res.Data) != string(value):
		return &UnprovenError{errors.Join(lost, fmt.Errorf("meter: it reads back as %X, not as %X", res.Data, value))}
	}
	return nil
}
