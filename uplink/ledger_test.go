package uplink

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"meterd/dlt645"
)

// TestCursorStandsBeforeWhatIsNotSettled: each row is a story in words. "3" reads
// record 3 of meter 1 and begins it, "3+2" with two messages; "-3" settles one
// message of it; "p3" reads and parks it, "p3'" the same of meter 2; "u" takes
// the oldest of meter 1 out of the park and settles it; "r" parks again what
// was passed over.
func TestCursorStandsBeforeWhatIsNotSettled(t *testing.T) {
	for _, row := range []struct {
		story   string
		full    bool // others fill the park
		cursor  uint64
		waiting int
		parked  []uint64 // of meter 1
	}{
		{story: "", cursor: 9},
		{story: "1 2 3", cursor: 0, waiting: 3},
		{story: "1 2 3 -2 -3", cursor: 0, waiting: 1},
		{story: "1 2 3 -1 -2", cursor: 2, waiting: 1},
		{story: "1+2 2 -1 -2", cursor: 0, waiting: 1},
		{story: "1+2 2 -1 -2 -1", cursor: 9},
		{story: "8 5 6 -8 -5", cursor: 5, waiting: 1},
		{story: "p1 2 -2", cursor: 0, waiting: 1, parked: []uint64{1}},
		{story: "p1 2 p3 -2 u", cursor: 2, waiting: 1, parked: []uint64{3}},
		{story: "p1 2 p3 -2 u u", cursor: 9},
		{story: "p5 p6 7 -7", full: true, cursor: 4, waiting: 2},
		{story: "p5 p6 p7' 8 -8", full: true, cursor: 4, waiting: 3},
		{story: "p5 p6 7 -7 r", full: true, cursor: 4, waiting: 2, parked: []uint64{5, 6}},
		{story: "p5 p6 7 -7 r u", full: true, cursor: 5, waiting: 1, parked: []uint64{6}},
	} {
		var count Counts
		l := newLedger(&count, []dlt645.Address{meter1, meter2})
		if row.full {
			l.parked = mostParked
		}
		all := map[uint64]*record{}
		for _, word := range strings.Fields(row.story) {
			var n uint64
			left := 1
			fmt.Sscanf(strings.TrimLeft(word, "p-"), "%d+%d", &n, &left)
			switch {
			case word == "u":
				rec, ok := l.oldest(meter1)
				if !ok {
					t.Fatalf("%q: nothing is parked", row.story)
				}
				l.unpark(meter1)
				l.settleOne(rec)
			case word == "r":
				for m := l.meters[meter1]; len(m.passed) > 0; {
					if seq, _ := l.candidate(m); seq > 0 {
						l.repark(m, seq)
					}
				}
			case word[0] == '-':
				l.settleOne(all[n])
			default:
				all[n] = &record{seq: n, left: left}
				l.note(n, n)
				l.begin(all[n])
				of := meter1
				if strings.HasSuffix(word, "'") {
					of = meter2
				}
				if word[0] == 'p' && !l.park(of, all[n]) {
					t.Fatalf("%q: no room for %d", row.story, n)
				}
			}
		}
		if got := l.cursor(9); got != row.cursor || l.waiting() != row.waiting || !slices.Equal(l.meters[meter1].parked, row.parked) {
			t.Errorf("%q: the cursor is at %d, %d wait, parked %v; want %d, %d, %v", row.story, got, l.waiting(), l.meters[meter1].parked, row.cursor, row.waiting, row.parked)
		}
		if want := len(all) - row.waiting; count.Readings != want {
			t.Errorf("%q: %d are counted as settled, want %d", row.story, count.Readings, want)
		}
	}
}

// TestWhatIsOverwrittenWhileItIsPassedOver is told as gone, and holds the cursor
// up no longer.
func TestWhatIsOverwrittenWhileItIsPassedOver(t *testing.T) {
	l := newLedger(&Counts{}, []dlt645.Address{meter1})
	l.parked = mostParked
	for seq := uint64(5); seq < 9; seq++ {
		l.note(seq, seq)
		l.pass(l.meters[meter1], seq)
	}
	m, gone := l.meters[meter1], 0
	for len(m.passed) > 0 {
		seq, n := l.candidate(m)
		if seq == 7 { // the others are not in the ring any more
			l.repark(m, seq)
		}
		gone += n
	}
	if gone != 3 || l.skipped != 0 || l.cursor(9) != 6 {
		t.Errorf("%d are gone, %d are still passed over, the cursor is at %d", gone, l.skipped, l.cursor(9))
	}
}

// TestStretchesAreBounded: a stretch goes on while nothing of the meter went out
// and the numbers go on; there are mostStretches of them.
func TestStretchesAreBounded(t *testing.T) {
	l := newLedger(&Counts{}, []dlt645.Address{meter1})
	m := l.meters[meter1]
	for i := range uint64(mostStretches) {
		l.note(3*i+1, 3*i+2)
		if !l.pass(m, 3*i+1) || !l.pass(m, 3*i+2) {
			t.Fatalf("no room for stretch %d", i)
		}
	}
	m.went = true
	if l.pass(m, 3*mostStretches) || len(m.passed) != mostStretches || l.skipped != 2*mostStretches {
		t.Errorf("%d stretches with %d records", len(m.passed), l.skipped)
	}
}
