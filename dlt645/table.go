package dlt645

// scheme says which bytes of an identifier vary within a row, and where its
// block is, which asks for all members at once.
type scheme uint8

const (
	single     scheme = iota
	byTariff          // DI1: 00 total, 01..3F tariff, FF block; DI0: 00 now, 01..0C settlement days back
	byPhase           // DI1: 01..03 phase A..C, FF block
	byTotal           // DI1: 00 total, 01..03 phase A..C, FF block
	byWord            // DI0: 01..07, FF block
	byNumber          // DI0: 01 the first, 02 the second ..
	byLevel           // DI0: 01 level 0 .. 0A level 9
	byRecord          // DI0: 01 the last, 02 the one before ..
	byPast14          // DI0: as byTariff
	byPhase14         // DI2: phases A..C 14H apart; DI0: as byTariff
	byOrder           // DI1: 01..03 phase A..C; DI0: 01..15 order of the harmonic, FF block
	byPast            // DI1: 00 total, 01..03 phase A..C; DI0: 00 now, 01..0C months back
	byEvent           // DI1: 01..03 phase A..C; DI0: 01 the last, 02 the one before ..
	byDemand          // DI1: 01 forward, 02 reverse, 03..06 quadrants; DI0: as byRecord
	byFreeze          // DI2: 00 timed, 01 instant, 02 zone switch, 03 day table switch, 06 daily; DI0: as byRecord
	byClass           // DI2: 00 all classes, 01..06 class; DI0: 00 earliest, 01 given time, 02 latest
	byTariff97        // low digit: 0 total, 1..E tariff, F block
	byPhase97         // low digit: 1..3 phase A..C, F block
	byTotal97         // low digit: 0 total, 1..3 phase A..C, F block
)

// row is a family of identifiers of one value each, or of a few that the
// format joins.
type row struct {
	code   uint32 // of the first member; what varies is 0
	scheme scheme
	format string
	unit   string
	name   Text
}

// record is a family of identifiers of many values.
type record struct {
	code   uint32
	scheme scheme
	short  uint16 // another length that meters send; 0: none
	again  repeat // of all fields
	name   Text
	fields []field
}

// field is one value of a record.
type field struct {
	name   Text
	format string
	unit   string
}

// entry is a row or record as Decode uses it.
type entry struct {
	code   uint32
	scheme scheme
	again  repeat
	width  int // of all parts; 0: as many bytes as there are
	alt    int
	parts  []part
	mask   uint32 // that a block replaces; 0: there is none
	plain  bool   // one number
	name   Text
}

// directory finds the entry of an identifier: by its first byte, by its
// second, and then among the few that share both.
type directory struct {
	pages   [256]*[257]uint16
	entries []*entry
}

var directories = [2]*directory{V2007: compile(V2007), V1997: compile(V1997)}

// compile reads the formats of a table. A mistake in it is one of this
// package, found by the first test that runs.
func compile(p Protocol) *directory {
	rows, records := table2007, records2007
	if p == V1997 {
		rows, records = table1997, nil
	}
	all := make([]*entry, 0, len(rows)+len(records))
	for _, r := range rows {
		parts, again, err := parseFormat(r.format, r.unit)
		if err != nil {
			panic(err)
		}
		all = append(all, &entry{code: r.code, scheme: r.scheme, again: again, parts: parts, name: r.name})
	}
	for _, r := range records {
		e := &entry{code: r.code, scheme: r.scheme, again: r.again, alt: int(r.short), name: r.name}
		off := uint16(0)
		for _, f := range r.fields {
			ps, err := parsePart(f.format, f.unit, off)
			if err != nil {
				panic(err)
			}
			ps[0].name = f.name
			off += ps[0].width
			e.parts = append(e.parts, ps[0])
		}
		all = append(all, e)
	}
	for _, e := range all {
		e.mask, _, _, _ = e.varying()
		e.plain = len(e.parts) == 1 && e.again == once && e.parts[0].form == formNumber
		for _, p := range e.parts {
			e.width += int(p.width)
			if p.alt != 0 {
				e.alt = int(p.alt)
			}
		}
	}
	return newDirectory(p, all)
}

func newDirectory(p Protocol, all []*entry) *directory {
	d := &directory{}
	byKey := map[uint16][]*entry{}
	for _, e := range all {
		for _, key := range e.keys(p) {
			byKey[key] = append(byKey[key], e)
		}
	}
	for hi := range 256 {
		page := new([257]uint16)
		begin := len(d.entries)
		for lo := range 256 {
			page[lo] = uint16(len(d.entries))
			d.entries = append(d.entries, byKey[uint16(hi<<8|lo)]...)
		}
		page[256] = uint16(len(d.entries))
		if len(d.entries) > begin {
			d.pages[hi] = page
		}
	}
	return d
}

// keys gives the first two bytes that the identifiers of an entry can have.
func (e *entry) keys(p Protocol) []uint16 {
	first := uint16(e.code >> 16)
	var keys []uint16
	if p == V1997 {
		first = uint16(e.code)
		if _, from, last, ok := e.varying(); ok {
			for n := from; n <= last; n++ {
				keys = append(keys, first|uint16(n))
			}
			if e.parts[0].width == 0 { // its members cannot be told apart
				return keys
			}
			return append(keys, first|0x0F)
		}
		return []uint16{first}
	}
	switch e.scheme {
	case byPhase14:
		return []uint16{first, first + 0x14, first + 0x28}
	case byFreeze:
		return []uint16{first, first + 1, first + 2, first + 3, first + 6}
	case byClass:
		for n := range uint16(7) {
			keys = append(keys, first+n)
		}
		return keys
	}
	return []uint16{first}
}

