package uplink

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

var (
	meter1 = dlt645.Address{0, 0, 0, 0, 0, 1}
	meter2 = dlt645.Address{0, 0, 0, 0, 0, 2}
)

// directoryOf is a directory of meters whose ids are their addresses.
func directoryOf(meters ...dlt645.Address) *Directory {
	var devices []Device
	for _, a := range meters {
		devices = append(devices, Device{Meter: &meter.Handle{Name: "meter " + a.String(), Address: a}, ID: a.String()})
	}
	d, clashes := NewDirectory(DirectoryConfig{Devices: devices})
	if len(clashes) > 0 {
		panic(clashes)
	}
	return d
}

// twoItems is a platform with two items a reading.
type twoItems struct {
	meters  []dlt645.Address
	restamp bool
	greeted int
	batch   int
	pace    Pace
}

func (p *twoItems) Directory() *Directory { return directoryOf(p.meters...) }
func (p *twoItems) Limits() Limits        { return Limits{Registers: 4, Batch: p.batch, Pace: p.pace} }
func (p *twoItems) Login(time.Time) Login { return Login{} }
func (p *twoItems) Register(_ time.Time, d *Device, step int) (Message, bool) {
	if step > 0 {
		return Message{}, false
	}
	p.greeted++
	return Message{ID: fmt.Sprintf("register %s %d", d.Address(), p.greeted), Meter: d.Address()}, true
}
func (p *twoItems) Encode(_ [16]byte, units []Unit) Encoded {
	seq, r := units[0].Seq, units[0].Reading
	return Encoded{Messages: []Message{
		{ID: fmt.Sprintf("%d/a", seq), Meter: r.Meter, Item: "a", Covers: []int{0}}, {ID: fmt.Sprintf("%d/b", seq), Meter: r.Meter, Item: "b", Covers: []int{0}},
	}}
}
func (p *twoItems) Restamp(_ time.Time, m Message) (Message, bool) {
	m.ID += " restamped"
	return m, p.restamp
}
func (p *twoItems) Answer(time.Time, meter.Command, meter.Result) (Message, bool) {
	return Message{}, false
}
func (p *twoItems) Receive(time.Time, Inbound) Receipt { return Receipt{} }

// list is a source of readings; a nil one is a gap.
type list struct {
	held  uint64 // the last durable record; 0: all are
	recs  [][]byte
	next  int
	stuck bool // the flash does not let itself be read
}

func (l *list) Next() (store.Entry, bool) {
	if l.next >= len(l.recs) {
		return store.Entry{}, false
	}
	l.next++
	seq := uint64(l.next)
	if l.recs[seq-1] == nil {
		return store.Entry{Gap: &store.Gap{From: seq, To: seq, Cause: store.Overwritten}}, true
	}
	return store.Entry{Seq: seq, Data: l.recs[seq-1]}, true
}
func (l *list) Behind() int   { return len(l.recs) - l.next }
func (l *list) Fresh() bool   { return false }
func (l *list) Floor() uint64 { return uint64(l.next) }

// Durable knows of none beyond held, if that is set.
func (l *list) Durable(seq uint64) bool { return l.held == 0 || seq <= l.held }

func (l *list) Again(seq uint64) ([]byte, again) {
	switch {
	case l.stuck:
		return nil, againLater
	case l.recs[seq-1] == nil:
		return nil, againGone
	}
	return l.recs[seq-1], againThere
}

func (l *list) add(a dlt645.Address) {
	r := meter.Reading{Meter: a, Time: time.Unix(1, 0), Round: time.Unix(1, 0), Trusted: true}
	b, err := r.AppendBinary(nil)
	if err != nil {
		panic(err)
	}
	l.recs = append(l.recs, b)
}

// stage is a delivery with a hand on the clock.
type stage struct {
	t   *testing.T
	d   *delivery
	p   *twoItems
	src *list
	now time.Time
}

func newStage(t *testing.T, window int, meters ...dlt645.Address) *stage {
	s := &stage{t: t, p: &twoItems{meters: meters}, src: &list{}, now: time.Unix(1000, 0)}
	s.d = newDelivery(s.p, s.src, window, 10*time.Second, [16]byte{})
	s.d.connected(s.now)
	return s
}

