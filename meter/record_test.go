package meter

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// newRecord is one of quarter-hours that begins at a time.
func newRecord(begin time.Time) *Record {
	r := &Record{Of: Load, Step: 900, Every: 900}
	r.begin(begin, 0)
	return r
}

func (r *Record) rows() string {
	var all []string
	for _, h := range r.Holes {
		s := time.Unix(h.From, 0).UTC().Format("15:04")
		if h.To != h.From {
			s += "-" + time.Unix(h.To, 0).UTC().Format("15:04")
		}
		if h.Have != nil {
			s += fmt.Sprintf("(%d)", len(h.Have))
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

// What is a hole after some readings, and after some were made up.
func TestHolesOfARecord(t *testing.T) {
	at := func(s string) time.Time {
		c, err := time.Parse("15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return time.Date(2026, 11, 20, c.Hour(), c.Minute(), 0, 0, time.UTC)
	}
	two := []string{"a", "b"}
	for _, c := range []struct {
		name string
		do   func(r *Record)
		want string
		day  Day
	}{
		{"all are read", func(r *Record) {
			for _, s := range []string{"10:00", "10:15", "10:30"} {
				r.got(at(s), two, 2, false, CauseLine)
			}
		}, "", Day{Live: 6}},
		{"one is skipped", func(r *Record) {
			r.got(at("10:00"), two, 2, false, CauseLine)
			r.got(at("10:30"), two, 2, false, CauseLine)
		}, "10:15", Day{Live: 4}},
		{"some are skipped", func(r *Record) { r.got(at("11:00"), two, 2, false, CauseLine) }, "10:00-10:45", Day{Live: 2}},
		{"what counted as missing comes after all, and nothing else does", func(r *Record) {
			r.look(at("10:46"), time.Minute, CauseLine, 2)
			r.missing(at("10:00"), at("10:30"), CausePower, 2)
			r.cameAfterAll(at("10:15"), 1)
			r.cameAfterAll(at("10:45"), 2) // a hole still
			r.cameAfterAll(at("11:00"), 2) // to be judged
			r.cameAfterAll(at("09:45"), 2) // before all
		}, "10:45", Day{Made: 1, Missing: 5, Causes: map[Cause]int{CausePower: 5}}},
		{"time passes", func(r *Record) { r.look(at("10:46"), 16*time.Minute, CauseLine, 2) }, "10:00-10:30", Day{}},
		{"but a round may still come", func(r *Record) {
			r.look(at("10:46"), 16*time.Minute, CauseLine, 2)
			r.got(at("10:45"), two, 2, false, CauseLine)
		}, "10:00-10:30", Day{Live: 2}},
		{"a late one", func(r *Record) { r.look(at("11:00"), 0, CauseLine, 2); r.got(at("10:30"), two, 2, false, CauseLine) }, "10:00-10:15 10:45-11:00", Day{Live: 2}},
		{"one that comes twice", func(r *Record) {
			r.got(at("10:00"), two, 2, false, CauseLine)
			r.got(at("10:00"), two, 2, false, CauseLine)
		}, "", Day{Live: 2}},
		{"one that is not whole", func(r *Record) {
			r.got(at("10:00"), two[:1], 2, false, CauseLine)
			r.got(at("10:15"), two, 2, false, CauseLine)
		}, "10:00(1)", Day{Live: 3}},
		{"what lacks of it comes", func(r *Record) {
			r.got(at("10:00"), two[:1], 2, false, CauseLine)
			r.got(at("10:00"), two[1:], 2, true, CauseLine)
		}, "", Day{Live: 1, Made: 1}},
		{"holes are made up", func(r *Record) {
			r.look(at("11:00"), 0, CauseLine, 2)
			r.got(at("10:15"), two, 2, true, CauseLine)
			r.got(at("10:30"), two, 2, true, CauseLine)
			r.got(at("10:30"), two, 2, true, CauseLine)
		}, "10:00 10:45-11:00", Day{Made: 4}},
		{"another part has some of it", func(r *Record) {
			r.look(at("10:00"), 0, CauseLine, 2)
			r.got(at("10:00"), two[:1], 2, true, CauseLine)
		}, "10:00(1)", Day{Made: 1}},
		{"what was made up is newer than what was judged", func(r *Record) {
			r.got(at("10:30"), two, 2, true, CauseBoard)
			r.got(at("10:15"), two, 2, true, CauseBoard)
		}, "10:00", Day{Made: 4}},
		{"the meter has not all", func(r *Record) {
			r.look(at("11:00"), 0, CauseLine, 2)
			r.missing(at("10:00"), at("10:45"), CausePower, 2)
		}, "11:00", Day{Missing: 8, Causes: map[Cause]int{CausePower: 8}}},
		{"of one that is not whole a part lacks for good", func(r *Record) {
			r.got(at("10:00"), two[:1], 2, false, CauseLine)
			r.missing(at("10:00"), at("10:00"), CauseNever, 2)
		}, "", Day{Live: 1, Missing: 1, Causes: map[Cause]int{CauseNever: 1}}},
		{"other causes are other rows", func(r *Record) { r.look(at("10:15"), 0, CauseBoard, 2); r.look(at("10:45"), 0, CauseLine, 2) }, "10:00-10:15 10:30-10:45", Day{}},
		{"tried in vain", func(r *Record) {
			r.look(at("11:00"), 0, CauseLine, 2)
			r.tried(at("10:30"), at("11:00"), at("12:00"))
			if h, ok := r.next(at("11:30")); !ok || h.From != at("10:00").Unix() || h.To != at("10:15").Unix() {
				t.Errorf("what is tried next is %v", h)
			}
			if h, _ := r.next(at("12:00")); h.From != at("10:30").Unix() {
				t.Errorf("what is tried after the pause is %v", h)
			}
		}, "10:00-10:15 10:30-11:00", Day{}},
		{"the clock is put back", func(r *Record) {
			r.got(at("10:30"), two, 2, false, CauseLine)
			r.got(at("09:00"), two, 2, false, CauseLine)
			r.look(at("09:30"), 0, CauseLine, 2)
		}, "10:00-10:15", Day{Live: 2}},
		{"too old", func(r *Record) {
			r.look(at("11:00"), 0, CauseLine, 2)
			r.expire(at("20:20"), 10*time.Hour, 2)
		}, "10:30-11:00", Day{Missing: 4, Causes: map[Cause]int{CauseOld: 4}}},
	} {
		r := newRecord(at("10:00"))
		c.do(r)
		kept, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		r = &Record{}
		if err := json.Unmarshal(kept, r); err != nil {
			t.Fatal(err)
		}
		if got := r.rows(); got != c.want {
			t.Errorf("%s: holes %s, want %s", c.name, got, c.want)
		}
		c.day.Day = "2026-11-20"
		got := *r.day(at("10:00"))
		if fmt.Sprint(got) != fmt.Sprint(c.day) {
			t.Errorf("%s: the day is %+v, want %+v", c.name, got, c.day)
		}
	}
}

// However many holes there are, what is kept is bounded, and what is no longer
// kept is counted.
func TestHolesAreBounded(t *testing.T) {
	begin := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	r := newRecord(begin)
	n := 0
	for at := begin; at.Before(begin.Add(72 * time.Hour)); at = at.Add(30 * time.Minute) { // each second one
		r.got(at, []string{"a"}, 1, false, CauseLine)
		n++
	}
	missing := 0
	for _, d := range r.Days {
		missing += d.Missing
	}
	if len(r.Holes) != mostHoles || missing != n-1-mostHoles {
		t.Errorf("%d holes are kept and %d values missing, of %d", len(r.Holes), missing, n-1)
	}
}

// A new plan goes on where the old one was: what that had read is not fetched,
// and what it lacked still is, at the moments that it had.
func TestAnotherPlanGoesOn(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	points := pointsOf(t, "voltage")
	quarter := lane{History: History{Of: Load, Points: points, Back: 72 * time.Hour}, step: 15 * time.Minute, every: 15 * time.Minute, zone: time.UTC}
	for name, c := range map[string]struct {
		change      func(*lane)
		holes, left string
		next        time.Duration // after 12:00, which was read
	}{
		"the same":     {func(*lane) {}, "10:00-11:45", "", 15 * time.Minute},
		"other rounds": {func(l *lane) { l.step, l.every = time.Hour, time.Hour }, "", "10:00-11:45", time.Hour},
		"more rounds":  {func(l *lane) { l.step, l.every = time.Minute, time.Minute }, "", "10:00-11:45", time.Minute},
		"fewer points": {func(l *lane) { l.Points = points[:1] }, "", "10:00-11:45", 15 * time.Minute},
		"other points": {func(l *lane) { l.Points = pointsOf(t, "current") }, "", "10:00-11:45", 15 * time.Minute},
	} {
		var l Learned
		l.plan([]lane{quarter}, now.Add(-2*time.Hour))
		l.record(quarter).begin(now.Add(-2*time.Hour), 0)
		l.record(quarter).got(now, []string{"a", "b", "c"}, 3, false, CauseBoard)
		to := quarter
		c.change(&to)
		for range 2 {
			l.plan([]lane{to}, now.Add(time.Second))
		}
		r, left := l.record(to), ""
		r.begin(now, to.Back)
		for _, o := range l.Records {
			if o.Left {
				left += o.rows()
			}
		}
		if next := time.Unix(r.Next, 0).Sub(now); next != c.next || r.rows() != c.holes || left != c.left {
			t.Errorf("%s: the next moment is %v after the last, want %v; holes %s, want %s; left %s, want %s", name, next, c.next, r.rows(), c.holes, left, c.left)
		}
		l.plan([]lane{quarter}, now.Add(2*time.Second)) // it is the plan again
		if r := l.record(quarter); r.rows() != "10:00-11:45" || r.Left || r.Next != now.Add(15*time.Minute).Unix() {
			t.Errorf("%s, and back: holes %s, the next moment %v", name, r.rows(), time.Unix(r.Next, 0).UTC())
		}
	}
}

// TestEachMomentOfEachPlanIsCounted: however often the period changes, with holes
// that are filled or not, each moment of each plan is there, made up or missing.
func TestEachMomentOfEachPlanIsCounted(t *testing.T) {
	steps := []time.Duration{5 * time.Minute, 7 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}
	berlin, err := time.LoadLocation("Europe/Berlin") // the clocks change twice in the time
	if err != nil {
		berlin = time.UTC
	}
	points := pointsOf(t, "energy.forward.total")
	var all Day
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var l Learned
		zone := []*time.Location{time.UTC, berlin}[seed%2]
		now := time.Date(2026, []time.Month{3, 10}[seed/2%2], []int{28, 24}[seed/2%2], 0, 0, 0, 0, zone)
		planned := func() lane {
			step := steps[rng.IntN(len(steps))]
			return lane{History: History{Of: Load, Points: points, Back: 240 * time.Hour}, step: step, every: step, zone: zone}
		}
		of := planned()
		l.plan([]lane{of}, now)
		l.record(of).begin(now, 0)
		expected := 0
		for hour := range 60 {
			for minute := range 60 {
				at := now.Add(time.Duration(60*hour+minute) * time.Minute)
				if !at.Equal(lastRound(at, of.step, zone)) {
					continue
				}
				expected++
				if rng.IntN(3) > 0 {
					l.record(of).got(at, []string{points[0].Name}, 1, false, CauseLine)
				}
			}
			end := now.Add(time.Duration(hour+1) * time.Hour).Add(-time.Second)
			l.record(of).look(end, 0, CauseLine, 1)
			for _, r := range l.Records {
				if h, ok := r.next(end); ok && rng.IntN(2) == 0 {
					r.got(time.Unix(h.To, 0).In(zone), []string{points[0].Name}, 1, true, CauseLine)
				}
			}
			if rng.IntN(6) == 0 {
				of = planned()
			}
			l.plan([]lane{of}, end)
			l.record(of).begin(end, of.Back)
		}
		var sum Day
		for _, r := range l.Records {
			r.missing(now, now.Add(100*time.Hour), CausePower, 1)
			for _, d := range r.Days {
				sum.Live, sum.Made, sum.Missing = sum.Live+d.Live, sum.Made+d.Made, sum.Missing+d.Missing
			}
		}
		all.Live, all.Made, all.Missing = all.Live+sum.Live, all.Made+sum.Made, all.Missing+sum.Missing
		if got := sum.Live + sum.Made + sum.Missing; got != expected || len(l.Records) > 1+mostLeft {
			t.Fatalf("seed %d: of %d moments %d are counted: %+v, in %d accounts", seed, expected, got, sum, len(l.Records))
		}
	}
	if all.Live == 0 || all.Made == 0 || all.Missing == 0 {
		t.Errorf("it tries nothing: %+v", all)
	}
}

// A clock that was far ahead and is set right: what had lacked before it leapt still
// does, and what it only seemed to have passed is judged when it comes.
func TestAClockThatWasAheadTakesNoHolesWithIt(t *testing.T) {
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	r := newRecord(day)
	now := day.Add(8*time.Hour + time.Minute)
	r.look(now, 0, CauseLine, 1) // eight hours lack
	r.look(now.Add(72*time.Hour), 0, CauseLine, 1)
	r.got(now.Add(72*time.Hour+14*time.Minute), []string{"a"}, 1, false, CauseLine)
	r.look(now.Add(80*time.Hour), 0, CauseLine, 1)
	now = now.Add(time.Minute)
	r.begin(now, 240*time.Hour)
	if got, want := r.rows(), "00:00-08:00"; got != want {
		t.Errorf("holes %s, want %s", got, want)
	}
	r.got(day.Add(8*time.Hour+15*time.Minute), []string{"a"}, 1, false, CauseLine)
	if got, want := r.rows(), "00:00-08:00"; got != want {
		t.Errorf("holes after a reading %s, want %s", got, want)
	}
	if len(r.Days) != 1 || r.Days[0].Live != 1 {
		t.Errorf("days %+v", r.Days)
	}
}

// The same of an account that an earlier plan left: the plan became another while the
// clock was set right.
func TestWhatAnEarlierPlanLeftEndsWithTheClock(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 7, 0, 0, time.UTC)
	points := pointsOf(t, "energy.forward.total")
	of := func(step time.Duration) lane {
		return lane{History: History{Of: Load, Points: points, Back: 72 * time.Hour}, step: step, every: step, zone: time.UTC}
	}
	var l Learned
	quarter, hour := of(15*time.Minute), of(time.Hour)
	ahead := now.AddDate(0, 0, 30)
	l.plan([]lane{quarter}, now)
	l.record(quarter).begin(now, 0)
	l.record(quarter).look(ahead, 0, CauseLine, 1)
	for range 2 {
		l.plan([]lane{hour}, now.Add(time.Minute))
		l.record(hour).begin(now.Add(time.Minute), hour.Back)
	}
	for _, r := range l.Records {
		for _, h := range r.Holes {
			t.Errorf("a hole to come: %v to %v", time.Unix(h.From, 0).UTC(), time.Unix(h.To, 0).UTC())
		}
	}
}

// What somebody asked for is given up a moment at a time, as it grows too old.
func TestAWishIsGivenUpAMomentAtATime(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	r := newRecord(now)
	first := now.Add(-r.Of.Depth())
	for at := first; at.Before(now.AddDate(0, 0, -10)); at = at.Add(15 * time.Minute) {
		r.wish(at, 1)
	}
	r.expire(now.Add(time.Hour), 72*time.Hour, 1)
	if want := first.Add(time.Hour).Unix(); len(r.Holes) != 1 || r.Holes[0].From != want {
		t.Errorf("holes %+v, want one from %d", r.Holes, want)
	}
}

// A plan that is tried, and taken back, costs nothing of what lacked before, whatever
// it names.
func TestWhatLacksOutlivesATrial(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	of := func(kind Memory, points ...string) lane {
		return lane{History: History{Of: kind, Points: pointsOf(t, points...), Back: 72 * time.Hour}, step: 15 * time.Minute, every: 15 * time.Minute, zone: time.UTC}
	}
	plan := []lane{of(Load, "energy.forward.total")}
	for name, trial := range map[string][]lane{
		"other points":         {of(Load, "voltage.a")},
		"another kind":         {of(Hourly, "energy.forward.total")},
		"nothing":              {},
		"an edition without":   nil,
		"the same, and others": {of(Load, "energy.forward.total", "voltage.a")},
	} {
		var l Learned
		l.plan(plan, now.Add(-4*time.Hour))
		l.record(plan[0]).begin(now.Add(-4*time.Hour), 0)
		l.record(plan[0]).got(now.Add(-2*time.Hour), []string{"energy.forward.total"}, 1, false, CauseLine)
		l.record(plan[0]).look(now, 0, CauseLine, 1)
		l.record(plan[0]).missing(now.Add(-4*time.Hour), now.Add(-4*time.Hour), CausePower, 1)
		for _, lanes := range [][]lane{trial, trial, plan, plan} {
			l.plan(lanes, now.Add(5*time.Minute))
			for _, of := range lanes {
				l.record(of).begin(now.Add(5*time.Minute), of.Back)
			}
		}
		r := l.record(plan[0])
		if got, want := r.rows(), "08:15-09:45 10:15-12:00"; got != want {
			t.Errorf("%s: holes %s, want %s", name, got, want)
		}
		if d := r.day(now); d.Live != 1 || d.Missing != 1 {
			t.Errorf("%s: the day is %+v", name, d)
		}
		if r.Left || r.Next != now.Add(15*time.Minute).Unix() {
			t.Errorf("%s: the next moment is %v", name, time.Unix(r.Next, 0).UTC())
		}
	}
}

// However often the plan becomes another one that has nothing of those before, what is
// kept is bounded, and ends when it is too old.
func TestWhatIsKeptOfTrialsIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var l Learned
	for i, p := range pointsOf(t, "voltage.a", "voltage.b", "voltage.c", "current.a", "current.b", "current.c", "frequency", "energy.forward.total") {
		of := lane{History: History{Of: Load, Points: []Point{p}, Back: 72 * time.Hour}, step: 15 * time.Minute, every: 15 * time.Minute, zone: time.UTC}
		now = now.Add(time.Hour)
		l.plan([]lane{of}, now)
		l.record(of).begin(now, 0)
		l.record(of).look(now.Add(time.Hour-time.Second), 0, CauseLine, 1)
		if len(l.Records) > 1+mostLeft {
			t.Fatalf("plan %d: %d accounts", i, len(l.Records))
		}
	}
	of := lane{History: History{Of: Load, Points: pointsOf(t, "energy.forward.total"), Back: 72 * time.Hour}, step: 15 * time.Minute, every: 15 * time.Minute, zone: time.UTC}
	l.plan([]lane{of}, now.Add(Load.Depth()+48*time.Hour))
	if len(l.Records) != 1 {
		t.Errorf("%d accounts are left", len(l.Records))
	}
}

// A point that no round brings costs one row, not one of each moment.
func TestMomentsThatLackTheSameAreOneRow(t *testing.T) {
	begin := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	r := newRecord(begin)
	for at := begin; at.Before(begin.Add(20 * time.Hour)); at = at.Add(15 * time.Minute) {
		r.got(at, []string{"a"}, 2, false, CauseLine)
	}
	r.got(begin.Add(10*time.Hour), []string{"b"}, 2, true, CauseLine)
	if got, want := r.rows(), "00:00-09:45(1) 10:15-19:45(1)"; got != want {
		t.Errorf("holes %s, want %s", got, want)
	}
	if n := r.missing(begin, begin.Add(time.Hour), CausePower, 2); n != 5 {
		t.Errorf("%d values are missing, want 5", n)
	}
}

// TestCausesAreDocumented: whoever reads why a moment is missing finds what that
// means, in Chinese in the words of the program.
func TestCausesAreDocumented(t *testing.T) {
	of := []Cause{CausePower, CauseNever, CauseBetween, CauseDamaged, CauseOld, CauseLine, CauseMany}
	for page, text := range map[string]func(Cause) string{
		"../docs/record.md":       func(Cause) string { return "" },
		"../docs/record.zh-CN.md": func(c Cause) string { return c.Text().ZH },
	} {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range of {
			if row := "\n| " + string(c) + " | " + text(c); !strings.Contains(string(b), row) {
				t.Errorf("%s has no row %q", page, row)
			}
		}
	}
}
