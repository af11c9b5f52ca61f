package fleet

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/broker"
)

const (
	prefix = "meterd"
	cursor = "fleet"
	// flush is what a power failure may cost a board, as by default.
	flush = 10 * time.Second
	// busy is the share of a round's period in which its line brings values.
	busy = 0.8
)

// key names a reading of a board: its meter, and its time in ms.
type key struct {
	meter int
	ms    int64
}

// board is one board: a ring that outlives its power, and while it has that an
// uplink and a line.
type board struct {
	n     int
	conf  Config
	path  string
	wires *wires
	plan  []dlt645.Address

	// Owned by the line while that runs, else by the fleet.
	kept    []key // readings that are durable or were, or may be
	seqs    []uint64
	lost    []key // readings that a power failure took before they were durable
	lostNow int   // by the last one
	resent  int

	end  context.CancelFunc
	runs *sync.WaitGroup

	mu      sync.Mutex
	ring    *store.Ring
	up      *uplink.Uplink     // nil: without power; guarded by mu
	n0      uint64             // the last record when it started; guarded by mu
	total   int                // readings taken; guarded by mu
	states  []meter.MeterState // as the line has them; replaced, never written to; guarded by mu
	resting bool               // the line brings nothing more; guarded by mu
}

func newBoard(n int, c Config, path string, w *wires) (*board, error) {
	b := &board{n: n, conf: c, path: path, wires: w}
	for m := range c.Meters {
		a, err := dlt645.ParseAddress(fmt.Sprintf("%06d%06d", n, m))
		if err != nil {
			return nil, err
		}
		b.plan = append(b.plan, a)
	}
	return b, nil
}

// name is the board's id.
func (b *board) name() string { return fmt.Sprintf("board%05d", b.n) }

// ready opens what the board works with: its ring with what that holds.
func (b *board) ready(spread time.Duration) error {
	ring, err := store.Open(b.path, store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: flush, Codec: meter.Packing{}, Taken: meter.Taken})
	if err != nil {
		return err
	}
	b.count(ring)
	up, err := uplink.New(b.uplink(ring, spread))
	if err != nil {
		ring.Close()
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ring, b.up, b.n0, b.states = ring, up, ring.Last(), make([]meter.MeterState, len(b.plan))
	return nil
}

// start has all that is ready run.
func (b *board) start() {
	ctx, end := context.WithCancel(context.Background())
	b.end, b.runs = end, &sync.WaitGroup{}
	b.mu.Lock()
	ring, up := b.ring, b.up
	b.mu.Unlock()
	b.runs.Go(func() { ring.Run(ctx) })
	b.runs.Go(func() { up.Run(ctx) })
	b.runs.Go(func() { b.line(ctx, ring) })
}

// uplink is what the configuration of such a board would make.
func (b *board) uplink(ring *store.Ring, spread time.Duration) uplink.Config {
	var devices []uplink.Device
	for m, a := range b.plan {
		devices = append(devices, uplink.Device{Meter: &meter.Handle{Name: fmt.Sprintf("Unit %d", 101+m), Address: a}, ID: a.String()})
	}
	dir, _ := uplink.NewDirectory(uplink.DirectoryConfig{Devices: devices}) // addresses are each another one
	conf := uplink.Config{
		Name: cursor, Kind: "mqtt", Ring: ring, FromOldest: true, Spread: spread, Meters: b.meters,
		Platform: broker.New(broker.Config{
			Gateway: b.name(), ClientID: b.name(), Username: b.conf.Username, Password: b.conf.Password,
			Layout: broker.LayoutJSON, Prefix: prefix, Acknowledge: b.conf.Acknowledge, Directory: dir,
		}),
	}
	for i := range b.conf.Brokers { // as boards/ID.toml would share them out
		at := b.conf.Brokers[(b.n+i)%len(b.conf.Brokers)]
		if i == 0 {
			conf.Endpoint.URL = at
		} else {
			conf.Endpoint.More = append(conf.Endpoint.More, at)
		}
	}
	conf.Endpoint.Dial = b.wires.dial
	return conf
}

