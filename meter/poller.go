package meter

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"meterd/dlt645"
)

// Poller reads the meters of one bus, in rounds.
type Poller struct {
	bus   *Bus
	stamp func(*Reading)
	sink  func(Reading)
	zone  *time.Location
	probe time.Duration
	log   *slog.Logger

	meters   []*meterState // owned by Run, but for what mu guards
	portLost bool          // owned by Run

	mu sync.Mutex
}

// PollerConfig is what a Poller works with.
type PollerConfig struct {
	Bus    *Bus
	Meters []Config
	// Stamp notes boot, uptime and whether the clock is trusted in a reading.
	Stamp func(*Reading)
	// Sink takes each reading. The line waits for it.
	Sink  func(Reading)
	Zone  *time.Location // of the rounds and of the meters' clocks; nil: UTC
	Probe time.Duration  // the longest pause between two questions to a dead meter; 0: 5 min
	Log   *slog.Logger   // nil: none
}

// meterState is a meter and what is known of it.
type meterState struct {
	Config
	able   abilities
	groups []*groupState

	state   MeterState    // guarded by Poller.mu
	lostRow int           // rounds lost one behind the other
	pause   time.Duration // before the next question to a dead meter
	askAt   time.Time     // when a dead meter is asked again
}

type groupState struct {
	Group
	due    due
	served time.Time // when its last round began
}

// MeterState is what the console and the uplinks are told of a meter.
type MeterState struct {
	Name     string
	Address  dlt645.Address
	Bus      string
	Online   bool      // answered since it was last given up
	Known    bool      // was asked at all
	LastGood time.Time // of the last answer
	LastErr  string    // of the last failure since then
	Rounds   int       // that were begun
	Lost     int       // of those, that were cut short by silence, noise or the port
	Missed   int       // that were never begun, for lack of time
	Invalid  int       // values that were no numbers
	Values   []PointValue
	ReadAt   time.Time // of the last value
}

