package dlt645

import (
	"encoding/hex"
	"strconv"
	"testing"
)

// plainDecode does the work of a voltage answer the straightforward way,
// with encoding/hex and strconv. It is the yardstick.
func plainDecode(b []byte) (string, bool) {
	for len(b) > 0 && b[0] == 0xFE {
		b = b[1:]
	}
	if len(b) < 12 || b[0] != 0x68 || b[7] != 0x68 || len(b) != int(b[9])+12 {
		return "", false
	}
	var sum byte
	for _, c := range b[:len(b)-2] {
		sum += c
	}
	if sum != b[len(b)-2] || b[len(b)-1] != 0x16 {
		return "", false
	}
	var rev []byte
	for i := len(b) - 3; i >= 10; i-- {
		rev = append(rev, b[i]-0x33)
	}
	digits := hex.EncodeToString(rev)
	value, di := digits[:len(digits)-8], digits[len(digits)-8:]
	if di != "02010100" {
		return "", false
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return "", false
	}
	return strconv.FormatFloat(float64(n)/10, 'f', 1, 64), true
}

var voltageAnswer = []byte{0xFE, 0xFE, 0xFE, 0xFE, 0x68, 1, 1, 0x20, 0x11, 0x24, 0x20, 0x68, 0x91, 6, 0x33, 0x34, 0x34, 0x35, 0x34, 0x55, 0x37, 0x16}

func BenchmarkDecodeVoltageYardstick(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if s, ok := plainDecode(voltageAnswer); !ok || s != "220.1" {
			b.Fatal(s)
		}
	}
}

func BenchmarkDecodeVoltage(b *testing.B) {
	b.ReportAllocs()
	var f Frame
	items := make([]Item, 0, 8)
	for b.Loop() {
		if _, ok := Scan(voltageAnswer, &f); !ok {
			b.Fatal("no frame")
		}
		di, _ := f.DI()
		var err error
		if items, err = Decode(items[:0], di, f.Payload()); err != nil || items[0].Value.Dec.Coef != 2201 {
			b.Fatal(items, err)
		}
	}
}

func BenchmarkEncodeRead(b *testing.B) {
	b.ReportAllocs()
	f := ReadRequest(Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}, DI{Code: 0x02010100})
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = f.AppendBinary(AppendPreamble(buf[:0], 4)); err != nil {
			b.Fatal(err)
		}
	}
}
