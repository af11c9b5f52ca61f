package store

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// states is how many power cuts TestCrashStates goes through; make runs it
// with millions.
var states = flag.Int64("states", 20_000, "crash states to go through")

// TestCrashStates cuts the power at each write and sync of random histories
// of a small ring. What was written since the last sync is afterwards old,
// new, garbage or half written, each unit for itself, in all combinations;
// and power is cut again while the store is opened after that.
func TestCrashStates(t *testing.T) {
	want := *states
	if testing.Short() {
		want /= 10
	}
	n, err := crashStates(1, want)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d states, no violation", n)
}

// crashStates goes through at least so many states, on all processors.
func crashStates(seed uint64, want int64) (n int64, err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // many small rings, none of them for long
	var counted atomic.Int64
	var next atomic.Uint64
	errs := make(chan error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for counted.Load() < want && len(errs) == 0 {
				h := newHistory(seed + next.Add(1))
				err := h.run()
				if err == nil {
					err = h.cutEverywhere(&counted, want)
				}
				if err != nil {
					errs <- fmt.Errorf("history %d: %w", h.seed, err)
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err = <-errs:
	default:
	}
	return counted.Load(), err
}

// tape is a file that notes what is done to it, so that a power cut at any
// moment can be played.
type tape struct {
	unit   int
	data   []byte // as a reader sees it
	start  []byte // at the beginning
	events []taped
	fail   map[string]int // "write", "sync", "space": how many of the next fail
	reads  int
}

// taped is a write, or a sync that worked or failed.
type taped struct {
	off  int64
	data []byte // nil: a sync
	ok   bool
	at   int // the step of the history that it belongs to
}

func newTape(data []byte, unit int) *tape {
	return &tape{unit: unit, data: slices.Clone(data), start: data, fail: map[string]int{}}
}

func (f *tape) ReadAt(b []byte, off int64) (int, error) {
	f.reads++
	if f.reads > 5000 {
		return 0, errors.New("endless reading")
	}
	return copy(b, f.data[off:]), nil
}

func (f *tape) failing(what string) bool {
	if f.fail[what] > 0 {
		f.fail[what]--
		return true
	}
	return false
}

func (f *tape) WriteAt(b []byte, off int64) (int, error) {
	if f.failing("space") {
		return 0, errInjected
	}
	if f.failing("write") { // a short one
		n := len(b) / f.unit / 2 * f.unit
		if n > 0 {
			f.put(b[:n], off)
		}
		return n, errInjected
	}
	f.put(b, off)
	return len(b), nil
}

func (f *tape) put(b []byte, off int64) {
	copy(f.data[off:], b)
	f.events = append(f.events, taped{off: off, data: slices.Clone(b)})
}

func (f *tape) Sync() error {
	if f.failing("sync") {
		f.events = append(f.events, taped{})
		return errInjected
	}
	f.events = append(f.events, taped{ok: true})
	return nil
}

func (f *tape) Close() error { return nil }

// history is what was done to a ring, and what it has promised.
type history struct {
	seed    uint64
	file    *tape
	steps   []step
	offered map[uint64]given // every number ever given
}

// given is a record, and the place of its number in the order of giving.
type given struct {
	rec string
	at  int
}

// step is the state of the promises after one operation.
type step struct {
	events  int             // on the tape
	offered int             // numbers given so far, in the order of giving
	durable map[uint64]bool // records that a flush made durable
	first   uint64          // the oldest record of the ring
	cursors []uint64        // every position that the cursor ever had
	safe    uint64          // the position that a flush made durable
}

const crashUnit = 128

// crashRing is a new ring as small as can be: 4 segments of 12 units.
func crashRing() []byte {
	s := superblock{unit: crashUnit, segmentSize: 12 * crashUnit, segments: leastSegments, id: [16]byte{7}}
	f := newTape(make([]byte, 2*s.unit+s.segments*s.segmentSize), s.unit)
	if err := format(f, s); err != nil {
		panic(err)
	}
	return f.data
}

func newHistory(seed uint64) *history {
	return &history{seed: seed, file: newTape(crashRing(), crashUnit), offered: map[uint64]given{}}
}

// run does some twenty operations at random, on a ring that others have
// gone round already, or not.
func (h *history) run() error {
	rng := rand.New(rand.NewPCG(h.seed, 645))
	now := step{durable: map[uint64]bool{}, cursors: []uint64{0}}
	var waiting []uint64
	var r *Ring
	settle := func() {
		for _, seq := range waiting {
			now.durable[seq] = true
		}
		waiting = nil
		now.safe = now.cursors[len(now.cursors)-1]
	}
	note := func() {
		s := now
		s.events, s.offered = len(h.file.events), len(h.offered)
		s.durable, s.cursors = maps.Clone(now.durable), slices.Clone(now.cursors)
		s.first = r.Stats().First
		h.steps = append(h.steps, s)
	}
	var err error
	if r, err = openFile(h.file, Options{Flush: time.Hour, Taken: always}); err != nil {
		return err
	}
	note()
	lead := rng.IntN(2) * rng.IntN(250) // steps that are not looked at
	for n := range lead + 14 + rng.IntN(10) {
		h.file.reads = 0
		if n == lead {
			h.file.start, h.file.events, h.steps = slices.Clone(h.file.data), nil, nil
			clear(h.file.fail)
			if err := r.Flush(); err != nil {
				return err
			}
			settle()
			note()
		}
		switch rng.IntN(10) {
		case 0: // a clean end, or a kill
			if rng.IntN(2) == 0 {
				if r.commit(true) == nil {
					settle()
				}
				note()
			}
			for _, seq := range waiting {
				delete(now.durable, seq)
			}
			waiting = nil
			if r, err = openFile(h.file, Options{Flush: time.Hour, Taken: always}); err != nil {
				return err
			}
			if pos, _ := r.Cursor("c"); pos < now.safe {
				return fmt.Errorf("the cursor was durable at %d and is %d", now.safe, pos)
			} else {
				now.cursors = append(now.cursors, pos)
			}
		case 1:
			h.file.fail[[]string{"write", "sync", "space"}[rng.IntN(3)]] = 1
		case 2:
			pos := r.Last()
			if err := r.SetCursor("c", pos); err != nil {
				return err
			}
			now.cursors = append(now.cursors, pos)
		case 3, 4, 5:
			if r.Flush() == nil {
				settle()
			}
		default:
			rec := string(record(rng.Uint64N(1000)))
			seq, err := r.Append([]byte(rec))
			if err != nil {
				continue
			}
			if old, ok := h.offered[seq]; ok {
				return fmt.Errorf("number %d was given for %q and again for %q", seq, old.rec, rec)
			}
			h.offered[seq] = given{rec, len(h.offered)}
			waiting = append(waiting, seq)
		}
		note()
	}
	for i := range h.file.events { // which step an event belongs to
		h.file.events[i].at = slices.IndexFunc(h.steps, func(s step) bool { return s.events > i })
	}
	return nil
}

// promise is what must hold of a ring after a power cut.
type promise struct {
	offered map[uint64]given
	before  int             // only these were given yet: so many of them
	durable map[uint64]bool // of these those from first on must be there
	first   uint64
	cursors []uint64
	safe    uint64
}

// promised gives what holds while an event of a step is done: what the step
// before has promised, and no more of the oldest than the step takes away.
func (h *history) promised(at int) promise {
	before := h.steps[max(0, at-1)]
	if at == 0 {
		before.durable, before.safe = nil, 0
	}
	return promise{
		offered: h.offered, before: before.offered, durable: before.durable, safe: before.safe,
		first: max(h.steps[at].first, before.first), cursors: h.steps[at].cursors,
	}
}

// cutEverywhere cuts the power at each event.
func (h *history) cutEverywhere(counted *atomic.Int64, most int64) error {
	e := examiner{counted: counted, most: most, rng: rand.New(rand.NewPCG(h.seed, 9)), depth: 1}
	return e.cuts(h.file, func(at int) promise { return h.promised(at) })
}

// examiner plays power cuts and looks at what is left.
type examiner struct {
	counted *atomic.Int64
	most    int64
	rng     *rand.Rand
	depth   int // further cuts while the store is opened
}

// mostStates bounds the combinations at one moment; beyond they are drawn.
const mostStates = 1 << 10

// cuts plays all states of a file at each of its events.
func (e *examiner) cuts(f *tape, promised func(at int) promise) error {
	sure := slices.Clone(f.start)            // what is on the medium for certain
	flying := map[int64][]byte{}             // units written since, as they would be
	var doubted = map[int64]map[int][]byte{} // what a failed sync left open: it may never come
	for i, ev := range f.events {
		if ev.data == nil {
			if ev.ok {
				for at, b := range flying {
					copy(sure[at:], b)
					delete(doubted, at)
				}
			} else {
				for at, b := range flying {
					if doubted[at] == nil {
						doubted[at] = map[int][]byte{}
					}
					doubted[at][len(doubted[at])] = b
				}
			}
			clear(flying)
			continue
		}
		for k := 0; k < len(ev.data); k += f.unit {
			flying[ev.off+int64(k)] = ev.data[k : k+f.unit]
		}
		if err := e.combinations(sure, flying, doubted, f.unit, promised(ev.at)); err != nil {
			return fmt.Errorf("cut at event %d of %d: %w", i, len(f.events), err)
		}
		if e.counted.Load() >= e.most {
			return nil
		}
	}
	return nil
}

// combinations goes through what the units in flight may have become.
func (e *examiner) combinations(sure []byte, flying map[int64][]byte, doubted map[int64]map[int][]byte, unit int, p promise) error {
	open := map[int64]bool{}
	for at := range flying {
		open[at] = true
	}
	for at := range doubted {
		open[at] = true
	}
	places := slices.Sorted(maps.Keys(open))
	total := 1
	for range places {
		total = min(total*4, mostStates*4)
	}
	image := make([]byte, len(sure))
	for n := range min(total, mostStates) {
		copy(image, sure)
		for i, at := range places {
			how := n >> (2 * i) & 3
			if total > mostStates {
				how = e.rng.IntN(4)
			}
			e.become(image[at:at+int64(unit)], how, flying[at], doubted[at])
		}
		if err := e.examine(image, p); err != nil {
			return err
		}
	}
	return nil
}

// become gives a unit one of the contents that it may have: what it was, what
// was written, that in part, or anything.
func (e *examiner) become(unit []byte, how int, flying []byte, doubted map[int][]byte) {
	written := flying
	if len(doubted) > 0 && (flying == nil || e.rng.IntN(2) == 0) {
		written = doubted[e.rng.IntN(len(doubted))]
	}
	half := len(unit) / 2
	switch how {
	case 1:
		copy(unit, written)
	case 2:
		if e.rng.IntN(2) == 0 {
			copy(unit[:half], written)
		} else {
			copy(unit[half:], written[half:])
		}
	case 3:
		for i := range unit {
			unit[i] = byte(e.rng.Uint32())
		}
	}
}

// examine opens what a cut has left and holds it against what was promised.
func (e *examiner) examine(image []byte, p promise) error {
	e.counted.Add(1)
	found, err := reload(newTape(image, crashUnit))
	if err != nil {
		return fmt.Errorf("it does not open: %w", err)
	}
	have, err := p.check(found)
	if err != nil {
		return err
	}
	// Opening it makes it durable, and goes on with a new number.
	f := newTape(image, crashUnit)
	f.start = slices.Clone(image)
	r, err := openFile(f, Options{Flush: time.Hour, Taken: always})
	if err != nil {
		return err
	}
	rec := "after the cut"
	seq, err := r.Append([]byte(rec))
	if err != nil {
		return err
	}
	opening := len(f.events) // with the numbers' reservation, without which none is given
	if old, ok := p.offered[seq]; ok && old.at < p.before {
		return fmt.Errorf("number %d was given for %q before the cut and is given again", seq, old.rec)
	}
	if err := r.Flush(); err != nil {
		return err
	}
	after := promise{offered: maps.Clone(p.offered), before: p.before + 1, durable: have, first: r.Stats().First, cursors: p.cursors}
	for seq, g := range after.offered { // what was never given must not stand in the way
		if g.at >= p.before {
			delete(after.offered, seq)
		}
	}
	after.offered[seq] = given{rec, p.before}
	if pos, ok := found.Cursor("c"); ok {
		after.safe = pos
	}
	again, err := reload(newTape(f.data, crashUnit))
	if err != nil {
		return err
	}
	all, err := after.check(again)
	if err != nil {
		return fmt.Errorf("opened and written to: %w", err)
	}
	if !all[seq] {
		return fmt.Errorf("record %d, appended after the cut, is not there", seq)
	}
	if e.depth == 0 {
		return nil
	}
	e.depth--
	defer func() { e.depth++ }()
	before := after
	before.before = p.before // the number was not given yet
	for i := opening; i < len(f.events); i++ {
		f.events[i].at = 1
	}
	if err := e.cuts(f, func(at int) promise { return []promise{before, after}[at] }); err != nil {
		return fmt.Errorf("opened after that, %w", err)
	}
	return nil
}

// check reads a ring from end to end.
func (p *promise) check(r *Ring) (have map[uint64]bool, err error) {
	have = map[uint64]bool{}
	last := uint64(0)
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		from, to := e.Seq, e.Seq
		if e.Gap != nil {
			from, to = e.Gap.From, e.Gap.To
		}
		if from > to || last != 0 && from != last+1 {
			return nil, fmt.Errorf("after %d comes %d to %d: no gap tells why", last, from, to)
		}
		last = to
		if e.Gap != nil {
			continue
		}
		if want, ok := p.offered[e.Seq]; !ok || want.rec != string(e.Data) || want.at >= p.before {
			return nil, fmt.Errorf("record %d is %q, appended was %q", e.Seq, e.Data, want.rec)
		}
		have[e.Seq] = true
	}
	for seq := range p.durable {
		if seq >= p.first && !have[seq] {
			return nil, fmt.Errorf("record %d was durable and is gone; the oldest is %d", seq, p.first)
		}
	}
	if pos, ok := r.Cursor("c"); ok && !slices.Contains(p.cursors, pos) {
		return nil, fmt.Errorf("the cursor is at %d, where it never was: %v", pos, p.cursors)
	} else if pos < p.safe {
		return nil, fmt.Errorf("the cursor was durable at %d and is %d", p.safe, pos)
	}
	return have, nil
}
