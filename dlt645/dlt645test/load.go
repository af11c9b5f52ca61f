package dlt645test

import (
	"math/rand/v2"
	"time"

	"meterd/dlt645"
)

// load makes a meter's values move: voltages and currents wander, energies
// grow with the power.
type load struct {
	phases int
	rng    *rand.Rand
	pinned map[uint32]bool // set by a test
	last   time.Time
	volt   [3]int64 // 0.1 V
	amp    [3]int64 // mA
	factor [3]int64 // 0.001
	energy [5]int64 // forward total and four tariffs, in mWh

	demand   int64 // the highest power, W × 10
	demandAt time.Time
}

func newLoad(a dlt645.Address, phases int) *load {
	var seed uint64
	for _, b := range a {
		seed = seed<<8 | uint64(b)
	}
	l := &load{phases: phases, rng: rand.New(rand.NewPCG(seed, 645)), pinned: map[uint32]bool{}}
	for p := range l.volt {
		l.volt[p] = 2180 + l.rng.Int64N(50)
		l.amp[p] = 500 + l.rng.Int64N(8000)
		l.factor[p] = 900 + l.rng.Int64N(99)
	}
	for t := range 4 {
		l.energy[t+1] = (1000 + l.rng.Int64N(15000)) * 1000000
		l.energy[0] += l.energy[t+1]
	}
	return l
}

// fixed sets what does not move.
func (l *load) fixed(m *Meter) {
	var number []byte
	for i := range m.Address {
		number = append(number, m.Address[5-i])
	}
	m.values[0x04000401] = number
	m.values[0x04000402] = number
	m.values[0x04000404] = ascii("220.0V", 6)
	m.values[0x04000405] = ascii("5.0A", 6)
	m.values[0x04000409] = []byte{0x00, 0x12, 0x00}
	m.values[0x04800001] = ascii("SIM 1.0", 32)
	for w := range uint32(7) {
		m.values[0x04000501+w] = []byte{0, 0}
	}
	for t := range uint32(5) {
		m.values[0x00020000+t<<8] = []byte{0, 0, 0, 0}
	}
	l.put(m, 0x02800002, 4998+l.rng.Int64N(5), 2, false)
	l.put(m, 0x02800007, 250+l.rng.Int64N(50), 2, true)
	l.put(m, 0x03110000, 3, 3, false)
	l.put(m, 0x03300D00, 1, 3, false)
	for _, code := range []uint32{0x00030000, 0x00040000, 0x00050000, 0x00060000, 0x00070000, 0x00080000} {
		for t := range uint32(5) {
			l.put(m, code+t<<8, 0, 4, false)
		}
	}
	for t := range uint32(5) {
		l.put(m, 0x00010001+t<<8, l.energy[t]/10000, 4, false)
	}
	for _, code := range []uint32{0x03300000, 0x03300100, 0x03300200, 0x03300300, 0x03300400, 0x03300E00, 0x1D000001, 0x1E000001} {
		l.put(m, code, 0, 3, false)
	}
	m.values[0x04000103] = []byte{0x15}
	m.values[0x04000204] = []byte{0x04}
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

func (l *load) put(m *Meter, code uint32, n int64, width int, signed bool) {
	if l.pinned[code] {
		return
	}
	b, err := dlt645.AppendNumber(nil, n, width, signed)
	if err != nil {
		panic(err) // a mistake of the simulator
	}
	m.values[code] = b
}

// advance moves the values on to now.
func (l *load) advance(m *Meter, now time.Time) {
	elapsed := time.Duration(0)
	if !l.last.IsZero() && now.After(l.last) {
		elapsed = min(now.Sub(l.last), time.Hour)
	}
	l.last = now
	var total [3]int64 // W × 10, var × 10, VA × 10
	var perPhase [3][3]int64
	for p := range l.phases {
		l.volt[p] = wander(l.rng, l.volt[p], 2120, 2390, 4)
		l.amp[p] = wander(l.rng, l.amp[p], 100, 60000, 80)
		va := l.volt[p] * l.amp[p] / 1000
		w := va * l.factor[p] / 1000
		perPhase[p] = [3]int64{w, (va - w) / 2, va}
		for i := range total {
			total[i] += perPhase[p][i]
		}
		phase := uint32(p+1) << 8
		l.put(m, 0x02010000|phase, l.volt[p], 2, false)
		l.put(m, 0x02020000|phase, l.amp[p], 3, true)
		l.put(m, 0x02060000|phase, l.factor[p], 2, true)
	}
	for i, kind := range []uint32{0x02030000, 0x02040000, 0x02050000} {
		l.put(m, kind, total[i], 3, true)
		for p := range l.phases {
			l.put(m, kind|uint32(p+1)<<8, perPhase[p][i], 3, true)
		}
	}
	if total[2] > 0 {
		l.put(m, 0x02060000, total[0]*1000/total[2], 2, true)
	}
	l.grow(m, total[0], elapsed, now)
	if total[0] > l.demand {
		l.demand, l.demandAt = total[0], m.clock(now)
	}
	l.putDemand(m)
	l.put(m, 0x02800004, total[0], 3, true)
	l.put(m, 0x02800005, total[1], 3, true)
	l.clock(m, m.clock(now))
}

func wander(rng *rand.Rand, v, low, high, step int64) int64 {
	return max(low, min(high, v+rng.Int64N(2*step+1)-step))
}

// grow adds the energy of elapsed at a power of tenths of a watt, to the
// total and to the tariff of the hour.
func (l *load) grow(m *Meter, power int64, elapsed time.Duration, now time.Time) {
	mWh := power * 100 * elapsed.Milliseconds() / 3600000
	l.energy[0] += mWh
	l.energy[1+now.Hour()/6] += mWh
	for t, e := range l.energy {
		l.put(m, 0x00010000|uint32(t)<<8, e/10000, 4, false)
		l.put(m, 0x00000000|uint32(t)<<8, e/10000, 4, true)
	}
}

// putDemand shows the highest power and its time; zeros before there is one.
func (l *load) putDemand(m *Meter) {
	l.put(m, 0x01010000, l.demand, 3, false)
	at := make([]byte, 5)
	if !l.demandAt.IsZero() {
		at = wireTime(l.demandAt)[1:]
	}
	if !l.pinned[0x01010000] {
		m.values[0x01010000] = append(m.values[0x01010000], at...)
	}
}

func (l *load) clock(m *Meter, t time.Time) {
	if !l.pinned[0x0400010C] {
		m.values[0x0400010C] = []byte{bcd(t.Second()), bcd(t.Minute()), bcd(t.Hour()), bcd(int(t.Weekday())), bcd(t.Day()), bcd(int(t.Month())), bcd(t.Year() % 100)}
	}
	if !l.pinned[0x04000101] {
		m.values[0x04000101] = []byte{bcd(int(t.Weekday())), bcd(t.Day()), bcd(int(t.Month())), bcd(t.Year() % 100)}
	}
	if !l.pinned[0x04000102] {
		m.values[0x04000102] = []byte{bcd(t.Second()), bcd(t.Minute()), bcd(t.Hour())}
	}
}
