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

// limits2007 are the parameters 0409 that say when an event is one (later):
// DI1 counts the events, DI0 what each compares, as letters of limitWords.
var limits2007 = [...]struct {
	event Text
	words string
}{
	{Text{"loss of voltage", "失压"}, "vrIT"},
	{Text{"under-voltage", "欠压"}, "vT"},
	{Text{"over-voltage", "过压"}, "VT"},
	{Text{"phase loss", "断相"}, "viT"},
	{Text{"voltage unbalance", "电压不平衡"}, "%T"},
	{Text{"current unbalance", "电流不平衡"}, "%T"},
	{Text{"loss of current", "失流"}, "ViIT"},
	{Text{"over-current", "过流"}, "AT"},
	{Text{"broken current", "断流"}, "ViT"},
	{Text{"reverse power flow", "潮流反向"}, "PT"},
	{Text{"overload", "过载"}, "PT"},
	{Text{"voltage quality", "电压考核"}, "ul"},
	{Text{"demand limit exceeded", "需量超限"}, "PQT"},
	{Text{"power factor low", "总功率因数超下限"}, "fT"},
	{Text{"serious current unbalance", "电流严重不平衡"}, "%T"},
}

// limitWords name the letters of limits2007.
var limitWords = [...]struct {
	letter byte
	field  field
}{
	{'v', field{Text{": voltage below", "事件电压触发上限"}, "XXX.X", "V"}},
	{'V', field{Text{": voltage above", "事件电压触发下限"}, "XXX.X", "V"}},
	{'r', field{Text{": voltage restored above", "事件电压恢复下限"}, "XXX.X", "V"}},
	{'u', field{Text{": upper limit", "上限"}, "XXX.X", "V"}},
	{'l', field{Text{": lower limit", "下限"}, "XXX.X", "V"}},
	{'i', field{Text{": current below", "事件电流触发上限"}, "XX.XXXX", "A"}},
	{'I', field{Text{": current above", "事件电流触发下限"}, "XX.XXXX", "A"}},
	{'A', field{Text{": current above", "事件电流触发下限"}, "XXX.X", "A"}},
	{'P', field{Text{": active power above", "事件有功触发下限"}, "XX.XXXX", "kW"}},
	{'Q', field{Text{": reactive power above", "事件无功触发下限"}, "XX.XXXX", "kvar"}},
	{'f', field{Text{": below", "阀值"}, "X.XXX", ""}},
	{'%', field{Text{": above", "率限值"}, "XX.XX", "%"}},
	{'T', field{Text{": delay", "判定延时时间"}, "NN", "s"}},
}

func rows2007() []row {
	rows := readRows(table2007)
	for i, l := range limits2007 {
		for k := range len(l.words) {
			for _, w := range limitWords {
				if f := w.field; w.letter == l.words[k] {
					name := Text{l.event.EN + f.name.EN, l.event.ZH + f.name.ZH}
					rows = append(rows, row{0x04090000 | uint32(i+1)<<8 | uint32(k+1), single, f.format, f.unit, name})
				}
			}
		}
	}
	return rows
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

//go:noinline
func beginWith(fields []field) []field {
	return slices.Concat([]field{begin}, prefixed(begin.name, fields))
}

//go:noinline
func endWith(fields []field) []field { return slices.Concat([]field{end}, prefixed(end.name, fields)) }

// compileEvents makes an entry of each field, which all kinds with that record
// share, and of each total.
func compileEvents(kinds []eventKind) []*entry {
	var all []*entry
	totals := [2]*entry{
		{code: 0x0001, name: Text{"count", "总次数"}, parts: []part{{width: 3}}},
		{code: 0x0002, name: Text{"minutes", "总累计时间"}, parts: []part{{width: 3, unit: "min"}}},
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
			for _, e := range all[len(all)-len(*k.fields):] {
				e.add(pages)
			}
			continue
		}
		for n, f := range *k.fields {
			parts, err := parsePart(f.format, f.unit, 0)
			if err != nil {
				panic(err)
			}
			e := &entry{code: uint32(n+1) << 8, scheme: byTen, parts: parts, name: f.name}
			e.add(pages)
			all = append(all, e)
		}
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
