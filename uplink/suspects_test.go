package uplink

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// loose are batches of which several may be outstanding, of 200 bytes a record.
type loose struct {
	batches
	most int // records in a message
}

func (p *loose) Limits() Limits { return Limits{Registers: 4, Batch: p.most} }

func (p *loose) Encode(store [16]byte, units []Unit) Encoded {
	e := p.batches.Encode(store, units)
	e.Messages[0].Keys = nil
	e.Messages[0].Meter = units[0].meter()
	e.Messages[0].Payload = make([]byte, 200*len(units))
	return e
}

// recordsIn gives the numbers of the records that a message of batches carries.
func recordsIn(id string) (seqs []uint64) {
	_, list, _ := strings.Cut(id, ":")
	for _, s := range strings.Split(list, "+") {
		var n uint64
		fmt.Sscan(s, &n)
		seqs = append(seqs, n)
	}
	return seqs
}

// line is a broker and a platform, a second from us.
type line struct {
	ends  func(seqs []uint64) bool // the connection ends over it
	loses func(seqs []uint64) bool // it is taken and never answered
	cuts  func() bool              // the network cuts now
}

// play plays deliveries for that many seconds of a simulated line; new readings
// come every ten. It gives the records that arrived, and the last word about
// the connection.
func play(s *stage, l line, seconds int) (arrived map[uint64]bool, last error) {
	arrived = map[uint64]bool{}
	var out []string
	for n := range seconds {
		s.now = s.now.Add(time.Second)
		for _, id := range out {
			s.answer(Accepted, id)
			for _, seq := range recordsIn(id) {
				arrived[seq] = true
			}
		}
		out = nil
		if n%10 == 0 {
			s.src.add(meter1)
		}
		cut := l.cuts != nil && l.cuts()
		if _, deaf := s.d.expire(s.now); deaf {
			s.now = s.now.Add(7 * time.Second)
			s.d.connected(s.now)
		}
		for _, id := range s.sends() {
			switch seqs := recordsIn(id); {
			case l.ends != nil && l.ends(seqs):
				cut = true
			case l.loses != nil && l.loses(seqs):
			default:
				out = append(out, id)
			}
		}
		if cut {
			out = nil // the answers were on their way
			last = s.d.cut(s.now, io.EOF, "gw1")
			s.now = s.now.Add(7 * time.Second)
			s.d.connected(s.now)
		}
	}
	return arrived, last
}

func newLoose(t *testing.T, records int) *stage {
	return newLooseOf(t, records, 4)
}

func newLooseOf(t *testing.T, records, most int) *stage {
	s := newStage(t, 4, meter1)
	s.d = newDelivery(&loose{batches{twoItems: *s.p}, most}, s.src, 4, 10*time.Second, [16]byte{})
	s.d.connected(s.now)
	for range records {
		s.src.add(meter1)
	}
	return s
}

// TestWhatABrokerNeverTakesIsSetAside: of some records each message ends the
// connection, or is never answered. They are found one by one and set aside,
// the others arrive, and nobody else is blamed.
func TestWhatABrokerNeverTakesIsSetAside(t *testing.T) {
	for _, bad := range [][]uint64{{1}, {7}, {7, 8}, {3, 20, 41}} {
		has := func(seqs []uint64) bool {
			return slices.ContainsFunc(seqs, func(n uint64) bool { return slices.Contains(bad, n) })
		}
		for what, l := range map[string]line{"ends the connection": {ends: has}, "is never answered": {loses: has}} {
			s := newLoose(t, 50)
			var told []string
			s.d.alarmed = func(msg string, args ...any) { told = append(told, fmt.Sprint(msg, args)) }
			arrived, _ := play(s, l, 12*3600)
			if s.d.count.SetAside != len(bad) || len(told) != len(bad) {
				t.Errorf("%v %s: %d were set aside, told %v", bad, what, s.d.count.SetAside, told)
			}
			for seq := uint64(1); seq <= s.d.cursor(); seq++ {
				if arrived[seq] == slices.Contains(bad, seq) {
					t.Errorf("%v %s: record %d arrived %v", bad, what, seq, arrived[seq])
				}
			}
			if s.d.cursor() < 4000 {
				t.Errorf("%v %s: the queue stands at %d", bad, what, s.d.cursor())
			}
		}
	}
}

