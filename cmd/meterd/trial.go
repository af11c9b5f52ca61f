package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/dlt645"
)

// A new configuration has to prove itself: a meter that answers, or an uplink
// that connects. Else the one before takes its place again.

// trialFor is how long it has.
const trialFor = 10 * time.Minute

// trialView is what there is to tell of the last change.
type trialView struct {
	state   trialState
	until   time.Time   // onTrial: when it ends
	at      time.Time   // of the last change of state
	text    dlt645.Text // what came of it
	refused string      // hash of the configuration that was gone back from
}

type trialState uint8

const (
	proved   trialState = iota // nothing is on trial
	onTrial                    // nothing has come up yet
	partly                     // a meter or an uplink has come up, the other is awaited
	wentBack                   // the one before runs again
)

func (st *station) view() trialView {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.trial
}

func (st *station) setTrial(f func(*trialView)) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.trial.at = time.Now()
	f(&st.trial)
}

// newTrialView is what there is to tell of a configuration that begins now and
// has to prove itself.
func newTrialView(now time.Time) trialView {
	return trialView{state: onTrial, at: now, until: now.Add(trialFor), text: dlt645.Text{
		EN: "taken over; it goes back by itself unless a meter answers or an uplink connects within 10 minutes",
		ZH: "已采用；若 10 分钟内既无电表应答也无上行连接，将自动恢复原配置"}}
}

// came tells what has come up.
type came struct{ meter, uplink bool }

func (d *daemon) whatCame() came {
	var c came
	for _, m := range d.meters() {
		c.meter = c.meter || m.Online
	}
	for _, u := range d.uplinks {
		c.uplink = c.uplink || u.State().Connected
	}
	return c
}

// proveLooked is how often it is seen what has come up.
const proveLooked = time.Second

// prove watches a configuration on trial, until it is clear what comes of it.
func (d *daemon) prove(ctx context.Context) {
	if d.view().state != onTrial {
		return
	}
	end := time.NewTimer(trialFor)
	defer end.Stop()
	look := time.NewTicker(proveLooked)
	defer look.Stop()
	confirmed := false
	for {
		c := d.whatCame()
		if !confirmed && (c.meter || c.uplink || d.nothingToCome()) {
			confirmed = true
			d.confirm()
		}
		if (c.meter || len(d.meters()) == 0) && (c.uplink || len(d.uplinks) == 0) {
			d.log.Info("the new configuration works", "gateway", d.config.Gateway.ID)
			d.setTrial(func(v *trialView) {
				v.state, v.text = proved, dlt645.Text{EN: "it works: what it names has come up", ZH: "工作正常：电表和上行均已就绪"}
			})
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		case <-end.C:
			d.endTrial(c)
			return
		}
	}
}

// nothingToCome: a configuration without meters and uplinks has nothing to
// prove itself by.
func (d *daemon) nothingToCome() bool { return len(d.meters()) == 0 && len(d.uplinks) == 0 }

// confirm makes the configuration the one that is gone back to.
func (d *daemon) confirm() {
	if err := d.conf.confirm(); err != nil {
		d.log.Error("that the new configuration works cannot be noted", "err", err)
	}
	d.setTrial(func(v *trialView) {
		v.state, v.text = partly, dlt645.Text{EN: "it stays; the rest is awaited", ZH: "保留新配置；等待其余部分就绪"}
	})
}

// endTrial says what came of a trial whose time is up.
func (d *daemon) endTrial(c came) {
	switch {
	case c.meter:
		d.settle(dlt645.Text{EN: "it stays: meters answer, but no uplink has connected within 10 minutes", ZH: "保留新配置：电表有应答，但 10 分钟内没有上行连接"})
	case c.uplink:
		d.settle(dlt645.Text{EN: "it stays: an uplink has connected, but no meter has answered within 10 minutes", ZH: "保留新配置：上行已连接，但 10 分钟内没有电表应答"})
	case d.view().state == partly:
		d.settle(dlt645.Text{EN: "it stays: something had come up, but is away again", ZH: "保留新配置：曾有部分就绪，但又中断"})
	default:
		d.goBack()
	}
}

func (d *daemon) settle(text dlt645.Text) {
	d.log.Warn("the new configuration works in part", "what", text)
	d.setTrial(func(v *trialView) { v.state, v.text = proved, text })
}

