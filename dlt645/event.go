package dlt645

import "slices"

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
	name   Text
	fields *[]field
}

var eventKinds = [16]eventKind{
	{0x10, true, true, Text{"loss of voltage", "失压"}, &lossEvent},
	{0x11, true, true, Text{"under-voltage", "欠压"}, &lossEvent},
	{0x12, true, true, Text{"over-voltage", "过压"}, &lossEvent},
	{0x13, true, true, Text{"phase loss", "断相"}, &lossEvent},
	{0x14, false, true, Text{"voltage sequence reversed", "电压逆相序"}, &spanEvent},
	{0x15, false, true, Text{"current sequence reversed", "电流逆相序"}, &spanEvent},
	{0x16, false, true, Text{"voltage unbalance", "电压不平衡"}, &unbalanceEvent},
	{0x17, false, true, Text{"current unbalance", "电流不平衡"}, &unbalanceEvent},
	{0x18, true, true, Text{"loss of current", "失流"}, &currentEvent},
	{0x19, true, true, Text{"over-current", "过流"}, &currentEvent},
	{0x1A, true, true, Text{"broken current", "断流"}, &currentEvent},
	{0x1B, true, true, Text{"reverse power flow", "潮流反向"}, &spanEvent},
	{0x1C, true, true, Text{"overload", "过载"}, &spanEvent},
	{0x1D, false, false, Text{"trip", "跳闸"}, &relayEvent},
	{0x1E, false, false, Text{"close", "合闸"}, &relayEvent},
	{0x1F, false, true, Text{"power factor low", "总功率因数超下限"}, &factorEvent},
}

// firstEvent is the first DI3 of eventKinds.
const firstEvent = 0x10

// The fields of a record, DI1 from 01 on.
var (
	energies = []field{
		{Text{"forward active energy", "正向有功电能"}, "XXXXXX.XX", "kWh"},
		{Text{"reverse active energy", "反向有功电能"}, "XXXXXX.XX", "kWh"},
		{Text{"combined reactive energy 1", "组合无功1电能"}, "±XXXXXX.XX", "kvarh"},
		{Text{"combined reactive energy 2", "组合无功2电能"}, "±XXXXXX.XX", "kvarh"},
	}
	allEnergies = slices.Concat(prefixed(total, energies), phased(energies))
	measured    = slices.Concat(prefixed(total, energies), phased(slices.Concat(energies, momentary)))
	// Three bytes: the sources tell no decimals.
	highest = []field{{Text{"highest unbalance", "最大不平衡率"}, "O3", ""}}

	lossEvent      = slices.Concat(beginWith(measured), prefixed(total, ampereHours), phased(ampereHours), endWith(allEnergies))
	currentEvent   = slices.Concat(beginWith(measured), endWith(allEnergies))
	spanEvent      = slices.Concat(beginWith(allEnergies), endWith(allEnergies))
	unbalanceEvent = slices.Concat(beginWith(allEnergies), highest, endWith(allEnergies))
	factorEvent    = slices.Concat(beginWith(prefixed(total, energies)), endWith(prefixed(total, energies)))
	relayEvent     = slices.Concat([]field{{Text{"time", "发生时刻"}, "YYMMDDhhmmss", ""}, operator}, registers)
)

func beginWith(fields []field) []field {
	return slices.Concat([]field{begin}, prefixed(begin.name, fields))
}
func endWith(fields []field) []field { return slices.Concat([]field{end}, prefixed(end.name, fields)) }

// compileEvents makes an entry of each field, which all kinds with that record
// share, and of each total.
func compileEvents(kinds []eventKind) []*entry {
	var all []*entry
	add := func(pages []uint16, di1, di0 uint32, s scheme, f field) {
		parts, err := parsePart(f.format, f.unit, 0)
		if err != nil {
			panic(err)
		}
		all = append(all, &entry{code: uint32(pages[0])<<16 | di1<<8 | di0, scheme: s, parts: parts, name: f.name, event: true, pages: pages})
	}
	pages := map[*[]field][]uint16{}
	var counted, timed []uint16
	var order []*[]field
	for _, k := range kinds {
		own := []uint16{uint16(k.di3) << 8}
		if k.phases {
			own = []uint16{own[0] | 1, own[0] | 2, own[0] | 3}
		}
		if pages[k.fields] == nil {
			order = append(order, k.fields)
		}
		pages[k.fields] = append(pages[k.fields], own...)
		counted = append(counted, own...)
		if k.timed {
			timed = append(timed, own...)
		}
	}
	if len(kinds) > 0 {
		add(counted, 0, 1, single, field{Text{"count", "总次数"}, "NNNNNN", ""})
		add(timed, 0, 2, single, field{Text{"minutes", "总累计时间"}, "NNNNNN", "min"})
	}
	for _, fields := range order {
		for i, f := range *fields {
			add(pages[fields], uint32(i+1), 0, byTen, f)
		}
	}
	return all
}

// eventName joins the kind of an event, its phase and what the field is.
func eventName(di DI, f Text) Text {
	t := eventKinds[di.byteAt(3)-firstEvent].name
	if di.byteAt(1) > 0 {
		t = t.of(Text{"record", "记录"})
	}
	if p := di.byteAt(2); p > 0 {
		t = t.phase(p)
	}
	if di.byteAt(1) > 0 {
		t = t.back(di.byteAt(0))
	}
	return t.of(f)
}
