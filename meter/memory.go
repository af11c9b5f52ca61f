package meter

import (
	"cmp"
	"slices"
	"time"

	"meterd/dlt645"
)

// Memory is a kind of what a meter remembers, by its name in the
// configuration.
type Memory string

// The kinds of memory. The number of a freeze counts from the newest, 1; that
// of a settlement likewise.
const (
	Daily  Memory = "daily"  // what was frozen at each 00:00 (0506)
	Hourly Memory = "hourly" // what was frozen at each hour (0504)
	Load   Memory = "load"   // load records (06)
	Month  Memory = "month"  // what stood at the last settlements (DI0 01 to 0C)
	Events Memory = "events" // what happened, with its times (03)
)

// Memories are all kinds.
var Memories = []Memory{Daily, Hourly, Load, Month, Events}

// History is what of a meter's record is made up from its memory.
type History struct {
	Of     Memory
	Points []Point
	Back   time.Duration // how far at most
}

// Depth is how far back a meter remembers at most.
func (of Memory) Depth() time.Duration {
	const day = 24 * time.Hour
	switch of {
	case Hourly:
		return 254 * time.Hour
	case Month, Events:
		return 366 * day
	}
	return 62 * day
}

// Holds reports whether a meter of 2007 can remember a point so.
func (of Memory) Holds(p Point) bool {
	_, ok := of.place(p)
	return ok
}

// place is where a point stands in a meter's memory: the identifier of the
// first record, and the index within its answer; the class of a load record.
type place struct {
	di    dlt645.DI
	index uint16
}

// place finds a point; false if that memory does not hold it.
func (of Memory) place(p Point) (place, bool) {
	if p.Custom != nil || p.From != nil || p.DI.Protocol != dlt645.V2007 || p.DI.Code&0xFF != 0 && of != Load {
		return place{}, false
	}
	code := p.DI.Code
	family, tariff := code>>16, uint16(code>>8&0xFF)
	at := func(kind, item uint32, index uint16) (place, bool) {
		return place{dlt645.DI{Code: 0x05000001 | kind<<16 | item<<8}, index}, true
	}
	switch {
	case of == Daily && family >= 0x0001 && family <= 0x0008:
		return at(6, family, tariff)
	case of == Daily && (family == 0x0101 || family == 0x0102) && tariff == 0:
		return at(6, 0x08+family-0x0100, p.Index)
	case of == Daily && (family == 0x0203 || family == 0x0204) && tariff <= 3:
		return at(6, 0x10, uint16(family-0x0203)*4+tariff)
	case of == Hourly && (family == 1 || family == 2) && tariff == 0:
		return at(4, family, 0)
	case of == Load:
		class, index, ok := dlt645.LoadField(p.DI)
		return place{dlt645.DI{Code: 0x06000001 | uint32(class)<<16}, index}, ok
	case of == Month && (family <= 0x0008 || family == 0x0101 || family == 0x0102):
		return place{dlt645.DI{Code: code | 1}, p.Index}, true
	case of == Events:
		return place{p.DI, 0}, code>>24 == 0x03
	}
	return place{}, false
}

// number gives the identifier of record n of what has that of the first one.
func number(di dlt645.DI, n int) dlt645.DI {
	di.Code = di.Code&^0xFF | uint32(n)
	return di
}

// timeOf gives the identifier of the time of record n.
func (of Memory) timeOf(n int) dlt645.DI {
	code := uint32(0x05060000)
	if of == Hourly {
		code = 0x05040000
	}
	return dlt645.DI{Code: code | uint32(n)}
}

// deepest is the highest number of a freeze.
func (of Memory) deepest() int {
	if of == Hourly {
		return 254
	}
	return 62
}

// asked lists the identifiers that bring some points, each once, with the
// points that each brings.
func (of Memory) asked(points []Point) []Request {
	var all []Request
	for _, p := range points {
		at, ok := of.place(p)
		if !ok {
			continue
		}
		i := slices.IndexFunc(all, func(r Request) bool { return r.DI == at.di })
		if i < 0 {
			i, all = len(all), append(all, Request{DI: at.di})
		}
		all[i].Points = append(all[i].Points, p)
	}
	slices.SortStableFunc(all, func(a, b Request) int { return cmp.Compare(a.DI.Code, b.DI.Code) })
	return all
}

// momentOf reads the time of a record, in the zone of the meter's clock; false
// if it is none: absent, all zeros, or no date.
func momentOf(v dlt645.Value, zone *time.Location) (time.Time, bool) {
	if !v.Known() {
		return time.Time{}, false
	}
	t, err := parseShown("2006-01-02 15:04", v.String(), zone)
	return t, err == nil
}

// recalled gives the values of points from the items of a record.
func (of Memory) recalled(points []Point, items []dlt645.Item, base uint16, h *Handle) (values []PointValue) {
	for _, p := range points {
		at, ok := of.place(p)
		if !ok {
			continue
		}
		for _, it := range items {
			if it.Index != base+at.index || it.Value.Kind == dlt645.Invalid || !it.Value.Known() || of == Month && it.DI.Code&^0xFF != at.di.Code&^0xFF {
				continue
			}
			if v, ok := apply(p, it.Value, h.CT, h.PT); ok {
				values = append(values, PointValue{p.Name, v})
			}
			break
		}
	}
	return values
}

// Requests gives what is asked to fetch one record with all points, or some
// load records, and how many those are. The widths are the usual ones.
func (h History) Requests() (all []Request, records int) {
	switch h.Of {
	case Daily, Hourly:
		all = append(all, Request{DI: h.Of.timeOf(1)}, Request{DI: h.Of.timeOf(1)}) // before and after
	case Month:
		all = append(all, Request{DI: settlementDay})
	}
	records = 1
	for _, r := range h.Of.asked(h.Points) {
		if h.Of == Load {
			records = loadAtOnce
			r.Points = nil
			r.width = dlt645.LoadWidth(int(r.DI.Code>>16&0xFF)) * loadAtOnce
			r.more = loadRequestMore
		}
		all = append(all, r)
	}
	return all, records
}

// loadRequestMore are the bytes of a request for load records beside the
// identifier: how many, and from when.
const loadRequestMore = 6
