package store

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// aRing makes a ring of 100 records, 60 of which "tuya" has passed.
func aRing(t *testing.T, path string) {
	t.Helper()
	r, err := Open(path, Options{Geometry: Geometry{Size: MinSize + 1<<20}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := r.Append(fmt.Appendf(nil, "record %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(r.SetCursor("tuya", 60), r.Flush(), r.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestWhatStandsThereIsToldAndReplaced: each thing that may stand where a ring is to
// be. Looking changes nothing; afterwards a ring is there that is used at once.
func TestWhatStandsThereIsToldAndReplaced(t *testing.T) {
	for name, c := range map[string]struct {
		put  func(path string) error
		want Found
		size int64 // of the new one
	}{
		"nothing":       {func(string) error { return nil }, Found{}, MinSize},
		"an empty file": {func(path string) error { return os.WriteFile(path, nil, 0o600) }, Found{What: Blank}, MinSize},
		"text": {func(path string) error { return os.WriteFile(path, []byte("[gateway]"), 0o600) },
			Found{What: Foreign, Bytes: 9, Begins: []byte("[gateway]")}, MinSize},
		"zeros": {func(path string) error { return os.WriteFile(path, make([]byte, 2<<20), 0o600) },
			Found{What: Foreign, Bytes: 2 << 20, Begins: make([]byte, mostBegins)}, MinSize},
		"a ring": {func(path string) error { aRing(t, path); return nil },
			Found{What: OurRing, Bytes: MinSize + 1<<20, Format: superVersion, Records: 100, Unread: map[string]int{"tuya": 40}}, MinSize + 1<<20},
		"a ring of the next format": {func(path string) error {
			s := superblock{unit: 4096, segmentSize: 128 << 10, segments: 4}
			b := s.append(nil)
			b[8], b[10] = superVersion+1, superVersion+1
			le.PutUint32(b[superSize-4:], crc32.Checksum(b[:superSize-4], castagnoli))
			return os.WriteFile(path, b, 0o600)
		}, Found{What: OtherRing, Bytes: superSize, Format: superVersion + 1}, MinSize},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ring")
			if err := c.put(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			found, err := Survey(path)
			c.want.ID = found.ID
			if err != nil || fmt.Sprint(found) != fmt.Sprint(c.want) {
				t.Errorf("found %+v, %v, want %+v", found, err, c.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("looking has changed it")
			}
			g := Geometry{Size: MinSize}
			if found.What == OurRing {
				g = Geometry{} // it keeps its size
			}
			if err := Format(path, g); err != nil {
				t.Fatal(err)
			}
			made, err := Survey(path)
			if err != nil || made.What != OurRing || made.Bytes != c.size || made.ID == found.ID || made.Records != 0 || len(made.Unread) != 0 {
				t.Errorf("made is %+v, %v", made, err)
			}
			r, err := Open(path, Options{})
			if err != nil || r.Stats().CapacityBytes == 0 || r.Stats().Emptied {
				t.Fatalf("it opens with %v, %+v", err, r.Stats())
			}
			defer r.Close()
			if seq, err := r.Append([]byte("the first")); err != nil || seq < 1<<20 {
				t.Errorf("its first record is number %d, %v", seq, err)
			}
		})
	}
}

// TestFormatLeavesWhatIsInUse, what is no place for a ring, and what would leave none.
func TestFormatLeavesWhatIsInUse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ring")
	aRing(t, path)
	r, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Format(path, Geometry{}); !errors.Is(err, ErrLocked) || err.Error() != ErrLocked.Error()+": "+path {
		t.Errorf("of a ring that is open: %v", err)
	}
	if err := r.There(); err != nil {
		t.Error(err)
	}
	r.Close()
	for _, g := range []Geometry{{Size: 1 << 60}, {Size: 4096}, {SegmentSize: 100}} {
		if err := Format(path, g); err == nil {
			t.Errorf("as %+v: it is made", g)
		}
	}
	if found, err := Survey(path); err != nil || found.Unread["tuya"] != 40 {
		t.Errorf("what stood there is %+v, %v", found, err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, fifo, "/dev/null"} {
		if _, err := Survey(path); err == nil {
			t.Errorf("%s is looked at as a place for a ring", path)
		}
	}
	for _, path := range []string{dir, "/dev/null"} {
		if err := Format(path, Geometry{Size: MinSize}); err == nil {
			t.Errorf("%s is made a ring", path)
		}
	}
	if found, err := Survey(filepath.Join(dir, "none", "ring")); err != nil || found.What != Nothing {
		t.Errorf("%+v, %v", found, err)
	}
	if err := Format(filepath.Join(dir, "none", "ring"), Geometry{Size: MinSize}); err == nil {
		t.Error("it is made in no directory")
	}
}

// TestADeviceWithSomethingOnItIsMadeARing, as a whole.
func TestADeviceWithSomethingOnItIsMadeARing(t *testing.T) {
	image := filepath.Join(t.TempDir(), "image")
	b := bytes.Repeat([]byte("a file system "), 200000)[:2<<20]
	if err := os.WriteFile(image, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "-f", "--show", image).CombinedOutput()
	if err != nil {
		t.Skipf("no loop device: %v %s", err, out)
	}
	node := string(bytes.TrimSpace(out))
	t.Cleanup(func() { exec.Command("losetup", "-d", node).Run() })
	found, err := Survey(node)
	if err != nil || found.What != Foreign || !found.Device || found.Bytes != 2<<20 || string(found.Begins) != "a file system a " {
		t.Errorf("found %+v, %v", found, err)
	}
	if r, err := Open(node, Options{}); err == nil {
		t.Errorf("it is used: %+v", r.Stats())
	}
	if err := Format(node, Geometry{}); err != nil {
		t.Fatal(err)
	}
	found, err = Survey(node)
	if err != nil || found.What != OurRing || found.Bytes != 2<<20 {
		t.Errorf("made is %+v, %v", found, err)
	}
	r, err := Open(node, Options{})
	if err != nil || r.Stats().CapacityBytes == 0 || r.Stats().Emptied {
		t.Fatalf("it opens with %v, %+v", err, r.Stats())
	}
	r.Close()
}
