package station

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/journal"
	"meterd/cmd/meterd/takeover"
	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/uplinktest"
)

// The soak: a whole board but for its console, over days of fake time, on lines
// of simulated meters, with two platforms, while all that may happen to it does:
// lines are cut, adapters unplugged, brokers go for hours and for days, the power
// goes, the program is killed, configurations and meters change, meters' clocks
// jump. A model knows what each register stood at; each moment of each meter is
// at both platforms once, with its value, or is counted as missing with a cause.

const (
	soakLines   = 4
	soakStep    = 15 * time.Minute
	soakTotal   = "energy.forward.total"
	soakReverse = "energy.reverse.total"
	soakTuyaDP  = "44" // of soakTotal
	soakRoom    = 64 << 20
	soakLate    = 2 * soakStep // after its moment a round is still read
	soakStands  = 2 * time.Minute
	soakProfile = `[[profile]]
name = "p"
[[profile.poll]]
every = "%[1]s"
points = ["energy.forward.total", "energy.reverse.total", "power.active.total"]
[[profile.history]]
of = "load"
points = ["energy.forward.total", "energy.reverse.total"]
back = "%[2]s"
[[profile.history]]
of = "daily"
points = ["energy.forward"]
back = "%[2]s"
`
)

// tenure is a meter at its place for a time.
type tenure struct {
	*dlt645test.Meter
	from, to time.Time      // to is zero while it hangs there
	wrong    [][2]time.Time // when its clock was; the second of the last is zero while it is
}

// cloud is a platform and what lies before it.
type cloud struct {
	*uplinktest.Pipes
	down atomic.Bool
	back time.Time // owned by the test
}

func (c *cloud) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if c.down.Load() {
		return nil, errors.New("connection refused")
	}
	return c.Reach(ctx, network, addr)
}

type at struct {
	meter  string
	millis int64
}

// soak is the whole of it. Its methods are called from the test's goroutine.
type soak struct {
	t         *testing.T
	rng       *rand.Rand
	dir       string
	zone      *time.Location
	all       []*tenure // each that ever hung at a place
	places    []*tenure // that hangs there now
	lines     [soakLines]*dlt645test.Line
	unplugged [soakLines]atomic.Bool // the adapter is gone
	free      [soakLines]time.Time   // when what happens to a line ends
	tuya      uplinktest.Tuya
	consumer  uplinktest.Consumer
	clouds    [2]*cloud
	every     time.Duration
	profile   string      // of all meters
	fill      string      // how far the record is filled
	changed   []time.Time // when the period became another
	boots     uint32
	booted    time.Time
	begun     time.Time
	trusted   time.Time                       // when the board first knew the time
	read      uint64                          // how far the ring was looked through
	doubtful  map[at]bool                     // readings that the board doubts
	kept      map[at]int64                    // the rounds of the readings that were in the ring, in milliseconds
	days      map[string]map[string]meter.Day // by address and day, of the load records
	lacks     map[string]map[string]int       // by address and day, the values that were still to be made up
	takenOut  map[string]int                  // how often that was told of a meter after its end
	happened  map[string]int

	mu      sync.Mutex
	total   map[string]map[int64]string            // by address and millis, at the consumer; guarded by mu
	reverse map[string]map[int64]string            // likewise
	dp      map[string]map[int64]string            // the same at Tuya; guarded by mu
	books   map[string]map[string]map[int64]string // by point, address and millis; guarded by mu
}

// soakTest has what a test does happen to a board with so many meters, and holds
// what came against the model.
func soakTest(t *testing.T, seed uint64, meters int, during func(*soak)) {
	data := t.TempDir()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() { // a sync costs nothing there
		if data, err = os.MkdirTemp("/dev/shm", "soak"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(data) })
	}
	s := &soak{
		rng: rand.New(rand.NewPCG(seed, 20)), dir: filepath.Join(data, "data"), zone: time.FixedZone("CST", 8*3600), every: soakStep, profile: soakProfile, fill: "2d",
		doubtful: map[at]bool{}, kept: map[at]int64{}, days: map[string]map[string]meter.Day{}, happened: map[string]int{}, lacks: map[string]map[string]int{}, takenOut: map[string]int{},
		total: map[string]map[int64]string{}, reverse: map[string]map[int64]string{}, dp: map[string]map[int64]string{}, books: map[string]map[string]map[int64]string{},
		consumer: uplinktest.Consumer{Gateway: "gw1", Prefix: "meterd", Layout: "json", Reply: true},
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s.t = t
		time.Sleep(time.Until(time.Date(2026, 3, 10, 20, 7, 0, 0, s.zone)))
		s.consumer.Stored = s.stored
		s.tuya.Stored = s.reported
		over := make(chan struct{})
		for i, p := range []uplinktest.Platform{&s.tuya, &s.consumer} {
			s.clouds[i] = &cloud{Pipes: &uplinktest.Pipes{Platform: p, Over: over}}
		}
		for i := range meters {
			s.hang(i)
		}
		s.begun, s.booted, s.trusted = time.Now(), time.Now(), soakBuilt(s.zone)
		s.changed = []time.Time{s.begun}
		s.wire()
		during(s)
		s.calm()
		close(over)
		time.Sleep(time.Hour)
		s.judge()
	})
}

