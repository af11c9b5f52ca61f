// Package fleet runs the deliveries of many boards in one process against
// brokers on this host: the product's own uplink and ring for each board, over
// a connection of its own, fed by a simulated line. It measures what the brokers
// and a consumer behind them have to bear, and how a fleet comes back after all
// boards lost their power at once.
//
//	line ─► store.Ring ─► uplink.Uplink ─► switch ─► brokers ─► consumer
//	(a reading of each meter in its turn)   │ counts bytes, connects
//	                                        └ cuts the power
//
// It goes to brokers on loopback alone, and everything in it has an end: boards,
// meters, time, connects. Lines have no pty and no frames: at the moment at which
// a line of 9600 baud would have brought a meter's values there is a reading.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"meterd/uplink"
	"meterd/uplink/broker"
	"meterd/uplink/uplinktest"
)

// Config says what a fleet is.
type Config struct {
	Boards, Meters     int             // meters of each board
	Brokers            []string        // tcp://127.0.0.1:port; each board begins with another one
	Username, Password string          // of all boards and of the consumer
	Acknowledge        string          // broker.AcknowledgePuback or AcknowledgeReply
	Every              time.Duration   // between two rounds
	For                time.Duration   // that the fleet delivers before it ends, or before the storm
	Spreads            []time.Duration // a storm with each uplink.spread, one after the other
	Dark               time.Duration   // that the power is away
	Out                io.Writer       // a line every few seconds, and the figures
}

// Bounds of a fleet.
const (
	MostBoards   = 20000
	MostMeters   = 1000
	MostFor      = time.Hour
	mostReadings = 20e6
	// mostReturn is how long the way back from a storm may take.
	mostReturn = 10 * time.Minute
	// atOnce is how many boards are on their way when a run begins.
	atOnce = 20
	// mostDrain is how long what waits may take at the end.
	mostDrain = 2 * time.Minute
	// mostQuiet is how long nothing may come at the end while something lacks.
	mostQuiet = 20 * time.Second
)

// Check tells what is wrong with a configuration.
func (c Config) Check() error {
	switch {
	case c.Boards < 1 || c.Boards > MostBoards:
		return fmt.Errorf("%d boards: want 1 to %d", c.Boards, MostBoards)
	case c.Meters < 1 || c.Meters > MostMeters:
		return fmt.Errorf("%d meters: want 1 to %d on each board", c.Meters, MostMeters)
	case c.For < time.Second || c.For > MostFor:
		return fmt.Errorf("for %v: want 1s to %v", c.For, MostFor)
	case c.Every < time.Second || c.Every > MostFor:
		return fmt.Errorf("every %v: want 1s to %v", c.Every, MostFor)
	case c.Dark < 0 || c.Dark > time.Minute:
		return fmt.Errorf("dark for %v: want at most a minute", c.Dark)
	case c.Acknowledge != broker.AcknowledgePuback && c.Acknowledge != broker.AcknowledgeReply:
		return fmt.Errorf("acknowledge %q: want %q or %q", c.Acknowledge, broker.AcknowledgePuback, broker.AcknowledgeReply)
	case float64(c.Boards)*float64(c.Meters)*(float64(c.For/c.Every)+1) > mostReadings:
		return fmt.Errorf("that is more than %d million readings: want fewer boards, meters or rounds", int(mostReadings/1e6))
	}
	for _, s := range c.Spreads {
		if s < 0 || s > 5*time.Minute {
			return fmt.Errorf("spread %v: want at most 5m, as in the configuration of a board", s)
		}
	}
	if len(c.Brokers) == 0 {
		return errors.New("there is no broker")
	}
	for _, b := range c.Brokers {
		if err := loopback(b); err != nil {
			return err
		}
	}
	return nil
}

// loopback refuses a broker that is not on this host. Names are refused but
// localhost: nobody knows where they lead a moment later.
func loopback(broker string) error {
	if err := uplink.CheckURL(broker); err != nil {
		return err
	}
	u, err := url.Parse(broker)
	if err != nil {
		return err
	}
	if u.Scheme != "tcp" {
		return fmt.Errorf("broker %s: a fleet speaks without TLS: want tcp://", broker)
	}
	if at, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !at.IsLoopback()) {
		return fmt.Errorf("broker %s is not on this host: a fleet would look like an attack there; want tcp://127.0.0.1:port", broker)
	}
	return nil
}

// fleet is one run.
type fleet struct {
	Config
	dir      string
	boards   []*board
	wires    *wires
	consumer *consumer
	began    time.Time
}

