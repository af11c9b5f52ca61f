package dlt645

// scheme says which bytes of an identifier vary within a row, and where its
// block is, which asks for all members at once.
type scheme uint8

const (
	single        scheme = iota
	byTariff             // DI1: 00 total, 01..3F tariff, FF block; DI0: 00 now, 01..0C settlement days back
	byPhase              // DI1: 01..03 phase A..C, FF block
	byTotal              // DI1: 00 total, 01..03 phase A..C, FF block
	byWord               // DI0: 01..07, FF block
	byNumber             // DI0: 01 the first, 02 the second ..
	byLevel              // DI0: 01 level 0 .. 0A level 9
	byRecord             // DI0: 01 the last, 02 the one before ..
	byPast14             // DI0: as byTariff
	byPhase14            // DI2: phases A..C 14H apart; DI0: as byTariff
	byOrder              // DI1: 01..03 phase A..C; DI0: 01..15 order of the harmonic, FF block
	byPast               // DI1: 00 total, 01..03 phase A..C; DI0: 00 now, 01..0C months back
	byEvent              // DI1: 01..03 phase A..C; DI0: 01 the last, 02 the one before ..
	byDemand             // DI1: 01 forward, 02 reverse, 03..06 quadrants; DI0: as byRecord
	byFreeze             // DI2: 00 timed, 01 instant, 02 zone switch, 03 day table switch, 06 daily; DI0: as byRecord
	byClass              // DI2: 00 all classes, 01..06 class; DI0: 00 earliest, 01 given time, 02 latest
	byTen                // DI0: 01 the last .. 0A the tenth back
	byCoefficient        // DI0: 01..04 of phase A, 05..08 of B, 09..0C of C
	byTariff97           // low digit: 0 total, 1..E tariff, F block
	byPhase97            // low digit: 1..3 phase A..C, F block
	byTotal97            // low digit: 0 total, 1..3 phase A..C, F block
	byNumber97           // low digit: 1 the first .. E the fourteenth, F block
	byHoliday97          // low digit: 1 the first .. D the thirteenth
)

// schemeNames are the words of the tables, in the order of the constants.
const schemeNames = "single byTariff byPhase byTotal byWord byNumber byLevel byRecord byPast14 byPhase14 byOrder byPast byEvent byDemand byFreeze byClass byTen byCoefficient byTariff97 byPhase97 byTotal97 byNumber97 byHoliday97"

// axis is a part of an identifier that varies: where it is, what it may be,
// and how a name tells it.
type axis struct {
	shift       uint8 // of its lowest bit
	mask        uint8 // a byte, or a digit in 1997
	first, last uint8
	step        uint8 // between one and the next; 0: 1
	lacks       uint8 // bit n: there is no n
	block       bool  // all bits set asks for all
	name        func(w words, n byte) words
}

const (
	inDI0 = 0
	inDI1 = 8
	inDI2 = 16

	// block in the byte that varies asks for all members at once.
	block = 0xFF
	// mostPast is how many settlement days back meters know.
	mostPast = 0x0C
)