// sends takes all messages that are to go out now.
func (s *stage) sends() []string {
	s.d.expire(s.now)
	var ids []string
	for {
		m, ok := s.d.next(s.now)
		if !ok {
			return ids
		}
		ids = append(ids, m.ID)
	}
}

func (s *stage) want(ids ...string) {
	s.t.Helper()
	if got := s.sends(); !slices.Equal(got, ids) {
		s.t.Fatalf("sent %v, want %v", got, ids)
	}
}

func (s *stage) answer(v Verdict, ids ...string) {
	for _, id := range ids {
		s.d.receive(s.now, Receipt{ID: id, Verdict: v, Code: fmt.Sprint(v), Text: "said so"})
	}
}

func (s *stage) cursor(want uint64) {
	s.t.Helper()
	if got := s.d.cursor(); got != want {
		s.t.Fatalf("the cursor is at %d, want %d", got, want)
	}
}

func (s *stage) later(d time.Duration) { s.now = s.now.Add(d) }

const reg1 = "register 000000000001 1"

func TestEveryMeterIsRegisteredBeforeAnyReading(t *testing.T) {
	s := newStage(t, 16, meter1, meter2)
	s.src.add(meter1)
	s.want(reg1, "register 000000000002 2")
	s.answer(Accepted, reg1)
	s.want()
	s.answer(Accepted, "register 000000000002 2")
	s.want("1/a", "1/b")
}

func TestCursorMovesOverSettledRecordsAlone(t *testing.T) {
	s := newStage(t, 16, meter1)
	for range 3 {
		s.src.add(meter1)
	}
	s.want(reg1)
	s.answer(Accepted, reg1)
	s.want("1/a", "1/b", "2/a", "2/b", "3/a", "3/b")
	s.answer(Accepted, "2/a", "2/b", "1/a", "3/a")
	s.cursor(0)
	s.answer(Accepted, "1/b")
	s.cursor(2)
	s.answer(Accepted, "1/b", "nobody's") // twice, and unknown
	s.cursor(2)
	s.answer(Accepted, "3/b")
	s.cursor(3)
	if c := s.d.count; c.Acked != 6 || c.Readings != 3 {
		t.Errorf("counted %+v", c)
	}
}

func TestWindowBoundsWhatIsOutstanding(t *testing.T) {
	s := newStage(t, 3, meter1)
	for range 5 {
		s.src.add(meter1)
	}
	s.sends()
	s.answer(Accepted, reg1)
	s.want("1/a", "1/b", "2/a")
	s.answer(Accepted, "1/b")
	s.want("2/b")
}

func TestTimeOutSendsAgainWithTheSameID(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.src.add(meter1)
	s.sends()
	s.answer(Accepted, reg1)
	s.want("1/a", "1/b")
	s.later(9999 * time.Millisecond)
	s.want()
	s.later(time.Millisecond)
	s.want("1/a", "1/b")
	s.answer(Accepted, "1/a")
	s.later(10 * time.Second)
	s.want("1/b")
	if s.d.count.Resent != 3 {
		t.Errorf("%d were sent again, want 3", s.d.count.Resent)
	}
}

func TestPlatformThatAnswersNothingIsDeaf(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.src.add(meter1)
	s.sends()
	s.answer(Accepted, reg1)
	for range passOver {
		s.want("1/a", "1/b")
		s.later(10 * time.Second)
	}
	s.want("register 000000000001 2") // does anybody answer at all?
	s.later(10 * time.Second)
	if _, deaf := s.d.expire(s.now); !deaf {
		t.Error("nobody answers, and nobody notices")
	}
}

func TestItemThatIsNeverAnsweredHoldsNothingElseUp(t *testing.T) {
	s := newStage(t, 4, meter1)
	for range 40 {
		s.src.add(meter1)
	}
	s.sends()
	s.answer(Accepted, reg1)
	delivered := 0
	for range 600 {
		_, deaf := s.d.expire(s.now)
		if deaf {
			t.Fatal("the connection is given up for one item")
		}
		for {
			m, ok := s.d.next(s.now)
			if !ok {
				break
			}
			if m.Item == "b" || m.Item == "" {
				delivered++
				s.answer(Accepted, m.ID)
			}
		}
		s.later(time.Second)
	}
	// The items a of 32 readings wait, then further readings of the meter.
	if delivered < mostDelayed {
		t.Errorf("only %d other messages were delivered", delivered)
	}
	s.cursor(0)
}

