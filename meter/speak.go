package meter

import (
	"context"
	"errors"
	"time"

	"meterd/dlt645"
)

// How one meter is spoken to, and what its answers teach.

// edition is the one that the meter speaks, as far as is known.
func (m *meterState) edition() dlt645.Protocol {
	if !m.Auto {
		return m.Protocol
	}
	if p, err := dlt645.ParseProtocol(m.learned.Protocol); err == nil {
		return p
	}
	return dlt645.V2007
}

// manner is how the meter is to be spoken to next.
func (p *Poller) manner(m *meterState) Manner {
	how, t := p.bus.Manner(), p.bus.timing
	if t.AutoPreamble && !m.bareLost {
		how.Preamble = m.learned.Preamble.next(how.Preamble)
	}
	if t.AutoTimeout {
		how.Timeout = m.learned.Times.timeout(t.MostTimeout)
	}
	if m.Auto {
		how.Baud = m.learned.Baud
	}
	return how
}

// read asks the meter for one identifier, once.
func (p *Poller) read(ctx context.Context, m *meterState, di dlt645.DI) (Reply, error) {
	how := p.manner(m)
	res, err := p.bus.readOnce(ctx, how, m.Address, di)
	p.learn(m, how, res.Took, err)
	return res, err
}

// ask reads one identifier without retries. No error: the meter answered, if
// only by a refusal.
func (p *Poller) ask(ctx context.Context, m *meterState, di dlt645.DI) error {
	how := p.manner(m)
	ans, err := p.bus.TryAs(ctx, how, dlt645.ReadRequest(m.Address, di))
	p.learn(m, how, ans.Took, err)
	if _, refused := errors.AsType[*dlt645.Refusal](err); refused {
		return nil
	}
	return err
}

// learn takes what one request taught of the meter, and counts it.
func (p *Poller) learn(m *meterState, how Manner, took time.Duration, err error) {
	p.alive()
	bare := how.Preamble == 0 && p.bus.timing.AutoPreamble && p.bus.timing.Preamble > 0
	switch {
	case isLost(err):
		if errors.Is(err, ErrSilence) {
			m.learned.Times.Lost++
		}
		m.bareLost = bare
	case err == nil || FailureKind(err) == "refusal":
		if err == nil {
			m.learned.Times.add(took)
		}
		if bare {
			m.learned.Preamble.answered()
		} else if m.bareLost {
			m.learned.Preamble.missed()
		}
		m.bareLost = false
	}
	p.update(m, func(s *MeterState) {
		s.Requests++
		if err == nil {
			s.Answers++
		}
		switch FailureKind(err) {
		case "silence":
			s.Silence++
		case "noise":
			s.Noise++
		case "refusal":
			s.Refusals++
			s.Answers++
		}
		t := &m.learned.Times
		s.P50, s.P90, s.P99 = t.Percentile(0.5), t.Percentile(0.9), t.Percentile(0.99)
	})
}

// identify asks a meter whose edition is to be found, once: first in that of
// 2007, then in that of 1997, at the line's rate and at the rates that edition
// starts with. More tells that it did not answer, and that there is another
// guess.
func (p *Poller) identify(ctx context.Context, m *meterState) (known, more bool) {
	if !m.Auto || m.learned.Protocol != "" {
		return true, false
	}
	all := p.editions()
	c := all[m.guess%len(all)]
	how := p.bus.Manner()
	how.Baud = c.baud
	_, err := p.bus.TryAs(ctx, how, dlt645.ReadRequest(m.Address, c.di))
	p.learn(m, how, 0, err)
	if err == nil || FailureKind(err) == "refusal" {
		m.guess = 0
		m.learned.Protocol, m.learned.Baud = c.di.Protocol.String(), c.baud
		p.changed.Store(true)
		p.log.Info("edition found", "bus", p.bus.Name(), "meter", m.Name, "protocol", m.learned.Protocol, "baud", p.bus.timingOf(how).Baud)
		return true, false
	}
	m.guess = (m.guess + 1) % len(all)
	return false, m.guess != 0 && FailureKind(err) != "port"
}

type guess struct {
	di   dlt645.DI
	baud int
}

// editions lists what a meter is asked for to learn its edition: the forward
// active total.
func (p *Poller) editions() []guess {
	new, old := dlt645.DI{Code: 0x00010000}, dlt645.DI{Protocol: dlt645.V1997, Code: 0x9010}
	all := []guess{{new, 0}, {old, 0}}
	for _, baud := range []int{1200, 2400} {
		if baud != p.bus.timing.Baud {
			all = append(all, guess{old, baud})
		}
	}
	return all
}
