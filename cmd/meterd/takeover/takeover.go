// Package takeover brings a configuration to work: from whoever brings it, by
// examination, dry run, file and trial, until it has proved itself or the one
// before runs again. Stick, reload and start all come through here.
//
// Takeover owns the files beside the configuration, the state of the take-over
// (Machine, which is pure) and what is to run next; a mutex guards the state,
// and each candidate holds the one turn there is while it is examined. It
// never runs anything itself, and a bad configuration never replaces a good
// one.
package takeover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/dlt645"
)

// MostConfig is the size of the longest configuration that is taken over.
const MostConfig = config.MostConfig

// Change is a configuration that is to run.
type Change struct {
	Config *config.Config
	Text   string
	again  bool // what runs, once more
}

// Takeover is the way of a configuration to work.
type Takeover struct {
	Files *Files
	// Hold tells why nothing new is taken at present, nil if it is; nil: it
	// always is. It is set before anything runs.
	Hold    func() error
	log     *slog.Logger
	changes chan Change   // what is to run next; one at most
	turn    chan struct{} // holds a token while a candidate is examined
	card    func() bool   // this board's network is ours to set

	mu      sync.Mutex
	machine Machine // guarded by mu
	runs    Change  // what runs, zero before the first; guarded by mu
}

// New gives the take-over of the configuration in these files.
func New(files *Files, log *slog.Logger) *Takeover {
	return &Takeover{Files: files, log: log, changes: make(chan Change, 1), turn: make(chan struct{}, 1), card: board.OnCard}
}

// Running gives what runs at present, nil before the first.
func (t *Takeover) Running() (*config.Config, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.runs.Config, t.runs.Text
}

// View gives where the take-over stands.
func (t *Takeover) View() Machine {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.machine
}

// on gives the machine an event.
func (t *Takeover) on(e Event) Action {
	t.mu.Lock()
	defer t.mu.Unlock()
	var a Action
	t.machine, a = t.machine.On(time.Now(), e)
	return a
}

// Next gives what is to run next, once there is something. The one who runs
// configurations receives from it, and then calls Begin or CannotRun.
func (t *Takeover) Next() <-chan Change { return t.changes }

// Begin notes what runs from now on, and gives what ran before, nil if nothing
// did. A change that asks for the same once more is made whole.
func (t *Takeover) Begin(c Change) (before *config.Config) {
	t.on(Event{Kind: Begin, OK: !c.again})
	t.mu.Lock()
	defer t.mu.Unlock()
	before = t.runs.Config
	t.runs = c
	return before
}

// Whole gives a change with its configuration: what runs, where it asks for
// the same once more.
func (t *Takeover) Whole(c Change) Change {
	if !c.again {
		return c
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	runs := t.runs
	runs.again = true
	return runs
}

// Again has what runs begin anew, for what it can be given only then.
func (t *Takeover) Again(ctx context.Context) {
	select {
	case <-ctx.Done():
	case t.changes <- Change{again: true}:
	}
}

// Proposal is what came of a configuration that somebody brought.
type Proposal struct {
	Same     bool // it runs already
	Problems []config.Problem
	Config   *config.Config
	Files    []string // names of those that are written with it
	Err      error    // it has no mistakes, but could not be taken over
}

// Accepted reports whether it runs in a moment.
func (p Proposal) Accepted() bool { return !p.Same && p.Err == nil && !config.Failed(p.Problems) }

// Propose takes a configuration over, if nothing is wrong with it. The change
// itself comes after a moment, so that who asked is told first.
func (t *Takeover) Propose(ctx context.Context, c Candidate) Proposal {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return Proposal{Err: ctx.Err()}
	}
	runs, running := t.Running()
	var p Proposal
	other, err := t.weigh(&c, runs, running)
	if err != nil {
		return Proposal{Err: err}
	}
	if other && t.Hold != nil {
		if err := t.Hold(); err != nil {
			return Proposal{Err: err}
		}
	}
	for a := t.on(Event{Kind: Bring, OK: other}); ; {
		switch a {
		case LeaveIt:
			p.Same = true
			return p
		case Busy:
			p.Err = ErrBusy
			return p
		case DoExamine:
			p = t.examine(c)
			a = t.on(Event{Kind: Examine, OK: !config.Failed(p.Problems)})
		case DoTry:
			p.try(runs, t.Files.folders())
			a = t.on(Event{Kind: Try, OK: !config.Failed(p.Problems)})
		case DoWrite:
			p.Err = t.Files.install(c, running)
			a = t.on(Event{Kind: Write, OK: p.Err == nil})
		case Run:
			t.log.Info("a new configuration is taken over", "by", c.By, "gateway", p.Config.Gateway.ID, "files", strings.Join(p.Files, " "))
			next := Change{Config: p.Config, Text: c.Text}
			time.AfterFunc(changeAfter, func() { t.changes <- next })
			return p
		default: // refused
			return p
		}
	}
}

