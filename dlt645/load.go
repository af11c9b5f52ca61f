package dlt645

import (
	"bytes"
	"fmt"
	"slices"
)

// A load record (Appendix A.7, B.7):
//
//	A0 A0 | L | mm hh DD MM YY | class 1 AA | class 2 AA | .. | class 6 AA | CS | E5
//
// L counts from the time to the last AA. A class that the record lacks leaves
// its AA alone. CS is the sum of all bytes before it. E0 E0 instead of A0 A0
// marks a record that the meter knows to be damaged. The layout of classes 2
// to 6 is attested by one source each.
const (
	loadHead    = 0xA0
	loadDamaged = 0xE0
	loadTail    = 0xE5
	loadFill    = 0xAA
	loadFrame   = 5 // A0 A0 L .. CS E5
	loadClasses = 6
)

// LoadStride is how many indexes the items of one load record take.
const LoadStride = 32

type loadField struct {
	class int
	field
}

// loadFields are the fields of all classes, the time first.
var loadFields = []loadField{
	{0, field{"time", "YYMMDDhhmm", ""}},
	{1, field{"A-phase voltage", "XXX.X", "V"}},
	{1, field{"B-phase voltage", "XXX.X", "V"}},
	{1, field{"C-phase voltage", "XXX.X", "V"}},
	{1, field{"A-phase current", "±XXX.XXX", "A"}},
	{1, field{"B-phase current", "±XXX.XXX", "A"}},
	{1, field{"C-phase current", "±XXX.XXX", "A"}},
	{1, field{"frequency~load", "XX.XX", "Hz"}},
	{2, field{"total active power", "±XX.XXXX", "kW"}},
	{2, field{"A-phase active power", "±XX.XXXX", "kW"}},
	{2, field{"B-phase active power", "±XX.XXXX", "kW"}},
	{2, field{"C-phase active power", "±XX.XXXX", "kW"}},
	{2, field{"total reactive power", "±XX.XXXX", "kvar"}},
	{2, field{"A-phase reactive power", "±XX.XXXX", "kvar"}},
	{2, field{"B-phase reactive power", "±XX.XXXX", "kvar"}},
	{2, field{"C-phase reactive power", "±XX.XXXX", "kvar"}},
	{3, field{"total power factor", "±X.XXX", ""}},
	{3, field{"A-phase power factor", "±X.XXX", ""}},
	{3, field{"B-phase power factor", "±X.XXX", ""}},
	{3, field{"C-phase power factor", "±X.XXX", ""}},
	{4, field{"forward active energy~total", "XXXXXX.XX", "kWh"}},
	{4, field{"reverse active energy~total", "XXXXXX.XX", "kWh"}},
	{4, field{"combined reactive energy 1~total", "±XXXXXX.XX", "kvarh"}},
	{4, field{"combined reactive energy 2~total", "±XXXXXX.XX", "kvarh"}},
	{5, field{"quadrant I reactive energy~total", "XXXXXX.XX", "kvarh"}},
	{5, field{"quadrant II reactive energy~total", "XXXXXX.XX", "kvarh"}},
	{5, field{"quadrant III reactive energy~total", "XXXXXX.XX", "kvarh"}},
	{5, field{"quadrant IV reactive energy~total", "XXXXXX.XX", "kvarh"}},
	{6, field{"present active demand", "±XX.XXXX", "kW"}},
	{6, field{"present reactive demand", "±XX.XXXX", "kvar"}},
}

// loadOf are the identifiers of the present values that the fields of a load
// record keep, in their order, from that after the time on.
var loadOf = []uint32{
	0x02010100, 0x02010200, 0x02010300, 0x02020100, 0x02020200, 0x02020300, 0x02800002,
	0x02030000, 0x02030100, 0x02030200, 0x02030300, 0x02040000, 0x02040100, 0x02040200, 0x02040300,
	0x02060000, 0x02060100, 0x02060200, 0x02060300,
	0x00010000, 0x00020000, 0x00030000, 0x00040000,
	0x00050000, 0x00060000, 0x00070000, 0x00080000,
	0x02800004, 0x02800005,
}

// LoadField gives the class of load records that keeps a present value, and
// its index among the items of the first record; false if none does. That of a
// further record is LoadStride more each.
func LoadField(di DI) (class int, index uint16, ok bool) {
	if di.Protocol != V2007 {
		return 0, 0, false
	}
	i := slices.Index(loadOf, di.Code)
	if i < 0 {
		return 0, 0, false
	}
	return loadFields[i+1].class, uint16(i + 1), true
}

// LoadWidth gives the bytes of a load record that holds one class.
func LoadWidth(class int) int { return loadFrame + int(loadWidths[0]+loadWidths[class]) + loadClasses }

var loadParts, loadWidths = compileLoad()

// compileLoad gives the parts, whose offsets count within their class, and
// the width of each class.
func compileLoad() (parts []part, widths [loadClasses + 1]uint16) {
	for _, f := range loadFields {
		ps, err := parsePart(f.format, f.unit, widths[f.class])
		if err != nil {
			panic(err)
		}
		ps[0].name = f.name
		widths[f.class] += ps[0].width
		parts = append(parts, ps[0])
	}
	return parts, widths
}

