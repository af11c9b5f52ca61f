package update

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/console"
	"meterd/dlt645"
)

// Phase is how far an update is.
type Phase string

// The phases. Proved and WentBack rest.
const (
	Nothing  Phase = ""        // none was ever taken
	Written  Phase = "written" // it is whole in its slot, and starts next
	OnTrial  Phase = "trial"   // it runs, and has not proved itself
	Proved   Phase = "proved"  // it runs
	WentBack Phase = "back"    // it did not prove itself: the one before runs again
)

// Config is what an engine works with.
type Config struct {
	// Slots of the board; nil: it has none, and takes no update.
	Slots Slots
	// Dir is a folder that outlives an update, for what is noted of it: update.json
	// and config.toml, the configuration of the time before.
	Dir string
	// File is the configuration on flash.
	File string
	Log  *slog.Logger
}

// Engine takes updates. What it knows outlives the program, in a note of which
// it is the owner; a mutex guards what others look at, and each update holds the
// one turn there is.
//
//	take:     slot := image   note := written, with config.toml   slot on trial   restart
//	start:    trial ─► note := on trial      no trial ─► note := went back, meterd.toml := config.toml
//	confirm:  slot confirmed  note := proved
//	back:     note := why     slot given up                                       restart
//
// A power cut between two steps leaves a note that the next start brings to what
// the slots say: they are what counts.
type Engine struct {
	Config
	turn    chan struct{} // holds a token while an update is taken
	pen     chan struct{} // holds one while the note is changed
	restart chan struct{} // closed when the program is to end

	mu    sync.Mutex
	note  note  // guarded by mu
	state State // of the slots, as far as is known; guarded by mu
	trial trial // guarded by mu
	going bool  // restart is closed; guarded by mu
}

// note is what update.json holds.
type note struct {
	Phase Phase `json:"phase"`
	To    Facts `json:"to"`
	From  Image `json:"from"`
	// By is who brought it: "stick", "console", or an uplink's name; Job is what an
	// uplink's platform calls it.
	By     string      `json:"by"`
	Job    string      `json:"job,omitempty"`
	Before Came        `json:"before"` // what worked
	At     time.Time   `json:"at"`     // of the last change of phase
	Why    dlt645.Text `json:"why"`    // it went back
	// Floor is the earliest version that is taken, "": that of the program that
	// runs. It outlives each update.
	Floor string `json:"floor"`
	// Fetched is the job that is on its way from the uplink of that name, ""
	// none.
	Fetched string `json:"fetched,omitempty"`
	FetchBy string `json:"fetched_by,omitempty"`
}

const (
	noteName = "update.json"
	keptName = "config.toml"
	mostNote = 16 << 10
	// MostConfig bounds the configuration that is kept.
	mostKept = 1 << 20
)

// New gives the engine of a board at the start of the program, before the
// configuration is read: where an update did not prove itself it is the one of
// the time before.
func New(now time.Time, c Config) *Engine {
	e := &Engine{Config: c, turn: make(chan struct{}, 1), pen: make(chan struct{}, 1), restart: make(chan struct{})}
	if c.Slots == nil {
		return e
	}
	var err error
	if e.state, err = c.Slots.State(); err != nil {
		c.Log.Error("the slots of the programs cannot be read", "err", err)
	}
	if e.note, err = readNote(c.Dir); err != nil {
		c.Log.Error("what was noted of the last update cannot be read", "err", err)
	}
	e.begin(now)
	return e
}

func (e *Engine) path(name string) string { return e.Dir + "/" + name }

// readNote gives the note, its zero value where there is none.
func readNote(dir string) (n note, err error) {
	b, err := board.ReadFile(dir+"/"+noteName, mostNote)
	if errors.Is(err, fs.ErrNotExist) {
		return note{}, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &n)
	}
	if err != nil {
		return note{}, err
	}
	return n, nil
}