// weigh sees what of the files that came is to be written, and whether the
// signer's words let it. It reports whether anything is another than what runs.
func (t *Takeover) weigh(c *Candidate, runs *config.Config, running string) (other bool, err error) {
	if parsed, _ := config.Parse(t.Files.Path, c.Text); parsed != nil {
		if c.next, err = t.Files.changes(parsed.Named(), c.Files); err != nil {
			return false, err
		}
		asked := runs != nil && runs.USB.PublicKey != ""
		if err := t.Files.covered(c, asked, parsed.Named()); err != nil {
			return false, err
		}
	}
	if c.Text == running && len(c.next) == 0 {
		return false, nil
	}
	return true, t.Files.notOlder(c.Signed, running)
}

// ErrBusy says that somebody else was quicker.
var ErrBusy = console.Tell(dlt645.Text{EN: "another configuration is being taken over just now", ZH: "正在采用另一个配置"}, dlt645.Text{EN: "try again in a minute", ZH: "请稍后再试"})

// changeAfter is the moment between the answer and the change.
const changeAfter = 500 * time.Millisecond

// examine says everything that is wrong with a configuration by itself.
func (t *Takeover) examine(c Candidate) Proposal {
	var p Proposal
	for path := range c.next {
		p.Files = append(p.Files, filepath.Base(path))
	}
	slices.Sort(p.Files)
	p.Config, p.Problems = c.origin().Parse(func(path string) ([]byte, bool) {
		path, _ = t.Files.takes(path)
		b, ok := c.next[path]
		return b, ok
	})
	if !config.Failed(p.Problems) {
		_, crowding := p.Config.Plan(p.Problems)
		p.Problems = append(p.Problems, crowding...)
	}
	return p
}

// try adds what this board lacks for it; folders are those of files that a stick
// may bring.
func (p *Proposal) try(running *config.Config, folders string) {
	p.Problems = append(p.Problems, p.Config.Place(dryRun(p.Config, running))...)
	for i := range p.Problems {
		if p.Problems[i].Lacking { // what is missing now would be missing when it runs
			p.Problems[i].Warning = false
			p.Problems[i].Hint += "; a stick may bring it beside meterd.toml where it is named in " + folders
			p.Problems[i].HintZH += "；若位于 " + folders + "，可放在 U 盘上与 meterd.toml 一起带来"
		}
	}
}

// lookEvery is how often it is seen what has come up.
const lookEvery = time.Second

