package dlt645

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTableAgreesWithTheSources holds the rows to testdata/identifiers.tsv,
// which was written down from the sources and not from the table: bytes,
// decimals, sign and unit.
func TestTableAgreesWithTheSources(t *testing.T) {
	b, err := os.ReadFile("testdata/identifiers.tsv")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for n, line := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		f := strings.Split(line, "\t")
		for _, code := range codesOf(f[0]) {
			di, err := ParseDI(code)
			if err != nil {
				t.Fatal(err)
			}
			e, ok := lookup(di)
			if !ok {
				t.Errorf("line %d: %s is not in the table", n+2, code)
				continue
			}
			checkRow(t, n+2, di, e, f[3], f[4], f[5], f[6])
			checked++
		}
	}
	if checked < 120 {
		t.Errorf("only %d identifiers were compared", checked)
	}
	t.Logf("%d identifiers compared", checked)
}

var (
	fullCode  = regexp.MustCompile(`^[0-9A-F]{8}`)
	rangeCode = regexp.MustCompile(`^([0-9A-F]{8})\.\.([0-9A-F]{8})`)
	listCode  = regexp.MustCompile(`^([0-9A-F]{8})((?: / [0-9A-F]{2}\b)+)`)
	eachCode  = regexp.MustCompile(`\b[0-9A-F]{8}\b`)
)

// codesOf reads the first column: "02800004 / 05 / 06", "04000201..04000206",
// "03070000 / 03080000".
func codesOf(s string) []string {
	switch {
	case !fullCode.MatchString(s):
		return nil
	case rangeCode.MatchString(s):
		m := rangeCode.FindStringSubmatch(s)
		var lo, hi uint32
		fmt.Sscanf(m[1], "%X", &lo)
		fmt.Sscanf(m[2], "%X", &hi)
		step := uint32(1)
		if (hi-lo)%0x10000 == 0 {
			step = 0x10000
		}
		var all []string
		for c := lo; c <= hi; c += step {
			all = append(all, fmt.Sprintf("%08X", c))
		}
		return all
	case listCode.MatchString(s):
		m := listCode.FindStringSubmatch(s)
		all := []string{m[1]}
		for _, low := range strings.Split(m[2], " / ")[1:] {
			all = append(all, m[1][:6]+low)
		}
		return all
	}
	return eachCode.FindAllString(s, -1)
}

var (
	firstNumber = regexp.MustCompile(`^\d+`)
	bcdFormat   = regexp.MustCompile(`X+(\.X+)?`)
)

func checkRow(t *testing.T, line int, di DI, e *entry, width, format, unit, signed string) {
	t.Helper()
	p := e.parts[0]
	if IsBlock(di) || e.again != once || strings.HasPrefix(di.String(), "0310") {
		return // the widths of blocks are those of their members
	}
	if strings.Contains(width, " / ") { // one for each identifier, or totals and record
		return
	}
	if w := firstNumber.FindString(width); w != "" && e.width != 0 && fmt.Sprint(e.width) != w && !strings.HasPrefix(width, "1 (") {
		t.Errorf("line %d: %s has %d bytes, want %s", line, di, e.width, w)
	}
	if m := bcdFormat.FindString(format); m != "" && !strings.Contains(format, "3+") {
		_, frac, _ := strings.Cut(m, ".")
		if p.form != formNumber || int(p.dec) != len(frac) {
			t.Errorf("line %d: %s has %d decimals, want %d", line, di, p.dec, len(frac))
		}
		if want := strings.HasPrefix(signed, "yes"); strings.Contains(signed, ":") == false && p.signed != want {
			t.Errorf("line %d: %s: signed %v, want %v", line, di, p.signed, want)
		}
	}
	if unit != "" && unit != "-" && !strings.Contains(unit, "/") && p.unit != unit {
		t.Errorf("line %d: %s is in %q, want %q", line, di, p.unit, unit)
	}
}

