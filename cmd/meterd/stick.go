package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/console"
	"meterd/dlt645"
)

// The files of a stick.
const (
	stickConfig    = "meterd.toml"
	stickSignature = "meterd.toml.minisig"
	mostSignature  = 4 << 10
)

// visitor is a stick that can be mounted for a moment; dir is where.
type visitor interface {
	Visit(write bool, f func(dir string) error) error
}

// watchSticks takes configurations from USB sticks until the context ends.
func (st *station) watchSticks(ctx context.Context) {
	var visits sync.WaitGroup
	defer visits.Wait()
	pulled := map[string]context.CancelFunc{}
	w := board.Sticks{
		Came: func(s board.Stick, plugged bool) {
			d, _ := st.running()
			if d == nil || !d.config.USB.Enable {
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
}

// settled is how long after the system's start a stick counts as one that was
// there: USB takes its time.
const settled = time.Minute

// stick takes what a stick brings, and stays with it until it is clear what
// came of it, or until it is pulled.
func (st *station) stick(ctx context.Context, name string, s visitor, plugged bool) {
	brought, err := readStick(s)
	if errors.Is(err, fs.ErrNotExist) {
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
	var p proposal
	if err == nil {
		err = st.admit(brought, plugged)
	}
	if err == nil {
		p = st.propose(ctx, brought.text, "stick")
	}
	switch {
	case err != nil:
		r = stickReport{result: refused, why: whyOf(err)}
	case p.same:
		r = stickReport{result: nothingToDo, why: dlt645.Text{EN: "it is what runs already", ZH: "与当前运行的配置相同"}}
	case p.err != nil:
		r = stickReport{result: refused, why: whyOf(p.err)}
	case !p.accepted():
		r = stickReport{result: refused, why: dlt645.Text{EN: "it has mistakes", ZH: "配置有错误"}, problems: p.problems}
	default:
		r = stickReport{result: taken, problems: p.problems}
	}
	r.text = brought.text
	if r.result == taken {
		runs := st.awaitChange(ctx, brought.text)
		r.why = st.view().text
		if !runs {
			r.result = takenBack
		}
	}
	st.tell(name, s, &r)
	if r.result == taken {
		st.stay(ctx, name, s, r)
	}
}

// brought is what a stick holds for us.
type brought struct {
	text      string
	signature []byte // nil: none
	unsigned  error  // why there is no signature
}

// readStick copies the files into memory. Nothing is looked at on the stick
// itself: it may change between two looks.
func readStick(s visitor) (brought, error) {
	var b brought
	err := s.Visit(false, func(dir string) error {
		text, err := board.ReadPlain(filepath.Join(dir, stickConfig), mostConfig)
		if err != nil {
			return err
		}
		b.text = string(text)
		b.signature, b.unsigned = board.ReadPlain(filepath.Join(dir, stickSignature), mostSignature)
		return nil
	})
	return b, err
}

// admit decides whether a configuration is looked at at all.
func (st *station) admit(b brought, plugged bool) error {
	d, _ := st.running()
	if d == nil {
		return errComing
	}
	if key := d.config.USB.PublicKey; key != "" {
		if b.unsigned != nil {
			return console.Tell(dlt645.Text{EN: "usb.public_key is set, and %s is missing or unfit: %v", ZH: "已设置 usb.public_key，但 %s 缺失或不可用：%v"}, dlt645.Text{}, stickSignature, b.unsigned)
		}
		if err := board.Verify(key, []byte(b.text), b.signature); err != nil {
			return err
		}
	}
	if !plugged && st.conf.wasRefused(b.text) {
		return console.Tell(dlt645.Text{EN: "it was taken back before; pull the stick and plug it in again to try it once more", ZH: "该配置曾被恢复；如要再试，请拔出 U 盘后重新插入"}, dlt645.Text{})
	}
	return nil
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

// longestChange is how long a change may take to come about.
const longestChange = 15 * time.Second

// awaitChange waits until the text runs. It reports false if it does not.
func (st *station) awaitChange(ctx context.Context, text string) bool {
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	end := time.NewTimer(longestChange)
	defer end.Stop()
	for {
		if _, runs := st.running(); runs == text {
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

// stay waits for the end of the trial, and tells it as long as the stick is
// there.
func (st *station) stay(ctx context.Context, name string, s visitor, r stickReport) {
	t := time.NewTicker(proveLooked)
	defer t.Stop()
	for {
		_, runs := st.running()
		v := st.view()
		if runs != r.text || v.state == proved {
			r.result, r.why = works, v.text
			if runs != r.text {
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
func (st *station) tell(name string, s visitor, r *stickReport) {
	st.light.show(r.result.light())
	st.log.Info("stick", "stick", name, "result", r.result.name(), "why", dlt645.Text{EN: redact(r.why.EN, r.text), ZH: redact(r.why.ZH, r.text)})
	d, running := st.running()
	if d == nil {
		return
	}
	if r.file == "" {
		r.file = reportName(d.config.Gateway.ID)
	}
	text := redact(redact(r.write(d), r.text), running)
	err := s.Visit(true, func(dir string) error {
		return board.WritePlain(filepath.Join(dir, r.file), []byte(text))
	})
	if err != nil {
		st.log.Warn("the report could not be written onto the stick", "stick", name, "err", err)
	}
}
