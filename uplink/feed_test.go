package uplink

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

func newRing(t *testing.T, size int64) *store.Ring {
	t.Helper()
	ring, err := store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: size}, Flush: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close() })
	return ring
}

func addReadings(t *testing.T, ring *store.Ring, a dlt645.Address, n int) (last uint64) {
	t.Helper()
	for range n {
		r := meter.Reading{Meter: a, Time: time.Unix(1700000000, 0), Round: time.Unix(1700000000, 0), Trusted: true}
		b, err := r.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if last, err = ring.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func TestFeedGivesEachRecordOnceAndTheNewestFirst(t *testing.T) {
	ring := newRing(t, 4<<20)
	a := dlt645.Address{1}
	f := newFeed(ring, "u", 0)
	rng := rand.New(rand.NewPCG(1, 1))
	seen := map[uint64]bool{}
	total := 0
	floor := uint64(0)
	take := func(most int) {
		for range most {
			e, ok := f.Next()
			if !ok {
				return
			}
			if e.Gap != nil {
				for n := e.Gap.From; n <= e.Gap.To; n++ {
					seen[n] = true
				}
				continue
			}
			if seen[e.Seq] {
				t.Fatalf("record %d comes twice", e.Seq)
			}
			seen[e.Seq] = true
		}
	}
	for range 60 {
		n := []int{1, 10, 300, 900}[rng.IntN(4)]
		addReadings(t, ring, a, n)
		total += n
		if rng.IntN(2) == 0 {
			f.renew() // a connection begins
		}
		take(rng.IntN(600))
		if now := f.Floor(); now < floor {
			t.Fatalf("the floor fell from %d to %d", floor, now)
		}
		floor = f.Floor()
		for n := uint64(1); n <= floor; n++ {
			if !seen[n] {
				t.Fatalf("the floor is %d, but %d was not given", floor, n)
			}
		}
		last := addReadings(t, ring, a, 1)
		total++
		if f.live.Behind() == 1 { // live is up to date: the newest comes next
			if e, ok := f.Next(); !ok || e.Seq != last {
				t.Fatalf("the newest is %d, and %d comes", last, e.Seq)
			}
			seen[last] = true
		}
	}
	take(1 << 20)
	if len(seen) < total || f.Behind() != 0 || f.Floor() != ring.Last() {
		t.Errorf("%d of %d records came, %d behind, floor %d of %d", len(seen), total, f.Behind(), f.Floor(), ring.Last())
	}
}

// TestALiveReadingDoesNotWaitBehindABacklog counts the messages that go out
// between a new reading and its own.
func TestALiveReadingDoesNotWaitBehindABacklog(t *testing.T) {
	ring := newRing(t, 64<<20)
	a := dlt645.Address{1}
	backlog := 200000
	if testing.Short() {
		backlog = 20000
	}
	addReadings(t, ring, a, backlog)
	f := newFeed(ring, "u", 0)
	const window = 16
	d := newDelivery(&twoItems{meters: []dlt645.Address{a}}, f, window, time.Minute, [16]byte{})
	now := time.Unix(1700001000, 0)
	d.connected(now)
	var out []Message
	var sent []string
	step := func() { // one message goes out, and the oldest is answered
		for len(out) < window {
			m, ok := d.next(now)
			if !ok {
				break
			}
			out, sent = append(out, m), append(sent, m.ID)
		}
		if len(out) > 0 {
			d.receive(now, Receipt{ID: out[0].ID, Verdict: Accepted})
			out = out[1:]
		}
		d.expire(now)
	}
	for range 500 {
		step()
	}
	before := len(sent)
	live := addReadings(t, ring, a, 1)
	want := fmt.Sprintf("%d/a", live)
	for i := 0; ; i++ {
		step()
		if sent[len(sent)-1] == want || len(sent) > 1 && sent[len(sent)-2] == want {
			break
		}
		if i > 10000 {
			t.Fatal("it does not come")
		}
	}
	t.Logf("%d messages went out before a live reading, behind a backlog of %d", len(sent)-before, backlog)
	if n := len(sent) - before; n > window+4 {
		t.Errorf("%d messages went out before it", n)
	}
	if c := d.cursor(); c >= live || c > 1000 {
		t.Errorf("the cursor stands at %d, although the backlog is not delivered", c)
	}
}

func TestBacklogIsCountedInRecordsThoughAnUncleanEndSkipsNumbers(t *testing.T) {
	path := t.TempDir() + "/ring"
	total := 0
	for round := range 3 {
		ring, err := store.Open(path, store.Options{Geometry: store.Geometry{Size: store.MinSize}})
		if err != nil {
			t.Fatal(err)
		}
		f := newFeed(ring, "u", 0)
		if got := f.Behind(); got != total {
			t.Errorf("start %d: %d records behind, want %d", round, got, total)
		}
		for range liveBehind {
			if _, err := ring.Append([]byte("a reading")); err != nil {
				t.Fatal(err)
			}
			total++
		}
		if err := ring.Flush(); err != nil {
			t.Fatal(err)
		}
		f.renew()
		if got := f.Behind(); got != total {
			t.Errorf("start %d: %d records behind after the appends, want %d", round, got, total)
		}
		if last := ring.Last(); round > 0 && last < uint64(2*total) {
			t.Fatalf("the end was a clean one: the last number is %d", last)
		}
		read := 0
		for e, ok := f.Next(); ok; e, ok = f.Next() {
			if e.Gap == nil {
				read++
			}
		}
		if read != total || f.Behind() != 0 {
			t.Errorf("start %d: %d of %d records read, %d behind", round, read, total, f.Behind())
		}
		if err := ring.Close(); err != nil { // without Run: as a power cut
			t.Fatal(err)
		}
	}
}