// TestAnswersAsTheSourcesReadThem decodes bytes whose meaning was worked out
// by hand from the layouts, for what the list of sources tells in words only.
func TestAnswersAsTheSourcesReadThem(t *testing.T) {
	for _, c := range []struct {
		di, data string
		want     []string // name = value unit
	}{
		// Signs and decimals of the variables.
		{"0207FF00", "0100 0012 9935", []string{"A-phase phase angle = 0.1 deg", "B-phase phase angle = 120.0 deg", "C-phase phase angle = 359.9 deg"}},
		{"0206FF00", "0010 5089 FFFF 0080", []string{"total power factor = 1.000", "A-phase power factor = -0.950", "B-phase power factor = ", "C-phase power factor = 0.000"}},
		{"02080100", "3402", []string{"A-phase voltage distortion = 2.34 %"}},
		{"020A01FF", "0001 1002", []string{"A-phase voltage harmonic 1 = 1.00 %", "A-phase voltage harmonic 2 = 2.10 %"}},
		{"02050000", "452301", []string{"total apparent power = 1.2345 kVA"}},
		{"02020100", "34128000", []string{"A-phase current = 801.234 A"}},
		{"02800020", "50050000", []string{"present price = 0.0550 yuan/kWh"}},
		{"00030000", "00000080", []string{"combined reactive energy 1 total = 0.00 kvarh"}},
		{"00010000", "99999999", []string{"forward active energy total = 999999.99 kWh"}},
		{"00000000", "01000080", []string{"combined active energy total = -0.01 kWh"}},
		{"00170000", "01000080", []string{"A-phase combined reactive energy 1 = -0.01 kvarh"}},
		{"003D0000", "01000080", []string{"C-phase forward active energy = 800000.01 kWh"}},
		{"00800001", "01000080", []string{"associated energy, 1 settlement days back = -0.01 kWh"}},
		{"04000105", "8000", []string{"calibration pulse width = 80 ms"}},
		{"04000101", "06291218", []string{"date = 2018-12-29", "date weekday = 6"}},
		{"0400010C", "32531806291218", []string{"date = 2018-12-29", "date time = 18:53:32", "date weekday = 6"}},
		{"04010000", "010101 021503", []string{"time-zone table, set 1 1 = 01-01", "time-zone table, set 1 number 1 = 1", "time-zone table, set 1 2 = 03-15", "time-zone table, set 1 number 2 = 2"}},
		{"04010001", "030008", []string{"day table, set 1 1 1 = 08:00", "day table, set 1 1 number 1 = 3"}},
		{"04000B01", "0001", []string{"settlement day 1 = 01 00"}},
		{"04000B02", "9999", []string{"settlement day 2 = "}},
		{"04000B03", "0000", []string{"settlement day 3 = "}},
		{"04000B03", "9901", []string{"settlement day 3 = 0199"}},
		{"04000C03", "02123456", []string{"password of level 2 = 02123456"}},

		// Blocks whose members are separated.
		{"0001FF00", "01000000AA02000000AA03000000AA04000000AA05000000AA", []string{
			"forward active energy total = 0.01 kWh", "forward active energy tariff 1 = 0.02 kWh", "forward active energy tariff 2 = 0.03 kWh",
			"forward active energy tariff 3 = 0.04 kWh", "forward active energy tariff 4 = 0.05 kWh"}},
		{"901F", "29010000AA62000000AA60000000AA03000000AA02000000", []string{
			"forward active energy total = 1.29 kWh", "forward active energy tariff 1 = 0.62 kWh", "forward active energy tariff 2 = 0.60 kWh",
			"forward active energy tariff 3 = 0.03 kWh", "forward active energy tariff 4 = 0.02 kWh"}},

		{"01150000", "452301 3012110526", []string{"A-phase forward active maximum demand = 1.2345 kW", "A-phase forward active maximum demand time = 2026-05-11 12:30"}},
		{"013F0001", "452381 3012110526", []string{"C-phase combined reactive 1 maximum demand, 1 settlement days back = -1.2345 kvar", "C-phase combined reactive 1 maximum demand, 1 settlement days back time = 2026-05-11 12:30"}},
		{"04001201", "0000010126", []string{"hourly freeze start = 2026-01-01 00:00"}},
		{"04001203", "3012", []string{"daily freeze time = 12:30"}},
		{"04040101", "00FF0100", []string{"scrolled screen 1 = 0001FF00"}},
		{"04040101", "00FF010003", []string{"scrolled screen 1 = 0001FF00", "scrolled screen 1 number = 3"}},

		// Events.
		{"03110001", "000203040526 000000000000", []string{"power-off record begin = 2026-05-04 03:02:00", "power-off record end = "}},
		{"03300401", "11223344 595903040526 000004040526", []string{"clock set record operator code = 11223344", "clock set record before = 2026-05-04 03:59:59", "clock set record after = 2026-05-04 04:00:00"}},
		{"03050001", "000203040526 010080 010203040526", []string{"total loss of voltage record begin = 2026-05-04 03:02:00", "total loss of voltage record current = -0.001 A", "total loss of voltage record end = 2026-05-04 03:02:01"}},
		{"03300301", "000203040526 11223344 FF003003", []string{"event clear record begin = 2026-05-04 03:02:00", "event clear record operator code = 11223344", "event clear record identifier = 033000FF"}},
		{"03100000", "010000 009900 000100 020000 030000 0024 30121105 8021 00010602", []string{
			"voltage quality minutes monitored = 1 min", "voltage quality within limits = 99.00 %", "voltage quality beyond limits = 1.00 %",
			"voltage quality minutes too high = 2 min", "voltage quality minutes too low = 3 min", "voltage quality highest voltage = 240.0 V",
			"voltage quality time of the highest = 05-11 12:30", "voltage quality lowest voltage = 218.0 V", "voltage quality time of the lowest = 02-06 01:00"}},

		// 1997.
		{"B640", "5012", []string{"total reactive power = 12.50 kvar"}},
		{"B630", "452312", []string{"total active power = 12.2345 kW"}},
		{"B651", "9909", []string{"A-phase power factor = 0.999"}},
		{"9140", "01000000", []string{"quadrant IV reactive energy total = 0.01 kvarh"}},
		{"9150", "01000000", []string{"quadrant II reactive energy total = 0.01 kvarh"}},
		{"9160", "01000000", []string{"quadrant III reactive energy total = 0.01 kvarh"}},
		{"B010", "30121105", []string{"time of the forward active maximum demand total = 05-11 12:30"}},
		{"B63F", "452312 010000 020000 030000", []string{"total active power = 12.2345 kW", "A-phase active power = 0.0001 kW", "B-phase active power = 0.0002 kW", "C-phase active power = 0.0003 kW"}},
		{"B63F", "452312 010000 020000 030000 5010 0020", []string{"total active power = 12.2345 kW", "A-phase active power = 0.0001 kW", "B-phase active power = 0.0002 kW",
			"C-phase active power = 0.0003 kW", "forward active power limit = 10.50 kW", "reverse active power limit = 20.00 kW"}},
		{"B63F", "452312AA 010000AA 020000AA 030000AA", []string{"total active power = 12.2345 kW", "A-phase active power = 0.0001 kW", "B-phase active power = 0.0002 kW", "C-phase active power = 0.0003 kW"}},
		{"B660", "0250", []string{"frequency = 50.02 Hz"}},
		{"B660", "0045", []string{"frequency = 45.00 Hz"}},
		{"B660", "9944", []string{"frequency = 4499 Hz"}}, // invalid: it may be a phase angle
		{"B660", "0165", []string{"frequency = 6501 Hz"}},
		{"B320", "900100", []string{"total phase loss duration = 190 min"}},
		{"B331", "30121105", []string{"A-phase phase loss begin = 05-11 12:30"}},
		{"C119", "56341200", []string{"active start energy = 12345.6 kWh"}},
		{"C32F", "010101 021503", []string{"time zone 1 = 01-01", "time zone 1 number = 1", "time zone 2 = 03-15", "time zone 2 number = 2"}},
		{"A510", "452301", []string{"last month's forward reactive maximum demand total = 1.2345 kvar"}},
		{"B820", "30121105", []string{"time of the reverse active maximum demand of the month before last total = 05-11 12:30"}},
		{"C117", "0001", []string{"settlement day = 01 00"}},
	} {
		di, err := ParseDI(c.di)
		if err != nil {
			t.Fatal(err)
		}
		items, err := Decode(nil, di, unhex(t, c.data))
		if err != nil {
			t.Errorf("%s: %v", c.di, err)
			continue
		}
		if got := described(items); !slices.Equal(got, c.want) {
			t.Errorf("%s %s: got\n%q, want\n%q", c.di, c.data, got, c.want)
		}
	}
}

