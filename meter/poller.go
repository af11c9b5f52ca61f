package meter

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
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

	event   func(Event)
	alive   func()
	clock   func(dlt645.Address, time.Time)
	trusted func(time.Time) bool
	sync    bool
	changed atomic.Bool // something was learned that is worth keeping

	meters   []*meterState // owned by Run, but for what mu guards
	portLost bool          // owned by Run
	redial   redial        // owned by Run
	looked   time.Time     // when pick last looked at the clock; owned by Run

	mu     sync.Mutex
	synced string // the day on which the time was last broadcast; guarded by mu
}

// PollerConfig is what a Poller works with.
type PollerConfig struct {
	Bus    *Bus
	Meters []*Handle
	// Stamp notes boot, uptime and whether the clock is trusted in a reading.
	Stamp func(*Reading)
	// Sink takes each reading. The line waits for it.
	Sink func(Reading)
	// Event takes what happens to the meters; nil: nobody.
	Event func(Event)
	// Alive is called whenever the poller goes on, every few seconds; nil: nobody
	// wants to know.
	Alive func()
	// Clock is told what a meter's clock shows now, whenever it is read; nil:
	// nobody wants to know.
	Clock func(dlt645.Address, time.Time)
	// Trusted tells whether the board's clock is right; nil: it is.
	Trusted func(time.Time) bool
	// SyncClocks lets the poller broadcast the time once a day when a meter's
	// clock is more than a minute off.
	SyncClocks bool
	// Daily has each meter's clock and number read once a day.
	Daily bool
	// Learned is what was known of the meters before.
	Learned []Learned
	Zone    *time.Location // of the rounds and of the meters' clocks; nil: UTC
	Probe   time.Duration  // the longest pause between two questions to a dead meter; 0: 5 min
	Log     *slog.Logger   // nil: none
}

// meterState is a meter and what is known of it.
type meterState struct {
	*Handle
	groups []*groupState

	learned  Learned           // owned by Run; others see kept
	silent   map[dlt645.DI]int // how often it was silent to one, in a row
	overruns map[dlt645.DI]int // how often it went on without end
	bareLost bool              // the last request went without FE and was lost
	session  *session          // a round that was put aside
	guess    int               // which of the editions is asked for next
	keptAt   time.Time         // when what was learned was last worth keeping
	seen     map[string]string // last values of the points whose changes are events

	state   MeterState    // guarded by Poller.mu
	kept    Learned       // a copy of learned; guarded by Poller.mu
	lostRow int           // rounds lost one after the other
	pause   time.Duration // before the next question to a dead meter
	askAt   time.Time     // when a dead meter is asked again
}

