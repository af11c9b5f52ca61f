package meter

import (
	"fmt"
	"strconv"
	"strings"

	"meterd/dlt645"
)

// Point is a quantity under a name of ours, the same for both standards and
// all platforms: "voltage.a".
type Point struct {
	Name string
	// DI is what is read for it; Index tells which item of the answer it is.
	// Old is the same in a meter of 1997, Code 0 where that edition has none.
	DI    dlt645.DI
	Index uint16
	Old   dlt645.DI
	Unit  string
	// From names the points that a derived one is computed from; it has no DI.
	From []string
	// Custom is how a vendor's own identifier is read, nil for those of the
	// standard.
	Custom *Layout
}

// Layout says how the answer of an identifier is read that the standard's
// table does not hold: BCD, low byte first.
type Layout struct {
	Bytes    int
	Decimals uint8
	Signed   bool
}

// Extent gives the least and the greatest number that a meter can tell of the
// point; false where it is no number, or is derived.
func (p Point) Extent() (least, most dlt645.Decimal, ok bool) {
	switch {
	case p.From != nil:
		return dlt645.Decimal{}, dlt645.Decimal{}, false
	case p.Custom != nil:
		return dlt645.ExtentOf(p.Custom.Bytes, p.Custom.Decimals, p.Custom.Signed)
	}
	return dlt645.Extent(p.DI)
}

// Of gives the point as a meter has it by its configuration, false if its edition
// has no such register. A meter that is asked for its edition has that of 2007.
func (p Point) Of(h *Handle) (Point, bool) {
	if h.Auto {
		return p, true
	}
	return p.in(h.Protocol)
}

// Register gives a number as the meter's register holds it: without the
// transformer ratios. The error says which numbers it can hold.
func (p Point) Register(h *Handle, v dlt645.Decimal) (dlt645.Decimal, error) {
	least, most, ok := p.Extent()
	if !ok {
		return dlt645.Decimal{}, fmt.Errorf("meter: %s is no number that a meter holds", p.Name)
	}
	for v.Scale > 0 && v.Coef%10 == 0 {
		v.Coef, v.Scale = v.Coef/10, v.Scale-1
	}
	times := ratio(p, max(h.CT, 1), max(h.PT, 1))
	coef, fits := v.Scaled(int(most.Scale))
	if fits && v.Scale <= most.Scale && coef%times == 0 && coef/times >= least.Coef && coef/times <= most.Coef {
		return dlt645.Decimal{Coef: coef / times, Scale: most.Scale}, nil
	}
	in := func(n int64) dlt645.Decimal { return dlt645.Decimal{Coef: n * times, Scale: most.Scale} }
	return dlt645.Decimal{}, fmt.Errorf("meter: %s takes %v to %v %s in steps of %v", p.Name, in(least.Coef), in(most.Coef), p.Unit, in(1))
}

// Points are the points of the standard and those of the configuration.
// The zero value holds the first only.
type Points struct {
	custom []Point
}

// Add takes a point of the configuration in. It may not have the name of
// another, nor be named like a family.
func (ps *Points) Add(p Point) error {
	if _, ok := ps.Expand(p.Name); ok {
		return fmt.Errorf("meter: point %q exists already", p.Name)
	}
	ps.custom = append(ps.custom, p)
	return nil
}

// Expand gives the points that a name stands for: itself, or all members of
// the family.
func (ps *Points) Expand(name string) ([]Point, bool) {
	for _, p := range ps.custom {
		if p.Name == name {
			return []Point{p}, true
		}
	}
	for i := range families {
		if found := families[i].expand(name); len(found) > 0 {
			return found, true
		}
	}
	return nil, false
}

// Lookup gives one point by its full name.
func (ps *Points) Lookup(name string) (Point, bool) {
	found, _ := ps.Expand(name)
	for _, p := range found {
		if p.Name == name { // demand.forward is a family and one of its members
			return p, true
		}
	}
	return Point{}, false
}

// Of gives the point that an item of an answer is, false if it is none.
func (ps *Points) Of(it dlt645.Item) (Point, bool) {
	for _, p := range ps.custom {
		if p.DI == it.DI {
			return p, true
		}
	}
	for i := range families {
		if p, ok := families[i].of(it); ok {
			return p, true
		}
	}
	return Point{}, false
}

