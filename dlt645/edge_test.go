package dlt645

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
)

// Edges that vectors and drawn frames seldom meet: each was found by a mutant
// that no other test noticed.

// TestCodesAreThoseOfTheStandard, whose numbers go on the wire.
func TestCodesAreThoseOfTheStandard(t *testing.T) {
	for _, c := range []struct{ got, want int }{
		{int(FuncAuthenticate), 0x03}, {int(FuncBroadcastTime), 0x08}, {int(FuncRead), 0x11}, {int(FuncReadMore), 0x12}, {int(FuncReadAddress), 0x13},
		{int(FuncWrite), 0x14}, {int(FuncWriteAddress), 0x15}, {int(FuncFreeze), 0x16}, {int(FuncBaud), 0x17}, {int(FuncPassword), 0x18},
		{int(FuncDemandReset), 0x19}, {int(FuncMeterClear), 0x1A}, {int(FuncEventClear), 0x1B}, {int(FuncControl), 0x1C}, {int(FuncOutput), 0x1D},
		{int(Func97Read), 0x01}, {int(Func97ReadMore), 0x02}, {int(Func97Reread), 0x03}, {int(Func97Write), 0x04}, {int(Func97WriteAddress), 0x0A},
		{int(Func97Baud), 0x0C}, {int(Func97Password), 0x0F}, {int(Func97DemandReset), 0x10},
		{int(CommandTrip), 0x1A}, {int(CommandPermit), 0x1B}, {int(CommandClose), 0x1C}, {int(CommandTripFor), 0x1D}, {int(CommandTripForDirect), 0x1E},
		{int(CommandAlarm), 0x2A}, {int(CommandAlarmOff), 0x2B}, {int(CommandProtect), 0x3A}, {int(CommandProtectOff), 0x3B},
		{int(OutputClock), 0}, {int(OutputDemand), 1}, {int(OutputTariff), 2}, {MaxWriteData, 50}, {MaxData, 255}, {MaxFrame, 267},
	} {
		if c.got != c.want {
			t.Errorf("got %02X, want %02X", c.got, c.want)
		}
	}
	for z, baud := range map[byte]int{2: 600, 4: 1200, 8: 2400, 16: 4800, 32: 9600, 64: 19200} {
		if got, ok := BaudOfWord(z); !ok || got != baud {
			t.Errorf("word %02X is %d baud, %v, want %d", z, got, ok, baud)
		}
		if got, ok := BaudWord(baud); !ok || got != z {
			t.Errorf("%d baud is %02X, %v, want %02X", baud, got, ok, z)
		}
	}
	for _, z := range []byte{0, 1, 6, 0x81, 0xFF} {
		if got, ok := BaudOfWord(z); ok {
			t.Errorf("word %02X is %d baud, want none", z, got)
		}
	}
}

// TestWhichFramesCarryAnIdentifier, by control byte.
func TestWhichFramesCarryAnIdentifier(t *testing.T) {
	for _, c := range []struct {
		control Control
		data    string
		di      string // "" none
		payload string
	}{
		{0x01, "1090", "9010", ""}, {0x81, "1090 22", "9010", "22"}, {0x02, "1090", "9010", ""}, {0x82, "1090 22", "9010", "22"},
		{0x04, "1090 22", "9010", "22"}, {0x84, "1090", "", "1090"}, {0x0A, "010203040506", "", "010203040506"}, {0x8A, "0102", "", "0102"},
		{0x0C, "0102", "", "0102"}, {0x0F, "0102030405060708", "", "0102030405060708"}, {0x10, "01020304", "", "01020304"},
		{0x03, "", "", ""}, {0x83, "1090 22", "9010", "22"}, {0x03, "01000007 22", "07000001", "22"}, {0x83, "01000007 22", "07000001", "22"},
		{0x83, "01000008 22", "0001", "000822"}, {0x03, "010000", "", "010000"}, {0xC3, "0100", "", "0100"},
		{0x14, "01000104 22", "04010001", "22"}, {0x94, "01000104", "", "01000104"}, {0x18, "010C0004", "04000C01", ""}, {0x98, "010C0004", "", "010C0004"},
		{0x11, "010001", "", "010001"}, {0xD1, "01000104", "", "01000104"}, {0x13, "01020304", "", "01020304"}, {0x16, "01020304", "", "01020304"},
		{0x1C, "0102030405060708", "", "0102030405060708"},
	} {
		f := Frame{Control: c.control, Data: unhexed(t, c.data)}
		got := ""
		if di, ok := f.DI(); ok {
			got = di.String()
		}
		if payload := fmt.Sprintf("%X", f.Payload()); got != c.di || payload != strings.ReplaceAll(c.payload, " ", "") {
			t.Errorf("%02X with %s: identifier %q, payload %s, want %q, %s", byte(c.control), c.data, got, payload, c.di, c.payload)
		}
	}
}

