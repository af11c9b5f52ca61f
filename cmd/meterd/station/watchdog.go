package station

import (
	"context"
	"encoding/json"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
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

// newDog gives the task that feeds a watchdog. Why the board is reset is written
// to the file beside the state, which outlives the reset.
func (st *Station) newDog(c *config.Config) func(context.Context) error {
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
	return func(ctx context.Context) error {
		st.mu.Lock()
		st.dog = dog
		st.mu.Unlock()
		err := dog.Run(ctx)
		if err != nil {
			st.hung(err)
		}
		return err
	}
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
	if b, err := board.ReadFile(file, mostNote); err != nil || json.Unmarshal(b, &h) != nil || h.Loop == "" {
		return nil
	}
	return &h
}

// noteReset remembers what the last reset was for.
func (st *Station) noteReset(c *config.Config) {
	reset := loadReset(resetFile(c))
	if reset == nil {
		return
	}
	st.mu.Lock()
	st.reset = reset
	st.mu.Unlock()
	st.log.Warn("the watchdog has reset the board before", "loop", reset.Loop, "silent_s", reset.Silent, "time", reset.Time)
}

func (st *Station) watchdogStatus() console.WatchdogStatus {
	st.mu.Lock()
	dog, reset := st.dog, st.reset
	st.mu.Unlock()
	var s board.WatchdogState
	if dog != nil {
		s = dog.State()
	}
	w := console.WatchdogStatus{Device: s.Device, Timeout: int(s.Timeout.Seconds()), Systemd: s.Systemd, LastErr: s.Err, Hung: s.Hung, BootCause: s.Cause}
	if reset != nil {
		w.LastReset = &console.ResetStatus{Loop: reset.Loop, Silent: reset.Silent, Time: reset.Time}
	}
	return w
}