// hang hangs a new meter at a place.
func (s *soak) hang(place int) {
	var a dlt645.Address
	n := len(s.all) + 1
	a[0], a[1] = 0x20, 0x26
	a[4], a[5] = byte(n/100%10<<4|n/10%10), byte(n%10)
	m := dlt645test.NewMeter(a, 3)
	m.Zone = s.zone
	m.Since = time.Now().AddDate(0, -3, 0)
	watts := int64(300 * (n%50 + 1))
	m.Consume = func(at time.Time) dlt645test.Power {
		return dlt645test.Power{Active: watts + 10*int64(at.Hour()), Reactive: watts / 5}
	}
	if quirk := []string{"", "", "", "small-frames", "shift", "no-load", "load-damaged", "no-block"}[n%8]; quirk != "" {
		if err := m.Give(quirk); err != nil {
			s.t.Fatal(err)
		}
	}
	now := time.Now()
	next := &tenure{Meter: m, from: now}
	if place < len(s.places) {
		s.places[place].to = now
		s.places[place] = next
	} else {
		s.places = append(s.places, next)
	}
	s.all = append(s.all, next)
}

// text is the configuration of the moment.
func (s *soak) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[gateway]\nid = \"gw1\"\ntimezone = \"Asia/Shanghai\"\n[store]\npath = %q\nsize = \"%dMiB\"\n[console]\nsocket = %q\n[board]\nled = \"\"\nwatchdog = \"\"\n[clock]\nset = false\ntrust = \"sane\"\n",
		filepath.Join(s.dir, "x.ring"), soakRoom>>20, filepath.Join(s.dir, "run", "sock"))
	for i := range soakLines {
		fmt.Fprintf(&b, "[[bus]]\nname = \"b%d\"\nport = \"/dev/b%d\"\nbaud = 9600\n", i, i)
	}
	fmt.Fprintf(&b, s.profile, s.every, s.fill)
	for i, m := range s.places {
		fmt.Fprintf(&b, "[[meter]]\nname = \"m%d\"\nbus = \"b%d\"\naddress = %q\nprofile = \"p\"\n", i, i%soakLines, m.Address.String())
	}
	b.WriteString("[[uplink]]\nname = \"tuya\"\nkind = \"tuya\"\nbroker = \"tcp://tuya:1883\"\nusername = \"v1\"\n[uplink.tuya]\nproduct_id = \"p1\"\ntime = \"ms\"\n")
	b.WriteString("[[uplink]]\nname = \"own\"\nkind = \"mqtt\"\nbroker = \"tcp://own:1883\"\n[uplink.mqtt]\nacknowledge = \"reply\"\n")
	return b.String()
}

// board is one start of the program.
type soakBoard struct {
	st   *Station
	sh   *shift
	stop context.CancelFunc
	done chan error
}

// soakBuilt is when the program was made: no clock is right before that.
func soakBuilt(zone *time.Location) time.Time { return time.Date(2026, 3, 11, 0, 0, 0, 0, zone) }

// start starts the program.
func (s *soak) start() *soakBoard {
	s.t.Helper()
	path := filepath.Join(s.dir, "meterd.toml")
	if err := errors.Join(os.MkdirAll(filepath.Join(s.dir, "run"), 0o700), os.WriteFile(path, []byte(s.text()), 0o600)); err != nil {
		s.t.Fatal(err)
	}
	var log io.Writer = io.Discard
	if soakTells {
		log = s.t.Output()
	}
	st := New(Config{Version: "test", Built: soakBuilt(s.zone), Files: takeover.NewFiles(path), Journal: journal.New(log, slog.LevelInfo)})
	st.boot, st.uptime = s.boots, func() time.Duration { return time.Since(s.booted) }
	st.hardware = func() string { return "02:00:00:00:00:01" }
	st.open = s.open
	first, problems, err := st.First()
	if err != nil {
		s.t.Fatal(err, problems)
	}
	b := &soakBoard{st: st}
	b.run(s, first)
	return b
}

