package store

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// flips tells how thorough TestFaultsAtRest is: every n-th bit.
var flips = flag.Int("flips", 61, "flip every n-th bit of the store")

// TestFaultsAtRest damages a closed store of 64 KiB in one place: bits, and
// whole sectors that are blank, stale, somewhere else or cannot be read. No
// record comes back changed, no more is lost than the frame that was hit, and
// that is told.
func TestFaultsAtRest(t *testing.T) {
	every := *flips
	if testing.Short() {
		every *= 16
	}
	synctest.Test(t, func(t *testing.T) { // what cannot be read is read again after a while
		n, err := faultsAtRest(every)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d faults, nothing is silently wrong", n)
	})
}

// closedStore is a ring of 64 KiB that was gone round more than once, as it
// is now and as it was one round ago, and what it holds.
type closedStore struct {
	data, before []byte
	unit         int
	records      []string         // from the first on: no number is missing
	frame        map[uint64]int64 // place of each record's frame
	length       map[int64]int    // units of each frame, by place
	first        uint64
}

func newClosedStore() (*closedStore, error) {
	s := superblock{unit: 512, segmentSize: 16 << 10, segments: leastSegments, id: [16]byte{3}}
	c := &closedStore{unit: s.unit, frame: map[uint64]int64{}, length: map[int64]int{}}
	f := newForgetful(int64(2*s.unit+s.segments*s.segmentSize), s.unit)
	if err := format(f, s); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(3, 3))
	r, err := openFile(f, Options{Flush: time.Hour})
	if err != nil {
		return nil, err
	}
	all := map[uint64]string{}
	for r.tail.segment < 2*leastSegments-1 || r.tail.offset < int64(s.segmentSize)/2 {
		if r.tail.segment == leastSegments+1 && c.before == nil {
			c.before = slices.Clone(f.data)
		}
		for range 1 + rng.IntN(20) {
			rec := string(record(rng.Uint64N(1000)))
			seq, err := r.Append([]byte(rec))
			if err != nil {
				return nil, err
			}
			all[seq] = rec
		}
		if err := r.SetCursor("c", r.Last()-5); err != nil {
			return nil, err
		}
		if err := r.Flush(); err != nil {
			return nil, err
		}
	}
	if err := r.commit(true); err != nil {
		return nil, err
	}
	c.data = f.data
	r, err = reload(newForgetfulOf(c.data, c.unit))
	if err != nil {
		return nil, err
	}
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if e.Gap != nil {
			continue
		}
		if len(c.records) == 0 {
			c.first = e.Seq
		}
		at := r.medium.at(rd.frame.segment, int64(rd.frame.offset))
		c.records, c.frame[e.Seq] = append(c.records, all[e.Seq]), at
		c.length[at] = r.medium.pad(int(rd.frame.length)) / c.unit
		if string(e.Data) != all[e.Seq] {
			return nil, fmt.Errorf("record %d is wrong without a fault", e.Seq)
		}
	}
	return c, nil
}

func newForgetfulOf(data []byte, unit int) *forgetful {
	f := newForgetful(0, unit)
	f.data = data
	return f
}

// span is a range of bytes that a fault touches.
type span struct{ from, to int64 }

// hit tells whether a record lies in a frame that a fault touches.
func (c *closedStore) hit(seq uint64, faults []span) bool {
	at := c.frame[seq]
	end := at + int64(c.length[at]*c.unit)
	return slices.ContainsFunc(faults, func(s span) bool { return s.from < end && at < s.to })
}

