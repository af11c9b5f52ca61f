package station

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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

// TestACopiedCardUsesNoNumberTwice: two boards run from copies of one card.
// The second notices, and no number is given on both.
func TestACopiedCardUsesNoNumberTwice(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	run := func(dir, hardware string, records int) (given []uint64) {
		t.Helper()
		st := newTestStation(t, filepath.Join(dir, "meterd.toml"))
		st.hardware = func() string { return hardware }
		c := config.Store{Path: filepath.Join(dir, "ring"), State: filepath.Join(dir, "ring.state"), Size: store.MinSize, Flush: time.Hour}
		if err := st.useRing(c); err != nil {
			t.Fatal(err)
		}
		for n := range records {
			seq, err := st.store().Append(aRecord(t, int64(n)))
			if err != nil {
				t.Fatal(err)
			}
			given = append(given, seq)
		}
		if err := st.tasks.end(taskRing); err != nil {
			t.Fatal(err)
		}
		return given
	}
	before := run(one, "02:00:00:00:00:01", 20)
	if again := run(one, "02:00:00:00:00:01", 1); again[0] > before[19]+1<<32 {
		t.Errorf("on its own board numbers go from %d to %d", before[19], again[0])
	}
	if err := os.CopyFS(two, os.DirFS(one)); err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]string{}
	for range 3 {
		for dir, hardware := range map[string]string{one: "02:00:00:00:00:01", two: "02:00:00:00:00:02"} {
			for _, seq := range run(dir, hardware, 20) {
				if other := seen[seq]; other != "" {
					t.Fatalf("number %d is given on %s and on %s", seq, other, hardware)
				}
				seen[seq] = hardware
			}
		}
	}
	if m := readMark(filepath.Join(two, "ring.state.board")); m.board != "02:00:00:00:00:02" {
		t.Errorf("the copy belongs to %+v", m)
	}
	if moved := run(two, "", 1); len(moved) != 1 { // a board that cannot be told from others
		t.Error("no number is given")
	}
}

// TestARingThatIsPutBackUsesNoNumberTwice: a backup of the ring alone takes the
// place of the ring, whose later numbers the platforms know.
func TestARingThatIsPutBackUsesNoNumberTwice(t *testing.T) {
	dir := t.TempDir()
	ring, backup := filepath.Join(dir, "ring"), filepath.Join(dir, "backup")
	seen := map[uint64]bool{}
	var told bytes.Buffer
	run := func() (last uint64) {
		t.Helper()
		told.Reset()
		st := newTestStation(t, filepath.Join(dir, "meterd.toml"))
		st.log = slog.New(slog.NewTextHandler(&told, nil))
		c := config.Store{Path: ring, State: filepath.Join(dir, "ring.state"), Size: store.MinSize, Flush: time.Hour}
		if err := st.useRing(c); err != nil {
			t.Fatal(err)
		}
		for n := range 20 {
			seq, err := st.store().Append(aRecord(t, int64(n)))
			if err != nil || seen[seq] {
				t.Fatalf("number %d, used before %v: %v", seq, seen[seq], err)
			}
			seen[seq], last = true, seq
		}
		if err := st.tasks.end(taskRing); err != nil {
			t.Fatal(err)
		}
		return last
	}
	copyFile := func(from, to string) {
		t.Helper()
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	run()
	copyFile(ring, backup)
	if run(); strings.Contains(told.String(), "older") {
		t.Errorf("nothing was put back, and it is told: %s", &told)
	}
	last := run()
	copyFile(backup, ring)
	if next := run(); next < last+1<<30 || !strings.Contains(told.String(), "level=ERROR msg=\"the ring is older than it was") {
		t.Errorf("after %d comes %d, and this is told: %s", last, next, &told)
	}
	if run(); strings.Contains(told.String(), "older") {
		t.Errorf("it is told once more: %s", &told)
	}
}