// run has a configuration at work.
func (b *soakBoard) run(s *soak, c takeover.Change) {
	s.t.Helper()
	for i := range c.Config.Uplinks {
		c.Config.Uplinks[i].Endpoint.Dial = s.clouds[i].dial
	}
	b.st.witness = witnessOf(c.Config)
	if err := b.st.useRing(c.Config.Store); err != nil {
		s.t.Fatal(err)
	}
	b.sh = newShift(b.st, c.Config)
	b.st.enter(b.sh, c)
	var ctx context.Context
	ctx, b.stop = context.WithCancel(context.Background())
	b.done = make(chan error, 1)
	g, ctx := errgroup.WithContext(ctx)
	b.sh.begin(ctx, g)
	go func() { b.done <- b.sh.wait(g) }()
}

// rest ends what a configuration runs, and notes what it knows of its record.
func (b *soakBoard) rest(s *soak) {
	b.stop()
	if err := <-b.done; err != nil {
		s.t.Error(err)
	}
	for _, line := range b.sh.lines {
		for _, l := range line.Learned() {
			days := map[string]meter.Day{}
			s.lacks[l.Address] = map[string]int{}
			for _, r := range l.Records {
				if r.Of != meter.Load {
					continue
				}
				for day, n := range r.Lacks(s.zone) {
					s.lacks[l.Address][day] += n
				}
				for _, d := range r.Days {
					sum := days[d.Day] // what an earlier plan left is an account of its own
					days[d.Day] = meter.Day{Day: d.Day, Live: sum.Live + d.Live, Made: sum.Made + d.Made, Missing: sum.Missing + d.Missing, Causes: d.Causes}
				}
			}
			if s.days[l.Address] == nil {
				s.days[l.Address] = map[string]meter.Day{}
			}
			maps.Copy(s.days[l.Address], days)
		}
	}
}