// look opens a damaged store. Only the records that were hit may be missing,
// and the store says that something is damaged if one is.
func (c *closedStore) look(f File, hit []span) error {
	r, err := reload(f)
	if err != nil {
		return fmt.Errorf("it does not open: %w", err)
	}
	have, n := make([]bool, len(c.records)), 0
	last, told := uint64(0), false
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if e.Gap != nil {
			told = true
			if last != 0 && e.Gap.From != last+1 {
				return fmt.Errorf("gap %+v after %d", *e.Gap, last)
			}
			last = e.Gap.To
			continue
		}
		i := e.Seq - c.first
		if i >= uint64(len(have)) || have[i] || c.records[i] != string(e.Data) {
			return fmt.Errorf("record %d came back as %q", e.Seq, e.Data)
		}
		if last != 0 && e.Seq != last+1 {
			return fmt.Errorf("record %d after %d", e.Seq, last)
		}
		have[i], last = true, e.Seq
		n++
	}
	if n == len(have) {
		return nil
	}
	for i := range have {
		seq := c.first + uint64(i)
		if !have[i] && !c.hit(seq, hit) {
			return fmt.Errorf("record %d is lost, which was not hit (first %d, %d records)", seq, c.first, len(c.records))
		}
	}
	if s := r.Stats(); s.Corrupt == 0 && !s.Torn && !told {
		return fmt.Errorf("%d records are lost and nothing tells it", len(have)-n)
	}
	return nil
}

// faultsAtRest damages the store in one place after the other.
func faultsAtRest(everyBit int) (n int, err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	c, err := newClosedStore()
	if err != nil {
		return 0, err
	}
	var faults []func(data []byte) (name string, f File, hit []span)
	simple := func(name string, at, size int64, change func(data []byte)) {
		faults = append(faults, func(data []byte) (string, File, []span) {
			change(data)
			return name, newForgetfulOf(data, c.unit), []span{{at, at + size}}
		})
	}
	for bit := 0; bit < len(c.data)*8; bit += everyBit {
		simple("a flipped bit", int64(bit/8), 1, func(d []byte) { d[bit/8] ^= 1 << (bit % 8) })
	}
	other := newForgetful(int64(len(c.data)), c.unit) // a store of the same shape
	if err := format(other, superblock{unit: 512, segmentSize: 16 << 10, segments: leastSegments, id: [16]byte{4}}); err != nil {
		return 0, err
	}
	unit := int64(c.unit)
	for at := int64(0); at < int64(len(c.data)); at += unit {
		sector := func(d []byte) []byte { return d[at : at+unit] }
		simple("zeros", at, unit, func(d []byte) { clear(sector(d)) })
		simple("ones", at, unit, func(d []byte) { copy(sector(d), slices.Repeat([]byte{0xFF}, c.unit)) })
		simple("what stood there before", at, unit, func(d []byte) { copy(sector(d), c.before[at:]) })
		simple("another store's", at, unit, func(d []byte) { copy(sector(d), other.data[at:]) })
		faults = append(faults, func(d []byte) (string, File, []span) {
			return "a sector that cannot be read", &unreadable{newForgetfulOf(d, c.unit), at}, []span{{at, at + unit}}
		})
		for to := int64(0); to < int64(len(c.data)); to += unit * 7 {
			simple("a sector written to the wrong place", to, unit, func(d []byte) { copy(d[to:to+unit], sector(d)) })
			faults = append(faults, func(d []byte) (string, File, []span) {
				a := slices.Clone(sector(d))
				copy(sector(d), d[to:to+unit])
				copy(d[to:], a)
				return "swapped sectors", newForgetfulOf(d, c.unit), []span{{at, at + unit}, {to, to + unit}}
			})
		}
	}
	return len(faults), c.tryAll(faults)
}

// unreadable is a file that has a sector which cannot be read.
type unreadable struct {
	*forgetful
	at int64
}

func (u *unreadable) ReadAt(b []byte, off int64) (int, error) {
	if off < u.at+int64(u.unit) && u.at < off+int64(len(b)) {
		return 0, errors.New("input/output error")
	}
	return u.forgetful.ReadAt(b, off)
}

func (c *closedStore) tryAll(faults []func([]byte) (string, File, []span)) error {
	errs := make(chan error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for part := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			data := make([]byte, len(c.data))
			for i := part; i < len(faults) && len(errs) == 0; i += runtime.GOMAXPROCS(0) {
				copy(data, c.data)
				name, f, hit := faults[i](data)
				if err := c.look(f, hit); err != nil {
					errs <- fmt.Errorf("%s, %v: %w", name, hit, err)
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}
