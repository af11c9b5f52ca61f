package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/store"
)

// station is what outlives a configuration: the ring, the clock, the
// watchdog.
type station struct {
	log     *slog.Logger
	clock   board.Clock
	boot    uint32
	started time.Time
	ring    *store.Ring
	dropped atomic.Int64 // records that the ring did not take
	beats   board.Beats
	dog     board.Watchdog
	reset   *board.Hang // what the last reset by the watchdog was for; nil: there was none
}

func newStation(c *config.Config, log *slog.Logger) (*station, error) {
	built, err := time.Parse(time.DateOnly, buildDate)
	if err != nil {
		return nil, fmt.Errorf("build date %q: %w", buildDate, err)
	}
	st := &station{
		log: log, started: time.Now(), boot: board.BootID(),
		clock: board.Clock{Synced: c.Clock.Synced, NotBefore: built},
	}
	st.ring, err = store.Open(c.Store.Path, store.Options{
		Geometry: store.Geometry{Size: c.Store.Size}, Flush: c.Store.Flush, Failed: st.commitFailed,
	})
	if err != nil {
		return nil, failHint(storeHint(err), "%v", err)
	}
	if have := st.ring.Stats().CapacityBytes; !isDevice(c.Store.Path) && (have+c.Store.Size/8 < c.Store.Size || have > c.Store.Size) {
		log.Warn("the ring keeps the size that it was made with", "bytes", have, "size", c.Store.Size, "hint", "deliver all, then remove the file to have it made anew")
	}
	return st, nil
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

// run runs the daemon until the context ends. The ring ends behind it, so
// that what the lines leave in memory becomes durable, and the watchdog last.
func (st *station) run(ctx context.Context, c *config.Config) error {
	dogCtx, stopDog := context.WithCancel(context.Background())
	dogDone := make(chan struct{})
	ctx, hung := context.WithCancelCause(ctx)
	defer hung(nil)
	go func() {
		defer close(dogDone)
		if err := st.watch(dogCtx, c); err != nil {
			hung(err)
		}
	}()
	err := st.runRing(ctx, c)
	if h := context.Cause(ctx); errors.Is(h, board.ErrHung) {
		err = h
	}
	stopDog()
	<-dogDone
	st.log.Info("meterd ends", "err", err)
	return err
}

// longestFlush is how long the last commit may take. Behind it the ring hangs
// and nothing is won by waiting.
const longestFlush = 20 * time.Second

// runRing runs the daemon with the ring behind it.
func (st *station) runRing(ctx context.Context, c *config.Config) error {
	ringCtx, stopRing := context.WithCancel(context.Background())
	defer stopRing()
	var ring errgroup.Group
	ring.Go(func() error { return st.ring.Run(ringCtx) })
	ring.Go(func() error { st.watchRing(ringCtx, c.Store.Flush); return nil })
	ringDone := make(chan error, 1)
	go func() { ringDone <- ring.Wait() }()

	d := newDaemon(st, c)
	board.Notify("READY=1")
	err := d.run(ctx)
	board.Notify("STOPPING=1")
	stopRing()
	select {
	case ringErr := <-ringDone:
		if err == nil && ringErr != nil {
			err = fmt.Errorf("the last readings could not be made durable: %w", ringErr)
		}
		if closeErr := st.ring.Close(); err == nil {
			err = closeErr
		}
	case <-time.After(longestFlush):
		err = errors.Join(err, errors.New("the last readings could not be made durable: the ring hangs"))
	}
	return err
}