// reload brings a changed configuration to work.
func (b *soakBoard) reload(s *soak) {
	s.t.Helper()
	b.rest(s)
	s.wire()
	if err := os.WriteFile(b.st.Files.Path, []byte(s.text()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	c, problems := config.Load(b.st.Files.Path)
	if config.Failed(problems) {
		s.t.Fatal(problems)
	}
	b.run(s, takeover.Change{Config: c, Text: s.text()})
}

// end ends the program as it is asked to.
func (b *soakBoard) end(s *soak) {
	b.rest(s)
	if err := b.st.tasks.end(taskRing); err != nil {
		s.t.Error(err)
	}
	s.look()
}

// cut ends it as kill -9 does: what is on flash at that moment stays. With the
// power what lies in memory goes too.
func (b *soakBoard) cut(s *soak, power bool) {
	s.t.Helper()
	synctest.Wait() // nobody writes
	before := s.dir + ".before"
	if err := os.CopyFS(before, os.DirFS(s.dir)); err != nil {
		s.t.Fatal(err)
	}
	b.stop()
	<-b.done
	b.st.tasks.end(taskRing)
	if err := errors.Join(os.RemoveAll(s.dir), os.Rename(before, s.dir)); err != nil {
		s.t.Fatal(err)
	}
	if power {
		s.boots++
		os.RemoveAll(filepath.Join(s.dir, "run"))
	}
	s.look()
}

// look looks through what is new in the ring.
func (s *soak) look() {
	s.t.Helper()
	ring, err := store.OpenReadOnly(filepath.Join(s.dir, "x.ring"), meter.Packing{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer ring.Close()
	rd := ring.NewReader(s.read)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if e.Gap != nil {
			continue
		}
		s.read = e.Seq
		var r meter.Reading
		var happened meter.Event
		if r.UnmarshalBinary(e.Data) != nil {
			if happened.UnmarshalBinary(e.Data) == nil && happened.Kind == meter.EventMissing && strings.HasPrefix(happened.Text, "the configuration no longer names") {
				s.takenOut[happened.Meter.String()]++
			}
			continue
		}
		of := at{r.Meter.String(), r.Time.UnixMilli()}
		if s.kept[of] = r.Round.UnixMilli(); r.Doubtful {
			s.doubtful[of] = true
		}
		_, registers := r.Value(soakTotal) // else it is of the clock, which has no moments
		if late := r.Time.Sub(r.Round); registers && (late < 0 || late > soakLate) {
			s.t.Errorf("%v at %v: of the round of %v", r.Meter, r.Time, r.Round)
		}
	}
}

// open opens a line, where its adapter is plugged in.
func (s *soak) open(b config.Bus) (meter.Port, error) {
	var n int
	fmt.Sscanf(b.Name, "b%d", &n)
	if s.unplugged[n].Load() {
		return nil, errors.New("no such device")
	}
	ours, theirs := dlt645test.Pipe()
	line := s.lines[n]
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		line.Serve(ctx, theirs)
	}()
	return &soakPort{ours, &s.unplugged[n], cancel}, nil
}

// soakPort is an adapter, which may be pulled.
type soakPort struct {
	*dlt645test.End
	gone   *atomic.Bool
	cancel context.CancelFunc
}

func (p *soakPort) Read(b []byte) (int, error) {
	if p.gone.Load() {
		return 0, errors.New("input/output error")
	}
	return p.End.Read(b)
}

func (p *soakPort) Close() error {
	p.cancel()
	return p.End.Close()
}

// wire puts the meters of each place on their lines.
func (s *soak) wire() {
	synctest.Wait() // nobody is at them
	for i := range s.lines {
		if s.lines[i] == nil {
			s.lines[i] = &dlt645test.Line{Baud: 9600, Whole: true}
		}
		s.lines[i].Meters = nil
		for j, m := range s.places {
			if j%soakLines == i {
				s.lines[i].Meters = append(s.lines[i].Meters, m.Meter)
			}
		}
	}
}

// live has the board work for a while, then end in one of the ways.
func (s *soak) live(d time.Duration) {
	s.wire()
	b := s.start()
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Hour)
		s.happens(b)
	}
	if s.rng.IntN(2) == 0 { // amid a round, or before it is durable
		now := time.Now()
		time.Sleep(now.Truncate(s.every).Add(s.every).Sub(now) + time.Duration(s.rng.Int64N(int64(40*time.Second))))
	}
	switch how := s.rng.IntN(4); how {
	case 0:
		s.note("ended and started")
		b.end(s)
	case 1:
		s.note("killed")
		b.cut(s, false)
	default:
		s.note("power cut")
		b.cut(s, true)
		off := time.Now()
		time.Sleep(time.Duration(s.rng.Int64N(int64(14 * time.Hour))))
		if s.booted = time.Now(); off.Before(s.trusted) && s.booted.After(s.trusted) {
			s.trusted = s.booted
		}
		s.tell("the power is there again")
	}
}

// note notes what happened.
func (s *soak) note(what string, to ...any) {
	s.happened[what]++
	s.tell(what, to...)
}

// tell puts into the log what happened.
func (s *soak) tell(what string, to ...any) {
	if soakTells {
		s.t.Log(time.Now().In(s.zone).Format(time.DateTime), what, to)
	}
}

// soakTells has the log of the board and what happened in the test's output.
var soakTells = os.Getenv("SOAK_LOG") != ""

// happens decides what happens in an hour.
func (s *soak) happens(b *soakBoard) {
	s.look() // before it is overwritten: weeks that are made up fill the ring
	now := time.Now()
	for i := range s.lines {
		if now.Before(s.free[i]) {
			continue
		}
		s.lines[i].Unplug(false)
		s.unplugged[i].Store(false)
		switch s.rng.IntN(60) {
		case 0:
			s.note("line cut", i)
			s.lines[i].Unplug(true)
			s.free[i] = now.Add(time.Duration(1+s.rng.IntN(9)) * time.Hour)
		case 1:
			s.note("adapter unplugged", i)
			s.unplugged[i].Store(true)
			s.free[i] = now.Add(time.Duration(1+s.rng.IntN(5)) * time.Hour)
		}
	}
	for i, c := range s.clouds {
		if now.Before(c.back) {
			continue
		}
		c.down.Store(false)
		switch s.rng.IntN(80) {
		case 0:
			s.note("broker away for hours", i)
			c.back = now.Add(time.Duration(1+s.rng.IntN(20)) * time.Hour)
		case 1:
			if s.rng.IntN(4) == 0 {
				s.note("broker away for days", i)
				c.back = now.Add(time.Duration(3+s.rng.IntN(6)) * 24 * time.Hour)
			}
		case 2:
			s.note(fmt.Sprintf("connection %d loses everything", i))
			c.Partition(true, false)
		}
		if now.Before(c.back) {
			c.Partition(true, false)
			c.down.Store(true)
		}
	}
	for _, m := range s.places {
		switch off := m.ClockOffset; {
		case off == 0 && s.rng.IntN(40*len(s.places)) == 0:
			by := time.Duration(s.rng.IntN(80)-40) * time.Minute
			s.note("a meter's clock jumps", m.Address, by)
			m.set(by)
			m.wrong = append(m.wrong, [2]time.Time{now})
		case off != 0 && s.rng.IntN(12) == 0:
			s.right(m)
		}
	}
	switch s.rng.IntN(100) {
	case 0:
		s.note("period changed")
		s.every = map[time.Duration]time.Duration{soakStep: 2 * soakStep, 2 * soakStep: soakStep}[s.every]
		s.changed = append(s.changed, now)
		b.reload(s)
	case 1:
		s.note("meter replaced")
		s.hang(s.rng.IntN(len(s.places)))
		b.reload(s)
	}
}

