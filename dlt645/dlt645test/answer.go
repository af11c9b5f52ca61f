package dlt645test

import (
	"time"

	"meterd/dlt645"
)

// Bits of ERR in both editions.
const (
	errOther    = 0x01 // 1997: illegal data
	errNoData   = 0x02
	errPassword = 0x04
	errBaud     = 0x08
)

// answerLocked gives the answer of the meter's own edition.
func (m *Meter) answerLocked(req dlt645.Frame, now time.Time) (dlt645.Frame, bool) {
	fn := req.Control.Function()
	if fn == dlt645.FuncBroadcastTime {
		m.setTimeLocked(req, now)
		return dlt645.Frame{}, false
	}
	if req.Protocol() != m.Protocol {
		return dlt645.Frame{}, false
	}
	answers := &answers2007
	if m.Protocol == dlt645.V1997 {
		answers = &answers1997
	}
	if answer := answers[fn]; answer != nil {
		return answer(m, req, now)
	}
	return dlt645.Frame{}, false
}

// answers give the answer to a function, which may be none.
type answers [32]func(m *Meter, req dlt645.Frame, now time.Time) (dlt645.Frame, bool)

var answers2007 = answers{
	dlt645.FuncAuthenticate: (*Meter).authenticateLocked,
	dlt645.FuncRead:         (*Meter).readLocked,
	dlt645.FuncReadMore:     (*Meter).readMoreLocked,
	dlt645.FuncReadAddress:  (*Meter).addressLocked,
	dlt645.FuncWrite:        (*Meter).writeLocked,
	dlt645.FuncWriteAddress: (*Meter).readdressLocked,
	dlt645.FuncFreeze:       (*Meter).freezeLocked,
	dlt645.FuncBaud:         (*Meter).baudLocked,
	dlt645.FuncPassword:     (*Meter).passwordLocked,
	dlt645.FuncDemandReset:  (*Meter).demandResetLocked,
	dlt645.FuncMeterClear:   (*Meter).meterClearLocked,
	dlt645.FuncEventClear:   (*Meter).eventClearLocked,
	dlt645.FuncControl:      (*Meter).controlLocked,
	dlt645.FuncOutput:       (*Meter).outputLocked,
}

var answers1997 = answers{
	dlt645.Func97Read:         (*Meter).readLocked,
	dlt645.Func97ReadMore:     (*Meter).readMoreLocked,
	dlt645.Func97Reread:       (*Meter).rereadLocked,
	dlt645.Func97Write:        (*Meter).writeLocked,
	dlt645.Func97WriteAddress: (*Meter).readdressLocked,
	dlt645.Func97Baud:         (*Meter).baudLocked,
	dlt645.Func97Password:     (*Meter).passwordLocked,
	dlt645.Func97DemandReset:  (*Meter).demandResetLocked,
}

// authenticateLocked refuses: identity authentication failed, since there is no
// ESAM.
func (m *Meter) authenticateLocked(req dlt645.Frame, _ time.Time) (dlt645.Frame, bool) {
	return dlt645.RefusalTo(req, m.Address, 0x08, 0x00), true
}

// rereadLocked gives the last answer once more.
func (m *Meter) rereadLocked(req dlt645.Frame, _ time.Time) (dlt645.Frame, bool) {
	again := m.last
	again.Control = again.Control&^0x1F | dlt645.Control(req.Control.Function())
	return again, m.last.Control != 0
}

func (m *Meter) addressLocked(req dlt645.Frame, _ time.Time) (dlt645.Frame, bool) {
	if len(req.Data) != 0 || req.Address != dlt645.AnyAddress {
		return dlt645.Frame{}, false
	}
	return dlt645.AnswerTo(req, m.Address, wireAddress(m.Address), false), true
}

func (m *Meter) outputLocked(req dlt645.Frame, _ time.Time) (dlt645.Frame, bool) {
	if out, ok := req.Field(dlt645.FieldOutput); ok && out[0] <= byte(dlt645.OutputTariff) {
		return dlt645.AnswerTo(req, m.Address, out, false), true
	}
	return dlt645.RefusalTo(req, m.Address, errOther), true
}

func wireAddress(a dlt645.Address) []byte {
	b, _ := a.AppendBinary(nil)
	return b
}

func (m *Meter) refuseData(req dlt645.Frame) (dlt645.Frame, bool) {
	err := []byte{errNoData}
	if m.Quirks.Refusal != nil {
		err = m.Quirks.Refusal
	}
	return dlt645.RefusalTo(req, m.Address, err...), true
}

