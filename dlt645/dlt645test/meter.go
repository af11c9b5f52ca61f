// Package dlt645test is a simulated meter, and the simulated line that it
// hangs on. It is as strict as a meter is: what is not a good frame for it,
// it passes over in silence. Its faults are those that lines and meters in
// the field show, and can be switched on one by one.
package dlt645test

import (
	"sync"
	"time"

	"meterd/dlt645"
)

// Meter is a simulated meter of the 2007 edition. Its methods may be called
// from several goroutines.
type Meter struct {
	Address dlt645.Address
	Delay   time.Duration // from the request's last byte to the answer's first (Td); zero: 20 ms
	// Preamble is the number of FE bytes before an answer.
	Preamble int
	// NoBlock refuses identifiers that ask for a block, as some meters do.
	NoBlock bool
	// Buffer is the most bytes of values in one answer; longer ones need
	// follow-up frames. Zero: 190.
	Buffer int
	// ClockOffset is how far the meter's clock is ahead.
	ClockOffset time.Duration

	mu     sync.Mutex
	values map[uint32][]byte // by identifier, in the order of the wire; guarded by mu
	load   *load             // guarded by mu
	rest   map[uint32][]byte // what follow-up frames have yet to send; guarded by mu
	seq    byte              // of the last follow-up frame; guarded by mu
}

// NewMeter gives a meter with that many phases (1 or 3), whose load varies
// with the time and with its address.
func NewMeter(a dlt645.Address, phases int) *Meter {
	m := &Meter{Address: a, Preamble: 4, values: map[uint32][]byte{}, rest: map[uint32][]byte{}}
	m.load = newLoad(a, phases)
	m.load.fixed(m)
	return m
}

// Set gives an identifier a value, in the order of the wire and without the
// offset. The load no longer changes it. Nil takes the identifier away.
func (m *Meter) Set(code uint32, value []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.load.pinned[code] = true
	if value == nil {
		delete(m.values, code)
		return
	}
	m.values[code] = value
}

// SetNumber gives an identifier a number of the table's width.
func (m *Meter) SetNumber(code uint32, n int64, width int, signed bool) {
	b, err := dlt645.AppendNumber(nil, n, width, signed)
	if err != nil {
		panic(err) // a mistake of the test
	}
	m.Set(code, b)
}

// Answer gives the meter's answer to a request that was complete at now;
// false if it stays silent.
func (m *Meter) Answer(req dlt645.Frame, now time.Time) (dlt645.Frame, bool) {
	if req.Control.Response() || !req.Address.Accepts(m.Address) || req.Address == dlt645.BroadcastAddress {
		return dlt645.Frame{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.load.advance(m, now)
	ans := dlt645.Frame{Address: m.Address, Control: req.Control | 0x80}
	switch req.Control.Function() {
	case dlt645.FuncRead:
		return m.readLocked(req, ans)
	case dlt645.FuncReadMore:
		return m.readMoreLocked(req, ans)
	case dlt645.FuncReadAddress:
		if len(req.Data) != 0 || req.Address != dlt645.AnyAddress {
			return ans, false
		}
		for i := range m.Address {
			ans.Data = append(ans.Data, m.Address[5-i])
		}
		return ans, true
	}
	return ans, false
}

func refuse(ans dlt645.Frame, err byte) (dlt645.Frame, bool) {
	ans.Control |= 0x40
	ans.Data = []byte{err}
	return ans, true
}

// errNoData is ERR bit 1, no requested data.
const errNoData = 0x02

func (m *Meter) readLocked(req, ans dlt645.Frame) (dlt645.Frame, bool) {
	di, ok := req.DI()
	if !ok || len(req.Data) != 4 {
		return refuse(ans, errNoData)
	}
	value, ok := m.valueLocked(di)
	if !ok {
		return refuse(ans, errNoData)
	}
	most := m.buffer()
	ans.Data, _ = di.AppendBinary(nil)
	if len(value) > most {
		ans.Control |= 0x20
		m.rest[di.Code], m.seq = value[most:], 0
		value = value[:most]
	}
	ans.Data = append(ans.Data, value...)
	return ans, true
}

// buffer is how many bytes of values one answer holds: a read answer has 200
// at most, identifier and SEQ included.
func (m *Meter) buffer() int {
	if m.Buffer == 0 {
		return 190
	}
	return m.Buffer
}

func (m *Meter) readMoreLocked(req, ans dlt645.Frame) (dlt645.Frame, bool) {
	di, ok := req.DI()
	seq, ok2 := req.SEQ()
	rest := m.rest[di.Code]
	want := m.seq + 1
	if want == 0 {
		want = 1
	}
	if !ok || !ok2 || len(rest) == 0 || seq != want {
		return refuse(ans, errNoData)
	}
	n := min(len(rest), m.buffer())
	ans.Data, _ = di.AppendBinary(nil)
	ans.Data = append(append(ans.Data, rest[:n]...), seq)
	m.rest[di.Code], m.seq = rest[n:], seq
	if n < len(rest) {
		ans.Control |= 0x20
	}
	return ans, true
}

// valueLocked gives the data of an identifier; those of a block are its
// members one behind the other.
func (m *Meter) valueLocked(di dlt645.DI) ([]byte, bool) {
	if v, ok := m.values[di.Code]; ok {
		return v, true
	}
	members := blockMembers(di.Code)
	if members == nil || m.NoBlock {
		return nil, false
	}
	var all []byte
	width := 0
	for _, c := range members {
		v, ok := m.values[c]
		if !ok && m.load.phases == 1 && width > 0 {
			v, ok = absent(width), true
		}
		width = len(v)
		if !ok {
			break
		}
		all = append(all, v...)
	}
	return all, len(all) > 0
}

// absent fills a member that a single-phase meter lacks with FF, as wide as
// the one before it.
func absent(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 0xFF
	}
	return b
}

// blockMembers lists the identifiers that a block of the 2007 edition holds,
// nil if code is none.
func blockMembers(code uint32) []uint32 {
	var members []uint32
	switch {
	case code&0xFF00FF00 == 0x0000FF00: // energy: total and four tariffs
		for t := range uint32(5) {
			members = append(members, code&^0xFF00|t<<8)
		}
	case code&0xFF00FFFF == 0x0200FF00: // variables: total where there is one, then the phases
		if kind := code >> 16 & 0xFF; kind >= 3 && kind <= 6 {
			members = append(members, code&^0xFF00)
		}
		for p := range uint32(3) {
			members = append(members, code&^0xFF00|(p+1)<<8)
		}
	case code == 0x040005FF:
		for w := range uint32(7) {
			members = append(members, 0x04000501+w)
		}
	}
	return members
}