// Run runs a fleet and gives its figures. The context ends it early.
func Run(ctx context.Context, c Config) (*Figures, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := RoomForFiles(c.Boards); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(memory(), "metersim-fleet-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	f := &fleet{Config: c, dir: dir, wires: newWires(), consumer: newConsumer(c.Acknowledge == broker.AcknowledgeReply)}
	last := c.Brokers[len(c.Brokers)-1]
	at, _ := url.Parse(last)
	attached, err := uplinktest.Attach(f.consumer, at.Host, c.Username, c.Password)
	if err != nil {
		return nil, err
	}
	defer attached.Close()
	defer f.end()
	if err := f.build(); err != nil {
		return nil, err
	}
	return f.play(ctx)
}

// memory is where files live in memory; "" where there is no such place.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

func (f *fleet) build() error {
	for n := range f.Boards {
		b, err := newBoard(n, f.Config, filepath.Join(f.dir, fmt.Sprintf("%d.ring", n)), f.wires)
		if err != nil {
			return err
		}
		f.boards = append(f.boards, b)
	}
	return nil
}

// all does something to every board at once, and waits.
func (f *fleet) all(do func(*board)) {
	var wait sync.WaitGroup
	for _, b := range f.boards {
		wait.Go(func() { do(b) })
	}
	wait.Wait()
}

func (f *fleet) end() {
	f.all((*board).stop)
	f.wires.close()
}

// play is the whole run: the boards start one after the other, deliver for a
// while, go through the storms, and end when nothing waits any more.
func (f *fleet) play(ctx context.Context) (*Figures, error) {
	f.began = time.Now()
	fig := &Figures{Config: f.Config}
	f.say("%d boards start", f.Boards)
	for n, b := range f.boards {
		if err := b.ready(0); err != nil {
			return nil, err
		}
		b.start()
		if err := f.until(ctx, mostReturn, "the first boards are connected", func() bool { return n-f.connected() < atOnce }); err != nil {
			return nil, err
		}
	}
	if err := f.until(ctx, mostReturn, "all boards are connected", func() bool { return f.connected() == f.Boards }); err != nil {
		return nil, err
	}
	if err := f.steady(ctx, fig); err != nil {
		return nil, err
	}
	for _, spread := range f.Spreads {
		s, err := f.storm(ctx, spread)
		if err != nil {
			return nil, err
		}
		fig.Storms = append(fig.Storms, s)
	}
	f.all((*board).rest)
	if err := f.until(ctx, mostDrain, "all is delivered", func() bool { return f.waiting() == 0 }); err != nil {
		return nil, err
	}
	f.consumer.settle(ctx, time.Second)
	if f.missing() > 0 { // what a broker has taken may stand still for longer
		f.consumer.settle(ctx, mostQuiet)
	}
	f.account(fig)
	return fig, nil
}

// steady measures a fleet that delivers, from one moment to another.
func (f *fleet) steady(ctx context.Context, fig *Figures) error {
	f.say("all are connected; measuring for %v", f.For)
	before, cpu := f.sample(), cpuOf(f.Brokers)
	if err := f.pass(ctx, f.For); err != nil {
		return err
	}
	after, used := f.sample(), cpuOf(f.Brokers)
	fig.Connections = f.connected()
	fig.Steady = after.since(before)
	if cpu != nil && used != nil {
		fig.BrokerCPU = float64(*used-*cpu) / float64(after.at.Sub(before.at))
	}
	fig.Trips = f.trips()
	return nil
}

// storm takes the power from all boards at once, gives it back, and measures
// how they come back.
func (f *fleet) storm(ctx context.Context, spread time.Duration) (Storm, error) {
	s := Storm{Spread: spread}
	f.say("the power is away from all boards")
	f.wires.cut()
	f.all((*board).cut)
	if err := rest(ctx, f.Dark); err != nil {
		return s, err
	}
	// A board starts in its own time on a processor of its own. Here all have two
	// or so, so that what a start costs comes before the clock runs.
	for _, b := range f.boards {
		if err := b.ready(spread); err != nil {
			return s, err
		}
	}
	cpu, began := cpuOf(f.Brokers), time.Now()
	f.wires.restore(began)
	f.say("the power is back; spread %v", spread)
	f.all((*board).start)
	for _, b := range f.boards {
		s.Gone += b.lostNow
	}
	var back []time.Duration // when boards were there
	there := make([]bool, f.Boards)
	if err := f.until(ctx, mostReturn, "all are back", func() bool {
		connected := 0
		for n, b := range f.boards {
			if !b.state().Connected {
				continue
			}
			if connected++; !there[n] {
				there[n], back = true, append(back, time.Since(began))
			}
		}
		return connected == f.Boards
	}); err != nil {
		return s, err
	}
	s.All = time.Since(began)
	if used := cpuOf(f.Brokers); cpu != nil && used != nil {
		s.BrokerCPU = *used - *cpu
	}
	s.First, s.Half, s.Most = back[0], back[len(back)/2], back[len(back)*99/100]
	f.wires.fill(&s)
	if err := f.until(ctx, mostReturn, "what waited is delivered", func() bool { return f.behind() == 0 }); err != nil {
		return s, err
	}
	s.Delivered = time.Since(began)
	return s, nil
}

// look is how often a run looks at itself.
const look = 20 * time.Millisecond

// tell is how often it tells.
const tell = 5 * time.Second

func (f *fleet) until(ctx context.Context, most time.Duration, what string, ok func() bool) error {
	end, told := time.Now().Add(most), time.Now()
	for !ok() {
		if time.Now().After(end) {
			return fmt.Errorf("not within %v: %s (%s)", most, what, f.now())
		}
		if time.Since(told) >= tell {
			told = time.Now()
			f.say("%s", f.now())
		}
		if err := rest(ctx, look); err != nil {
			return err
		}
	}
	return nil
}

// pass waits, and tells how it goes.
func (f *fleet) pass(ctx context.Context, d time.Duration) error {
	for end := time.Now().Add(d); ; f.say("%s", f.now()) {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		if err := rest(ctx, min(left, tell)); err != nil {
			return err
		}
	}
}

func (f *fleet) now() string {
	return fmt.Sprintf("connected %d of %d, readings %d, waiting %d, stored %d", f.connected(), f.Boards, f.readings(), f.waiting(), f.consumer.count())
}

func (f *fleet) say(format string, args ...any) {
	if f.Out != nil {
		fmt.Fprintf(f.Out, "%5.1fs  %s\n", time.Since(f.began).Seconds(), fmt.Sprintf(format, args...))
	}
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// sum adds a number of each board up.
func (f *fleet) sum(of func(*board) int) (n int) {
	for _, b := range f.boards {
		n += of(b)
	}
	return n
}

func (f *fleet) connected() int {
	return f.sum(func(b *board) int {
		if b.state().Connected {
			return 1
		}
		return 0
	})
}

func (f *fleet) waiting() int  { return f.sum(func(b *board) int { return b.state().Queued }) }
func (f *fleet) readings() int { return f.sum((*board).taken) }

// behind counts boards that have yet to deliver something of before they
// started.
func (f *fleet) behind() int {
	return f.sum(func(b *board) int {
		if b.state().Cursor < b.bootedAt() {
			return 1
		}
		return 0
	})
}

func (f *fleet) trips() []time.Duration {
	var all []time.Duration
	for _, b := range f.boards {
		s := b.state()
		all = append(all, s.Counts.Trips.Last()...)
	}
	return all
}

// sample is where the counters stood.
type sample struct {
	at                time.Time
	acked             int
	messages, in, out int64
}

func (f *fleet) sample() sample {
	in, out := &f.wires.in, &f.wires.out
	return sample{
		at: time.Now(), acked: f.sum(func(b *board) int { return b.state().Counts.Acked }),
		messages: in.Messages.Load() + out.Messages.Load(), in: in.Bytes.Load(), out: out.Bytes.Load(),
	}
}

func (s sample) since(before sample) Rate {
	d := s.at.Sub(before.at).Seconds()
	return Rate{
		Messages: float64(s.messages-before.messages) / d, Acked: float64(s.acked-before.acked) / d,
		Up: float64(s.out-before.out) / d, Down: float64(s.in-before.in) / d,
	}
}

// missing counts durable readings that the consumer has not.
func (f *fleet) missing() int {
	return f.sum(func(b *board) (n int) {
		for _, k := range b.kept {
			if !f.consumer.has(b.n, k) {
				n++
			}
		}
		return n
	})
}

// account compares what the boards have with what the consumer has stored.
func (f *fleet) account(fig *Figures) {
	for _, b := range f.boards {
		fig.Taken += len(b.kept) + len(b.lost)
		for _, k := range b.lost {
			if !f.consumer.has(b.n, k) { // else it had been delivered before
				fig.PowerLost++
			}
		}
		fig.Resent += b.resent + b.state().Counts.Resent
	}
	fig.Missing = f.missing()
	fig.Stored, fig.Repeats, fig.Wrong = f.consumer.tally()
}