// TestWhatAnswersARequest: identifier and number of a follow-up agree, where the
// request has them.
func TestWhatAnswersARequest(t *testing.T) {
	a := Address{1, 2, 3, 4, 5, 6}
	di := DI{Code: 0x0201FF00}
	good := func(c Control, data string) Frame { return Frame{Address: a, Control: c, Data: unhexed(t, data)} }
	for _, c := range []struct {
		req, answer Frame
		want        bool
	}{
		{ReadRequest(a, di), good(0x91, "00FF0102 0122"), true},
		{ReadRequest(a, di), good(0x91, "00FF0202 0122"), false},
		{ReadRequest(a, di), good(0x91, "00FF01"), false},
		{ReadRequest(a, di), good(0xD1, "02"), true},
		{ReadRequest(a, di), good(0x11, "00FF0102"), false},
		{ReadRequest(a, di), good(0x92, "00FF0102 0122 01"), false},
		{ReadMoreRequest(a, di, 3), good(0x92, "00FF0102 0122 03"), true},
		{ReadMoreRequest(a, di, 3), good(0x92, "00FF0102 0122 04"), false},
		{ReadMoreRequest(a, di, 3), good(0x92, "00FF0102"), false},
		{AddressRequest(), good(0x93, "060504030201"), true},
		{good(0x16, "99999999"), good(0x96, ""), true},
	} {
		if got := c.answer.Answers(c.req); got != c.want {
			t.Errorf("%02X %X answers %02X %X: %v, want %v", byte(c.answer.Control), c.answer.Data, byte(c.req.Control), c.req.Data, got, c.want)
		}
	}
}

// TestNumbersAtTheirEdges: what does not fit is an error, whatever it is.
func TestNumbersAtTheirEdges(t *testing.T) {
	for _, c := range []struct {
		n      int64
		width  int
		signed bool
		want   string // "": it does not fit
	}{
		{0, 1, false, "00"}, {99, 1, false, "99"}, {100, 1, false, ""}, {-1, 1, false, ""}, {79, 1, true, "79"}, {-79, 1, true, "F9"}, {80, 1, true, ""}, {-80, 1, true, ""},
		{799999, 3, true, "999979"}, {-799999, 3, true, "9999F9"}, {0, 0, false, ""}, {0, -1, true, ""},
		{math.MaxInt64, 10, true, "07587754680372332209"}, {math.MinInt64, 10, true, "08587754680372332289"}, {math.MinInt64, 9, true, ""}, {math.MinInt64, 10, false, ""},
	} {
		b, err := AppendNumber([]byte{0xA5}, c.n, c.width, c.signed)
		if got := fmt.Sprintf("%X", b[1:]); got != c.want || (err == nil) != (c.want != "") || b[0] != 0xA5 {
			t.Errorf("%d in %d bytes: got %s and %v, want %s", c.n, c.width, got, err, c.want)
		}
	}
}

// TestAddressesAndIdentifiersOnTheWire: low byte first, there and back.
func TestAddressesAndIdentifiersOnTheWire(t *testing.T) {
	a, _ := ParseAddress("202411200101")
	b, _ := a.AppendBinary(nil)
	if back, ok := AddressOf(b); !ok || back != a || fmt.Sprintf("%X", b) != "010120112420" {
		t.Errorf("the address goes as %X, and is %s again", b, back)
	}
	for s, want := range map[string]string{"02010100": "00010102", "9010": "1090"} {
		di, _ := ParseDI(s)
		b, _ := di.AppendBinary(nil)
		if back, ok := DIOf(b); !ok || back != di || fmt.Sprintf("%X", b) != want {
			t.Errorf("%s goes as %X, and is %s again", s, b, back)
		}
	}
	for n := range 6 {
		if di, ok := DIOf(make([]byte, n)); ok != (n == 2 || n == 4) || !ok && di != (DI{}) {
			t.Errorf("%d bytes are the identifier %s, %v", n, di, ok)
		}
	}
}

