package station

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/dlt645"
)

// result is what came of a stick.
type result uint8

const (
	nothingToDo result = iota
	refused
	taken
	works
	takenBack
	dataGiven
	noData
)

func (r result) name() dlt645.Text {
	return [...]dlt645.Text{
		{EN: "NOTHING TO DO", ZH: "无需更改"}, {EN: "REFUSED", ZH: "已拒绝"}, {EN: "TAKEN OVER, ON TRIAL", ZH: "已采用，试运行中"},
		{EN: "TAKEN OVER", ZH: "已采用"}, {EN: "TAKEN BACK", ZH: "已恢复原配置"},
		{EN: "DATA WRITTEN", ZH: "已导出数据"}, {EN: "DATA NOT WRITTEN", ZH: "未能导出数据"},
	}[r]
}

// light is what the LED shows: what is wrong, if anything is.
func (r stickReport) light() board.Pattern {
	if p := r.program; p != nil && (p.result == refused || p.result == takenBack) {
		return p.result.light()
	}
	return r.result.light()
}

// light is what the LED shows of it.
func (r result) light() board.Pattern {
	switch r {
	case refused, takenBack, noData:
		return board.Refused
	case taken:
		return board.Working
	}
	return board.Done
}

// stickReport is what is written onto a stick.
type stickReport struct {
	result   result
	why      dlt645.Text
	todo     dlt645.Text // what to do about it, if anything
	problems []config.Problem
	text     string // of the configuration, for its secrets
	lang     string // that it asks for, "" for that of what runs
	note     dlt645.Text
	data     dlt645.Text    // what came of asking for data
	program  *programReport // what came of a program beside it; nil: there was none
	files    []string       // that came with it
	file     string         // where it stands on the stick: one file, whatever becomes of the gateway's name
}

// mostProblems bounds a report.
const mostProblems = 200

// write gives the report as text. Lines end as Windows wants them: a stick is
// read where it was written.
func (r stickReport) write(sh *shift) string {
	lang := cmp.Or(r.lang, sh.config.Gateway.Language)
	in := func(en, zh string) string { return dlt645.Text{EN: en, ZH: zh}.In(lang) }
	var b strings.Builder
	fmt.Fprintf(&b, "meterd %s  %s  %s\n\n", sh.Version, sh.config.Gateway.ID, time.Now().In(sh.config.Gateway.Zone).Format("2006-01-02 15:04:05 -07:00"))
	fmt.Fprintf(&b, "%s: %s\n", in("result", "结果"), r.result.name().In(lang))
	if why := r.why.In(lang); why != "" {
		fmt.Fprintf(&b, "%s\n", why)
	}
	if todo := r.todo.In(lang); todo != "" {
		fmt.Fprintf(&b, "  %s: %s\n", in("hint", "提示"), todo)
	}
	if p := r.program; p != nil {
		fmt.Fprintf(&b, "%s\n", p.why.In(lang))
		if todo := p.todo.In(lang); todo != "" {
			fmt.Fprintf(&b, "  %s: %s\n", in("hint", "提示"), todo)
		}
	}
	if data := r.data.In(lang); data != "" {
		fmt.Fprintf(&b, "%s\n", data)
	}
	if note := r.note.In(lang); note != "" {
		fmt.Fprintf(&b, "%s\n", note)
	}
	if len(r.files) > 0 {
		fmt.Fprintf(&b, "%s: %s\n", in("with it", "随附文件"), strings.Join(r.files, ", "))
	}
	if len(r.problems) > 0 {
		fmt.Fprintf(&b, "\n%s\n", in("mistakes and warnings, each with its file and line:", "错误和警告（含文件名和行号）："))
	}
	for i, p := range r.problems {
		if i == mostProblems {
			fmt.Fprintf(&b, "  … %d\n", len(r.problems)-i)
			break
		}
		fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(p.In(lang), "\n", "\n  "))
	}
	fmt.Fprintf(&b, "\n%s\n\n%s", in("what is running:", "当前运行："), sh.panel.Status().Text(lang))
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

// reportName is the name of the report's file, in letters that each file
// system takes.
func reportName(gateway string) string {
	return "meterd-report-" + plainName(gateway) + ".txt"
}

// plainName gives a gateway's name in letters that each file system takes.
func plainName(gateway string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_.", r) || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, gateway)
}
