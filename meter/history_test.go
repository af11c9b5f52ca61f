package meter

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// logicAlone leaves a test out of the run on a processor in software, where days
// of fake time take minutes: it tries no bits and bytes.
func logicAlone(t *testing.T) {
	t.Helper()
	if runtime.GOARCH == "arm" {
		t.Skip("the same on every processor, and slow on one in software")
	}
}

// site is a line of meters over days of fake time, with a board that comes and
// goes: what it has delivered, and what the meters' own books say.
type site struct {
	meters   []*dlt645test.Meter
	handles  []*Handle
	line     *dlt645test.Line
	timing   Timing
	mu       sync.Mutex
	readings []Reading // guarded by mu while the board works
	events   []Event   // likewise
	learned  []byte
	changed  func(*PollerConfig)
	last     *Poller
	since    int // readings that were in the ring when what was learned was last kept

	before      []byte // what had been kept before that
	sinceBefore int
	told        map[string]int // how often the figures of the books were told
}

func newPlace(t *testing.T, n int, groups []Group, history ...History) *site {
	p := &site{told: map[string]int{}, timing: Timing{Baud: 9600, Preamble: 4, Gap: 30 * time.Millisecond, Timeout: 500 * time.Millisecond}}
	for i, m := range simulated(n) {
		m.Zone = time.UTC
		m.Since = time.Date(1999, 11, 1, 0, 0, 0, 0, time.UTC)
		watts := int64(400 * (i + 1))
		m.Consume = func(at time.Time) dlt645test.Power {
			return dlt645test.Power{Active: watts + 10*int64(at.Hour()), Reactive: watts / 5}
		}
		p.meters = append(p.meters, m)
		p.handles = append(p.handles, &Handle{Name: fmt.Sprintf("m%d", i), Address: m.Address, Groups: groups, History: history})
	}
	return p
}

// run has the board work for a while, with what the one before had learned.
func (p *site) run(t *testing.T, d time.Duration, during ...func()) {
	ours, theirs := dlt645test.Pipe()
	p.line = &dlt645test.Line{Baud: p.timing.Baud, Meters: p.meters, Whole: true}
	var learned []Learned
	if p.learned != nil {
		if err := json.Unmarshal(p.learned, &learned); err != nil {
			t.Fatal(err)
		}
	}
	c := PollerConfig{
		Bus: NewBus("b1", p.timing, func() (Port, error) { return ours, nil }, nil), Meters: p.handles, Learned: learned, Daily: true, Books: true,
		Sink: func(r Reading) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.readings = append(p.readings, r)
		},
		Event: func(e Event) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.events = append(p.events, e)
		},
	}
	if p.changed != nil {
		p.changed(&c)
	}
	p.last = NewPoller(c)
	if p.last.Fresh() { // as the station does
		p.since = 0
	}
	for _, r := range p.readings[p.since:] {
		p.last.Remember(r)
	}
	for _, e := range p.events {
		p.last.RememberEvent(e)
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	go p.line.Serve(ctx, theirs)
	for _, f := range during {
		go f()
	}
	p.last.Run(ctx)
	theirs.Close()
	synctest.Wait()
	p.keep(t)
}

// keep keeps what was learned, as the state file does.
func (p *site) keep(t *testing.T) {
	p.mu.Lock()
	since := len(p.readings)
	p.mu.Unlock()
	b, err := json.Marshal(p.last.Learned())
	if err != nil {
		t.Fatal(err)
	}
	p.before, p.sinceBefore = p.learned, p.since
	p.learned, p.since = b, since
}

// of gives the value of a point of a meter at a moment, how often it is there,
// and whether it came from the meter's memory.
func (p *site) of(m *dlt645test.Meter, point string, at time.Time) (value string, times int, recalled bool) {
	for _, r := range p.readings {
		if v, ok := r.Value(point); ok && r.Meter == m.Address && r.Round.Equal(at) {
			value, recalled = v.String(), r.Recalled
			times++
		}
	}
	return value, times, recalled
}

// TestHolesAreFilledFromLoadRecords: the line is cut for eight hours, then the
// board is off for eight hours; each quarter-hour of the energy is there once,
// with its own time and the value that the meter kept.
func TestHolesAreFilledFromLoadRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total", "energy.reverse.total")
		p := newPlace(t, 4, []Group{{Every: 15 * time.Minute, Points: points}}, History{Of: Load, Points: points, Back: 24 * time.Hour})
		time.Sleep(36*time.Hour + 7*time.Minute)
		start := time.Now()
		p.run(t, 12*time.Hour, func() {
			time.Sleep(2 * time.Hour)
			p.line.Unplug(true)
			time.Sleep(8 * time.Hour)
			p.line.Unplug(false)
		})
		time.Sleep(8 * time.Hour)
		p.run(t, 3*time.Hour)
		p.whole(t, start, time.Now(), 15*time.Minute, "energy.forward.total", 0x00010000)
	})
}

