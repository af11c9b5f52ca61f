package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/store"
)

// How long each loop may go without progress before the watchdog is left
// hungry. A dog that bites by mistake is worse than one that bites late: the
// slowest line that a configuration allows, a connect that times out, and a
// flash that erases are all well within.
const (
	longestLine   = 5 * time.Minute
	longestUplink = 5 * time.Minute
	longestCommit = 2 * time.Minute
	longestStart  = 30 * time.Minute // a large ring is written once, on a slow flash
)

// watch feeds a watchdog in g until it is stopped. Why the board is reset is
// written to the file beside the state, which outlives the reset.
func (st *station) watch(g *errgroup.Group, c *config.Config) (stop func()) {
	file := resetFile(c)
	dog := &board.Watchdog{Path: c.Board.Watchdog, Beats: &st.beats, Log: st.log, Hung: func(h board.Hang, hangs bool) {
		err := board.RemoveFile(file)
		if hangs {
			err = saveReset(file, h)
		}
		if err != nil {
			st.log.Error("why the board is reset cannot be kept", "err", err)
		}
	}}
	st.mu.Lock()
	st.dog = dog
	st.mu.Unlock()
	ctx, stop := context.WithCancel(context.Background())
	g.Go(func() error {
		err := dog.Run(ctx)
		if err != nil {
			st.hung(err)
		}
		return err
	})
	return stop
}

func resetFile(c *config.Config) string { return c.Store.State + ".reset" }

func saveReset(file string, h board.Hang) error {
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return board.WriteFile(file, append(b, '\n'), 0o600)
}

// loadReset gives what the last reset was for, nil if there was none.
func loadReset(file string) *board.Hang {
	var h board.Hang
	if b, err := os.ReadFile(file); err != nil || json.Unmarshal(b, &h) != nil || h.Loop == "" {
		return nil
	}
	return &h
}

// noteReset remembers what the last reset was for.
func (st *station) noteReset(c *config.Config) {
	st.reset = loadReset(resetFile(c))
	if st.reset != nil {
		st.log.Warn("the watchdog has reset the board before", "loop", st.reset.Loop, "silent_s", st.reset.Silent, "time", st.reset.Time)
	}
}

// watchRing gives the ring's beat: nothing waits, or a commit was tried.
func (st *station) watchRing(ctx context.Context, ring *store.Ring, flush time.Duration) {
	beat := st.beats.Add("ring", flush+longestCommit)
	defer st.beats.Remove(beat)
	t := time.NewTicker(ringLooked)
	defer t.Stop()
	tried := 0
	for {
		s := ring.Stats()
		if s.Waiting == 0 || s.Commits+s.Failures != tried {
			beat.Alive()
		}
		tried = s.Commits + s.Failures
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// ringLooked is how often the ring is looked at.
const ringLooked = 5 * time.Second

func (st *station) watchdogStatus() console.WatchdogStatus {
	st.mu.Lock()
	dog := st.dog
	st.mu.Unlock()
	s := dog.State()
	w := console.WatchdogStatus{Device: s.Device, Timeout: int(s.Timeout.Seconds()), Systemd: s.Systemd, LastErr: s.Err, Hung: s.Hung, BootCause: s.Cause}
	if st.reset != nil {
		w.LastReset = &console.ResetStatus{Loop: st.reset.Loop, Silent: st.reset.Silent, Time: st.reset.Time}
	}
	return w
}