// lookup finds the entry that an identifier belongs to.
func lookup(di DI) (*entry, bool) {
	d, hi, lo := directories[V2007], byte(di.Code>>24), byte(di.Code>>16)
	if di.Protocol == V1997 {
		d, hi, lo = directories[V1997], byte(di.Code>>8), byte(di.Code)
	}
	page := d.pages[hi]
	if page == nil {
		return nil, false
	}
	for _, e := range d.entries[page[lo]:page[int(lo)+1]] {
		if e.holds(di) {
			return e, true
		}
	}
	return nil, false
}

// block in the byte that varies asks for all members at once.
const block = 0xFF

// mostPast is how many settlement days back meters know.
const mostPast = 0x0C

// holds reports whether di is a member of the row or its block. That the
// first two bytes fit is known.
func (e *entry) holds(di DI) bool {
	d1, d0 := di.byteAt(1), di.byteAt(0)
	switch e.scheme {
	case byTariff:
		return (d1 <= 0x3F || d1 == block) && d0 <= mostPast
	case byPhase:
		return d0 == byte(e.code) && (1 <= d1 && d1 <= 3 || d1 == block)
	case byTotal:
		return d0 == 0 && (d1 <= 3 || d1 == block)
	case byWord:
		return d1 == byte(e.code>>8) && (1 <= d0 && d0 <= 7 || d0 == block)
	case byNumber, byRecord, byFreeze:
		return d1 == byte(e.code>>8) && 1 <= d0 && d0 < block
	case byLevel:
		return d1 == byte(e.code>>8) && 1 <= d0 && d0 <= 0x0A
	case byPast14:
		return d1 == 0 && d0 <= mostPast
	case byPhase14:
		return d1 == 0 && d0 <= mostPast
	case byOrder:
		return 1 <= d1 && d1 <= 3 && (1 <= d0 && d0 <= 0x15 || d0 == block)
	case byPast:
		return d1 <= 3 && d0 <= mostPast
	case byEvent:
		return 1 <= d1 && d1 <= 3 && 1 <= d0 && d0 <= 0x0A
	case byDemand:
		return 1 <= d1 && d1 <= 6 && 1 <= d0 && d0 <= 0x0A
	case byClass:
		return d1 == 0 && d0 <= 2
	case byTariff97, byPhase97, byTotal97:
		return true // the directory knows each of them
	}
	return di.Code&0xFFFF == e.code&0xFFFF
}

// varying gives where the part of the identifier is that a block replaces,
// as a mask, and the first and last member there; false if there is no block.
func (e *entry) varying() (mask uint32, first, last uint32, ok bool) {
	switch e.scheme {
	case byTariff:
		return 0xFF00, 0, 0x3F, true
	case byPhase:
		return 0xFF00, 1, 3, true
	case byTotal:
		return 0xFF00, 0, 3, true
	case byWord:
		return 0xFF, 1, 7, true
	case byOrder:
		return 0xFF, 1, 0x15, true
	case byTariff97:
		return 0x0F, 0, 0x0E, true
	case byPhase97:
		return 0x0F, 1, 3, true
	case byTotal97:
		return 0x0F, 0, 3, true
	}
	return 0, 0, 0, false
}

// member gives the member n of a block.
func (di DI) member(mask, n uint32) DI {
	if mask == 0xFF00 {
		n <<= 8
	}
	di.Code = di.Code&^mask | n
	return di
}

// Block gives the identifier that asks for all members of di's family in one
// answer; false if there is none.
func Block(di DI) (DI, bool) {
	e, ok := lookup(di)
	if !ok {
		return DI{}, false
	}
	mask, _, _, ok := e.varying()
	if !ok {
		return DI{}, false
	}
	di.Code |= mask
	return di, true
}

// IsBlock reports whether di asks for all members of its family.
func IsBlock(di DI) bool {
	b, ok := Block(di)
	return ok && b == di
}

// Members appends the identifiers that a block stands for, those of a block
// over tariffs up to the given number of them; nothing if di is no block.
func Members(dst []DI, di DI, tariffs int) []DI {
	if !IsBlock(di) {
		return dst
	}
	e, _ := lookup(di)
	mask, first, last, _ := e.varying()
	if e.scheme == byTariff || e.scheme == byTariff97 {
		last = min(last, uint32(tariffs))
	}
	for n := first; n <= last; n++ {
		dst = append(dst, di.member(mask, n))
	}
	return dst
}

// AnswerWidth gives the bytes that the answer for di usually holds after
// the identifier, 0 if the table does not tell. What goes over tariffs counts
// the total and four tariffs.
func AnswerWidth(di DI) int {
	e, ok := lookup(di)
	if !ok {
		return 0
	}
	switch {
	case e.again == tariffs:
		return e.width * (1 + usualTariffs)
	case IsBlock(di):
		return e.width * len(Members(nil, di, usualTariffs))
	}
	return e.width
}

// MostWidth gives the bytes that the answer for di holds at most, 0 if the table
// does not tell: the total and 63 tariffs, with a byte of fill after each.
func MostWidth(di DI) int {
	e, ok := lookup(di)
	switch {
	case !ok || e.width == 0:
		return 0
	case e.again == tariffs:
		return int(e.width+1) * mostAgain
	case IsBlock(di):
		return int(e.width+1) * len(Members(nil, di, mostAgain-1))
	case e.again != once:
		return int(e.width+1) * mostAgain
	}
	return int(max(e.width, e.alt)) + 1
}

// usualTariffs is how many tariffs meters commonly have.
const usualTariffs = 4
