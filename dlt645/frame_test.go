package dlt645

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestAddressMatching(t *testing.T) {
	for _, c := range []struct {
		name, asked, from string
		want              bool
	}{
		{"its own", "202411200101", "202411200101", true},
		{"another meter", "202411200101", "202411200102", false},
		{"all wild", "AAAAAAAAAAAA", "202411200101", true},
		{"all wild, answered with AA as some meters do", "AAAAAAAAAAAA", "AAAAAAAAAAAA", true},
		{"AA for the first digits", "AAAAAAAA0101", "202411200101", true},
		{"AA for the first digits, the rest differs", "AAAAAAAA0101", "202411200102", false},
		{"a wild answer to a meter's own address", "202411200101", "AAAAAAAAAAAA", false},
		{"broadcast, answered as meters of 1997 do", "999999999999", "202411200101", true},
	} {
		asked, err1 := ParseAddress(c.asked)
		from, err2 := ParseAddress(c.from)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if got := asked.Accepts(from); got != c.want {
			t.Errorf("%s: %s answers %s: got %v, want %v", c.name, c.from, c.asked, got, c.want)
		}
	}
	for _, bad := range []string{"", "2024", "20241120010X", "2024AA200101", "2024112001012"} {
		if a, err := ParseAddress(bad); err == nil {
			t.Errorf("%q was taken for %s", bad, a)
		}
	}
}

func TestDecimalsAreExact(t *testing.T) {
	for _, c := range []struct {
		d    Decimal
		want string
	}{
		{Decimal{2201, 1}, "220.1"}, {Decimal{-123, 4}, "-0.0123"}, {Decimal{0, 4}, "0.0000"}, {Decimal{123456, 2}, "1234.56"},
		{Decimal{62345678, 2}, "623456.78"}, {Decimal{-5, 0}, "-5"}, {Decimal{5, 3}, "0.005"}, {Decimal{-9223372036854775808, 2}, "-92233720368547758.08"},
	} {
		if got := c.d.String(); got != c.want {
			t.Errorf("%+v is %q, want %q", c.d, got, c.want)
		}
		if back, err := ParseDecimal(c.want); err != nil || back != c.d {
			t.Errorf("%q is read as %+v (%v), want %+v", c.want, back, err, c.d)
		}
	}
	for _, bad := range []string{"", "-", ".5", "5.", "1e3", "1.2.3", "--1", "-.5", "99999999999999999999"} {
		if d, err := ParseDecimal(bad); err == nil {
			t.Errorf("%q was taken for %v", bad, d)
		}
	}
}

func TestScaledRoundsHalvesAwayFromZero(t *testing.T) {
	for _, c := range []struct {
		s     string
		scale int
		want  int64
		ok    bool
	}{
		{"229.99995", 4, 2300000, true}, {"4.35", 2, 435, true}, {"0.0003", 4, 3, true}, {"70.0015", 4, 700015, true},
		{"-0.00005", 4, -1, true}, {"0.00004", 4, 0, true}, {"1", 18, 1000000000000000000, true}, {"99", 18, 0, false},
	} {
		d, err := ParseDecimal(c.s)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := d.Scaled(c.scale)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s × 10^%d: got %d, %v, want %d, %v", c.s, c.scale, got, ok, c.want, c.ok)
		}
	}
}

func TestAbsentAndInvalidAreNotZero(t *testing.T) {
	voltages := DI{Code: 0x0201FF00}
	items, err := Decode(nil, voltages, []byte{0x01, 0x22, 0xFF, 0xFF, 0x1A, 0x22})
	if err != nil || len(items) != 3 {
		t.Fatal(items, err)
	}
	for i, want := range []Kind{Number, Absent, Invalid} {
		if items[i].Value.Kind != want {
			t.Errorf("member %d is of kind %d, want %d", i, items[i].Value.Kind, want)
		}
	}
	if items[2].Value.Text != "221A" {
		t.Errorf("invalid digits are told as %q, want high byte first", items[2].Value.Text)
	}
}

func TestSignBelongsToSignedItemsOnly(t *testing.T) {
	power, _ := Decode(nil, DI{Code: 0x02030000}, []byte{0x34, 0x12, 0x80})
	if got := power[0].Value.String(); got != "-0.1234" {
		t.Errorf("power is %s, want -0.1234", got)
	}
	energy, _ := Decode(nil, DI{Code: 0x00010000}, []byte{0x99, 0x99, 0x99, 0x99})
	if got := energy[0].Value.String(); got != "999999.99" {
		t.Errorf("forward energy is %s, want 999999.99: its top bit is a digit", got)
	}
	zero, _ := Decode(nil, DI{Code: 0x02030100}, []byte{0x00, 0x00, 0x80})
	if got := zero[0].Value.String(); got != "0.0000" {
		t.Errorf("minus zero is %s, want 0.0000", got)
	}
}

func TestBlockWithAByteBehindIt(t *testing.T) {
	for _, extra := range []byte{0xAA, 0xDD} {
		items, err := Decode(nil, DI{Code: 0x0201FF00}, []byte{0x01, 0x22, 0x02, 0x22, 0x03, 0x22, extra})
		if err != nil || len(items) != 3 {
			t.Errorf("%02X after a block: %d items, %v", extra, len(items), err)
		}
	}
	if _, err := Decode(nil, DI{Code: 0x0201FF00}, []byte{0x01, 0x22, 0x02}); err == nil {
		t.Error("half a member was taken")
	}
}

func TestTimeBroadcastGoesSecondsFirst(t *testing.T) {
	at := time.Date(2026, 11, 20, 10, 15, 30, 0, time.UTC)
	b, err := TimeBroadcast(at).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	// ss mm hh DD MM YY, each +33H, to 999999999999.
	want := unhex(t, "68 99 99 99 99 99 99 68 08 06 63 48 43 53 44 59 52 16")
	if string(b) != string(want) {
		t.Errorf("got %X, want %X", b, want)
	}
}

func TestNoiseInFrontNeverHidesAFrame(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	good := unhex(t, "68 01 00 00 00 00 00 68 91 08 33 33 34 33 AB 89 67 45 17 16")
	for range 20000 {
		noise := make([]byte, rng.IntN(31))
		for i := range noise {
			noise[i] = byte(rng.Uint32())
			if rng.IntN(4) == 0 {
				noise[i] = headByte
			}
		}
		frames, at := scanAll(append(noise, good...))
		if len(frames) == 0 || at[len(at)-1].End != len(noise)+len(good) {
			t.Fatalf("after %X the frame is lost", noise)
		}
	}
}

func TestAChangedByteNeverGivesTheSameFrame(t *testing.T) {
	good := unhex(t, "68 01 00 00 00 00 00 68 91 08 33 33 34 33 AB 89 67 45 17 16")
	var want Frame
	if err := want.UnmarshalBinary(good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for c := range 256 {
			b := append([]byte(nil), good...)
			if b[i] == byte(c) {
				continue
			}
			b[i] = byte(c)
			var f Frame
			if err := f.UnmarshalBinary(b); err == nil {
				t.Errorf("byte %d as %02X still gives a frame: %+v", i, c, f)
			}
		}
	}
}
