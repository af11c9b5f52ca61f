package board

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Watchdog feeds /dev/watchdog, and systemd's, while every loop gives its
// beat. When one does not, the reason is kept and the dog goes hungry: the
// board starts again.
type Watchdog struct {
	Path  string // the device; "": none
	Beats *Beats
	// Hung is told of a loop that makes no progress, before the dog goes
	// hungry, and with false when it goes on before the dog has bitten.
	Hung func(h Hang, hangs bool)
	Log  *slog.Logger // nil: none

	mu    sync.Mutex
	state WatchdogState // guarded by mu
}

// WatchdogState is what there is to tell of a watchdog.
type WatchdogState struct {
	Device  string        // that is fed; "": none
	Timeout time.Duration // after which it bites
	Systemd bool          // systemd's is fed
	Err     string        // why the device is not fed
	Cause   string        // of the board's last start, as the device tells it; "": it does not
	Hung    string        // the loop that makes no progress at present
}

// ErrHung says that a loop makes no progress and that nothing else starts the
// program again.
var ErrHung = errors.New("board: a loop makes no progress")

const (
	// biteAfter is asked of the device; what it gives may be less.
	biteAfter = 60 * time.Second
	// A look is made four times in the shortest time that a dog waits, at
	// least and at most this often.
	mostLook  = 5 * time.Second
	leastLook = 250 * time.Millisecond
)

// State tells how the watchdog fares.
func (w *Watchdog) State() WatchdogState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// Run feeds until the context ends, then calls the dogs off (the magic close)
// and gives nil. Without any dog it gives ErrHung when a loop hangs, so that
// the program ends and is started again.
func (w *Watchdog) Run(ctx context.Context) error {
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	dog := w.open()
	if dog != nil {
		defer dog.callOff()
	}
	systemd := SystemdWatchdog()
	every := mostLook
	if dog != nil {
		every = min(every, dog.timeout/4)
	}
	if systemd > 0 {
		every = min(every, systemd/4)
	}
	every = max(every, leastLook)
	w.mu.Lock()
	w.state.Systemd = systemd > 0
	w.mu.Unlock()
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		// When all of the program stood still, no loop is to blame for it.
		elapsed := min(time.Since(last), 2*every)
		last = time.Now()
		if w.look(elapsed) {
			if dog == nil && systemd == 0 {
				return ErrHung
			}
			continue
		}
		if dog != nil {
			w.fed(dog.feed())
		}
		if systemd > 0 {
			Notify("WATCHDOG=1") // systemd notices when it does not come
		}
	}
}

// look reports whether a loop hangs, and tells when that changed.
func (w *Watchdog) look(elapsed time.Duration) bool {
	h, hangs := w.Beats.look(elapsed)
	w.mu.Lock()
	before := w.state.Hung
	w.state.Hung = h.Loop
	w.mu.Unlock()
	switch {
	case hangs && before == "":
		h.Time = time.Now()
		w.Log.Error("a loop makes no progress, the watchdog is not fed", "loop", h.Loop, "silent_s", h.Silent)
		w.tell(h, true)
	case !hangs && before != "":
		w.Log.Warn("the loop goes on, the watchdog is fed again", "loop", before)
		w.tell(Hang{Loop: before, Time: time.Now()}, false)
	}
	return hangs
}

// tell waits for who is told, but not for ever: it may be the flash that
// hangs.
func (w *Watchdog) tell(h Hang, hangs bool) {
	if w.Hung == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Hung(h, hangs)
	}()
	select {
	case <-done:
	case <-time.After(longestTell):
	}
}

// longestTell is how long the reason of a reset may take to be kept.
const longestTell = 5 * time.Second

func (w *Watchdog) fed(err error) {
	w.mu.Lock()
	had := w.state.Err
	w.state.Err = ""
	if err != nil {
		w.state.Err = err.Error()
	}
	w.mu.Unlock()
	if err != nil && had == "" {
		w.Log.Error("the watchdog cannot be fed", "err", err)
	}
}

// open opens the device; nil if there is none that can be used.
func (w *Watchdog) open() *dog {
	if w.Path == "" {
		return nil
	}
	d, err := openDog(w.Path)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.state.Err = err.Error()
		w.Log.Error("no watchdog", "err", err)
		return nil
	}
	w.state.Device, w.state.Timeout, w.state.Cause = w.Path, d.timeout, d.cause
	w.Log.Info("the watchdog is fed", "device", w.Path, "timeout_s", int(d.timeout.Seconds()))
	return d
}

// dog is an open watchdog device. It is armed by being opened.
type dog struct {
	file    *os.File
	timeout time.Duration
	cause   string
}

// The flags of WDIOC_GETBOOTSTATUS (linux/watchdog.h) that tell why the board
// started.
var bootCauses = []struct {
	flag int
	name string
}{{0x20, "watchdog"}, {0x01, "overheat"}, {0x02, "fan"}, {0x10, "power-under"}, {0x40, "power-over"}, {0x04, "external-1"}, {0x08, "external-2"}}

// openDog opens a device and asks for a long time. What the driver does not
// understand is left as it is.
func openDog(path string) (*dog, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	d := &dog{file: f, timeout: biteAfter}
	raw, err := f.SyscallConn()
	if err != nil {
		d.callOff()
		return nil, fmt.Errorf("board: %w", err)
	}
	raw.Control(func(handle uintptr) { // each question may be unknown to the driver
		fd := int(handle)
		unix.IoctlSetPointerInt(fd, unix.WDIOC_SETTIMEOUT, int(biteAfter/time.Second))
		if n, err := unix.IoctlGetInt(fd, unix.WDIOC_GETTIMEOUT); err == nil && n > 0 {
			d.timeout = time.Duration(n) * time.Second
		}
		if flags, err := unix.IoctlGetInt(fd, unix.WDIOC_GETBOOTSTATUS); err == nil {
			for _, c := range bootCauses {
				if flags&c.flag != 0 && d.cause == "" {
					d.cause = c.name
				}
			}
		}
	})
	if err := d.feed(); err != nil {
		d.callOff()
		return nil, fmt.Errorf("board: %w", err)
	}
	return d, nil
}

func (d *dog) feed() error {
	_, err := d.file.Write([]byte{0}) // any byte but V
	return err
}

// callOff closes the device so that it does not bite, where the driver allows
// that (the magic close).
func (d *dog) callOff() {
	io.WriteString(d.file, "V")
	d.file.Close()
}
