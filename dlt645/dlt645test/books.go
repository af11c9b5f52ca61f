package dlt645test

import (
	"time"

	"meterd/dlt645"
)

// Power is what a meter's customer takes, in W and var. Negative active power
// goes to the grid.
type Power struct{ Active, Reactive int64 }

// The counters of a meter, each a total and four tariffs: forward and reverse
// active energy, and the four quadrants' reactive energy.
const (
	counterForward = iota
	counterReverse
	counterQuadrant1
	counterQuadrant2
	counterQuadrant3
	counterQuadrant4
	counters
)

// registers hold tenths of a watt (or var) times milliseconds, so that sums
// over parts of a time are those over the whole of it.
type registers [counters][5]int64

const (
	unitsPerCount = 360_000_000               // of registers in 0.01 kWh
	turnover      = 100_000_000               // counts: after 999999.99 comes 0
	unitsAround   = unitsPerCount * turnover  // once around
	signedAround  = 80_000_000                // of registers whose top bit is a sign
	quarterMs     = int64(15 * 60 * 1000)     // for which Consume's answer holds
	longestWalk   = int64(400 * 24 * 3600000) // ms whose boundaries are kept in one step
	checkpoints   = 1024                      // of the books that a meter keeps
)

func (r *registers) add(counter, tariff int, units int64) {
	for _, t := range [2]int{0, 1 + tariff} {
		r[counter][t] = around(r[counter][t] + units)
	}
}

// around turns a register over.
func around(units int64) int64 { return units - floor(units, unitsAround) }

func (r *registers) count(counter, tariff int) int64 { return r[counter][tariff] / unitsPerCount }

// energy gives the register that an identifier of the present energies
// (00kktt00) names, in 0.01 kWh. How the combined ones are made is general
// knowledge: forward and reverse together, quadrants I and II, III and IV.
func (r *registers) energy(code uint32) (n int64, signed, ok bool) {
	kind, t := int(code>>16), int(code>>8&0xFF)
	if code>>24 != 0 || code&0xFF != 0 || kind > 8 || t > 4 {
		return 0, false, false
	}
	switch kind {
	case 0:
		return (r.count(counterForward, t) + r.count(counterReverse, t)) % signedAround, true, true
	case 1, 2:
		return r.count(kind-1, t), false, true
	case 3, 4:
		first := counterQuadrant1 + 2*(kind-3)
		return (r.count(first, t) + r.count(first+1, t)) % signedAround, true, true
	}
	return r.count(counterQuadrant1+kind-5, t), false, true
}

// books are what a meter's registers follow from. They go on from any moment
// to a later one, and are the same however many steps that takes.
type books struct {
	ms     int64 // true time, Unix milliseconds
	energy registers
	on     bool          // the meter has power
	shift  time.Duration // of its clock
	rate   Power         // in tenths, while there is no Consume
}

// clock is what the meter's clock shows then.
func (b *books) clock(m *Meter) time.Time { return m.clockAt(b.ms, b.shift) }

func (m *Meter) clockAt(ms int64, shift time.Duration) time.Time {
	return m.inZone(time.UnixMilli(ms)).Add(shift)
}

// inZone gives a time in the zone of the meter's clock.
func (m *Meter) inZone(t time.Time) time.Time {
	if m.Zone != nil {
		return t.In(m.Zone)
	}
	return t.In(m.zone)
}

// tenths is the power at a moment of true time.
func (b *books) tenths(m *Meter, ms int64) Power {
	if m.Consume == nil {
		return b.rate
	}
	p := m.Consume(m.inZone(time.UnixMilli(floor(ms, quarterMs))))
	return Power{p.Active * 10, p.Reactive * 10}
}

func floor(n, step int64) int64 {
	over := n % step
	if over < 0 {
		over += step
	}
	return n - over
}

// grow counts the energy up to a moment.
func (b *books) grow(m *Meter, to int64) {
	for b.ms < to {
		if !b.on {
			b.ms = to
			return
		}
		c := b.clock(m)
		end := min(to, b.ms+int64(60-c.Minute())*60000-int64(c.Second())*1000-int64(c.Nanosecond())/1000000)
		if m.Consume != nil {
			end = min(end, floor(b.ms, quarterMs)+quarterMs)
		}
		b.count(b.tenths(m, b.ms), end-b.ms, tariffOf(c))
		b.ms = end
	}
}

