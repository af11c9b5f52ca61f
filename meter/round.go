package meter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"meterd/dlt645"
)

// decode gives the values of the points that an answer holds, with the
// transformer ratios in them. Absent values are left out, invalid ones
// counted, and what a block leaves out is told. The error tells of points that
// could not be read at all.
func decode(req Request, data []byte, ct, pt int64) (values []PointValue, left []Point, invalid int, err error) {
	items, tableErr := dlt645.Decode(nil, req.DI, data)
	for _, p := range req.Points {
		v, there, perr := valueOf(p, items, data)
		if p.Custom == nil && tableErr != nil {
			perr = tableErr
		}
		if perr != nil {
			err = perr
			invalid++
			left = append(left, p)
			continue
		}
		if !there {
			left = append(left, p)
			continue
		}
		v, ok := apply(p, v, ct, pt)
		switch {
		case !ok || v.Kind == dlt645.Invalid:
			invalid++
		case v.Known():
			values = append(values, PointValue{p.Name, v})
		}
	}
	return values, left, invalid, err
}

// valueOf finds a point among the items of an answer, or reads a custom one
// from its data; false if the answer does not hold it.
func valueOf(p Point, items []dlt645.Item, data []byte) (dlt645.Value, bool, error) {
	if c := p.Custom; c != nil {
		if len(data) != c.Bytes {
			return dlt645.Value{}, false, fmt.Errorf("meter: point %s: the answer for %s holds %d bytes, the configuration says %d", p.Name, p.DI, len(data), c.Bytes)
		}
		return dlt645.NumberValue(data, c.Decimals, c.Signed), true, nil
	}
	for _, it := range items {
		if it.DI == p.DI && it.Index == p.Index {
			return it.Value, true, nil
		}
	}
	return dlt645.Value{}, false, nil
}

// apply multiplies a number by its transformer ratio; false if it overflows.
func apply(p Point, v dlt645.Value, ct, pt int64) (dlt645.Value, bool) {
	if v.Kind != dlt645.Number {
		return v, true
	}
	var ok bool
	v.Dec, ok = v.Dec.Mul(ratio(p, max(ct, 1), max(pt, 1)))
	return v, ok
}

// outcome is what a round brought.
type outcome struct {
	reading  Reading
	clock    time.Time // when the meter's time of day was read
	answered bool      // at least one request was answered, if only by a refusal
	lost     error     // the failure that ended the round early
	invalid  int       // values that were no numbers, and answers of a wrong length
}

// session is a round in progress. It is put aside when a request is lost
// while others wait: they shall not wait for its retries.
type session struct {
	group   *groupState
	belongs time.Time // the moment on the clock
	since   time.Time // when it began
	todo    []Request
	out     outcome
	lostRow int // requests lost one after the other
	tries   int // of the first of todo that were lost
}

// lostUntilEnd is how many requests in a row may be lost before a round ends.
const lostUntilEnd = 2

// step goes on with a round until it ends, or until a request is lost while
// others wait (false). A block that does not bring its members, for whatever
// reason, is replaced by single reads at once. A request that is lost to
// silence or noise, retries and all, ends the round unless the meter answers
// others: a dead meter shall cost one request and not all, but one bad
// identifier shall not cost the others.
func (p *Poller) step(ctx context.Context, m *meterState, s *session) (ended bool) {
	for len(s.todo) > 0 && s.lostRow < lostUntilEnd {
		req := s.todo[0]
		res, err := p.read(ctx, m, req.DI)
		if isLost(err) && s.tries < p.bus.timing.Retries {
			s.tries++
			p.bus.countRetry()
			p.update(m, func(s *MeterState) { s.Retries++ })
			if p.othersWait(m) {
				return false
			}
			continue
		}
		s.todo, s.tries = s.todo[1:], 0
		if p.handle(ctx, m, s, req, res, err) {
			break
		}
	}
	return true
}

