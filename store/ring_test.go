package store

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

const testUnit = 512

// small is a ring of few and small segments, so that tests go round it.
func small(segments int) superblock {
	return superblock{unit: testUnit, segmentSize: 8 * testUnit, segments: segments, id: [16]byte{1, 2, 3}}
}

func newFile(t testing.TB, segments int) *forgetful {
	t.Helper()
	f, err := freshFile(segments)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func freshFile(segments int) (*forgetful, error) {
	s := small(segments)
	f := newForgetful(int64(2*s.unit+s.segments*s.segmentSize), s.unit)
	return f, format(f, s)
}

func open(t testing.TB, f File) *Ring {
	t.Helper()
	r, err := openFile(f, Options{Flush: time.Hour})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return r
}

// reload recovers a store and writes nothing.
func reload(f File) (*Ring, error) {
	s, err := readSuperblock(f)
	if err != nil {
		return nil, err
	}
	r, err := load(f, s, Options{})
	r.readOnly = true
	return r, err
}

func record(n uint64) []byte {
	b := binary.LittleEndian.AppendUint64([]byte("record "), n)
	return append(b, strings.Repeat("x", int(n%90))...)
}

// all reads everything after a number.
func all(r *Ring, after uint64) (seqs []uint64, data map[uint64]string, gaps []Gap) {
	data = map[uint64]string{}
	rd := r.NewReader(after)
	for {
		e, ok := rd.Next()
		if !ok {
			return seqs, data, gaps
		}
		if e.Gap != nil {
			gaps = append(gaps, *e.Gap)
			continue
		}
		seqs = append(seqs, e.Seq)
		data[e.Seq] = string(e.Data)
	}
}

func TestRecordsComeBackInOrderFromMemoryAndMedium(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	for n := range uint64(20) {
		seq, err := r.Append(record(n))
		if err != nil || seq != n+1 {
			t.Fatalf("Append gave %d, %v; want %d", seq, err, n+1)
		}
		if n == 9 {
			if err := r.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	seqs, data, gaps := all(r, 0)
	if len(seqs) != 20 || len(gaps) != 0 {
		t.Fatalf("got %d records and gaps %v, want 20 and none", len(seqs), gaps)
	}
	for n := range uint64(20) {
		if data[n+1] != string(record(n)) {
			t.Errorf("record %d is %q", n+1, data[n+1])
		}
	}
	if seqs, _, _ := all(r, 15); len(seqs) != 5 || seqs[0] != 16 {
		t.Errorf("after 15 got %v", seqs)
	}
}

func TestCleanEndGoesOnWithoutAGap(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	r.Append(record(0))
	if err := r.SetCursor("tuya", 1); err != nil {
		t.Fatal(err)
	}
	if err := r.commit(true); err != nil {
		t.Fatal(err)
	}
	r = open(t, f)
	if pos, ok := r.Cursor("tuya"); !ok || pos != 1 {
		t.Errorf("cursor is %d, %v; want 1", pos, ok)
	}
	if seq, _ := r.Append(record(1)); seq != 2 {
		t.Errorf("next number is %d, want 2", seq)
	}
}

func TestKillLosesOnlyWhatWasNotDurableAndReusesNoNumber(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	for n := range uint64(5) {
		r.Append(record(n))
	}
	r.Flush()
	lost, _ := r.Append(record(5)) // offered to readers, never durable
	r = open(t, f)
	seqs, _, _ := all(r, 0)
	if len(seqs) != 5 {
		t.Errorf("got %v, want 1 to 5", seqs)
	}
	next, err := r.Append(record(6))
	if err != nil || next <= lost {
		t.Errorf("number %d was offered, then %d was given again (%v)", lost, next, err)
	}
	_, _, gaps := all(r, 0)
	if want := (Gap{From: 6, To: next - 1, Cause: Reserved}); len(gaps) != 1 || gaps[0] != want {
		t.Errorf("gaps are %v, want %v", gaps, want)
	}
}

func TestFullRingDropsTheOldestAndTellsTheGap(t *testing.T) {
	f := newFile(t, 4)
	r := open(t, f)
	r.SetCursor("slow", 3)
	for n := range uint64(400) {
		r.Append(record(n))
		if n%4 == 3 {
			if err := r.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	seqs, _, gaps := all(r, 3)
	if len(gaps) != 1 || gaps[0].Cause != Overwritten || gaps[0].From != 4 || gaps[0].To != seqs[0]-1 {
		t.Fatalf("gaps %v before %d", gaps, seqs[0])
	}
	if got, want := r.Stats().Lost["slow"], int(seqs[0]-4); got != want {
		t.Errorf("the cursor lost %d records by count, %d by the gap", got, want)
	}
	if last := seqs[len(seqs)-1]; last != 400 || len(seqs) != int(last-seqs[0]+1) {
		t.Errorf("got %d records from %d to %d, want all up to 400", len(seqs), seqs[0], last)
	}
}

func TestBehindCountsRecordsAndNotNumbers(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	for n := range uint64(6) {
		r.Append(record(n))
	}
	r.Flush()
	r = open(t, f) // unclean: the numbers jump
	for n := range uint64(3) {
		r.Append(record(n))
	}
	rd := r.NewReader(2)
	want := 7
	if got := rd.Behind(); got != want {
		t.Errorf("at the start %d records are left, want %d", got, want)
	}
	for {
		e, ok := rd.Next()
		if !ok {
			break
		}
		if e.Gap == nil {
			want--
		}
		if got := rd.Behind(); got != want {
			t.Errorf("after %+v %d records are left, want %d", e, got, want)
		}
	}
}

func TestReaderIsOvertakenByTheRing(t *testing.T) {
	f := newFile(t, 4)
	r := open(t, f)
	r.Append(record(0))
	r.Flush()
	rd := r.NewReader(0)
	if e, ok := rd.Next(); !ok || e.Seq != 1 {
		t.Fatalf("first entry %v %v", e, ok)
	}
	for n := uint64(1); n < 300; n++ {
		r.Append(record(n))
		r.Flush()
	}
	e, ok := rd.Next()
	if !ok || e.Gap == nil || e.Gap.From != 2 || e.Gap.Cause != Overwritten {
		t.Fatalf("got %+v, want an overwritten gap from 2", e)
	}
	if next, _ := rd.Next(); next.Seq != e.Gap.To+1 {
		t.Errorf("after the gap up to %d comes %d", e.Gap.To, next.Seq)
	}
}

func TestDamagedFrameIsAGapAndTheRestIsRead(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	for n := range uint64(30) {
		r.Append(record(n))
		r.Flush()
	}
	// The frame of record 10 is in the 12th unit after the superblocks: the
	// first two hold the reservation made at open.
	f.data[2*testUnit+11*testUnit+68] ^= 1
	r = open(t, f)
	seqs, _, gaps := all(r, 0)
	if len(gaps) == 0 || gaps[0] != (Gap{From: 10, To: 10, Cause: Corrupt}) {
		t.Errorf("gaps are %v, want number 10 corrupt", gaps)
	}
	if len(seqs) != 29 {
		t.Errorf("%d records are left, want 29", len(seqs))
	}
}

func TestDamagedLastFrameMakesNumbersJumpBeyondTheRing(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	for n := range uint64(10) {
		r.Append(record(n))
		r.Flush()
	}
	r.commit(true)
	f.data[2*testUnit+12*testUnit+20] ^= 1 // the clean end itself
	r = open(t, f)
	seq, err := r.Append(record(11))
	if err != nil || seq < uint64(r.Stats().CapacityBytes) {
		t.Errorf("number %d (%v) does not lie beyond all that the ring can hold", seq, err)
	}
}

func TestFailedSyncWritesTheFrameAgainElsewhere(t *testing.T) {
	for _, what := range []string{"sync", "write"} {
		t.Run(what, func(t *testing.T) {
			f := newFile(t, 8)
			r := open(t, f)
			r.Append(record(0))
			f.failures[what] = 1
			if err := r.Flush(); err != nil {
				t.Fatalf("one failed %s: %v", what, err)
			}
			if r.tail.segment != 1 {
				t.Errorf("the frame is in segment %d, want the next one", r.tail.segment)
			}
			r = open(t, f.cut(rand.New(rand.NewPCG(1, 1))))
			if seqs, _, _ := all(r, 0); len(seqs) != 1 {
				t.Errorf("got %v, want record 1", seqs)
			}
		})
	}
}

func TestDeadMediumKeepsRecordsInMemoryAndSaysSo(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	var told []error
	r.opt.Failed = func(err error) { told = append(told, err) }
	f.failures["sync"] = 1000
	r.Append(record(0))
	if err := r.Flush(); !errors.Is(err, errInjected) {
		t.Fatalf("Flush gave %v", err)
	}
	if seqs, _, _ := all(r, 0); len(seqs) != 1 {
		t.Errorf("the record is not in memory: %v", seqs)
	}
	f.failures["sync"] = 0
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || told[0] == nil || told[1] != nil {
		t.Errorf("told %v, want a failure and its end", told)
	}
	if s := r.Stats(); s.Waiting != 0 || s.LastErr != "" {
		t.Errorf("stats %+v", s)
	}
}

func TestFailingMediumEatsAtMostOneSegment(t *testing.T) {
	f := newFile(t, 4)
	r := open(t, f)
	for n := range uint64(60) {
		r.Append(record(n))
		if n%2 == 1 {
			r.Flush()
		}
	}
	seqs, _, _ := all(r, 0)
	f.failures["sync"] = 60
	for range 25 {
		r.Append(record(7))
		r.Flush()
	}
	f.failures["sync"] = 0
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	left, _, _ := all(r, 0)
	perSegment := uint64(2 * 8)
	if left[0] > seqs[0]+perSegment {
		t.Errorf("the oldest record was %d and is %d: more than one segment is gone", seqs[0], left[0])
	}
	if last := left[len(left)-1]; last != 85 {
		t.Errorf("the newest record is %d, want 85", last)
	}
}

func TestNumbersLentWhileNothingIsDurableAreNotUsedAgain(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	f.failures["sync"] = 1 << 30
	var last uint64
	for n := range uint64(3 * reserveAhead) {
		seq, err := r.Append([]byte{byte(n)})
		if err != nil || seq != last+1 {
			t.Fatalf("after number %d came %d, %v", last, seq, err)
		}
		last = seq
	}
	f.failures["sync"] = 0
	if seq, _ := open(t, f).Append(record(1)); seq <= last {
		t.Errorf("%d was lent, and then %d is given", last, seq)
	}
	r.next = r.reserved + lent
	r.stats.LastErr = "still nothing works"
	if _, err := r.Append(record(1)); !errors.Is(err, ErrNoNumber) {
		t.Errorf("beyond all that may be lent: %v", err)
	}
}

func TestSessionsThatReserveNothingUseDifferentNumbers(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	r.Append(record(1))
	r.commit(true)
	given := map[uint64]bool{1: true}
	for range 3 {
		f.failures["write"] = 1 << 30
		r = open(t, f)
		for n := range uint64(10) {
			seq, err := r.Append(record(n))
			if err != nil || given[seq] {
				t.Fatalf("number %d, %v: it was given before", seq, err)
			}
			given[seq] = true
		}
		if seqs, _, _ := all(r, 0); len(seqs) != 11 {
			t.Errorf("%d records can be read, want the durable one and those in memory", len(seqs))
		}
	}
	f.failures["write"] = 0
	if seq, err := open(t, f).Append(record(2)); err != nil || given[seq] {
		t.Errorf("when it can be written again number %d is given, %v: it was given before", seq, err)
	}
}

func TestDeviceThatIsGoneLeavesARingInMemory(t *testing.T) {
	var told []error
	r, err := Open(filepath.Join(t.TempDir(), "not", "there"), Options{Failed: func(err error) { told = append(told, err) }})
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Stats(); s.LastErr == "" || s.CapacityBytes != 0 || len(told) != 1 {
		t.Errorf("stats %+v, told %v", s, told)
	}
	for n := range uint64(3000) {
		if _, err := r.Append(make([]byte, 1000)); err != nil {
			t.Fatalf("record %d: %v", n, err)
		}
	}
	seqs, _, gaps := all(r, 0)
	if len(seqs) < 1500 || seqs[len(seqs)-1] != 3000 || len(gaps) != 0 {
		t.Errorf("%d records in memory up to %d, gaps %v", len(seqs), seqs[len(seqs)-1], gaps)
	}
	if err := r.SetCursor("tuya", 3000); err != nil {
		t.Error(err)
	}
	if s := r.Stats(); s.First != seqs[0] || s.Last != 3000 || s.Dropped != int(seqs[0]-1) {
		t.Errorf("stats %+v, the oldest is %d", s, seqs[0])
	}
	r.Append(make([]byte, 1000))
	if n := r.Stats().Dropped; n != int(seqs[0]-1) {
		t.Errorf("%d count as dropped, although the last was delivered", n)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestFlushTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFile(t, 8)
		r, err := openFile(f, Options{Flush: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		synctest.Wait()
		before := r.Stats().Commits
		r.Append(record(0))
		time.Sleep(10*time.Second - time.Nanosecond)
		synctest.Wait()
		if n := r.Stats().Commits - before; n != 0 {
			t.Errorf("%d commits before the flush time", n)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if s := r.Stats(); s.Commits-before != 1 || s.Waiting != 0 {
			t.Errorf("at the flush time: %d commits, %d waiting", s.Commits-before, s.Waiting)
		}
		r.SetCursor("a", 1)
		time.Sleep(cursorAge)
		synctest.Wait()
		if n := r.Stats().Commits - before; n != 2 {
			t.Errorf("a moved cursor alone: %d commits, want 2 after a minute", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestStoreOnARealFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring")
	r, err := Open(path, Options{Geometry: Geometry{Size: MinSize}})
	if err != nil {
		t.Fatal(err)
	}
	r.Append(record(1))
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what creation needed is left behind: %v", err)
	}
	ro, err := OpenReadOnly(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	if seqs, _, _ := all(ro, 0); len(seqs) != 1 {
		t.Errorf("got %v", seqs)
	}
}

// TestNoRoomIsSeenBeforehand makes a ring that no disk can hold, again and
// again as a daemon does: each time that is said, and nothing is written.
func TestNoRoomIsSeenBeforehand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring")
	for range 3 {
		_, _, err := openOrCreate(path, Geometry{Size: 1 << 60, SegmentSize: 1 << 30})
		if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "MiB free, the ring needs 1099511627776 MiB") {
			t.Fatalf("it gave %v", err)
		}
		if left, _ := filepath.Glob(path + "*"); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
	}
}

func TestForeignFileIsRefusedAndNotTouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring")
	text := []byte(strings.Repeat("somebody's letters\n", 1000))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrForeign) {
		t.Errorf("Open gave %v, want ErrForeign", err)
	}
	if got, _ := os.ReadFile(path); string(got) != string(text) {
		t.Error("the file was changed")
	}
}

func FuzzFrame(f *testing.F) {
	id := [16]byte{9}
	good := (&frame{header: header{first: 3, reserved: 9, records: 3}, positions: []cursor{{"tuya", 2}}, data: [][]byte{{1}, {}, []byte("abc")}}).append(nil, id)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		// A fuzzer does not guess a CRC: give it the right ones.
		if len(b) >= frameHeader {
			b = append([]byte(nil), b...)
			le.PutUint32(b, frameMagic)
			le.PutUint32(b[8:], crc32.Checksum(b[frameHeader:], castagnoli))
			le.PutUint32(b[12:], uint32(len(b)))
			b[59] = 0
			le.PutUint32(b[4:], headerCRC(b, 0, id))
		}
		h, err := parseHeader(b, 0, len(b), id)
		if err != nil {
			return
		}
		fr, err := parseBody(h, b)
		if err != nil || fr.unpack(nil) != nil {
			return
		}
		if again := fr.append(nil, id); string(again) != string(b) {
			t.Errorf("%x became %x", b, again)
		}
	})
}

func TestGapsTellHowManyRecordsTheyHaveTaken(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	for n := range uint64(10) {
		r.Append(record(n))
		r.Flush()
	}
	for n := range uint64(3) { // in memory alone when the power is cut
		r.Append(record(n))
	}
	r = open(t, f)
	r.Append(record(1))
	r.Flush()
	f.data[2*testUnit+6*testUnit+70] ^= 1 // the frame of record 5
	r, err := reload(f)
	if err != nil {
		t.Fatal(err)
	}
	var got []Entry
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if e.Gap != nil {
			got = append(got, e)
		}
	}
	if len(got) != 2 || !got[0].Counted || got[0].Missing != 1 || got[0].Gap.Cause != Corrupt || got[1].Missing != 0 || got[1].Gap.Cause != Reserved {
		t.Errorf("gaps %+v", got)
	}
}

func TestSegmentsFollowTheEraseGroup(t *testing.T) {
	for _, c := range []struct {
		group  int
		device int64
		want   int
	}{{0, 1 << 30, 0}, {512 << 10, 1 << 30, 512 << 10}, {4 << 20, 64 << 20, 0}, {4 << 20, 1 << 30, 4 << 20}, {3 << 20, 1 << 30, 0}, {8 << 20, 1 << 40, 0}} {
		if got := segmentFor(c.group, c.device); got != c.want {
			t.Errorf("erase group %d, device %d: %d, want %d", c.group, c.device, got, c.want)
		}
	}
}

func TestOverwrittenByAnotherProgramIsNoDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring")
	r, err := Open(path, Options{Geometry: Geometry{Size: MinSize}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fill := func(n int) {
		for range n {
			if _, err := r.Append(make([]byte, 30<<10)); err != nil {
				t.Fatal(err)
			}
			if err := r.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(30) // more than once round
	for ahead := range 12 {
		ro, err := OpenReadOnly(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		rd := ro.NewReader(0)
		rd.Next()
		fill(ahead) // the writer comes to what is read
		for e, ok := rd.Next(); ok; e, ok = rd.Next() {
			if e.Gap != nil && e.Gap.Cause == Corrupt {
				t.Errorf("%d frames on: gap %+v", ahead, *e.Gap)
			}
		}
		if n := ro.Stats().Corrupt; n != 0 {
			t.Errorf("%d frames on: %d damaged places", ahead, n)
		}
		ro.Close()
	}
}

// TestARingThatWasClearedBeginsWhereNoneIs: its superblock is there and nothing
// else, or its beginning was cleared as the hint of a refusal advises. What it
// had may be delivered under its numbers, so new ones must be others.
func TestARingThatWasClearedBeginsWhereNoneIs(t *testing.T) {
	for what, clear := range map[string]func(t *testing.T, f *os.File, size int64){
		"all but the superblocks": func(t *testing.T, f *os.File, size int64) {
			if _, err := f.WriteAt(make([]byte, size-2*4096-lastCopy), 2*4096); err != nil {
				t.Fatal(err)
			}
		},
		"the first 128 KiB, and all frames": func(t *testing.T, f *os.File, size int64) {
			if _, err := f.WriteAt(make([]byte, size-lastCopy), 0); err != nil {
				t.Fatal(err)
			}
		},
	} {
		path := filepath.Join(t.TempDir(), "ring")
		open := func() *Ring {
			t.Helper()
			r, err := Open(path, Options{Geometry: Geometry{Size: MinSize}})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := open()
		if r.Stats().Emptied {
			t.Errorf("%s: a new one is taken for one that was cleared", what)
		}
		for n := range uint64(20) {
			r.Append(record(n))
		}
		last, id := r.Last(), r.ID()
		r.Close()
		if r = open(); r.Stats().Emptied || r.Last() < last {
			t.Errorf("%s: opened again it is at %d, it was at %d", what, r.Last(), last)
		}
		last = r.Last()
		r.Close()
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		info, _ := f.Stat()
		clear(t, f, info.Size())
		f.Close()
		r = open()
		seq, err := r.Append(record(1))
		if err != nil || !r.Stats().Emptied {
			t.Errorf("%s: %v, told as cleared %v", what, err, r.Stats().Emptied)
		}
		if r.ID() == id && seq <= last {
			t.Errorf("%s: number %d is used a second time", what, seq)
		}
		r.Close()
		if r = open(); r.Stats().Emptied || r.Last() < seq {
			t.Errorf("%s: opened again it is at %d, want at least %d", what, r.Last(), seq)
		}
		r.Close()
	}
}