func described(items []Item) []string {
	var out []string
	for _, it := range items {
		name, _ := Name(it)
		out = append(out, strings.TrimSuffix(fmt.Sprintf("%s = %s %s", name.EN, it.Value, it.Unit()), " "))
	}
	return out
}

// TestRecordsAsTheSourcesListThem fills each record with a count of its bytes
// and looks at where its fields lie.
func TestRecordsAsTheSourcesListThem(t *testing.T) {
	for _, c := range []struct {
		di     string
		width  int
		fields map[int]string // by index: name, first byte, bytes, decimals
	}{
		{"03010101", 131, map[int]string{2: "A-phase loss of voltage record total forward active increment 12 4 2", 10: "A-phase loss of voltage record A-phase voltage 44 2 1",
			14: "A-phase loss of voltage record A-phase power factor 55 2 3", 19: "A-phase loss of voltage record B-phase voltage 73 2 1",
			32: "A-phase loss of voltage record C-phase power factor 113 2 3", 33: "A-phase loss of voltage record total ampere-hours 115 4 2", 36: "A-phase loss of voltage record C-phase ampere-hours 127 4 2"}},
		{"030B0301", 115, map[int]string{32: "C-phase loss of current record C-phase power factor 113 2 3"}},
		{"03070001", 76, map[int]string{17: "voltage sequence reversed record C-phase combined reactive 2 increment 72 4 2"}},
		{"03090001", 78, map[int]string{2: "voltage unbalance record highest unbalance 12 2 2"}},
		{"03120101", 20, map[int]string{2: "forward active demand limit exceeded record forward active maximum demand 12 3 4"}},
		{"03300001", 50, map[int]string{11: "programming record identifier 10 46 4 0"}},
		{"03300101", 106, map[int]string{25: "meter clear record C-phase quadrant IV reactive energy 102 4 2"}},
		{"03300201", 202, map[int]string{48: "demand reset record C-phase quadrant IV maximum demand 194 3 4"}},
		{"03300501", 682, nil}, {"03300601", 94, nil}, {"03300701", 11, nil}, {"03300801", 1026, nil}, {"03300C01", 16, nil},
		{"03300D01", 60, map[int]string{8: "meter cover opened record after forward active energy 36 4 2"}},
		{"03350001", 28, nil}, {"05061001", 24, map[int]string{4: "daily freeze total reactive power 12 3 4"}},
	} {
		di, _ := ParseDI(c.di)
		e, ok := lookup(di)
		if !ok || e.width != c.width {
			t.Errorf("%s: found %v, width %v, want %d", c.di, ok, e, c.width)
			continue
		}
		for i, want := range c.fields {
			p := e.parts[i]
			name, _ := Name(Item{DI: di, Index: uint16(i)})
			if got := fmt.Sprintf("%s %d %d %d", name.EN, p.off, p.width, p.dec); got != want {
				t.Errorf("%s field %d: got %q, want %q", c.di, i, got, want)
			}
		}
	}
	for class, want := range map[int]uint16{1: 17, 2: 24, 3: 8, 4: 16, 5: 16, 6: 6} {
		if loadWidths[class] != want {
			t.Errorf("class %d of a load record has %d bytes, want %d", class, loadWidths[class], want)
		}
	}
	var order []string
	for _, m := range frozen {
		order = append(order, fmt.Sprintf("%02X:%d", m.d1, m.width))
	}
	if got := strings.Join(order, " "); got != "00:5 01:4 02:4 03:4 04:4 05:4 06:4 07:4 08:4 09:8 0A:8 10:24" {
		t.Errorf("a freeze block holds %s", got)
	}
}

