package dlt645

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// collected is a row of testdata/names.tsv, which was written down from public
// tables and not from those of the package.
type collected struct {
	line         int
	bytes        int // 0: not told, or as many as there are
	format, unit string
	sources      int
	identifiers  []DI
	family       string
}

func collectedRows(t *testing.T) []collected {
	b, err := os.ReadFile("testdata/names.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var rows []collected
	for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 10 {
			t.Fatalf("line %d has %d columns", i+2, len(f))
		}
		r := collected{line: i + 2, format: f[5], unit: f[6]}
		r.bytes, _ = strconv.Atoi(f[4])
		r.sources, err = strconv.Atoi(f[8])
		if which := strings.Split(f[9], ","); err != nil || r.sources != len(which) || f[2]+f[3] == "" {
			t.Errorf("line %d: %s sources, which are %s", r.line, f[8], f[9])
		}
		for _, code := range expandPattern(f[1]) {
			di, err := ParseDI(code)
			if err != nil || di.Protocol.String() != f[0] {
				t.Fatalf("line %d: %s is no identifier of %s (%v)", r.line, code, f[0], err)
			}
			r.identifiers = append(r.identifiers, di)
		}
		r.family = familyOf(r.identifiers[0])
		rows = append(rows, r)
	}
	return rows
}

// expandPattern gives the identifiers of 02[01,03-05]00.
func expandPattern(p string) []string {
	all := []string{""}
	for p != "" {
		values := []string{p[:1]}
		rest := p[1:]
		if p[0] == '[' {
			list, after, _ := strings.Cut(rest, "]")
			rest, values = after, nil
			for _, one := range strings.Split(list, ",") {
				from, to, several := strings.Cut(one, "-")
				if !several {
					to = from
				}
				a, _ := strconv.ParseUint(from, 16, 8)
				z, _ := strconv.ParseUint(to, 16, 8)
				for ; a <= z; a++ {
					values = append(values, fmt.Sprintf("%0*X", len(from), a))
				}
			}
		}
		var longer []string
		for _, begin := range all {
			for _, v := range values {
				longer = append(longer, begin+v)
			}
		}
		all, p = longer, rest
	}
	return all
}

func familyOf(di DI) string {
	if di.Protocol == V1997 {
		return fmt.Sprintf("1997 %Xxxx", di.Code>>12)
	}
	if di.byteAt(3) >= firstEvent {
		return "2007 10 to 1F"
	}
	return fmt.Sprintf("2007 %02X", di.byteAt(3))
}

// TestWhatTwoSourcesTellIsNamedAndDecoded, with bytes, format and unit.
func TestWhatTwoSourcesTellIsNamedAndDecoded(t *testing.T) {
	type share struct{ named, all, single, singleNamed int }
	families := map[string]*share{}
	for _, r := range collectedRows(t) {
		s := families[r.family]
		if s == nil {
			s = &share{}
			families[r.family] = s
		}
		for _, di := range r.identifiers {
			wrong := r.compare(di)
			if r.sources < 2 {
				s.single++
				if NameOf(di).EN != "" {
					s.singleNamed++
				}
				continue
			}
			s.all++
			if wrong != "" {
				t.Errorf("line %d: %s: %s", r.line, di, wrong)
				continue
			}
			s.named++
		}
	}
	for _, f := range slices.Sorted(maps.Keys(families)) {
		s := families[f]
		t.Logf("%-14s %6d of %6d identifiers of two sources or more; of one source %d of %d", f, s.named, s.all, s.singleNamed, s.single)
	}
}

// compare tells what the tables say otherwise of an identifier.
func (r collected) compare(di DI) string {
	e, ok := lookup(di)
	if name := NameOf(di); !ok || name.EN == "" || name.ZH == "" {
		return "it is not named"
	}
	first := e.parts[0]
	if r.bytes != 0 && e.again == once && e.width != r.bytes {
		return fmt.Sprintf("it has %d bytes, want %d", e.width, r.bytes)
	}
	if r.format == "" {
		return ""
	}
	parts, _, err := parseFormat(r.format, r.unit)
	if err != nil {
		return err.Error()
	}
	want := parts[0]
	if first.form != want.form || first.dec != want.dec || first.signed != want.signed || first.tokens != want.tokens {
		return fmt.Sprintf("it is read as %+v, want %s", first, r.format)
	}
	if first.unit != r.unit && r.unit != "" {
		return fmt.Sprintf("it is in %q, want %q", first.unit, r.unit)
	}
	return ""
}

// TestEventRecordsAreAsLongAsMetersKeepThem: the fields of each kind add up to
// the bytes that firmware sets aside for the record.
func TestEventRecordsAreAsLongAsMetersKeepThem(t *testing.T) {
	for di3, want := range map[uint8]int{0x10: 195, 0x11: 195, 0x12: 195, 0x13: 195, 0x14: 140, 0x15: 140, 0x16: 143, 0x17: 143,
		0x18: 179, 0x19: 179, 0x1A: 179, 0x1B: 140, 0x1C: 140, 0x1D: 34, 0x1E: 34, 0x1F: 44} {
		k, got := eventKinds[di3-firstEvent], 0
		if k.di3 != di3 {
			t.Fatalf("%02X stands where %02X belongs", k.di3, di3)
		}
		phase := uint32(0)
		if k.phases {
			phase = 1
		}
		for di1 := range uint32(0x40) {
			if e, ok := lookup(DI{Code: uint32(di3)<<24 | phase<<16 | (di1+1)<<8 | 1}); ok {
				got += e.width
			}
		}
		if got != want {
			t.Errorf("a record of %02X (%s) has %d bytes, want %d", di3, k.name, got, want)
		}
	}
}

// TestEventsAreNamedByKindPhaseAndField, in both languages.
func TestEventsAreNamedByKindPhaseAndField(t *testing.T) {
	for code, want := range map[uint32]Text{
		0x10010001: {"A-phase loss of voltage count", "A相失压总次数"},
		0x1A030002: {"C-phase broken current minutes", "C相断流总累计时间"},
		0x10010101: {"A-phase loss of voltage record begin", "A相失压记录发生时刻"},
		0x13022503: {"B-phase phase loss record, 3 records back end", "(上3次)B相断相记录结束时刻"},
		0x18010A01: {"A-phase loss of current record begin A-phase voltage", "A相失流记录发生时刻A相电压"},
		0x16001201: {"voltage unbalance record highest unbalance", "电压不平衡记录最大不平衡率"},
		0x1D000201: {"trip record operator code", "跳闸记录操作者代码"},
		0x1F000601: {"power factor low record end", "总功率因数超下限记录结束时刻"},
	} {
		if got := NameOf(DI{Code: code}); got != want {
			t.Errorf("%08X is %q, want %q", code, got, want)
		}
	}
	for _, code := range []uint32{0x10013601, 0x10010100, 0x1001010B, 0x11000001, 0x1D000901, 0x1D000002, 0x14010001} {
		if got := NameOf(DI{Code: code}); got != (Text{}) {
			t.Errorf("%08X is %q, and no meter has it", code, got)
		}
	}
}