type groupState struct {
	Group
	offset time.Duration // of its rounds against the multiples of its period
	daily  bool          // reads the meter's clock and number
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
	// Requests and what became of them; a refusal is an answer.
	Requests, Answers, Refusals, Silence, Noise, Retries int
	P50, P90, P99                                        time.Duration // answer times
	Values                                               []PointValue
	ReadAt                                               time.Time // of the last value
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
	p.event, p.trusted, p.sync, p.alive, p.clock = c.Event, c.Trusted, c.SyncClocks, c.Alive, c.Clock
	if p.clock == nil {
		p.clock = func(dlt645.Address, time.Time) {}
	}
	if p.alive == nil {
		p.alive = func() {}
	}
	if p.event == nil {
		p.event = func(Event) {}
	}
	if p.trusted == nil {
		p.trusted = func(time.Time) bool { return true }
	}
	if p.stamp == nil {
		p.stamp = func(r *Reading) { r.Trusted = true }
	}
	for _, mc := range c.Meters {
		m := &meterState{Handle: mc, state: MeterState{Name: mc.Name, Address: mc.Address, Bus: c.Bus.Name()}}
		for _, g := range mc.Groups {
			m.groups = append(m.groups, &groupState{Group: g})
		}
		if c.Daily {
			m.groups = append(m.groups, dailyGroup())
		}
		m.learned.Address = mc.Address.String()
		for _, l := range c.Learned {
			if l.Address == m.learned.Address {
				m.learned = l.clone()
			}
		}
		m.kept = m.learned.clone()
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
			if g.daily {
				g.due = due{at: start.Add(dailyAfter), since: start.Add(dailyAfter)}
			}
		}
	}
	for ctx.Err() == nil {
		p.alive()
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
	for _, m := range p.meters { // what was read of a round that was put aside is not lost
		if s := m.session; s != nil {
			m.session = nil
			p.finish(ctx, m, s)
		}
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

// lostUntilDead is how many rounds a meter may lose one after the other
// before it counts as offline.
const lostUntilDead = 2

// firstPause is the wait before a dead meter is asked again; it doubles.
const firstPause = 10 * time.Second

func (m *meterState) dead() bool { return m.lostRow >= lostUntilDead }

// run reads a group, or goes on with the round that was put aside. To a dead
// meter it sends one request without retries first.
func (p *Poller) run(ctx context.Context, m *meterState, g *groupState) {
	s := m.session
	m.session = nil
	if s == nil {
		var ok bool
		if s, ok = p.begin(ctx, m, g); !ok {
			return
		}
	}
	if time.Since(s.since) > max(g.Every, sessionFor) {
		p.finish(ctx, m, s) // values of one reading belong together
		return
	}
	if !p.step(ctx, m, s) {
		m.session = s
		return
	}
	p.finish(ctx, m, s)
}

// sessionFor is how long the rounds of short periods may take.
const sessionFor = time.Minute

// begin starts a round; false if there is nothing to be had.
func (p *Poller) begin(ctx context.Context, m *meterState, g *groupState) (*session, bool) {
	began := time.Now()
	s := &session{group: g, belongs: g.due.at, since: began}
	s.out.reading.Meter = m.Address
	m.learned.tidy(began)
	if m.dead() {
		if !p.revive(ctx, m, g) {
			return nil, false
		}
		s.out.answered = true
		if s.belongs.After(began) {
			s.belongs = began
		}
		p.wakeOthers(m, began)
	} else if known, more := p.identify(ctx, m); !known {
		g.served = began
		if more { // the next guess comes when the others had their turn
			g.due = due{at: began, since: began}
			return nil, false
		}
		g.consume(began, p.zone)
		s.out.lost = ErrSilence
		if ctx.Err() == nil {
			p.judge(ctx, m, s.out)
		}
		return nil, false
	}
	g.served = began
	g.consume(began, p.zone)
	s.todo = plan(sources(g.Points), m.edition(), &m.learned, began)
	return s, true
}

// consume sets the group's next round.
func (g *groupState) consume(now time.Time, zone *time.Location) {
	next := g.next(now, zone)
	g.due = due{at: next, since: next}
}

// wakeOthers has the other dead meters asked soon, when one of them is back:
// they may have been away together.
func (p *Poller) wakeOthers(m *meterState, now time.Time) {
	at := now
	for _, o := range p.meters {
		if o != m && o.dead() {
			at = at.Add(firstPause / 2)
			o.pause = min(firstPause, p.probe)
			o.askAt = minTime(o.askAt, at)
		}
	}
}

// finish hands the reading of a round on.
func (p *Poller) finish(ctx context.Context, m *meterState, s *session) {
	if ctx.Err() != nil && !s.out.answered {
		return
	}
	p.judge(ctx, m, s.out)
	if s.group.daily && s.out.lost != nil {
		again := time.Now().Add(dailyAgain)
		s.group.due = due{at: again, since: again}
	}
	r := &s.out.reading
	if len(r.Values) == 0 {
		return
	}
	r.Round = s.belongs
	p.stamp(r)
	derive(r, p.zone, s.out.clock, s.out.lost == nil)
	p.tellClock(m, r, s.out.clock)
	m.learned.Usage.scaled(max(m.CT, 1) * max(m.PT, 1))
	if now := time.Now(); used(r, &m.learned.Usage, p.zone) || now.Sub(m.keptAt) > keepEvery {
		m.keptAt = now
		p.changed.Store(true)
	}
	p.changes(m, r)
	if s.group.daily {
		p.endDaily(ctx, m, r)
	}
	p.update(m, func(s *MeterState) {
		s.keep(*r)
		m.learned.Synced = max(m.learned.Synced, m.kept.Synced)
		m.kept = m.learned.clone()
	})
	p.sink(*r)
}

// keepEvery is how often what was learned is kept at least: a power cut costs
// the usage of this day and month no more.
const keepEvery = 15 * time.Minute

// revive asks a dead meter for the first thing of a group, once.
func (p *Poller) revive(ctx context.Context, m *meterState, g *groupState) bool {
	err := p.askAny(ctx, m, g)
	if err == nil {
		return true
	}
	if m.Auto && m.learned.Protocol != "" { // another meter may hang there: ask anew which edition it speaks
		m.learned.Protocol, m.learned.Baud = "", 0
	}
	m.pause = min(2*m.pause, p.probe)
	m.askAt = time.Now().Add(max(m.pause, p.deadPause(m)))
	p.update(m, func(s *MeterState) { s.LastErr = err.Error() })
	p.renew(ctx)
	return false
}

// redial is when a serial server is called anew that takes requests and brings
// no answer from any meter: it may have lost its line, or us.
type redial struct {
	at    time.Time
	pause time.Duration
}

const (
	firstRedial = time.Minute
	mostRedial  = 30 * time.Minute
)

// renew calls the server of a port anew if none of its meters answers.
func (p *Poller) renew(ctx context.Context) {
	now := time.Now()
	if now.Before(p.redial.at) || slices.ContainsFunc(p.meters, func(m *meterState) bool { return !m.dead() }) || !p.bus.redial(ctx) {
		return
	}
	p.redial.pause = max(firstRedial, min(2*p.redial.pause, mostRedial))
	p.redial.at = now.Add(p.redial.pause)
	p.log.Warn("no meter answers: the serial server is called anew", "bus", p.bus.Name(), "again_in", p.redial.pause)
}

func (p *Poller) askAny(ctx context.Context, m *meterState, g *groupState) error {
	if m.Auto && m.learned.Protocol == "" {
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
	for _, point := range sources(g.Points) {
		if point, ok := point.in(m.edition()); ok && !m.learned.lacks(point.DI, time.Now()) {
			return p.ask(ctx, m, point.DI)
		}
	}
	return ErrSilence
}

// deadShare is the share of the line's time that all dead meters may cost.
const deadShare = 0.05

// deadPause is how long each dead meter must be left alone so that all of
// them together keep within their share.
func (p *Poller) deadPause(m *meterState) time.Duration {
	dead := 0
	for _, o := range p.meters {
		if o.dead() {
			dead++
		}
	}
	t := p.bus.timingOf(p.manner(m))
	cost := t.Wire(t.Preamble+dlt645.FrameLen(4)+1) + t.Timeout + t.Gap
	if m.Auto && m.learned.Protocol == "" {
		cost *= time.Duration(len(p.editions()))
	}
	return time.Duration(float64(dead) * float64(cost) / deadShare)
}

// judge keeps the account of a meter after a round.
func (p *Poller) judge(ctx context.Context, m *meterState, out outcome) {
	wasDead := m.dead()
	switch {
	case out.answered:
		m.lostRow, p.redial = 0, redial{}
	case out.lost != nil && FailureKind(out.lost) != "port": // a lost port says nothing about the meter
		m.lostRow++
	}
	if m.dead() && !wasDead {
		m.pause = min(firstPause, p.probe)
		m.askAt = time.Now().Add(max(m.pause, p.deadPause(m)))
		p.tell(m, EventOffline, out.lost.Error())
		p.log.Warn("meter offline", "bus", p.bus.Name(), "meter", m.Name, "err", out.lost)
	}
	if ctx.Err() == nil { // a port that was closed at the end has not failed
		p.tellPort(out.lost)
	}
	back, known := false, false
	p.update(m, func(s *MeterState) {
		back = !s.Online && out.answered
		known = s.Known
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
		if known {
			p.tell(m, EventOnline, "")
		}
	}
}

// tell hands an event of a meter on.
func (p *Poller) tell(m *meterState, kind, text string) {
	p.event(Event{Meter: m.Address, Time: time.Now(), Kind: kind, Text: text})
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

// Changed reports whether something was learned since the last call that
// should survive a power cut.
func (p *Poller) Changed() bool { return p.changed.Swap(false) }

// Learned gives copies of what is known of the meters.
func (p *Poller) Learned() []Learned {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Learned, 0, len(p.meters))
	for _, m := range p.meters {
		out = append(out, m.kept)
	}
	return out
}

// Bus gives the line that is polled.
func (p *Poller) Bus() *Bus { return p.bus }
