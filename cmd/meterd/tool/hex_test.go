package tool

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"meterd/dlt645"
)

// The voltage answer as tools, logs and programs show it.
func TestDecodeReadsFramesAsLogsAndProgramsShowThem(t *testing.T) {
	spaced := strings.TrimSpace(fmt.Sprintf("% X", unhexed(t, voltageAnswer)))
	each := func(form, between string) string {
		var parts []string
		for _, b := range unhexed(t, voltageAnswer) {
			parts = append(parts, fmt.Sprintf(form, b))
		}
		return strings.Join(parts, between)
	}
	for _, tt := range []struct {
		name  string
		in    string
		args  []string
		words string // that are told as no bytes
	}{
		{"one argument a byte", "", strings.Fields(spaced), ""},
		{"0x before each", "", []string{each("0x%02x", " ")}, ""},
		{"one argument a byte with 0x", "", strings.Fields(each("0x%02X", " ")), ""},
		{"with commas", "", []string{each("%02X", ", ")}, ""},
		{"a C array", "", []string{"static const uint8_t frame[] = { " + each("0x%02X", ", ") + " };"}, "static const uint8_t frame"},
		{"a C array over three lines", "uint8_t f[] = {\n\t" + strings.Replace(each("0x%02X", ", "), "0x91,", "0x91,\n\t", 1) + "\n};\n", nil, "uint8_t f"},
		{"a C string", "", []string{each(`\x%02x`, "")}, ""},
		{"with H", "", []string{each("%02XH", " ")}, ""},
		{"with colons", "", []string{each("%02x", ":")}, ""},
		{"with hyphens", "", []string{each("%02X", "-")}, ""},
		{"a line of a log", "[2026-11-29 18:41:35.123] RX <- " + spaced + "\n", nil, "2026-11-29 18:41:35.123 RX -"},
		{"a line of a log in Chinese", "18:41:35 接收: " + spaced + "\n", nil, "18:41:35 接收:"},
		{"tcpdump -x", "\t0x0000:  fefe fefe 6801 0120 1124 2068 9106 3334\n\t0x0010:  3435 3455 3716\n", nil, ""},
		{"xxd", "00000000: fefe fefe 6801 0120 1124 2068 9106 3334  ....h.. .$ h..34\n00000010: 3435 3455 3716                           454U7.\n", nil, ""},
		{"hexdump -C", "00000000  fe fe fe fe 68 01 01 20  11 24 20 68 91 06 33 34  |....h.. .$ h..34|\n00000010  34 35 34 55 37 16                                 |454U7.|\n00000016\n", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := run(Decode, tt.in, append([]string{"-json"}, tt.args...)...)
			if tt.name == "hexdump -C" { // the end of the dump is no frame
				r.out, _, _ = strings.Cut(r.out, "\n")
				r.status = 0
			}
			all := objects(t, r.out)
			if r.status != 0 || len(all) != 1 || all[0]["data"] != "0122" || all[0]["ok"] != true || all[0]["preamble"] != 4.0 {
				t.Fatalf("exit status %d, %s%s", r.status, r.out, r.err)
			}
			if got, _ := all[0]["words"].(string); got != tt.words {
				t.Errorf("%q is told to be no bytes, want %q", got, tt.words)
			}
		})
	}
}

func TestDecodeTellsWhatItPassedOver(t *testing.T) {
	r := run(Decode, "", "-json", "0102"+voltageRequest+"FD"+voltageAnswer+"AABB")
	all := objects(t, r.out)
	if len(all) != 2 || all[0]["before"] != "0102" || all[1]["before"] != "FD" || all[0]["behind"] != nil || all[1]["behind"] != "AABB" {
		t.Errorf("got %s", r.out)
	}
	r = run(Decode, "", "-language", "zh", voltageRequest+"AABB")
	if want := "1: 2 字节不成帧：AA BB\n"; !strings.HasSuffix(r.out, want) {
		t.Errorf("got %s\nwant the end %s", r.out, want)
	}
}

// A good frame whose data the table cannot read is a frame.
func TestDecodeTellsAGoodFrameOfUnknownData(t *testing.T) {
	for _, c := range []struct{ wire, di, note string }{
		{frameOf(t, "01000099 0122"), "99000001", "unknown data identifier 99000001: the frame is good, and the table does not hold this identifier"},
		{frameOf(t, "00010102 012201"), "02010100", "the answer for 02010100 holds 3 bytes, want 2: the frame is good, and the layout unknown"},
	} {
		r := run(Decode, "", "-json", c.wire)
		o := objects(t, r.out)[0]
		if r.status != 0 || o["ok"] != true || o["di"] != c.di || o["note"] != c.note || len(o["values"].([]any)) != 0 {
			t.Errorf("exit status %d, %s", r.status, r.out)
		}
	}
}