// NewPoller gives a poller; Run starts it.
func NewPoller(c PollerConfig) *Poller {
	p := &Poller{bus: c.Bus, stamp: c.Stamp, sink: c.Sink, zone: c.Zone, probe: c.Probe, log: c.Log}
	if p.zone == nil {
		p.zone = time.UTC
	}
	if p.probe == 0 {
		p.probe = 5 * time.Minute
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.stamp == nil {
		p.stamp = func(r *Reading) { r.Trusted = true }
	}
	for _, mc := range c.Meters {
		m := &meterState{Config: mc, state: MeterState{Name: mc.Name, Address: mc.Address, Bus: c.Bus.Name()}}
		for _, g := range mc.Groups {
			m.groups = append(m.groups, &groupState{Group: g})
		}
		p.meters = append(p.meters, m)
	}
	return p
}

// Run polls until the context ends, then gives nil. Every group is read once
// at the start.
func (p *Poller) Run(ctx context.Context) error {
	start := time.Now()
	for _, m := range p.meters {
		for _, g := range m.groups {
			g.due = due{at: start, since: start, first: true}
		}
	}
	for ctx.Err() == nil {
		now := time.Now()
		m, g, wake := p.pick(now)
		if g == nil {
			if !p.sleep(ctx, wake.Sub(now)) {
				break
			}
			continue
		}
		p.run(ctx, m, g)
	}
	return nil
}

// longestSleep makes a jump of the clock noticed.
const longestSleep = 5 * time.Second

func (p *Poller) sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(max(0, min(d, longestSleep)))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// pick gives the group to read at now, or when there is one again. A dead
// meter is picked when its pause is over.
func (p *Poller) pick(now time.Time) (best *meterState, g *groupState, wake time.Time) {
	wake = now.Add(longestSleep)
	for _, m := range p.meters {
		for _, c := range m.groups {
			if missed := c.due.advance(now, c.Every, p.zone); missed > 0 && !m.dead() {
				p.update(m, func(s *MeterState) { s.Missed += missed })
			}
			at := c.due.at
			if m.dead() && at.Before(m.askAt) {
				at = m.askAt
			}
			switch {
			case at.After(now):
				if at.Before(wake) {
					wake = at
				}
			case g == nil || c.before(g):
				best, g = m, c
			}
		}
	}
	return best, g, wake
}

// lostUntilDead is how many rounds a meter may lose one behind the other
// before it counts as offline.
const lostUntilDead = 2

// firstPause is the wait before a dead meter is asked again; it doubles.
const firstPause = 10 * time.Second

func (m *meterState) dead() bool { return m.lostRow >= lostUntilDead }

// run reads a group and hands the reading on. To a dead meter it sends one
// request without retries first.
func (p *Poller) run(ctx context.Context, m *meterState, g *groupState) {
	began := time.Now()
	belongs := g.due.at
	g.served = began
	next := nextRound(began, g.Every, p.zone)
	g.due = due{at: next, since: next}
	revived := m.dead()
	if revived && !p.revive(ctx, m, g) {
		return
	}
	out := p.round(ctx, m, g, revived)
	if ctx.Err() != nil && !out.answered {
		return
	}
	p.judge(m, out)
	if len(out.reading.Values) == 0 {
		return
	}
	out.reading.Round = belongs
	p.stamp(&out.reading)
	p.update(m, func(s *MeterState) { s.keep(out.reading) })
	p.sink(out.reading)
}

// revive asks a dead meter for the first thing of a group, once.
func (p *Poller) revive(ctx context.Context, m *meterState, g *groupState) bool {
	points := sources(g.Points)
	if len(points) == 0 {
		return false
	}
	err := p.ask(ctx, m, points[0].DI)
	if err == nil {
		return true
	}
	m.pause = min(2*m.pause, p.probe)
	m.askAt = time.Now().Add(m.pause)
	p.update(m, func(s *MeterState) { s.LastErr = err.Error() })
	return false
}

// ask reads one identifier without retries. No error: the meter answered, if
// only by a refusal.
func (p *Poller) ask(ctx context.Context, m *meterState, di dlt645.DI) error {
	_, err := p.bus.Try(ctx, dlt645.ReadRequest(m.Address, di))
	if _, refused := errors.AsType[*dlt645.Refusal](err); refused {
		return nil
	}
	return err
}

// judge keeps the account of a meter after a round.
func (p *Poller) judge(m *meterState, out outcome) {
	wasDead := m.dead()
	switch {
	case out.answered:
		m.lostRow = 0
	case out.lost != nil && FailureKind(out.lost) != "port": // a lost port says nothing about the meter
		m.lostRow++
	}
	if m.dead() && !wasDead {
		m.pause = min(firstPause, p.probe)
		m.askAt = time.Now().Add(m.pause)
		p.log.Warn("meter offline", "bus", p.bus.Name(), "meter", m.Name, "err", out.lost)
	}
	p.tellPort(out.lost)
	back := false
	p.update(m, func(s *MeterState) {
		back = !s.Online && out.answered
		s.Rounds++
		s.Known = true
		s.Invalid += out.invalid
		if out.answered {
			s.Online, s.LastGood, s.LastErr = true, time.Now(), ""
		}
		if out.lost != nil {
			s.Lost++
			s.LastErr = out.lost.Error()
		}
		if m.dead() || FailureKind(out.lost) == "port" && !out.answered {
			s.Online = false // nobody can tell otherwise
		}
	})
	if back {
		p.log.Info("meter online", "bus", p.bus.Name(), "meter", m.Name)
	}
}

// tellPort logs when the port fails and when it works again.
func (p *Poller) tellPort(lost error) {
	failed := FailureKind(lost) == "port"
	switch {
	case failed && !p.portLost:
		p.log.Error("the port does not work", "bus", p.bus.Name(), "err", lost)
	case !failed && p.portLost:
		p.log.Info("the port works again", "bus", p.bus.Name())
	}
	p.portLost = failed
}

func (p *Poller) update(m *meterState, f func(*MeterState)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&m.state)
}

// keep takes the values of a reading over into the last known ones.
func (s *MeterState) keep(r Reading) {
	s.ReadAt = r.Time
	values := append([]PointValue(nil), s.Values...)
next:
	for _, v := range r.Values {
		for i := range values {
			if values[i].Point == v.Point {
				values[i] = v
				continue next
			}
		}
		values = append(values, v)
	}
	s.Values = values
}

// Meters gives the state of each meter, in the order of the configuration.
func (p *Poller) Meters() []MeterState {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]MeterState, 0, len(p.meters))
	for _, m := range p.meters {
		out = append(out, m.state)
	}
	return out
}

// Bus gives the line that is polled.
func (p *Poller) Bus() *Bus { return p.bus }
