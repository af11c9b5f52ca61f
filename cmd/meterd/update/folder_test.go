package update

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"

	"meterd/cmd/meterd/console"
)

var errFull error = unix.ENOSPC

// program gives the bytes of a version, and what is noted of them.
func program(version string) ([]byte, Image) {
	b := bytes.Repeat([]byte(version+" "), 500)
	return b, Image{Version: version, Board: "test", Kind: Program, Size: int64(len(b)), Hash: sha256.Sum256(b)}
}

var packaged = Image{Version: "1.0.0", Board: "test", Kind: Program}

// starts gives what a start of the board would run.
func starts(f *flash) (*Folder, error) {
	launcher := &Folder{Package: packaged, disk: f}
	slot, err := launcher.Start()
	return &Folder{Package: packaged, Slot: slot, disk: f}, err
}

// runs tells what a folder's program is, by the bytes of its slot.
func runs(t *testing.T, f *flash, at *Folder) string {
	t.Helper()
	if at.Slot == NoSlot {
		return packaged.Version
	}
	c := f.files[string(at.Slot)]
	if c == nil {
		t.Fatalf("slot %s runs, and holds nothing", at.Slot)
	}
	version, _, _ := strings.Cut(string(c.b), " ")
	if b, _ := program(version); !bytes.Equal(b, c.b) {
		t.Fatalf("slot %s runs, and is not whole", at.Slot)
	}
	return version
}

// installed is a board on which these versions were taken one after the other,
// and proved themselves.
func installed(t *testing.T, f *flash, versions ...string) *Folder {
	t.Helper()
	at, err := starts(f)
	for _, v := range versions {
		b, in := program(v)
		err = errors.Join(err, at.Write(t.Context(), in, bytes.NewReader(b)), at.Try())
		at, _ = starts(f)
		if s, _ := at.State(); !s.Trial || s.Starts != 1 || s.Running != in {
			t.Fatalf("after %s the state is %+v", v, s)
		}
		err = errors.Join(err, at.Confirm())
	}
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestAProgramGoesThroughItsSlot: written, tried, confirmed; each state as it
// is told.
func TestAProgramGoesThroughItsSlot(t *testing.T) {
	f := newFlash(1)
	at := installed(t, f, "1.1.0", "1.2.0")
	s, err := at.State()
	if err != nil || s.Running.Version != "1.2.0" || s.Other.Version != "1.1.0" || s.Trial || s.Fell != None || at.Slot != SlotB {
		t.Errorf("state %+v in slot %q, %v", s, at.Slot, err)
	}
	if at, _ := starts(f); runs(t, f, at) != "1.2.0" {
		t.Errorf("then %s starts", runs(t, f, at))
	}
}

// TestATrialEnds in each way that is no confirmation, and the program before
// runs again, which is told why.
func TestATrialEnds(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(t *testing.T, f *flash, at *Folder) error
		want Fall
	}{
		{"it is started too often", func(t *testing.T, f *flash, at *Folder) error {
			for range MostStarts - 1 {
				if at, err := starts(f); err != nil || runs(t, f, at) != "1.2.0" {
					t.Errorf("%s starts, %v", runs(t, f, at), err)
				}
			}
			return nil
		}, Spent},
		{"it gives up", func(_ *testing.T, _ *flash, at *Folder) error { return at.Back() }, GaveUp},
		{"it hangs", func(_ *testing.T, f *flash, at *Folder) error {
			return (&Folder{Package: packaged, disk: f}).Fall(at.Slot, Hung)
		}, Hung},
		{"its flash forgets", func(_ *testing.T, f *flash, at *Folder) error {
			f.files[string(at.Slot)].b[7]++
			return nil
		}, Broken},
		{"its file is gone", func(_ *testing.T, f *flash, at *Folder) error { return f.remove(string(at.Slot)) }, Broken},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFlash(1)
			at := installed(t, f, "1.1.0")
			b, in := program("1.2.0")
			if err := errors.Join(at.Write(t.Context(), in, bytes.NewReader(b)), at.Try()); err != nil {
				t.Fatal(err)
			}
			at, err := starts(f)
			if err != nil || runs(t, f, at) != "1.2.0" {
				t.Fatal(runs(t, f, at), err)
			}
			if err := tc.end(t, f, at); err != nil {
				t.Fatal(err)
			}
			at, _ = starts(f)
			s, err := at.State()
			if runs(t, f, at) != "1.1.0" || s.Fell != tc.want || s.Trial || err != nil {
				t.Errorf("%s runs, state %+v, %v, want a fall of %d", runs(t, f, at), s, err, tc.want)
			}
			if at, _ = starts(f); runs(t, f, at) != "1.1.0" {
				t.Errorf("then %s starts", runs(t, f, at))
			}
		})
	}
}

