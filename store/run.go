package store

import (
	"context"
	"time"
)

// After a commit that failed the next one waits, longer each time: what
// failed will hardly work at once, and a try costs the medium a write.
const (
	firstPause = time.Second
	longPause  = time.Minute
)

// Run makes records and cursors durable in time, until the context ends. It
// then commits what is left, cleanly, and gives the error of that commit.
func (r *Ring) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	pause := firstPause
	for {
		timer.Reset(r.dueIn(time.Now()))
		select {
		case <-ctx.Done():
			if r.untouched() {
				return nil
			}
			return r.commit(true)
		case <-timer.C:
		case <-r.kick:
		}
		if r.dueIn(time.Now()) > 0 {
			continue
		}
		if r.Flush() == nil {
			pause = firstPause
			continue
		}
		select {
		case <-ctx.Done():
			return r.commit(true)
		case <-time.After(pause):
			pause = min(2*pause, longPause)
		}
	}
}

func (r *Ring) wakeRun() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// dueIn tells when the next commit is to be made.
func (r *Ring) dueIn(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	due := time.Hour
	if len(r.pending) > 0 {
		due = r.since.Add(r.opt.Flush).Sub(now)
		if r.bytes > commitBytes {
			due = 0
		}
	}
	if r.moved >= cursorRecords {
		due = 0
	} else if r.moved > 0 {
		due = min(due, r.movedAt.Add(cursorAge).Sub(now))
	}
	return max(0, due)
}

// Flush makes everything durable that was appended before the call.
func (r *Ring) Flush() error { return r.commit(false) }
