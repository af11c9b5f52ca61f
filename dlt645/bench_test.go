package dlt645

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// plainAnswer is what plainDecode makes of a frame.
type plainAnswer struct {
	address, di, name, unit string
	values                  []plainValue
}

type plainValue struct {
	coef  int64
	scale int
}

type plainRow struct {
	width, scale int
	signed       bool
	name, unit   string
}

// plainTable is as much of a table as the benchmark needs.
var plainTable = map[string]plainRow{
	"00010000": {4, 2, false, "forward active energy", "kWh"},
	"02010100": {2, 1, false, "A-phase voltage", "V"},
	"0201FF00": {2, 1, false, "voltage block", "V"},
	"02020100": {3, 3, true, "A-phase current", "A"},
	"02030000": {3, 4, true, "total active power", "kW"},
}

// plainDecode does the work of Scan, DI and Decode the straightforward way,
// with encoding/hex and strconv: a frame to its address, identifier, name,
// unit and exact values. It is the yardstick.
func plainDecode(b []byte) (plainAnswer, bool) {
	for len(b) > 0 && b[0] == 0xFE {
		b = b[1:]
	}
	if len(b) < 12 || b[0] != 0x68 || b[7] != 0x68 || len(b) != int(b[9])+12 {
		return plainAnswer{}, false
	}
	var sum byte
	for _, c := range b[:len(b)-2] {
		sum += c
	}
	if sum != b[len(b)-2] || b[len(b)-1] != 0x16 || b[8] != 0x91 {
		return plainAnswer{}, false
	}
	address := slices.Clone(b[1:7])
	slices.Reverse(address)
	data := slices.Clone(b[10 : len(b)-2])
	for i := range data {
		data[i] -= 0x33
	}
	di := slices.Clone(data[:4])
	slices.Reverse(di)
	a := plainAnswer{address: strings.ToUpper(hex.EncodeToString(address)), di: strings.ToUpper(hex.EncodeToString(di))}
	row, ok := plainTable[a.di]
	if !ok {
		return a, false
	}
	a.name, a.unit = row.name, row.unit
	for data = data[4:]; len(data) >= row.width; data = data[row.width:] {
		one := slices.Clone(data[:row.width])
		slices.Reverse(one)
		sign := int64(1)
		if row.signed && one[0]&0x80 != 0 {
			sign = -1
			one[0] &= 0x7F
		}
		n, err := strconv.ParseInt(hex.EncodeToString(one), 10, 64)
		if err != nil {
			return a, false
		}
		a.values = append(a.values, plainValue{sign * n, row.scale})
	}
	return a, true
}

var (
	voltageAnswer = []byte{0xFE, 0xFE, 0xFE, 0xFE, 0x68, 1, 1, 0x20, 0x11, 0x24, 0x20, 0x68, 0x91, 6, 0x33, 0x34, 0x34, 0x35, 0x34, 0x55, 0x37, 0x16}
	blockAnswer   = answerBytes(DI{Code: 0x0201FF00}, []byte{0x01, 0x22, 0x97, 0x21, 0x12, 0x22})
)

func answerBytes(di DI, payload []byte) []byte {
	f := AnswerTo(ReadRequest(Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}, di), Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}, payload, false)
	b, err := f.AppendBinary(AppendPreamble(nil, 4))
	if err != nil {
		panic(err)
	}
	return b
}

// decodeOne is our way of the same work but for the names, which are looked
// up when somebody asks.
func decodeOne(b []byte, f *Frame, items []Item) ([]Item, bool) {
	if _, ok := Scan(b, f); !ok {
		return items, false
	}
	di, ok := f.DI()
	if !ok {
		return items, false
	}
	items, err := Decode(items[:0], di, f.Payload())
	return items, err == nil
}

// benchmarkDecode times both ways in turns, so that what slows the machine
// down slows both, and reports the ratio.
func benchmarkDecode(b *testing.B, frame []byte, n int) {
	b.ReportAllocs()
	var f Frame
	items := make([]Item, 0, 8)
	var ours, plain time.Duration
	const turn = 2048
	for b.Loop() {
		start := time.Now()
		for range turn {
			var ok bool
			if items, ok = decodeOne(frame, &f, items); !ok || len(items) != n || items[0].Value.Dec != (Decimal{2201, 1}) {
				b.Fatal(items)
			}
		}
		ours += time.Since(start)
		b.StopTimer()
		start = time.Now()
		for range turn {
			if a, ok := plainDecode(frame); !ok || len(a.values) != n || a.values[0] != (plainValue{2201, 1}) {
				b.Fatal(a)
			}
		}
		plain += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N)/turn, "ns/frame")
	b.ReportMetric(float64(plain)/float64(ours), "x-yardstick")
}

func BenchmarkDecodeVoltage(b *testing.B) { benchmarkDecode(b, voltageAnswer, 1) }
func BenchmarkDecodeBlock(b *testing.B)   { benchmarkDecode(b, blockAnswer, 3) }

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

// streamSize is the random bytes of BenchmarkStream.
const streamSize = 1 << 30

// BenchmarkStream scans 1 GiB of random bytes with a good frame every 64 KiB
// or so. A random position passes for a frame with two start bytes, an end
// byte and a checksum of one byte each: 1 in 2^32.
func BenchmarkStream(b *testing.B) {
	for b.Loop() {
		rnd := rand.NewChaCha8([32]byte{1})
		places := rand.New(rnd)
		good := voltageAnswer[4:]
		var buf []byte
		chunk := make([]byte, 64<<10)
		var f Frame
		sown, found, invented, scanned := 0, 0, 0, 0
		var took time.Duration
		for scanned < streamSize {
			rnd.Read(chunk)
			copy(chunk[places.IntN(len(chunk)-len(good)):], good)
			sown++
			scanned += len(chunk)
			buf = append(buf, chunk...)
			start := time.Now()
			rest := buf
			for {
				at, ok := Scan(rest, &f)
				if !ok {
					break
				}
				if bytes.Equal(rest[at.Start:at.End], good) {
					found++
				} else {
					invented++
				}
				rest = rest[at.End:]
			}
			rest = rest[Pending(rest):]
			took += time.Since(start)
			buf = append(buf[:0], rest...)
		}
		if found < sown-invented {
			b.Fatalf("%d of %d good frames found, %d invented", found, sown, invented)
		}
		b.ReportMetric(float64(sown-found), "lost")
		b.ReportMetric(float64(found), "found")
		b.ReportMetric(float64(invented), "invented")
		b.ReportMetric(float64(scanned)/(1<<32), "expected-invented")
		b.ReportMetric(float64(scanned)/1e6/took.Seconds(), "MB/s")
	}
}
