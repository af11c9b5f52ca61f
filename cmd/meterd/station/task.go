package station

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The station's tasks in the order in which they begin. They end in the
// reverse order, each after those that need it: what the lines leave in memory
// becomes durable, errors on the way out are kept, and the watchdog sees to it
// that the end comes.
const (
	taskJournal  = iota // for good
	taskWatchdog        // for each device
	taskClock           // for good
	taskRing            // for each [store]
	taskShift           // for each configuration
	taskSticks          // for good, from the first shift on
	tasksCount
)

var tasks = [tasksCount]struct {
	name    string
	longest time.Duration // that its end may take; then it is left behind
}{
	taskJournal:  {"the log", time.Second},
	taskWatchdog: {"the watchdog", 2 * time.Second},
	taskClock:    {"the clock", time.Second},
	taskRing:     {"the ring, with the last readings in memory,", 20 * time.Second},
	taskShift:    {"a line or an uplink", 3 * time.Second},
	taskSticks:   {"the watch on sticks", time.Second}, // one that is pulled may hold its reader for long
}

// errLeftBehind says that a task did not end. Nothing new can run beside it:
// it may hold a port.
var errLeftBehind = errors.New("hangs and is left behind")

// work is a task at work.
type work struct {
	key  any // that it was begun with
	stop context.CancelFunc
	done chan struct{}
	err  error // of its end, once done is closed
}

// rota has each task at work once at most. Its owner is the goroutine of
// Station.Run.
type rota struct {
	at [tasksCount]*work
}

// begin begins a task, unless it is at work with that key. One that is at work
// with another is ended first; the error is of its end.
func (r *rota) begin(task int, key any, run func(context.Context) error) error {
	if w := r.at[task]; w != nil && w.key == key {
		return nil
	}
	if err := r.end(task); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &work{key: key, stop: stop, done: make(chan struct{})}
	r.at[task] = w
	go func() {
		defer close(w.done)
		defer stop()
		w.err = run(ctx)
	}()
	return nil
}

// ended is closed when the task has ended by itself.
func (r *rota) ended(task int) <-chan struct{} { return r.at[task].done }

// end ends a task, if it is at work.
func (r *rota) end(task int) error {
	w := r.at[task]
	if w == nil {
		return nil
	}
	r.at[task] = nil
	w.stop()
	late := time.NewTimer(tasks[task].longest)
	defer late.Stop()
	select {
	case <-w.done:
		return w.err
	case <-late.C:
		return fmt.Errorf("%s %w", tasks[task].name, errLeftBehind)
	}
}
