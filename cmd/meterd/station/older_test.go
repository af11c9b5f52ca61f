package station

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/meter"
)

// TestOlderRingsAreReadOn: rings that earlier programs made (testdata/older, by
// their day and commit), each of 900 readings of which 500 are delivered. None
// is lost, and the next reading gets the next number.
func TestOlderRingsAreReadOn(t *testing.T) {
	files, err := filepath.Glob("testdata/older/*.ring.gz")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			dir := t.TempDir()
			set := config.Store{Path: filepath.Join(dir, "ring"), State: filepath.Join(dir, "ring.state"), Size: 1 << 20, Flush: time.Hour}
			unpack(t, file, set.Path)
			for start := range uint64(2) { // and once more, written by this program
				st := newTestStation(t, filepath.Join(dir, "meterd.toml"))
				if err := st.useRing(set); err != nil || inMemory(st.store()) {
					t.Fatal(err, st.store().Stats().LastErr)
				}
				r := st.store()
				pos, ok := r.Cursor("tuya")
				if !ok || pos != 500 {
					t.Fatalf("the cursor is at %d, %v, want 500", pos, ok)
				}
				n := int64(500)
				rd := r.NewReader(pos).Of("tuya")
				for e, ok := rd.Next(); ok; e, ok = rd.Next() {
					var reading meter.Reading
					if e.Gap != nil || reading.UnmarshalBinary(e.Data) != nil {
						t.Fatalf("after record %d: %+v", n, e)
					}
					if v, ok := reading.Value("voltage.a"); n < 900 && (!ok || v.Dec.Coef != 2000+n || reading.Time.Unix() != 1750000000+n) {
						t.Fatalf("record %d is %+v", n+1, reading)
					}
					n++
				}
				if n != 900+int64(start) {
					t.Errorf("%d records are there, want %d", n, 900+start)
				}
				if seq, err := r.Append(aRecord(t, 1)); err != nil || seq != 901+start {
					t.Errorf("the next record is number %d, %v", seq, err)
				}
				if err := st.tasks.end(taskRing); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