// whole sees that each moment between two times is there once, and right.
func (p *site) whole(t *testing.T, from, to time.Time, step time.Duration, point string, code uint32) {
	t.Helper()
	for _, m := range p.meters {
		missing, wrong, doubled, made := 0, 0, 0, 0
		for at := nextRound(from, step, time.UTC); at.Before(to.Add(-step)); at = nextRound(at, step, time.UTC) {
			value, n, recalled := p.of(m, point, at)
			want, _ := m.RegisterAt(code, at)
			switch {
			case n == 0:
				missing++
			case n > 1:
				doubled++
			case recalled && value != want.String():
				wrong++
				t.Logf("%v at %v: %s, want %s", m.Address, at, value, want)
			}
			if recalled {
				made++
			}
		}
		if missing+wrong+doubled > 0 || made == 0 {
			t.Errorf("%v: %d moments missing, %d wrong, %d doubled, %d made up", m.Address, missing, wrong, doubled, made)
		}
	}
}

// TestDailyFreezesAreFetched: nothing reads the registers at midnight; they come
// from the meters, and what the board finds at its first start is made up too.
func TestDailyFreezesAreFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward", "energy.reverse")
		p := newPlace(t, 3, []Group{{Every: 7 * time.Minute, Points: pointsOf(t, "energy.forward.total")}}, History{Of: Daily, Points: points, Back: 72 * time.Hour})
		time.Sleep(10*24*time.Hour + 11*time.Hour)
		first := time.Now()
		p.run(t, 36*time.Hour)
		p.whole(t, first.Add(-71*time.Hour), time.Now(), 24*time.Hour, "energy.forward.total", 0x00010000)
		p.whole(t, first.Add(-71*time.Hour), time.Now(), 24*time.Hour, "energy.forward.t2", 0x00010200)
		for i, m := range p.meters {
			r := p.readings[len(p.readings)-1-i]
			for j := len(p.readings) - 1; r.Meter != m.Address || r.Recalled; j-- {
				r = p.readings[j]
			}
			for point, days := range map[string][2]time.Time{
				"energy.forward.day":   {startOfDay(r.Time), r.Time},
				"energy.forward.month": {time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), r.Time},
			} {
				v, ok := r.Value(point)
				from, _ := m.RegisterAt(0x00010000, days[0])
				to, _ := r.Value("energy.forward.total")
				if want := (dlt645.Decimal{Coef: to.Dec.Coef - from.Coef, Scale: 2}).String(); !ok || v.String() != want {
					t.Errorf("%v: %s is %q, want %s", m.Address, point, v, want)
				}
			}
			told := 0
			for _, r := range p.readings {
				v, ok := r.Value("energy.forward.yesterday")
				if !ok || r.Meter != m.Address {
					continue
				}
				told++
				from, _ := m.RegisterAt(0x00010000, startOfDay(r.Time).AddDate(0, 0, -1))
				to, _ := m.RegisterAt(0x00010000, startOfDay(r.Time))
				if want := (dlt645.Decimal{Coef: to.Coef - from.Coef, Scale: 2}).String(); v.String() != want {
					t.Errorf("%v: yesterday is %s, want %s", m.Address, v, want)
				}
			}
			if told != 2 {
				t.Errorf("%v: yesterday was told %d times in two days", m.Address, told)
			}
		}
		if s := p.last.Meters()[0]; s.Lost > 0 || s.Missed > 0 {
			t.Errorf("meanwhile %d rounds were lost and %d missed", s.Lost, s.Missed)
		}
	})
}