// Settable gives the identifier of a point, or of its own name, and the bytes
// of a value that a person wrote: of a point with the meter's transformer
// ratios in it, as it is read, of an identifier as the meter has it.
func (ps *Points) Settable(h *Handle, name, value string) (dlt645.DI, []byte, error) {
	di, err := dlt645.ParseDI(name)
	if err != nil {
		p, ok := ps.Lookup(name)
		if !ok || p.From != nil {
			return di, nil, fmt.Errorf("%q is neither a data identifier nor a point that is read", name)
		}
		if p, ok = p.Of(h); !ok {
			return di, nil, fmt.Errorf("a meter of the %s edition has no register for %s", h.Protocol, name)
		}
		di = p.DI
		if n, err := dlt645.ParseDecimal(value); err == nil {
			if _, _, number := p.Extent(); number {
				if n, err = p.Register(h, n); err != nil {
					return di, nil, err
				}
				value = n.String()
			}
		}
		if p.Custom != nil {
			b, err := p.Custom.AppendParsed(nil, value)
			return di, b, err
		}
	}
	b, err := dlt645.AppendParsed(nil, di, []string{value})
	return di, b, err
}

// Names lists all names that Expand knows, families before their members.
func (ps *Points) Names() []string {
	var names []string
	for i := range families {
		f := &families[i]
		if len(f.members) > 1 {
			names = append(names, f.name)
		}
		for _, p := range f.points() {
			names = append(names, p.Name)
		}
	}
	for _, p := range ps.custom {
		names = append(names, p.Name)
	}
	return names
}

// family is a row of the table of points: a name and its members.
type family struct {
	name    string
	members []member
	tariffs bool // further members t5 .. t63 exist
}

type member struct {
	suffix string // "" or ".total", ".a", ".t1"
	di     uint32 // 2007; 0 for a derived point
	di97   uint16 // 1997; 0: that edition has none
	index  uint16
	unit   string   // where the table of the standard does not tell
	from   []string // of a derived point
}

func (f *family) points() []Point {
	var ps []Point
	for _, m := range f.members {
		ps = append(ps, f.point(m))
	}
	return ps
}

func (f *family) point(m member) Point {
	p := Point{Name: f.name + m.suffix, Index: m.index, Unit: m.unit, From: m.from}
	if m.from == nil {
		p.DI = dlt645.DI{Protocol: dlt645.V2007, Code: m.di}
		p.Unit = dlt645.Unit(p.DI)
		p.Old = dlt645.DI{Protocol: dlt645.V1997, Code: uint32(m.di97)}
	}
	return p
}

// in gives the point as a meter of that edition has it, false if it has not.
func (p Point) in(edition dlt645.Protocol) (Point, bool) {
	switch {
	case p.From != nil:
		return p, true
	case p.DI.Protocol == edition:
		return p, true
	case edition == dlt645.V1997 && p.Custom == nil && p.Old.Code != 0:
		p.DI, p.Index = p.Old, 0
		return p, true
	}
	return p, false
}

// expand gives all points of the family for its own name, one for a
// member's.
func (f *family) expand(name string) []Point {
	if name == f.name {
		return f.points()
	}
	suffix, ok := strings.CutPrefix(name, f.name)
	if !ok {
		return nil
	}
	for _, m := range f.members {
		if m.suffix == suffix {
			return []Point{f.point(m)}
		}
	}
	digits, ok := strings.CutPrefix(suffix, ".t")
	n, err := strconv.Atoi(digits)
	if ok && f.tariffs && err == nil && n >= 1 && n <= mostTariffs && strconv.Itoa(n) == digits {
		return []Point{f.point(f.tariff(n))}
	}
	return nil
}

// mostTariffs is the highest tariff of the 2007 edition: DI1 = 3FH.
const mostTariffs = 63