// TestBitsAsTheSourcesNameThem sets one bit after the other.
func TestBitsAsTheSourcesNameThem(t *testing.T) {
	want := map[string]string{
		"04000501": "0 external switch;1 demand by interval;2 clock battery low;3 reading battery low;4 active power reversed;5 reactive power reversed",
		"04000502": "0 A-phase active power reversed;1 B-phase active power reversed;2 C-phase active power reversed;4 A-phase reactive power reversed;6 C-phase reactive power reversed",
		"04000503": "0 second day-period table;3 programming enabled;4 relay open;5 second time-zone table;6 relay commanded open;7 alarm before trip;10 second tariff-price set;12 power protection;15 remote account opened",
		"04000504": "0 loss of voltage;1 under-voltage;2 over-voltage;3 loss of current;4 over-current;5 overload;6 reverse flow;7 phase loss;8 broken current",
		"04000507": "0 voltage sequence reversed;1 current sequence reversed;2 voltage unbalance;3 current unbalance;4 auxiliary power lost;5 power-off;6 demand over limit;7 power factor low",
		"04000601": "0 plus forward;1 minus forward;2 plus reverse;3 minus reverse",
		"04000703": "1 600 baud;2 1200 baud;3 2400 baud;4 4800 baud;5 9600 baud;6 19200 baud",
		"04000901": "0 class 1;5 class 6",
	}
	for code, bits := range want {
		di, _ := ParseDI(code)
		e, _ := lookup(di)
		for _, b := range strings.Split(bits, ";") {
			var n int
			number, name, _ := strings.Cut(b, " ")
			fmt.Sscan(number, &n)
			data := make([]byte, e.width)
			data[n/8] = 1 << (n % 8)
			items, err := Decode(nil, di, data)
			if err != nil {
				t.Fatal(err)
			}
			found := slices.ContainsFunc(SetBits(items[0]), func(b Bit) bool { return b.Number == n && b.Name.EN == name && b.Name.ZH != "" })
			if !found {
				t.Errorf("%s bit %d: got %v, want %q", code, n, SetBits(items[0]), name)
			}
		}
	}
	word3 := Item{DI: DI{Code: 0x04000503}, Value: Value{Kind: Bits, Text: "0204"}} // b1-b2 = 10, b8-b9 = 10
	got := fmt.Sprint(SetBits(word3))
	if !strings.Contains(got, "battery supply") || !strings.Contains(got, "money prepaid") {
		t.Errorf("fields of status word 3: %s", got)
	}
	for p, names := range map[Protocol]string{
		V2007: "other error;no requested data;password error or not authorised;baud rate cannot be changed;number of year zones exceeded;number of day periods exceeded;number of tariffs exceeded;reserved",
		V1997: "illegal data;data identifier error;password error;reserved;number of year zones exceeded;number of day periods exceeded;number of tariffs exceeded;reserved",
	} {
		for bit, name := range strings.Split(names, ";") {
			r := Refusal{Protocol: p, Code: []byte{1 << bit}}
			if r.Text().EN != name || r.Text().ZH == "" {
				t.Errorf("%v ERR bit %d is %q, want %q", p, bit, r.Text().EN, name)
			}
		}
	}
}

