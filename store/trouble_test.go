package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// sick fails reads and writes by a rule.
type sick struct {
	*forgetful
	badRead, badWrite func(off int64, n int) bool
}

var errSick = errors.New("input/output error")

func (s *sick) ReadAt(b []byte, off int64) (int, error) {
	if s.badRead != nil && s.badRead(off, len(b)) {
		return 0, errSick
	}
	return s.forgetful.ReadAt(b, off)
}

func (s *sick) WriteAt(b []byte, off int64) (int, error) {
	if s.badWrite != nil && s.badWrite(off, len(b)) {
		return 0, errSick
	}
	return s.forgetful.WriteAt(b, off)
}

// fill appends n records, each a commit of its own. No number is one that
// was given before.
func fill(t testing.TB, r *Ring, n int, given map[uint64]string) (seqs []uint64) {
	t.Helper()
	for i := range n {
		rec := fmt.Sprintf("record %d-%d", len(given), i)
		seq, err := r.Append([]byte(rec))
		if err != nil {
			t.Fatal(err)
		}
		if old, ok := given[seq]; ok {
			t.Fatalf("number %d was given for %q and again for %q", seq, old, rec)
		}
		given[seq] = rec
		if err := r.Flush(); err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, seq)
	}
	return seqs
}

// gone gives the records that are not there.
func gone(r *Ring, want []uint64) (lost []uint64) {
	have, _, _ := all(r, 0)
	for _, seq := range want {
		if !slices.Contains(have, seq) {
			lost = append(lost, seq)
		}
	}
	return lost
}