func TestTroubleOfOneMeterDoesNotStopTheOthers(t *testing.T) {
	for _, v := range []Verdict{TryLater, Offline, Unknown} {
		s := newStage(t, 16, meter1, meter2)
		for range 400 {
			s.src.add(meter1)
			s.src.add(meter2)
		}
		good := 0
		for range 2000 {
			for _, id := range s.sends() {
				reg := strings.HasPrefix(id, "register")
				seq, _ := strconv.Atoi(strings.Split(id, "/")[0])
				switch {
				case reg || seq%2 == 0:
					s.answer(Accepted, id)
					if !reg {
						good++
					}
				default:
					s.answer(v, id)
				}
			}
			s.later(time.Second)
		}
		if good != 2*400 {
			t.Errorf("verdict %d on one meter: %d of 800 messages of the other were delivered", v, good)
		}
	}
}

func TestDueItemsWithoutAPlaceDoNotSpin(t *testing.T) {
	s := newStage(t, 16, meter1, meter2, dlt645.Address{3}, dlt645.Address{4}, dlt645.Address{5}, dlt645.Address{6})
	s.sends()
	if next, _ := s.d.expire(s.now); !next.After(s.now) {
		t.Errorf("the next look is at %v, now is %v", next, s.now)
	}
}

func TestReconnectSendsWhatWasOutstandingWithItsIDs(t *testing.T) {
	s := newStage(t, 3, meter1)
	s.src.add(meter1)
	s.src.add(meter1)
	s.sends()
	s.answer(Accepted, reg1)
	s.want("1/a", "1/b", "2/a")
	s.answer(Accepted, "1/a")
	s.later(5 * time.Second)
	s.d.connected(s.now)
	s.want("register 000000000001 2")
	s.answer(Accepted, "register 000000000001 2")
	s.want("1/b", "2/a", "2/b")
	s.answer(Accepted, "1/b", "2/a", "2/b")
	s.cursor(2)
}

func TestRefusedItemIsSetAsideAndCounted(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.src.add(meter1)
	s.src.add(meter1)
	s.sends()
	s.answer(Accepted, reg1)
	s.sends()
	s.answer(Refused, "1/a")
	s.answer(Accepted, "1/b")
	s.cursor(1)
	if c := s.d.count; c.Refused != 1 || c.Codes[fmt.Sprint(Refused)] != 1 || c.LastRefusal == "" {
		t.Errorf("counted %+v", c)
	}
}

func TestUnsupportedItemIsNotSentAgain(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.src.add(meter1)
	s.sends()
	s.answer(Accepted, reg1)
	s.sends()
	s.answer(Unsupported, "1/b")
	s.answer(Accepted, "1/a")
	s.cursor(1)
	s.src.add(meter1)
	s.want("2/a")
	if s.d.count.Unsupported != 1 {
		t.Errorf("counted %+v", s.d.count)
	}
}

func TestUnknownMeterIsRegisteredAgainAndLosesNothing(t *testing.T) {
	s := newStage(t, 16, meter1, meter2)
	s.src.add(meter1)
	s.src.add(meter2)
	s.sends()
	s.answer(Accepted, reg1, "register 000000000002 2")
	s.want("1/a", "1/b", "2/a", "2/b")
	s.answer(Unknown, "1/a", "1/b")
	s.src.add(meter1) // parked
	s.src.add(meter2) // goes on
	s.want("register 000000000001 3", "4/a", "4/b")
	s.answer(Accepted, "2/a", "2/b", "4/a", "4/b")
	s.cursor(0)
	s.answer(Accepted, "register 000000000001 3")
	s.want("1/a", "1/b", "3/a", "3/b")
	s.answer(Accepted, "1/a", "1/b", "3/a", "3/b")
	s.cursor(4)
}

