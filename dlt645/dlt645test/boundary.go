package dlt645test

import (
	"time"

	"meterd/dlt645"
)

// parameters are what the meter's memory is programmed with.
type parameters struct {
	classes    byte      // of load records: bits 0 to 5
	start      []byte    // of load records: mm hh DD MM
	intervals  [6]int    // of the classes, min; 0: none
	hourly     int       // between hourly freezes, min
	settlement [3][]byte // hh DD
	step       int       // min between the moments that may be boundaries
}

// The identifiers of the parameters. Those of the hourly freeze are general
// knowledge: from when (YYMMDDhhmm), and the interval in minutes.
const (
	loadModeWord   = 0x04000901
	loadStart      = 0x04000A01
	loadInterval1  = 0x04000A02
	settlementDay1 = 0x04000B01
	hourlyStart    = 0x04001201
	hourlyInterval = 0x04001202
)

// fixedParameters is how a new meter is programmed: all six classes each
// quarter-hour, a freeze each hour, settlement on the 1st at 00:00 alone.
func (m *Meter) fixedParameters() {
	m.values[loadModeWord] = []byte{0x3F}
	m.values[loadStart] = []byte{0x00, 0x00, 0x01, 0x01}
	for class := range uint32(6) {
		m.values[loadInterval1+class] = []byte{0x15, 0x00}
	}
	m.values[settlementDay1] = []byte{0x00, 0x01}
	m.values[settlementDay1+1] = []byte{0x99, 0x99}
	m.values[settlementDay1+2] = []byte{0x99, 0x99}
	m.values[hourlyStart] = []byte{0x00, 0x00, 0x01, 0x01, 0x00}
	m.values[hourlyInterval] = []byte{0x60}
}

// parametersLocked reads them. The step divides a quarter-hour.
func (m *Meter) parametersLocked() *parameters {
	if m.programmed != nil {
		return m.programmed
	}
	n := func(code uint32) int {
		v, _ := dlt645.NumberValue(m.values[code], 0, false).Dec.Scaled(0)
		return int(v)
	}
	p := &parameters{start: m.values[loadStart], hourly: n(hourlyInterval), step: 15}
	if w := m.values[loadModeWord]; len(w) == 1 {
		p.classes = w[0]
	}
	for i := range p.intervals {
		p.intervals[i] = n(loadInterval1 + uint32(i))
		p.step = divisor(p.step, p.intervals[i])
	}
	p.step = divisor(p.step, p.hourly)
	for i := range p.settlement {
		p.settlement[i] = m.values[settlementDay1+uint32(i)]
	}
	if len(p.start) == 4 {
		p.step = divisor(p.step, digits(p.start[0]))
	}
	if every := m.history.every; every != nil && every[0] != 0x99 {
		p.step = divisor(p.step, digits(every[0]))
	} else if every != nil {
		p.step = 1
	}
	m.programmed = p
	return p
}

// digits reads a byte of BCD.
func digits(b byte) int { return int(b>>4)*10 + int(b&15) }

func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// settles reports whether the clock shows the begin of a settlement day's hour.
func (p *parameters) settles(c time.Time) bool {
	for _, s := range p.settlement {
		if c.Minute() == 0 && len(s) == 2 && s[0] == bcd(c.Hour()) && s[1] == bcd(c.Day()) {
			return true
		}
	}
	return false
}

// records gives the classes that a moment of the clock has a load record of,
// as bits. Intervals count from the start that was last, in this year or the
// one before: the start has no year.
func (p *parameters) records(c time.Time) byte {
	if len(p.start) != 4 || p.classes == 0 {
		return 0
	}
	month, day := time.Month(digits(p.start[3])), digits(p.start[2])
	start := time.Date(c.Year(), month, day, digits(p.start[1]), digits(p.start[0]), 0, 0, c.Location())
	if start.After(c) {
		start = time.Date(c.Year()-1, month, day, digits(p.start[1]), digits(p.start[0]), 0, 0, c.Location())
	}
	since := int(c.Sub(start) / time.Minute)
	var due byte
	for i, every := range p.intervals {
		if p.classes>>i&1 == 1 && every > 0 && since%every == 0 {
			due |= 1 << i
		}
	}
	return due
}

// runLocked brings the books to a moment of true time, and keeps on the way
// what the meter keeps at the boundaries of its clock. Of more than a year and
// a month, it keeps what the last of it has.
func (m *Meter) runLocked(to int64) {
	if to-m.books.ms > longestWalk {
		m.books.grow(m, to-longestWalk)
		m.checkpointLocked()
	}
	p := m.parametersLocked()
	for {
		c := m.books.clock(m)
		minute := c.Hour()*60 + c.Minute()
		next := m.books.ms + int64((minute/p.step+1)*p.step-minute)*60000 - int64(c.Second())*1000 - int64(c.Nanosecond())/1000000
		if next > to {
			m.books.grow(m, to)
			return
		}
		m.books.grow(m, next)
		if m.boundaryLocked(p, m.books.clock(m)) {
			p = m.parametersLocked()
		}
	}
}

// boundaryLocked keeps what falls due when the clock shows c, to the minute.
// It reports whether the parameters changed.
func (m *Meter) boundaryLocked(p *parameters, c time.Time) (programmed bool) {
	h := &m.history
	if c.Minute()%15 == 0 {
		programmed = m.habitsLocked(c)
	}
	midnight, settles := c.Hour() == 0 && c.Minute() == 0, p.settles(c)
	if !m.books.on {
		if midnight {
			h.missedDays = append(h.missedDays, c)
		}
		if settles {
			h.missedSettlements = append(h.missedSettlements, c)
		}
		return programmed
	}
	if m.Consume != nil && c.Minute()%15 == 0 {
		power, before := m.books.tenths(m, m.books.ms-1), c.Add(-time.Millisecond)
		h.peak(0, tariffOf(before), power.Active, c)
		h.peak(1, tariffOf(before), -power.Active, c)
	}
	hourly := p.hourly > 0 && (c.Hour()*60+c.Minute())%p.hourly == 0
	load, timed := p.records(c), h.timed(c)
	if !midnight && !settles && !hourly && load == 0 && !timed {
		return programmed
	}
	s := m.stateLocked()
	if hourly {
		h.freeze(FreezeHourly, s, c)
	}
	if timed {
		h.freeze(FreezeTimed, s, c)
	}
	if midnight {
		h.freeze(FreezeDaily, s, c)
		m.checkpointLocked()
	}
	if load != 0 {
		m.keepLoad(s, load, c)
	}
	if settles {
		h.settle(s, c)
	}
	return programmed
}

// habitsLocked lets happen what single meters are made to suffer.
func (m *Meter) habitsLocked(c time.Time) (programmed bool) {
	if m.Quirks.Outage != nil && m.Quirks.Outage(c) == m.books.on {
		m.powerLocked(m.books.on)
	}
	if m.Quirks.Programmed == nil {
		return false
	}
	for code, value := range m.Quirks.Programmed(c) {
		m.setLocked(code, value)
		programmed = true
	}
	return programmed
}
