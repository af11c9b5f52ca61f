package store

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// hooked calls hook after each ReadAt.
type hooked struct {
	*forgetful
	hook func()
}

func (h *hooked) ReadAt(b []byte, off int64) (int, error) {
	n, err := h.forgetful.ReadAt(b, off)
	if h.hook != nil {
		h.hook()
	}
	return n, err
}

func TestReaderSkipsNothingThatIsCommittedWhileItReads(t *testing.T) {
	for at := range 12 { // reads until the commits come
		h := &hooked{forgetful: newFile(t, 8)}
		r := open(t, h)
		r.Append(record(1))
		r.Flush()
		rd := r.NewReader(0)
		reads := 0
		h.hook = func() {
			if reads++; reads == at+1 {
				h.hook = nil
				for n := range uint64(2) {
					r.Append(record(2 + n))
					r.Flush()
				}
			}
		}
		var got []uint64
		for e, ok := rd.Next(); ok; e, ok = rd.Next() {
			if e.Gap != nil {
				t.Errorf("gap %+v although all are durable", *e.Gap)
			}
			got = append(got, e.Seq)
		}
		if want := 3; h.hook == nil && len(got) != want {
			t.Errorf("commits after read %d: got %v, want %d records", at, got, want)
		}
	}
}

func TestNoNumberIsReusedBehindACleanEndWhateverUnitIsDamaged(t *testing.T) {
	damages := map[string]func(unit []byte){
		"a bit of the magic": func(u []byte) { u[0] ^= 1 },
		"a bit of the crc":   func(u []byte) { u[4] ^= 1 },
		"all ones":           func(u []byte) { copy(u, bytes.Repeat([]byte{0xFF}, len(u))) },
		"all zeros":          func(u []byte) { clear(u) },
	}
	for name, damage := range damages {
		for unit := range 8 {
			f := newFile(t, 8)
			r := open(t, f)
			r.Append(record(1))
			r.commit(true)
			r = open(t, f)
			offered, _ := r.Append(record(2))
			damage(f.data[(2+unit)*testUnit : (3+unit)*testUnit])
			r = open(t, f)
			if again, _ := r.Append(record(3)); again <= offered {
				t.Errorf("%s in unit %d: %d was offered, and then %d", name, unit, offered, again)
			}
		}
	}
}

func TestAppendBesideTheCleanEndGetsANumberOfItsOwn(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	r.Append(record(1))
	f.onWrite = func(int64) {
		f.onWrite = nil
		// While the last frame is written somebody still appends.
		r.mu.Lock()
		if r.next < r.reserved {
			t.Errorf("number %d could be given beside a frame that reserves %d", r.next, r.reserved)
		}
		r.mu.Unlock()
	}
	if err := r.commit(true); err != nil {
		t.Fatal(err)
	}
}

func TestOneDamagedUnitCostsOneFrame(t *testing.T) {
	for _, fill := range []byte{0x00, 0xFF, 0x68} {
		for unit := 2; unit < 30; unit++ {
			f := newFile(t, 8)
			r := open(t, f)
			for n := range uint64(30) { // one unit each
				r.Append(record(n))
				r.Flush()
			}
			copy(f.data[(2+unit)*testUnit:], bytes.Repeat([]byte{fill}, testUnit))
			r = open(t, f)
			seqs, _, gaps := all(r, 0)
			if len(seqs) != 29 || len(gaps) < 1 || gaps[0].Cause != Corrupt || gaps[0].From != gaps[0].To {
				t.Errorf("unit %d full of %02X: %d of 30 records, gaps %v", unit, fill, len(seqs), gaps)
			}
			if n := r.Stats().Corrupt; n != 1 {
				t.Errorf("unit %d full of %02X: %d damaged frames are counted", unit, fill, n)
			}
		}
	}
}

func TestLiveReaderBehindADamagedTail(t *testing.T) {
	f := newFile(t, 8)
	r := open(t, f)
	for n := range uint64(14) {
		r.Append(record(n))
		r.Flush()
	}
	clear(f.data[(2+8)*testUnit : (3+8)*testUnit]) // the first unit of the newest segment
	r = open(t, f)
	rd := r.NewReader(0)
	for _, ok := rd.Next(); ok; _, ok = rd.Next() {
	}
	for n := range uint64(12) {
		seq, _ := r.Append(record(n))
		r.Flush()
		got := uint64(0)
		for e, ok := rd.Next(); ok; e, ok = rd.Next() {
			got = max(got, e.Seq)
		}
		if got != seq {
			t.Fatalf("record %d was committed, the reader is at %d", seq, got)
		}
	}
}

func TestStartThatFailsAgainAndAgainKeepsTheRing(t *testing.T) {
	f := newFile(t, 4)
	r := open(t, f)
	for n := range uint64(60) {
		r.Append(record(n))
		r.Flush()
	}
	left, _, _ := all(r, 0)
	for range 6 { // each takes a unit, not a segment
		f.failures["sync"] = 2
		if again := open(t, f); again.Stats().LastErr == "" {
			t.Fatal("nothing is told although nothing can be synced")
		}
	}
	f.failures["sync"] = 0
	r = open(t, f)
	if now, _, _ := all(r, 0); len(now) < len(left)-8 {
		t.Errorf("%d records before, %d after 6 starts that failed", len(left), len(now))
	}
}

func TestSecondWriterIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring")
	a, err := Open(path, Options{Geometry: Geometry{Size: MinSize}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("the second writer got %v, want ErrLocked", err)
	}
	if ro, err := OpenReadOnly(path, nil); err != nil {
		t.Errorf("a reader beside the writer: %v", err)
	} else {
		ro.Close()
	}
	a.Close()
	b, err := Open(path, Options{})
	if err != nil {
		t.Fatalf("after the first: %v", err)
	}
	b.Close()
}

func TestRecordsGivenUpInMemoryAreAGapOfThatCause(t *testing.T) {
	s := superblock{unit: 4096, segmentSize: 128 << 10, segments: 64, id: [16]byte{1, 2, 3}}
	f := newForgetful(int64(2*s.unit+s.segments*s.segmentSize), s.unit)
	if err := format(f, s); err != nil {
		t.Fatal(err)
	}
	r := open(t, f)
	r.Append(record(1))
	r.Flush()
	rd := r.NewReader(0)
	rd.Next()
	f.failures["sync"] = 1 << 30
	for range 1000 {
		r.Append(make([]byte, 3000))
	}
	f.failures["sync"] = 0
	r.Flush()
	e, ok := rd.Next()
	dropped := uint64(r.Stats().Dropped)
	if want := (Gap{From: 2, To: 1 + dropped, Cause: Dropped}); !ok || e.Gap == nil || *e.Gap != want {
		t.Errorf("got %+v, want %+v", e.Gap, want)
	}
}

func TestRecordLongerThanASegmentIsRefused(t *testing.T) {
	r := open(t, newFile(t, 8))
	if _, err := r.Append(make([]byte, 5000)); !errors.Is(err, ErrTooLong) {
		t.Errorf("got %v, want ErrTooLong", err)
	}
}

// flaky fails some reads.
type flaky struct {
	*forgetful
	n, from int
}

func (h *flaky) ReadAt(b []byte, off int64) (int, error) {
	h.n++
	if h.n >= h.from && h.n < h.from+9 {
		return 0, errors.New("input/output error")
	}
	return h.forgetful.ReadAt(b, off)
}

func TestOpenSurvivesReadsThatFail(t *testing.T) {
	f := newFile(t, 4)
	r := open(t, f)
	r.Append(record(1))
	r.Flush()
	for from := 3; from < 60; from++ { // the first two read the superblock
		if _, err := reload(&flaky{forgetful: f, from: from}); err != nil {
			t.Errorf("reads fail from the %d.: %v", from, err)
		}
	}
}

// slow needs its time to sync.
type slow struct {
	*forgetful
	d time.Duration
}

func (s *slow) Sync() error {
	time.Sleep(s.d)
	return s.forgetful.Sync()
}

func TestFlushTimeHoldsBesideASlowSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{forgetful: newFile(t, 8)}
		r, err := openFile(s, Options{Flush: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		s.d = 5 * time.Second
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		r.Append(record(1))
		time.Sleep(10*time.Second + time.Millisecond) // a commit has begun
		came := time.Now()
		r.Append(record(2))
		for r.Stats().Waiting != 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(came); took > 15*time.Second {
			t.Errorf("durable after %v, want 10 s and one sync", took)
		}
		cancel()
		<-done
	})
}

func TestLostSegmentIsDamageUnlessItWasTheOldest(t *testing.T) {
	for _, fill := range []byte{0x00, 0xFF} {
		f := newFile(t, 8)
		r := open(t, f)
		for n := range uint64(40) {
			r.Append(record(n))
			r.Flush()
		}
		copy(f.data[(2+2*8)*testUnit:], bytes.Repeat([]byte{fill}, 8*testUnit)) // segment 2, whole
		r, err := reload(f)
		if err != nil {
			t.Fatal(err)
		}
		_, _, gaps := all(r, 0)
		if len(gaps) == 0 || gaps[0].Cause != Corrupt {
			t.Errorf("a segment full of %02X: gaps %v, want corrupt", fill, gaps)
		}
	}
}

func TestDamagedSuperblockAndShortFileAreCounted(t *testing.T) {
	for name, damage := range map[string]func(f *forgetful){
		"first superblock":  func(f *forgetful) { f.data[9] ^= 1 },
		"second superblock": func(f *forgetful) { f.data[testUnit+9] ^= 1 },
		"file cut short":    func(f *forgetful) { f.data = f.data[:len(f.data)-100] },
	} {
		f := newFile(t, 8)
		r := open(t, f)
		r.Append(record(1))
		r.Flush()
		damage(f)
		r, err := reload(f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Stats().Corrupt == 0 {
			t.Errorf("%s: nothing is told", name)
		}
		if seqs, _, _ := all(r, 0); len(seqs) != 1 {
			t.Errorf("%s: %d records, want 1", name, len(seqs))
		}
	}
}
