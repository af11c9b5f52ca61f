package meter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"meterd/dlt645"
)

// Config is a meter as the installer describes it.
type Config struct {
	Name     string
	Address  dlt645.Address
	Protocol dlt645.Protocol
	Groups   []Group
	CT, PT   int64 // transformer ratios; 0: 1
}

// Group is the points of a meter that are read together.
type Group struct {
	Every  time.Duration
	Points []Point
}

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
	answered bool  // at least one request was answered, if only by a refusal
	lost     error // the failure that ended the round early
	invalid  int   // values that were no numbers, and answers of a wrong length
}

// round reads a group of a meter. Alive tells that the meter has answered
// just now. A request that the meter refuses because it lacks the data is
// replaced by single reads at once, or dropped. A request that is lost to
// silence or noise ends the round unless the meter answers others: a dead
// meter shall cost one request and not all, but one bad identifier shall not
// cost the others.
func (p *Poller) round(ctx context.Context, m *meterState, g *groupState, alive bool) outcome {
	out := outcome{reading: Reading{Meter: m.Address}, answered: alive}
	todo := plan(sources(g.Points), &m.able, time.Now())
	lostRow := 0
	for len(todo) > 0 && lostRow < lostUntilEnd {
		req := todo[0]
		todo = todo[1:]
		res, err := p.bus.Read(ctx, m.Address, req.DI)
		refusal, refused := errors.AsType[*dlt645.Refusal](err)
		switch {
		case err == nil:
			lostRow = 0
			m.able.answered(req.DI)
			p.take(m, req, res, &out)
		case refused:
			lostRow = 0
			out.answered = true
			p.log.Debug("refused", "meter", m.Name, "di", req.DI.String(), "err", refusal)
			// A refused follow-up frame does not mean that there are no data.
			if refusal.Unsupported() && res.Data == nil {
				m.able.lack(req.DI, time.Now().Add(refusedFor))
				todo = append(p.singly(m, req), todo...)
			}
		case FailureKind(err) == "port" || ctx.Err() != nil:
			out.lost = err
			return p.derived(out)
		default:
			out.lost = err
			lostRow++
			silent := errors.Is(err, ErrSilence)
			if !out.answered && !(silent && p.aliveBesides(ctx, m, req)) {
				return p.derived(out)
			}
			out.answered = true
			if silent {
				m.able.silentTo(req.DI, time.Now())
				todo = append(p.singly(m, req), todo...)
			}
		}
	}
	return p.derived(out)
}

// lostUntilEnd is how many requests in a row may be lost before a round ends.
const lostUntilEnd = 2

func (p *Poller) derived(out outcome) outcome {
	derive(&out.reading, p.zone)
	return out
}

// take puts an answer's values into the reading.
func (p *Poller) take(m *meterState, req Request, res Result, out *outcome) {
	out.answered = true
	if out.reading.Time.IsZero() {
		out.reading.Time = res.At
	}
	values, invalid, err := decode(req, res.Data, m.CT, m.PT)
	if err != nil {
		p.log.Warn("answer not understood", "meter", m.Name, "di", req.DI.String(), "err", err)
	}
	out.invalid += invalid
	out.reading.Values = append(out.reading.Values, values...)
}

// singly gives the single reads for a block that the meter is known not to
// answer; none for anything else.
func (p *Poller) singly(m *meterState, req Request) []Request {
	if !dlt645.IsBlock(req.DI) || !m.able.lacks(req.DI, time.Now()) {
		return nil
	}
	return plan(req.Points, &m.able, time.Now())
}

// aliveBesides asks a meter that was silent to a block for one of its
// members, once: some meters are silent to blocks.
func (p *Poller) aliveBesides(ctx context.Context, m *meterState, req Request) bool {
	return dlt645.IsBlock(req.DI) && p.ask(ctx, m, req.Points[0].DI) == nil
}
