package station

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/update"
	"meterd/dlt645"
)

// programReport is what came of a program on a stick.
type programReport struct {
	result    result
	why, todo dlt645.Text
}

// sayProgram gives a report that names the version.
func sayProgram(r result, version string, why, todo dlt645.Text) *programReport {
	return &programReport{r, dlt645.Text{EN: "program " + version + ": " + why.EN, ZH: "程序 " + version + "：" + why.ZH}, todo}
}

// What is told of a program on a stick.
var (
	programTaken = dlt645.Text{EN: "it is whole in its place and starts now, on trial; it goes back by itself unless what worked before works again within 10 minutes",
		ZH: "已写入，即将启动试运行；若 10 分钟内升级前正常的部分未能恢复，将自动恢复原程序"}
	programTodo  = dlt645.Text{EN: "leave the stick in: what came of it is written here", ZH: "请不要拔出 U 盘：结果将写在此文件中"}
	programTrial = dlt645.Text{EN: "it runs, on trial", ZH: "正在试运行"}
	programWorks = dlt645.Text{EN: "it works", ZH: "工作正常"}
	programRuns  = dlt645.Text{EN: "it is the program that runs already", ZH: "与当前运行的程序相同"}
	programBack  = dlt645.Text{EN: "it was taken back, the one before runs again: ", ZH: "已撤回，重新运行原程序："}
)

// program takes the program that a stick has for this board, nil if it has none. Where
// it is taken the report is written, and the program ends.
func (st *Station) program(ctx context.Context, name string, s visitor, plugged bool) *programReport {
	sh := st.onDuty()
	if sh == nil {
		return nil
	}
	var found bool
	var facts update.Facts
	err := s.Visit(false, func(dir string) error {
		path, err := st.findProgram(dir, sh.config.Update.PublicKey, plugged)
		if path == "" && err == nil {
			return nil
		}
		found = true
		st.light.show(board.Working)
		if err != nil {
			return err
		}
		f, err := board.OpenPlain(path)
		if err != nil {
			return err
		}
		defer f.Close()
		facts, err = sh.takeUpdate(ctx, f, update.Offer{By: byStick, Again: plugged})
		return err
	})
	if !found {
		return nil
	}
	switch v := st.Update.View(); {
	case v.To.Hash == facts.Hash && v.Phase == update.OnTrial:
		return st.stayProgram(ctx, name, s, facts.Version)
	case v.To.Hash == facts.Hash && v.Phase == update.WentBack && err != nil && !plugged:
		return sayProgram(takenBack, facts.Version, dlt645.Text{EN: programBack.EN + v.Why.EN, ZH: programBack.ZH + v.Why.ZH}, todoOf(err))
	case errors.Is(err, update.ErrSame) && v.To.Hash == facts.Hash && v.Phase == update.Proved:
		return sayProgram(works, facts.Version, programWorks, dlt645.Text{})
	case errors.Is(err, update.ErrSame):
		return sayProgram(nothingToDo, facts.Version, programRuns, dlt645.Text{})
	case err != nil:
		p := &programReport{refused, whyOf(err), todoOf(err)}
		if facts.Version != "" {
			p = sayProgram(refused, facts.Version, p.why, p.todo)
		}
		return p
	}
	p := sayProgram(taken, facts.Version, programTaken, programTodo)
	st.tell(name, s, &stickReport{result: p.result, why: p.why, todo: p.todo})
	sh.giveWay()
	return p
}

// byStick is who brings what a stick has.
const byStick = "stick"

// stayProgram tells of a program on trial, and what has come of it, as long as
// the stick is there.
func (st *Station) stayProgram(ctx context.Context, name string, s visitor, version string) *programReport {
	p := sayProgram(taken, version, programTrial, programTodo)
	st.tell(name, s, &stickReport{result: p.result, why: p.why, todo: p.todo})
	t := time.NewTicker(stickLooked)
	defer t.Stop()
	for {
		if v := st.Update.View(); v.Phase == update.Proved {
			return sayProgram(works, version, programWorks, dlt645.Text{})
		}
		select {
		case <-ctx.Done(): // the next program tells why it ended, if it was not pulled
			return p
		case <-t.C:
		}
	}
}

const (
	// mostPrograms bounds the update files of a stick that are looked at.
	mostPrograms = 32
)

// findProgram gives the newest update that a stick's top folder has for this
// board, also where the board does not take it: that is told then. Where there
// is none for this board but for others, the error is of one of those.
func (st *Station) findProgram(dir, key string, again bool) (path string, err error) {
	var newest *update.File
	for _, name := range updatesIn(dir) {
		f, openErr := board.OpenPlain(filepath.Join(dir, name))
		if openErr != nil {
			err = openErr
			continue
		}
		head, headErr := st.Update.Peek(f, update.Offer{Key: key, Again: again})
		f.Close()
		switch {
		case head != nil && st.Update.Fits(head.Image):
			if newest == nil || update.Later(head.Version, newest.Version) {
				newest, path = head, filepath.Join(dir, name)
			}
		case headErr != nil:
			err = headErr
		}
	}
	if newest != nil {
		return path, nil
	}
	return "", err
}

// updatesIn gives the names of the update files in a folder, in their order.
func updatesIn(dir string) (names []string) {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	entries, _ := f.ReadDir(mostEntries)
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(strings.ToLower(name), update.Ending) && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names[:min(len(names), mostPrograms)]
}
