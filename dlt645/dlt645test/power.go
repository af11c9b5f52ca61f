package dlt645test

import (
	"slices"
	"time"
)

// Power takes the meter's power away, or gives it back, at a moment of true
// time. Without it the meter is silent, its registers stand still and it keeps
// no records; its clock goes on. When power comes back it counts a power-off
// with its begin and end, and makes up the freezes of the last midnights that
// Quirks.LateFreezes tells, with the midnights' times; of settlements, with
// any LateFreezes, all.
func (m *Meter) Power(off bool, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advanceLocked(at)
	if off == m.books.on {
		m.powerLocked(off)
	}
	m.showLocked(at)
}

func (m *Meter) powerLocked(off bool) {
	h, c := &m.history, m.books.clock(m)
	m.books.on = !off
	m.checkpointLocked()
	if off {
		h.began = c
		return
	}
	h.add(m, 0x03110000, slices.Concat(wireTime(h.began), wireTime(c)))
	s := m.stateLocked()
	if late := m.Quirks.LateFreezes; late > 0 {
		for _, at := range h.missedDays[max(0, len(h.missedDays)-late):] {
			h.freeze(FreezeDaily, s, at)
		}
		for _, at := range h.missedSettlements {
			h.settle(s, at)
		}
	}
	h.missedDays, h.missedSettlements = nil, nil
}

// SetClock sets the meter's clock to a time at a moment of true time, as
// somebody at the meter does: the meter keeps a record of it. A clock that is
// set forward over a boundary freezes at once, with the boundary's time; one
// that is set back keeps no boundary twice, and load records of what it jumped
// over there are none. (That is an inference; what single meters do differs.)
func (m *Meter) SetClock(to, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advanceLocked(at)
	m.setClock(to, at, make([]byte, 4))
	m.showLocked(at)
}

// jumpLocked lets the clock jump to what ClockOffset tells.
func (m *Meter) jumpLocked() {
	before := m.books.clock(m)
	m.books.shift = m.ClockOffset
	m.checkpointLocked()
	after := m.books.clock(m)
	if !after.After(before) {
		return
	}
	p := m.parametersLocked()
	var hour, midnight, settlement time.Time
	if after.Sub(before) > time.Duration(longestWalk)*time.Millisecond {
		before = after.Add(-time.Duration(longestWalk) * time.Millisecond)
	}
	step := time.Duration(p.step) * time.Minute
	c := before.Truncate(time.Hour).Add(-time.Hour)
	for c = c.Add(step); !c.After(after); c = c.Add(step) {
		if !c.After(before) {
			continue
		}
		if p.hourly > 0 && (c.Hour()*60+c.Minute())%p.hourly == 0 {
			hour = c
		}
		if c.Hour() == 0 && c.Minute() == 0 {
			midnight = c
		}
		if p.settles(c) {
			settlement = c
		}
	}
	h := &m.history
	if !m.books.on {
		if !midnight.IsZero() {
			h.missedDays = append(h.missedDays, midnight)
		}
		if !settlement.IsZero() {
			h.missedSettlements = append(h.missedSettlements, settlement)
		}
		return
	}
	s := m.stateLocked()
	if !hour.IsZero() {
		h.freeze(FreezeHourly, s, hour)
	}
	if !midnight.IsZero() {
		h.freeze(FreezeDaily, s, midnight)
	}
	if !settlement.IsZero() {
		h.settle(s, settlement)
	}
}

// cover is a cover that stands open.
type cover struct {
	began  time.Time
	before []byte
}

// Cover opens the meter's cover, or closes it, at a moment of true time. The
// record of it, with the registers before and after, is there when the cover
// is closed.
func (m *Meter) Cover(open bool, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advanceLocked(at)
	h, c := &m.history, m.clock(at)
	switch {
	case open && h.cover == nil:
		h.cover = &cover{c, m.countersLocked()}
	case !open && h.cover != nil:
		h.add(m, 0x03300D00, slices.Concat(wireTime(h.cover.began), wireTime(c), h.cover.before, m.countersLocked()))
		h.cover = nil
	}
}

// countersLocked gives the registers that event records hold: forward,
// reverse, and the quadrants.
func (m *Meter) countersLocked() []byte {
	s := m.stateLocked()
	var b []byte
	for _, code := range []uint32{0x00010000, 0x00020000, 0x00050000, 0x00060000, 0x00070000, 0x00080000} {
		b = s.must(b, code)
	}
	return b
}

// shiftLocked lets a record come in before the answer, if the meter is made to
// do so, so that all older ones get another number. It has the time of now.
func (m *Meter) shiftLocked(code uint32, now time.Time) {
	if code&0xFF == 0 || m.Quirks.Shift == nil || !m.Quirks.Shift(code) {
		return
	}
	h, c := &m.history, m.clock(now)
	switch {
	case code>>24 <= 0x01:
		h.settle(m.stateLocked(), c)
	case code>>24 == 0x05:
		h.freeze(byte(code>>16), m.stateLocked(), c.Truncate(time.Minute))
	case code&^0xFF == 0x03110000:
		h.add(m, code&^0xFF, slices.Concat(wireTime(c), wireTime(c)))
	case code&^0xFF == 0x03300D00:
		h.add(m, code&^0xFF, slices.Concat(wireTime(c), wireTime(c), m.countersLocked(), m.countersLocked()))
	}
}