// tariff gives the member of tariff n. Energies count tariffs in DI1; a
// frozen energy holds them all under one identifier.
func (f *family) tariff(n int) member {
	m := f.members[0]
	m.suffix = ".t" + strconv.Itoa(n)
	if m.di>>24 == 0x05 {
		m.index = uint16(n)
		return m
	}
	m.di |= uint32(n) << 8
	if m.di97 != 0 && n <= 14 {
		m.di97 |= uint16(n)
	} else {
		m.di97 = 0
	}
	return m
}

func (f *family) of(it dlt645.Item) (Point, bool) {
	if it.DI.Protocol == dlt645.V1997 {
		return f.of97(it)
	}
	for _, m := range f.members {
		if m.from == nil && m.di == it.DI.Code && m.index == it.Index {
			return f.point(m), true
		}
	}
	if f.tariffs {
		for n := 5; n <= mostTariffs; n++ {
			if m := f.tariff(n); m.di == it.DI.Code && m.index == it.Index {
				return f.point(m), true
			}
		}
	}
	return Point{}, false
}

func (f *family) of97(it dlt645.Item) (Point, bool) {
	members := f.members
	if f.tariffs {
		for n := 5; n <= 14; n++ {
			members = append(members[:len(members):len(members)], f.tariff(n))
		}
	}
	for _, m := range members {
		if m.from == nil && m.di97 != 0 && uint32(m.di97) == it.DI.Code && it.Index == 0 {
			return f.point(m), true
		}
	}
	return Point{}, false
}

// withTariffs is a family of a total and tariffs 1 to 4.
func withTariffs(name string, di uint32, di97 uint16) family {
	f := family{name: name, members: []member{{suffix: ".total", di: di, di97: di97}}, tariffs: true}
	for n := 1; n <= 4; n++ {
		f.members = append(f.members, f.tariff(n))
	}
	return f
}

var phaseSuffixes = [3]string{".a", ".b", ".c"}

// withPhases is a family of phases A to C, counted in DI1.
func withPhases(name string, di uint32, di97 uint16) family {
	f := family{name: name}
	for i, suffix := range phaseSuffixes {
		m := member{suffix: suffix, di: di | uint32(i+1)<<8}
		if di97 != 0 {
			m.di97 = di97 | uint16(i+1)
		}
		f.members = append(f.members, m)
	}
	return f
}

// withTotal is a family of a total and phases A to C.
func withTotal(name string, di uint32, di97 uint16) family {
	f := withPhases(name, di, di97)
	f.members = append([]member{{suffix: ".total", di: di, di97: di97}}, f.members...)
	return f
}

func one(name string, di uint32, di97 uint16) family {
	return family{name: name, members: []member{{di: di, di97: di97}}}
}

func derived(name string, from ...string) family {
	return family{name: name, members: []member{{from: from}}}
}