// schemes are the parts that vary, in the order in which a name tells them.
var schemes = [...][]axis{
	single:        nil,
	byTariff:      {{inDI1, 0xFF, 0, 0x3F, 0, 0, true, words.tariff}, {inDI0, 0xFF, 0, mostPast, 0, 0, false, words.settlement}},
	byPhase:       {{inDI1, 0xFF, 1, 3, 0, 0, true, words.phase}},
	byTotal:       {{inDI1, 0xFF, 0, 3, 0, 0, true, words.phase}},
	byWord:        {{inDI0, 0xFF, 1, 7, 0, 0, true, words.word}},
	byNumber:      {{inDI0, 0xFF, 1, 0xFE, 0, 0, false, words.number}},
	byLevel:       {{inDI0, 0xFF, 1, 0x0A, 0, 0, false, words.level}},
	byRecord:      {{inDI0, 0xFF, 1, 0xFE, 0, 0, false, words.back}},
	byPast14:      {{inDI0, 0xFF, 0, mostPast, 0, 0, false, words.settlement}},
	byPhase14:     {{inDI2, 0xFF, 0, 2, 0x14, 0, false, words.phaseFrom0}, {inDI0, 0xFF, 0, mostPast, 0, 0, false, words.settlement}},
	byOrder:       {{inDI1, 0xFF, 1, 3, 0, 0, false, words.phase}, {inDI0, 0xFF, 1, 0x15, 0, 0, true, words.number}},
	byPast:        {{inDI1, 0xFF, 0, 3, 0, 0, false, words.phaseIfAny}, {inDI0, 0xFF, 0, mostPast, 0, 0, false, words.months}},
	byEvent:       {{inDI1, 0xFF, 1, 3, 0, 0, false, words.phase}, {inDI0, 0xFF, 1, 0x0A, 0, 0, false, words.back}},
	byDemand:      {{inDI1, 0xFF, 1, 6, 0, 0, false, words.exceeded}, {inDI0, 0xFF, 1, 0x0A, 0, 0, false, words.back}},
	byFreeze:      {{inDI2, 0xFF, 0, 6, 0, 1<<4 | 1<<5, false, words.freeze}, {inDI0, 0xFF, 1, 0xFE, 0, 0, false, words.back}},
	byClass:       {{inDI2, 0xFF, 0, 6, 0, 0, false, words.class}, {inDI0, 0xFF, 0, 2, 0, 0, false, words.moment}},
	byTen:         {{inDI0, 0xFF, 1, 0x0A, 0, 0, false, words.back}},
	byCoefficient: {{inDI0, 0xFF, 1, 0x0C, 0, 0, false, words.coefficient}},
	byTariff97:    {{inDI0, 0x0F, 0, 0x0E, 0, 0, true, words.tariff}},
	byPhase97:     {{inDI0, 0x0F, 1, 3, 0, 0, true, words.phase}},
	byTotal97:     {{inDI0, 0x0F, 0, 3, 0, 0, true, words.phase}},
	byNumber97:    {{inDI0, 0x0F, 1, 0x0E, 0, 0, true, words.number}},
	byHoliday97:   {{inDI0, 0x0F, 1, 0x0D, 0, 0, false, words.number}},
}

// resolve works out what the scheme says for the entry's code: the bytes that
// are fixed, the bounds of the others, and where its block is.
func (e *entry) resolve() {
	e.fixed = 0xFFFF
	for _, a := range schemes[e.scheme] {
		m := uint32(a.mask) << a.shift
		if a.block {
			e.mask, e.first, e.last = m, uint32(a.first), uint32(a.last)
		}
		if a.shift == inDI2 {
			continue // the directory tells those apart
		}
		e.fixed &^= m
		if a.mask == 0xFF {
			e.bounds = append(e.bounds, bound{a.shift, a.first, a.last, a.block})
		}
	}
}

// bound is what one byte of an identifier may be.
type bound struct {
	shift       uint8
	first, last uint8
	block       bool
}

// holds reports whether di is a member of the row or its block. That the
// first two bytes fit is known.
func (e *entry) holds(di DI) bool {
	if (di.Code^e.code)&e.fixed != 0 {
		return false
	}
	for i := range e.bounds {
		b := &e.bounds[i]
		v := byte(di.Code >> b.shift)
		if v-b.first > b.last-b.first && !(b.block && v == block) {
			return false
		}
	}
	return true
}

// keys gives the first two bytes that the identifiers of an entry can have.
func (e *entry) keys(p Protocol) []uint16 {
	first := uint16(e.code >> 16)
	if p == V1997 {
		first = uint16(e.code)
	}
	for _, a := range schemes[e.scheme] {
		if a.shift == inDI2 || p == V1997 {
			return a.keys(first, e.parts[0].width != 0)
		}
	}
	if e.pages != nil {
		return e.pages
	}
	return []uint16{first}
}

// keys gives what the first two bytes become along the axis; the block is among
// them if the members have a width by which to tell them apart.
func (a axis) keys(first uint16, apart bool) []uint16 {
	var keys []uint16
	for n := uint16(a.first); n <= uint16(a.last); n++ {
		if n < 8 && a.lacks>>n&1 != 0 {
			continue
		}
		keys = append(keys, first+n*uint16(max(a.step, 1)))
	}
	if a.block && apart {
		keys = append(keys, first|uint16(a.mask))
	}
	return keys
}

// member names what varies in the identifier, with the row's name.
func (e *entry) member(di DI) words {
	if e.event {
		return eventName(di, e.name)
	}
	w := e.name
	for _, a := range schemes[e.scheme] {
		n := byte(di.Code>>a.shift) & a.mask
		if a.block && n == a.mask {
			n = block
		} else {
			n = (n - byte(e.code>>a.shift)&a.mask) / max(a.step, 1)
		}
		w = a.name(w, n)
	}
	return w
}