// keep makes the note durable.
func (e *Engine) keep(n note) error {
	b, err := json.Marshal(n)
	if err == nil {
		err = board.WriteFile(e.path(noteName), append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("update: it cannot be noted: %w", err)
	}
	return nil
}

// change changes the note, durably. In memory it is changed all the same.
func (e *Engine) change(f func(n *note)) error {
	e.pen <- struct{}{}
	defer func() { <-e.pen }()
	e.mu.Lock()
	f(&e.note)
	n := e.note
	e.mu.Unlock()
	return e.keep(n)
}

// begin brings the note to what the slots say at a start.
func (e *Engine) begin(now time.Time) {
	n := e.note
	switch {
	case e.state.Trial:
		if n.To.Hash != e.state.Running.Hash { // it was lost
			n = note{To: Facts{Image: e.state.Running, Floor: e.note.Floor}, From: e.state.Other, By: "?", Before: Came{Store: true, Meter: true, Uplink: true}, At: now, Floor: e.note.Floor} // nobody knows what worked: all has to
		}
		n.Phase, n.At = OnTrial, now
		e.trial = newTrial(now, n.Before)
		e.Log.Warn("a new program is on trial", "version", e.state.Running.Version, "before", n.From.Version, "start", e.state.Starts)
	case n.Phase != Written && n.Phase != OnTrial:
		return
	case e.state.Left: // the note on flash stays: what runs next goes back by it
		e.note.Phase = WentBack
		e.Log.Error("the program that was given up runs still: the board did not restart", "version", e.state.Running.Version)
		return
	case n.To.Hash == e.state.Running.Hash:
		n = n.proved(now)
	case e.state.Fell != None:
		n.Phase, n.At = WentBack, now
		if why := e.state.Fell.Text(); why.EN != "" {
			n.Why = why
		}
		e.goBack(n)
	default: // it never started
		if e.state.Armed { // nor is it to, on some day of a power cut
			if err := e.Slots.Confirm(); err != nil {
				e.Log.Error("the update that did not start cannot be called off", "err", err)
			}
		}
		n.Phase, n.At, n.Why = WentBack, now, interrupted
	}
	e.note = n
	if err := e.keep(n); err != nil {
		e.Log.Error("how far an update is cannot be noted", "err", err)
	}
}

// interrupted is why a program went back that never started.
var interrupted = dlt645.Text{EN: "it did not come to its start: the power was cut, or a package was installed meanwhile", ZH: "未能启动：期间断电，或另装了软件包"}

// proved gives the note of an update that has proved itself.
func (n note) proved(now time.Time) note {
	n.Phase, n.At, n.Why = Proved, now, dlt645.Text{}
	if n.Floor == "" || n.To.Older || compareVersions(n.To.Floor, n.Floor) > 0 {
		n.Floor = n.To.Floor
	}
	return n
}

// goBack gives the program before the configuration of its time.
func (e *Engine) goBack(n note) {
	e.Log.Error("the new program is taken back", "version", n.To.Version, "runs", e.state.Running.Version, "why", n.Why)
	then, err := board.ReadFile(e.path(keptName), mostKept)
	if err != nil {
		e.Log.Error("the configuration of the program before cannot be read", "err", err)
		return
	}
	now, err := board.ReadFile(e.File, mostKept)
	if err == nil && string(now) == string(then) {
		return
	}
	mode := os.FileMode(0o600)
	if info, err := os.Stat(e.File); err == nil {
		mode = info.Mode().Perm()
	}
	if err := board.WriteFile(e.File, then, mode); err != nil {
		e.Log.Error("the configuration of the program before cannot be put back", "err", err)
		return
	}
	e.Log.Warn("the configuration of the program before is put back", "file", e.File)
}

// floorLocked is the earliest version that is taken.
func (e *Engine) floorLocked() string {
	if e.note.Floor != "" {
		return e.note.Floor
	}
	return e.state.Running.Version
}

// weigh tells why an update is not taken, nil if it may be. again has one taken that
// did not prove itself before.
func (e *Engine) weigh(f Facts, again bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	run := e.state.Running
	switch {
	case f.Kind != run.Kind || f.Board != run.Board:
		return console.Tell(dlt645.Text{EN: "the update is for %s (%s), and this board is %s (%s)", ZH: "升级文件用于 %s（%s），本板为 %s（%s）"}, dlt645.Text{EN: "take the file whose name ends in -" + run.Board + Ending, ZH: "请使用文件名以 -" + run.Board + Ending + " 结尾的文件"},
			f.Board, f.Kind, run.Board, run.Kind)
	case e.state.Trial && e.note.Phase == OnTrial || e.going:
		return errOnTrial
	case f.Hash == run.Hash || run.Hash == Hash{} && f.Version == run.Version:
		return ErrSame
	case !again && e.note.Phase == WentBack && e.note.To.Hash == f.Hash && e.note.Why != interrupted:
		return &console.Told{Text: dlt645.Text{EN: takenBack.EN + e.note.Why.EN, ZH: takenBack.ZH + e.note.Why.ZH}, Hint: dlt645.Text{EN: "pull the stick and plug it in again to try it once more", ZH: "如要再试，请拔出 U 盘后重新插入"}}
	case !f.Older && compareVersions(f.Version, e.floorLocked()) < 0:
		return console.Tell(dlt645.Text{EN: "version %s is older than %s, below which this board does not go", ZH: "版本 %s 早于 %s，本板不再接受更低的版本"}, dlt645.Text{EN: "if it is meant, have it signed so (make update … OLDER=yes)", ZH: "如确需降级，请使用专门签名的文件（make update … OLDER=yes）"},
			f.Version, e.floorLocked())
	}
	return nil
}

var takenBack = dlt645.Text{EN: "it was taken back before: ", ZH: "该升级曾被撤回："}

// What keeps an update from being taken.
var (
	// ErrSame says that it is what runs.
	ErrSame    = console.Tell(dlt645.Text{EN: "it is the program that runs already", ZH: "与当前运行的程序相同"}, dlt645.Text{})
	errOnTrial = console.Tell(dlt645.Text{EN: "a new program is on trial, or about to start", ZH: "新程序正在试运行或即将启动"}, dlt645.Text{EN: "try again in ten minutes", ZH: "请十分钟后再试"})
	errBusy    = console.Tell(dlt645.Text{EN: "another update is being taken just now", ZH: "正在接收另一个升级"}, dlt645.Text{EN: "try again in a few minutes", ZH: "请几分钟后再试"})
	errNoSlots = console.Tell(dlt645.Text{EN: "this board takes no update: the program was not started by its launcher", ZH: "本板不接受升级：程序不是由启动器启动的"},
		dlt645.Text{EN: "start it with meterd boot -slots FOLDER run …, as its packages do", ZH: "请像软件包那样用 meterd boot -slots 目录 run … 启动"})
	errNoKey = console.Tell(dlt645.Text{EN: "this board takes no update: the configuration has no key to check it by", ZH: "本板不接受升级：配置中没有用于验证的密钥"},
		dlt645.Text{EN: "set usb.public_key (and update.public_key, if programs are signed by another)", ZH: "请设置 usb.public_key（程序由他人签名时另设 update.public_key）"})
)

// Offer is an update that somebody brings.
type Offer struct {
	Key   string // that it must be signed by, "": there is none
	By    string // who brings it
	Job   string // what a platform calls it
	Again bool   // also where it was taken back before
	Works Came   // what works at present
	Now   time.Time
}

// Peek reads the head of an update file and tells whether it would be taken.
func (e *Engine) Peek(r io.Reader, o Offer) (*File, error) {
	switch {
	case e.Slots == nil:
		return nil, errNoSlots
	case o.Key == "":
		return nil, errNoKey
	}
	f, err := Open(r, o.Key)
	if err != nil {
		return nil, err
	}
	return f, e.weigh(f.Facts, o.Again)
}

// Fits reports whether an image is for a board of this kind.
func (e *Engine) Fits(in Image) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return in.Kind == e.state.Running.Kind && in.Board == e.state.Running.Board
}