// handle takes the outcome of one request; true ends the round.
func (p *Poller) handle(ctx context.Context, m *meterState, s *session, req Request, res Reply, err error) (end bool) {
	refusal, refused := errors.AsType[*dlt645.Refusal](err)
	switch {
	case err == nil:
		s.lostRow = 0
		delete(m.silent, req.DI)
		left := p.take(m, req, res, &s.out)
		if dlt645.IsBlock(req.DI) && len(left) > 0 {
			s.todo = append(m.singles(left), s.todo...)
		}
	case refused:
		s.lostRow = 0
		s.out.answered = true
		p.log.Debug("refused", "meter", m.Name, "di", req.DI.String(), "err", refusal)
		switch block := dlt645.IsBlock(req.DI); {
		case res.Data != nil && !block: // a refused follow-up frame does not mean that there are no data
		case refusal.Unsupported() || block: // meters refuse a block with any code
			p.lacks(m, req.DI, refusedFor)
			if block {
				if !refusal.Unsupported() { // else it is the usual way
					p.log.Warn("the meter refuses a block; its values are read one by one", "meter", m.Name, "di", req.DI.String(), "code", refusal.CodeText())
				}
				s.todo = append(m.singles(req.Points), s.todo...)
			}
		default:
			p.gaveNothing(m, req.DI)
		}
	case errors.Is(err, ErrOverrun): // the line is for the others too
		s.lostRow = 0
		s.out.answered = true
		pause := p.overran(m, req.DI)
		p.log.Warn("the meter goes on without end; it is left alone with that", "meter", m.Name, "di", req.DI.String(), "for", pause, "err", err)
		if dlt645.IsBlock(req.DI) {
			s.todo = append(m.singles(req.Points), s.todo...)
		}
	case FailureKind(err) == "port" || ctx.Err() != nil:
		s.out.lost = err
		return true
	default:
		silent := errors.Is(err, ErrSilence)
		if !s.out.answered && !(silent && p.aliveBesides(ctx, m, s, req)) {
			s.out.lost = err
			return true
		}
		s.out.answered = true
		if silent {
			p.gaveNothing(m, req.DI)
		}
		if silent && dlt645.IsBlock(req.DI) { // its members tell whether the meter is still there
			s.todo = append(m.singles(req.Points), s.todo...)
			s.lostRow = max(s.lostRow, lostUntilEnd-1) // a dead one shall cost no more than it did
			return false
		}
		s.out.lost = err
		s.lostRow++
	}
	return false
}

// gaveNothing notes that a meter that answers others was silent to one, or
// refused it without saying that it lacks it.
func (p *Poller) gaveNothing(m *meterState, di dlt645.DI) {
	if m.silent == nil {
		m.silent = map[dlt645.DI]int{}
	}
	if m.silent[di]++; m.silent[di] >= silentOften {
		p.lacks(m, di, silentFor)
		delete(m.silent, di)
	}
}

// overran leaves a meter alone with an identifier, longer each time.
func (p *Poller) overran(m *meterState, di dlt645.DI) time.Duration {
	if m.overruns == nil {
		m.overruns = map[dlt645.DI]int{}
	}
	pause := min(firstOverrun<<min(m.overruns[di], 20), refusedFor)
	m.overruns[di]++
	p.lacks(m, di, pause)
	return pause
}

// firstOverrun is how long an identifier is left alone first that went on
// without end.
const firstOverrun = 10 * time.Minute

// lacks notes that there is nothing to be had under an identifier for a while.
func (p *Poller) lacks(m *meterState, di dlt645.DI, during time.Duration) {
	m.learned.lack(di, time.Now().Add(during))
	p.changed.Store(true)
}

// take puts an answer's values into the reading, and gives the points that a
// block leaves out.
func (p *Poller) take(m *meterState, req Request, res Reply, out *outcome) (left []Point) {
	out.answered = true
	if out.reading.Time.IsZero() {
		out.reading.Time = res.At
	}
	m.learned.noteWidth(req.DI, len(res.Data))
	values, left, invalid, err := decode(req, res.Data, m.CT, m.PT)
	if err != nil {
		p.log.Warn("answer not understood", "meter", m.Name, "di", req.DI.String(), "err", err)
		if dlt645.IsBlock(req.DI) {
			p.lacks(m, req.DI, refusedFor)
		}
	}
	out.invalid += invalid
	for _, v := range values {
		if v.Point == "clock.time" {
			out.clock = res.At
		}
	}
	out.reading.Values = append(out.reading.Values, values...)
	return left
}

// singles gives the single reads of points, but for what the meter lacks.
func (m *meterState) singles(points []Point) []Request {
	var reqs []Request
	now := time.Now()
	for _, p := range points {
		if m.learned.lacks(p.DI, now) {
			continue
		}
		i := slices.IndexFunc(reqs, func(r Request) bool { return r.DI == p.DI })
		if i < 0 {
			i, reqs = len(reqs), append(reqs, Request{DI: p.DI})
		}
		reqs[i].Points = append(reqs[i].Points, p)
	}
	return reqs
}

// aliveBesides asks a meter that was silent to one request for something else,
// once: a member of a block, since some meters are silent to blocks, or what
// the round has next.
func (p *Poller) aliveBesides(ctx context.Context, m *meterState, s *session, req Request) bool {
	switch {
	case dlt645.IsBlock(req.DI):
		return p.ask(ctx, m, req.Points[0].DI) == nil
	case len(s.todo) > 0:
		return p.ask(ctx, m, s.todo[0].DI) == nil
	}
	return false
}