// tariffOf gives the tariff of an hour of the clock, from 0: each has six.
func tariffOf(c time.Time) int { return c.Hour() / 6 }

func (b *books) count(p Power, ms int64, tariff int) {
	active, reactive := counterForward, counterQuadrant1
	switch {
	case p.Active < 0 && p.Reactive < 0:
		active, reactive = counterReverse, counterQuadrant3
	case p.Active < 0:
		active, reactive = counterReverse, counterQuadrant2
	case p.Reactive < 0:
		reactive = counterQuadrant4
	}
	b.energy.add(active, tariff, max(p.Active, -p.Active)*ms)
	b.energy.add(reactive, tariff, max(p.Reactive, -p.Reactive)*ms)
}

// checkpointLocked keeps the books as they are, for RegisterAt to go on from.
func (m *Meter) checkpointLocked() { m.past = keep(m.past, m.books, checkpoints) }

// RegisterAt gives what the register of an identifier of the present energies
// (00kktt00) held at a moment of true time, exactly, by the books, whatever
// Set made of it. It is false for other identifiers, before the books begin,
// and where the meter has forgotten it: with Consume it knows a thousand days,
// without it the last thousand questions. A moment to come is that of a meter
// which nothing happens to.
func (m *Meter) RegisterAt(code uint32, at time.Time) (dlt645.Decimal, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ms := at.UnixMilli()
	for i := len(m.past) - 1; i >= 0; i-- {
		if m.past[i].ms > ms {
			continue
		}
		b := m.past[i]
		b.grow(m, ms)
		n, _, ok := b.energy.energy(code)
		return dlt645.Decimal{Coef: n, Scale: 2}, ok
	}
	return dlt645.Decimal{}, false
}

// SetRegister sets a counter of the books (0001tt00, 0002tt00, 0005tt00 to
// 0008tt00, tt up to 4) to a number of 0.01 kWh at a moment of true time; it
// counts on from there. The others, the total too, stay as they are.
func (m *Meter) SetRegister(code uint32, count int64, at time.Time) {
	counters := map[uint32]int{1: counterForward, 2: counterReverse, 5: counterQuadrant1, 6: counterQuadrant2, 7: counterQuadrant3, 8: counterQuadrant4}
	counter, ok := counters[code>>16]
	if !ok || code&0xFF != 0 || code>>8&0xFF > 4 || count < 0 || count >= turnover {
		panic("no register holds that") // a mistake of the test
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advanceLocked(at)
	m.books.energy[counter][code>>8&0xFF] = count * unitsPerCount
	m.checkpointLocked()
	m.showLocked(at)
}

// Advance brings the books up to a moment of true time, as a question does.
func (m *Meter) Advance(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advanceLocked(now)
}

// beginLocked opens the books. Without Since they begin the day before, so
// that the forward registers hold at the first question what they begin with,
// and there is a settlement of earlier on.
func (m *Meter) beginLocked(now time.Time) {
	m.zone = now.Location()
	first := m.load.variables()
	m.books = books{ms: now.UnixMilli(), on: true, shift: m.ClockOffset, rate: first.rate()}
	m.begun = true
	if !m.Since.IsZero() {
		m.books.ms = min(m.books.ms, m.Since.UnixMilli())
		m.books.energy[counterForward] = m.load.start
		m.checkpointLocked()
		return
	}
	c := m.clock(now)
	m.books.ms = time.Date(c.Year(), c.Month(), c.Day()-1, 0, 0, 0, 0, c.Location()).Add(-m.ClockOffset).UnixMilli()
	trial := m.books
	trial.grow(m, now.UnixMilli())
	for t, units := range m.load.start {
		m.books.energy[counterForward][t] = around(units - trial.energy[counterForward][t])
	}
	m.checkpointLocked()
	m.history.settle(m.stateLocked(), m.books.clock(m))
}

// advanceLocked brings all that moves up to now.
func (m *Meter) advanceLocked(now time.Time) {
	if !m.begun {
		m.beginLocked(now)
	}
	m.runLocked(now.UnixMilli())
	if m.ClockOffset != m.books.shift {
		m.jumpLocked()
	}
	if m.books.on && m.Consume == nil {
		m.load.wander()
		vars := m.load.variables()
		if rate := vars.rate(); rate != m.books.rate {
			m.books.rate = rate
			m.checkpointLocked()
		}
		m.history.peak(0, tariffOf(m.books.clock(m)), vars.power[0][0], m.clock(now))
	}
	m.showLocked(now)
}