// large is a ring of usual segments.
func large(t *testing.T, segments int) *forgetful {
	t.Helper()
	s := superblock{unit: 4096, segmentSize: 128 << 10, segments: segments, id: [16]byte{1, 2, 3}}
	f := newForgetful(int64(2*s.unit+s.segments*s.segmentSize), s.unit)
	if err := format(f, s); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReaderWaitsWhileNothingCanBeRead(t *testing.T) {
	for _, waiting := range []bool{true, false} {
		s := &sick{forgetful: newFile(t, 8)}
		r := open(t, s)
		want := fill(t, r, 40, map[uint64]string{})
		rd := r.NewReader(0)
		rd.Next()
		if waiting {
			r.Append([]byte("in memory"))
		}
		s.badRead = func(int64, int) bool { return true }
		if e, ok := rd.Next(); ok || !rd.Stuck() {
			t.Errorf("in memory %v: got %+v while nothing can be read", waiting, e)
		}
		s.badRead = nil
		n := 1
		for e, ok := rd.Next(); ok; e, ok = rd.Next() {
			if e.Gap != nil {
				t.Errorf("in memory %v: gap %+v", waiting, *e.Gap)
			}
			n++
		}
		if n < len(want) || rd.Stuck() {
			t.Errorf("in memory %v: %d of %d records came", waiting, n, len(want))
		}
	}
}

// TestStartWhilePlacesCannotBeRead opens a ring while the newest segment, or
// the last frame, cannot be read. They are not written over.
func TestStartWhilePlacesCannotBeRead(t *testing.T) {
	for _, units := range []int64{1, 8} {
		s := &sick{forgetful: newFile(t, 8)}
		given := map[uint64]string{}
		r := open(t, s)
		want := fill(t, r, 28, given)
		from := r.medium.at(r.tail.segment, r.tail.offset) - testUnit
		if units > 1 {
			from = r.medium.at(r.tail.segment, 0)
		}
		s.badRead = func(off int64, _ int) bool { return off >= from && off < from+units*testUnit }
		r = open(t, s)
		s.badRead = nil
		fill(t, r, 8, given)
		r = open(t, s)
		if lost := gone(r, want); len(lost) > 0 {
			t.Errorf("%d units: %v are lost", units, lost)
		}
		fill(t, r, 20, given)
		r.commit(true)
		fill(t, open(t, s), 20, given)
	}
}

func TestStartWhileNothingCanBeReadIsInMemory(t *testing.T) {
	s := &sick{forgetful: newFile(t, 8)}
	r := open(t, s)
	want := fill(t, r, 30, map[uint64]string{})
	s.badRead = func(off int64, _ int) bool { return off >= 2*testUnit }
	r, err := openFile(s, Options{})
	if err != nil || r.Stats().CapacityBytes != 0 || r.ID() == small(8).id {
		t.Errorf("%v, %+v: not a ring in memory of its own identity", err, r.Stats())
	}
	r.Append([]byte("x"))
	r.Flush()
	s.badRead = nil
	if lost := gone(open(t, s), want); len(lost) > 0 {
		t.Errorf("%v are lost", lost)
	}
}

func TestABadUnitDoesNotStopTheRing(t *testing.T) {
	s := &sick{forgetful: newFile(t, 8)}
	r := open(t, s)
	given := map[uint64]string{}
	for r.tail.offset < int64(r.medium.segmentSize) {
		fill(t, r, 1, given)
	}
	at := r.medium.at(r.tail.segment+1, 0)
	s.badWrite = func(off int64, n int) bool { return off <= at && at < off+int64(n) }
	r = open(t, s)
	for range 3 * firstPatience {
		r.Append([]byte("x"))
		if r.Flush() == nil {
			return
		}
	}
	t.Errorf("one unit that cannot be written: nothing became durable in %d tries", 3*firstPatience)
}

func TestSegmentsGivenUpHideNothing(t *testing.T) {
	f := newFile(t, 16)
	given := map[uint64]string{}
	r := open(t, f)
	want := fill(t, r, 16*8+5, given)[64:]
	f.failures["sync"] = 5000
	for f.failures["sync"] > 0 {
		r.Flush()
	}
	want = append(want, fill(t, r, 9, given)...)
	r = open(t, f)
	if lost := gone(r, want); len(lost) > 0 {
		t.Errorf("%v are lost", lost)
	}
	fill(t, r, 40, given)
}

func TestAHoleInTheRingHidesNothing(t *testing.T) {
	for hole := range uint64(40) {
		f := newFile(t, 64)
		given := map[uint64]string{}
		r := open(t, f)
		want := fill(t, r, 45*8, given)
		clear(f.data[r.medium.at(hole, 0):r.medium.at(hole+4, 0)])
		r = open(t, f)
		if lost := gone(r, want); len(lost) > 4*8 {
			t.Fatalf("4 segments from %d: %d records are lost, 32 were hit", hole, len(lost))
		}
		fill(t, r, 30, given)
		r.commit(true)
		fill(t, open(t, f), 30, given)
	}
}

func TestAZeroUnitBeforeLongFramesHidesNothing(t *testing.T) {
	f := large(t, 8)
	given := map[uint64]string{}
	r := open(t, f)
	fill(t, r, 25, given)
	for range 2 {
		seq, _ := r.Append(make([]byte, 20000))
		given[seq] = "long"
	}
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	want := fill(t, r, 10, given)
	clear(f.data[r.medium.at(1, 0):][:4096])
	r = open(t, f)
	if lost := gone(r, want); len(lost) > 0 {
		t.Errorf("%v are lost, which were not hit", lost)
	}
	r.commit(true)
	fill(t, open(t, f), 40, given)
}

// TestOneFailedSyncIsNoDamage: the frame stands twice then.
func TestOneFailedSyncIsNoDamage(t *testing.T) {
	f := newFile(t, 4)
	r := open(t, f)
	given := map[uint64]string{}
	r.SetCursor("c", 0)
	fill(t, r, 3, given)
	for range 5 {
		r.Append([]byte("x"))
	}
	f.failures["sync"] = 1
	r.Flush()
	if _, _, gaps := all(r, 0); len(gaps) > 0 || r.Stats().Corrupt > 0 {
		t.Errorf("gaps %v, %d damaged places", gaps, r.Stats().Corrupt)
	}
	for r.tail.segment < 6 {
		fill(t, r, 1, given)
	}
	seqs, _, _ := all(r, 0)
	if lost := r.Stats().Lost["c"]; lost != int(r.total)-len(seqs) {
		t.Errorf("%d count as lost, %d of %d are there", lost, len(seqs), r.total)
	}
}

func TestGivenUpRecordsStayDroppedBehindARestart(t *testing.T) {
	s := &sick{forgetful: large(t, 64)}
	r := open(t, s)
	r.Append(record(1))
	r.Flush()
	s.badWrite = func(int64, int) bool { return true }
	for range 1000 {
		r.Append(make([]byte, 3000))
	}
	s.badWrite = nil
	if err := r.commit(true); err != nil {
		t.Fatal(err)
	}
	dropped := r.Stats().Dropped
	rd := open(t, s).NewReader(1)
	e, ok := rd.Next()
	if !ok || e.Gap == nil || e.Gap.Cause != Dropped || e.Gap.To-e.Gap.From+1 != uint64(dropped) {
		t.Errorf("%d were given up, after a restart %+v", dropped, e.Gap)
	}
}

func TestNoNumberIsLentBehindACleanEnd(t *testing.T) {
	s := &sick{forgetful: newFile(t, 8)}
	r := open(t, s)
	fill(t, r, 3, map[uint64]string{})
	r.commit(true)
	s.badWrite = func(int64, int) bool { return true }
	if seq, err := r.Append([]byte("offered")); !errors.Is(err, ErrNoNumber) {
		t.Errorf("number %d, %v", seq, err)
	}
	s.badWrite = nil
	if _, err := r.Append([]byte("offered")); err == nil {
		return // it reserves anew
	}
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Append([]byte("offered")); err != nil {
		t.Errorf("when it can be written again: %v", err)
	}
}

func TestReaderInAnotherProgramIsOvertaken(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	given := map[uint64]string{}
	fill(t, r, 80, given)
	ro, err := reload(f)
	if err != nil {
		t.Fatal(err)
	}
	rd := ro.NewReader(0)
	rd.Next()
	fill(t, r, 20, given)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if e.Gap != nil && e.Gap.Cause != Overwritten {
			t.Errorf("gap %+v", *e.Gap)
		}
	}
	if n := ro.Stats().Corrupt; n > 0 {
		t.Errorf("%d damaged places are told of, there is none", n)
	}
}