func TestDamagedLoadRecordsAreSkippedAndTheOthersRead(t *testing.T) {
	di := DI{Code: 0x06000002}
	good := unhex(t, "A0A01C00050101179923102407240000000000000000000050AAAAAAAAAAAAE1E5")
	other := slices.Clone(good)
	other[0], other[1] = 0xE0, 0xE0
	narrow := unhex(t, "A0A0120010201126 0122 110000 0050 AAAAAAAAAAAA") // a single-phase class 1
	narrow = append(narrow, checksum(narrow), loadTail)
	for name, c := range map[string]struct {
		data    []byte
		invalid int
		times   int
	}{
		"marked damaged":     {slices.Concat(good, other, good), 1, 2},
		"garbage between":    {slices.Concat(good, []byte{1, 2, 3}, good), 1, 2},
		"cut off at the end": {slices.Concat(good, good[:9]), 1, 1},
		"one AA after":       {slices.Concat(good, []byte{0xAA}), 0, 1},
		"a narrow class":     {slices.Concat(narrow, good), 1, 2},
	} {
		items, err := Decode(nil, di, c.data)
		invalid, times := 0, 0
		for _, it := range items {
			if it.Value.Kind == Invalid {
				invalid++
			}
			if it.Value.Kind == Time {
				times++
			}
		}
		if err != nil || invalid != c.invalid || times != c.times {
			t.Errorf("%s: %d invalid and %d times (%v), want %d and %d: %v", name, invalid, times, err, c.invalid, c.times, items)
		}
	}
}