func TestPlatformThatForgetsAtOnceIsNotFlooded(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.src.add(meter1)
	s.sends()
	s.answer(Accepted, reg1)
	s.want("1/a", "1/b")
	s.answer(Unknown, "1/a")
	s.want("register 000000000001 2")
	s.answer(Accepted, "register 000000000001 2")
	s.want("1/a")
	s.answer(Unknown, "1/a") // although it was just registered
	s.want()
	s.later(firstPostpone)
	s.want("1/a")
}

func TestRefusedRegistrationHoldsUpItsOwnMeterAlone(t *testing.T) {
	s := newStage(t, 16, meter1, meter2)
	s.src.add(meter1)
	s.src.add(meter2)
	s.sends()
	s.answer(Accepted, "register 000000000002 2")
	s.answer(Refused, reg1)
	s.want("2/a", "2/b")
	s.answer(Accepted, "2/a", "2/b")
	s.cursor(0)
	if why := s.d.unregistered()[meter1]; why == "" {
		t.Error("nothing tells why the meter is not delivered")
	}
	s.later(firstPostpone)
	s.want("register 000000000001 3")
	s.answer(Accepted, "register 000000000001 3")
	s.want("1/a", "1/b")
	s.answer(Accepted, "1/a", "1/b")
	s.cursor(2)
}

func TestSilentRegistrationDoesNotHoldUpTheOthers(t *testing.T) {
	s := newStage(t, 16, meter1, meter2)
	s.src.add(meter2)
	s.sends()
	s.answer(Accepted, "register 000000000002 2")
	s.want()
	s.later(10 * time.Second)
	s.want("register 000000000001 3", "1/a", "1/b") // made anew: what was signed or dated is of its time
}

func TestTroubleIsWaitedOut(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.src.add(meter1)
	s.sends()
	s.answer(Accepted, reg1)
	s.sends()
	s.answer(Accepted, "1/b")
	for i, pause := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second} {
		s.answer(TryLater, "1/a")
		s.later(pause - time.Millisecond)
		if got := s.sends(); len(got) != 0 {
			t.Fatalf("pause %d: sent %v too soon", i, got)
		}
		s.later(time.Millisecond)
		s.want("1/a")
	}
}

func TestUntimelyItemIsDroppedOrRestamped(t *testing.T) {
	for _, restamp := range []bool{false, true} {
		s := newStage(t, 16, meter1)
		s.p.restamp = restamp
		s.src.add(meter1)
		s.sends()
		s.answer(Accepted, reg1)
		s.sends()
		s.answer(Accepted, "1/b")
		s.answer(Untimely, "1/a")
		if restamp {
			s.want("1/a restamped")
			s.answer(Accepted, "1/a restamped")
		} else if s.d.count.Refused != 1 {
			t.Error("the item is not counted")
		}
		s.cursor(1)
	}
}

func TestGapIsCountedAndPassed(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.src.recs = append(s.src.recs, nil)
	s.src.add(meter1)
	s.sends()
	s.answer(Accepted, reg1)
	s.want("2/a", "2/b")
	s.cursor(1)
	if s.d.count.Lost != 1 {
		t.Errorf("counted %+v", s.d.count)
	}
}

func TestForeignAndUnreadableRecordsArePassed(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.src.add(meter2) // not told of
	s.src.recs = append(s.src.recs, []byte("a record of a later version"))
	s.sends()
	s.answer(Accepted, reg1)
	s.want()
	s.cursor(2)
}

func TestReadingOfADoubtedClockWaitsUntilItIsTrusted(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.src.add(meter1)
	s.src.add(meter1)
	trusted := datedLater
	s.d.date = func(*meter.Reading, time.Time, uint64) dated { return trusted }
	s.sends()
	s.answer(Accepted, reg1)
	s.want()
	s.want()
	s.cursor(0)
	if got := s.d.queued(); got != 2 {
		t.Errorf("%d records wait, want 2", got)
	}
	trusted = datedNow
	s.want("1/a", "1/b", "2/a", "2/b")
}