// goBack has the configuration before run again, if there is one that could
// do better.
func (d *daemon) goBack() {
	if !d.reserve() {
		return // another takes its place already
	}
	_, text := d.running()
	err := d.conf.prevUsable()
	if err == nil {
		var next change
		if next, err = d.back(text, nothingCame); err == nil {
			d.changes <- next
			return
		}
	}
	d.release()
	d.confirm()
	d.settle(dlt645.Text{EN: nothingCame.EN + "; it stays, because there is none to go back to: " + err.Error(), ZH: nothingCame.ZH + "；因无可恢复的配置而保留：" + err.Error()})
}

var nothingCame = dlt645.Text{EN: "no meter has answered and no uplink has connected within 10 minutes", ZH: "10 分钟内既无电表应答也无上行连接"}

// prevUsable tells why the configuration before is none to go back to.
func (f *confFile) prevUsable() error {
	text, err := os.ReadFile(f.prev())
	if err != nil {
		return err
	}
	c, problems := config.Parse(f.path, string(text))
	switch {
	case config.Failed(problems):
		return fmt.Errorf("%s is not usable", f.prev())
	case len(c.Meters) == 0 && len(c.Uplinks) == 0:
		return fmt.Errorf("%s names neither a meter nor an uplink", f.prev())
	}
	return nil
}

// back puts the configuration before in the place of text, which is on trial.
func (st *station) back(text string, why dlt645.Text) (change, error) {
	prev, err := st.conf.back()
	if err != nil {
		return change{}, err
	}
	c, problems := config.Parse(st.conf.path, prev)
	if config.Failed(problems) {
		return change{}, fmt.Errorf("%s is not usable", st.conf.prev())
	}
	st.log.Error("the new configuration is taken back", "why", why)
	st.setTrial(func(v *trialView) {
		*v = trialView{state: wentBack, at: time.Now(), refused: hashOf(text), text: dlt645.Text{
			EN: "taken back, the configuration before runs again: " + why.EN, ZH: "已恢复原配置：" + why.ZH}}
	})
	return change{config: c, text: prev}, nil
}

// unusable is asked when a configuration cannot run at all. It gives the one
// before, if that is how it can go on.
func (st *station) unusable(c change, why error) (*change, error) {
	if !c.onTrial {
		return nil, why
	}
	next, err := st.back(c.text, dlt645.Text{EN: why.Error(), ZH: why.Error()})
	if err != nil {
		st.log.Error("the new configuration cannot be taken back", "err", err)
		return nil, why
	}
	return &next, nil
}

// firstChange gives what runs when the program starts. A configuration that
// was on trial goes on being so, until it had its starts. Where the file is
// not usable the one before serves: nobody is there to mend it.
func (st *station) firstChange() (change, []config.Problem, error) {
	path := st.conf.path
	b, err := os.ReadFile(path)
	if err != nil {
		return st.insteadOf([]config.Problem{{File: path, Line: 1, Text: err.Error(), Hint: "is the path right?"}})
	}
	text := string(b)
	trial, spent, err := st.conf.start(text)
	if err != nil {
		st.log.Error("the trial of the configuration cannot be noted", "err", err)
	}
	c, problems := config.Parse(path, text)
	switch {
	case trial && (spent || config.Failed(problems)) && st.conf.prevUsable() == nil:
		why := dlt645.Text{EN: "it was started twice without proving itself", ZH: "已启动两次仍未证明可用"}
		if config.Failed(problems) {
			why = dlt645.Text{EN: "it is not usable", ZH: "配置不可用"}
		}
		next, err := st.back(text, why)
		return next, problems, err
	case config.Failed(problems):
		return st.insteadOf(problems)
	}
	return change{config: c, text: text, onTrial: trial}, problems, nil
}

// insteadOf gives the configuration before, for one that is not usable.
func (st *station) insteadOf(problems []config.Problem) (change, []config.Problem, error) {
	path := st.conf.path
	unusable := failHint("meterd check "+path+" tells the same without running", "%s is not usable", path)
	b, err := os.ReadFile(st.conf.prev())
	if err != nil {
		return change{}, problems, unusable
	}
	c, more := config.Parse(st.conf.prev(), string(b))
	if config.Failed(more) {
		return change{}, problems, unusable
	}
	st.log.Error("the configuration is not usable, the one before runs", "file", path, "prev", st.conf.prev())
	st.setTrial(func(v *trialView) {
		v.state, v.text = wentBack, dlt645.Text{EN: path + " is not usable, the configuration before runs", ZH: path + " 不可用，正在运行原配置"}
	})
	return change{config: c, text: string(b)}, problems, nil
}