func (m *Meter) readLocked(req dlt645.Frame, now time.Time) (dlt645.Frame, bool) {
	di, ok := req.DI()
	if _, fits := req.Parts(nil); !ok || !fits {
		return m.refuseData(req)
	}
	if m.Quirks.SilentToBlocks && isBlock(di) {
		return dlt645.Frame{}, false
	}
	var value []byte
	m.shiftLocked(di.Code, now)
	if n, counted := req.Field(dlt645.FieldCount); counted {
		value, ok = m.loadRecords(di, n[0], req)
	} else if _, other := req.Field(dlt645.FieldValue); other {
		ok = false
	} else {
		value, ok = m.valueLocked(di)
	}
	if !ok || m.Quirks.Lacks != nil && m.Quirks.Lacks(di.Code) {
		return m.refuseData(req)
	}
	m.rest = nil
	if most := m.buffer(); len(value) > most {
		m.rest, m.restOf, m.seq = value[most:], di, 0
		return dlt645.AnswerTo(req, m.Address, value[:most], true), true
	}
	if m.Quirks.Endless {
		m.rest, m.restOf, m.seq = value, di, 0
	}
	return dlt645.AnswerTo(req, m.Address, value, m.Quirks.Endless), true
}

// buffer is how many bytes of values one answer holds: a read answer has 200
// at most, identifier and SEQ included.
func (m *Meter) buffer() int {
	if m.Buffer == 0 {
		return 190
	}
	return m.Buffer
}

func (m *Meter) readMoreLocked(req dlt645.Frame, _ time.Time) (dlt645.Frame, bool) {
	di, ok := req.DI()
	seq, counted := req.SEQ()
	want := m.seq + 1
	if want == 0 {
		want = 1
	}
	if !ok || len(m.rest) == 0 || di != m.restOf || m.Protocol == dlt645.V2007 && (!counted || seq != want) {
		return m.refuseData(req)
	}
	n := min(len(m.rest), m.buffer())
	part := m.rest[:n]
	m.seq = want
	if !m.Quirks.Endless {
		m.rest = m.rest[n:]
	}
	return dlt645.AnswerTo(req, m.Address, part, len(m.rest) > 0), true
}

// allowed reports whether the request carries the meter's password. A level
// below the meter's own, which is a higher number, is not enough.
func (m *Meter) allowed(req dlt645.Frame) bool {
	p, ok := req.Field(dlt645.FieldPassword)
	return ok && dlt645.Password(p) == m.Password
}

func operatorOf(req dlt645.Frame) []byte {
	op, ok := req.Field(dlt645.FieldOperator)
	if !ok {
		return make([]byte, 4)
	}
	return op
}

// writeLocked takes a value of the width that the identifier has now.
func (m *Meter) writeLocked(req dlt645.Frame, now time.Time) (dlt645.Frame, bool) {
	di, _ := req.DI()
	value, ok := req.Field(dlt645.FieldValue)
	if !ok {
		return dlt645.RefusalTo(req, m.Address, errOther), true
	}
	if !m.allowed(req) {
		return dlt645.RefusalTo(req, m.Address, errPassword), true
	}
	old, ok := m.valueLocked(di)
	switch {
	case !ok || di.Protocol == dlt645.V2007 && di.Code>>24 != 0x04:
		return m.refuseData(req) // parameters alone are written
	case len(old) != len(value):
		return dlt645.RefusalTo(req, m.Address, errOther), true
	}
	value = append([]byte(nil), value...)
	switch {
	case di.Code == 0x04000101 || di.Code == 0x04000102 || di.Code == 0x0400010C || di.Protocol == dlt645.V1997 && di.Code>>4 == 0xC01:
		if !m.writeClock(di, value, operatorOf(req), now) {
			return dlt645.RefusalTo(req, m.Address, errOther), true
		}
	case di.Protocol == dlt645.V1997:
		m.values97[uint16(di.Code)] = value
	default:
		m.setLocked(di.Code, value)
	}
	written, _ := di.AppendBinary(nil)
	record := append(append(wireTime(m.clock(now)), operatorOf(req)...), written...)
	for range 9 {
		record = append(record, 0xFF, 0xFF, 0xFF, 0xFF)
	}
	m.history.add(m, 0x03300000, record)
	return dlt645.AnswerTo(req, m.Address, nil, false), true
}

