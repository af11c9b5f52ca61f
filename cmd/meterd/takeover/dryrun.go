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
	"meterd/dlt645"
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

func (t *trier) problem(line int, warning bool, hint, text dlt645.Text, args ...any) {
	t.problems = append(t.problems, config.Problem{File: t.c.File, Line: line, Warning: warning,
		Text: fmt.Sprintf(text.EN, args...), TextZH: fmt.Sprintf(text.ZH, args...), Hint: hint.EN, HintZH: hint.ZH})
}

var noHint dlt645.Text

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
		t.problem(t.c.BusLine(b.Name), board.IsTCP(b.Port), dlt645.Text{EN: "is the name right, and no other program at it?", ZH: "名称是否正确？是否被其他程序占用？"},
			dlt645.Text{EN: "[[bus]] %q: port %s does not open: %v", ZH: "[[bus]] %q：端口 %s 无法打开：%v"}, b.Name, b.Port, err)
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
		t.problem(line, false, noHint, pathFails, path, err)
	case info.Mode().IsRegular() && info.Size() > 0:
		r, err := store.OpenReadOnly(path, nil)
		if err != nil {
			t.problem(line, false, StoreHint(err, path), pathFails, path, err)
			return
		}
		r.Close()
	}
}

var (
	pathFails     = dlt645.Text{EN: "[store]: path %s: %v", ZH: "[store]：path %s：%v"}
	makeDirectory = dlt645.Text{EN: "make the directory, or name another", ZH: "请创建该目录，或指定其他目录"}
)

// left sees that nothing stays behind in the ring that runs.
func (t *trier) left(path string) {
	r, err := store.OpenReadOnly(path, nil)
	if err != nil {
		return // there is none that could be read on
	}
	defer r.Close()
	if err := StaysBehind(r, path); err != nil {
		t.problem(t.c.Line("store.path"), false, err.Hint, dlt645.Text{EN: "%[1]s: %[2]s", ZH: "%[1]s：%[3]s"}, "[store]", err.Text.EN, err.Text.ZH)
	}
}

// StaysBehind tells how many readings of a ring an uplink has not delivered, nil
// if none: with another ring nobody would deliver them.
func StaysBehind(r *store.Ring, path string) *console.Told {
	most := 0
	for _, pos := range r.Cursors() {
		most = max(most, r.NewReader(pos).Behind())
	}
	if most == 0 {
		return nil
	}
	return console.Tell(dlt645.Text{EN: "path is another one, and %d readings in %s are not delivered: they would stay there", ZH: "path 已改变，而 %[2]s 中还有 %[1]d 条读数未上报：它们将留在原处"},
		dlt645.Text{EN: "change it when uplinks shows none that wait; or end meterd, copy what waits (meterd ring export), and start it with the new path",
			ZH: "请在 uplinks 显示没有待发时再改；或停止 meterd，用 meterd ring export 导出后再以新路径启动"}, most, path)
}

// room sees that a new ring fits.
func (t *trier) room(dir string, line int) {
	free, err := store.Free(dir)
	if err != nil {
		t.problem(line, false, makeDirectory, dlt645.Text{EN: "[store]: path: %v", ZH: "[store]：path：%v"}, err)
		return
	}
	if free < t.c.Store.Size {
		t.problem(line, false, dlt645.Text{EN: "give size less, or name another place", ZH: "请减小 size，或指定其他位置"}, dlt645.Text{EN: "[store]: %s has %d MiB free, the ring needs %d MiB", ZH: "[store]：%s 剩余 %d MiB，存储需要 %d MiB"}, dir, free>>20, t.c.Store.Size>>20)
	}
	t.writable(dir, line)
}

func (t *trier) writable(dir string, line int) {
	if err := unix.Access(dir, unix.W_OK); err != nil {
		t.problem(line, false, noHint, dlt645.Text{EN: "%s cannot be written: %v", ZH: "%s 不可写：%v"}, dir, err)
	}
}

// directory sees that a file can be made where it is to be.
func (t *trier) directory(key, path string) {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.problem(t.c.Line(key), false, makeDirectory, dlt645.Text{EN: "%s: there is no directory %s", ZH: "%s：没有目录 %s"}, key, dir)
		return
	}
	t.writable(dir, t.c.Line(key))
}

func (t *trier) device(key, path string) {
	if path == "" {
		return
	}
	if _, err := os.Stat(path); err != nil {
		t.problem(t.c.Line(key), true, noHint, dlt645.Text{EN: "%s: %v", ZH: "%s：%v"}, key, err)
	}
}

// StoreHint tells what to do about a ring that cannot be opened at path.
func StoreHint(err error, path string) dlt645.Text {
	switch {
	case errors.Is(err, store.ErrLocked):
		return dlt645.Text{EN: "meterd runs already, or another [store] path is meant", ZH: "meterd 已在运行，或 [store] 的 path 有误"}
	case errors.Is(err, store.ErrVersion):
		return dlt645.Text{EN: "deliver and export with the version that wrote it (meterd ring export " + path + "), then have a new one made: meterd ring format " + path,
			ZH: "请用写入它的版本上报并导出（meterd ring export " + path + "），再重建：meterd ring format " + path}
	case errors.Is(err, store.ErrForeign):
		return dlt645.Text{EN: "[store] path names something else: name another file or device; or have a ring made of it, which shows first what would be lost: meterd ring format " + path,
			ZH: "[store] 的 path 是其他内容：请改用其他文件或设备；或用 meterd ring format " + path + " 重建（会先列出将丢失的内容）"}
	}
	return dlt645.Text{EN: "is [store] path on a file system that can be written, with room for size?", ZH: "[store] 的 path 所在文件系统是否可写，空间是否够 size？"}
}
