package console

import (
	"time"

	"meterd/dlt645"
)

// ProgramStatus tells which program runs, and what came of the last update.
type ProgramStatus struct {
	Version string `json:"version"`
	Board   string `json:"board"`   // that it was built for
	Able    bool   `json:"updates"` // the board has a place for another one
	// State is "": none was ever taken, "written": it starts next, "trial", "proved"
	// or "back": the one before runs again.
	State string      `json:"state"`
	To    string      `json:"to,omitempty"`   // the version that State is of
	From  string      `json:"from,omitempty"` // what ran before it
	By    string      `json:"by,omitempty"`   // who brought it
	At    *time.Time  `json:"at,omitempty"`   // of the last change of State
	Until *time.Time  `json:"until,omitempty"`
	Why   string      `json:"why,omitempty"` // it went back
	Floor string      `json:"floor,omitempty"`
	Says  dlt645.Text `json:"-"` // Why, for people
}

// replaced reports whether another program runs than the board came with.
func (p ProgramStatus) replaced() bool { return p.State == "proved" && p.To == p.Version }

func (p ProgramStatus) line(lang string) string {
	return say(lang, dlt645.Text{EN: "program %s (%s), by %s; %s ran before it", ZH: "程序 %s（%s），来自 %s；此前为 %s"}, p.Version, p.Board, p.By, p.From)
}

func (p ProgramStatus) problems(list *problems, now time.Time) {
	left := time.Duration(0)
	if p.Until != nil {
		left = p.Until.Sub(now)
	}
	switch p.State {
	case "written":
		list.add(dlt645.Text{EN: "the program %s is whole in its place, and starts next", ZH: "程序 %s 已写入，即将启动"}, dlt645.Text{EN: "wait a minute", ZH: "请稍候"}, p.To)
	case "trial":
		list.add(dlt645.Text{EN: "the program %s is on trial, %s left; %s ran before it", ZH: "程序 %s 试运行中，剩余 %s；此前为 %s"},
			dlt645.Text{EN: "it stays when what worked before works again, else the board goes back by itself", ZH: "升级前正常的部分恢复后即保留，否则自动恢复原程序"}, p.To, span(left), p.From)
	case "back":
		list.add(dlt645.Text{EN: "the program %s was taken back, %s runs: %s", ZH: "程序 %s 已撤回，正在运行 %s：%s"},
			dlt645.Text{EN: "send this to who made it; the board works on as before", ZH: "请告知程序提供者；本板照常工作"}, p.To, p.Version, p.Says.In(list.lang))
	}
}

// Text tells it in a few lines.
func (p ProgramStatus) Text(lang string) string {
	text := say(lang, dlt645.Text{EN: "program %s (%s)\n", ZH: "程序 %s（%s）\n"}, p.Version, p.Board)
	if !p.Able {
		text += say(lang, dlt645.Text{EN: "no update is taken: the program was not started by its launcher\n", ZH: "不接受升级：程序不是由启动器启动的\n"})
	}
	if p.replaced() {
		text = p.line(lang) + "\n"
	}
	list := &problems{lang: lang}
	p.problems(list, time.Now())
	for _, one := range list.list {
		text += one.what + "\n"
	}
	if p.Floor != "" {
		text += say(lang, dlt645.Text{EN: "none older than %s is taken\n", ZH: "不接受早于 %s 的版本\n"}, p.Floor)
	}
	return text
}