// TestCommandsAreTypedAsTheyAreListed, and no word is one that has none.
func TestCommandsAreTypedAsTheyAreListed(t *testing.T) {
	want := map[string]Command{"trip": 0x1A, "permit": 0x1B, "close": 0x1C, "alarm": 0x2A, "alarm-off": 0x2B, "protect": 0x3A, "protect-off": 0x3B}
	if got := CommandWords(); len(got) != len(want) || got[0] != "trip" {
		t.Errorf("got %q, want %d words, trip first", got, len(want))
	}
	for _, word := range append(CommandWords(), "", "Trip", "trip for a time") {
		if got, ok := ParseCommand(word); got != want[word] || ok != (want[word] != 0) {
			t.Errorf("%q: got %02X, %v", word, byte(got), ok)
		}
	}
}

// TestPreambleIsCounted, and the likely cause is told where there is one.
func TestPreambleIsCounted(t *testing.T) {
	frame := unhexed(t, "68010120112420681104333434352C16")
	for n := range 6 {
		for _, before := range []string{"", "00", "FE00", "1668"} {
			in := append(AppendPreamble(unhexed(t, before), n), frame...)
			var f Frame
			if at, ok := Scan(in, &f); !ok || at.Preamble != n || at.Start != len(in)-len(frame) || at.End != len(in) {
				t.Errorf("%X: %+v, %v, want a preamble of %d", in, at, ok, n)
			}
		}
		wrong := append(AppendPreamble(nil, n), frame...)
		wrong[n+7] = 0xE8
		if err := Diagnose(wrong); errors.Is(err, ErrSettings) != (n > 0) {
			t.Errorf("%d FE: %v", n, err)
		}
	}
	if err := Diagnose(append(AppendPreamble(nil, 4), frame[:9]...)); errors.Is(err, ErrSettings) {
		t.Errorf("cut off: %v", err)
	}
}

// TestModbusAddresses are 1 to 247, and its functions that read 1 to 4.
func TestModbusAddresses(t *testing.T) {
	for address, want := range map[byte]bool{0: false, 1: true, 2: true, 246: true, 247: true, 248: false, 255: false} {
		for function := range byte(7) {
			b := []byte{address, function, 2, 0x12, 0x34}
			c := crc16(0xFFFF, 0xA001, b)
			b = append(b, byte(c), byte(c>>8))
			want := want && function >= 1 && function <= 4
			if got := Foreign(b) == "Modbus-RTU"; got != want {
				t.Errorf("% X is Modbus: %v, want %v", b, got, want)
			}
		}
	}
}

