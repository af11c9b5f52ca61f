package uplink

import (
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

var meter3 = dlt645.Address{0, 0, 0, 0, 0, 3}

// TestWhatIsTakenIn: each row gives the records of a ring, one letter each, and
// wants the messages that are made of them now, and how far the cursor may move
// once those are settled.
//
//	k   of a meter that the platform knows
//	u   of one that it does not know
//	c   of one of which too much waits for its time
//	f   of one that this platform is not told of
//	l   of a known meter, its time is known once the clock is trusted
//	n   the same, its time will never be known
//	e   an event of a known meter
//	p   what the board records for itself: that a command is about to go out
//	.   a record that was overwritten
//	?   a record of a later version
//
// Then the meter u becomes known, those records being gone meanwhile that gone
// names.
func TestWhatIsTakenIn(t *testing.T) {
	for _, row := range []struct {
		ring    string
		full    bool
		out     string
		cursor  uint64
		queued  int
		lost    int
		undated int
		gone    []int
		then    string // what is made of those that waited for their meter
		lostAll int
	}{
		{ring: "", cursor: 0},
		{ring: "kkk", out: "1+2+3", cursor: 3},
		{ring: "kkkkk", out: "1+2+3+4 5", cursor: 5},
		{ring: "kkk", full: true, queued: 3},
		{ring: "kukuk", out: "1+3+5", cursor: 1, queued: 2, then: "2+4"},
		{ring: "kckck", out: "1+3+5", cursor: 1, queued: 2},
		{ring: "uuu", queued: 3, gone: []int{2}, then: "1+3", lostAll: 1},
		{ring: "uu", queued: 2, gone: []int{1, 2}, lostAll: 2},
		{ring: "fff", cursor: 3},
		{ring: "k?k", out: "1+3", cursor: 3},
		{ring: "k.k", out: "1+3", cursor: 3, lost: 1, lostAll: 1},
		{ring: "kek", out: "1+2+3", cursor: 3},
		{ring: "kpk", out: "1+3", cursor: 3},
		{ring: "klk", out: "1", cursor: 1, queued: 2},
		{ring: "knk", out: "1+3", cursor: 3, undated: 1},
		{ring: "ulu", cursor: 0, queued: 3, then: "1"},
	} {
		src, now := &list{}, time.Unix(1000, 0)
		count := Counts{WithheldOf: map[string]int{}}
		p := &batches{twoItems: twoItems{}}
		r := newRoll(&twoItems{meters: []dlt645.Address{meter1, meter2, meter3}})
		in := intake{
			ledger: newLedger(&count, r.order), roll: &r, platform: p, source: src, batch: 4,
			told:     func(string, ...any) {},
			register: func(time.Time, dlt645.Address) {},
			clogged:  func(a dlt645.Address) bool { return a == meter3 },
			supports: func(Message) bool { return true },
		}
		in.date = func(_ *meter.Reading, _ time.Time, seq uint64) dated {
			return map[byte]dated{'l': datedLater, 'n': datedNever}[row.ring[seq-1]]
		}
		r.registrations[meter1].known, r.registrations[meter3].known = true, true
		for _, c := range row.ring {
			switch c {
			case '.':
				src.recs = append(src.recs, nil)
			case '?':
				src.recs = append(src.recs, []byte("a record of a later version"))
			case 'e', 'p':
				e := meter.Event{Meter: meter1, Time: now, Kind: "relay", Command: &meter.CommandRecord{ID: "1", Done: c == 'e'}}
				b, err := e.AppendBinary(nil)
				if err != nil {
					t.Fatal(err)
				}
				src.recs = append(src.recs, b)
			case 'u':
				src.add(meter2)
			case 'c':
				src.add(meter3)
			case 'f':
				src.add(dlt645.Address{9})
			default:
				src.add(meter1)
			}
		}
		read := func() string {
			var ids []string
			for out := in.read(now, row.full); len(out) > 0; out = in.read(now, row.full) {
				for _, r := range out {
					_, carried, _ := strings.Cut(r.ID, ":")
					ids = append(ids, carried)
					in.settleAll(r.recs)
				}
			}
			return strings.Join(ids, " ")
		}
		if out := read(); out != row.out || in.cursor() != row.cursor || in.queued() != row.queued || count.Lost != row.lost || count.Undated != row.undated {
			t.Errorf("%q: made %q, the cursor is at %d, %d wait, %d are lost, %d undated; want %+v", row.ring, out, in.cursor(), in.queued(), count.Lost, count.Undated, row)
		}
		for _, seq := range row.gone {
			src.recs[seq-1] = nil
		}
		r.registrations[meter2].known = true
		if then := read(); then != row.then || count.Lost != row.lostAll {
			t.Errorf("%q: then made %q, %d are lost; want %q, %d", row.ring, then, count.Lost, row.then, row.lostAll)
		}
	}
}

// TestHowAMessageIsDivided: by its records, then by its points; what is gone
// from the ring meanwhile is left out and counted.
func TestHowAMessageIsDivided(t *testing.T) {
	for _, row := range []struct {
		name   string
		values []int // of each record
		points []string
		item   string
		gone   []int
		parts  []string // records, and points where they are not all
		ok     bool
		lost   int
	}{
		{name: "three records", values: []int{1, 1, 1}, parts: []string{"1", "2+3"}, ok: true},
		{name: "one of three is gone", values: []int{1, 1, 1}, gone: []int{2}, parts: []string{"1", "3"}, ok: true, lost: 1},
		{name: "one of two is gone", values: []int{1, 1}, gone: []int{1}, parts: []string{"2"}, ok: true, lost: 1},
		{name: "all are gone", values: []int{1, 1}, gone: []int{1, 2}, ok: true, lost: 2},
		{name: "one record of three points", values: []int{3}, parts: []string{"1 a", "1 b,c"}, ok: true},
		{name: "one record, two of its points", values: []int{3}, points: []string{"b", "c"}, parts: []string{"1 b", "1 c"}, ok: true},
		{name: "one record, one point", values: []int{1}},
		{name: "one record, no point", values: []int{0}},
		{name: "one thing by its name", values: []int{3}, item: "a"},
	} {
		src, count := &list{}, Counts{WithheldOf: map[string]int{}}
		r := newRoll(&twoItems{meters: []dlt645.Address{meter1, meter2, meter3}})
		in := intake{
			ledger: newLedger(&count, r.order), roll: &r, platform: &batches{}, source: src, batch: 4,
			date:     func(*meter.Reading, time.Time, uint64) dated { return datedNow },
			supports: func(Message) bool { return true },
		}
		m := &request{Message: Message{Item: row.item}, points: row.points}
		for i, n := range row.values {
			b, err := (&meter.Reading{Meter: meter1, Trusted: true, Values: []meter.PointValue{{Point: "a"}, {Point: "b"}, {Point: "c"}}[:n]}).AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			src.recs = append(src.recs, b)
			rec := &record{seq: uint64(i + 1), left: 1}
			in.begin(rec)
			m.recs = append(m.recs, rec)
		}
		for _, seq := range row.gone {
			src.recs[seq-1] = nil
		}
		c, ready := in.contentOf(time.Unix(1000, 0), m)
		if !ready {
			t.Fatalf("%s: what it carries cannot be had", row.name)
		}
		parts, ok := in.divide(m, c)
		var got []string
		for _, part := range parts {
			_, carried, _ := strings.Cut(part.ID, ":")
			if part.points != nil {
				carried += " " + strings.Join(part.points, ",")
			}
			got = append(got, carried)
		}
		if !slices.Equal(got, row.parts) || ok != row.ok || count.Lost != row.lost {
			t.Errorf("%s: parts %q, %v, %d lost; want %q, %v, %d", row.name, got, ok, count.Lost, row.parts, row.ok, row.lost)
		}
		for _, part := range parts {
			in.settleAll(part.recs)
		}
		if ok && len(in.open) > 0 {
			t.Errorf("%s: %d records are open once all parts are settled", row.name, len(in.open))
		}
	}
}
