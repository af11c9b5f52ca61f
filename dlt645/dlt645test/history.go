package dlt645test

import (
	"slices"
	"time"

	"meterd/dlt645"
)

// Kinds of freeze: DI2 of their identifiers.
const (
	FreezeTimed   = 0x00
	FreezeInstant = 0x01
	FreezeHourly  = 0x04
	FreezeDaily   = 0x06
)

// How many records and freezes a meter keeps of each kind. They are general
// knowledge.
const (
	eventDepth      = 10
	settlementDepth = 12
)

var freezeDepth = map[byte]int{FreezeTimed: 60, FreezeInstant: 3, FreezeHourly: 254, FreezeDaily: 62}

// history is what a meter remembers: events, what it froze, settlements and
// load records.
type history struct {
	events  map[uint32][][]byte // by identifier with DI0 = 00, the last one first
	frozen  map[byte][]frozen   // by kind, the last one at the end
	newest  map[byte]time.Time  // by kind, the latest time of all freezes
	every   []byte              // mm hh DD MM of 16H
	settled []frozen            // the last one at the end
	demand  [2][5]peak          // since the last settlement or reset: forward, reverse
	load    []loadRecord        // the last one at the end
	loadTo  time.Time           // the latest time of all load records

	missedDays, missedSettlements []time.Time // without power
	began                         time.Time   // by the clock: of the time without power
	cover                         *cover
	counts                        map[uint32]int64     // of the events kept, as events
	minutes                       map[phaseEvent]int64 // that the phases' events lasted
	lasting                       map[phaseEvent]since
}

// frozen is one freeze: the time, and what the meter held.
type frozen struct {
	at time.Time
	state
}

// peak is a maximum demand in tenths of a watt, and when it was.
type peak struct {
	power int64
	at    time.Time
}

// keep appends to a list of that depth. Older ones go at times.
func keep[T any](list []T, v T, depth int) []T {
	if len(list) >= depth+depth/4+1 {
		list = append(list[:0:0], list[len(list)-depth+1:]...)
	}
	return append(list, v)
}

// newest gives the n-th of a list from its end, counted from 1.
func newest[T any](list []T, n, depth int) (v T, ok bool) {
	if n < 1 || n > min(len(list), depth) {
		return v, false
	}
	return list[len(list)-n], true
}

// peak takes note of a power that was demanded in a tariff's time.
func (h *history) peak(way, tariff int, power int64, at time.Time) {
	for _, t := range [2]int{0, 1 + tariff} {
		if power > h.demand[way][t].power {
			h.demand[way][t] = peak{power, at}
		}
	}
}

// add keeps an event record and counts it.
func (h *history) add(m *Meter, code uint32, record []byte) {
	h.keepEvent(code, record)
	count := countOf(code)
	n, _ := dlt645.NumberValue(m.values[count], 0, false).Dec.Scaled(0)
	m.put(count, (n+1)%1000000, 3, false)
}

func (h *history) keepEvent(code uint32, record []byte) {
	if h.events == nil {
		h.events, h.counts = map[uint32][][]byte{}, map[uint32]int64{}
	}
	h.counts[code]++
	h.events[code] = append([][]byte{record}, h.events[code]...)
	if len(h.events[code]) > eventDepth {
		h.events[code] = h.events[code][:eventDepth]
	}
}

// countOf gives the identifier that counts the events of another. Trips and
// closings count elsewhere.
func countOf(code uint32) uint32 {
	if code>>24 >= 0x1D {
		return code&^0xFFFF | 1
	}
	return code
}

// clear forgets the events that an identifier of 1BH names.
func (h *history) clear(m *Meter, code uint32) {
	for c := range h.events {
		if code != 0xFFFFFFFF && code>>8 != c>>8 {
			continue
		}
		delete(h.events, c)
		if c>>24 == 0x03 && c>>8&0xFF != 0 && c>>16 < 0x0310 {
			delete(h.counts, c)
			delete(h.minutes, phaseEvent{c >> 16, int(c >> 8 & 0xFF)})
			m.countPhasesLocked(c >> 16)
			continue
		}
		m.put(countOf(c), 0, 3, false)
	}
}

// timed reports whether a moment of the clock is one that 16H asked for.
func (h *history) timed(c time.Time) bool {
	if h.every == nil {
		return false
	}
	for i, b := range []byte{bcd(c.Minute()), bcd(c.Hour()), bcd(c.Day()), bcd(int(c.Month()))} {
		if h.every[i] != 0x99 && h.every[i] != b {
			return false
		}
	}
	return true
}

// freeze keeps a state under a time of the clock. A boundary that the meter
// has, because its clock was set back over it, is not kept twice.
func (h *history) freeze(kind byte, s state, at time.Time) {
	if h.frozen == nil {
		h.frozen, h.newest = map[byte][]frozen{}, map[byte]time.Time{}
	}
	list := h.frozen[kind]
	if at.After(h.newest[kind]) {
		h.newest[kind] = at
	} else if kind != FreezeInstant && slices.ContainsFunc(list, func(f frozen) bool { return f.at.Equal(at) }) {
		return
	}
	h.frozen[kind] = keep(list, frozen{at, s}, freezeDepth[kind])
}