// TestWhatIsNotWholeDoesNotStart: each end of a write but the right one leaves
// what runs as it was, and nothing to try.
func TestWhatIsNotWholeDoesNotStart(t *testing.T) {
	b, in := program("1.2.0")
	other := in
	other.Hash[0]++
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name    string
		ctx     context.Context
		in      Image
		payload io.Reader
		full    int
		want    string
	}{
		{"it breaks off", t.Context(), in, io.MultiReader(bytes.NewReader(b[:100]), iotest.ErrReader(errors.New("pulled"))), -1, "pulled"},
		{"it is shorter", t.Context(), in, bytes.NewReader(b[:100]), -1, "100 bytes came"},
		{"it is longer", t.Context(), in, bytes.NewReader(append(bytes.Clone(b), 1)), -1, "bytes came"},
		{"it is another", t.Context(), other, bytes.NewReader(b), -1, "does not give back"},
		{"nobody waits any more", cancelled, in, bytes.NewReader(b), -1, "canceled"},
		{"the disk is full", t.Context(), in, bytes.NewReader(b), 1000, "no room"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFlash(1)
			at := installed(t, f, "1.1.0", "1.1.1")
			f.full = tc.full
			err := at.Write(tc.ctx, tc.in, tc.payload)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if err := at.Try(); err == nil {
				t.Error("it can be tried")
			}
			if s, _ := at.State(); s.Other != packaged || f.files["a"] != nil {
				t.Errorf("the other slot holds %+v", s.Other)
			}
			if at, err := starts(f); err != nil || runs(t, f, at) != "1.1.1" {
				t.Errorf("%s starts, %v", runs(t, f, at), err)
			}
		})
	}
}

// TestANewPackageWins over slots that were written beside another one.
func TestANewPackageWins(t *testing.T) {
	f := newFlash(1)
	installed(t, f, "1.1.0", "1.2.0")
	newer := packaged
	newer.Version = "1.3.0"
	slot, err := (&Folder{Package: newer, disk: f}).Start()
	if err != nil || slot != NoSlot || len(f.files) != 1 {
		t.Errorf("slot %q starts, %v; there is %v", slot, err, f.files)
	}
	s, err := (&Folder{Package: newer, disk: f}).State()
	if err != nil || s.Running != newer || s.Other != (Image{}) || s.Trial {
		t.Errorf("state %+v, %v", s, err)
	}
}

// TestFlashThatForgets takes the way from the slot that runs over the one that
// has proved itself before to the package's own.
func TestFlashThatForgets(t *testing.T) {
	f := newFlash(1)
	installed(t, f, "1.1.0", "1.2.0")
	f.files["b"].b[100]++
	at, err := starts(f)
	if err == nil || runs(t, f, at) != "1.1.0" {
		t.Errorf("%s starts, %v", runs(t, f, at), err)
	}
	b, in := program("1.4.0") // the broken one is where the next one goes
	if err := errors.Join(at.Write(t.Context(), in, bytes.NewReader(b)), at.Try()); err != nil {
		t.Fatal(err)
	}
	if at, err = starts(f); err != nil || runs(t, f, at) != "1.4.0" || at.Slot != SlotB {
		t.Errorf("slot %q with %s starts, %v", at.Slot, runs(t, f, at), err)
	}
	if err := at.Confirm(); err != nil {
		t.Fatal(err)
	}
	f.files["a"].b[0]++
	f.files["b"].b[0]++
	if at, err = starts(f); err == nil || at.Slot != NoSlot {
		t.Errorf("slot %q starts, %v", at.Slot, err)
	}
}

// TestARecordThatCannotBeRead leaves the package's own program.
func TestARecordThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"", "{", "null", `{"format":2}`, `{"format":1,"package":"1.0.0","runs":"c"}`, `{"format":1,"package":"1.0.0","runs":"a"}`, `{"format":1,"package":"1.0.0","trial":{"slot":"b"}}`} {
		f := newFlash(1)
		f.write(recordName, []byte(text))
		at, err := starts(f)
		if err == nil || at.Slot != NoSlot {
			t.Errorf("%q: slot %q, %v", text, at.Slot, err)
		}
	}
}

// TestAnUncountedStartIsNotMade: what is on trial does not start while the
// flash takes no count.
func TestAnUncountedStartIsNotMade(t *testing.T) {
	f := newFlash(1)
	at := installed(t, f, "1.1.0")
	b, in := program("1.2.0")
	if err := errors.Join(at.Write(t.Context(), in, bytes.NewReader(b)), at.Try()); err != nil {
		t.Fatal(err)
	}
	f.left = 0
	if at, err := starts(f); err == nil || runs(t, f, at) != "1.1.0" {
		t.Errorf("%s starts, %v", runs(t, f, at), err)
	}
}