// TestFillingLeavesTheLineToTheRounds: what is fetched takes its share of the
// line at most, and no round waits for it.
func TestFillingLeavesTheLineToTheRounds(t *testing.T) {
	logicAlone(t)
	shares := []int{5, 20, 50}
	if testing.Short() {
		shares = shares[1:2]
	}
	for _, share := range shares {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				points := pointsOf(t, "energy.forward", "voltage", "current", "power.active")
				p := newPlace(t, 8, []Group{{Every: time.Minute, Points: pointsOf(t, "voltage", "current")}, {Every: 15 * time.Minute, Points: points}},
					History{Of: Load, Points: points, Back: 72 * time.Hour}, History{Of: Daily, Points: pointsOf(t, "energy.forward"), Back: 72 * time.Hour})
				p.timing.Baud, p.timing.Timeout = 2400, 2*time.Second // an answer comes as a whole here
				var fetched, last time.Duration
				var sent time.Time
				p.changed = func(c *PollerConfig) {
					c.HistoryShare = share
					c.Bus = NewBus("b1", p.timing, c.Bus.open, func(tr Trace) {
						var f dlt645.Frame
						if _, ok := dlt645.Scan(tr.Wire, &f); !ok {
							return
						}
						di, _ := f.DI()
						if tr.Sent {
							sent = tr.At
						} else if di.Code>>24 == 0x05 || di.Code>>24 == 0x06 {
							fetched += tr.At.Sub(sent)
							last = tr.At.Sub(sent)
						}
					})
				}
				time.Sleep(96 * time.Hour)
				const d = 2 * time.Hour
				p.run(t, d)
				if got := float64(fetched) / float64(d) * 100; got > float64(share) || got < float64(share)/4 {
					t.Errorf("a share of %d %%: it took %.1f %%, the last transaction %v", share, got, last)
				}
				for _, s := range p.last.Meters() {
					if s.Missed > 0 || s.Lost > 0 {
						t.Errorf("a share of %d %%: %s missed %d rounds and lost %d", share, s.Name, s.Missed, s.Lost)
					}
				}
				late := time.Duration(0)
				for _, r := range p.readings {
					if !r.Recalled && r.Time.Sub(r.Round) > late {
						late = r.Time.Sub(r.Round)
					}
				}
				t.Logf("a share of %d %%: fetching took %.1f %%, the latest answer of a round came %v after its moment", share, float64(fetched)/float64(d)*100, late)
			})
		})
	}
}

// TestWhatTheMeterHasNotIsMissingWithItsCause: by habit of the meter.
func TestWhatTheMeterHasNotIsMissingWithItsCause(t *testing.T) {
	logicAlone(t)
	energy := "energy.forward.total"
	for _, c := range []struct {
		quirk string
		of    Memory
		want  Cause
	}{
		{"no-daily", Daily, CauseNever}, {"no-load", Load, CausePower}, {"no-hourly", Hourly, CauseNever},
		{"load-damaged", Load, CauseDamaged}, {"load-checksum", Load, CauseDamaged},
		{"load-shallow", Load, CausePower},
	} {
		t.Run(c.quirk, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				points := pointsOf(t, energy)
				p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: points}}, History{Of: c.of, Points: points, Back: 48 * time.Hour})
				if err := p.meters[0].Give(c.quirk); err != nil {
					t.Fatal(err)
				}
				time.Sleep(48*time.Hour + 7*time.Minute)
				p.run(t, 30*time.Minute) // what was before is not missed
				time.Sleep(48 * time.Hour)
				p.run(t, 8*time.Hour)
				l := p.last.Learned()[0]
				missing, causes := 0, map[Cause]int{}
				for _, d := range l.Records[0].Days {
					missing += d.Missing
					for k, n := range d.Causes {
						causes[k] += n
					}
				}
				t.Logf("%s: %d missing, %v; holes %v", c.quirk, missing, causes, l.Records[0].Holes)
				if causes[c.want] == 0 {
					t.Errorf("%s: %v", c.quirk, causes)
				}
			})
		})
	}
}

// TestRandomOutagesAgainstTheModel: thirty days in which the board, the line and
// meters come and go, clocks are wrong and meters lack things. Each moment of
// the energies is there once at most and right, or counted as missing; the day's
// and the month's energies are the model's to the digit wherever they are told.
func TestRandomOutagesAgainstTheModel(t *testing.T) {
	logicAlone(t)
	seeds, days := 1, 10
	switch {
	case os.Getenv("METERD_LONG") != "":
		seeds, days = 8, 30
	case testing.Short():
		days = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { randomOutages(t, uint64(seed), days) })
		})
	}
}