// decodeLoad reads load records, one or several. A damaged one is passed over
// and leaves one invalid item; the others are read. What is asked for one
// class alone may also come as its bare values.
func decodeLoad(dst []Item, di DI, data []byte) ([]Item, error) {
	first := len(dst)
	if class := int(di.byteAt(2)); class > 0 && loadLen(data) == 0 && len(data) == int(loadWidths[class]) {
		return decodeClass(dst, di, data, class, 0), nil
	}
	for record := 0; len(data) > 0 && !(len(data) == 1 && isFill(data[0])); record++ {
		if record*LoadStride > 0xFFFF-LoadStride {
			return dst, fmt.Errorf("dlt645: the answer for %s holds more than %d load records", di, record)
		}
		index := uint16(record * LoadStride)
		n := loadLen(data)
		if n == 0 {
			// Bytes that are no record: the next one is looked for after them.
			n = nextLoad(data)
			dst = append(dst, Item{DI: di, Index: index, Value: Value{Kind: Invalid, Text: fmt.Sprintf("%X", data[:n])}})
			data = data[n:]
			continue
		}
		one := data[:n]
		data = data[n:]
		if one[0] != loadHead || checksum(one[:n-2]) != one[n-2] || n < loadFrame+int(loadWidths[0]) {
			dst = append(dst, Item{DI: di, Index: index, Value: Value{Kind: Invalid, Text: fmt.Sprintf("%X", one)}})
			continue
		}
		dst = decodeOneLoad(dst, di, one[3:n-2], index)
	}
	if len(dst) == first {
		return dst, fmt.Errorf("dlt645: the answer for %s holds no data", di)
	}
	return dst, nil
}

// nextLoad gives where the next record may begin, at least one byte on.
func nextLoad(data []byte) int {
	for i := 1; i+1 < len(data); i++ {
		if data[i] == data[i+1] && (data[i] == loadHead || data[i] == loadDamaged) {
			return i
		}
	}
	return len(data)
}

// loadLen gives the length of the record at the start of data, 0 if there is
// none.
func loadLen(data []byte) int {
	if len(data) < loadFrame || data[0] != data[1] || data[0] != loadHead && data[0] != loadDamaged {
		return 0
	}
	n := int(data[2]) + loadFrame
	if n > len(data) || data[n-1] != loadTail {
		return 0
	}
	return n
}

// decodeOneLoad reads the body of a record whose checksum is right. A class of
// another width than the table's leaves one invalid item, and the others are
// read: no BCD byte is AA, so each class ends at the next AA.
func decodeOneLoad(dst []Item, di DI, body []byte, index uint16) []Item {
	dst = decodeClass(dst, di, body[:loadWidths[0]], 0, index)
	body = body[loadWidths[0]:]
	for class := 1; class <= loadClasses && len(body) > 0; class++ {
		n := bytes.IndexByte(body, loadFill)
		if n < 0 {
			n = len(body)
		}
		switch n {
		case 0: // the class is not there
		case int(loadWidths[class]):
			dst = decodeClass(dst, di, body[:n], class, index)
		default:
			first := slices.IndexFunc(loadFields, func(f loadField) bool { return f.class == class })
			dst = append(dst, Item{DI: di, Index: index + uint16(first), Value: Value{Kind: Invalid, Text: fmt.Sprintf("%X", body[:n])}})
		}
		body = body[min(n+1, len(body)):]
	}
	return dst
}

// decodeClass reads the values of one class; class 0 is the time.
func decodeClass(dst []Item, di DI, b []byte, class int, index uint16) []Item {
	for i := range loadFields {
		if p := &loadParts[i]; loadFields[i].class == class {
			dst = append(dst, Item{DI: di, Index: index + uint16(i), Value: p.value(b[p.off : p.off+p.width])})
		}
	}
	return dst
}

// appendLoad writes the load records that items tell, as decodeLoad gives
// them. A class is left out when the first of its items is missing.
func appendLoad(b []byte, items []Item) ([]byte, error) {
	for len(items) > 0 {
		record := items[0].Index / LoadStride
		n := 0
		for n < len(items) && items[n].Index/LoadStride == record {
			n++
		}
		var err error
		if b, err = appendOneLoad(b, items[:n]); err != nil {
			return b, err
		}
		items = items[n:]
	}
	return b, nil
}

func appendOneLoad(b []byte, items []Item) ([]byte, error) {
	start := len(b)
	b = append(b, loadHead, loadHead, 0)
	for class := range loadClasses + 1 {
		for i := range loadFields {
			if loadFields[i].class != class || len(items) == 0 || int(items[0].Index%LoadStride) != i {
				continue
			}
			var err error
			if b, err = loadParts[i].append(b, items[0].Value); err != nil {
				return b[:start], err
			}
			items = items[1:]
		}
		if class > 0 {
			b = append(b, loadFill)
		}
	}
	n := len(b) - start - 3
	if len(items) > 0 || n > 0xFF {
		return b[:start], fmt.Errorf("dlt645: the items of a load record are out of order or too many")
	}
	b[start+2] = byte(n)
	return append(b, checksum(b[start:]), loadTail), nil
}