func TestParkedRecordsAreBounded(t *testing.T) {
	for _, v := range []Verdict{Refused, TryLater} {
		s := newStage(t, 16, meter1, meter2)
		for range mostParked + 10 {
			s.src.add(meter1)
		}
		s.sends()
		s.answer(Accepted, "register 000000000002 2")
		s.answer(v, reg1)
		for s.want(); s.d.more; {
			s.want()
		}
		if v == TryLater { // no trouble of the platform costs a reading
			s.cursor(0)
			if s.d.count.Refused != 0 || s.d.queued() != mostParked+10 {
				t.Errorf("%d were set aside, %d wait", s.d.count.Refused, s.d.queued())
			}
			continue
		}
		s.cursor(10)
		if s.d.count.Refused != 10 {
			t.Errorf("%d were set aside, want 10", s.d.count.Refused)
		}
	}
}

// TestFullParkDoesNotStopTheOthers: the records of a meter that is not
// registered fill the park, and more; those of the other meter go on. When it
// is registered, all of its own arrive, each once.
func TestFullParkDoesNotStopTheOthers(t *testing.T) {
	s := newStage(t, 16, meter1, meter2)
	const n = mostParked + 3000
	for i := range n {
		s.src.add(meter1)
		if i%1000 == 0 {
			s.src.add(meter2)
		}
	}
	s.sends()
	s.answer(Accepted, "register 000000000002 2")
	s.answer(TryLater, reg1)
	got := map[string]int{}
	drain := func() {
		for idle := 0; idle < 3; {
			ids := s.sends()
			for _, id := range ids {
				got[id]++
			}
			s.answer(Accepted, ids...)
			if idle++; len(ids) > 0 || s.d.more {
				idle = 0
			}
		}
	}
	drain()
	if want := 2 * (n/1000 + 1); len(got) != want {
		t.Fatalf("%d messages of the other meter went out, want %d", len(got), want)
	}
	s.cursor(0)
	if q := s.d.queued(); q != n {
		t.Errorf("%d wait, want %d", q, n)
	}
	s.later(firstPostpone)
	s.p.greeted = 100
	ids := s.sends()
	s.answer(Accepted, ids...)
	drain()
	s.cursor(uint64(len(s.src.recs)))
	if len(got) != 2*len(s.src.recs) || s.d.queued() != 0 || s.d.count.Lost != 0 || s.d.parked != 0 {
		t.Errorf("%d messages of %d, %d wait, %d lost, %d parked", len(got), 2*len(s.src.recs), s.d.queued(), s.d.count.Lost, s.d.parked)
	}
	for id, times := range got {
		if times != 1 {
			t.Errorf("%s went out %d times", id, times)
		}
	}
}

// TestStretchesOfAMixedOrder: what is new comes among a backlog, the meter is
// unknown for some time, and some of its records went out before.
func TestStretchesOfAMixedOrder(t *testing.T) {
	s := newStage(t, 16, meter1)
	for range 100 {
		s.src.add(meter1)
	}
	s.d.parked = mostParked // others fill the park
	order := []uint64{90, 10, 11, 12, 91, 13, 14, 92}
	reg := s.d.meters[meter1]
	for _, seq := range order {
		if seq != s.d.taken+1 {
			s.d.run++
		}
		s.d.taken = seq
		if seq == 14 {
			reg.went = true // it was known for this one
			continue
		}
		if !s.d.pass(reg, seq) {
			t.Fatal("no room")
		}
	}
	if first := s.d.passedOver(); s.d.skipped != 7 || first != 10 {
		t.Errorf("%d were passed over, the first is %d", s.d.skipped, first)
	}
	for len(reg.passed) > 0 {
		s.d.refill(meter1, reg)
	}
	if want := []uint64{90, 10, 11, 12, 91, 13, 92}; !slices.Equal(reg.parked, want) || s.d.count.Lost != 0 || s.d.skipped != 0 {
		t.Errorf("parked again: %v, want %v", reg.parked, want)
	}
}

// batches is a platform that takes several readings in a message.
type batches struct {
	twoItems
	n         int
	completed []string
}

