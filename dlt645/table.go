package dlt645

import (
	"slices"
	"strconv"
	"strings"
)

// row is a family of identifiers of one value each, or of a few that the
// format joins.
type row struct {
	code   uint32 // of the first member; what varies is 0
	scheme scheme
	format string
	unit   string
	name   words
}

// readRows reads a table that is written as table2007 is.
func readRows(table []byte) []row {
	schemes := strings.Fields(schemeNames)
	var rows []row
	for line := range strings.Lines(string(table)) {
		if line[0] == '\n' || line[0] == '#' {
			continue
		}
		f := strings.SplitN(line[1:len(line)-1], " ", 5)
		code, err := strconv.ParseUint(f[0], 16, 32)
		s := slices.Index(schemes, f[1])
		if err != nil || s < 0 {
			panic("dlt645: table: " + line)
		}
		r := row{code: uint32(code), scheme: scheme(s), format: f[2]}
		if f[3] != "-" {
			r.unit = f[3]
		}
		r.name = words(f[4])
		rows = append(rows, r)
	}
	return rows
}

// record is a family of identifiers of many values.
type record struct {
	code   uint32
	scheme scheme
	short  uint16 // another length that meters send; 0: none
	again  repeat // of all fields
	name   words
	fields []field
}

// field is one value of a record.
type field struct {
	name   words
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
	plain  bool // one number
	event  bool // of eventKinds, which pages lists
	name   words
	pages  []uint16

	// What the scheme says for this code.
	fixed       uint32  // bits of the last two bytes that all members share
	bounds      []bound // of the others
	mask        uint32  // that a block replaces; 0: there is none
	first, last uint32  // members there
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
	rows, records, kinds := table2007, records2007, eventKinds[:]
	if p == V1997 {
		rows, records, kinds = table1997, nil, nil
	}
	var all []*entry
	for _, r := range readRows(rows) {
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
	all = append(all, compileEvents(kinds)...)
	for _, e := range all {
		e.resolve()
		e.plain = len(e.parts) == 1 && e.again == once && e.parts[0].form == formNumber && e.parts[0].most == 0
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
	if e.mask == 0 {
		return DI{}, false
	}
	di.Code |= e.mask
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
	last := e.last
	if e.scheme == byTariff || e.scheme == byTariff97 {
		last = min(last, uint32(tariffs))
	}
	for n := e.first; n <= last; n++ {
		dst = append(dst, di.member(e.mask, n))
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
