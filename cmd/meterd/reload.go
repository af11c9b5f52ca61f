package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/dlt645"
)

// mostConfig is the size of the longest configuration that is taken over.
const mostConfig = 256 << 10

// proposal is what came of a configuration that somebody brought.
type proposal struct {
	same     bool // it runs already
	problems []config.Problem
	config   *config.Config
	err      error // it has no mistakes, but could not be written
}

func (p proposal) accepted() bool { return !p.same && p.err == nil && !config.Failed(p.problems) }

// propose examines a configuration, and takes it over if nothing is wrong with
// it. The change itself comes after a moment, so that who asked is told first.
func (st *station) propose(ctx context.Context, text, by string) proposal {
	select {
	case st.turn <- struct{}{}:
		defer func() { <-st.turn }()
	case <-ctx.Done():
		return proposal{err: ctx.Err()}
	}
	d, running := st.running()
	if text == running {
		return proposal{same: true}
	}
	p := examine(text, d.config)
	if !p.accepted() {
		return p
	}
	if !st.reserve() {
		p.err = errComing
		return p
	}
	if p.err = st.conf.install(text, running, by); p.err != nil {
		st.release()
		return p
	}
	st.log.Info("a new configuration is taken over", "by", by, "gateway", p.config.Gateway.ID)
	next := change{config: p.config, text: text, onTrial: true}
	time.AfterFunc(changeAfter, func() { st.changes <- next }) // there is room: it is reserved
	return p
}

// errComing says that somebody else was quicker.
var errComing = console.Tell(dlt645.Text{EN: "another configuration is being taken over just now", ZH: "正在采用另一个配置"}, dlt645.Text{EN: "try again in a minute", ZH: "请稍后再试"})

// changeAfter is the moment between the answer and the change.
const changeAfter = 500 * time.Millisecond

// examine says everything that is wrong with a configuration on this board.
func examine(text string, running *config.Config) proposal {
	var p proposal
	p.config, p.problems = config.Parse("meterd.toml", text)
	if !config.Failed(p.problems) {
		_, crowding := planned(p.config, p.problems)
		p.problems = append(append(p.problems, crowding...), dryRun(p.config, running)...)
	}
	for i := range p.problems {
		if p.problems[i].Lacking { // what is missing now would be missing when it runs
			p.problems[i].Warning = false
		}
	}
	return p
}

// configCommand shows what runs, with secrets hidden, or takes the file over
// that was changed.
func (d *daemon) configCommand(ctx context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	_, text := d.running()
	if len(args) == 0 {
		shown, err := config.Hide(text)
		if err != nil {
			return nil, err
		}
		v := d.view()
		return console.ConfigText{File: d.conf.path, TOML: shown, SHA256: hashOf(text), State: v.state.String(), At: known(inZone(v.at, d.config.Gateway.Zone)), Until: known(inZone(v.until, d.config.Gateway.Zone)), Says: v.text}, nil
	}
	if len(args) != 1 || args[0] != "reload" {
		return nil, &console.Error{Text: fmt.Sprintf("config takes nothing or reload, not %q", strings.Join(args, " "))}
	}
	text, err := readConfig(d.conf.path)
	if err != nil {
		return nil, err
	}
	p := d.propose(ctx, text, byConsole)
	switch {
	case p.same:
		return console.Line{Value: dlt645.Text{EN: "the file is what runs already", ZH: "文件与当前运行的配置相同"}.In(d.config.Gateway.Language)}, nil
	case p.err != nil:
		return nil, p.err
	case !p.accepted():
		var lines []string
		for _, problem := range p.problems {
			lines = append(lines, problem.String())
		}
		return nil, &console.Error{Text: redact(strings.Join(lines, "\n"), text), Hint: "the configuration that runs goes on"}
	}
	return console.Line{Value: dlt645.Text{
		EN: "taken over; it goes back by itself unless a meter answers or an uplink connects within 10 minutes",
		ZH: "已采用；若 10 分钟内既无电表应答也无上行连接，将自动恢复原配置"}.In(d.config.Gateway.Language)}, nil
}

// inZone leaves a time that never was what it is.
func inZone(t time.Time, zone *time.Location) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(zone)
}

// String names the state for scripts.
func (s trialState) String() string { return [...]string{"proved", "trial", "partly", "back"}[s] }

func readConfig(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostConfig+1))
	if err == nil && len(b) > mostConfig {
		err = fmt.Errorf("%s has more than %d KiB", path, mostConfig>>10)
	}
	return string(b), err
}

// redact hides the secrets of a configuration in what is told of it.
func redact(told, text string) string {
	for _, s := range config.Secrets(text) {
		told = strings.ReplaceAll(told, s, config.Hidden)
	}
	return told
}