// Prove watches what runs until it has proved itself, or has to give way, or
// the context ends. Look tells what has come up of what it names.
func (t *Takeover) Prove(ctx context.Context, look func() (came, names Came)) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	network := t.newNetwork()
	for {
		came, names := look()
		action := t.on(Event{Kind: Look, Came: came, Names: names, Network: network})
		switch action {
		case Confirm:
			t.confirm()
		case Settle:
			t.log.Warn("the new configuration works in part", "what", t.View().Says)
		case GoBack:
			if network && names.Uplink {
				t.goBack(noNetwork)
			} else {
				t.goBack(nothingCame)
			}
		}
		v := t.View()
		if v.Phase == Proved && action == Confirm {
			t.log.Info("the new configuration works")
		}
		if v.Phase != OnTrial && v.Phase != Partly {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// newNetwork reports whether what runs is on trial and has this board's network
// set otherwise than the configuration before.
func (t *Takeover) newNetwork() bool {
	runs, _ := t.Running()
	if t.View().Phase != OnTrial || runs == nil || !t.card() {
		return false
	}
	before, err := t.Files.previous()
	return err == nil && before.Config.Network.Wanted().String() != runs.Network.Wanted().String()
}

// confirm makes the configuration the one that is gone back to.
func (t *Takeover) confirm() {
	if err := t.Files.confirm(); err != nil {
		t.log.Error("that the new configuration works cannot be noted", "err", err)
	}
}

// goBack has the configuration before run again, if there is one that could do
// better than what runs.
func (t *Takeover) goBack(why dlt645.Text) {
	_, text := t.Running()
	err := t.Files.prevUsable()
	if err == nil {
		var next Change
		if next, err = t.putBack(text, why); err == nil {
			t.changes <- next
			return
		}
	}
	if t.on(Event{Kind: Back, Why: dlt645.Text{EN: why.EN + "; it stays, because there is none to go back to: " + err.Error(), ZH: why.ZH + "；因无可恢复的配置而保留：" + err.Error()}}) == Confirm {
		t.confirm()
		t.log.Warn("the new configuration works in part", "what", t.View().Says)
	}
}

// putBack puts the configuration before in the place of text, which is on
// trial.
func (t *Takeover) putBack(text string, why dlt645.Text) (Change, error) {
	prev, err := t.Files.back()
	if prev == "" {
		before, prevErr := t.Files.previous()
		if prevErr != nil {
			return Change{}, errors.Join(err, prevErr)
		}
		// The flash takes nothing. It runs all the same; the mark stays, and a later start puts it back.
		t.log.Error("the configuration before runs, and cannot be put back", "why", err)
		t.on(Event{Kind: Back, OK: true, Why: why, Hash: HashOf(text)})
		return before, nil
	}
	if err != nil {
		t.log.Error("not all that belongs to the configuration before is as it was", "err", err)
	}
	c, problems := config.Parse(t.Files.Path, prev)
	if config.Unusable(problems) {
		return Change{}, fmt.Errorf("%s is not usable", t.Files.prev())
	}
	t.log.Error("the new configuration is taken back", "why", why)
	t.on(Event{Kind: Back, OK: true, Why: why, Hash: HashOf(text)})
	return Change{Config: c, Text: prev}, nil
}

// CannotRun is told that a change cannot run at all. It gives the one before,
// if that is how it can go on.
func (t *Takeover) CannotRun(c Change, why error) (Change, error) {
	if t.on(Event{Kind: CannotRun}) != GoBack {
		return Change{}, why
	}
	said := dlt645.Text{EN: why.Error(), ZH: why.Error()}
	if told, ok := errors.AsType[*console.Told](why); ok {
		said = told.Text
	}
	next, err := t.putBack(c.Text, said)
	if err != nil {
		t.log.Error("the new configuration cannot be taken back", "err", err)
		return Change{}, why
	}
	return next, nil
}

// First gives what runs when the program starts. A configuration that was on
// trial goes on being so, until it had its starts. Where the file is not
// usable the one before serves: nobody is there to mend it. With an error comes what
// the file says as far as it could be read, nil if it could not.
func (t *Takeover) First() (Change, []config.Problem, error) {
	path := t.Files.Path
	var next Change
	var problems []config.Problem
	var f File
	whole, err := Read(path)
	if err != nil {
		problems = []config.Problem{{File: path, Line: 1, Text: err.Error(), Hint: "is the path right?"}}
	} else {
		next.Text = whole.Text
		if f.Trial, f.Spent, err = t.Files.start(next.Text); err != nil {
			t.log.Error("the trial of the configuration cannot be noted", "err", err)
		}
		next.Config, problems = whole.Parse(func(string) ([]byte, bool) { return nil, false })
	}
	if _, err := t.Files.notes(); err != nil {
		t.log.Error("by which date the configuration was signed cannot be read: an older one would be taken", "err", err)
	}
	f.Usable = !config.Unusable(problems)
	f.PrevUsable = t.Files.prevUsable() == nil
	prev, prevErr := t.Files.previous()
	f.PrevParses = prevErr == nil
	unusable := dlt645.Text{EN: path + " is not usable, the configuration before runs", ZH: path + " 不可用，正在运行原配置"}
	switch t.on(Event{Kind: Started, File: f, Why: unusable}) {
	case Run:
		return next, problems, nil
	case GoBack:
		why := spent
		if !f.Usable {
			why = broken
		}
		next, err := t.putBack(next.Text, why)
		return next, problems, err
	case RunPrev:
		t.log.Error("the configuration is not usable, the one before runs", "file", path, "prev", t.Files.prev())
		return prev, problems, nil
	}
	return Change{Config: next.Config}, problems, &console.Error{Text: path + " is not usable", Hint: "meterd check " + path + " tells the same without running"}
}

// Read reads a configuration from a file, with what it names beside it.
func Read(path string) (*config.Assembled, error) {
	a, err := config.LoadParts(path)
	if err == nil && len(a.Text) > MostConfig {
		err = fmt.Errorf("%s has more than %d KiB", path, MostConfig>>10)
	}
	return a, err
}
