// Package station is the daemon: what outlives a configuration (the log, the
// watchdog, the clock, the ring, the sticks), and the shift that one
// configuration runs (lines, uplinks, console).
//
// Run owns all tasks and the change from one shift to the next; what others
// look at is guarded by a mutex. It never runs two shifts at once, never
// starts one beside a task that hangs, and never ends before what is in memory
// was made durable, or known to be lost.
package station

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/journal"
	"meterd/cmd/meterd/takeover"
	"meterd/cmd/meterd/update"
	"meterd/meter"
	"meterd/store"
)

// Config is what a station is made with.
type Config struct {
	Version string
	Built   time.Time // no clock that shows less is right
	Files   *takeover.Files
	Journal *journal.Journal
	Update  *update.Engine // nil: the board takes no updates
}

// Station is what outlives a configuration.
type Station struct {
	Config
	log      *slog.Logger
	takeover *takeover.Takeover
	clock    *board.Clock
	boot     uint32
	started  time.Time
	beats    board.Beats
	light    light
	hardware func() string
	uptime   func() time.Duration
	open     func(config.Bus) (meter.Port, error)
	doctor   board.Doctor
	why      string       // the program was started; set by First
	runNote  string       // the file that tells that it runs; set by First
	dropped  atomic.Int64 // records that the ring did not take
	reopen   atomic.Bool  // the ring is to be opened anew

	tasks   rota         // owned by Run
	ringSet config.Store // that the ring is open with; owned by Run
	witness string       // a file that tells how the ring was closed; "": none; owned by Run
	hung    context.CancelCauseFunc

	mu    sync.Mutex
	ring  *store.Ring     // open while a shift runs; guarded by mu
	shift *shift          // that runs, nil before the first; guarded by mu
	dog   *board.Watchdog // guarded by mu
	reset *board.Hang     // what the last reset by the watchdog was for; nil: there was none; guarded by mu
}

// New gives a station; Run starts it.
func New(c Config) *Station {
	log := slog.New(c.Journal)
	if c.Update == nil {
		c.Update = update.New(time.Now(), update.Config{Log: log})
	}
	st := &Station{
		Config: c, log: log, takeover: takeover.New(c.Files, log), started: time.Now(), boot: board.BootID(), hardware: board.HardwareID, uptime: board.Uptime, open: config.Bus.Open,
		clock: &board.Clock{NotBefore: c.Built, Log: log},
	}
	st.takeover.Hold = c.Update.Held
	return st
}

// First gives what is to run first, and what is wrong with the file.
func (st *Station) First() (takeover.Change, []config.Problem, error) {
	first, problems, err := st.takeover.First()
	if err == nil {
		st.Journal.Use(first.Config, first.Text)
		st.noteReset(first.Config)
		st.noteStart(first.Config)
	}
	return first, problems, err
}

// Run runs first, and what takes its place, until the context ends.
func (st *Station) Run(ctx context.Context, first takeover.Change) error {
	ctx, st.hung = context.WithCancelCause(ctx)
	defer st.hung(nil)
	err := st.shifts(ctx, first)
	board.Notify("STOPPING=1")
	for task := taskSticks; task > taskWatchdog; task-- {
		ended := st.tasks.end(task)
		if errors.Is(ended, errLeftBehind) && task != taskRing { // nothing of it is lost
			st.log.Warn("something hangs and is left behind", "err", ended)
			continue
		}
		err = cmp.Or(err, ended)
	}
	st.light.end()
	if h := context.Cause(ctx); errors.Is(h, board.ErrHung) {
		err = h
	}
	if err == nil && st.runNote != "" {
		st.noteRun(true)
	}
	st.log.Info("meterd ends", "err", err) // what is wrong is kept on flash: the log ends last
	return cmp.Or(err, st.tasks.end(taskWatchdog), st.tasks.end(taskJournal))
}

// shifts runs one configuration after the other until the context ends.
func (st *Station) shifts(ctx context.Context, next takeover.Change) error {
	if err := st.tasks.begin(taskJournal, nil, st.journalTask); err != nil {
		return err
	}
	if err := st.tasks.begin(taskClock, nil, func(ctx context.Context) error { st.clock.Run(ctx); return nil }); err != nil {
		return err
	}
	for {
		starting := st.beats.Add("start", longestStart)
		err := st.prepare(next)
		if err != nil {
			st.beats.Remove(starting)
			if next, err = st.takeover.CannotRun(next, err); err != nil {
				return err
			}
			continue
		}
		sh := newShift(st, next.Config)
		st.enter(sh, next)
		if err := st.tasks.begin(taskShift, sh, sh.run); err != nil {
			return err
		}
		st.beats.Remove(starting)
		if err := st.tasks.begin(taskSticks, nil, st.watchSticks); err != nil {
			return err
		}
		board.Notify("READY=1")
		select {
		case <-ctx.Done():
			return nil
		case <-st.Update.Restarting():
			return nil
		case <-st.tasks.ended(taskShift):
			return st.tasks.end(taskShift)
		case c := <-st.takeover.Next():
			next = st.takeover.Whole(c)
		}
		if err := st.tasks.end(taskShift); err != nil {
			return err
		}
	}
}

func (st *Station) journalTask(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { st.Journal.Sweep(ctx); return nil })
	g.Go(func() error { st.Journal.KeepErrors(ctx); return nil })
	return g.Wait()
}

// prepare brings what outlives a configuration to what this one says.
func (st *Station) prepare(next takeover.Change) error {
	c := next.Config
	if err := st.tasks.begin(taskWatchdog, [2]string{c.Board.Watchdog, resetFile(c)}, st.newDog(c)); err != nil {
		return err
	}
	st.Journal.Use(c, next.Text)
	st.light.use(c.Board.LED, func(err error) { st.log.Warn("no LED", "err", err) })
	st.clock.Use(c.Clock.Synced, c.Clock.Set)
	st.witness = witnessOf(c)
	return st.useRing(c.Store)
}

// enter notes the shift that runs from now on.
func (st *Station) enter(sh *shift, c takeover.Change) {
	before := st.takeover.Begin(c)
	st.mu.Lock()
	st.shift = sh
	st.mu.Unlock()
	sh.useNetwork()
	if before != nil {
		sh.event(meter.Event{Kind: meter.EventConfig, Time: time.Now()})
	}
}

// onDuty gives the shift that runs, nil before the first.
func (st *Station) onDuty() *shift {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.shift
}

// store gives the ring that is open, nil if none is.
func (st *Station) store() *store.Ring {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.ring
}

// commitFailed tells when the ring cannot be written, and when it can again.
func (st *Station) commitFailed(err error) {
	if err == nil {
		st.log.Info("the ring is durable again")
		return
	}
	st.log.Error("the ring cannot be written, readings are in memory only", "err", err)
}

var errDurable = errors.New("the last readings could not be made durable")

func durable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errDurable, err)
}
