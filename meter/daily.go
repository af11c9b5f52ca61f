package meter

import (
	"context"
	"math"
	"time"
)

// Once a day each meter's clock and number are read.

const (
	// dailyAt is when, of the day: away from midnight, where the date and the
	// time may belong to two days, and from meters' settlements.
	dailyAt = 3*time.Hour + 30*time.Minute
	// dailyAfter is how long after the start the first one is.
	dailyAfter = 2 * time.Minute
	// dailyAgain is when it is tried again.
	dailyAgain = 10 * time.Minute
)

func dailyGroup() Group {
	var ps Points
	var points []Point
	for _, name := range []string{"clock", "clock.offset", "meter.number", "meter.rated.voltage", "meter.rated.most"} {
		found, _ := ps.Expand(name)
		points = append(points, found...)
	}
	return Group{Every: 24 * time.Hour, Points: points}
}

// clockTolerance is how far a meter's clock may be off before the time is
// broadcast.
const clockTolerance = 60 * time.Second

// endDaily looks at what the daily round brought.
func (p *Poller) endDaily(ctx context.Context, m *polled, r *Reading) {
	p.changed.Store(true) // what was learned of the meter is kept once a day at least
	if v, ok := r.Value("meter.number"); ok && m.before != nil && m.health.learned.Number != "" && v.Text != "" && v.Text != m.health.learned.Number {
		m.health.learned.Books = *m.before // what was read since is of another register
	}
	if v, ok := r.Value("meter.number"); ok && m.health.learned.replaced(v.Text, came(time.Now(), r.Trusted)) {
		p.log.Warn("another meter answers at the address", "bus", p.bus.Name(), "meter", m.Name, "number", v.Text)
		p.tell(m, EventReplaced, v.Text)
		m.past.replaced()
	}
	_, numbered := r.Value("meter.number")
	if m.met = m.met || numbered; m.met {
		m.before = nil
	}
	m.health.learned.rated(r)
	v, ok := r.Value("clock.offset")
	if ok {
		m.health.learned.clockRead(v.Dec.Coef, time.Now().In(p.zone))
	}
	if !ok || !p.sync || time.Duration(math.Abs(float64(v.Dec.Coef)))*time.Second <= clockTolerance {
		return
	}
	now := time.Now()
	day := now.In(p.zone).Format(time.DateOnly)
	if day == p.lastSync() || !p.trusted(now) || aroundMidnight(now.In(p.zone)) {
		return
	}
	p.noteSync(day)
	if err := p.Broadcast(ctx); err != nil {
		p.log.Error("the time could not be broadcast", "bus", p.bus.Name(), "err", err)
		return
	}
	p.log.Info("time broadcast", "bus", p.bus.Name(), "meter", m.Name, "offset_s", v.Dec.Coef)
	p.event(Event{Time: now, Kind: EventTime, Text: "broadcast on " + p.bus.Name()})
	for _, g := range p.plan.slots { // see what it did
		if g.daily {
			g.put(now.Round(0).Add(lookBack))
		}
	}
}

// tellClock tells what the meter's clock shows now, if the round has read it:
// it was read at that time, in the middle of its second.
func (p *Poller) tellClock(m *polled, r *Reading, read time.Time) {
	if t, ok := meterClock(r, p.zone); ok && !read.IsZero() {
		p.clock(m.Address, t.Add(time.Second/2+time.Since(read)))
	}
}

// lookBack is when the clocks are read after a broadcast.
const lookBack = 10 * time.Second