func randomOutages(t *testing.T, seed uint64, days int) {
	rng := rand.New(rand.NewPCG(seed, 15))
	points := pointsOf(t, "energy.forward.total", "energy.reverse.total")
	p := newPlace(t, 6, []Group{{Every: 15 * time.Minute, Points: points}},
		History{Of: Load, Points: points, Back: 72 * time.Hour}, History{Of: Daily, Points: pointsOf(t, "energy.forward"), Back: 240 * time.Hour})
	for i, quirk := range []string{"", "no-load", "shift", "load-damaged", "small-frames", "outage"} {
		if quirk != "" {
			if err := p.meters[i].Give(quirk); err != nil {
				t.Fatal(err)
			}
		}
	}
	time.Sleep(20*24*time.Hour + 7*time.Minute)
	first := time.Now()
	end := first.AddDate(0, 0, days)
	for time.Now().Before(end) {
		work := time.Duration(1+rng.IntN(40)) * time.Hour
		cut := time.Duration(rng.IntN(20)) * time.Hour
		p.run(t, work, func() {
			if cut == 0 || cut > work {
				return
			}
			time.Sleep(time.Duration(rng.Int64N(int64(work - cut + 1))))
			p.line.Unplug(true)
			time.Sleep(cut)
			p.line.Unplug(false)
		})
		if rng.IntN(3) == 0 { // the power goes before what was learned is kept
			p.learned, p.since = p.before, p.sinceBefore
		}
		time.Sleep(time.Duration(rng.Int64N(int64(16 * time.Hour))))
	}
	p.run(t, 12*time.Hour)
	learned := p.last.Learned()
	for i, m := range p.meters {
		missing, made, moments := 0, 0, 0
		for at := nextRound(first, 15*time.Minute, time.UTC); at.Before(time.Now().Add(-time.Hour)); at = nextRound(at, 15*time.Minute, time.UTC) {
			moments++
			value, n, recalled := p.of(m, "energy.forward.total", at)
			want, _ := m.RegisterAt(0x00010000, at)
			switch {
			case n == 0:
				missing++
			case n > 1:
				t.Errorf("meter %d at %v: it is there %d times", i, at, n)
			case recalled && value != want.String():
				t.Errorf("meter %d at %v: %s, want %s", i, at, value, want)
			}
			if recalled {
				made++
			}
		}
		for _, r := range p.readings {
			if r.Meter == m.Address {
				p.books(t, i, r)
			}
		}
		open := 0
		for _, r := range learned[i].Records {
			for _, n := range r.Open(time.UTC) {
				open += n
			}
		}
		for _, point := range []string{"energy.forward.day", "energy.forward.month", "energy.forward.yesterday"} {
			if p.told[point] == 0 {
				t.Errorf("%s was never told", point)
			}
		}
		t.Logf("meter %d: %d moments, %d made up, %d missing, %d still open", i, moments, made, missing, open)
		if made == 0 || i == 0 && missing > 0 {
			t.Errorf("meter %d: %d of %d moments are missing, %d were made up", i, missing, moments, made)
		}
	}
}

// TestRandomPlansAgainstTheModel: periods, points and kinds of memory change, and go
// back, with cuts of the line and of the power, and states of before. Each moment of
// the plan that was in force is there once.
func TestRandomPlansAgainstTheModel(t *testing.T) {
	logicAlone(t)
	seeds := 1
	if os.Getenv("METERD_LONG") != "" {
		seeds = 30
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { randomPlans(t, uint64(seed)) })
		})
	}
}