// families is the table of all points, in the order of people's interest.
var families = []family{
	withTariffs("energy.forward", 0x00010000, 0x9010),
	{name: "energy.forward.day", members: []member{{unit: "kWh", from: []string{"energy.forward.total"}}}},
	{name: "energy.forward.month", members: []member{{unit: "kWh", from: []string{"energy.forward.total"}}}},
	{name: "energy.forward.yesterday", members: []member{{unit: "kWh", from: []string{"energy.forward.total"}}}},
	{name: "energy.forward.lastmonth", members: []member{{unit: "kWh", from: []string{"energy.forward.total"}}}},
	withTariffs("energy.reverse", 0x00020000, 0x9020),
	withTariffs("energy.combined", 0x00000000, 0),
	withTariffs("energy.reactive1", 0x00030000, 0x9110),
	withTariffs("energy.reactive2", 0x00040000, 0x9120),
	one("energy.q1", 0x00050000, 0x9130),
	one("energy.q2", 0x00060000, 0x9150),
	one("energy.q3", 0x00070000, 0x9160),
	one("energy.q4", 0x00080000, 0x9140),
	{name: "energy.apparent", members: []member{{suffix: ".forward", di: 0x00090000}, {suffix: ".reverse", di: 0x000A0000}}},
	{name: "energy.phase", members: []member{{suffix: ".a", di: 0x00150000}, {suffix: ".b", di: 0x00290000}, {suffix: ".c", di: 0x003D0000}}},
	{name: "demand.forward", members: []member{{di: 0x01010000, di97: 0xA010}, {suffix: ".time", di: 0x01010000, di97: 0xB010, index: 1}}},
	{name: "demand.reverse", members: []member{{di: 0x01020000}, {suffix: ".time", di: 0x01020000, index: 1}}},
	withPhases("voltage", 0x02010000, 0xB610),
	withPhases("current", 0x02020000, 0xB620),
	withTotal("power.active", 0x02030000, 0xB630),
	withTotal("power.reactive", 0x02040000, 0xB640),
	withTotal("power.apparent", 0x02050000, 0),
	withTotal("power.factor", 0x02060000, 0xB650),
	withPhases("phase.angle", 0x02070000, 0),
	withPhases("thd.voltage", 0x02080000, 0),
	withPhases("thd.current", 0x02090000, 0),
	one("current.neutral", 0x02800001, 0),
	one("frequency", 0x02800002, 0xB660),
	one("temperature", 0x02800007, 0),
	one("battery.clock", 0x02800008, 0),
	one("battery.reading", 0x02800009, 0),
	{name: "credit.energy", members: []member{{di: 0x00900100}, {suffix: ".overdraft", di: 0x00900101}}},
	{name: "credit.money", members: []member{{di: 0x00900200}, {suffix: ".overdraft", di: 0x00900201}}},
	{name: "status", members: []member{{suffix: ".1", di: 0x04000501, di97: 0xC020}, {suffix: ".2", di: 0x04000502}, {suffix: ".3", di: 0x04000503},
		{suffix: ".4", di: 0x04000504}, {suffix: ".5", di: 0x04000505}, {suffix: ".6", di: 0x04000506}, {suffix: ".7", di: 0x04000507}}},
	derived("relay", "status.3"),
	derived("fault", "status.1", "status.3", "status.4", "status.5", "status.6", "status.7"),
	{name: "clock", members: []member{{from: []string{"clock.date", "clock.time"}}}},
	{name: "clock.offset", members: []member{{unit: "s", from: []string{"clock.date", "clock.time"}}}},
	one("clock.date", 0x04000101, 0xC010),
	one("clock.time", 0x04000102, 0xC011),
	one("freeze.daily.time", 0x05060001, 0),
	withTariffs("freeze.daily.forward", 0x05060101, 0),
	one("settlement.forward.total", 0x00010001, 0x9410),
	one(settlementDays[0], 0x04000B01, 0),
	one(settlementDays[1], 0x04000B02, 0),
	one(settlementDays[2], 0x04000B03, 0),
	derived("settlement.time", append(settlementDays[:], "settlement.forward.total")...),
	one("count.outage", 0x03110000, 0),
	one("count.cover", 0x03300D00, 0),
	one("count.trip", 0x1D000001, 0),
	one("meter.number", 0x04000402, 0xC032),
	one("meter.version", 0x04800001, 0),
	one("meter.rated.voltage", 0x04000404, 0),
	one("meter.rated.current", 0x04000405, 0),
	one("meter.rated.most", 0x04000406, 0),
	one("meter.constant", 0x04000409, 0xC030),
	{name: "limit.voltage", members: []member{{suffix: ".min", di: 0x04000E04}, {suffix: ".max", di: 0x04000E03}}},
	one("limit.power", 0x04000E01, 0),
	one("limit.credit", 0x04000F01, 0),
	{name: "trigger.voltage", members: []member{{suffix: ".min", di: 0x04090201}, {suffix: ".max", di: 0x04090301}}},
	one("trigger.power", 0x04090B01, 0),
	one("delay.current", 0x04090802, 0),
}

// AppendParsed appends the bytes of a value as a person writes it.
func (l *Layout) AppendParsed(b []byte, value string) ([]byte, error) {
	n, err := dlt645.ParseDecimal(value)
	if err != nil {
		return b, err
	}
	coef, ok := n.Scaled(int(l.Decimals))
	if !ok || n.Scale > l.Decimals {
		return b, fmt.Errorf("%s has more than %d decimals", value, l.Decimals)
	}
	return dlt645.AppendNumber(b, coef, l.Bytes, l.Signed)
}