// writeClock sets date, time or both.
func (m *Meter) writeClock(di dlt645.DI, b, operator []byte, now time.Time) bool {
	t := m.clock(now)
	year, month, day := t.Date()
	hour, minute, sec := t.Clock()
	n := func(i int) int { return int(b[i]>>4)*10 + int(b[i]&15) }
	switch {
	case di.Code == 0x0400010C:
		sec, minute, hour, day, month, year = n(0), n(1), n(2), n(4), time.Month(n(5)), 2000+n(6)
	case len(b) == 4:
		day, month, year = n(1), time.Month(n(2)), 2000+n(3)
	case len(b) == 3:
		sec, minute, hour = n(0), n(1), n(2)
	default:
		return false
	}
	to := time.Date(year, month, day, hour, minute, sec, 0, t.Location())
	if to.Day() != day || to.Month() != month || to.Hour() != hour || to.Minute() != minute || to.Second() != sec {
		return false
	}
	m.setClock(to, now, operator)
	return true
}

// setClock sets the clock and keeps a record of it.
func (m *Meter) setClock(to, now time.Time, operator []byte) {
	record := append(append(append([]byte(nil), operator...), wireTime(m.clock(now))...), wireTime(to.In(m.clock(now).Location()))...)
	m.ClockOffset = to.Sub(now)
	m.history.add(m, 0x03300400, record)
	m.jumpLocked()
	m.showLocked(now)
}

// setTimeLocked takes a broadcast time as strict meters do: for the broadcast
// address alone, not near midnight, at most five minutes off, once a day.
func (m *Meter) setTimeLocked(req dlt645.Frame, now time.Time) {
	b, ok := req.Field(dlt645.FieldTime)
	if !ok || req.Address != dlt645.BroadcastAddress {
		return
	}
	own := m.clock(now)
	to, ok := readTime(b, own.Location())
	if !ok || nearMidnight(own) || to.Sub(own).Abs() > 5*time.Minute || m.timeSet.Format(time.DateOnly) == own.Format(time.DateOnly) {
		return
	}
	m.timeSet = own
	m.setClock(to, now, make([]byte, 4))
}

func nearMidnight(t time.Time) bool {
	minute := t.Hour()*60 + t.Minute()
	return minute < 5 || minute >= 23*60+55
}

// readTime reads ss mm hh DD MM YY.
func readTime(b []byte, zone *time.Location) (time.Time, bool) {
	var n [6]int
	for i, c := range b {
		if c>>4 > 9 || c&15 > 9 {
			return time.Time{}, false
		}
		n[i] = int(c>>4)*10 + int(c&15)
	}
	return time.Date(2000+n[5], time.Month(n[4]), n[3], n[2], n[1], n[0], 0, zone), true
}

// wireTime gives ss mm hh DD MM YY.
func wireTime(t time.Time) []byte {
	return []byte{bcd(t.Second()), bcd(t.Minute()), bcd(t.Hour()), bcd(t.Day()), bcd(int(t.Month())), bcd(t.Year() % 100)}
}

func bcd(n int) byte { return byte(n/10<<4 | n%10) }

func (m *Meter) readdressLocked(req dlt645.Frame, _ time.Time) (dlt645.Frame, bool) {
	b, _ := req.Field(dlt645.FieldAddress)
	a, ok := dlt645.AddressOf(b)
	if !ok || !a.IsMeter() {
		return dlt645.RefusalTo(req, m.Address, errOther), true
	}
	m.Address = a
	m.values[0x04000401] = wireAddress(a)
	return dlt645.AnswerTo(req, a, nil, false), true
}

// baudLocked answers at the old rate, and then hears the new one only.
func (m *Meter) baudLocked(req dlt645.Frame, _ time.Time) (dlt645.Frame, bool) {
	z, ok := req.Field(dlt645.FieldBaud)
	if !ok {
		return dlt645.RefusalTo(req, m.Address, errOther), true
	}
	baud, ok := dlt645.BaudOfWord(z[0])
	if !ok {
		return dlt645.RefusalTo(req, m.Address, errBaud), true
	}
	m.Baud = baud
	return dlt645.AnswerTo(req, m.Address, z, false), true
}

func (m *Meter) passwordLocked(req dlt645.Frame, _ time.Time) (dlt645.Frame, bool) {
	to, ok := req.Field(dlt645.FieldNewPassword)
	if !ok || !m.allowed(req) {
		return dlt645.RefusalTo(req, m.Address, errPassword), true
	}
	m.Password = dlt645.Password(to)
	return dlt645.AnswerTo(req, m.Address, to, false), true
}