// settle keeps a settlement and begins the next period: maximum demands start
// again, which is general knowledge.
func (h *history) settle(s state, at time.Time) {
	if slices.ContainsFunc(h.settled, func(f frozen) bool { return f.at.Equal(at) }) {
		return
	}
	h.settled = keep(h.settled, frozen{at, s}, settlementDepth)
	h.demand = [2][5]peak{}
}

// value gives the data of a settlement, an event record or a freeze.
func (h *history) value(code uint32) ([]byte, bool) {
	n := int(code & 0xFF)
	if n == 0 {
		return nil, false
	}
	if code>>24 <= 0x01 {
		f, ok := newest(h.settled, n, settlementDepth)
		if !ok {
			return nil, false
		}
		return f.append(nil, code&^0xFF)
	}
	if code>>24 != 0x05 {
		records := h.events[code&^0xFF]
		if n > len(records) {
			return nil, false
		}
		return records[n-1], true
	}
	kind := byte(code >> 16)
	f, ok := newest(h.frozen[kind], n, freezeDepth[kind])
	if !ok {
		return nil, false
	}
	return f.item(kind, byte(code>>8))
}

// item gives an item of a freeze by DI1: the time, registers and demands with
// their tariffs, powers, or all of them. AA stands after each item of a block,
// but in the hourly one, which holds two registers without tariffs.
func (f *frozen) item(kind, item byte) ([]byte, bool) {
	var b []byte
	tariffs := uint32(5)
	items := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0A, 0x10}
	if kind == FreezeHourly {
		tariffs, items = 1, items[:3]
	}
	first := uint32(item) << 16
	switch {
	case item == 0xFF:
		for _, i := range items {
			one, _ := f.item(kind, i)
			if b = append(b, one...); kind != FreezeHourly {
				b = append(b, 0xAA)
			}
		}
		return b, true
	case !slices.Contains(items, item):
		return nil, false
	case item == 0:
		return wireTime(f.at)[1:], true
	case item == 0x10:
		for _, code := range []uint32{0x02030000, 0x02030100, 0x02030200, 0x02030300, 0x02040000, 0x02040100, 0x02040200, 0x02040300} {
			b = f.must(b, code)
		}
		return b, true
	case item >= 9:
		first = 0x01000000 | uint32(item-8)<<16
	}
	for t := range tariffs {
		b = f.must(b, first|t<<8)
	}
	return b, true
}

// unmade is what a meter gives that fills what it does not have: a record as
// wide as one that it has.
func unmade(code uint32, fill byte) ([]byte, bool) {
	n := dlt645.AnswerWidth(dlt645.DI{Code: code})
	if code>>24 == 0x05 {
		one, ok := (&frozen{}).item(byte(code>>16), byte(code>>8))
		if !ok || freezeDepth[byte(code>>16)] == 0 {
			return nil, false
		}
		n = len(one)
	}
	past := code&0xFF != 0 && (code>>24 <= 0x01 && code>>8&0xFF <= 4 || code>>24 == 0x03 || code>>24 == 0x05)
	return slices.Repeat([]byte{fill}, n), past && n > 0
}

// Times gives the times of the freezes of one kind that the meter has, the
// last one first, by its clock.
func (m *Meter) Times(kind byte) []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return timesOf(m.history.frozen[kind], freezeDepth[kind])
}

func timesOf(list []frozen, depth int) (times []time.Time) {
	for n := 1; ; n++ {
		f, ok := newest(list, n, depth)
		if !ok {
			return times
		}
		times = append(times, f.at)
	}
}

// Settlements gives the times of the settlements that the meter has, as Times
// does.
func (m *Meter) Settlements() []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return timesOf(m.history.settled, settlementDepth)
}

// Settled gives the register of an identifier of the present energies
// (00kktt00) in the settlement whose time is at, as Frozen does.
func (m *Meter) Settled(at time.Time, code uint32) (dlt645.Decimal, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return registerIn(m.history.settled, settlementDepth, at, code)
}

// Frozen gives the register of an identifier of the present energies
// (00kktt00) in the freeze whose time is at by the meter's clock, as the books
// have it, whatever Set made of it; false if the meter has none of it.
func (m *Meter) Frozen(kind byte, at time.Time, code uint32) (dlt645.Decimal, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return registerIn(m.history.frozen[kind], freezeDepth[kind], at, code)
}

func registerIn(list []frozen, depth int, at time.Time, code uint32) (dlt645.Decimal, bool) {
	for n := 1; ; n++ {
		f, ok := newest(list, n, depth)
		if !ok {
			return dlt645.Decimal{}, false
		}
		if f.at.Equal(at) {
			count, _, ok := f.energy.energy(code)
			return dlt645.Decimal{Coef: count, Scale: 2}, ok
		}
	}
}
