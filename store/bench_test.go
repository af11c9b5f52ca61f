package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// flashPage is what a flash chip programs at once, typically.
const flashPage = 16 << 10

// counting counts what reaches a device: bytes, flushes, and the pages of
// flash that are programmed for each flush (a model: the pages touched
// between two flushes).
type counting struct {
	File
	written, read, flushes, pages int64
	touched                       map[int64]bool
}

func newCounting(f File) *counting { return &counting{File: f, touched: map[int64]bool{}} }

func (c *counting) ReadAt(b []byte, off int64) (int, error) {
	c.read += int64(len(b))
	return c.File.ReadAt(b, off)
}

func (c *counting) WriteAt(b []byte, off int64) (int, error) {
	c.written += int64(len(b))
	for at := off / flashPage; at <= (off+int64(len(b))-1)/flashPage; at++ {
		c.touched[at] = true
	}
	return c.File.WriteAt(b, off)
}

func (c *counting) Sync() error {
	c.flushes++
	c.pages += int64(len(c.touched))
	clear(c.touched)
	return c.File.Sync()
}

func (c *counting) reset() { *c = counting{File: c.File, touched: c.touched} }

// memory is a file in memory that keeps everything.
type memory []byte

func (m memory) ReadAt(b []byte, off int64) (int, error)  { return copy(b, m[off:]), nil }
func (m memory) WriteAt(b []byte, off int64) (int, error) { return copy(m[off:], b), nil }
func (m memory) Sync() error                              { return nil }
func (m memory) Close() error                             { return nil }

func benchRing(b *testing.B, g Geometry) (*Ring, *counting) {
	b.Helper()
	g = g.withDefaults()
	m := make(memory, g.Size)
	if err := format(m, superblock{unit: g.Unit, segmentSize: g.SegmentSize, segments: g.segments(), id: [16]byte{1}}); err != nil {
		b.Fatal(err)
	}
	f := newCounting(m)
	r, err := openFile(f, Options{Flush: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	return r, f
}

// BenchmarkWear appends records of 64 bytes, 20 a commit, while a reader
// drains and acknowledges them.
func BenchmarkWear(b *testing.B) {
	for _, unit := range []int{512, 4096} {
		b.Run(fmt.Sprintf("unit=%d", unit), func(b *testing.B) {
			r, f := benchRing(b, Geometry{Unit: unit, Size: 4 << 20})
			rd := r.NewReader(0)
			f.reset()
			commits, user := int64(0), int64(0)
			for b.Loop() {
				for range 20 {
					rec := make([]byte, 64)
					if _, err := r.Append(rec); err != nil {
						b.Fatal(err)
					}
					user += int64(len(rec))
				}
				if err := r.Flush(); err != nil {
					b.Fatal(err)
				}
				commits++
				for e, ok := rd.Next(); ok; e, ok = rd.Next() {
					if err := r.SetCursor("tuya", e.Seq); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(f.written)/float64(user), "device-B/user-B")
			b.ReportMetric(float64(f.flushes)/float64(commits), "flushes/commit")
			b.ReportMetric(float64(f.pages*flashPage)/float64(user), "page-B/user-B")
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	r, _ := benchRing(b, Geometry{Size: 4 << 20})
	rec := make([]byte, 64)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if _, err := r.Append(rec); err != nil {
			b.Fatal(err)
		}
		if n%1000 == 999 {
			if err := r.Flush(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkOpenFull opens a full ring of 64 MiB, and one of 1 GiB: what is
// read and what stays in memory does not grow with it.
func BenchmarkOpenFull(b *testing.B) {
	for _, size := range []int64{64 << 20, 1 << 30} {
		b.Run(fmt.Sprintf("MiB=%d", size>>20), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "ring")
			r, err := Open(path, Options{Geometry: Geometry{Size: size}, Flush: time.Hour})
			if err != nil {
				b.Fatal(err)
			}
			rec := make([]byte, 30<<10)
			for r.newest < uint64(r.medium.segments)*3/2 {
				for range 4 {
					if _, err := r.Append(rec); err != nil {
						b.Fatal(err)
					}
				}
				if err := r.Flush(); err != nil {
					b.Fatal(err)
				}
			}
			for range 20 { // small commits in the newest segment
				r.Append(make([]byte, 64))
				r.Flush()
			}
			r.Close()
			f, _, err := openOrCreate(path, Geometry{})
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			file := newCounting(newOSFile(f, path, 4096))
			var before, after runtime.MemStats
			var read, heap int64
			for b.Loop() {
				file.reset()
				runtime.GC()
				runtime.ReadMemStats(&before)
				s, err := readSuperblock(file)
				if err != nil {
					b.Fatal(err)
				}
				r, err := load(file, s, Options{})
				if err != nil {
					b.Fatal(err)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				read = max(read, file.read)
				heap = max(heap, int64(after.HeapAlloc)-int64(before.HeapAlloc))
				runtime.KeepAlive(r)
			}
			b.ReportMetric(float64(read)/1024, "read-KiB")
			b.ReportMetric(float64(heap)/1024, "heap-KiB")
		})
	}
}

// BenchmarkWraps goes round the ring a hundred times and compares how often
// each segment was written anew.
func BenchmarkWraps(b *testing.B) {
	r, f := benchRing(b, Geometry{Size: 2 << 20})
	w := &wear{File: f, size: int64(r.medium.segmentSize), skip: 2 * int64(r.medium.unit), erases: map[int64]int{}}
	r.medium.file = w
	rng := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		clear(w.erases)
		for from := r.tail.segment; r.tail.segment < from+100*uint64(r.medium.segments); {
			if _, err := r.Append(make([]byte, 1000+rng.IntN(8000))); err != nil {
				b.Fatal(err)
			}
			if err := r.Flush(); err != nil {
				b.Fatal(err)
			}
		}
		most, sum := 0, 0
		for _, n := range w.erases {
			most, sum = max(most, n), sum+n
		}
		b.ReportMetric(float64(most)*float64(len(w.erases))/float64(sum), "max/mean-erases")
		if len(w.erases) != r.medium.segments {
			b.Errorf("%v: %d segments", slices.Sorted(maps.Keys(w.erases)), len(w.erases))
		}
	}
}

// wear counts how often the writing of a segment begins.
type wear struct {
	File
	size, skip int64
	erases     map[int64]int
}

func (w *wear) WriteAt(b []byte, off int64) (int, error) {
	if (off-w.skip)%w.size == 0 {
		w.erases[(off-w.skip)/w.size]++
	}
	return w.File.WriteAt(b, off)
}