// TestPowerCutsDuringAnUpdate: the power is cut before any operation of any
// step, also of those that clear up after a cut. Each start runs a program that
// is whole: the one that had proved itself, or the one on trial, and that at most
// MostStarts times.
func TestPowerCutsDuringAnUpdate(t *testing.T) {
	seeds := 3000
	if testing.Short() {
		seeds = 500
	}
	seen := map[string]int{}
	for seed := range uint64(seeds) {
		f := newFlash(seed)
		at := installed(t, f, []string{"1.1.0", "1.1.1"}[:seed%3%2+seed%2]...)
		good := runs(t, f, at)
		rnd := rand.New(rand.NewPCG(seed, 1))
		b, in := program("1.2.0")
		tries := 0
		for range 12 {
			f.left = rnd.IntN(16)
			confirmed := false
			switch s, _ := at.State(); { // what fails is the cut
			case !s.Trial:
				if at.Write(t.Context(), in, bytes.NewReader(b)) == nil {
					tries = 0
					at.Try()
				}
			case rnd.IntN(3) == 0:
				confirmed = at.Confirm() == nil
			case rnd.IntN(2) == 0:
				at.Back()
			}
			f.cut()
			if confirmed {
				if at, err := starts(f); err != nil || runs(t, f, at) != "1.2.0" {
					t.Fatalf("seed %d: %s starts after its confirmation, %v", seed, runs(t, f, at), err)
				}
				break
			}
			f.left = rnd.IntN(4) - 1 // the launcher meets a cut, too
			var err error
			if at, err = starts(f); f.left == 0 && err != nil {
				f.cut()
				at, _ = starts(f)
			}
			f.left = -1
			got := runs(t, f, at)
			s, stateErr := at.State()
			seen[fmt.Sprintf("%s %t %d", got, s.Trial, s.Fell)]++
			switch {
			case got == good && !s.Trial:
			case got == "1.2.0" && s.Trial:
				if tries++; tries > MostStarts {
					t.Fatalf("seed %d: it is started %d times", seed, tries)
				}
			case got == "1.2.0" && !s.Trial: // a confirmation that had come so far
				good = got
			default:
				t.Fatalf("seed %d: %s starts, state %+v; want %s, or 1.2.0 on trial", seed, got, s, good)
			}
			if stateErr != nil {
				t.Fatalf("seed %d: %v", seed, stateErr)
			}
		}
	}
	for _, want := range []string{"1.2.0 true 0", "1.1.0 false 0", "1.0.0 false 3", "1.1.1 false 1"} {
		if seen[want] == 0 {
			t.Errorf("no cut led to %s: the test does not see all", want)
		}
	}
	t.Log(seen)
}

// TestTheRecordIsPlain: an older launcher has to read it.
func TestTheRecordIsPlain(t *testing.T) {
	f := newFlash(1)
	installed(t, f, "1.1.0")
	var got map[string]any
	if err := json.Unmarshal(f.files[recordName].b, &got); err != nil || got["format"] != 1.0 || got["runs"] != "a" || got["package"] != "1.0.0" {
		t.Errorf("%v: %s", err, f.files[recordName].b)
	}
}

// TestRoom is looked at before the slot is filled.
func TestRoom(t *testing.T) {
	dir := OpenFolder(t.TempDir(), packaged, NoSlot)
	in := Image{Version: "2", Board: "test", Kind: Program, Size: 1 << 60, Hash: Hash{1}}
	err := dir.Write(t.Context(), in, iotest.ErrReader(errors.New("it was read")))
	if told, ok := errors.AsType[*console.Told](err); !ok || !strings.Contains(told.Text.ZH, "空间不足") {
		t.Errorf("got %v", err)
	}
}

// TestSlotsOnADisk goes the way of a program through real files.
func TestSlotsOnADisk(t *testing.T) {
	dir := t.TempDir()
	b, in := program("1.1.0")
	at := OpenFolder(dir, packaged, NoSlot)
	if err := errors.Join(at.Write(t.Context(), in, bytes.NewReader(b)), at.Try()); err != nil {
		t.Fatal(err)
	}
	slot, err := OpenFolder(dir, packaged, NoSlot).Start()
	if err != nil || slot != SlotA {
		t.Fatal(slot, err)
	}
	at = OpenFolder(dir, packaged, slot)
	if err := at.Confirm(); err != nil {
		t.Fatal(err)
	}
	if s, err := at.State(); err != nil || s.Running != in || s.Trial {
		t.Errorf("%+v, %v", s, err)
	}
}
