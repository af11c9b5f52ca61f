package dlt645test

import "meterd/dlt645"

// state is what a meter shows of its load at one moment.
type state struct {
	energy registers
	demand [2][5]peak
	vars   variables
	pins   map[uint32][]byte // what a test had set by then; never written to
}

// variables are what is measured.
type variables struct {
	phases int
	volt   [3]int64    // 0.1 V
	amp    [3]int64    // mA
	factor [4]int64    // 0.001: total, phases
	power  [3][4]int64 // W × 10, var × 10, VA × 10: total, phases
	hertz  []byte
}

func (v *variables) rate() Power { return Power{v.power[0][0], v.power[1][0]} }

// most is the highest power of three bytes of BCD with a sign.
const most = 799999

// number gives what an identifier's value is, and how wide it goes.
func (s *state) number(code uint32) (n int64, width int, signed, ok bool) {
	if n, signed, ok := s.energy.energy(code); ok {
		return n, 4, signed, true
	}
	total, d1 := code>>16, int(code>>8&0xFF)
	if code&0xFF != 0 && total != 0x0280 {
		return 0, 0, false, false
	}
	phase := d1 >= 1 && d1 <= s.vars.phases
	switch total {
	case 0x0201:
		if phase {
			return s.vars.volt[d1-1], 2, false, true
		}
	case 0x0202:
		if phase {
			return s.vars.amp[d1-1], 3, true, true
		}
	case 0x0203, 0x0204, 0x0205:
		if phase || d1 == 0 {
			return max(-most, min(most, s.vars.power[total-0x0203][d1])), 3, true, true
		}
	case 0x0206:
		if phase || d1 == 0 {
			return s.vars.factor[d1], 2, true, true
		}
	case 0x0280:
		if n := code & 0xFFFF; n == 4 || n == 5 {
			return max(-most, min(most, s.vars.power[n-4][0])), 3, true, true
		}
	}
	return 0, 0, false, false
}

// append appends what the value of an identifier goes as: of the energies,
// demands and variables.
func (s *state) append(b []byte, code uint32) ([]byte, bool) {
	if v, pinned := s.pins[code]; pinned {
		return append(b, v...), v != nil
	}
	if code == 0x02800002 {
		return append(b, s.vars.hertz...), s.vars.hertz != nil
	}
	if kind := code >> 16; (kind == 0x0101 || kind == 0x0102) && code&0xFF == 0 && code>>8&0xFF <= 4 {
		p := s.demand[kind-0x0101][code>>8&0xFF]
		b, _ = dlt645.AppendNumber(b, min(p.power, 999999), 3, false)
		if p.at.IsZero() {
			return append(b, 0, 0, 0, 0, 0), true
		}
		return append(b, wireTime(p.at)[1:]...), true
	}
	n, width, signed, ok := s.number(code)
	if !ok {
		return b, false
	}
	b, err := dlt645.AppendNumber(b, n, width, signed)
	if err != nil {
		panic(err) // a mistake of the simulator
	}
	return b, true
}

// must does what append does, with FF as wide as usual for what the meter
// lacks.
func (s *state) must(b []byte, code uint32) []byte {
	if b, ok := s.append(b, code); ok {
		return b
	}
	return append(b, absent(dlt645.AnswerWidth(dlt645.DI{Code: code}))...)
}
