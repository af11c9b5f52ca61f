package tool

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkDecodeCapture prints how many MB of a capture a second of the processor
// decodes, and beside it as a multiple what a plain loop needs in the same run
// that reads each line and its bytes with bufio and encoding/hex and does nothing
// with them. out/in is how many bytes are told of each byte read.
func BenchmarkDecodeCapture(b *testing.B) {
	for _, f := range append(forms[:3:3], forms[len(forms)-1]) {
		in := traffic(40000, f.line)
		if f.name == "dump" {
			in = dump(in)
		}
		for _, m := range manners[:3] {
			b.Run(f.name+"/"+strings.Join(append(m.args, "text")[:max(1, len(m.args))], ""), func(b *testing.B) {
				took, peer, told := time.Duration(0), time.Duration(0), counter(0)
				for b.Loop() {
					began := processor()
					plainLoop(in)
					between := processor()
					d := newDecoder(&told, m.json, m.fields, m.language)
					c := newCapture(waiting{strings.NewReader(in), d.flush})
					for c.next() {
						if err := d.input(c.first, c.text); err != nil {
							b.Fatal(err)
						}
					}
					d.flush()
					peer += between - began
					took += processor() - between
				}
				b.ReportMetric(float64(len(in)*b.N)/1e6/took.Seconds(), "MB/cpu-s")
				b.ReportMetric(float64(took)/float64(peer), "x-plain-loop")
				b.ReportMetric(0, "ns/op") // both together
				b.ReportMetric(float64(told)/float64(b.N)/float64(len(in)), "out/in")
			})
		}
	}
}

// processor gives how much of the processor this program has used.
func processor() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type counter int

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

// plainLoop reads the bytes of each line as a small program would.
func plainLoop(in string) {
	lines := bufio.NewScanner(strings.NewReader(in))
	var b []byte
	for lines.Scan() {
		digits := lines.Bytes()
		if i := bytes.Index(digits, []byte("FE")); i >= 0 {
			digits = digits[i:]
		}
		digits = bytes.ReplaceAll(digits, []byte(" "), nil)
		b, _ = hex.AppendDecode(b[:0], digits)
		io.Discard.Write(b)
	}
}
