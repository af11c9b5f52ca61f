package station

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

func aRecord(t *testing.T, n int64) []byte {
	t.Helper()
	r := meter.Reading{Meter: dlt645.Address{1}, Boot: 1, Time: time.UnixMilli(n), Round: time.UnixMilli(n), Trusted: true,
		Values: []meter.PointValue{{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}}}}
	rec, err := r.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestRingInMemoryGoesOverToItsDevice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	st := newTestStation(t, filepath.Join(t.TempDir(), "meterd.toml"))
	c := config.Store{Path: filepath.Join(dir, "ring"), Size: store.MinSize, Flush: time.Hour}
	if err := st.useRing(c); err != nil || !inMemory(st.store()) {
		t.Fatalf("without its directory: %v", err)
	}
	var last uint64
	for n := range time.Duration(10) {
		seq, err := st.store().Append(aRecord(t, int64(n)))
		if err != nil {
			t.Fatal(err)
		}
		last = seq
	}
	st.store().SetCursor("tuya", last-3)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := st.useRing(c); err != nil || inMemory(st.store()) {
		t.Fatalf("the directory is there: %v", err)
	}
	n := 0
	rd := st.store().NewReader(0)
	for _, ok := rd.Next(); ok; _, ok = rd.Next() {
		n++
	}
	if n != 3 {
		t.Errorf("%d records came along, want the 3 that were not delivered", n)
	}
	if err := st.tasks.end(taskRing); err != nil {
		t.Error(err)
	}
}
