package dlt645

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
)

func unhexed(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// foreignFrames are good frames of other protocols, as their tools show them.
var foreignFrames = map[string]string{
	"Q/GDW 698.45": "68 18 00 43 26 01 30 01 00 00 00 00 A1 83 EE 05 01 02 20 00 02 01 00 6B AF 16",
	"Q/GDW 376.1":  "68 32 00 32 00 68 C9 11 11 04 00 00 02 70 00 00 01 00 62 16",
	"CJ/T 188":     "68 10 AA AA AA AA AA AA AA 03 03 81 0A 00 AF 16",
	"Modbus-RTU":   "01 04 02 FF FF B8 80",
}

func TestFramesOfOtherProtocolsAreNamed(t *testing.T) {
	for name, s := range foreignFrames {
		b := unhexed(t, s)
		for _, around := range [][]byte{nil, {0xFE, 0xFE}, {0x00}, {0x68, 0x01}} {
			in := bytes.Join([][]byte{around, b, around}, nil)
			if got := Foreign(in); got != name {
				t.Errorf("%X: got %q, want %s", in, got, name)
			}
			if err := Diagnose(in); !strings.Contains(err.Error(), "another protocol, "+name) {
				t.Errorf("%X: %v", in, err)
			}
		}
		carrier := strings.HasPrefix(name, "Q/GDW")
		if o, _ := FindOther(b); o.Carrier() != carrier {
			t.Errorf("%s carries frames of ours: %v, want %v", name, o.Carrier(), carrier)
		}
		for _, before := range []string{"", "68", "00 68 68", foreignFrames["CJ/T 188"]} {
			if in := append(unhexed(t, before), b...); Carries(in) != carrier {
				t.Errorf("%X carries frames of ours: %v, want %v", in, !carrier, carrier)
			}
		}
		for i := range b { // one wrong bit, and it is none
			bad := bytes.Clone(b)
			bad[i] ^= 0x10
			if got := Foreign(bad); got == name {
				t.Errorf("%s with byte %d wrong is still taken for one", name, i)
			}
		}
		for n := range b {
			if got := Foreign(b[:n]); got != "" {
				t.Errorf("the first %d bytes of %s are %s", n, name, got)
			}
		}
	}
}

// Our own frames are never taken for others'.
func TestOurFramesAreNotForeign(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 645))
	for range 20000 {
		f := Frame{Control: 0x91, Data: make([]byte, 4+rng.IntN(20))}
		for i := range f.Address {
			f.Address[i] = byte(rng.IntN(10)<<4 | rng.IntN(10))
		}
		for i := range f.Data {
			f.Data[i] = byte(rng.Uint32())
		}
		b, err := f.AppendBinary(AppendPreamble(nil, 4))
		if err != nil {
			t.Fatal(err)
		}
		if got := Foreign(b); got != "" && got != "CJ/T 188" && got != "Modbus-RTU" { // sums of one byte, and short frames, hit now and then
			t.Errorf("%X is taken for %s", b, got)
		}
		var got Frame
		if _, ok := Scan(b, &got); !ok || got.Address != f.Address {
			t.Errorf("%X is not found", b)
		}
	}
}

// A frame of ours that one of 698.45 carries, as a concentrator's does that
// forwards, is not an answer on this line.
func TestFrameInsideAnotherProtocolsIsPassedOver(t *testing.T) {
	ours, err := Frame{Address: Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}, Control: 0x91, Data: []byte{0, 1, 1, 2, 0x22, 0x02}}.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	head := []byte{0, 0, 0x43, 0x05, 1, 2, 3, 4, 5, 6, 0}
	body := append([]byte{0x89, 0x01}, ours...)
	n := len(head) + 2 + len(body) + 2
	head[0] = byte(n)
	hcs := ^crc16(0xFFFF, 0x8408, head)
	all := append(append(head, byte(hcs), byte(hcs>>8)), body...)
	fcs := ^crc16(0xFFFF, 0x8408, all)
	wire := append(append([]byte{0x68}, all...), byte(fcs), byte(fcs>>8), 0x16)
	var f Frame
	if at, ok := Scan(wire, &f); ok {
		t.Errorf("found %X in %X", wire[at.Start:at.End], wire)
	}
	at, ok := Scan(append(wire, ours...), &f)
	if !ok || at.Start != len(wire) {
		t.Errorf("the frame after it is found at %d, %v", at.Start, ok)
	}
}