func (p *batches) Limits() Limits { return Limits{Registers: 4, Batch: 4} }
func (p *batches) Encode(_ [16]byte, units []Unit) Encoded {
	p.n++
	m := Message{ID: fmt.Sprintf("%d:%d", p.n, units[0].Seq), Keys: []string{"k"}}
	for i, u := range units {
		m.Covers = append(m.Covers, i)
		if i > 0 {
			m.ID += fmt.Sprintf("+%d", u.Seq)
		}
	}
	return Encoded{Messages: []Message{m}}
}

func (p *batches) Register(time.Time, *Device, int) (Message, bool) { return Message{}, false }

func (p *batches) Complete(m Message) Message {
	p.completed = append(p.completed, m.ID)
	return m
}

// fresh is a source whose last records are new.
type fresh struct {
	*list
	since int // from here on they are
}

func (f fresh) Fresh() bool { return f.next >= f.since && f.next < len(f.recs) }

// TestOneMessageOfAKeyAtATime: the second waits until the first is settled, also
// while that waits for its time, and each is completed when it goes out.
func TestOneMessageOfAKeyAtATime(t *testing.T) {
	s := newStage(t, 16, meter1)
	p := &batches{twoItems: *s.p}
	s.d = newDelivery(p, s.src, 16, 10*time.Second, [16]byte{})
	s.d.connected(s.now)
	for range 5 {
		s.src.add(meter1)
	}
	s.want("1:1+2+3+4")
	s.answer(TryLater, "1:1+2+3+4")
	s.want()
	s.later(firstPostpone)
	s.want("1:1+2+3+4")
	s.later(11 * time.Second) // no answer
	s.want("1:1+2+3+4")
	s.answer(Accepted, "1:1+2+3+4")
	s.want("2:5")
	s.d.connected(s.now) // the connection was lost
	s.want("2:5")
	s.answer(Accepted, "2:5")
	s.cursor(5)
	if want := []string{"1:1+2+3+4", "1:1+2+3+4", "1:1+2+3+4", "2:5", "2:5"}; !slices.Equal(p.completed, want) {
		t.Errorf("completed %v, want %v", p.completed, want)
	}
}

// TestPartsOfADividedMessageWaitForWhatIsNew: they are of a backlog; a live
// reading that comes meanwhile goes ahead.
func TestPartsOfADividedMessageWaitForWhatIsNew(t *testing.T) {
	s := newStage(t, 1, meter1)
	src := fresh{s.src, 4}
	s.d = newDelivery(&batches{twoItems: *s.p}, src, 1, 10*time.Second, [16]byte{})
	s.d.connected(s.now)
	for range 4 {
		s.src.add(meter1)
	}
	s.want("1:1+2+3+4")
	s.src.add(meter1)
	s.answer(Refused, "1:1+2+3+4")
	s.want("4:5")
	s.answer(Accepted, "4:5")
	s.want("2:1+2")
	s.answer(Accepted, "2:1+2")
	s.want("3:3+4")
	s.answer(Accepted, "3:3+4")
	s.cursor(5)
}

// TestAMessageIsNotDividedWhileItsRecordsCannotBeHad: the clock that it was sent with
// is not trusted any more when it is refused, or the flash does not let itself be
// read. Its records wait, and none counts as delivered or lost.
func TestAMessageIsNotDividedWhileItsRecordsCannotBeHad(t *testing.T) {
	for name, hinder := range map[string]func(s *stage, on bool){
		"doubted": func(s *stage, on bool) {
			s.d.date = func(*meter.Reading, time.Time, uint64) dated {
				return map[bool]dated{true: datedLater, false: datedNow}[on]
			}
		},
		"flash": func(s *stage, on bool) { s.src.stuck = on },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, 1, meter1)
			s.d = newDelivery(&batches{twoItems: *s.p}, s.src, 1, 10*time.Second, [16]byte{})
			s.d.connected(s.now)
			for range 4 {
				s.src.add(meter1)
			}
			s.want("1:1+2+3+4")
			hinder(s, true)
			s.answer(Refused, "1:1+2+3+4")
			s.want()
			s.cursor(0)
			s.later(firstPostpone)
			s.want("1:1+2+3+4")
			hinder(s, false)
			s.answer(Refused, "1:1+2+3+4")
			s.want("2:1+2")
			s.answer(Accepted, "2:1+2")
			s.want("3:3+4")
			s.answer(Accepted, "3:3+4")
			s.cursor(4)
			if s.d.count.Lost != 0 {
				t.Errorf("%d records count as lost", s.d.count.Lost)
			}
		})
	}
}