func TestLengthErrorsTellBothNumbers(t *testing.T) {
	di := DI{Code: 0x02010100}
	for _, c := range []struct {
		err  LengthError
		want string
	}{
		{LengthError{DI: di}, "dlt645: the answer for 02010100 holds no data"},
		{LengthError{DI: di, Bytes: 1, Want: 2, Always: true}, "dlt645: the answer for 02010100 holds 1 bytes, want 2"},
		{LengthError{DI: di, Bytes: 3, Want: 2}, "dlt645: the answer for 02010100 holds 3 bytes, which is no multiple of 2"},
		{LengthError{DI: di, Bytes: 3}, "dlt645: the answer for 02010100 holds 3 bytes, which no number of tariffs explains"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// TestNamesOfWhatThereIsNot: an index beyond the values has the identifier's
// name, a neighbour of a known identifier none; events alone are named as a
// family.
func TestNamesOfWhatThereIsNot(t *testing.T) {
	if n, ok := Name(Item{DI: DI{Code: 0x02010100}, Index: 9}); !ok || n.EN != "A-phase voltage" {
		t.Errorf("got %v, %v", n, ok)
	}
	if n, ok := Name(Item{DI: DI{Code: 0x06000001}, Index: 31}); !ok || n.EN == "" {
		t.Errorf("got %v, %v", n, ok)
	}
	if n, ok := Name(Item{DI: DI{Code: 0x99010100}}); ok || n != (Text{}) {
		t.Errorf("got %v, %v", n, ok)
	}
	for code, want := range map[uint32]string{0x00010055: "", 0x02010105: "", 0x040001FF: "", 0x030101FF: "loss of voltage record", 0x033000FF: "programming record"} {
		if got := NameOf(DI{Code: code}).EN; got != want {
			t.Errorf("%08X is %q, want %q", code, got, want)
		}
	}
	if got := NameOf(DI{V1997, 0x03FF}); got != (Text{}) {
		t.Errorf("03FF is %q", got)
	}
}

// TestDecimalsAreWrittenOut, with every number of decimals and leading zeros.
func TestDecimalsAreWrittenOut(t *testing.T) {
	for scale := range uint8(MaxScale + 1) {
		for _, coef := range []int64{0, 1, 9, 10, 99, 1e6, 123456789, 1e17, 999999999999999999, -1, -10, -1e12} {
			want := new(big.Rat).SetFrac(big.NewInt(coef), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(int(scale))
			if got := (Decimal{coef, scale}).String(); got != want {
				t.Errorf("%d with %d decimals is %s, want %s", coef, scale, got, want)
			}
		}
	}
}

func TestScaledAtItsEdges(t *testing.T) {
	for _, c := range []struct {
		d    Decimal
		n    int
		want int64
		ok   bool
	}{
		{Decimal{0, 0}, 19, 0, true}, {Decimal{1, 0}, 19, 0, false}, {Decimal{7, 2}, 2, 7, true}, {Decimal{-7, 2}, 3, -70, true},
		{Decimal{15, 1}, 0, 2, true}, {Decimal{14, 1}, 0, 1, true}, {Decimal{-15, 1}, 0, -2, true}, {Decimal{-14, 1}, 0, -1, true},
		{Decimal{5, 18}, -1, 0, true}, {Decimal{5, 18}, 0, 0, true}, {Decimal{9, 0}, 18, 9e18, true}, {Decimal{10, 0}, 18, 0, false},
	} {
		if got, ok := c.d.Scaled(c.n); ok != c.ok || ok && got != c.want {
			t.Errorf("%v scaled by %d is %d, %v, want %d, %v", c.d, c.n, got, ok, c.want, c.ok)
		}
	}
}

// TestLoadWidths: A0 A0, length, time, the class, six AA, sum and E5.
func TestLoadWidths(t *testing.T) {
	for class, bytes := range map[int]int{1: 17, 2: 24, 3: 8, 4: 16, 5: 16, 6: 6} {
		if got := LoadWidth(class); got != 3+5+bytes+6+2 {
			t.Errorf("a record of class %d has %d bytes, want %d", class, got, 3+5+bytes+6+2)
		}
	}
}

// TestWhatIsNoLoadRecord: both first bytes are A0 or both are E0.
func TestWhatIsNoLoadRecord(t *testing.T) {
	good := unhexed(t, "A0A0 0B 0030100126 AAAAAAAAAAAA 00 E5")
	good[len(good)-2] = checksum(good[:len(good)-2])
	for head, want := range map[string]int{"A0A0": len(good), "E0E0": len(good), "A0E0": 0, "E0A0": 0, "A1A1": 0, "A0A1": 0, "0000": 0} {
		b := append(unhexed(t, head), good[2:]...)
		if got := loadLen(b); got != want {
			t.Errorf("%X has %d bytes, want %d", b, got, want)
		}
	}
	if got := loadLen(good[:len(good)-1]); got != 0 {
		t.Errorf("a record that is cut off has %d bytes", got)
	}
}

// TestExtentsThatThereAreNot: no bytes, or more than a number can hold.
func TestExtentsThatThereAreNot(t *testing.T) {
	for bytes, want := range map[int]bool{-1: false, 0: false, 1: true, 9: true, 10: false} {
		if _, _, ok := ExtentOf(bytes, 0, false); ok != want {
			t.Errorf("%d bytes have an extent: %v, want %v", bytes, ok, want)
		}
	}
}

// TestTextsAndTimesThatAreNotWritten.
func TestTextsAndTimesThatAreNotWritten(t *testing.T) {
	for _, c := range []struct {
		di, value, want string // "" for want: it is refused
	}{
		{"04000404", "~220 V", "5620303232 7E"}, {"04000404", "220\x7f", ""}, {"04000404", "220\x1f", ""}, {"04000404", "2200000", ""},
		{"04000102", "23:59:59", "595923"}, {"04000102", "18:5:00", ""}, {"04000102", "18:0:000", ""}, {"04000102", "18::0000", ""}, {"04000102", "1:8:00:00", ""},
		{"04000102", "18:0A:00", ""}, {"04000102", "A8:00:00", ""}, {"04000102", "25:00:00", ""}, {"04000106", "1999-12-31 00:00", ""}, {"04000106", "2026-02-29 00:00", "0000290226"},
	} {
		di, err := ParseDI(c.di)
		if err != nil {
			t.Fatal(err)
		}
		b, err := AppendParsed(nil, di, []string{c.value})
		if c.want == "" {
			if err == nil {
				t.Errorf("%s takes %q as %X", c.di, c.value, b)
			}
			continue
		}
		if want := strings.ReplaceAll(c.want, " ", ""); err != nil || fmt.Sprintf("%X", b) != want {
			t.Errorf("%s takes %q as %X, %v, want %s", c.di, c.value, b, err, want)
		}
	}
}

// TestFormatsThatAreNone are mistakes of a table.
func TestFormatsThatAreNone(t *testing.T) {
	for _, s := range []string{"XXX", "XX.X", "XXQXX", "XX.QX", "XX[a-b]", "XX/a", "NX", "A6x", "YYQQ", "YYM", "XXXX[1-", "N1x"} {
		if _, _, err := parseFormat(s, ""); err == nil {
			t.Errorf("%s is a format", s)
		}
	}
}

// TestPartsTellWhatTheyHold, in both languages.
func TestPartsTellWhatTheyHold(t *testing.T) {
	for _, c := range []struct {
		field  Field
		data   string
		en, zh string
	}{
		{FieldPassword, "02123456", "level 02, 123456", "权限02，123456"}, {FieldNewPassword, "00000001", "level 00, 000001", "权限00，000001"},
		{FieldDI, "00010102", "02010100 A-phase voltage", "02010100 A相电压"}, {FieldDI, "1090", "9010 forward active energy total", "9010 正向有功电能(总)"},
		{FieldDI, "FFFFFFFF", "FFFFFFFF all events", "FFFFFFFF 全部事件"}, {FieldDI, "01000099", "99000001", "99000001"}, {FieldDI, "010000", "", ""},
		{FieldSEQ, "07", "7", "7"}, {FieldCount, "0A", "10", "10"}, {FieldMoment, "3015201126", "2026-11-20 15:30", "2026-11-20 15:30"},
		{FieldTime, "593015201126", "2026-11-20 15:30:59", "2026-11-20 15:30:59"}, {FieldOperator, "01020304", "01020304", "01020304"},
		{FieldAddress, "010120112420", "202411200101", "202411200101"}, {FieldBaud, "08", "2400 baud", "2400bps"}, {FieldBaud, "03", "no rate", "无此速率"},
		{FieldFreezeTime, "99999999", "once, now", "瞬时冻结"}, {FieldFreezeTime, "15999999", "each hour at minute 15", "每小时15分"},
		{FieldFreezeTime, "15089999", "each day at 08:15", "每日08:15"}, {FieldFreezeTime, "15080199", "each month on day 01 at 08:15", "每月01日08:15"},
		{FieldFreezeTime, "15080112", "on 12-01 at 08:15", "12-01 08:15"},
	} {
		got := Part{Field: c.field, Data: unhexed(t, c.data)}.Meaning()
		if got != (Text{c.en, c.zh}) {
			t.Errorf("%s %s is %q, want %q, %q", c.field.Text().EN, c.data, got, c.en, c.zh)
		}
	}
}

// TestWordsOfErrors are those that people have read so far.
func TestWordsOfErrors(t *testing.T) {
	for err, want := range map[error]string{
		ErrUnknown: "dlt645: unknown data identifier", ErrSequence: "dlt645: follow-up frame out of sequence", ErrSettings: "the parity or the rate may be wrong",
		errNoStart: "dlt645: no start byte 68", errShort: "dlt645: the frame ends early",
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}
