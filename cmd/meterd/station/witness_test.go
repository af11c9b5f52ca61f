package station

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/store"
)

// bench is a board whose /data can be copied and put back as a whole.
type bench struct {
	t     *testing.T
	data  string
	run   string // what does not outlive the system
	boot  uint32
	told  bytes.Buffer
	given map[uint64]string // what each number was given for
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, data: filepath.Join(t.TempDir(), "data"), run: t.TempDir(), boot: 1, given: map[uint64]string{}}
	if err := os.Mkdir(b.data, 0o700); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) set() config.Store {
	return config.Store{Path: filepath.Join(b.data, "ring"), State: filepath.Join(b.data, "state"), Size: store.MinSize, Flush: time.Hour}
}

// start opens the ring as a start of the daemon does.
func (b *bench) start() *Station {
	b.t.Helper()
	b.told.Reset()
	st := newTestStation(b.t, filepath.Join(b.data, "meterd.toml"))
	st.log = slog.New(slog.NewTextHandler(&b.told, nil))
	st.hardware = func() string { return "02:00:00:00:00:01" }
	st.boot, st.witness = b.boot, filepath.Join(b.run, "sock.ring")
	if err := st.useRing(b.set()); err != nil {
		b.t.Fatal(err)
	}
	return st
}

// add puts records in, and sees that their numbers are new.
func (b *bench) add(st *Station, what string, n int) (first, last uint64) {
	b.t.Helper()
	for i := range n {
		seq, err := st.store().Append(aRecord(b.t, int64(i)))
		if err != nil || b.given[seq] != "" {
			b.t.Fatalf("%s: number %d was given %s: %v", what, seq, b.given[seq], err)
		}
		if b.given[seq], last = what, seq; i == 0 {
			first = seq
		}
	}
	if err := st.store().Flush(); err != nil {
		b.t.Fatal(err)
	}
	return first, last
}

func (b *bench) end(st *Station) {
	b.t.Helper()
	if err := st.tasks.end(taskRing); err != nil {
		b.t.Fatal(err)
	}
}

// copied gives a copy of /data as it is.
func (b *bench) copied() string {
	b.t.Helper()
	dir := filepath.Join(b.t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(b.data)); err != nil {
		b.t.Fatal(err)
	}
	return dir
}

// putBack puts a copy in the place of /data.
func (b *bench) putBack(dir string) {
	b.t.Helper()
	if err := errors.Join(os.RemoveAll(b.data), os.CopyFS(b.data, os.DirFS(dir))); err != nil {
		b.t.Fatal(err)
	}
}

// reboot starts the system anew.
func (b *bench) reboot() {
	b.t.Helper()
	b.boot++
	if err := errors.Join(os.RemoveAll(b.run), os.Mkdir(b.run, 0o700)); err != nil {
		b.t.Fatal(err)
	}
}

// TestNumbersGoOnWhereNobodyCanHaveMeddled: after a good end and within one start of
// the system there is no gap.
func TestNumbersGoOnWhereNobodyCanHaveMeddled(t *testing.T) {
	b := newBench(t)
	last := uint64(0)
	for range 3 {
		st := b.start()
		first, l := b.add(st, "all along", 20)
		if last > 0 && first != last+1 {
			t.Errorf("after %d comes %d", last, first)
		}
		last = l
		b.end(st)
	}
}

// TestAllOfDataIsPutBack: ring, state and mark together are those of a copy, taken while
// the daemon was at work or not, and put back with the system running on or not. No
// number is given for two things, and within one start of the system it is told.
func TestAllOfDataIsPutBack(t *testing.T) {
	for _, c := range []struct {
		what           string
		atWork, reboot bool
		told           bool
	}{
		{"a copy of a good end, at once", false, false, true},
		{"a copy of a good end, after a reboot", false, true, false},
		{"a copy taken at work, at once", true, false, true},
		{"a copy taken at work, after a reboot", true, true, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newBench(t)
			st := b.start()
			b.add(st, "before the copy", 20)
			var backup string
			if c.atWork {
				backup = b.copied()
				b.add(st, "after the copy", 5)
				cut := b.copied()
				b.end(st)
				b.putBack(cut) // the power was cut
				b.reboot()
			} else {
				b.end(st)
				backup = b.copied()
			}
			st = b.start()
			b.add(st, "later", 200)
			b.end(st)
			if c.reboot {
				b.reboot()
			}
			for i := range 3 { // it is put back again and again
				b.putBack(backup)
				st = b.start()
				if told := strings.Contains(b.told.String(), "the ring is older than it was"); told != c.told {
					t.Errorf("told %v, want %v: %s", told, c.told, &b.told)
				}
				b.add(st, "put back "+strings.Repeat("again", i), 200)
				b.end(st)
				if c.reboot {
					b.reboot()
				}
			}
		})
	}
}

// TestRebootsAloneWriteNothing: that numbers will go on far away takes nothing of
// the ring before there is something to write.
func TestRebootsAloneWriteNothing(t *testing.T) {
	b := newBench(t)
	st := b.start()
	_, last := b.add(st, "before", 20)
	b.end(st)
	before, err := os.ReadFile(b.set().Path)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		b.reboot()
		b.end(b.start())
		if strings.Contains(b.told.String(), "level=ERROR") {
			t.Fatalf("told is %s", &b.told)
		}
	}
	if after, err := os.ReadFile(b.set().Path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the ring was written: %v", err)
	}
	st = b.start()
	if first, _ := b.add(st, "after", 1); first < last+1<<30 {
		t.Errorf("after %d comes %d", last, first)
	}
	b.end(st)
}
