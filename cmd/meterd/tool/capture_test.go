package tool

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"meterd/dlt645"
)

// forms are the ways in which captures show frames.
var forms = []struct {
	name string
	line func(n int, direction string, wire []byte) string
}{
	{"log", func(n int, direction string, wire []byte) string {
		return fmt.Sprintf("[2026-11-29 %02d:%02d:%02d.%03d] %s % X\n", n/3600000%24, n/60000%60, n/1000%60, n%1000, direction, wire)
	}},
	{"spaced", func(_ int, _ string, wire []byte) string { return fmt.Sprintf("% X\n", wire) }},
	{"bare", func(_ int, _ string, wire []byte) string { return fmt.Sprintf("%X\n", wire) }},
	{"array", func(_ int, _ string, wire []byte) string {
		return "uint8_t f[] = {\n\t" + strings.ReplaceAll(fmt.Sprintf("% #x", wire), " ", ", ") + "\n};\n"
	}},
	{"dump", func(_ int, _ string, wire []byte) string { return string(wire) }}, // of all, see dump
}

// dump shows bytes as xxd does.
func dump(wire string) string {
	var out strings.Builder
	for i := 0; i < len(wire); i += 16 {
		row := wire[i:min(i+16, len(wire))]
		shown := []byte(row)
		for k, c := range shown {
			if c < ' ' || c > '~' {
				shown[k] = '.'
			}
		}
		pairs := ""
		for k := 0; k < len(row); k += 2 {
			pairs += fmt.Sprintf("%x ", row[k:min(k+2, len(row))])
		}
		fmt.Fprintf(&out, "%08x: %-40s %s\n", i, pairs, shown)
	}
	return out.String()
}

// traffic gives requests and answers of 32 meters, n at least, in a form.
func traffic(n int, line func(int, string, []byte) string) string {
	r := rand.New(rand.NewPCG(1, 2))
	items := []struct {
		di     uint32
		widths []int
	}{
		{0x02010100, []int{2}}, {0x0201FF00, []int{2, 2, 2}}, {0x0202FF00, []int{3, 3, 3}}, {0x00010000, []int{4}}, {0x0001FF00, []int{4, 4, 4, 4, 4}},
		{0x0203FF00, []int{3, 3, 3, 3}}, {0x04000503, []int{2}}, {0x02800002, []int{2}}, {0x0206FF00, []int{2, 2, 2, 2}}, {0x04000101, []int{4}},
	}
	var all strings.Builder
	for i := 0; i < n; i += 2 {
		a := dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, byte(r.IntN(3)<<4 | r.IntN(10))}
		it := items[r.IntN(len(items))]
		req := dlt645.ReadRequest(a, dlt645.DI{Code: it.di})
		var payload []byte
		for _, w := range it.widths {
			payload, _ = dlt645.AppendNumber(payload, r.Int64N(1<<(5*w)), w, false)
		}
		for k, f := range []dlt645.Frame{req, dlt645.AnswerTo(req, a, payload, false)} {
			b, _ := f.AppendBinary(dlt645.AppendPreamble(nil, 4))
			all.WriteString(line(37*i+k*11, []string{"TX ->", "RX <-"}[k], b))
		}
	}
	return all.String()
}

// odd is what else stands in captures.
var odd = strings.Join([]string{
	"", "   ", "# " + voltageAnswer, voltageAnswer, refusal, statusWord3, voltageRequest + "FDBBDD" + refusal, "0102" + voltageRequest + "FD" + voltageAnswer + "AABB",
	"680", "zz", "6801012011242068B1063332343534353516", "680101201124206892073332343534353A5116", "680101201124206892073332343534353452  16",
	"FEFEFEFE680181208124A0E8910633343435345537", "18:41:35 接收: " + voltageAnswer + " \"<&>\" \u2028 \x80\xff \u200b",
	"0x68,0x1", "68H 01H", `\x68\x01`, "68:01:01:20", "68-01-01-20:11", "12-34-56-zz", "6\u00a08\u20030 1", "\xc2\x85 68",
	"\t0x0000:  fefe fefe 6801 0120 1124 2068 9106 3334", "\t0x0010:  3435 3455 3716",
	"00000000: fefe fefe 6801 0120 1124 2068 9106 3334  ....h.. .$ h..34", "00000010: 3435 3455 3716                           454U7.",
	"00000000  fe fe fe fe 68 01 01 20  11 24 20 68 91 06 33 34  |....h.. .$ h..34|", "00000010  34 35 34 55 37 16                                 |454U7.|", "00000016",
	"0x0000:  ", "0x0010:  zz  34", "0x0020:  34 ", "0x0030: \t35 { ", "0x0040: 36", " } ; 16", "0x0050:   {", "xx 68",
	"uint8_t f[] = {", "0x68, 0x01", "};", voltageRequest,
}, "\n") + "\n"