func TestOfSeveralMakersOneHasTheStore(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "ring")
		rings := make(chan *Ring, 4)
		var wg sync.WaitGroup
		for range cap(rings) {
			wg.Go(func() {
				r, err := Open(path, Options{Geometry: Geometry{Size: MinSize}, Flush: time.Hour})
				if err != nil {
					if !errors.Is(err, ErrLocked) {
						t.Error(err)
					}
					return
				}
				if r.Stats().CapacityBytes == 0 {
					return // it came when the other one was done
				}
				r.Append([]byte("mine"))
				if err := r.Flush(); err != nil {
					t.Error(err)
				}
				rings <- r
			})
		}
		wg.Wait()
		close(rings)
		n := 0
		for r := range rings {
			n++
			r.Close()
		}
		if n != 1 {
			t.Fatalf("%d have the store", n)
		}
		ro, err := OpenReadOnly(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if seqs, _, _ := all(ro, 0); len(seqs) != 1 {
			t.Errorf("%d records, want the one that was durable", len(seqs))
		}
		ro.Close()
	}
}

func TestABlankBeginningIsNoEmptyStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring")
	r, err := Open(path, Options{Geometry: Geometry{Size: 2 << 20}, Flush: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	want := fill(t, r, 80, map[uint64]string{})
	r.Close()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, emptyHead), 0); err != nil { // an erase block is lost
		t.Fatal(err)
	}
	if empty, err := looksEmpty(f, 2<<20); err != nil || empty {
		t.Errorf("a device whose beginning is lost passes for empty: %v", err)
	}
	f.Close()
	r, err = Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if lost := gone(r, want); len(lost) > 31 {
		t.Errorf("%d records are lost, 30 units were hit", len(lost))
	}
	if r.Stats().Corrupt == 0 {
		t.Error("nothing is told")
	}
}
