package dlt645

import "testing"

func TestExtentIsThatOfTheFormat(t *testing.T) {
	for _, c := range []struct {
		di          DI
		least, most string
	}{
		{DI{Code: 0x00010000}, "0", "999999.99"},
		{DI{Code: 0x00000000}, "-799999.99", "799999.99"},
		{DI{Code: 0x02010100}, "0", "999.9"},
		{DI{Code: 0x02030000}, "-79.9999", "79.9999"},
		{DI{Code: 0x02800007}, "-799.9", "799.9"},
		{DI{Protocol: V1997, Code: 0x9010}, "0", "999999.99"},
		{DI{Code: 0x04000503}, "", ""}, // a word of bits
		{DI{Code: 0x04000101}, "", ""}, // a date
		{DI{Code: 0xFFFFFFFF}, "", ""},
	} {
		least, most, ok := Extent(c.di)
		if ok != (c.most != "") || ok && (least.String() != c.least && !(c.least == "0" && least.Coef == 0) || most.String() != c.most) {
			t.Errorf("%v: %v to %v, %v; want %s to %s", c.di, least, most, ok, c.least, c.most)
		}
	}
}

// TestExtentIsReached: the greatest and the least value that it tells can be
// written and read, and no value of random bytes is beyond them.
func TestExtentIsReached(t *testing.T) {
	for _, di := range []DI{{Code: 0x02030000}, {Code: 0x02010100}, {Code: 0x00010000}, {Code: 0x02800007}} {
		least, most, _ := Extent(di)
		for _, want := range []Decimal{least, most} {
			b, err := AppendParsed(nil, di, []string{want.String()})
			if err != nil {
				t.Errorf("%v: %v: %v", di, want, err)
				continue
			}
			items, err := Decode(nil, di, b)
			if err != nil || items[0].Value.Dec.Coef != want.Coef {
				t.Errorf("%v: %v reads back as %v, %v", di, want, items, err)
			}
		}
	}
}
