package uplink

import (
	"slices"
	"testing"
	"time"

	"meterd/meter"
)

// TestARecordOfTheBoardAloneTakesNoReadingsPlace: that a command is about to be
// carried out stands among records that were passed over.
func TestARecordOfTheBoardAloneTakesNoReadingsPlace(t *testing.T) {
	s := newStage(t, 4, meter1, meter2)
	s.d.intake.parked = mostParked // others fill the park
	add := func() { s.src.add(meter2) }
	add()
	e := meter.Event{Meter: meter2, Time: s.now, Kind: "relay", Trusted: true, Command: &meter.CommandRecord{ID: "1"}}
	b, err := e.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.src.recs = append(s.src.recs, b)
	add()
	add()
	s.d.roll.greets = 0
	s.d.roll.registrations[meter2].asked = true
	units, _ := s.d.intake.gather(s.now)
	if len(units) > 0 {
		t.Fatal("went")
	}
	s.d.roll.registrations[meter2].known = true
	var seqs []uint64
	for {
		units, recs, ok := s.d.intake.missed(s.now)
		if !ok {
			break
		}
		for i, u := range units {
			seqs = append(seqs, u.Seq)
			s.d.intake.settle(recs[i])
		}
	}
	if !slices.Equal(seqs, []uint64{1, 3, 4}) || s.d.count.Lost > 0 {
		t.Errorf("delivered %v of 1, 3, 4; lost %d; the cursor is at %d", seqs, s.d.count.Lost, s.d.cursor())
	}
}

// TestWhatWaitedForItsMeterWaitsForTheFlashToo: parked or passed over, a record that
// does not let itself be read at present is not gone.
func TestWhatWaitedForItsMeterWaitsForTheFlashToo(t *testing.T) {
	for name, parked := range map[string]int{"parked": 0, "passed over": mostParked} {
		s := newStage(t, 4, meter2)
		s.d.intake.parked = parked
		for range 3 {
			s.src.add(meter2)
		}
		s.d.roll.greets = 0
		s.d.roll.registrations[meter2].asked = true
		if units, _ := s.d.intake.gather(s.now); len(units) > 0 {
			t.Fatalf("%s: it went", name)
		}
		s.d.roll.registrations[meter2].known = true
		s.src.stuck = true
		for range 3 {
			if units, _, _ := s.d.intake.missed(s.now); len(units) > 0 || s.d.count.Lost > 0 {
				t.Errorf("%s: %d records went, and %d count as lost, while none can be read", name, len(units), s.d.count.Lost)
			}
		}
		s.src.stuck = false
		n := 0
		for units, _, ok := s.d.intake.missed(s.now); ok; units, _, ok = s.d.intake.missed(s.now) {
			n += len(units)
		}
		if n != 3 || s.d.count.Lost > 0 {
			t.Errorf("%s: then %d records go, want 3; %d count as lost", name, n, s.d.count.Lost)
		}
	}
}

// TestARecordThatCannotBeReadIsNotGone: each read of a file that is closed fails.
func TestARecordThatCannotBeReadIsNotGone(t *testing.T) {
	ring := newRing(t, 1<<20)
	addReadings(t, ring, meter1, 40)
	if err := ring.Flush(); err != nil {
		t.Fatal(err)
	}
	f := newFeed(ring, "u", 0)
	if data, is := f.Again(7); is != againThere || len(data) == 0 {
		t.Errorf("it is %v with %d bytes", is, len(data))
	}
	if _, is := f.Again(41); is != againGone {
		t.Errorf("one that never was is %v", is)
	}
	ring.Close()
	for range 3 {
		if _, is := f.Again(7); is != againLater || len(f.tried) != 1 {
			t.Errorf("while nothing can be read it is %v, and %d are tried", is, len(f.tried))
		}
	}
}

// formers is a platform on which meter1 has taken the id of meter2.
type formers struct{ *twoItems }

func (p *formers) Directory() *Directory {
	d := directoryOf(meter1)
	return d.With([]Device{{Meter: &meter.Handle{Name: "old", Address: meter2}, ID: meter1.String()}})
}

// TestAFormerMeterIsWelcomedWithItsSuccessor: they have one id, which the platform
// has forgotten and knows again.
func TestAFormerMeterIsWelcomedWithItsSuccessor(t *testing.T) {
	src, now := &list{}, time.Unix(1000, 0)
	two := &twoItems{}
	d := newDelivery(&formers{two}, src, 4, 10*time.Second, [16]byte{})
	d.connected(now)
	sends := func() (ids []string) {
		d.expire(now)
		for m, ok := d.next(now); ok; m, ok = d.next(now) {
			ids = append(ids, m.ID)
		}
		return ids
	}
	accept := func(ids []string) {
		for _, id := range ids {
			d.receive(now, Receipt{ID: id, Verdict: Accepted})
		}
	}
	accept(sends()) // the registration
	src.add(meter2) // the last reading of the old meter
	src.add(meter1)
	for _, id := range sends() { // 1/a 1/b 2/a 2/b
		d.receive(now, Receipt{ID: id, Verdict: Unknown, Code: "gone"})
	}
	for range 20 {
		accept(sends())
		now = now.Add(10 * time.Minute)
	}
	if d.cursor() != 2 || len(d.window.held) > 0 {
		t.Errorf("the cursor is at %d, want 2; %d messages are held, the meters are known: %v", d.cursor(), len(d.window.held), d.roll.knows(meter2))
	}
}

// TestWhatWasReadAfterTheClockWasTrustedIsDated: then it was doubted until the
// system ended (no NTP for half a day, and a power cut). What stands before dates it.
func TestWhatWasReadAfterTheClockWasTrustedIsDated(t *testing.T) {
	ring := newRing(t, 8<<20)
	began := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	add := func(boot uint32, uptime time.Duration, trusted bool) uint64 {
		at := began.Add(uptime)
		r := meter.Reading{Meter: meter1, Boot: boot, Uptime: uptime, Trusted: trusted, Time: at, Round: at}
		rec, _ := r.AppendBinary(nil)
		seq, err := ring.Append(rec)
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	add(5, time.Hour, true)
	doubted := add(5, 20*time.Hour, false)
	add(6, time.Minute, true)
	u := &Uplink{Config: Config{Ring: ring, Clock: func(time.Time) (bool, uint32, time.Duration) { return true, 6, time.Hour }}}
	e, _ := ring.NewReader(doubted - 1).Next()
	var r meter.Reading
	if err := r.UnmarshalBinary(e.Data); err != nil {
		t.Fatal(err)
	}
	if got := u.date(&r, time.Now(), doubted); got != datedNow {
		t.Errorf("got %v, want it dated %v", got, began.Add(20*time.Hour))
	}
}
