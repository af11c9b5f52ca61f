package station

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
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
	if m := board.ReadMark(filepath.Join(two, "ring.state.board")); m.Board != "02:00:00:00:00:02" {
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

// TestWhatBecomesOfTheRingsFile: what happens to it while the daemon runs, and
// what stands in its place at a start. Nothing that waits is lost, nothing
// foreign is written over, and the board goes on.
func TestWhatBecomesOfTheRingsFile(t *testing.T) {
	foreign := bytes.Repeat([]byte("somebody else's"), 10000)
	write := func(b []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		happens  func(t *testing.T, path string)
		inMemory bool // afterwards
		kept     []byte
	}{
		"deleted":        {func(t *testing.T, path string) { os.Remove(path) }, false, nil},
		"moved away":     {func(t *testing.T, path string) { os.Rename(path, path+".old") }, false, nil},
		"a foreign file": {write(foreign), true, foreign},
		"a short file":   {write([]byte("x")), true, []byte("x")},
		"an empty file":  {write(nil), true, []byte{}},
		"another board's ring": {func(t *testing.T, path string) {
			write(nil)(t, path)
			os.Remove(path)
			r, err := store.Open(path, store.Options{Geometry: store.Geometry{Size: store.MinSize}})
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
		}, false, nil},
		"cut to nothing": {func(t *testing.T, path string) { os.Truncate(path, 0) }, true, []byte{}}, // running: made anew
	} {
		for _, running := range []bool{true, false} {
			c := c
			t.Run(fmt.Sprintf("%s, running %v", name, running), func(t *testing.T) {
				dir := t.TempDir()
				var told bytes.Buffer
				start := func() *Station {
					st := newTestStation(t, filepath.Join(dir, "meterd.toml"))
					st.log = slog.New(slog.NewTextHandler(&told, nil))
					return st
				}
				set := config.Store{Path: filepath.Join(dir, "ring"), State: filepath.Join(dir, "state"), Size: store.MinSize, Flush: time.Hour}
				st := start()
				if err := st.useRing(set); err != nil {
					t.Fatal(err)
				}
				for n := range 20 {
					seq, err := st.store().Append(aRecord(t, int64(n)))
					if err != nil {
						t.Fatal(err)
					}
					if n == 9 {
						st.store().SetCursor("tuya", seq)
					}
				}
				if err := st.store().Flush(); err != nil || st.store().There() != nil {
					t.Fatal(err, st.store().There())
				}
				if !running {
					if err := st.tasks.end(taskRing); err != nil {
						t.Fatal(err)
					}
					st = start()
				}
				c.happens(t, set.Path)
				if running {
					if err := st.store().There(); !errors.Is(err, store.ErrGone) {
						t.Errorf("it is noticed as %v", err)
					}
					st.reopen.Store(true)
				}
				if err := st.useRing(set); err != nil {
					t.Fatalf("the board stops: %v", err)
				}
				r := st.store()
				if running && name == "cut to nothing" {
					c.inMemory, c.kept = false, nil
				}
				if got := inMemory(r); got != c.inMemory {
					t.Errorf("in memory: %v, want %v: %s", got, c.inMemory, r.Stats().LastErr)
				}
				if c.inMemory && !strings.Contains(told.String(), "level=ERROR msg=\"the ring cannot be used: readings are in memory only\"") {
					t.Errorf("it is told as %s", &told)
				}
				if c.inMemory && (!strings.Contains(told.String(), "meterd ring format "+set.Path) || !r.Stats().Foreign) {
					t.Errorf("what to do about it is told as %s", &told)
				}
				if running && name != "cut to nothing" {
					pos, ok := r.Cursor("tuya")
					n := 0
					for rd := r.NewReader(pos); ; {
						e, more := rd.Next()
						if !more {
							break
						}
						if e.Gap == nil { // else numbers that nobody had
							n++
						}
					}
					if !ok || n != 10 {
						t.Errorf("%d readings wait, cursor %v, want the 10 that were not delivered", n, ok)
					}
				}
				if _, err := r.Append(aRecord(t, 99)); err != nil {
					t.Errorf("the next reading: %v", err)
				}
				st.tasks.end(taskRing)
				if b, err := os.ReadFile(set.Path); c.kept != nil && (err != nil || !bytes.Equal(b, c.kept)) {
					t.Errorf("what stood there was touched: %d bytes, %v", len(b), err)
				}
			})
		}
	}
}

// TestFlashThatCanBeWrittenLater could only be read when the daemon started.
func TestFlashThatCanBeWrittenLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "flash")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("it takes a file system of its own, which only root mounts: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	set := config.Store{Path: filepath.Join(dir, "ring"), Size: store.MinSize, Flush: time.Hour}
	st := newTestStation(t, filepath.Join(t.TempDir(), "meterd.toml"))
	for _, readOnly := range []bool{false, true} {
		if readOnly {
			if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := st.useRing(set); err != nil {
			t.Fatal(err)
		}
		if _, err := st.store().Append(aRecord(t, 1)); err != nil {
			t.Fatal(err)
		}
		if s := st.store().Stats(); (s.LastErr != "") != readOnly || st.store().Writable() {
			t.Errorf("read-only %v: %+v, writable %v", readOnly, s, st.store().Writable())
		}
		if !readOnly {
			if err := st.tasks.end(taskRing); err != nil {
				t.Fatal(err)
			}
			st = newTestStation(t, filepath.Join(t.TempDir(), "meterd.toml"))
		}
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	if !st.store().Writable() {
		t.Error("nobody notices that it can be written")
	}
	st.reopen.Store(true)
	if err := st.useRing(set); err != nil {
		t.Fatal(err)
	}
	r, n := st.store(), 0
	if err := r.Flush(); err != nil {
		t.Error(err)
	}
	for rd := r.NewReader(0); ; {
		e, ok := rd.Next()
		if !ok {
			break
		}
		if e.Gap == nil {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d records are there, want 2", n)
	}
	st.tasks.end(taskRing)
}

// TestAnotherRingLeavesNothingBehind: a configuration that names another ring is
// refused while readings wait in this one.
func TestAnotherRingLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	st := newTestStation(t, filepath.Join(dir, "meterd.toml"))
	set := config.Store{Path: filepath.Join(dir, "ring"), Size: store.MinSize, Flush: time.Hour}
	if err := st.useRing(set); err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for n := range 20 {
		var err error
		if last, err = st.store().Append(aRecord(t, int64(n))); err != nil {
			t.Fatal(err)
		}
	}
	st.store().SetCursor("one", last)
	st.store().SetCursor("other", last-7)
	before, other := st.store(), set
	other.Path = filepath.Join(dir, "other")
	err := st.useRing(other)
	if e, ok := errors.AsType[*console.Told](err); !ok || !strings.Contains(e.Text.EN, "and 7 readings in "+set.Path+" are not delivered: they would stay there") || !strings.Contains(e.Text.ZH, set.Path+" 中还有 7 条读数未上报") || e.Hint.EN == "" || e.Hint.ZH == "" {
		t.Errorf("it is answered %v", err)
	}
	if _, err := before.Append(aRecord(t, 20)); st.store() != before || err != nil {
		t.Errorf("the ring is another one, or at its end: %v", err)
	}
	st.store().SetCursor("one", last+1)
	st.store().SetCursor("other", last+1)
	if err := st.useRing(other); err != nil || st.store() == before {
		t.Errorf("all is delivered, and it is answered %v", err)
	}
	st.tasks.end(taskRing)
}

// TestARingThatCannotBeOpenedGivesTheOneBeforeBack: a configuration that names a
// ring which somebody else writes cannot run, and the one before goes on with its
// own ring, which takes readings and makes them durable.
func TestARingThatCannotBeOpenedGivesTheOneBeforeBack(t *testing.T) {
	dir := t.TempDir()
	st := newTestStation(t, filepath.Join(dir, "meterd.toml"))
	set := config.Store{Path: filepath.Join(dir, "ring"), Size: store.MinSize, Flush: time.Hour}
	if err := st.useRing(set); err != nil {
		t.Fatal(err)
	}
	if _, err := st.store().Append(aRecord(t, 1)); err != nil {
		t.Fatal(err)
	}
	other := set
	other.Path = filepath.Join(dir, "other")
	theirs, err := store.Open(other.Path, store.Options{Geometry: store.Geometry{Size: store.MinSize}})
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	if err := st.useRing(other); err == nil {
		t.Fatal("two write one ring")
	}
	if err := st.useRing(set); err != nil {
		t.Fatal(err)
	}
	ring := st.store()
	if _, err := ring.Append(aRecord(t, 2)); err != nil {
		t.Errorf("a reading is lost: %v", err)
	}
	if err := ring.Flush(); err != nil || ring.Stats().Waiting != 0 || inMemory(ring) {
		t.Errorf("it is not durable: %v, %+v", err, ring.Stats())
	}
	if err := st.tasks.end(taskRing); err != nil {
		t.Error(err)
	}
	r, err := store.OpenReadOnly(set.Path, meter.Packing{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n := r.NewReader(0).Behind(); n != 2 {
		t.Errorf("%d records are there, want 2", n)
	}
}