// right sets a meter's clock right.
func (s *soak) right(m *tenure) {
	if n := len(m.wrong); n > 0 && m.wrong[n-1][1].IsZero() {
		s.tell("a meter's clock is right", m.Address)
		m.wrong[n-1][1] = time.Now()
	}
	m.set(0)
}

// set sets how far a meter's clock is ahead, and asks it: the simulated meter's
// clock jumps when it is next asked, which a line that is cut would put off.
func (m *tenure) set(ahead time.Duration) {
	m.Change(func(m *dlt645test.Meter) { m.ClockOffset = ahead })
	m.Answer(dlt645.ReadRequest(m.Address, dlt645.DI{Code: 0x04000102}), time.Now())
}

// calm has the board work undisturbed until nothing is left to do.
func (s *soak) calm() {
	s.t.Helper()
	for i := range s.lines {
		s.lines[i].Unplug(false)
		s.unplugged[i].Store(false)
	}
	for _, c := range s.clouds {
		c.down.Store(false)
	}
	for _, m := range s.places {
		s.right(m)
	}
	s.wire()
	b := s.start()
	time.Sleep(26 * time.Hour)
	for range 240 {
		waits := 0
		for _, u := range b.sh.uplinks {
			waits += u.State().Queued
		}
		if waits == 0 {
			break
		}
		time.Sleep(time.Minute)
	}
	for _, u := range b.sh.uplinks {
		if st := u.State(); st.Queued > 0 || st.Counts.Strangers+st.Counts.Lost+st.Counts.Refused+st.Counts.SetAside > 0 {
			s.t.Errorf("%s: %+v", u.Name, st)
		}
	}
	b.end(s)
}

// stored takes what the consumer stores.
func (s *soak) stored(v uplinktest.ConsumerValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	into := s.total
	switch v.Key {
	case uplink.Identifier(soakTotal):
	case uplink.Identifier(soakReverse):
		into = s.reverse
	default:
		if !strings.HasPrefix(v.Key, "energy_forward_") {
			return
		}
		if s.books[v.Key] == nil {
			s.books[v.Key] = map[string]map[int64]string{}
		}
		into = s.books[v.Key]
	}
	if into[v.Meter] == nil {
		into[v.Meter] = map[int64]string{}
	}
	into[v.Meter][v.Millis] = v.Value
}

