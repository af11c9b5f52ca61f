package meter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"meterd/dlt645"
)

// decode gives the values of the points that an answer holds, with the
// transformer ratios in them. Absent values are left out, invalid ones
// counted. The error tells of points that could not be read at all.
func decode(req Request, data []byte, ct, pt int64) (values []PointValue, invalid int, err error) {
	items, tableErr := dlt645.Decode(nil, req.DI, data)
	for _, p := range req.Points {
		v, perr := valueOf(p, items, data)
		if p.Custom == nil && tableErr != nil {
			perr = tableErr
		}
		if perr != nil {
			err = perr
			invalid++
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
	return values, invalid, err
}

// valueOf finds a point among the items of an answer, or reads a custom one
// from its data. Absent is what the answer does not hold.
func valueOf(p Point, items []dlt645.Item, data []byte) (dlt645.Value, error) {
	if c := p.Custom; c != nil {
		if len(data) != c.Bytes {
			return dlt645.Value{}, fmt.Errorf("meter: point %s: the answer for %s holds %d bytes, the configuration says %d", p.Name, p.DI, len(data), c.Bytes)
		}
		return dlt645.NumberValue(data, c.Decimals, c.Signed), nil
	}
	for _, it := range items {
		if it.DI == p.DI && it.Index == p.Index {
			return it.Value, nil
		}
	}
	return dlt645.Value{}, nil
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
// others wait (false). A request that the meter refuses because it lacks the
// data is replaced by single reads at once, or dropped. A request that is
// lost to silence or noise, retries and all, ends the round unless the meter
// answers others: a dead meter shall cost one request and not all, but one
// bad identifier shall not cost the others.
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
		p.take(m, req, res, &s.out)
	case refused:
		s.lostRow = 0
		s.out.answered = true
		p.log.Debug("refused", "meter", m.Name, "di", req.DI.String(), "err", refusal)
		// A refused follow-up frame does not mean that there are no data.
		if refusal.Unsupported() && res.Data == nil {
			m.learned.lack(req.DI, time.Now().Add(refusedFor))
			p.changed.Store(true)
			s.todo = append(p.singly(m, req), s.todo...)
		}
	case FailureKind(err) == "port" || ctx.Err() != nil:
		s.out.lost = err
		return true
	default:
		s.out.lost = err
		s.lostRow++
		silent := errors.Is(err, ErrSilence)
		if !s.out.answered && !(silent && p.aliveBesides(ctx, m, s, req)) {
			return true
		}
		s.out.answered = true
		if silent {
			m.silentTo(req.DI, time.Now())
			s.todo = append(p.singly(m, req), s.todo...)
		}
	}
	return false
}

// silentTo notes that a meter that answers others was silent to one.
func (m *meterState) silentTo(di dlt645.DI, now time.Time) {
	if m.silent == nil {
		m.silent = map[dlt645.DI]int{}
	}
	if m.silent[di]++; m.silent[di] >= silentOften {
		m.learned.lack(di, now.Add(silentFor))
		delete(m.silent, di)
	}
}

// take puts an answer's values into the reading.
func (p *Poller) take(m *meterState, req Request, res Reply, out *outcome) {
	out.answered = true
	if out.reading.Time.IsZero() {
		out.reading.Time = res.At
	}
	m.learned.noteWidth(req.DI, len(res.Data))
	values, invalid, err := decode(req, res.Data, m.CT, m.PT)
	if err != nil {
		p.log.Warn("answer not understood", "meter", m.Name, "di", req.DI.String(), "err", err)
	}
	out.invalid += invalid
	for _, v := range values {
		if v.Point == "clock.time" {
			out.clock = res.At
		}
	}
	out.reading.Values = append(out.reading.Values, values...)
}

// singly gives the single reads for a block that the meter is known not to
// answer; none for anything else.
func (p *Poller) singly(m *meterState, req Request) []Request {
	if !dlt645.IsBlock(req.DI) || !m.learned.lacks(req.DI, time.Now()) {
		return nil
	}
	return plan(req.Points, m.edition(), &m.learned, time.Now())
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
