package station

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"meterd/cmd/meterd/config"
	"meterd/meter"
	"meterd/store"
)

// spoiled is a ring on which something has happened. Of the readings 1 to 20, each a
// commit, 10 are delivered; older is a copy of when there were 15.
type spoiled struct {
	t     *testing.T
	set   config.Store
	older string
	other string // a ring that was made elsewhere, with readings of its own
}

// zero writes zeros into the file as it is.
func (s spoiled) zero(from, n int64) {
	s.t.Helper()
	f, err := os.OpenFile(s.set.Path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt(make([]byte, n), from)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// replace puts another file in its place, as mv does.
func (s spoiled) replace(by string) {
	s.t.Helper()
	b, err := os.ReadFile(by)
	if err == nil {
		err = errors.Join(os.WriteFile(by+".tmp", b, 0o600), os.Rename(by+".tmp", s.set.Path))
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// mountSmall puts a file system of some KiB where the ring is to be.
func (s spoiled) mountSmall(kib int) {
	s.t.Helper()
	dir := filepath.Dir(s.set.Path)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dk", kib)); err != nil {
		s.t.Skipf("it takes a file system of its own, which only root mounts: %v", err)
	}
	s.t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}

// fill leaves no room where the ring is.
func (s spoiled) fill() {
	s.t.Helper()
	f, err := os.Create(filepath.Join(filepath.Dir(s.set.Path), "filler"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	for b := make([]byte, 4096); ; {
		if _, err := f.Write(b); err != nil {
			if !errors.Is(err, unix.ENOSPC) {
				s.t.Fatal(err)
			}
			return
		}
	}
}

// onDevice makes the ring's path a loop device, and gives the file behind it, where
// there is room for little more.
func (s *spoiled) onDevice() (behind string) {
	s.t.Helper()
	s.mountSmall(2<<10 + 64)
	behind = filepath.Join(filepath.Dir(s.set.Path), "behind")
	if err := errors.Join(os.WriteFile(behind, nil, 0o600), os.Truncate(behind, 2<<20)); err != nil {
		s.t.Fatal(err)
	}
	out, err := exec.Command("losetup", "-f", "--show", behind).CombinedOutput()
	if err != nil {
		s.t.Skipf("no loop device: %v %s", err, out)
	}
	s.set.Path = strings.TrimSpace(string(out))
	s.t.Cleanup(func() { exec.Command("losetup", "-d", s.set.Path).Run() })
	return behind
}

// TestRingsThatWereSpoiled is the table of what may happen to a ring, while the daemon
// runs and before it starts: which of the ten readings that wait are kept, whether the
// ring is in memory from then on, and what is told. The board never stops.
func TestRingsThatWereSpoiled(t *testing.T) {
	const (
		gone   = `level=ERROR msg="the ring is no longer in its file`
		older  = `level=ERROR msg="the ring is older than it was`
		other  = `level=ERROR msg="the ring was at work on another board`
		unused = `level=ERROR msg="the ring cannot be used: readings are in memory only"`
		failed = `level=ERROR msg="the ring cannot be written, readings are in memory only"`
		clear  = `level=ERROR msg="the ring was made before and holds nothing`
	)
	for _, c := range []struct {
		what     string
		before   func(s *spoiled) func(s spoiled) // sets the scene; gives what happens
		running  bool
		kept     int // of the ten that wait
		missing  int // of them, that a gap tells of
		inMemory bool
		told     string
	}{
		{"deleted", then(func(s spoiled) { os.Remove(s.set.Path) }), true, 10, 0, false, gone},
		{"deleted", then(func(s spoiled) { os.Remove(s.set.Path) }), false, 0, 0, false, ""}, // nobody knows of it: the first start looks so
		{"replaced by something else", then(func(s spoiled) { s.replace(s.set.State + ".text") }), true, 10, 0, true, gone + "|" + unused},
		{"replaced by something else", then(func(s spoiled) { s.replace(s.set.State + ".text") }), false, 0, 0, true, unused},
		{"cut in the middle", then(func(s spoiled) { os.Truncate(s.set.Path, 200<<10) }), true, 10, 0, false, gone},
		{"cut in the middle", then(func(s spoiled) { os.Truncate(s.set.Path, 200<<10) }), false, 10, 0, false, ""}, // where nothing was yet
		{"cut to nothing", then(func(s spoiled) { os.Truncate(s.set.Path, 0) }), true, 0, 0, false, gone},
		{"cut to nothing", then(func(s spoiled) { os.Truncate(s.set.Path, 0) }), false, 0, 0, true, unused},
		{"older", then(func(s spoiled) { s.replace(s.older) }), true, 10, 0, false, gone + "|" + older},
		{"older", then(func(s spoiled) { s.replace(s.older) }), false, 5, 0, false, older},
		{"another board's", then(func(s spoiled) { s.replace(s.other) }), true, 10, 0, false, gone},
		{"another board's", then(func(s spoiled) { s.replace(s.other) }), false, 0, 0, false, ""},
		{"of a copied card", func(s *spoiled) func(spoiled) {
			return func(s spoiled) { // its mark tells of another board
				if err := os.WriteFile(s.set.State+".board", []byte("02:00:00:00:00:09\n"), 0o600); err != nil {
					s.t.Fatal(err)
				}
			}
		}, false, 10, 0, false, other},
		{"three commits zeroed", then(func(s spoiled) { s.zero(2*4096+4*4096+13*4096, 3*4096) }), true, 7, 3, false, ""},
		{"three commits zeroed", then(func(s spoiled) { s.zero(2*4096+4*4096+13*4096, 3*4096) }), false, 7, 3, false, ""},
		{"all commits zeroed", then(func(s spoiled) { s.zero(2*4096, 128<<10) }), true, 0, 10, false, ""},
		{"all commits zeroed", then(func(s spoiled) { s.zero(2*4096, 128<<10) }), false, 0, 0, false, clear},
		{"its head zeroed", then(func(s spoiled) { s.zero(0, 4096) }), true, 10, 0, false, ""},
		{"its head zeroed", then(func(s spoiled) { s.zero(0, 4096) }), false, 10, 0, false, ""},
		{"read-only", onMount(func(s spoiled) {
			if err := unix.Mount("", filepath.Dir(s.set.Path), "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				s.t.Fatal(err)
			}
		}), false, 10, 0, false, failed},
		{"on a full flash", onMount(func(s spoiled) { s.fill() }), true, 10, 0, false, ""}, // its room is its own
		{"on a full flash", onMount(func(s spoiled) { s.fill() }), false, 10, 0, false, ""},
		{"without room to be made", onMount(func(s spoiled) { os.Remove(s.set.Path); s.fill() }), false, 0, 0, true, failed},
		{"on a device that fails", onLoop, true, 10, 0, false, failed},
		{"on a device that fails", onLoop, false, 10, 0, false, failed},
	} {
		t.Run(fmt.Sprintf("%s, running %v", c.what, c.running), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			s := spoiled{t: t, set: config.Store{Path: filepath.Join(dir, "ring"), State: filepath.Join(t.TempDir(), "state"), Size: store.MinSize, Flush: time.Hour}}
			if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(s.set.State+".text", []byte("something else"), 0o600)); err != nil {
				t.Fatal(err)
			}
			happens := c.before(&s)
			var told bytes.Buffer
			start := func() *Station {
				st := newTestStation(t, filepath.Join(t.TempDir(), "meterd.toml"))
				st.log = slog.New(slog.NewTextHandler(&told, nil))
				st.hardware = func() string { return "02:00:00:00:00:01" }
				if err := st.useRing(s.set); err != nil {
					t.Fatalf("the board does not start: %v", err)
				}
				return st
			}
			st := start()
			for n := int64(1); n <= 20; n++ {
				seq, err := st.store().Append(aRecord(t, n))
				if err != nil {
					t.Fatal(err)
				}
				if n == 10 {
					st.store().SetCursor("tuya", seq)
				}
				if err := st.store().Flush(); err != nil {
					t.Fatal(err)
				}
				if n == 15 {
					s.older = copyOf(t, s.set.Path)
				}
			}
			s.other = anotherRing(t)
			if !c.running {
				if err := st.tasks.end(taskRing); err != nil {
					t.Fatal(err)
				}
			}
			happens(s)
			told.Reset()
			if c.running {
				ring := st.store()
				if err := ring.There(); err != nil { // what is looked at each half a minute
					st.log.Error("the ring is no longer in its file", "err", err)
					st.reopen.Store(true)
					if err := st.useRing(s.set); err != nil {
						t.Fatalf("the board stops: %v", err)
					}
				}
			} else {
				st = start()
			}
			r := st.store()
			var last uint64
			for range 64 {
				var err error
				if last, err = r.Append(aRecord(t, 99)); err != nil {
					t.Fatalf("the next reading: %v", err)
				}
				_ = r.Flush() // it may fail, and is told then
			}
			kept, missing := waits(r, last)
			if kept != c.kept || missing != c.missing {
				t.Errorf("%d of those that wait are kept and %d told as missing, want %d and %d", kept, missing, c.kept, c.missing)
			}
			if got := inMemory(r); got != c.inMemory {
				t.Errorf("in memory: %v, want %v: %s", got, c.inMemory, r.Stats().LastErr)
			}
			for want := range strings.SplitSeq(c.told, "|") {
				if !strings.Contains(told.String(), want) {
					t.Errorf("told is %s, want %s", &told, want)
				}
			}
			if c.told == "" && strings.Contains(told.String(), "level=ERROR") {
				t.Errorf("told is %s", &told)
			}
			st.tasks.end(taskRing)
		})
	}
}

// then is something that happens on a plain ring.
func then(happens func(spoiled)) func(*spoiled) func(spoiled) {
	return func(*spoiled) func(spoiled) { return happens }
}

// onMount is something that happens on a file system of its own.
func onMount(happens func(spoiled)) func(*spoiled) func(spoiled) {
	return func(s *spoiled) func(spoiled) { s.mountSmall(1024); return happens }
}

// onLoop is a device that can be read, and soon takes no more: there is a hole in the file
// behind it, and no room to fill that.
func onLoop(s *spoiled) func(spoiled) {
	behind := s.onDevice()
	return func(s spoiled) {
		f, err := os.OpenFile(behind, os.O_RDWR, 0)
		if err == nil {
			err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 32<<10, 1<<20)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			s.t.Skipf("no hole can be made: %v", err)
		}
		s.set.Path = behind
		s.fill()
	}
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	to := filepath.Join(t.TempDir(), "copy")
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// anotherRing makes one that has nothing to do with ours.
func anotherRing(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "another")
	r, err := store.Open(path, store.Options{Geometry: store.Geometry{Size: store.MinSize}, Codec: meter.Packing{}})
	if err == nil {
		_, err = r.Append(aRecord(t, 500))
		err = errors.Join(err, r.Flush(), r.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// waits counts which of the readings 11 to 20 an uplink still gets, and how many it is
// told to have lost, up to the number last.
func waits(r *store.Ring, last uint64) (kept, missing int) {
	pos, _ := r.Cursor("tuya")
	seen := map[int64]bool{}
	for rd := r.NewReader(pos).Of("tuya"); ; {
		e, ok := rd.Next()
		if !ok {
			return len(seen), missing
		}
		if e.Gap != nil {
			switch { // as an uplink counts it
			case e.Counted:
				missing += e.Missing
			case e.Gap.Cause != store.Reserved:
				missing += int(e.Gap.To - e.Gap.From + 1)
			}
			continue
		}
		if at, _ := meter.Taken(e.Data); at.UnixMilli() > 10 && at.UnixMilli() <= 20 {
			seen[at.UnixMilli()] = true
		}
		if e.Seq >= last {
			return len(seen), missing
		}
	}
}
