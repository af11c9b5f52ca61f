package meter

import (
	"context"
	"slices"
	"time"

	"meterd/dlt645"
)

// wakeOthers has the other dead meters asked soon, when one of them is back:
// they may have been away together.
func (p *Poller) wakeOthers(m *polled, up time.Duration) {
	for _, o := range p.meters {
		if o != m && o.health.dead() {
			up += firstPause / 2
			o.health.hurry(up, p.probe)
		}
	}
}

// revive asks a dead meter for the first thing of a group, once.
func (p *Poller) revive(ctx context.Context, m *polled, g *slot) bool {
	asked := p.now()
	err := p.askAny(ctx, m, g)
	if err == nil {
		return true
	}
	m.cost = p.now().up - asked.up
	if m.Auto && m.health.learned.Protocol != "" {
		m.health.forget()
	}
	m.health.askedInVain(p.now().up, p.rest(m), p.probe)
	p.update(m.index, func(s *MeterState) { s.LastErr = err.Error() })
	p.renew(ctx)
	return false
}

func (p *Poller) askAny(ctx context.Context, m *polled, g *slot) error {
	if m.Auto && m.health.learned.Protocol == "" {
		for {
			known, more := p.identify(ctx, m)
			if known {
				return nil
			}
			if !more || ctx.Err() != nil {
				return ErrSilence
			}
		}
	}
	return p.ask(ctx, m, p.anyOf(m, g, p.now().wall)) // a refusal is an answer
}

// anyOf gives what a meter is asked for to see whether it is there: what it has, of
// a group or else of its others; a group that the meter gives nothing of tells
// nothing.
func (p *Poller) anyOf(m *polled, g *slot, now time.Time) dlt645.DI {
	edition := m.health.edition(m.Handle)
	points := sources(g.Points)
	for _, s := range p.plan.slots {
		if s.meter == m.index && s != g {
			points = append(points, sources(s.Points)...)
		}
	}
	lacking := dlt645.DI{}
	for _, point := range points {
		point, ok := point.in(edition)
		switch {
		case !ok:
		case !m.health.learned.lacks(point.DI, now):
			return point.DI
		case lacking == dlt645.DI{}:
			lacking = point.DI
		}
	}
	switch {
	case lacking != dlt645.DI{}:
		return lacking
	case edition == dlt645.V1997: // nothing of this edition: any answer will do
		return editions(p.bus.timing.Baud)[1].di
	}
	return editions(p.bus.timing.Baud)[0].di
}

// rest is how long a meter is left alone that is dead, or about to be.
func (p *Poller) rest(m *polled) time.Duration {
	dead := 1
	for _, o := range p.meters {
		if o != m && o.health.dead() {
			dead++
		}
	}
	t := p.bus.timingOf(m.health.manner(p.bus.Manner(), p.bus.timing, m.Auto))
	cost := max(m.cost, t.Wire(t.Preamble+dlt645.FrameLen(4)+1)+t.Timeout+t.Gap)
	if m.Auto && m.health.learned.Protocol == "" {
		cost *= time.Duration(len(editions(p.bus.timing.Baud)))
	}
	return restFor(dead, cost)
}

// identify asks a meter whose edition is to be found, once. More tells that it
// did not answer, and that there is another guess.
func (p *Poller) identify(ctx context.Context, m *polled) (known, more bool) {
	if !m.Auto || m.health.learned.Protocol != "" {
		return true, false
	}
	line := p.bus.timing.Baud
	g := m.health.next(line)
	how := p.bus.Manner()
	how.Baud = g.baud
	_, err := p.bus.TryAs(ctx, how, dlt645.ReadRequest(m.Address, g.di))
	p.heard(m, how, 0, 0, err)
	if err == nil || FailureKind(err) == "refusal" {
		m.health.right(g)
		p.changed.Store(true)
		p.log.Info("edition found", "bus", p.bus.Name(), "meter", m.Name, "protocol", m.health.learned.Protocol, "baud", p.bus.timingOf(how).Baud)
		return true, false
	}
	more = m.health.wrong(line)
	return false, more && FailureKind(err) != "port"
}

// redial is when a serial server is called anew that takes requests and brings
// no answer from any meter: it may have lost its line, or us.
type redial struct {
	at    time.Duration // since the poller began
	pause time.Duration
}

const (
	firstRedial = time.Minute
	mostRedial  = 30 * time.Minute
)

// next reports whether the server may be called anew.
func (r *redial) next(up time.Duration) bool { return up >= r.at }

// done notes that it was, and lets it alone for longer each time.
func (r *redial) done(up time.Duration) {
	r.pause = max(firstRedial, min(2*r.pause, mostRedial))
	r.at = up + r.pause
}

// renew calls the server of a port anew if none of its meters answers.
func (p *Poller) renew(ctx context.Context) {
	up := p.now().up
	if !p.redial.next(up) || slices.ContainsFunc(p.meters, func(m *polled) bool { return !m.health.dead() }) || !p.bus.redial(ctx) {
		return
	}
	p.redial.done(up)
	p.log.Warn("no meter answers: the serial server is called anew", "bus", p.bus.Name(), "again_in", p.redial.pause)
}