// reported takes what Tuya stores.
func (s *soak) reported(r uplinktest.Report) {
	if r.DP != soakTuyaDP {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dp[r.CID] == nil {
		s.dp[r.CID] = map[int64]string{}
	}
	if old, ok := s.dp[r.CID][r.T]; ok {
		s.t.Errorf("%s at %d: stored twice, %s and %s", r.CID, r.T, old, r.Value)
	}
	s.dp[r.CID][r.T] = r.Value
}

// judge holds what came against the model.
func (s *soak) judge() {
	t := s.t
	if v := s.tuya.Seen().Violations; len(v) > 0 {
		t.Errorf("Tuya: %d violations, %q", len(v), v[:min(5, len(v))])
	}
	if v := s.consumer.Seen().Violations; len(v) > 0 {
		t.Errorf("own broker: %d violations, %q", len(v), v[:min(5, len(v))])
	}
	var sum tally
	for _, m := range s.all {
		s.judgeMeter(m, &sum)
		s.judgeBooks(m, &sum)
	}
	t.Logf("%d meters, %d values: %d read, %d made up, %d of them doubted and %d wrong because a clock was while nobody looked, %d counted as missing; %d were delivered and not durable when the power went; %d energies of days and months; %d starts",
		len(s.all), sum.moments, sum.live, sum.made, sum.doubted, sum.unseen, sum.missing, sum.ahead, sum.books, s.boots)
	for _, what := range slices.Sorted(maps.Keys(s.happened)) {
		t.Logf("%4d times: %s", s.happened[what], what)
	}
	if len(s.happened) > 0 && (sum.made == 0 || sum.books == 0) {
		t.Error("nothing was made up, or no day was told: the soak tries nothing")
	}
}

type tally struct{ moments, live, made, doubted, unseen, missing, ahead, books int }

// unseen reports whether a meter's clock may have been wrong at a time.
func (m *tenure) unseen(t time.Time) bool {
	return slices.ContainsFunc(m.wrong, func(w [2]time.Time) bool {
		return t.After(w[0].Add(-time.Hour)) && (w[1].IsZero() || t.Before(w[1].Add(time.Hour)))
	})
}

// stepAt gives the period at a moment, and whether it became another on that day.
func (s *soak) stepAt(t time.Time) (step time.Duration, changes bool) {
	step = soakStep
	for i, c := range s.changed[1:] {
		if c.In(s.zone).Format(time.DateOnly) == t.In(s.zone).Format(time.DateOnly) {
			changes = true
		}
		if !c.After(t) {
			step = soakStep * time.Duration(1+(i+1)%2)
		}
	}
	return step, changes
}

// register gives what the total of a meter stood at.
func (m *tenure) register(t *testing.T, at time.Time) int64 {
	v, ok := m.RegisterAt(0x00010000, at)
	if !ok {
		t.Fatalf("the model does not know what %v stood at at %v", m.Address, at)
	}
	return v.Coef
}

// hundredths gives a value of two decimals as a number.
func hundredths(v string) int64 {
	n, err := strconv.ParseInt(strings.Replace(v, ".", "", 1), 10, 64)
	if err != nil || strings.IndexByte(v, '.') != len(v)-3 {
		return -1
	}
	return n
}

// judgeMeter holds each moment of a meter to the model: it is at both platforms
// once, with the value of its time, or its day counts it as missing.
func (s *soak) judgeMeter(m *tenure, sum *tally) {
	t, id := s.t, m.Address.String()
	own, tuya := s.total[id], s.dp[id]
	lacks, there := 0, [2]int{}
	for ms, v := range own {
		if _, kept := s.kept[at{id, ms}]; kept { // else a power cut took it before the other platform had it
			there[0]++
			if tuya[ms] != fmt.Sprint(100*hundredths(v)) {
				lacks++
			}
		}
	}
	for ms := range tuya {
		if _, kept := s.kept[at{id, ms}]; kept {
			there[1]++
		}
	}
	if lacks > 0 || there[0] != there[1] {
		t.Errorf("%s: %d readings at the own broker, %d at Tuya, %d of the first are not at the second", id, there[0], there[1], lacks)
	}
	for ms, v := range own {
		when := time.UnixMilli(ms)
		exact := ms%soakStep.Milliseconds() == 0
		low, high := m.register(t, when.Add(-3*time.Second)), m.register(t, when)
		if exact {
			low = high
		}
		switch n := hundredths(v); {
		case n >= low && n <= high:
		case s.doubtful[at{id, ms}]:
		case exact && m.unseen(when): // nobody could know
			sum.unseen++
		default:
			t.Errorf("%s at %v: %s, want %d to %d", id, when, v, low, high)
		}
	}
	end := m.to
	if end.IsZero() {
		end = time.Now().Add(-2 * time.Hour)
	}
	absent, days := map[string]int{}, map[string]int{}
	for point, there := range map[string]map[int64]string{soakTotal: own, soakReverse: s.reverse[id]} {
		times := slices.Sorted(maps.Keys(there))
		for when := s.begun.Truncate(2 * soakStep).Add(2 * soakStep); when.Before(end); {
			step, changes := s.stepAt(when)
			next := when.Truncate(step).Add(step)
			if when.Before(m.from) || !when.Equal(when.Truncate(step)) {
				when = next
				continue
			}
			sum.moments++
			n, late := 0, 0
			midnight := when.In(s.zone).Hour() == 0 && when.In(s.zone).Minute() == 0
			for ; len(times) > 0 && times[0] < next.UnixMilli(); times = times[1:] {
				ms := times[0]
				switch round, kept := s.kept[at{id, ms}]; {
				case !kept: // the power went before it was durable: the board knows nothing of it
					sum.ahead++
					continue
				case round != when.UnixMilli(): // at a start, or when the meter was back: of no moment
					continue
				case s.doubtful[at{id, ms}]:
					sum.doubted++
					sum.made++
				case ms == when.UnixMilli():
					sum.made++
				default:
					sum.live++
				}
				if midnight && ms-when.UnixMilli() > soakStands.Milliseconds() {
					late++ // it does not stand for midnight where the meter's freeze is there
					continue
				}
				n++
			}
			n = max(n, min(late, 1))
			day := when.In(s.zone).Format(time.DateOnly)
			days[day]++
			switch {
			case n == 0:
				absent[day]++
				sum.missing++
			case n > 1 && !changes:
				t.Errorf("%s at %v: %s is there %d times", id, when, point, n)
			}
			when = next
		}
	}
	for day, n := range days {
		noon, _ := time.ParseInLocation(time.DateOnly, day, s.zone)
		noon = noon.Add(12 * time.Hour)
		_, changes := s.stepAt(noon)
		if whole := noon.Add(-12 * time.Hour); changes || whole.Before(m.from) || whole.Before(s.trusted) || whole.AddDate(0, 0, 1).After(end) {
			continue
		}
		told := s.days[id][day].Missing
		if s.takenOut[id] > 0 {
			told += s.lacks[id][day]
		}
		if told != absent[day] {
			t.Errorf("%s on %s: %d of %d values are missing, and %d are counted: %+v", id, day, absent[day], n, told, s.days[id][day])
		}
	}
}

// judgeBooks holds the energies of days and months to the model.
func (s *soak) judgeBooks(m *tenure, sum *tally) {
	t, id := s.t, m.Address.String()
	day := func(t time.Time) time.Time {
		y, mo, d := t.In(s.zone).Date()
		return time.Date(y, mo, d, 0, 0, 0, 0, s.zone)
	}
	month := func(t time.Time, back int) time.Time {
		y, mo, _ := t.In(s.zone).Date()
		return time.Date(y, mo-time.Month(back), 1, 0, 0, 0, 0, s.zone)
	}
	for point, span := range map[string]func(time.Time) (from, to time.Time){
		"energy_forward_day":       func(t time.Time) (from, to time.Time) { return day(t), t },
		"energy_forward_month":     func(t time.Time) (from, to time.Time) { return month(t, 0), t },
		"energy_forward_yesterday": func(t time.Time) (from, to time.Time) { return day(t).AddDate(0, 0, -1), day(t) },
		"energy_forward_lastmonth": func(t time.Time) (from, to time.Time) { return month(t, 1), month(t, 0) },
	} {
		for ms, v := range s.books[point][id] {
			when := time.UnixMilli(ms)
			from, to := span(when)
			until := m.register(t, to)
			if to.Equal(when) {
				until = hundredths(s.total[id][ms])
			}
			switch got, want := hundredths(v), until-m.register(t, from); {
			case got == want:
			case m.unseen(from) || m.unseen(to): // what the meter froze is of another time
				sum.unseen++
			default:
				t.Errorf("%s at %v: %s is %s, want %d", id, when, point, v, want)
			}
			sum.books++
		}
	}
}

// TestSoak is the short form; make soak runs 30 days of 64 meters, from another
// seed with SOAK_SEED.
func TestSoak(t *testing.T) {
	if runtime.GOARCH == "arm" {
		t.Skip("the same on every processor, and slow on one in software")
	}
	meters, days, fill, seed := 5, 3, "2d", uint64(1)
	if os.Getenv("METERD_LONG") != "" {
		meters, days, fill = 64, 30, "20d"
	}
	if n, err := strconv.ParseUint(os.Getenv("SOAK_SEED"), 10, 64); err == nil {
		seed = n
	}
	soakTest(t, seed, meters, func(s *soak) {
		s.fill = fill
		for end := s.begun.AddDate(0, 0, days); time.Now().Before(end); {
			s.live(time.Duration(2+s.rng.IntN(60)) * time.Hour)
		}
	})
}

// TestTheLastReadingsOfAReplacedMeterAreDelivered, though the platforms were away
// from before it was taken down until long after, and the power went.
func TestTheLastReadingsOfAReplacedMeterAreDelivered(t *testing.T) {
	soakTest(t, 1, 2, func(s *soak) {
		b := s.start()
		time.Sleep(6 * time.Hour) // the clock is right from midnight on
		for _, c := range s.clouds {
			c.down.Store(true)
			c.Partition(true, false)
		}
		time.Sleep(3 * time.Hour)
		s.hang(0)
		b.reload(s)
		time.Sleep(time.Hour)
		b.cut(s, true)
		s.booted = time.Now()
		s.wire()
		b = s.start()
		time.Sleep(time.Hour)
		old := s.all[0].Address.String()
		if at := s.since(s.begun, old); at < 22 || at > 27 {
			t.Errorf("%d readings of the old meter were delivered before", at)
		}
		for _, c := range s.clouds {
			c.down.Store(false)
		}
		time.Sleep(2 * time.Hour)
		if n := s.since(s.begun, old); n < 35 {
			t.Errorf("%d readings of the old meter came, want those of 9 hours", n)
		}
		for _, u := range b.sh.uplinks {
			if left := b.sh.leftWith(s.uplinkOf(b, u.Name), loadState(b.sh.config.Store.State, b.st.log)); len(left) > 0 {
				t.Errorf("%s still waits for %+v", u.Name, left)
			}
		}
		b.end(s)
	})
}

// TestWeeksThatAreMadeUpLeaveRoomInTheRing: what is not delivered stands there, too.
func TestWeeksThatAreMadeUpLeaveRoomInTheRing(t *testing.T) {
	soakTest(t, 1, 8, func(s *soak) {
		for _, c := range s.clouds {
			c.down.Store(true)
		}
		s.fill = "10d"
		b := s.start()
		time.Sleep(10 * time.Hour) // from midnight on the clock is right
		st, made := b.st.store().Stats(), 0
		rd := b.st.store().NewReader(0)
		for e, ok := rd.Next(); ok; e, ok = rd.Next() {
			if e.Gap == nil && meter.Recalled(e.Data) {
				made++
			}
		}
		if each := st.BytesWritten / int64(st.Last); made < 4000 || each > 200 {
			t.Errorf("%d readings are made up; a record takes %d bytes of the ring", made, each)
		}
		for _, c := range s.clouds {
			c.down.Store(false)
		}
		b.end(s)
	})
}

// TestAMeterThatIsTakenOutWithHolesIsTold, once: nobody can make up any more what it
// had missed.
func TestAMeterThatIsTakenOutWithHolesIsTold(t *testing.T) {
	soakTest(t, 1, 2, func(s *soak) {
		b := s.start()
		time.Sleep(6 * time.Hour) // the clock is right from midnight on
		s.lines[0].Unplug(true)
		time.Sleep(3 * time.Hour)
		s.hang(0) // while its line is still cut
		s.hang(1) // of which nothing lacks
		b.reload(s)
		s.lines[0].Unplug(false)
		time.Sleep(time.Hour)
		b.end(s)
		b = s.start()
		time.Sleep(time.Hour)
		b.end(s)
		if first, second := s.all[0].Address.String(), s.all[1].Address.String(); s.takenOut[first] != 1 || s.takenOut[second] != 0 {
			t.Errorf("told %d times of the one with holes, %d of the other", s.takenOut[first], s.takenOut[second])
		}
	})
}

// TestHistoryThatComesLater: what was read live before [[profile.history]] was
// written, or while it was out for a trial, is not made up besides.
func TestHistoryThatComesLater(t *testing.T) {
	without, _, _ := strings.Cut(soakProfile, "[[profile.history]]")
	for name, first := range map[string]string{"it was not there": without + "# %[2]s\n", "it was taken out, and back": soakProfile} {
		t.Run(name, func(t *testing.T) {
			soakTest(t, 1, 2, func(s *soak) {
				s.profile = first
				b := s.start()
				time.Sleep(10 * time.Hour) // the clock is right from midnight on
				if first == soakProfile {
					s.lines[0].Unplug(true)
					time.Sleep(time.Hour)
					s.profile = without + "# %[2]s\n"
					b.reload(s)
					s.lines[0].Unplug(false)
					time.Sleep(40 * time.Minute)
				}
				s.profile = soakProfile
				b.reload(s)
				time.Sleep(4 * time.Hour)
				b.end(s)
			})
		})
	}
}

// since counts the readings of a meter that were taken since a time.
func (s *soak) since(t time.Time, id string) (n int) {
	for ms := range s.total[id] {
		if ms >= t.UnixMilli() {
			n++
		}
	}
	return n
}

func (s *soak) uplinkOf(b *soakBoard, name string) config.Uplink {
	for _, u := range b.sh.config.Uplinks {
		if u.Name == name {
			return u
		}
	}
	s.t.Fatalf("there is no uplink %s", name)
	return config.Uplink{}
}
