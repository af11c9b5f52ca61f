package takeover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/store"
)

// dryRun tries what a configuration needs of this board, without touching what
// runs: ports open, unless they are ours already, files are there, the ring
// has room. What may come later, such as a serial server, is a warning.
func dryRun(c, running *config.Config) []config.Problem {
	t := trier{c: c}
	for _, b := range c.Buses {
		t.port(b, running)
	}
	if running == nil || c.Store.Path != running.Store.Path {
		t.store()
	}
	if running != nil && c.Store.Path != running.Store.Path {
		t.left(running.Store.Path)
	}
	for _, f := range []struct{ key, path string }{{"store.state", c.Store.State}, {"console.socket", c.Console.Socket}} {
		t.directory(f.key, f.path)
	}
	t.device("board.watchdog", c.Board.Watchdog)
	if c.Board.LED != "" {
		t.device("board.led", filepath.Join("/sys/class/leds", c.Board.LED))
	}
	if chip, _, err := board.ParseGPIO(c.Board.PowerFail); err == nil {
		t.device("board.power_fail", filepath.Join("/dev", chip))
	}
	return t.problems
}

// trier collects what fails.
type trier struct {
	c        *config.Config
	problems []config.Problem
}

func (t *trier) problem(line int, warning bool, hint, format string, args ...any) {
	t.problems = append(t.problems, config.Problem{File: t.c.File, Line: line, Warning: warning, Text: fmt.Sprintf(format, args...), Hint: hint})
}

func (t *trier) port(b config.Bus, running *config.Config) {
	if running != nil {
		for _, r := range running.Buses {
			if r.Port == b.Port {
				return // ours
			}
		}
	}
	p, err := b.Open()
	if err != nil {
		t.problem(t.c.BusLine(b.Name), board.IsTCP(b.Port), "is the name right, and no other program at it?", "[[bus]] %q: port %s does not open: %v", b.Name, b.Port, err)
		return
	}
	p.Close()
}

// store sees that the ring can be opened, or made.
func (t *trier) store() {
	path, line := t.c.Store.Path, t.c.Line("store.path")
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		t.room(filepath.Dir(path), line)
	case err != nil:
		t.problem(line, false, "", "[store]: path %s: %v", path, err)
	case info.Mode().IsRegular() && info.Size() > 0:
		r, err := store.OpenReadOnly(path, nil)
		if err != nil {
			t.problem(line, false, StoreHint(err, path), "[store]: path %s: %v", path, err)
			return
		}
		r.Close()
	}
}

// left sees that nothing stays behind in the ring that runs.
func (t *trier) left(path string) {
	r, err := store.OpenReadOnly(path, nil)
	if err != nil {
		return // there is none that could be read on
	}
	defer r.Close()
	if err := StaysBehind(r, path); err != nil {
		t.problem(t.c.Line("store.path"), false, err.Hint, "[store]: %s", err.Text)
	}
}

// StaysBehind tells how many readings of a ring an uplink has not delivered, nil
// if none: with another ring nobody would deliver them.
func StaysBehind(r *store.Ring, path string) *console.Error {
	most := 0
	for _, pos := range r.Cursors() {
		most = max(most, r.NewReader(pos).Behind())
	}
	if most == 0 {
		return nil
	}
	return &console.Error{
		Text: fmt.Sprintf("path is another one, and %d readings in %s are not delivered: they would stay behind", most, path),
		Hint: "change it when uplinks shows none that wait; or end meterd, copy what waits (meterd ring export), and start it with the new path",
	}
}

// room sees that a new ring fits.
func (t *trier) room(dir string, line int) {
	free, err := store.Free(dir)
	if err != nil {
		t.problem(line, false, "make the directory, or name another", "[store]: path: %v", err)
		return
	}
	if free < t.c.Store.Size {
		t.problem(line, false, "give size less, or name another place", "[store]: %s has %d MiB free, the ring needs %d MiB", dir, free>>20, t.c.Store.Size>>20)
	}
	t.writable(dir, line)
}

func (t *trier) writable(dir string, line int) {
	if err := unix.Access(dir, unix.W_OK); err != nil {
		t.problem(line, false, "", "%s cannot be written: %v", dir, err)
	}
}

// directory sees that a file can be made where it is to be.
func (t *trier) directory(key, path string) {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.problem(t.c.Line(key), false, "make the directory, or name another", "%s: there is no directory %s", key, dir)
		return
	}
	t.writable(dir, t.c.Line(key))
}

func (t *trier) device(key, path string) {
	if path == "" {
		return
	}
	if _, err := os.Stat(path); err != nil {
		t.problem(t.c.Line(key), true, "", "%s: %v", key, err)
	}
}

// StoreHint tells what to do about a ring that cannot be opened at path.
func StoreHint(err error, path string) string {
	switch {
	case errors.Is(err, store.ErrLocked):
		return "meterd runs already, or another [store] path is meant"
	case errors.Is(err, store.ErrVersion):
		return "deliver and export with the version that wrote it (meterd ring export " + path + "), then have a new one made: meterd ring format " + path
	case errors.Is(err, store.ErrForeign):
		return "[store] path names something else: name another file or device; or have a ring made of it, which tells first what would be lost: meterd ring format " + path
	}
	return "is [store] path on a file system that can be written, with room for size?"
}
