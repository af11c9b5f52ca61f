package dlt645test

import (
	"slices"
	"time"

	"meterd/dlt645"
)

// Kinds of freeze: DI2 of their identifiers.
const (
	freezeTimed   = 0x00
	freezeInstant = 0x01
	freezeHourly  = 0x04
	freezeDaily   = 0x06
)

// history is what a meter remembers: events, and what it froze.
type history struct {
	events map[uint32][][]byte // by identifier with DI0 = 00, the last one first
	frozen map[byte][]frozen   // by kind, the last one first
	every  []byte              // mm hh DD MM of 16H
	at     time.Time           // the meter's time of the last advance
}

// frozen is one freeze: the time, and the registers of the tariffs.
type frozen struct {
	at               time.Time
	forward, reverse []byte // the total and four tariffs
}

// depth is how many records and freezes a meter keeps of each kind.
const (
	eventDepth  = 10
	freezeDepth = 62
)

// add keeps an event record and counts it.
func (h *history) add(m *Meter, code uint32, record []byte) {
	if h.events == nil {
		h.events = map[uint32][][]byte{}
	}
	h.events[code] = append([][]byte{record}, h.events[code]...)
	if len(h.events[code]) > eventDepth {
		h.events[code] = h.events[code][:eventDepth]
	}
	count := countOf(code)
	n, _ := dlt645.NumberValue(m.values[count], 0, false).Dec.Scaled(0)
	m.load.put(m, count, (n+1)%1000000, 3, false)
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
		m.load.put(m, countOf(c), 0, 3, false)
	}
}

// advance freezes what fell due since the last time.
func (h *history) advance(m *Meter, now time.Time) {
	before := h.at
	h.at = now
	if before.IsZero() {
		h.freeze(m, freezeDaily, now.Truncate(time.Hour).Add(-time.Duration(now.Hour())*time.Hour))
		h.freeze(m, freezeHourly, now.Truncate(time.Hour))
		return
	}
	if now.Before(before) {
		return
	}
	if before.Day() != now.Day() {
		h.freeze(m, freezeDaily, time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location()))
	}
	if before.Hour() != now.Hour() || now.Sub(before) >= time.Hour {
		h.freeze(m, freezeHourly, now.Truncate(time.Hour))
	}
	if h.every == nil {
		return
	}
	for t := before.Truncate(time.Minute).Add(time.Minute); !t.After(now) && t.Sub(before) < 24*time.Hour; t = t.Add(time.Minute) {
		due := []byte{bcd(t.Minute()), bcd(t.Hour()), bcd(t.Day()), bcd(int(t.Month()))}
		match := true
		for i, b := range h.every {
			match = match && (b == 0x99 || b == due[i])
		}
		if match {
			h.freeze(m, freezeTimed, t)
		}
	}
}

func (h *history) freeze(m *Meter, kind byte, at time.Time) {
	if h.frozen == nil {
		h.frozen = map[byte][]frozen{}
	}
	f := frozen{at: at}
	for t := range uint32(5) {
		f.forward = append(f.forward, m.values[0x00010000|t<<8]...)
		f.reverse = append(f.reverse, m.values[0x00020000|t<<8]...)
	}
	h.frozen[kind] = append([]frozen{f}, h.frozen[kind]...)
	if len(h.frozen[kind]) > freezeDepth {
		h.frozen[kind] = h.frozen[kind][:freezeDepth]
	}
}

// value gives the data of an event record or a freeze.
func (h *history) value(code uint32) ([]byte, bool) {
	n := int(code & 0xFF)
	if n == 0 {
		return nil, false
	}
	if records := h.events[code&^0xFF]; n <= len(records) {
		return records[n-1], true
	}
	list := h.frozen[byte(code>>16)]
	if code>>24 != 0x05 || n > len(list) {
		return nil, false
	}
	f := list[n-1]
	at := wireTime(f.at)[1:]
	hourly := byte(code>>16) == freezeHourly
	switch code >> 8 & 0xFF {
	case 0x00:
		return at, true
	case 0x01:
		if hourly {
			return f.forward[:4], true
		}
		return f.forward, true
	case 0x02:
		if hourly {
			return f.reverse[:4], true
		}
		return f.reverse, true
	case 0xFF:
		if hourly {
			return slices.Concat(at, f.forward[:4], f.reverse[:4]), true
		}
	}
	return nil, false
}

// loadInterval is how far load records lie apart.
const loadInterval = 15 * time.Minute

// loadDepth is how many load records the meter has.
const loadDepth = 96

// loadRecords gives n load records of one class or all. The meter has them
// of the last day, with the values of now.
func (m *Meter) loadRecords(di dlt645.DI, n byte, req dlt645.Frame, now time.Time) ([]byte, bool) {
	if di.Code>>24 != 0x06 || di.Code>>16&0xFF > 6 || n == 0 {
		return nil, false
	}
	last := m.clock(now).Truncate(loadInterval)
	first := last.Add(-(loadDepth - 1) * loadInterval)
	var from time.Time
	switch di.Code & 0xFF {
	case 0:
		from = first
	case 1:
		b, ok := req.Field(dlt645.FieldMoment)
		if !ok {
			return nil, false
		}
		if from, ok = readTime(append([]byte{0}, b...), last.Location()); !ok {
			return nil, false
		}
		if from.Before(first) {
			from = first
		}
		if over := from.Sub(first) % loadInterval; over != 0 {
			from = from.Add(loadInterval - over)
		}
	case 2:
		from = last.Add(-time.Duration(n-1) * loadInterval)
	default:
		return nil, false
	}
	var out []byte
	for t := from; n > 0 && !t.After(last); t, n = t.Add(loadInterval), n-1 {
		out = append(out, m.loadRecord(t, di.Code>>16&0xFF)...)
	}
	return out, len(out) > 0
}

// loadClasses lists the identifiers of what each class of a load record
// holds, from class 1.
var loadClasses = [6][]uint32{
	{0x02010100, 0x02010200, 0x02010300, 0x02020100, 0x02020200, 0x02020300, 0x02800002},
	{0x02030000, 0x02030100, 0x02030200, 0x02030300, 0x02040000, 0x02040100, 0x02040200, 0x02040300},
	{0x02060000, 0x02060100, 0x02060200, 0x02060300},
	{0x00010000, 0x00020000, 0x00030000, 0x00040000},
	{0x00050000, 0x00060000, 0x00070000, 0x00080000},
	{0x02800004, 0x02800005},
}

func (m *Meter) loadRecord(at time.Time, class uint32) []byte {
	b := append([]byte{0xA0, 0xA0, 0}, wireTime(at)[1:]...)
	for i, codes := range loadClasses {
		if class == 0 || int(class) == i+1 {
			for _, c := range codes {
				v, ok := m.values[c]
				if !ok {
					v = absent(dlt645.AnswerWidth(dlt645.DI{Code: c}))
				}
				b = append(b, v...)
			}
		}
		b = append(b, 0xAA)
	}
	b[2] = byte(len(b) - 3)
	sum := byte(0)
	for _, c := range b {
		sum += c
	}
	return append(b, sum, 0xE5)
}
