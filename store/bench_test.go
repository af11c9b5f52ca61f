package store

import "testing"

// countingFile counts what would reach the device.
type countingFile struct {
	*forgetful
	bytes int
}

func (f *countingFile) WriteAt(b []byte, off int64) (int, error) {
	f.bytes += len(b)
	return f.forgetful.WriteAt(b, off)
}

// BenchmarkCommit20 puts 20 records of 64 bytes into each commit, units of
// 4 KiB, and moves a cursor over them.
func BenchmarkCommit20(b *testing.B) {
	g := Geometry{Size: 4 << 20}.withDefaults()
	mem := newForgetful(g.Size, g.Unit)
	if err := format(mem, superblock{unit: g.Unit, segmentSize: g.SegmentSize, segments: g.segments(), id: [16]byte{1}}); err != nil {
		b.Fatal(err)
	}
	f := &countingFile{forgetful: mem}
	r, err := openFile(f, Options{})
	if err != nil {
		b.Fatal(err)
	}
	rec := make([]byte, 64)
	f.bytes, f.syncs = 0, 0
	commits, user := 0, 0
	for b.Loop() {
		for range 20 {
			seq, err := r.Append(rec)
			if err != nil {
				b.Fatal(err)
			}
			user += len(rec)
			if err := r.SetCursor("tuya", seq); err != nil {
				b.Fatal(err)
			}
		}
		if err := r.Flush(); err != nil {
			b.Fatal(err)
		}
		commits++
	}
	b.ReportMetric(float64(f.bytes)/float64(user), "device-bytes/user-byte")
	b.ReportMetric(float64(f.syncs)/float64(commits), "syncs/commit")
}
