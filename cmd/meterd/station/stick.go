package station

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/takeover"
	"meterd/dlt645"
)

// The files of a stick.
const (
	stickConfig    = "meterd.toml"
	stickSignature = stickConfig + signatureEnding
	mostSignature  = 4 << 10

	signatureEnding = ".minisig"
)

// visitor is a stick that can be mounted for a moment; dir is where.
type visitor interface {
	Visit(write bool, f func(dir string) error) error
}

// watchSticks takes configurations from USB sticks until the context ends.
func (st *Station) watchSticks(ctx context.Context) error {
	var visits sync.WaitGroup
	defer visits.Wait()
	pulled := map[string]context.CancelFunc{}
	w := board.Sticks{
		Came: func(s board.Stick, plugged bool) {
			if c, _ := st.takeover.Running(); c == nil || !c.USB.Enable {
				return
			}
			ctx, cancel := context.WithCancel(ctx)
			pulled[s.Name] = cancel
			plugged = plugged && board.Uptime() > settled
			visits.Go(func() { st.stick(ctx, s.Name, s, plugged) })
		},
		Deaf: func(err error) { st.log.Error("sticks are looked for every other second only", "err", err) },
		Gone: func(name string) {
			if cancel := pulled[name]; cancel != nil {
				cancel()
				delete(pulled, name)
			}
		},
	}
	w.Run(ctx)
	return nil
}

// settled is how long after the system's start a stick counts as one that was
// there: USB takes its time.
const settled = time.Minute

// stick takes what a stick brings, and stays with it until it is clear what
// came of it, or until it is pulled.
func (st *Station) stick(ctx context.Context, name string, s visitor, plugged bool) {
	brought, err := st.readStick(s, plugged)
	var prog *programReport
	if brought.programs {
		if prog = st.program(ctx, name, s, plugged); prog != nil && prog.result == taken { // another program goes on from here
			<-ctx.Done()
			return
		}
	}
	if prog != nil && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, errMisnamed)) && !(brought.asks && plugged) {
		st.tell(name, s, &stickReport{result: prog.result, why: prog.why, todo: prog.todo})
		<-ctx.Done()
		st.light.show(board.Dark)
		return
	}
	if brought.asks && plugged && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, errMisnamed)) {
		st.giveData(ctx, name, s, prog)
		return
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errMisnamed) && !plugged {
		st.log.Info("a stick without meterd.toml", "stick", name)
		return
	}
	if errors.Is(err, board.ErrNoFileSystem) && !plugged { // it belongs to the board, and is no business of ours
		st.log.Info("a disk without a file system for us", "stick", name)
		return
	}
	st.light.show(board.Working)
	defer func() { // the light shows the result until the stick is pulled
		<-ctx.Done()
		st.light.show(board.Dark)
	}()
	var r stickReport
	var p takeover.Proposal
	if err == nil {
		p = st.takeover.Propose(ctx, takeover.Candidate{Text: brought.text, By: "stick", Signed: brought.signed, Files: brought.files, Origin: brought.origin})
	}
	switch {
	case err != nil:
		r = stickReport{result: refused, why: whyOf(err), todo: todoOf(err)}
	case p.Same:
		r = stickReport{result: nothingToDo, why: dlt645.Text{EN: "it is what runs already", ZH: "与当前运行的配置相同"}}
	case p.Err != nil:
		r = stickReport{result: refused, why: whyOf(p.Err), todo: todoOf(p.Err)}
	case !p.Accepted():
		r = stickReport{result: refused, why: dlt645.Text{EN: "it has mistakes", ZH: "配置有错误"}, problems: p.Problems}
	default:
		r = stickReport{result: taken, problems: p.Problems}
	}
	r.program = prog
	if p.Config != nil && p.Config.Gateway.Speaks { // who wrote it reads the report
		r.lang = p.Config.Gateway.Language
	}
	r.text, r.note, r.files = brought.text, brought.note, p.Files
	for _, part := range brought.parts() {
		r.files = append(r.files, part.Name)
	}
	if r.result == taken {
		runs := st.awaitChange(ctx, brought.text)
		r.why = st.takeover.View().Says
		if !runs {
			r.result = takenBack
		}
	}
	st.tell(name, s, &r)
	if brought.asks && plugged && ctx.Err() == nil {
		st.light.show(board.Working)
		r.data, _ = st.export(ctx, s)
		st.tell(name, s, &r)
	}
	if r.result == taken {
		st.stay(ctx, name, s, r)
	}
}

