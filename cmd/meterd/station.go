package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/meter"
	"meterd/store"
)

// station is what outlives a configuration: the ring, the clock, the
// watchdog. It runs one daemon behind the other, each with its configuration.
type station struct {
	log     *slog.Logger
	journal *journal
	conf    *confFile
	clock   *board.Clock
	boot    uint32
	started time.Time
	ring    *store.Ring  // open while a daemon runs; changes between two only, with mu held
	dropped atomic.Int64 // records that the ring did not take
	reopen  atomic.Bool  // the ring is to be opened anew
	beats   board.Beats
	dog     *board.Watchdog
	reset   *board.Hang // what the last reset by the watchdog was for; nil: there was none

	changes chan change   // what is to run next; one at most
	turn    chan struct{} // holds a token while a change is examined
	light   light
	ringSet config.Store // that the ring is open with
	hung    func(error)  // ends the station, because something hangs

	mu   sync.Mutex
	now  *daemon // that runs; guarded by mu
	text string  // of its configuration; guarded by mu
	// coming tells that another is installed, and will run in a moment; guarded
	// by mu.
	coming bool
	trial  trialView // guarded by mu
}

// change is a configuration that is to run.
type change struct {
	config  *config.Config
	text    string
	onTrial bool
}

func newStation(conf *confFile, j *journal) (*station, error) {
	built, err := time.Parse(time.DateOnly, buildDate)
	if err != nil {
		return nil, fmt.Errorf("build date %q: %w", buildDate, err)
	}
	return &station{
		log: slog.New(j), journal: j, conf: conf, started: time.Now(), boot: board.BootID(),
		clock:   &board.Clock{NotBefore: built, Log: slog.New(j)},
		changes: make(chan change, 1), turn: make(chan struct{}, 1),
	}, nil
}

// run runs first, and what takes its place, until the context ends. The ring
// ends behind the daemon, so that what the lines leave in memory becomes
// durable, and the watchdog last.
func (st *station) run(ctx context.Context, first change) error {
	ctx, hung := context.WithCancelCause(ctx)
	defer hung(nil)
	st.hung = hung
	var lasting sync.WaitGroup // what goes on over changes
	lasting.Go(func() { st.journal.sweepUntil(ctx) })
	lasting.Go(func() { st.journal.keepErrors(ctx) })
	lasting.Go(func() { st.clock.Run(ctx) })
	lasting.Go(func() { board.OnPowerSignal(ctx, st.powerFails) })
	var sticks sync.Once
	var dog errgroup.Group
	stopDog := func() {}
	ring := ringRun{}
	var err error
	var watched [2]string // the device, and where the reason of a reset goes
	for next := &first; next != nil && err == nil; {
		starting := st.beats.Add("start", longestStart)
		if w := [2]string{next.config.Board.Watchdog, resetFile(next.config)}; w != watched {
			stopDog()
			dog.Wait() // its error has ended us already
			watched, stopDog = w, st.watch(&dog, next.config)
		}
		st.journal.use(next.config, next.text)
		st.light.use(next.config.Board.LED, func(err error) { st.log.Warn("no LED", "err", err) })
		st.clock.Use(next.config.Clock.Synced, next.config.Clock.Set)
		if err = st.useRing(&ring, next.config.Store); err != nil {
			next, err = st.unusable(*next, err)
			st.beats.Remove(starting)
			continue
		}
		next, err = st.one(ctx, *next, func() {
			st.beats.Remove(starting)
			sticks.Do(func() { lasting.Go(func() { st.watchSticks(ctx) }) })
		})
	}
	board.Notify("STOPPING=1")
	hung(nil)
	if endErr := ring.end(); err == nil {
		err = endErr
	}
	waitAtMost(&lasting, time.Second) // a stick that is pulled may hold its reader for long
	st.light.end()
	if h := context.Cause(ctx); errors.Is(h, board.ErrHung) {
		err = h
	}
	stopDog()
	dog.Wait()
	st.log.Info("meterd ends", "err", err)
	return err
}

func waitAtMost(g *sync.WaitGroup, longest time.Duration) {
	done := make(chan struct{})
	go func() {
		g.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(longest):
	}
}