// count finds what a power failure has taken: readings that were not durable.
func (b *board) count(ring *store.Ring) {
	there := map[uint64]bool{}
	for r := ring.NewReader(0); ; {
		e, ok := r.Next()
		if !ok {
			break
		}
		there[e.Seq] = true
	}
	kept, seqs := b.kept[:0], b.seqs[:0]
	b.lostNow = 0
	for i, seq := range b.seqs {
		if there[seq] || len(there) > 0 && seq < ring.Stats().First {
			kept, seqs = append(kept, b.kept[i]), append(seqs, seq)
			continue
		}
		b.lost = append(b.lost, b.kept[i])
		b.lostNow++
	}
	b.kept, b.seqs = kept, seqs
}

// line brings the values of each meter in its turn, in rounds that begin on the
// clock's multiples.
func (b *board) line(ctx context.Context, ring *store.Ring) {
	turn := time.Duration(float64(b.conf.Every) * busy / float64(b.conf.Meters))
	for round := time.Now().Truncate(b.conf.Every); ; round = round.Add(b.conf.Every) {
		for m := range b.plan {
			at := round.Add(time.Duration(m+1) * turn)
			if wait := time.Until(at); wait < -turn {
				continue // before the start
			} else if rest(ctx, wait) != nil {
				return
			}
			if !b.take(ring, m, at, round) {
				return
			}
		}
	}
}

// take puts a reading into the ring; false if there shall be none any more.
func (b *board) take(ring *store.Ring, m int, at, round time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.resting || b.up == nil {
		return false
	}
	at = at.Truncate(time.Millisecond)
	r := reading(b.plan[m], at, round)
	rec, err := r.AppendBinary(nil)
	if err != nil {
		panic(err) // a reading of ours always has a form
	}
	seq, err := ring.Append(rec)
	if err != nil {
		return false
	}
	b.kept, b.seqs = append(b.kept, key{m, at.UnixMilli()}), append(b.seqs, seq)
	b.total++
	b.states = slices.Clone(b.states)
	b.states[m] = meter.MeterState{Address: b.plan[m], Known: true, Online: true, LastGood: at, Values: r.Values, ReadAt: at}
	return true
}

// meters are as an uplink sees them.
func (b *board) meters() []meter.MeterState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.states
}

// reading is one of the standard 29 points of a three-phase meter. Its values
// follow from the meter and the time.
func reading(a dlt645.Address, at, round time.Time) *meter.Reading {
	r := &meter.Reading{Meter: a, Time: at, Round: round, Trusted: true}
	seed := at.UnixMilli()/1000 + int64(a[5])*7
	add := func(coef int64, scale uint8, names ...string) {
		for i, n := range names {
			r.Values = append(r.Values, meter.PointValue{Point: n, Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: coef + int64(i), Scale: scale}}})
		}
	}
	add(2190+seed%30, 1, "voltage.a", "voltage.b", "voltage.c")
	add(12345+seed%997, 3, "current.a", "current.b", "current.c")
	for i, kind := range []string{"active", "reactive", "apparent"} {
		add(81234+(seed+int64(i))%4999, 4, "power."+kind+".total", "power."+kind+".a", "power."+kind+".b", "power."+kind+".c")
	}
	add(950+seed%50, 3, "power.factor.total", "power.factor.a", "power.factor.b", "power.factor.c")
	add(4990+seed%20, 2, "frequency")
	add(energy(at.UnixMilli()), 2, "energy.forward.total", "energy.forward.t1", "energy.forward.t2", "energy.forward.t3", "energy.forward.t4", "energy.reverse.total")
	return r
}

// energy is the first energy of a reading of that time, in 0.01 kWh, by which
// the consumer sees that values belong to their time.
func energy(ms int64) int64 { return 1000000 + ms/1000%1000000 }

// cut takes the board's power: nothing is said or written any more.
func (b *board) cut() {
	b.mu.Lock()
	b.resent += b.up.State().Counts.Resent
	b.up = nil
	ring := b.ring
	b.mu.Unlock()
	ring.Close() // what is in memory is lost, as by a power failure
	b.end()
	b.runs.Wait()
}

// rest has the line bring nothing more.
func (b *board) rest() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.resting = true
}

// stop ends the board as the end of the daemon does.
func (b *board) stop() {
	b.rest()
	if b.end != nil {
		b.end()
		b.runs.Wait()
	}
	if b.ring != nil {
		b.ring.Close()
	}
}

func (b *board) state() uplink.State {
	b.mu.Lock()
	up := b.up
	b.mu.Unlock()
	if up == nil {
		return uplink.State{}
	}
	return up.State()
}

// bootedAt is the last record that there was when the board started.
func (b *board) bootedAt() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n0
}

func (b *board) taken() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}