func randomPlans(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 16))
	const forward, reverse = "energy.forward.total", "energy.reverse.total"
	zone := time.UTC
	if seed%3 == 1 {
		zone = time.FixedZone("", 5*3600+1800)
	}
	of := func(kind Memory, points ...string) History {
		return History{Of: kind, Points: pointsOf(t, points...), Back: 240 * time.Hour}
	}
	plans := [][]History{
		{of(Load, forward, reverse)}, {of(Load, forward), of(Hourly, reverse)}, {of(Load, forward)}, {}, {of(Load, reverse)}, {of(Hourly, forward), of(Load, reverse)},
	}
	all := []History{of(Load, forward, reverse), of(Hourly, forward, reverse)}
	groups := []Group{{Every: 15 * time.Minute, Points: pointsOf(t, forward, reverse)}}
	p := newPlace(t, 2, groups, plans[0]...)
	p.changed = func(c *PollerConfig) { c.Zone = zone }
	for _, m := range p.meters {
		m.Zone = zone
	}
	type moment struct {
		point string
		at    int64
	}
	expected := map[moment]string{}
	time.Sleep(20*24*time.Hour + 7*time.Minute)
	first := time.Now()
	var story []string
	expect := func(from, to time.Time) {
		for _, l := range lanes(p.handles[0], zone) {
			for at := nextRound(from, l.step, zone); at.Before(to); at = nextRound(at, l.step, zone) {
				if !at.Equal(lastRound(at, 15*time.Minute, zone)) {
					continue // the meter has no such record
				}
				for _, point := range l.Points {
					expected[moment{point.Name, at.Unix()}] = fmt.Sprint(l.Of, l.step)
				}
			}
		}
	}
	before := first
	for i := range 12 {
		history, every := plans[rng.IntN(len(plans))], []time.Duration{5, 7, 15, 15, 30, 60}[rng.IntN(6)]*time.Minute
		if i == 11 {
			history, every = all, 15*time.Minute
		}
		expect(before, time.Now()) // while the board was off, the plan was the one before
		before = time.Now()
		for _, h := range p.handles {
			h.History, h.Groups = history, []Group{{Every: every, Points: groups[0].Points}}
		}
		work := 11*time.Minute + time.Duration(rng.Int64N(int64(10*time.Hour)))
		if i == 11 {
			work = 30 * time.Hour
		}
		cut := time.Duration(rng.Int64N(int64(4 * time.Hour)))
		story = append(story, fmt.Sprintf("%s: %v every %v, for %v", time.Now().In(zone).Format(time.DateTime), lanesText(p.handles[0], zone), every, work))
		kept := rng.IntN(3) > 0
		p.run(t, work, func() {
			if !kept {
				time.Sleep(30 * time.Second) // what was learned is kept soon after the plan became another
				p.keep(t)
			}
			if cut > work || i == 11 {
				return
			}
			time.Sleep(time.Duration(rng.Int64N(int64(work - cut))))
			p.line.Unplug(true)
			time.Sleep(cut)
			p.line.Unplug(false)
		})
		if !kept {
			story = append(story, "the state is that of the beginning")
			p.learned, p.since = p.before, p.sinceBefore
		}
		expect(before, time.Now())
		before = time.Now()
		if rng.IntN(2) == 0 {
			time.Sleep(time.Duration(rng.Int64N(int64(5 * time.Hour))))
		}
	}
	absent, twice := 0, 0
	for i, m := range p.meters {
		missing := 0
		for _, r := range p.last.Learned()[i].Records {
			for _, d := range r.Days {
				missing += d.Missing
			}
		}
		lacks := 0
		for at := nextRound(first, time.Minute, zone); at.Before(time.Now().Add(-time.Hour)); at = at.Add(time.Minute) {
			for _, point := range []string{forward, reverse} {
				_, n, recalled := p.of(m, point, at)
				why, want := expected[moment{point, at.Unix()}]
				switch {
				case n > 1:
					if twice++; twice < 10 {
						t.Errorf("%s of meter %d at %v is there %d times", point, i, at.In(zone), n)
					}
				case n == 0 && want:
					lacks++
					if absent++; absent < 10 && missing == 0 {
						t.Errorf("%s of meter %d at %v is not there, of %s; recalled %v", point, i, at.In(zone), why, recalled)
					}
				}
			}
		}
		if lacks > missing {
			t.Errorf("meter %d: %d values lack, and %d count as missing", i, lacks, missing)
		}
		t.Logf("meter %d: %d lack, %d are missing, of %d", i, lacks, missing, len(expected))
	}
	if t.Failed() {
		t.Log(strings.Join(story, "\n"))
	}
}

func lanesText(h *Handle, zone *time.Location) (s string) {
	for _, l := range lanes(h, zone) {
		s += fmt.Sprintf("[%s %v %v of %d]", l.Of, l.step, l.every, len(l.Points))
	}
	return s
}

// books sees that what a reading says of days and months is what the model says.
func (p *site) books(t *testing.T, i int, r Reading) {
	t.Helper()
	m := p.meters[i]
	now := r.Time
	for _, c := range []struct {
		point    string
		from, to time.Time
	}{
		{"energy.forward.day", startOfDay(now), now},
		{"energy.forward.month", time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC), now},
		{"energy.forward.yesterday", startOfDay(now).AddDate(0, 0, -1), startOfDay(now)},
		{"energy.forward.lastmonth", time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, time.UTC), time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)},
	} {
		v, ok := r.Value(c.point)
		if !ok {
			continue
		}
		p.told[c.point]++
		from, _ := m.RegisterAt(0x00010000, c.from)
		to, _ := m.RegisterAt(0x00010000, c.to)
		if c.to.Equal(now) {
			v, _ := r.Value("energy.forward.total")
			to = v.Dec
		}
		if got, want := v.Dec.Coef, to.Coef-from.Coef; got != want {
			mark, known := p.last.Learned()[i].Books.at(c.from.Format(time.DateOnly))
			t.Errorf("meter %d at %v: %s is %s, want %d; the mark is %v %v", i, now, c.point, v, want, mark, known)
		}
	}
}

// TestWhatWasMadeUpLastSaysNothingOfTheTime: the first reading that is looked up
// in the ring after a start may be one of days ago, which the meter's memory had.
// What was judged since then stays judged.
func TestWhatWasMadeUpLastSaysNothingOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: points}}, History{Of: Load, Points: points, Back: 240 * time.Hour})
		time.Sleep(10*24*time.Hour + 7*time.Minute)
		p.run(t, 80*time.Hour)
		before := p.last.Learned()[0].Records[0]
		old := Reading{Meter: p.meters[0].Address, Trusted: true, Recalled: true, Values: p.readings[0].Values}
		old.Time = startOfDay(time.Now()).AddDate(0, 0, -4)
		old.Round = old.Time
		p.readings = append(p.readings, old)
		p.since = len(p.readings) - 1
		p.run(t, time.Second)
		after := p.last.Learned()[0].Records[0]
		if after.Next < before.Next || len(after.Days) < len(before.Days) || after.Days[1].Live != before.Days[1].Live {
			t.Errorf("judged until %v, and before the start until %v; days %+v and %+v", time.Unix(after.Next, 0), time.Unix(before.Next, 0), after.Days, before.Days)
		}
	})
}

