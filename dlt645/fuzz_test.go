package dlt645

import (
	"bytes"
	"slices"
	"testing"
)

func FuzzScan(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(unhex(f, v.Hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, at := scanAll(b)
		for i, fr := range frames {
			again, err := fr.AppendBinary(nil)
			if err != nil || string(again) != string(b[at[i].Start:at[i].End]) {
				t.Errorf("%X marshals to %X (%v)", b[at[i].Start:at[i].End], again, err)
			}
			fr.Answers(fr)
			fr.Refusal()
			parts, _ := fr.Parts(nil)
			for _, p := range parts {
				p.Meaning()
			}
			var s Assembly
			s.Add(fr)
		}
		if p := Pending(b); p > len(b) {
			t.Errorf("pending from %d of %d", p, len(b))
		}
		Diagnose(b)
	})
}

// FuzzStream holds a reader that gets its bytes in pieces to what one gets
// that has them all at once.
func FuzzStream(f *testing.F) {
	for i, v := range vectors(f) {
		f.Add(append(unhex(f, v.Hex), unhex(f, v.Hex)...), uint8(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		want, _ := scanAll(b)
		var got []Frame
		var held []byte
		for chunk := range slices.Chunk(b, int(piece)+1) {
			held = append(held, chunk...)
			for {
				// A candidate that may still be completed comes first.
				var fr Frame
				at, ok := Scan(held, &fr)
				if !ok || Pending(held) < at.Start {
					break
				}
				got = append(got, fr)
				held = held[at.End:]
			}
			if len(held) > 2*MaxFrame {
				var fr Frame
				if _, ok := Scan(held, &fr); !ok {
					held = held[Pending(held):]
				}
			}
		}
		rest, _ := scanAll(held)
		got = append(got, rest...)
		if len(got) != len(want) {
			t.Fatalf("in pieces of %d: %d frames of %X, at once %d", int(piece)+1, len(got), b, len(want))
		}
		for i := range got {
			if !sameFrame(got[i], want[i]) {
				t.Fatalf("frame %d of %X: got %+v, want %+v", i, b, got[i], want[i])
			}
		}
	})
}

func FuzzFrame(f *testing.F) {
	for _, v := range vectors(f) {
		if v.Offset != nil {
			f.Add(unhex(f, v.Hex)[*v.Offset:])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var fr Frame
		if err := fr.UnmarshalBinary(b); err != nil {
			return
		}
		again, err := fr.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%X marshals to %X (%v)", b, again, err)
		}
	})
}

// FuzzDecode reads any bytes as the answer for any identifier. What is read
// without a flaw is written again as it came, but for fill bytes and for the
// other ways to say the same.
func FuzzDecode(f *testing.F) {
	for _, p := range []Protocol{V2007, V1997} {
		entries, dis := entriesOf(p)
		for i, e := range entries {
			f.Add(p == V1997, dis[i].Code, make([]byte, max(e.width, 4)))
		}
	}
	f.Add(false, uint32(0x0201FF00), []byte{0x01, 0x22, 0xFF, 0xFF})
	f.Add(false, uint32(0x06000002), unhex(f, "A0A01C00050101179923102407240000000000000000000050AAAAAAAAAAAAE1E5"))
	f.Fuzz(func(t *testing.T, old bool, code uint32, data []byte) {
		di := DI{Code: code}
		if old {
			di = DI{V1997, code & 0xFFFF}
		}
		items, err := Decode(nil, di, data)
		if err == nil && len(items) == 0 {
			t.Errorf("%s %X gives neither items nor an error", di, data)
		}
		if len(items) > len(data) {
			t.Errorf("%s: %d items of %d bytes", di, len(items), len(data))
		}
		for _, it := range items {
			if it.Value.Kind == Number {
				if back, err := ParseDecimal(it.Value.String()); err != nil || back != it.Value.Dec {
					t.Errorf("%v is not exact", it.Value.Dec)
				}
			}
			if _, ok := Name(it); !ok {
				t.Errorf("an item of %s has no name", it.DI)
			}
			it.Unit()
			SetBits(it)
		}
		if err != nil {
			return
		}
		// What was decoded and written reads as the same again.
		b, err := AppendData(nil, di, items)
		if err != nil {
			return // an invalid value, a block with gaps
		}
		again, err := Decode(nil, di, b)
		if err != nil || !slices.Equal(again, items) {
			t.Errorf("%s %X reads as\n%v, written as %X reads as\n%v (%v)", di, data, items, b, again, err)
		}
	})
}
