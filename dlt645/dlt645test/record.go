package dlt645test

import (
	"slices"
	"time"

	"meterd/dlt645"
)

// loadRecord is a load record: the time, and the data of the classes that
// were due then, one after the other.
type loadRecord struct {
	at   time.Time
	data []byte
	ends [6]uint8 // of the classes in data
}

// class gives the data of a class, from 0; none if it was not due.
func (r *loadRecord) class(i int) []byte {
	begin := uint8(0)
	if i > 0 {
		begin = r.ends[i-1]
	}
	return r.data[begin:r.ends[i]]
}

// newLoadRecord gives a record of some classes, as bits.
func newLoadRecord(s *state, classes byte, at time.Time) loadRecord {
	r := loadRecord{at: at}
	if classes == 0x3F {
		r.data = make([]byte, 0, 96)
	}
	for i, codes := range loadClasses {
		if classes>>i&1 == 1 {
			for _, c := range codes {
				r.data = s.must(r.data, c)
			}
		}
		r.ends[i] = uint8(len(r.data))
	}
	return r
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

// loadDepth is how many load records a meter has if LoadDepth does not tell:
// those of 62 days of quarter-hours.
const loadDepth = 62 * 96

func (m *Meter) loadDepth() int {
	if m.LoadDepth == 0 {
		return loadDepth
	}
	return m.LoadDepth
}

// keepLoad keeps a load record of some classes, unless there is one of that
// time.
func (m *Meter) keepLoad(s state, classes byte, at time.Time) {
	h := &m.history
	if at.After(h.loadTo) {
		h.loadTo = at
	} else if slices.ContainsFunc(h.load, func(r loadRecord) bool { return r.at.Equal(at) }) {
		return
	}
	h.load = keep(h.load, newLoadRecord(&s, classes, at), m.loadDepth())
}

// LoadTimes gives the times of the load records of a class (1 to 6; 0: of any)
// that the meter has, the last one first, by its clock.
func (m *Meter) LoadTimes(class int) []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	var times []time.Time
	for _, r := range slices.Backward(m.loadOf(class)) {
		times = append(times, r.at)
	}
	return times
}

// loadOf gives the load records of a class, or of any for 0, the last one at
// the end.
func (m *Meter) loadOf(class int) []loadRecord {
	all := m.history.load[max(0, len(m.history.load)-m.loadDepth()):]
	if class == 0 {
		return all
	}
	var of []loadRecord
	for _, r := range all {
		if len(r.class(class-1)) > 0 {
			of = append(of, r)
		}
	}
	return of
}

// loadRecords gives n load records of one class or all, the oldest first: the
// earliest (DI0 00), those from a time on (01), or the latest (02).
func (m *Meter) loadRecords(di dlt645.DI, n byte, req dlt645.Frame) ([]byte, bool) {
	class := int(di.Code >> 16 & 0xFF)
	if di.Code>>24 != 0x06 || class > 6 || n == 0 {
		return nil, false
	}
	list := m.loadOf(class)
	switch di.Code & 0xFFFF {
	case 0:
	case 1:
		b, ok := req.Field(dlt645.FieldMoment)
		if !ok {
			return nil, false
		}
		from, ok := readTime(append([]byte{0}, b...), m.books.clock(m).Location())
		if !ok {
			return nil, false
		}
		first := slices.IndexFunc(list, func(r loadRecord) bool { return !r.at.Before(from) })
		if first < 0 {
			first = len(list)
		}
		list = list[first:]
	case 2:
		list = list[max(0, len(list)-int(n)):]
	default:
		return nil, false
	}
	var out []byte
	for _, r := range list[:min(len(list), int(n))] {
		out = append(out, m.wireLoad(r, class, nil)...)
	}
	if len(list) == 0 && m.Quirks.Unmade != nil {
		filled := newLoadRecord(&state{}, 0x3F, time.Time{})
		for i := range filled.data {
			filled.data[i] = *m.Quirks.Unmade
		}
		out = m.wireLoad(filled, class, slices.Repeat([]byte{*m.Quirks.Unmade}, 5))
	}
	return out, len(out) > 0
}

// wireLoad gives a load record of one class or all as it goes on the wire.
func (m *Meter) wireLoad(r loadRecord, class int, at []byte) []byte {
	b := []byte{0xA0, 0xA0, 0}
	if damaged := m.Quirks.DamagedLoad; damaged != nil && damaged(r.at) {
		b = []byte{0xE0, 0xE0, 0}
	}
	if at == nil {
		at = wireTime(r.at)[1:]
	}
	b = append(b, at...)
	for i := range loadClasses {
		if class == 0 || class == i+1 {
			b = append(b, r.class(i)...)
		}
		b = append(b, 0xAA)
	}
	b[2] = byte(len(b) - 3)
	sum := byte(0)
	for _, c := range b {
		sum += c
	}
	if wrong := m.Quirks.WrongLoadSum; wrong != nil && wrong(r.at) {
		sum++
	}
	return append(b, sum, 0xE5)
}