// TestAMeterWhoseClockIsWrongIsDoubted: its records are marked, and no day is
// counted from them.
func TestAMeterWhoseClockIsWrongIsDoubted(t *testing.T) {
	for off, doubtful := range map[time.Duration]bool{0: false, 4 * time.Minute: false, -6 * time.Minute: true, 40 * time.Minute: true} {
		t.Run(off.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				points := pointsOf(t, "energy.forward.total")
				p := newPlace(t, 1, []Group{{Every: 7 * time.Minute, Points: points}}, History{Of: Daily, Points: points, Back: 48 * time.Hour})
				p.meters[0].ClockOffset = off
				times := 0
				p.meters[0].Quirks.Answer = func(f dlt645.Frame) []byte {
					if di, ok := f.DI(); ok && di.Code>>16 == 0x0506 {
						times++
					}
					return nil
				}
				time.Sleep(10*24*time.Hour + 11*time.Hour)
				p.run(t, 6*time.Hour)
				if times > 40 { // four days of the books, not each hour again
					t.Errorf("freezes are asked for %d times in six hours", times)
				}
				recalled, days := 0, 0
				for _, r := range p.readings {
					if r.Recalled {
						recalled++
						if r.Doubtful != doubtful {
							t.Errorf("the freeze of %v is doubtful: %v", r.Time, r.Doubtful)
						}
					}
					if _, ok := r.Value("energy.forward.day"); ok {
						days++
					}
				}
				if recalled != 2 || (days == 0) != doubtful {
					t.Errorf("%d freezes, and %d readings tell the day", recalled, days)
				}
			})
		})
	}
}

// TestYesterdayIsGivenToWhoAsks: as often as somebody does, and unasked once.
func TestYesterdayIsGivenToWhoAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: points}})
		time.Sleep(10*24*time.Hour + 11*time.Hour)
		var asked []PointValue
		p.run(t, 2*time.Hour, func() {
			time.Sleep(time.Hour)
			for range 2 {
				values, err := p.last.Values(t.Context(), p.handles[0], pointsOf(t, "energy.forward.yesterday"))
				if err != nil {
					t.Error(err)
				}
				asked = append(asked, values...)
			}
			if err := p.last.ReadExtra(t.Context(), p.handles[0], points); err != nil {
				t.Error(err)
			}
		})
		var told []PointValue
		for _, r := range p.readings {
			if v, ok := r.Value("energy.forward.yesterday"); ok {
				told = append(told, PointValue{"energy.forward.yesterday", v})
			}
		}
		if len(told) != 1 || len(asked) != 2 || asked[0] != told[0] || asked[1] != told[0] {
			t.Errorf("told %v, and who asks is given %v", told, asked)
		}
	})
}

// TestMoreOfARecordIsFetchedWhenAsked: also what counts as missing.
func TestMoreOfARecordIsFetchedWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: points}}, History{Of: Load, Points: points, Back: time.Hour})
		time.Sleep(10*24*time.Hour + 7*time.Minute)
		start := time.Now()
		p.run(t, 4*time.Hour, func() {
			time.Sleep(2*time.Hour + time.Minute)
			have := map[int64][]string{}
			p.mu.Lock()
			for _, r := range p.readings {
				have[r.Round.Unix()] = []string{"energy.forward.total"}
			}
			p.mu.Unlock()
			if n := p.last.Fetch(p.handles[0], start.Add(-24*time.Hour), time.Now(), have); n != 24*4-4 {
				t.Errorf("%d moments are asked for, want those of a day without the last hour", n)
			}
		})
		p.whole(t, start.Add(-24*time.Hour), time.Now(), 15*time.Minute, "energy.forward.total", 0x00010000)
	})
}