// TestABrokerThatTakesLessThanThePlatform: what waits after an outage would go
// out in messages that are all too large. They come smaller, nothing is set
// aside, and most of the time goes into what gets through.
func TestABrokerThatTakesLessThanThePlatform(t *testing.T) {
	limits := []int{3, 5, 20, 64}
	if testing.Short() {
		limits = limits[1:2]
	}
	for _, most := range limits {
		tooMany := func(seqs []uint64) bool { return len(seqs) > most }
		for what, l := range map[string]line{"ends the connection": {ends: tooMany}, "is never answered": {loses: tooMany}} {
			s := newLooseOf(t, 20000, 64)
			lost := 0
			count := func(was func([]uint64) bool) func([]uint64) bool {
				if was == nil {
					return nil
				}
				return func(seqs []uint64) bool {
					gone := was(seqs)
					if gone {
						lost++
					}
					return gone
				}
			}
			l.ends, l.loses = count(l.ends), count(l.loses)
			arrived, _ := play(s, l, 24*3600)
			if s.d.count.SetAside != 0 || s.d.count.Lost != 0 {
				t.Errorf("%d records, more %s: %d were set aside, %d lost: %s", most, what, s.d.count.SetAside, s.d.count.Lost, s.d.count.LastAside)
			}
			if s.d.queued() > 100 || len(arrived) < 28000 || lost > 400 {
				t.Errorf("%d records, more %s: %d arrived, %d wait, %d messages did not get through", most, what, len(arrived), s.d.queued(), lost)
			}
		}
	}
}

// TestSizes: how large a message may be, from one that did not get through on.
func TestSizes(t *testing.T) {
	var s sizing
	accept := func(n, size int) {
		for range n {
			s.accepted(size)
		}
	}
	check := func(want int) {
		t.Helper()
		if s.most != want {
			t.Errorf("the bound is %d, want %d", s.most, want)
		}
	}
	s.tooLarge(leastSize)
	check(0)
	s.tooLarge(40000)
	check(20000)
	accept(100, 9000) // tells nothing of the bound
	check(20000)
	accept(firstNeed, 15000)
	check(40000)
	s.tooLarge(35000)
	check(17500)
	accept(4*firstNeed-1, 17000)
	check(17500)
	accept(1, 17000)
	check(35000)
	for range 20 {
		s.tooLarge(s.most)
	}
	check(leastSize)
	for s.most > 0 {
		accept(mostNeed, s.most)
	}
}

// TestABadNetworkBlamesNoMessage: connections end at random, all the time, or
// over everything that is sent. Nothing is set aside.
func TestABadNetworkBlamesNoMessage(t *testing.T) {
	for _, seconds := range []int{2, 5, 20, 300} {
		rng := rand.New(rand.NewPCG(uint64(seconds), 1))
		s := newLoose(t, 50)
		arrived, _ := play(s, line{cuts: func() bool { return rng.IntN(seconds) == 0 }}, 3*3600)
		if s.d.count.SetAside != 0 {
			t.Errorf("cut every %d s: %d were set aside, the last %s", seconds, s.d.count.SetAside, s.d.count.LastAside)
		}
		if last := s.d.cursor(); last < 1000 || !arrived[last] {
			t.Errorf("cut every %d s: the queue stands at %d", seconds, last)
		}
	}
	s := newLoose(t, 50)
	if arrived, _ := play(s, line{ends: func([]uint64) bool { return true }}, 3*3600); len(arrived) != 0 || s.d.count.SetAside != 0 {
		t.Errorf("everything ends it: %d were set aside", s.d.count.SetAside)
	}
}

// TestAnotherClientWithOurIDIsTold: the broker ends the older of two
// connections. That is told after the third time, with the id.
func TestAnotherClientWithOurIDIsTold(t *testing.T) {
	s := newLoose(t, 0)
	for n := 1; n <= 4; n++ {
		s.now = s.now.Add(40 * time.Second)
		err := s.d.cut(s.now, fmt.Errorf("%w: %w", errLost, io.EOF), "gw1")
		c, ok := errors.AsType[*cause](err)
		if ok != (n >= 3) {
			t.Fatalf("at the end of connection %d it tells %v", n, err)
		}
		if ok && (!strings.HasPrefix(c.Words, `another client may use our client id "gw1"`) || c.Hint.ZH == "") {
			t.Errorf("it tells %+v", c)
		}
		s.d.connected(s.now)
	}
	s.now = s.now.Add(time.Hour)
	if _, ok := errors.AsType[*cause](s.d.cut(s.now, io.EOF, "gw1")); ok {
		t.Error("one end in an hour is taken for another client")
	}
	for range 5 { // the broker was away afterwards, and is tried again and again
		s.now = s.now.Add(time.Hour)
		s.d.connected(s.now)
		for range 3 {
			s.now = s.now.Add(40 * time.Second)
			if err, ok := errors.AsType[*cause](s.d.cut(s.now, fmt.Errorf("%w: %w", errLost, io.EOF), "gw1")); ok {
				t.Errorf("a broker that is started anew is taken for another client: %v", err)
			}
			s.d.verdicts.suspects.away()
			s.d.verdicts.suspects.away()
			s.d.connected(s.now)
		}
	}
	for range 5 { // our own side ends it
		if _, ok := errors.AsType[*cause](s.d.cut(s.now, errors.New("read timeout"), "gw1")); ok {
			t.Error("a network that is silent is taken for another client")
		}
	}
}
