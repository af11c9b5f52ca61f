package dlt645

// State Grid's meters tell each field of an event by an identifier of its own
// (later than the 2007 text):
//
//	DI3  10H loss of voltage .. 1FH power factor low
//	DI2  01..03 phase A..C, 00 for events of the whole meter
//	DI1  00 totals, with DI0 01 count and 02 minutes; 01.. the fields of a record
//	DI0  01 the last record .. 0A the tenth back
//
// The sources agree on the order of the fields and on the bytes of each, which
// make the records of 195, 179, 143, 140, 44 and 34 bytes that meters keep.

// eventKind is what DI3 says.
type eventKind struct {
	di3    uint8
	phases bool
	timed  bool // the minutes are counted too
	name   words
	fields string // letters of eventFields
}

var eventKinds = [16]eventKind{
	{0x10, true, true, "loss of voltage", "bMAeE"},
	{0x11, true, true, "under-voltage", "bMAeE"},
	{0x12, true, true, "over-voltage", "bMAeE"},
	{0x13, true, true, "phase loss", "bMAeE"},
	{0x14, false, true, "voltage sequence reversed", "bEeE"},
	{0x15, false, true, "current sequence reversed", "bEeE"},
	{0x16, false, true, "voltage unbalance", "bEueE"},
	{0x17, false, true, "current unbalance", "bEueE"},
	{0x18, true, true, "loss of current", "bMeE"},
	{0x19, true, true, "over-current", "bMeE"},
	{0x1A, true, true, "broken current", "bMeE"},
	{0x1B, true, true, "reverse power flow", "bEeE"},
	{0x1C, true, true, "overload", "bEeE"},
	{0x1D, false, false, "trip", "zr"},
	{0x1E, false, false, "close", "zr"},
	{0x1F, false, true, "power factor low", "btet"},
}

// firstEvent is the first DI3 of eventKinds.
const firstEvent = 0x10

var energies = []field{
	{"forward active energy", "XXXXXX.XX", "kWh"},
	{"reverse active energy", "XXXXXX.XX", "kWh"},
	{"combined reactive energy 1", "±XXXXXX.XX", "kvarh"},
	{"combined reactive energy 2", "±XXXXXX.XX", "kvarh"},
}

// eventFields gives the fields of a record, DI1 from 01 on:
//
//	b e z  begin, end, time
//	t      total energies then
//	E      and those of each phase
//	M      and what was measured in each
//	A      ampere-hours between, total and of each phase
//	u      the highest unbalance between, of which no source tells the decimals
//	r      operator code and registers
func eventFields(letters string) []field {
	var all []field
	var when words
	for _, c := range letters {
		var more []field
		switch c {
		case 'b', 'e', 'z':
			f := begin
			if c == 'e' {
				f = end
			} else if c == 'z' {
				f.name = "time~event"
			}
			more, when = []field{f}, f.name
		case 'r':
			more = join([]field{operator}, registers)
		case 'u':
			more = []field{{"highest unbalance", "O3", ""}}
		case 'A':
			more = join(prefixed(total, ampereHours), phased(ampereHours))
		case 't':
			more = prefixed(when, prefixed(total, energies))
		case 'E':
			more = prefixed(when, join(prefixed(total, energies), phased(energies)))
		case 'M':
			more = prefixed(when, join(prefixed(total, energies), phased(join(energies, momentary))))
		}
		all = join(all, more)
	}
	return all
}

// compileEvents makes an entry of each field, which all kinds with that record
// share, and of each total.
func compileEvents(kinds []eventKind) []*entry {
	var all, last []*entry
	totals := [2]*entry{
		{code: 0x0001, name: "count", parts: []part{{width: 3}}},
		{code: 0x0002, name: "minutes", parts: []part{{width: 3, unit: "min"}}},
	}
	for i, k := range kinds {
		pages := []uint16{uint16(k.di3) << 8}
		if k.phases {
			pages = []uint16{pages[0] | 1, pages[0] | 2, pages[0] | 3}
		}
		for n, e := range totals {
			if n == 0 || k.timed {
				e.add(pages)
			}
		}
		if i > 0 && kinds[i-1].fields == k.fields {
			for _, e := range last {
				e.add(pages)
			}
			continue
		}
		last = nil
		for n, f := range eventFields(k.fields) {
			parts, err := parsePart(f.format, f.unit, 0)
			if err != nil {
				panic(err)
			}
			e := &entry{code: uint32(n+1) << 8, scheme: byTen, parts: parts, name: f.name}
			e.add(pages)
			last = append(last, e)
		}
		all = append(all, last...)
	}
	if len(kinds) > 0 {
		all = append(all, totals[:]...)
	}
	return all
}

// add lets the entry stand for the same field of further events.
func (e *entry) add(pages []uint16) {
	if !e.event {
		e.event, e.code = true, e.code|uint32(pages[0])<<16
	}
	e.pages = append(e.pages, pages...)
}

// eventName joins the kind of an event, its phase and what the field is.
func eventName(di DI, f words) words {
	w := eventKinds[di.byteAt(3)-firstEvent].name
	if di.byteAt(1) > 0 {
		w = w.of("record")
	}
	if p := di.byteAt(2); p > 0 {
		w = w.phase(p)
	}
	if di.byteAt(1) > 0 {
		w = w.back(di.byteAt(0))
	}
	return w.of(f)
}
