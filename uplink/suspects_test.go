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

// loose are batches of which several may be outstanding.
type loose struct{ batches }

func (p *loose) Encode(store [16]byte, units []Unit) Encoded {
	e := p.batches.Encode(store, units)
	e.Messages[0].Keys = nil
	e.Messages[0].Meter = units[0].meter()
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
	s := newStage(t, 4, meter1)
	s.d = newDelivery(&loose{batches{twoItems: *s.p}}, s.src, 4, 10*time.Second, [16]byte{})
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
	for range 5 { // our own side ends it
		if _, ok := errors.AsType[*cause](s.d.cut(s.now, errors.New("read timeout"), "gw1")); ok {
			t.Error("a network that is silent is taken for another client")
		}
	}
}