// giveData serves a stick that asks for data, and brings nothing.
func (st *Station) giveData(ctx context.Context, name string, s visitor, prog *programReport) {
	st.light.show(board.Working)
	defer func() {
		<-ctx.Done()
		st.light.show(board.Dark)
	}()
	r := stickReport{result: dataGiven, program: prog}
	var failed bool
	if r.data, failed = st.export(ctx, s); failed {
		r.result = noData
	}
	st.tell(name, s, &r)
}

// whyOf tells an error to people.
func whyOf(err error) dlt645.Text {
	if told, ok := errors.AsType[*console.Told](err); ok {
		return told.Text
	}
	t := dlt645.Text{EN: err.Error(), ZH: err.Error()}
	switch {
	case errors.Is(err, board.ErrSignature):
		t.ZH = "签名与文件或密钥不符：" + t.ZH
	case errors.Is(err, board.ErrUnfit):
		t.ZH = "文件不可用：" + t.ZH
	case errors.Is(err, board.ErrNoFileSystem):
		t.ZH = "U 盘不是 FAT、exFAT 或 ext4：" + t.ZH
	}
	return t
}

// todoOf tells what to do about it.
func todoOf(err error) dlt645.Text {
	if told, ok := errors.AsType[*console.Told](err); ok {
		return told.Hint
	}
	return dlt645.Text{}
}

// longestChange is how long a change may take to come about.
const longestChange = 15 * time.Second

// awaitChange waits until the text runs. It reports false if it does not.
func (st *Station) awaitChange(ctx context.Context, text string) bool {
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	end := time.NewTimer(longestChange)
	defer end.Stop()
	for {
		if _, runs := st.takeover.Running(); runs == text && st.takeover.View().Step != takeover.Written {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-end.C:
			return false
		case <-t.C:
		}
	}
}

// stickLooked is how often it is seen what came of the trial.
const stickLooked = time.Second

// stay waits for the end of the trial, and tells it as long as the stick is
// there.
func (st *Station) stay(ctx context.Context, name string, s visitor, r stickReport) {
	t := time.NewTicker(stickLooked)
	defer t.Stop()
	for {
		_, runs := st.takeover.Running()
		v := st.takeover.View()
		back := runs != r.text || v.Phase == takeover.WentBack
		if back || v.Phase == takeover.Proved {
			r.result, r.why = works, v.Says
			if back {
				r.result = takenBack
			}
			st.tell(name, s, &r)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// tell writes the report onto the stick, and shows the result.
func (st *Station) tell(name string, s visitor, r *stickReport) {
	st.light.show(r.light())
	st.log.Info("stick", "stick", name, "result", r.result.name(), "why", dlt645.Text{EN: config.Redact(r.why.EN, r.text), ZH: config.Redact(r.why.ZH, r.text)})
	sh := st.onDuty()
	_, running := st.takeover.Running()
	if sh == nil {
		return
	}
	if r.file == "" {
		r.file = reportName(sh.config.Gateway.ID)
	}
	text := config.Redact(config.Redact(r.write(sh), r.text), running)
	err := s.Visit(true, func(dir string) error {
		return board.WritePlain(filepath.Join(dir, r.file), []byte(text))
	})
	if err != nil {
		st.log.Warn("the report could not be written onto the stick", "stick", name, "err", err)
	}
}