// one runs a configuration until the context ends or another is to take its
// place, which it gives. Runs is called as soon as there is a daemon.
func (st *station) one(ctx context.Context, c change, runs func()) (*change, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	d := newDaemon(st, c.config)
	if before, _ := st.running(); before != nil {
		d.event(meter.Event{Kind: meter.EventConfig, Time: time.Now()})
	}
	st.begin(d, c)
	runs()
	got := make(chan *change, 1)
	go func() {
		defer end()
		select {
		case <-ctx.Done():
			got <- nil
		case next := <-st.changes:
			got <- &next
		}
	}()
	board.Notify("READY=1")
	err := d.run(ctx)
	end()
	next := <-got
	if errors.Is(err, errLeftBehind) && next == nil {
		err = nil // the program ends anyway
	}
	return next, err
}

// begin notes what runs from now on, and whether it is on trial.
func (st *station) begin(d *daemon, c change) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.now, st.text, st.coming = d, c.text, false
	if c.onTrial {
		st.trial = newTrialView(time.Now())
	}
}

// reserve claims the next change; false if there is one already. It is given
// back by begin, or by release when nothing comes of it.
func (st *station) reserve() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.coming {
		return false
	}
	st.coming = true
	return true
}

func (st *station) release() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.coming = false
}

// running gives what runs at present, nil between two.
func (st *station) running() (*daemon, string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.now, st.text
}

// ringRun is the ring at work.
type ringRun struct {
	ring *store.Ring
	stop context.CancelFunc
	done chan error
}

// useRing opens the ring with these settings. It stays open where they are
// those that it has.
func (st *station) useRing(r *ringRun, c config.Store) error {
	c.State = "" // belongs to the daemon
	if reopen := st.reopen.Swap(false); r.ring != nil && st.ringSet == c && !reopen {
		return nil
	}
	var carried [][]byte
	if r.ring != nil && r.ring.Stats().LastErr != "" {
		carried = waiting(r.ring)
		_ = r.end() // that nothing became durable is known
	} else if err := r.end(); err != nil {
		return err
	}
	opened, err := st.openRing(c)
	if err != nil {
		return failHint(storeHint(err), "%v", err)
	}
	for _, rec := range carried {
		if _, err := opened.Append(rec); err != nil {
			st.dropped.Add(1)
		}
	}
	st.mu.Lock()
	st.ring, st.ringSet = opened, c
	if inMemory(opened) {
		st.ringSet = config.Store{} // it is opened again with the next configuration
	}
	st.mu.Unlock()
	if have := opened.Stats().CapacityBytes; have > 0 && !isDevice(c.Path) && (have+c.Size/8 < c.Size || have > c.Size) {
		st.log.Warn("the ring keeps the size that it was made with", "bytes", have, "size", c.Size, "hint", "deliver all, then remove the file to have it made anew")
	}
	ctx, stop := context.WithCancel(context.Background())
	*r = ringRun{ring: opened, stop: stop, done: make(chan error, 1)}
	var g errgroup.Group
	g.Go(func() error { return opened.Run(ctx) })
	g.Go(func() error { st.watchRing(ctx, opened, c.Flush); return nil })
	g.Go(func() error { st.awaitDevice(ctx, opened, c); return nil })
	go func() { r.done <- g.Wait() }()
	return nil
}

// longestFlush is how long the last commit may take. Behind it the ring hangs
// and nothing is won by waiting.
const longestFlush = 20 * time.Second

// end makes all durable and closes the ring.
func (r *ringRun) end() error {
	if r.ring == nil {
		return nil
	}
	ring := r.ring
	r.ring = nil
	r.stop()
	select {
	case err := <-r.done:
		if err != nil {
			err = fmt.Errorf("the last readings could not be made durable: %w", err)
		}
		if closeErr := ring.Close(); err == nil {
			err = closeErr
		}
		return err
	case <-time.After(longestFlush):
		return errors.New("the last readings could not be made durable: the ring hangs")
	}
}

// isDevice reports whether the store is a whole device, which has the size
// that it has.
func isDevice(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&os.ModeDevice != 0
}

func storeHint(err error) string {
	switch {
	case errors.Is(err, store.ErrLocked):
		return "meterd runs already, or another [store] path is meant"
	case errors.Is(err, store.ErrVersion):
		return "deliver and export with the version that wrote it (meterd ring export FILE), then mv FILE FILE.old: a new one is made"
	case errors.Is(err, store.ErrForeign):
		return "[store] path names something else; name another file, move this one away, or clear the first 128 KiB of a device that is to be used"
	}
	return "is [store] path on a file system that can be written, with room for size?"
}

func (st *station) commitFailed(err error) {
	if err == nil {
		st.log.Info("the ring is durable again")
		return
	}
	st.log.Error("the ring cannot be written, readings are in memory only", "err", err)
}
