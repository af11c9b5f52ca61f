package dlt645test

import "meterd/dlt645"

// valueLocked gives the data of an identifier; those of a block are its
// members one after the other.
func (m *Meter) valueLocked(di dlt645.DI) ([]byte, bool) {
	if m.NoBlock && isFreezeBlock(di) {
		return nil, false
	}
	if v, ok := m.singleLocked(di); ok {
		return v, true
	}
	if !dlt645.IsBlock(di) || m.NoBlock {
		return nil, false
	}
	var all []byte
	width := 0
	for _, one := range dlt645.Members(nil, di, 4) {
		v, ok := m.singleLocked(one)
		if !ok && m.load.phases == 1 && width > 0 {
			v, ok = absent(width), true
		}
		width = len(v)
		if !ok {
			break
		}
		if all = append(all, v...); m.Quirks.ShortBlock {
			break
		}
	}
	if len(all) > 0 && m.Quirks.BlockFill != 0 {
		all = append(all, m.Quirks.BlockFill)
	}
	return all, len(all) > 0
}

// isBlock reports whether di asks for several values at once.
func isBlock(di dlt645.DI) bool { return dlt645.IsBlock(di) || isFreezeBlock(di) }

func isFreezeBlock(di dlt645.DI) bool {
	return di.Protocol == dlt645.V2007 && di.Code>>24 == 0x05 && di.Code>>8&0xFF == 0xFF
}

func (m *Meter) singleLocked(di dlt645.DI) ([]byte, bool) {
	if m.Protocol == dlt645.V1997 {
		return m.value97Locked(uint16(di.Code))
	}
	v, ok := m.singleOf2007(di.Code)
	if ok && m.Quirks.WideCurrent && di.Code>>16 == 0x0202 && len(v) == 3 {
		v = append(append([]byte(nil), v[:2]...), v[2]&0x7F, v[2]&0x80)
	}
	return v, ok
}

func (m *Meter) singleOf2007(code uint32) ([]byte, bool) {
	v, ok := m.values[code]
	if _, pinned := m.pins[code]; !ok && !pinned {
		if v, ok = m.shownLocked(code); !ok {
			v, ok = m.history.value(code)
		}
	}
	if !ok && m.Quirks.Unmade != nil {
		v, ok = unmade(code, *m.Quirks.Unmade)
	}
	return v, ok
}

// absent fills a member that a single-phase meter lacks with FF, as wide as
// the one before it.
func absent(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 0xFF
	}
	return b
}

// from97 tells where a meter of 1997 has its values from: the same quantity
// of 2007, divided by what that edition has more decimals of.
var from97 = []struct {
	first, last uint16 // of the identifiers
	code        uint32 // of 2007, of the first
	step        uint32 // from one to the next
	divide      int64
	width       int
}{
	{0x9010, 0x9014, 0x00010000, 0x100, 1, 4},
	{0x9020, 0x9024, 0x00020000, 0x100, 1, 4},
	{0x9110, 0x9114, 0x00030000, 0x100, 1, 4},
	{0x9120, 0x9124, 0x00040000, 0x100, 1, 4},
	{0x9130, 0x9134, 0x00050000, 0x100, 1, 4},
	{0x9140, 0x9144, 0x00080000, 0x100, 1, 4},
	{0x9150, 0x9154, 0x00060000, 0x100, 1, 4},
	{0x9160, 0x9164, 0x00070000, 0x100, 1, 4},
	{0xB611, 0xB613, 0x02010100, 0x100, 10, 2},
	{0xB621, 0xB623, 0x02020100, 0x100, 10, 2},
	{0xB630, 0xB633, 0x02030000, 0x100, 1, 3},
	{0xB640, 0xB643, 0x02040000, 0x100, 100, 2},
	{0xB650, 0xB653, 0x02060000, 0x100, 1, 2},
	{0xC030, 0xC030, 0x04000409, 0, 1, 3},
}

// copied97 are the identifiers whose bytes are alike in both editions.
var copied97 = map[uint16]uint32{0xC010: 0x04000101, 0xC011: 0x04000102, 0xC032: 0x04000402, 0xC117: settlementDay1}

func (m *Meter) value97Locked(code uint16) ([]byte, bool) {
	if v, ok := m.values97[code]; ok {
		return v, v != nil
	}
	if c, ok := copied97[code]; ok {
		v, ok := m.singleOf2007(c)
		return v, ok
	}
	if code == 0xC020 {
		return []byte{0}, true
	}
	if d, ok := m.singleOf2007(0x01010000); ok && (code == 0xA010 || code == 0xB010) {
		if code == 0xA010 {
			return d[:3], true
		}
		return d[3:7], true
	}
	past := uint32(0)
	switch code >> 8 {
	case 0x94, 0x95: // last month, else as 90 and 91
		past, code = 1, code-0x400
	case 0x98, 0x99: // the month before
		past, code = 2, code-0x800
	}
	for _, f := range from97 {
		if code < f.first || code > f.last {
			continue
		}
		from := f.code + uint32(code-f.first)*f.step + past
		v, ok := m.singleOf2007(from)
		if !ok {
			return nil, false
		}
		n := dlt645.NumberValue(v, 0, from>>16 >= 0x0202 && from>>24 == 2)
		b, err := dlt645.AppendNumber(nil, max(n.Dec.Coef, 0)/f.divide, f.width, false)
		return b, err == nil
	}
	return nil, false
}
