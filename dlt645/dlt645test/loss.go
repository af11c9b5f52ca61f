package dlt645test

import (
	"slices"
	"time"

	"meterd/dlt645"
)

// An event of one phase has its family (0301: loss of voltage, 0302:
// under-voltage, 0303: over-voltage, 0304: phase loss, 030B: loss of current,
// 030C: over-current, 030D: broken current, 030E: reverse flow, 030F: overload),
// counts and minutes by phase, and records of what was counted meanwhile.
type phaseEvent struct {
	family uint32
	phase  int
}

// since is when a phase's event began, by the clock, and the state then.
type since struct {
	at time.Time
	state
}

// PhaseEvent begins an event of a family (0x0301 .. 0x0304, 0x030B .. 0x030F)
// on a phase (1 to 3), or ends it, at a moment of true time. Its record is there
// when it has ended. The counters know no phases: each phase's increments are
// its share of the total. What is measured stays as it is.
func (m *Meter) PhaseEvent(family uint32, phase int, on bool, at time.Time) {
	if phase < 1 || phase > 3 || family < 0x0301 || family > 0x030F || family > 0x0304 && family < 0x030B {
		panic("no event of a phase") // a mistake of the test
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advanceLocked(at)
	h, e := &m.history, phaseEvent{family, phase}
	if h.minutes == nil {
		h.minutes, h.lasting = map[phaseEvent]int64{}, map[phaseEvent]since{}
	}
	began, lasts := h.lasting[e]
	switch {
	case on && !lasts:
		h.lasting[e] = since{m.clock(at), m.stateLocked()}
	case !on && lasts:
		delete(h.lasting, e)
		h.minutes[e] += int64(m.clock(at).Sub(began.at) / time.Minute)
		h.keepEvent(family<<16|uint32(phase)<<8, m.phaseRecordLocked(e, began, m.clock(at)))
		m.countPhasesLocked(family)
	}
}

// countPhasesLocked shows how many events of a family each phase had, and
// their minutes.
func (m *Meter) countPhasesLocked(family uint32) {
	var b []byte
	for phase := range 3 {
		for _, n := range [2]int64{m.history.counts[family<<16|uint32(phase+1)<<8], m.history.minutes[phaseEvent{family, phase + 1}]} {
			b, _ = dlt645.AppendNumber(b, n%1000000, 3, false)
		}
	}
	if _, pinned := m.pins[family<<16]; !pinned {
		m.values[family<<16] = b
	}
}

// phaseRecordLocked gives the record: begin, end, the energies counted
// meanwhile (forward, reverse, combined reactive 1 and 2) in total and by
// phase, with what the phase had at the begin, and for voltages ampere-hours,
// which the meter does not count.
func (m *Meter) phaseRecordLocked(e phaseEvent, began since, end time.Time) []byte {
	b := slices.Concat(wireTime(began.at), wireTime(end))
	now := m.stateLocked()
	increments := func(share int64) {
		for kind := uint32(1); kind <= 4; kind++ {
			before, _, _ := began.energy.energy(kind << 16)
			after, signed, _ := now.energy.energy(kind << 16)
			around := int64(turnover)
			if signed {
				around = signedAround
			}
			b, _ = dlt645.AppendNumber(b, floorMod(after-before, around)/share, 4, signed)
		}
	}
	increments(1)
	for phase := range uint32(3) {
		increments(int64(now.vars.phases))
		if e.family > 0x030D {
			continue
		}
		for _, code := range []uint32{0x02010100, 0x02020100, 0x02030100, 0x02040100, 0x02060100} {
			b = began.must(b, code+phase<<8)
		}
	}
	if e.family <= 0x0304 {
		b = append(b, make([]byte, 16)...)
	}
	return b
}