var manners = []struct {
	args         []string
	json, fields bool
	language     string
}{
	{[]string{"-json"}, true, false, "en"}, {[]string{"-json", "-fields"}, true, true, "en"}, {nil, false, false, "en"}, {[]string{"-language", "zh"}, false, false, "zh"},
}

func sameAsPlain(t *testing.T, in string) {
	t.Helper()
	for _, m := range manners {
		want, failed := plainDecode(in, m.json, m.fields, m.language)
		r := run(Decode, in, m.args...)
		told := ""
		if failed > 0 {
			told = fmt.Sprintf("error: %d inputs hold no valid frame\n", failed)
		}
		if r.out != want || r.err != told {
			t.Fatalf("decode %v of %q: got\n%s%s\nwant\n%s%s", m.args, in, r.out, r.err, want, told)
		}
	}
}

// Whatever the form, decode tells what it would tell written the plain way.
func TestDecodeIsTheSameAsThePlainWay(t *testing.T) {
	sameAsPlain(t, odd)
	for _, f := range forms[:len(forms)-1] {
		sameAsPlain(t, traffic(100, f.line))
	}
	sameAsPlain(t, dump(traffic(60, forms[len(forms)-1].line)))
	for name, wire := range map[string]string{"698": frame698(unhexed(t, voltageRequest)), "376": frame376(unhexed(t, voltageRequest))} {
		t.Run(name, func(t *testing.T) {
			sameAsPlain(t, wire+"\n"+voltageRequest+wire+refusal+"\n010304000A000113F0"+wire+"\n")
		})
	}
	// Lines of all kinds in all orders.
	lines, r := strings.SplitAfter(odd, "\n"), rand.New(rand.NewPCG(3, 4))
	for range 60 {
		var in strings.Builder
		for range 1 + r.IntN(6) {
			in.WriteString(lines[r.IntN(len(lines))])
		}
		sameAsPlain(t, in.String())
	}
}

func FuzzDecodeIsTheSameAsThePlainWay(f *testing.F) {
	for line := range strings.Lines(odd) {
		f.Add(line)
	}
	f.Add(odd)
	f.Fuzz(func(t *testing.T, in string) {
		if len(in) < 4096 {
			sameAsPlain(t, in)
		}
	})
}

// A dump of any length is one input, which takes a pass and not one a line.
func TestDecodeReadsALongDump(t *testing.T) {
	wire := unhexed(t, strings.Repeat(voltageAnswer, 5000))
	r := run(Decode, dump(string(wire)), "-json")
	if got := strings.Count(r.out, "\n"); r.status != 0 || got != 5000 {
		t.Errorf("exit status %d, %d frames of 5000: %s", r.status, got, r.err)
	}
}

// Who reads along gets each line as soon as the next begins.
func TestDecodeTellsWhatItHasBeforeItWaits(t *testing.T) {
	in, from := io.Pipe()
	out, to := io.Pipe()
	d := newDecoder(to, true, false, "en")
	go func() {
		c := newCapture(waiting{in, d.flush})
		for c.next() {
			d.input(c.first, c.text)
		}
		to.CloseWithError(d.result())
	}()
	for range 3 {
		if _, err := io.WriteString(from, voltageAnswer+"\n"+refusal+"\n"); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1<<12)
		if n, err := out.Read(b); err != nil || !bytes.Contains(b[:n], []byte(`"di":"02010100"`)) {
			t.Fatalf("got %q, %v", b[:n], err)
		}
	}
	from.Close()
	io.Copy(io.Discard, out)
}

// A capture that breaks off is told as far as it goes.
func TestDecodeTellsWhyItCannotReadOn(t *testing.T) {
	var out bytes.Buffer
	d := newDecoder(&out, false, false, "en")
	c := newCapture(waiting{io.MultiReader(strings.NewReader(voltageRequest+"\n"), iotest.ErrReader(io.ErrUnexpectedEOF)), d.flush})
	for c.next() {
		d.input(c.first, c.text)
	}
	d.flush()
	if c.err() != io.ErrUnexpectedEOF || !strings.Contains(out.String(), "request to 202411200101") {
		t.Errorf("got %v and %q", c.err(), out.String())
	}
}

// What is kept of a capture is bounded, however many meters never finish.
func TestDecodeKeepsFewUnfinishedAnswers(t *testing.T) {
	d := newDecoder(io.Discard, true, false, "en")
	for n := range 3000 {
		f := dlt645.Frame{Address: dlt645.Address{5: byte(n/10%10<<4 | n%10), 4: byte(n/1000%10<<4 | n/100%10)}, Control: 0xB1, Data: []byte{0, 1, 1, 2, 0x22}}
		b, _ := f.AppendBinary(nil)
		if err := d.input(n, fmt.Appendf(nil, "%X", b)); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.whole) > mostWhole || len(d.whole) == 0 {
		t.Errorf("answers of %d meters are kept, want at most %d", len(d.whole), mostWhole)
	}
}