// TestEventsThatTheMeterRemembersAreTold: with the times of their records, in
// their order, also those of while the board was off; each once.
func TestEventsThatTheMeterRemembersAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := pointsOf(t, "count.outage", "count.cover")
		p := newPlace(t, 1, []Group{{Every: 10 * time.Minute, Points: counts}}, History{Of: Events, Points: counts, Back: 24 * time.Hour})
		m := p.meters[0]
		var want []string
		outage := func(ago, d time.Duration) {
			at := time.Now().Add(-ago)
			m.Power(true, at)
			m.Power(false, at.Add(d))
			want = append(want, "power-off "+at.Format(time.DateTime)+" end "+at.Add(d).Format(time.DateTime))
		}
		time.Sleep(10*24*time.Hour + 7*time.Minute)
		m.Advance(time.Now())
		time.Sleep(time.Hour)
		m.Power(true, time.Now()) // before the board came: nobody is told
		time.Sleep(time.Hour)
		m.Power(false, time.Now())
		p.run(t, 3*time.Hour, func() {
			time.Sleep(time.Hour)
			outage(2*time.Minute, time.Minute)
			time.Sleep(40 * time.Minute)
		})
		time.Sleep(time.Hour)
		outage(0, time.Minute)
		time.Sleep(time.Hour)
		outage(0, 90*time.Second)
		time.Sleep(time.Hour)
		m.Cover(true, time.Now())
		cover := "cover-opened " + time.Now().Format(time.DateTime)
		time.Sleep(time.Minute)
		m.Cover(false, time.Now())
		p.run(t, 2*time.Hour)
		p.run(t, 2*time.Hour)
		var got []string
		covers := 0
		for _, e := range p.events {
			switch line := e.Kind + " " + e.Time.Format(time.DateTime) + " " + e.Text; {
			case !e.Recalled:
			case e.Kind == EventCover:
				covers++
				if !strings.HasPrefix(line, cover) || !strings.Contains(line, "kWh") {
					t.Errorf("the cover: %s, want %s and what the registers stood at", line, cover)
				}
			default:
				got = append(got, line)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || covers != 1 {
			t.Errorf("told\n%s\nwant\n%s\nand %d covers", strings.Join(got, "\n"), strings.Join(want, "\n"), covers)
		}
	})
}

// TestWhatADeadMeterMissesIsKnownAtOnce, not only when it is back: its days are not
// whole until then.
func TestWhatADeadMeterMissesIsKnownAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 2, []Group{{Every: 15 * time.Minute, Points: points}}, History{Of: Load, Points: points, Back: 48 * time.Hour})
		time.Sleep(10*24*time.Hour + 7*time.Minute)
		p.run(t, 30*time.Hour, func() {
			time.Sleep(10 * time.Hour)
			p.meters[1].Change(func(m *dlt645test.Meter) { // it is silent from now on
				m.Quirks.Answer = withAnswer(func(dlt645.Frame) bool { return true }, []byte{})
			})
			time.Sleep(19 * time.Hour)
			for i, want := range []int{0, 19*4 - 1} { // but for the round that may still come
				open := 0
				for _, n := range p.last.Learned()[i].Records[0].Open(time.UTC) {
					open += n
				}
				if open != want {
					t.Errorf("meter %d: %d moments are open, want %d", i, open, want)
				}
			}
		})
	})
}

// TestADeadMeterDoesNotWearTheFlash: what it misses each minute is not worth a write
// of what was learned each.
func TestADeadMeterDoesNotWearTheFlash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 1, []Group{{Every: time.Minute, Points: points}}, History{Of: Load, Points: points, Back: time.Hour})
		time.Sleep(10*24*time.Hour + 7*time.Minute)
		p.run(t, 64*time.Hour, func() {
			time.Sleep(time.Hour)
			p.meters[0].Change(func(m *dlt645test.Meter) { // it is silent from now on
				m.Quirks.Answer = withAnswer(func(dlt645.Frame) bool { return true }, []byte{})
			})
			time.Sleep(time.Hour)
			for _, while := range []string{"holes come", "and the oldest expire"} {
				writes := 0
				for range 6 * 360 { // as often as the board looks
					if p.last.Changed() {
						writes++
					}
					time.Sleep(10 * time.Second)
				}
				if writes > 6*4+1 {
					t.Errorf("%s: what was learned is written %d times in six hours", while, writes)
				}
				time.Sleep(24 * time.Hour)
			}
		})
	})
}

// quartersThenTens wants each quarter-hour of the first meter once until the plan has
// changed, from then on each ten minutes, and nothing else.
func (p *site) quartersThenTens(t *testing.T, from, changed, until time.Time, point string) {
	t.Helper()
	for at := from; at.Before(until); at = at.Add(5 * time.Minute) {
		_, times, recalled := p.of(p.meters[0], point, at)
		every := 15 * time.Minute
		if at.After(changed) {
			every = 10 * time.Minute
		}
		if want := map[bool]int{true: 1}[at.Equal(at.Truncate(every))]; times != want {
			t.Errorf("%v is there %d times, want %d; made up: %v", at, times, want, recalled)
		}
	}
}

