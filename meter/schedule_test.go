package meter

import (
	"fmt"
	"testing"
	"time"
)

// scheduleOf is one of groups of one meter each, which begins at a time.
func scheduleOf(start time.Time, periods ...time.Duration) *schedule {
	s := &schedule{zone: time.UTC}
	for i, every := range periods {
		s.slots = append(s.slots, &slot{Group: Group{Every: every}, meter: i})
	}
	s.begin(moment{wall: start})
	return s
}

func allFree(int) standing { return standing{} }

func noneMissed(int, int) {}

// rounds runs a schedule for a while in which each round takes as long as
// cost, and the wall clock is stepped once. It gives when each round began.
func rounds(s *schedule, now moment, d, cost, stepAt, step time.Duration) (began []time.Time) {
	for end := now.up + d; now.up < end; {
		s.look(now, noneMissed)
		g, wait := s.pick(now.wall, allFree)
		if g != nil {
			began = append(began, now.wall)
			g.consume(now.wall, s.zone)
			wait = cost
		}
		before := now.up
		now.up += wait
		now.wall = now.wall.Add(wait)
		if before <= stepAt && now.up > stepAt {
			now.wall = now.wall.Add(step)
		}
	}
	return began
}

func TestRoundsKeepToTheWallClockAfterAStep(t *testing.T) {
	start := time.Date(2026, 11, 20, 10, 0, 2, 0, time.UTC)
	for _, step := range []time.Duration{-3 * time.Hour, 5 * time.Hour, -50 * 365 * 24 * time.Hour, 50 * 365 * 24 * time.Hour, 700 * time.Millisecond, -700 * time.Millisecond} {
		for _, at := range []time.Duration{0, time.Second, 7 * time.Second, time.Minute} {
			s := scheduleOf(start, 5*time.Second)
			began := rounds(s, moment{wall: start}, 3*time.Minute, 600*time.Millisecond, at, step)
			last := began[len(began)-20:]
			for i, b := range last {
				if over := b.Sub(b.Truncate(5 * time.Second)); over != 0 || i > 0 && b.Sub(last[i-1]) != 5*time.Second {
					t.Errorf("a step of %v after %v: round %d of the last 20 began at %v, after that of %v", step, at, i, b, last[max(0, i-1)])
					break
				}
			}
		}
	}
}

func TestClockThatIsPutBackDoesNotStopThePolling(t *testing.T) {
	wrong := time.Date(2099, 1, 1, 0, 0, 30, 0, time.UTC)
	for _, back := range []time.Duration{time.Hour, 365 * 24 * time.Hour, 73 * 365 * 24 * time.Hour} {
		for _, first := range []bool{false, true} {
			s := scheduleOf(wrong, time.Minute)
			if !first {
				s.slots[0].consume(wrong, time.UTC)
			}
			now := moment{wall: wrong.Add(-back), up: time.Second}
			s.look(now, noneMissed)
			if wait := s.slots[0].due.at.Sub(now.wall); wait > time.Minute {
				t.Errorf("clock put back by %v: the next round is in %v", back, wait)
			}
		}
	}
}

func TestClockThatJumpsOverDecadesMissesFewRounds(t *testing.T) {
	start := time.Date(1970, 1, 1, 0, 1, 30, 0, time.UTC)
	s := scheduleOf(start, time.Minute)
	s.slots[0].consume(start, time.UTC)
	now := moment{wall: time.Date(2026, 11, 20, 10, 0, 30, 0, time.UTC), up: time.Second}
	n := 0
	s.look(now, func(_, missed int) { n += missed })
	if n == 0 || n > mostMissed || now.wall.Sub(s.slots[0].due.at) > time.Minute {
		t.Errorf("%d rounds are counted as missed, the next is of %v", n, s.slots[0].due.at)
	}
}

// Which of three groups is read, and how long it is until there is one.
func TestWhatIsReadNext(t *testing.T) {
	start := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	aside := func(of *slot, turn turn) standing { return standing{turn, of} }
	for _, c := range []struct {
		name   string
		due    [3]time.Duration // of periods of 10 s, 1 min and 1 h, from now
		stands func(s *schedule) [3]standing
		want   string
	}{
		{"the one that is due", [3]time.Duration{3 * time.Second, 0, time.Hour}, nil, "1"},
		{"nothing is due", [3]time.Duration{3 * time.Second, time.Minute, time.Hour}, nil, "in 3s"},
		{"nothing is due for long", [3]time.Duration{time.Minute, time.Minute, time.Hour}, nil, "in 5s"},
		{"the earlier deadline", [3]time.Duration{0, -55 * time.Second, 0}, nil, "1"},
		{"the shorter period", [3]time.Duration{-2 * time.Second, -52 * time.Second, 0}, nil, "0"},
		{"not a dead meter", [3]time.Duration{0, 0, time.Hour}, func(*schedule) [3]standing { return [3]standing{{turn: turnNone}, {}, {}} }, "1"},
		{"a round that was put aside comes last", [3]time.Duration{time.Hour, 0, time.Hour}, func(s *schedule) [3]standing {
			return [3]standing{aside(s.slots[0], turnAside), {}, {}}
		}, "1"},
		{"but it comes", [3]time.Duration{time.Hour, time.Hour, time.Hour}, func(s *schedule) [3]standing {
			return [3]standing{aside(s.slots[0], turnAside), {}, {}}
		}, "0"},
		{"after a while it is due", [3]time.Duration{0, 0, time.Hour}, func(s *schedule) [3]standing {
			return [3]standing{aside(s.slots[0], turnAgain), {}, {}}
		}, "0"},
		{"not a group of another round of the meter", [3]time.Duration{0, time.Hour, time.Hour}, func(s *schedule) [3]standing {
			return [3]standing{aside(s.slots[2], turnAside), {}, {}}
		}, "in 5s"},
	} {
		s := scheduleOf(start, 10*time.Second, time.Minute, time.Hour)
		for i, d := range c.due {
			s.slots[i].put(start.Add(d))
		}
		var stands [3]standing
		if c.stands != nil {
			stands = c.stands(s)
		}
		g, wait := s.pick(start, func(meter int) standing { return stands[meter] })
		got := "in " + wait.String()
		if g != nil {
			got = fmt.Sprint(g.meter)
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWhoElseWaits(t *testing.T) {
	start := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	s := scheduleOf(start, time.Minute, time.Minute)
	for _, c := range []struct {
		due  time.Duration
		of   standing
		want bool
	}{
		{0, standing{}, true},
		{time.Second, standing{}, false},
		{0, standing{turn: turnNone}, false},
		{time.Second, standing{turnAside, s.slots[1]}, true},
		{time.Second, standing{turnAgain, s.slots[1]}, true},
	} {
		s.slots[1].put(start.Add(c.due))
		if got := s.waits(start, 0, func(int) standing { return c.of }); got != c.want {
			t.Errorf("due in %v, %v: waits is %v", c.due, c.of.turn, got)
		}
		if s.waits(start, 1, func(int) standing { return standing{turn: turnNone} }) {
			t.Error("a meter waits for itself, or for a dead one")
		}
	}
}