// TestWhatWasMadeUpGoesOutWhenItIsDurable: it would be fetched and delivered
// again after a power cut. What was read live goes out at once, also after it.
func TestWhatWasMadeUpGoesOutWhenItIsDurable(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.sends()
	s.answer(Accepted, reg1)
	s.src.add(meter1)
	s.src.add(meter1)
	s.src.recs[1][2] |= 2 // recalled
	s.src.add(meter1)
	s.src.held = 1
	s.want("1/a", "1/b", "3/a", "3/b")
	s.answer(Accepted, "1/a", "1/b", "3/a", "3/b")
	s.want()
	s.cursor(1)
	s.src.held = 3
	s.want("2/a", "2/b")
	s.answer(Accepted, "2/a", "2/b")
	s.cursor(3)
}

// TestRefusalWithoutAName: with several messages outstanding nobody knows which
// it is of. They go out again one at a time; then it is known.
func TestRefusalWithoutAName(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.src.add(meter1)
	s.src.add(meter1)
	s.sends()
	s.answer(Accepted, reg1)
	s.want("1/a", "1/b", "2/a", "2/b")
	nameless := Receipt{Nameless: true, Code: "98", Text: "Illegal Data"}
	s.d.receive(s.now, nameless) // of 2/a
	s.answer(Accepted, "1/a", "1/b", "2/b")
	s.d.receive(s.now, nameless) // it is the only one now
	s.cursor(2)
	if s.d.count.Refused != 1 || s.d.count.Codes["98"] != 1 {
		t.Errorf("%d were set aside, codes %v", s.d.count.Refused, s.d.count.Codes)
	}
	s.src.add(meter1)
	s.src.add(meter1)
	s.want("3/a", "3/b", "4/a", "4/b")
	s.d.receive(s.now, nameless)
	s.later(10 * time.Second) // nobody answered any
	s.want("3/a")
	s.answer(Accepted, "3/a")
	s.want("3/b")
	s.d.receive(s.now, nameless)
	s.want("4/a")
	s.answer(Accepted, "4/a")
	s.want("4/b")
	s.answer(Accepted, "4/b")
	s.cursor(4)
	s.src.add(meter1)
	s.want("5/a", "5/b") // all together again
}

// TestMeterThatThePlatformLetsGoIsRegisteredAgain before its records go on.
func TestMeterThatThePlatformLetsGoIsRegisteredAgain(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.src.add(meter1)
	s.sends()
	s.answer(Accepted, reg1)
	s.want("1/a", "1/b")
	s.d.receive(s.now, Receipt{Gone: []dlt645.Address{meter1}})
	s.src.add(meter1)
	s.want()
	s.later(firstPostpone)
	s.want("register 000000000001 2")
	s.answer(Accepted, "register 000000000001 2", "1/a", "1/b")
	s.want("2/a", "2/b")
	s.d.receive(s.now, Receipt{Gone: []dlt645.Address{meter2}}) // of which nobody knows
}

// TestMeterThatIsLetGoAgainAndAgain is registered ever more rarely; after an
// hour in peace that is forgotten.
func TestMeterThatIsLetGoAgainAndAgain(t *testing.T) {
	s := newStage(t, 16, meter1)
	s.sends()
	s.answer(Accepted, reg1)
	letGo := func(pause time.Duration) {
		t.Helper()
		s.d.receive(s.now, Receipt{Gone: []dlt645.Address{meter1}})
		s.now = s.now.Add(pause - time.Second)
		s.want()
		s.now = s.now.Add(time.Second)
		ids := s.sends()
		if len(ids) != 1 || !strings.HasPrefix(ids[0], "register") {
			t.Fatalf("after %v %v were sent", pause, ids)
		}
		s.answer(Accepted, ids...)
	}
	for _, pause := range []time.Duration{5, 10, 20, 40, 80, 160, 300, 300} {
		letGo(pause * time.Second)
	}
	s.now = s.now.Add(time.Hour)
	letGo(5 * time.Second)
}