// A concentrator's frame of 698.45 or 376.1 that carries one of ours.
func TestDecodeFindsOurFrameInsideAnother(t *testing.T) {
	for name, wire := range map[string]string{
		"Q/GDW 698.45, address 04030201 0000": frame698(unhexed(t, voltageRequest)),
		"Q/GDW 376.1, address 11110004":       frame376(unhexed(t, voltageRequest)),
	} {
		r := run(Decode, "", "-json", wire)
		all := objects(t, r.out)
		if r.status != 0 || len(all) != 1 || all[0]["di"] != "02010100" {
			t.Errorf("%s: exit status %d, %s", name, r.status, r.out)
			continue
		}
		protocol, _, _ := strings.Cut(name, ",")
		if inside, _ := all[0]["inside"].(string); !strings.HasPrefix(inside, protocol+", address ") {
			t.Errorf("inside %q, want %s", inside, protocol)
		}
		if r := run(Decode, "", wire); !strings.Contains(r.out, "inside a frame of "+protocol) {
			t.Errorf("%s", r.out)
		}
	}
}

// Bytes behind a preamble that are no frame point to the line's settings.
func TestDecodeTellsTheLikelyCause(t *testing.T) {
	r := run(Decode, "", "FEFEFEFE680181208124A0E8910633343435345537")
	if want := "line 1: no frame: second start byte is E8, want 68, behind a preamble and a start byte: the parity or the rate may be wrong\n"; r.out != want {
		t.Errorf("got %q, want %q", r.out, want)
	}
	if r := run(Decode, "", "680181208124A0E8910633343435345537"); strings.Contains(r.out, "parity") {
		t.Errorf("without a preamble: %q", r.out)
	}
}

func TestEncodeWarnsOfALongWrite(t *testing.T) {
	for n, warns := range map[int]bool{38: false, 39: true} {
		r := run(Encode, "", "-password", "02000000", "write", "202411200101", "99000001", strings.Repeat("00", n))
		if r.status != 0 || strings.Contains(r.err, "warning: ") != warns || len(r.out) == 0 {
			t.Errorf("%d bytes: exit status %d, %q", n, r.status, r.err)
		}
	}
}

func unhexed(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// frameOf gives a read answer with these data.
func frameOf(t *testing.T, data string) string {
	t.Helper()
	b, err := dlt645.Frame{Address: dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}, Control: 0x91, Data: unhexed(t, data)}.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%X", b)
}

// frame698 puts a frame into one of 698.45, with the sums of RFC 1662.
func frame698(inner []byte) string {
	sum := func(b []byte) []byte {
		c := uint16(0xFFFF)
		for _, x := range b {
			c ^= uint16(x)
			for range 8 {
				odd := c & 1
				c = c>>1 ^ 0x8408*odd
			}
		}
		return []byte{byte(^c), byte(^c >> 8)}
	}
	head := []byte{0, 0, 0x43, 0x05, 1, 2, 3, 4, 5, 6, 0}
	body := append([]byte{0x89, 0x01}, inner...)
	head[0] = byte(len(head) + 2 + len(body) + 2)
	all := append(append(head, sum(head)...), body...)
	return fmt.Sprintf("68%X%X16", all, sum(all))
}

// frame376 puts a frame into one of 376.1, with its sum.
func frame376(inner []byte) string {
	body := append([]byte{0xC9, 0x11, 0x11, 0x04, 0x00, 0x00, 0x10, 0x70}, inner...)
	n := len(body)<<2 | 2
	var sum byte
	for _, b := range body {
		sum += b
	}
	return fmt.Sprintf("68%02X%02X%02X%02X68%X%02X16", n&0xFF, n>>8, n&0xFF, n>>8, body, sum)
}

// TestAUsualLineOfADumpIsReadAsAnyOther: what plainBytes takes without looking
// closer is what stands before the characters, however they look.
func TestAUsualLineOfADumpIsReadAsAnyOther(t *testing.T) {
	signs := []string{"3", "f", " ", "  ", "68", "6801", "|", ".", "h", "\t", "\u00e9", "\u00a0", "{"}
	r, usual := rand.New(rand.NewPCG(5, 6)), 0
	for range 50000 {
		body := ""
		for range 1 + r.IntN(8) {
			body += signs[r.IntN(len(signs))]
		}
		want, ok := plainDumped("0x0000: " + body)
		got, plain := bytesOfDump(bytes.TrimLeft([]byte(body), " \t"))
		if !ok || string(got) != want {
			t.Fatalf("of %q the bytes are %q, want %q", body, got, want)
		}
		if plain {
			usual++
			if again, _ := bytesOfDump(append([]byte("68 "), got...)); string(again) != "68 "+want {
				t.Fatalf("%q is plain, and %q of it is left after another line", got, again)
			}
		}
	}
	if usual < 500 {
		t.Errorf("%d lines are usual ones: this test shows nothing", usual)
	}
}