// Take takes an update: into the slot that does not run, which starts next. What
// runs goes on until Restart.
func (e *Engine) Take(ctx context.Context, r io.Reader, o Offer) (Facts, error) {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	default:
		return Facts{}, errBusy
	}
	f, err := e.Peek(r, o)
	if f == nil {
		return Facts{}, err
	}
	if err == nil {
		e.Log.Info("an update is written", "version", f.Version, "by", o.By, "bytes", f.Size)
		err = e.take(ctx, f, o)
	}
	return f.Facts, err
}

func (e *Engine) take(ctx context.Context, f *File, o Offer) error {
	if err := e.Slots.Write(ctx, f.Image, f.Payload()); err != nil {
		return err
	}
	kept, err := board.ReadFile(e.File, mostKept)
	if err == nil {
		err = board.WriteFile(e.path(keptName), kept, 0o600)
	}
	if err != nil {
		return fmt.Errorf("update: the configuration cannot be kept for the way back: %w", err)
	}
	var before note
	err = e.change(func(n *note) {
		before = *n
		n.Phase, n.To, n.From = Written, f.Facts, e.state.Running
		n.By, n.Job, n.Before, n.At, n.Why = o.By, o.Job, o.Works, o.Now, dlt645.Text{}
	})
	if err == nil {
		err = e.Slots.Try()
	}
	if err != nil {
		return errors.Join(err, e.change(func(n *note) { *n = before }))
	}
	e.mu.Lock()
	e.state.Other = f.Image
	e.mu.Unlock()
	e.Log.Warn("an update is whole in its slot, and starts next on trial", "version", f.Version, "by", o.By)
	return nil
}

