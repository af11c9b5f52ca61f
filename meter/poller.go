package meter

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"meterd/dlt645"
)

// Poller reads the meters of one bus, in rounds. It moves time and bytes
// between three that speak to nobody: the schedule says what is due, the round
// what is to be asked and what came of it, each meter's health whether it
// answers and what was learned of it.
type Poller struct {
	*line
	archive
	clock func(dlt645.Address, time.Time)
	sync  bool
	probe time.Duration

	// Owned by Run.
	portLost bool
	redial   redial
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
	// Books has the freezes fetched that day and month are counted from.
	Books bool
	// HistoryShare is how much of the line's time filling holes may take, in
	// percent; 0: 20.
	HistoryShare int
	// Learned is what was known of the meters before.
	Learned []Learned
	Zone    *time.Location // of the rounds and of the meters' clocks; nil: UTC
	Probe   time.Duration  // the longest pause between two questions to a dead meter; 0: 5 min
	Log     *slog.Logger   // nil: none
}

// NewPoller gives a poller; Run starts it.
func NewPoller(c PollerConfig) *Poller {
	or := func(f func(time.Time) bool) func(time.Time) bool {
		if f == nil {
			return func(time.Time) bool { return true }
		}
		return f
	}
	l := &line{
		Control: &Control{bus: c.Bus, zone: c.Zone, stamp: c.Stamp, sink: c.Sink, trusted: or(c.Trusted), accounts: &accounts{}, books: c.Books},
		event:   c.Event, alive: c.Alive, log: c.Log,
	}
	p := &Poller{
		line: l, archive: archive{line: l, share: cmp.Or(c.HistoryShare, usualShare)},
		clock: c.Clock, sync: c.SyncClocks, probe: c.Probe,
	}
	if p.zone == nil {
		p.zone = time.UTC
	}
	if p.probe == 0 {
		p.probe = 5 * time.Minute
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.clock == nil {
		p.clock = func(dlt645.Address, time.Time) {}
	}
	if p.alive == nil {
		p.alive = func() {}
	}
	if p.event == nil {
		p.event = func(Event) {}
	}
	if p.stamp == nil {
		p.stamp = func(r *Reading) { r.Trusted = true }
	}
	p.plan.zone = p.zone
	for i, h := range c.Meters {
		p.add(i, h, c)
	}
	return p
}

// add takes a meter of the configuration, with what was known of it.
func (p *Poller) add(i int, h *Handle, c PollerConfig) {
	m := &polled{Handle: h, index: i, past: past{lanes: lanes(h, p.zone)}}
	for _, g := range h.Groups {
		p.plan.slots = append(p.plan.slots, &slot{Group: g, meter: i})
	}
	if c.Daily {
		p.plan.slots = append(p.plan.slots, &slot{Group: dailyGroup(), meter: i, offset: dailyAt, daily: true})
	}
	for _, s := range p.plan.slots {
		if s.meter == i && m.first == nil {
			m.first = s
		}
	}
	m.health.learned.Address = h.Address.String()
	for _, l := range c.Learned {
		if l.Address == m.health.learned.Address {
			m.health.learned = l.clone()
			m.health.learned.TakenOut = false
			m.known = true
		}
	}
	p.meters = append(p.meters, m)
	p.handles = append(p.handles, h)
	p.states = append(p.states, MeterState{Name: h.Name, Address: h.Address, Bus: c.Bus.Name()})
	p.kept = append(p.kept, m.health.learned.clone())
}

// Run polls until the context ends, then gives nil. Every group is read once
// at the start.
func (p *Poller) Run(ctx context.Context) error {
	p.began = time.Now()
	p.plan.begin(p.now())
	for _, m := range p.meters {
		p.archive.judge(m, p.began.In(p.zone), CauseBoard)
	}
	for ctx.Err() == nil {
		p.alive()
		now := p.now()
		m, g, wait := p.pick(now)
		switch {
		case g != nil:
			p.run(ctx, m, g)
		case p.archive.recall(ctx, now, &wait):
		default:
			p.sleep(ctx, wait)
		}
	}
	for _, m := range p.meters { // what was read of a round that was put aside is not lost
		if r := m.aside; r != nil {
			m.aside = nil
			p.finish(ctx, m, r)
		}
	}
	return nil
}

// longestSleep makes a jump of the clock noticed.
const longestSleep = 5 * time.Second

func (p *Poller) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(max(0, min(d, longestSleep)))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// pick gives the group to read now, or how long it is until there may be one.
// A dead meter goes ahead when its pause is over: what all of them cost is
// bounded.
func (p *Poller) pick(now moment) (*polled, *slot, time.Duration) {
	p.plan.look(now, func(meter, n int) {
		if !p.meters[meter].health.dead() {
			p.update(meter, func(s *MeterState) { s.Missed += n })
		}
	})
	g, wait := p.plan.pick(now.wall, func(meter int) standing { return p.stands(meter, now.up) })
	for _, m := range p.meters {
		if !m.health.dead() || m.first == nil {
			continue
		}
		if left := m.health.askAt - now.up; left > 0 {
			wait = min(wait, left)
			continue
		}
		return m, m.first, 0
	}
	if g == nil {
		return nil, nil, wait
	}
	return p.meters[g.meter], g, 0
}

// asideFor is how long a round that was put aside lets all others go first.
const asideFor = 10 * time.Second

// stands tells how a meter stands in the schedule.
func (p *Poller) stands(meter int, up time.Duration) standing {
	switch m := p.meters[meter]; {
	case m.health.dead():
		return standing{turn: turnNone}
	case m.aside == nil:
		return standing{turn: turnFree}
	case up-m.aside.began < asideFor:
		return standing{turnAside, m.aside.slot}
	default:
		return standing{turnAgain, m.aside.slot}
	}
}

// othersWait reports whether another meter is to be read now.
func (p *Poller) othersWait(m *polled) bool {
	now := p.now()
	return p.plan.waits(now.wall, m.index, func(meter int) standing { return p.stands(meter, now.up) })
}

// roundFor is how long the rounds of short periods may take.
const roundFor = time.Minute

// run reads a group, or goes on with the round that was put aside. To a dead
// meter it sends one request without retries first.
func (p *Poller) run(ctx context.Context, m *polled, g *slot) {
	r := m.aside
	m.aside = nil
	if r == nil {
		if r = p.begin(ctx, m, g); r == nil {
			return
		}
	}
	// Values of one reading belong together: a round that takes too long ends.
	if p.now().up-r.began <= max(g.Every, roundFor) && !p.step(ctx, m, r) {
		m.aside = r
		return
	}
	p.finish(ctx, m, r)
}

// begin starts a round; nil if there is nothing to be had.
func (p *Poller) begin(ctx context.Context, m *polled, g *slot) *round {
	began := p.now()
	m.health.learned.tidy(began.wall)
	back := m.health.dead()
	if back {
		if !p.revive(ctx, m, g) {
			return nil
		}
		p.wakeOthers(m, began.up)
	} else if known, more := p.identify(ctx, m); !known {
		g.served = began.wall
		if more { // the next guess comes when the others had their turn
			g.put(began.wall)
			return nil
		}
		g.consume(began.wall, p.zone)
		if ctx.Err() == nil {
			p.judge(ctx, m, outcome{lost: ErrSilence})
		}
		return nil
	}
	r := newRound(g, m.Handle, &m.health, began, p.bus.timing.Retries)
	if back {
		r.out.answered = true
		r.belongs = earlier(r.belongs, began.wall)
	}
	g.consume(began.wall, p.zone)
	return r
}

// step goes on with a round until it ends, or until a request is lost while
// others wait (false): they shall not wait for its retries.
func (p *Poller) step(ctx context.Context, m *polled, r *round) (ended bool) {
	for {
		q, ok := r.next()
		if !ok {
			return true
		}
		res, err := p.put(ctx, m, q)
		if err != nil && ctx.Err() != nil {
			r.cut(err)
			return true
		}
		again := r.took(res, err, p.now().wall)
		p.report(m, r)
		if !again {
			continue
		}
		p.bus.countRetry()
		p.update(m.index, func(s *MeterState) { s.Retries++ })
		if p.othersWait(m) {
			return false
		}
	}
}

// put asks a meter a round's question, once.
func (p *Poller) put(ctx context.Context, m *polled, q question) (Reply, error) {
	if q.probe {
		return Reply{}, p.ask(ctx, m, q.di)
	}
	p.late(m)
	how := m.health.manner(p.bus.Manner(), p.bus.timing, m.Auto)
	res, err := p.bus.readOnce(ctx, how, m.Address, q.di)
	p.heard(m, how, res.Took, res.Since, err)
	return res, err
}

// report logs what a round has found.
func (p *Poller) report(m *polled, r *round) {
	for _, f := range r.found {
		switch di := f.di.String(); f.kind {
		case foundRefusal:
			p.log.Debug("refused", "meter", m.Name, "di", di, "err", f.err)
		case foundBlockRefusal:
			refusal, _ := errors.AsType[*dlt645.Refusal](f.err)
			p.log.Warn("the meter refuses a block; its values are read one by one", "meter", m.Name, "di", di, "code", refusal.CodeText())
		case foundEndless:
			p.log.Warn("the meter goes on without end; it is left alone with that", "meter", m.Name, "di", di, "for", f.rest, "err", f.err)
		case foundNonsense:
			p.log.Warn("answer not understood", "meter", m.Name, "di", di, "err", f.err)
		}
	}
	r.found = r.found[:0]
	if r.learned {
		r.learned = false
		p.changed.Store(true)
	}
}

// finish hands the reading of a round on.
func (p *Poller) finish(ctx context.Context, m *polled, s *round) {
	if ctx.Err() != nil && !s.out.answered {
		return
	}
	p.judge(ctx, m, s.out)
	now := p.now().wall
	if s.slot.daily && s.out.lost != nil {
		s.slot.put(now.Add(dailyAgain))
	}
	r := &s.out.reading
	if len(r.Values) == 0 {
		return
	}
	r.Round = s.belongs
	p.stamp(r)
	learned := &m.health.learned
	asked := sources(s.slot.Points)
	derive(r, p.zone, s.out.clock, told{s.out.lost == nil && !m.health.misses(asked, now), asked, s.out.blank, learned, now})
	p.tellClock(m, r, s.out.clock)
	if r.Trusted {
		learned.Books.dated(now)
	}
	learned.Books.scaled(max(m.CT, 1)*max(m.PT, 1), came(now, r.Trusted))
	if !m.met && m.before == nil {
		b := learned.Books.clone()
		m.before = &b
	}
	changed, held := used(r, &learned.Books, p.zone, learned.most(m.Handle), m.health.freezesNothing(m.Handle, p.books, now))
	if held { // does another meter hang there?
		p.log.Warn("the register cannot have moved there; the next reading is to confirm it", "meter", m.Name, "last", learned.Books.Last, "now", learned.Books.Held)
		p.plan.soon(m.index, now)
	}
	if changed || now.Sub(m.keptAt).Abs() > keepEvery {
		m.keptAt = now
		p.changed.Store(true)
	}
	if r.Trusted {
		p.archive.begin(m, now.In(p.zone))
		p.archive.remember(m, m.parts(true), r, CauseLine)
	}
	p.changes(m, r)
	p.archive.counted(m, r)
	if s.slot.daily {
		p.endDaily(ctx, m, r)
	}
	p.handing.Lock()
	defer p.handing.Unlock()
	p.sink(*r)
	p.keep(m.index, learned, *r) // after it: what counts as read is in the ring
}

// keepEvery is how often what was learned is kept at least: a power cut costs
// the usage of this day and month no more.
const keepEvery = 15 * time.Minute

// judge keeps the account of a meter after a round.
func (p *Poller) judge(ctx context.Context, m *polled, out outcome) {
	switch {
	case out.answered:
		m.health.alive()
		p.redial = redial{}
	case out.lost != nil && FailureKind(out.lost) != "port": // a lost port says nothing about the meter
		if m.health.lost(p.now().up, p.rest(m), p.probe) {
			m.away()
			p.tell(m, EventOffline, out.lost.Error())
			p.log.Warn("meter offline", "bus", p.bus.Name(), "meter", m.Name, "err", out.lost)
		}
	}
	if ctx.Err() == nil { // a port that was closed at the end has not failed
		p.tellPort(out.lost)
	}
	back, known := false, false
	p.update(m.index, func(s *MeterState) {
		known = s.Known
		back = s.judged(out, m.health.dead(), time.Now())
	})
	if back {
		p.log.Info("meter online", "bus", p.bus.Name(), "meter", m.Name)
		if known {
			p.tell(m, EventOnline, "")
		}
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