// TestAnotherPlanAfterAKill: the moment that was due next when the plan changed is
// none of the old one any more, and nothing is made up besides what was read.
func TestAnotherPlanAfterAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: points}}, History{Of: Load, Points: points, Back: 4 * time.Hour})
		time.Sleep(10*24*time.Hour + 10*time.Hour)
		p.run(t, 3*time.Hour+41*time.Minute)
		p.since = len(p.readings) - 1 // the last one came after the state was kept
		p.handles[0].Groups[0].Every = 10 * time.Minute
		start := time.Now()
		p.run(t, 2*time.Hour)
		p.quartersThenTens(t, start.Add(-3*time.Hour).Truncate(5*time.Minute), start, start.Add(110*time.Minute), points[0].Name)
	})
}

// TestAnotherPlanAfterAnOldState: the power went hours after the state was kept, and the
// plan is another one at the next start. What the old one read since then is there,
// what it lacked is made up at its moments, and the new one begins with the start.
func TestAnotherPlanAfterAnOldState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: points}}, History{Of: Load, Points: points, Back: 48 * time.Hour})
		time.Sleep(10*24*time.Hour + 10*time.Hour)
		p.run(t, 3*time.Hour+41*time.Minute)
		begun := time.Now()
		p.run(t, 8*time.Hour, func() {
			time.Sleep(2*time.Hour + 5*time.Minute)
			p.line.Unplug(true)
			time.Sleep(time.Hour)
			p.line.Unplug(false)
		})
		p.readings = slices.DeleteFunc(p.readings, func(r Reading) bool { return r.Recalled && r.Round.After(begun) }) // the same as if nothing had been made up yet
		p.learned, p.since = p.before, p.sinceBefore
		p.handles[0].Groups[0].Every = 10 * time.Minute
		start := time.Now()
		p.run(t, 6*time.Hour)
		p.quartersThenTens(t, begun.Truncate(5*time.Minute).Add(5*time.Minute), start, start.Add(5*time.Hour+50*time.Minute), points[0].Name)
	})
}

// TestAMeterWithoutAMemoryThatIsAwayMissesNothing: while it is dead it may be one of
// any edition, but nothing was ever made up of it.
func TestAMeterWithoutAMemoryThatIsAwayMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := pointsOf(t, "energy.forward.total")
		p := newPlace(t, 1, []Group{{Every: 15 * time.Minute, Points: points}}, History{Of: Load, Points: points, Back: time.Hour})
		p.meters[0].Protocol = dlt645.V1997
		p.handles[0].Auto = true
		time.Sleep(10*24*time.Hour + 7*time.Minute)
		p.run(t, 48*time.Hour, func() {
			time.Sleep(2 * time.Hour)
			p.line.Unplug(true)
			time.Sleep(45 * time.Hour)
			for _, r := range p.last.Learned()[0].Records {
				t.Errorf("an account of %s: holes %+v, days %+v", r.Of, r.Holes, r.Days)
			}
		})
		for _, e := range p.events {
			if e.Kind == EventMissing {
				t.Errorf("told: %s", e.Text)
			}
		}
	})
}

// TestAWishForAnHourLeavesTheRestOfItsDayMissing: what is not asked for again counts as
// missing still.
func TestAWishForAnHourLeavesTheRestOfItsDayMissing(t *testing.T) {
	points := pointsOf(t, "energy.forward.total", "energy.reverse.total")
	h := &Handle{Groups: []Group{{Every: 15 * time.Minute, Points: points}}, History: []History{{Of: Load, Points: points, Back: 72 * time.Hour}}}
	p := NewPoller(PollerConfig{Bus: NewBus("b", Timing{Baud: 2400}, nil, nil), Meters: []*Handle{h}})
	now := startOfDay(time.Now()).Add(20 * time.Hour).UTC()
	m := p.meters[0]
	begun := startOfDay(now)
	p.archive.begin(m, begun)
	r := m.health.learned.Records[0]
	r.Next = begun.Unix()
	r.look(begun.Add(12*time.Hour-time.Minute), 0, CauseLine, 2)
	r.missing(begun, begun.Add(12*time.Hour), CausePower, 2) // 48 moments of two points
	hour := func(from int) order {
		return order{0, begun.Add(time.Duration(from) * time.Hour), begun.Add(time.Duration(from)*time.Hour + 59*time.Minute), nil}
	}
	for i, want := range []int{88, 88, 80} {
		p.archive.wishes.add(hour([]int{10, 10, 3}[i]))
		p.archive.obey(now)
		if d := r.day(now); d.Missing != want || d.Causes[CausePower] != want {
			t.Errorf("after wish %d the day is %+v, want %d missing", i+1, *d, want)
		}
	}
	if got, want := r.rows(), "03:00-03:45 10:00-10:45"; got != want {
		t.Errorf("holes %s, want %s", got, want)
	}
}