// KeepFetching notes durably that a job is on its way from an uplink; "" that
// none is.
func (e *Engine) KeepFetching(by, job string) error {
	if e.Slots == nil {
		return nil
	}
	return e.change(func(n *note) { n.FetchBy, n.Fetched = by, job })
}

// Fetching gives the job that was on its way from an uplink when the program
// ended.
func (e *Engine) Fetching(by string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.note.FetchBy != by {
		return ""
	}
	return e.note.Fetched
}

// Restart has the program end, so that what is to start next does.
func (e *Engine) Restart() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.going {
		e.going = true
		close(e.restart)
	}
}

// Restarting is closed once the program is to end.
func (e *Engine) Restarting() <-chan struct{} { return e.restart }

// Finish is called when the program has ended all that it does. It starts what
// is to start next, if Restart was called.
func (e *Engine) Finish() error {
	select {
	case <-e.restart:
		return e.Slots.Restart()
	default:
		return nil
	}
}

// Held tells why no other configuration is taken at present, nil if one is: the
// way back from a program on trial has that of its time.
func (e *Engine) Held() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.note.Phase == OnTrial || e.note.Phase == Written || e.going {
		return errOnTrial
	}
	return nil
}

// lookEvery is how often it is seen what has come up.
const lookEvery = time.Second

// Prove watches a program on trial until it has proved itself, has to give
// way, or the context ends. Works tells what works.
func (e *Engine) Prove(ctx context.Context, works func() Came) {
	if e.View().Phase != OnTrial {
		return
	}
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		if e.look(time.Now(), works()) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// look takes what works into account. It reports true when the trial is over.
func (e *Engine) look(now time.Time, c Came) (over bool) {
	e.mu.Lock()
	var v verdict
	e.trial, v = e.trial.look(now, c)
	version, lacks := e.note.To.Version, e.trial.Need.lacks(c)
	e.mu.Unlock()
	var noted error
	switch v {
	case confirm:
		if err := e.Slots.Confirm(); err != nil { // it is tried again, and ended from outside if that goes on
			e.Log.Error("that the new program works cannot be noted", "err", err)
			return false
		}
		e.mu.Lock()
		e.state.Trial = false
		e.mu.Unlock()
		noted = e.change(func(n *note) { *n = n.proved(now) })
		e.Log.Info("the new program works", "version", version)
	case giveUp:
		noted = e.change(func(n *note) { n.Why = failed(lacks) })
		e.Log.Error("the new program did not prove itself: the board goes back", "version", version, "why", failed(lacks))
	default:
		return false
	}
	if noted != nil {
		e.Log.Error("how far an update is cannot be noted", "err", noted)
	}
	if v == giveUp {
		if err := e.Slots.Back(); err != nil { // its starts are counted all the same
			e.Log.Error("the slot of the new program cannot be given up", "err", err)
		}
	}
	if v == giveUp {
		e.Restart()
	}
	return true
}

// View is where an update stands.
type View struct {
	Able    bool  // the board has slots
	Running Image // what runs
	Phase   Phase
	To      Image     // the update that Phase is of
	From    Image     // what ran before it
	By, Job string    // who brought it
	At      time.Time // of the last change of phase
	Until   time.Time // OnTrial: when it goes back, if nothing comes up
	Why     dlt645.Text
	Floor   string
}

// View gives where the last update stands.
func (e *Engine) View() View {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.note
	v := View{Able: e.Slots != nil, Running: e.state.Running, Phase: n.Phase, To: n.To.Image, From: n.From, By: n.By, Job: n.Job, At: n.At, Why: n.Why, Floor: e.floorLocked()}
	if n.Phase == OnTrial {
		v.Until = e.trial.Until
	}
	return v
}
