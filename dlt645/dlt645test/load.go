package dlt645test

import (
	"math/rand/v2"
	"time"

	"meterd/dlt645"
)

// load makes a meter's values move: voltages and currents wander.
type load struct {
	phases int
	rng    *rand.Rand
	volt   [3]int64 // 0.1 V
	amp    [3]int64 // mA
	factor [3]int64 // 0.001
	start  [5]int64 // of the forward registers: total and four tariffs
}

func newLoad(a dlt645.Address, phases int) *load {
	var seed uint64
	for _, b := range a {
		seed = seed<<8 | uint64(b)
	}
	l := &load{phases: phases, rng: rand.New(rand.NewPCG(seed, 645))}
	for p := range l.volt {
		l.volt[p] = 2180 + l.rng.Int64N(50)
		l.amp[p] = 500 + l.rng.Int64N(8000)
		l.factor[p] = 900 + l.rng.Int64N(99)
	}
	for t := range 4 {
		l.start[t+1] = (1000 + l.rng.Int64N(15000)) * 100 * unitsPerCount
		l.start[0] += l.start[t+1]
	}
	return l
}

// fixed sets what does not move.
func (m *Meter) fixed() {
	number := wireAddress(m.Address)
	m.values[0x04000401] = number
	m.values[0x04000402] = number
	m.values[0x04000404] = ascii("220.0V", 6)
	m.values[0x04000405] = ascii("5.0A", 6)
	m.values[0x04000406] = ascii("60A", 6)
	m.values[0x04000409] = []byte{0x00, 0x12, 0x00}
	m.values[0x04800001] = ascii("SIM 1.0", 32)
	for w := range uint32(7) {
		m.values[0x04000501+w] = []byte{0, 0}
	}
	m.put(0x02800002, 4998+m.load.rng.Int64N(5), 2, false)
	m.put(0x02800007, 250+m.load.rng.Int64N(50), 2, true)
	m.put(0x03110000, 3, 3, false)
	m.put(0x03300D00, 1, 3, false)
	for _, code := range []uint32{0x03300000, 0x03300100, 0x03300200, 0x03300300, 0x03300400, 0x03300E00, 0x1D000001, 0x1E000001} {
		m.put(code, 0, 3, false)
	}
	m.values[0x04000103] = []byte{0x15}
	m.values[0x04000204] = []byte{0x04}
	m.fixedParameters()
}

// ascii gives text in the order of the wire: last character first, padded
// with 00 on its high side.
func ascii(s string, width int) []byte {
	b := make([]byte, width)
	for i := range s {
		b[len(s)-1-i] = s[i]
	}
	return b
}

// put gives an identifier a number, unless a test has set it.
func (m *Meter) put(code uint32, n int64, width int, signed bool) {
	if _, pinned := m.pins[code]; pinned {
		return
	}
	b, err := dlt645.AppendNumber(nil, n, width, signed)
	if err != nil {
		panic(err) // a mistake of the simulator
	}
	m.values[code] = b
}

// wander moves the measured values on by a step.
func (l *load) wander() {
	for p := range l.phases {
		l.volt[p] = wander(l.rng, l.volt[p], 2120, 2390, 4)
		l.amp[p] = wander(l.rng, l.amp[p], 100, 60000, 80)
	}
}

func wander(rng *rand.Rand, v, low, high, step int64) int64 {
	return max(low, min(high, v+rng.Int64N(2*step+1)-step))
}

// variables gives what is measured where voltages and currents wander.
func (l *load) variables() variables {
	v := variables{phases: l.phases, volt: l.volt, amp: l.amp}
	for p := range l.phases {
		va := l.volt[p] * l.amp[p] / 1000
		w := va * l.factor[p] / 1000
		v.set(p, w, (va-w)/2, va)
		v.factor[p+1] = l.factor[p]
	}
	v.total()
	return v
}

// consumed gives what is measured while a power is taken: the phases share it,
// and their voltages step with the quarter-hour.
func (l *load) consumed(p Power, ms int64) variables {
	v := variables{phases: l.phases}
	quarter := floor(ms, quarterMs) / quarterMs
	for i := range l.phases {
		w, q := p.Active/int64(l.phases), p.Reactive/int64(l.phases)
		if i == 0 {
			w, q = p.Active-w*int64(l.phases-1), p.Reactive-q*int64(l.phases-1)
		}
		va := root(w*w + q*q)
		v.volt[i] = l.volt[i] + floorMod(quarter*7+int64(i)*3, 21) - 10
		v.amp[i] = min(va*1000/v.volt[i], most)
		v.set(i, w, q, va)
		if va > 0 {
			v.factor[i+1] = w * 1000 / va
		}
	}
	v.total()
	return v
}

func floorMod(n, by int64) int64 { return n - floor(n, by) }

// root is the whole part of a square root.
func root(n int64) int64 {
	low, high := int64(0), int64(3_000_000_000)
	for low < high {
		if mid := (low + high + 1) / 2; mid*mid <= n {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low
}

func (v *variables) set(phase int, w, q, va int64) {
	for i, n := range [3]int64{w, q, va} {
		v.power[i][phase+1] = n
		v.power[i][0] += n
	}
}

func (v *variables) total() {
	if v.power[2][0] > 0 {
		v.factor[0] = v.power[0][0] * 1000 / v.power[2][0]
	}
}

// stateLocked is what the meter shows at the moment that the books are at.
func (m *Meter) stateLocked() state {
	s := state{energy: m.books.energy, demand: m.history.demand, pins: m.pins}
	if m.Consume == nil {
		s.vars = m.load.variables()
	} else {
		s.vars = m.load.consumed(m.books.tenths(m, m.books.ms), m.books.ms)
	}
	s.vars.hertz = m.values[0x02800002]
	return s
}

// showLocked lets the meter show what it measures and counts now.
func (m *Meter) showLocked(now time.Time) {
	m.shown, m.shownAt = m.stateLocked(), m.clock(now)
}

// shownLocked gives what an identifier of the load or of the clock shows.
func (m *Meter) shownLocked(code uint32) ([]byte, bool) {
	t := m.shownAt
	switch code {
	case 0x0400010C:
		return []byte{bcd(t.Second()), bcd(t.Minute()), bcd(t.Hour()), bcd(int(t.Weekday())), bcd(t.Day()), bcd(int(t.Month())), bcd(t.Year() % 100)}, true
	case 0x04000101:
		return []byte{bcd(int(t.Weekday())), bcd(t.Day()), bcd(int(t.Month())), bcd(t.Year() % 100)}, true
	case 0x04000102:
		return []byte{bcd(t.Second()), bcd(t.Minute()), bcd(t.Hour())}, true
	}
	return m.shown.append(nil, code)
}
