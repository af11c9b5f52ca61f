// Package desk is where people and platforms ask something of meters. Whoever
// asks, each command passes the same gates in the same order:
//
//	retained? ► no id? ► too old? ► id known? ► not allowed? ► set just now? ► no room?
//	► its turn at the meter ► intent durable ► line ► read-back
//	► outcome durable ► answer
//
// A Desk owns the queue of each meter, with one goroutine that carries its
// commands out in the order in which they came, and the memory of the ids of a
// day, which a mutex guards. It never carries a command out twice, late or
// after a restart, never sends what switches or sets a second time, and never
// tells that something is done before the meter shows it.
package desk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"meterd/meter"
	"meterd/store"
)

// Config is what a desk works with.
type Config struct {
	Meters []*meter.Handle
	Lines  []*meter.Poller
	Points *meter.Points
	Ring   *store.Ring
	// Age is how old a platform's command may be.
	Age time.Duration
	// Stamp notes boot, uptime and whether the clock is trusted in an event.
	Stamp func(*meter.Event)
	// Trusted tells whether the clock is.
	Trusted func(time.Time) bool
	Log     *slog.Logger
}

// Desk carries out what is asked of the meters of one configuration. Run must
// run.
type Desk struct {
	Config
	queues map[*meter.Handle]chan job

	mu       sync.Mutex
	memory   memory        // guarded by mu
	read     bool          // the ring has been read: memory is whole; guarded by mu
	held     []job         // that came before that; guarded by mu
	denied   int           // refusals that the ring got in the minute below; guarded by mu
	deniedIn time.Time     // guarded by mu
	resting  bool          // no command is carried out any more; guarded by mu
	atWork   int           // commands; guarded by mu
	rested   chan struct{} // closed when resting and none is at work; guarded by mu
	// written tells when a platform last had something set, by meter and what it
	// is. Guarded by mu.
	written map[setting]time.Time
}

// job is a command on its way.
type job struct {
	meter.Command
	came time.Time
	ctx  context.Context // of who waits for it; nil: nobody does
	done func(meter.Result)
}

// mostQueued is how many commands may wait for a meter. One more is refused.
const mostQueued = 32

// New gives a desk.
func New(c Config) *Desk {
	d := &Desk{Config: c, queues: map[*meter.Handle]chan job{}, memory: newMemory(), written: map[setting]time.Time{}}
	for _, h := range c.Meters {
		d.queues[h] = make(chan job, mostQueued)
	}
	return d
}

// Find gives the meter of a name or an address; false if there is none. A name
// that is another meter's address is a mistake of the configuration.
func (d *Desk) Find(who string) (*meter.Handle, bool) {
	for _, is := range []func(*meter.Handle) bool{
		func(h *meter.Handle) bool { return h.Name == who },
		func(h *meter.Handle) bool { return h.Address.String() == who },
	} {
		if i := slices.IndexFunc(d.Meters, is); i >= 0 {
			return d.Meters[i], true
		}
	}
	return nil, false
}

// Line gives the poller of a meter's line.
func (d *Desk) Line(h *meter.Handle) *meter.Poller {
	for _, p := range d.Lines {
		if p.Bus().Name() == h.Bus {
			return p
		}
	}
	return nil
}

// Run reads the ids of the last day from the ring and carries commands out
// until the context ends.
func (d *Desk) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, queue := range d.queues {
		g.Go(func() error {
			d.serve(ctx, queue)
			return nil
		})
	}
	g.Go(func() error {
		d.remember(ctx)
		return nil
	})
	return g.Wait()
}

// serve carries the commands to one meter out, one after the other.
func (d *Desk) serve(ctx context.Context, queue chan job) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-queue:
			if !d.begins() {
				d.finish(j, refused(meter.Busy, resting))
				continue
			}
			d.carryOut(ctx, j)
			d.ends()
		}
	}
}

// Ask takes a platform's command without waiting. Done is called once, from
// another goroutine or at once, and must not wait; for a command that is at
// work under the same id already it is not called.
func (d *Desk) Ask(c meter.Command, done func(meter.Result)) {
	d.take(job{Command: c, came: time.Now(), done: done})
}

// Do carries a person's command out, in turn with all others to its meter.
func (d *Desk) Do(ctx context.Context, c meter.Command) meter.Result {
	var id [8]byte
	rand.Read(id[:])
	c.By, c.ID = meter.ByConsole, hex.EncodeToString(id[:])
	done := make(chan meter.Result, 1)
	d.take(job{Command: c, came: time.Now(), ctx: ctx, done: func(r meter.Result) { done <- r }})
	select {
	case r := <-done:
		return r
	case <-ctx.Done(): // it may have been sent; the ring keeps what became of it
		return meter.ResultOf(&meter.UnprovenError{Err: ctx.Err()})
	}
}
