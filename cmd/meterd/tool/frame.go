package tool

import (
	"fmt"
	"io"
	"strings"

	"meterd/cmd/meterd/explain"
	"meterd/dlt645"
)

// explainer writes a frame for people: each range of bytes with what it says.
type explainer struct {
	strings.Builder
	wire     []byte
	at       int
	language string
}

func (e *explainer) say(en, zh string) string { return dlt645.Text{EN: en, ZH: zh}.In(e.language) }

// bytes tells the next n bytes. Long ones go over several lines.
func (e *explainer) bytes(n int, meaning string) {
	const perLine = 8
	for first := true; n > 0; first = false {
		k := min(n, perLine)
		where := fmt.Sprint(e.at)
		if k > 1 {
			where = fmt.Sprintf("%d-%d", e.at, e.at+k-1)
		}
		line := fmt.Sprintf("   %-8s % -*X", where, 3*perLine, e.wire[e.at:e.at+k])
		if first {
			line += " " + meaning
		}
		e.WriteString(strings.TrimRight(line, " ") + "\n")
		e.at += k
		n -= k
	}
}

func (e *explainer) line(format string, args ...any) { fmt.Fprintf(e, "   "+format+"\n", args...) }

// text tells a frame in lines for people.
func (d *decoder) text(j frameJSON, wire []byte, at place, f dlt645.Frame, parts []dlt645.Part) error {
	e := explainer{wire: wire, language: d.language}
	if at.words != "" {
		fmt.Fprintf(&e, "%d: %s %s\n", j.Line, e.say("no bytes:", "不是字节："), at.words)
	}
	e.passed(j.Line, at.before)
	function := e.say("unknown function", "未知功能")
	if j.Function != nil {
		function = *j.Function
	}
	what := e.say("request to ", "请求，发往 ")
	if j.Direction == "response" {
		what = e.say("answer from ", "应答，来自 ")
	}
	fmt.Fprintf(&e, "%d: DL/T 645-%s %s%s (%s)\n", j.Line, j.Protocol, what, j.Address, function)
	if at.inside != "" {
		e.line("%s %s", e.say("inside a frame of", "承载于"), at.inside)
	}
	e.bytes(at.Preamble, e.say("preamble", "前导字节"))
	e.bytes(1, e.say("start", "帧起始符"))
	e.bytes(6, e.say("address ", "地址 ")+j.Address)
	e.bytes(1, e.say("start", "帧起始符"))
	e.bytes(1, e.say("control ", "控制码 ")+j.Control+e.control(f.Control))
	e.bytes(1, fmt.Sprintf(e.say("length %d", "长度 %d"), len(f.Data)))
	for i, p := range parts {
		meaning := p.Meaning().In(d.language)
		if meaning == "" && len(p.Data) <= 8 {
			meaning = j.Fields[i].Data
		}
		e.bytes(len(p.Data), strings.TrimSpace(j.Fields[i].Name+" "+meaning))
	}
	if len(parts) == 0 {
		e.bytes(len(f.Data), e.say("data", "数据"))
	}
	e.bytes(1, e.say("checksum", "校验码"))
	e.bytes(1, e.say("end", "结束符"))
	for _, v := range j.Values {
		e.value(v)
	}
	if j.Error != nil {
		e.line("%s: %s (%s)", e.say("refused", "拒绝"), j.Error.Text, j.Error.Code)
	}
	if j.Note != "" {
		e.line("%s: %s", e.say("note", "注"), j.Note)
	}
	e.passed(j.Line, at.behind)
	_, err := io.WriteString(d.out, e.String())
	return err
}

// passed tells bytes that belong to no frame.
func (e *explainer) passed(line int, b []byte) {
	const most = 32
	if len(b) == 0 {
		return
	}
	dots := ""
	if len(b) > most {
		dots = " …"
	}
	fmt.Fprintf(e, e.say("%d: %d bytes that are no frame: % X%s\n", "%d: %d 字节不成帧：% X%s\n"), line, len(b), b[:min(len(b), most)], dots)
}

// control names the bits of the control byte.
func (e *explainer) control(c dlt645.Control) string {
	var s string
	if c.Refusal() {
		s += e.say(", refused", "，异常应答")
	}
	if c.More() {
		s += e.say(", more data follow", "，有后续数据")
	}
	return s
}

func (e *explainer) value(v explain.Meaning) {
	value := e.say("absent", "无")
	switch {
	case v.Value != nil:
		value = *v.Value
	case v.Invalid != "":
		value = e.say("invalid ", "无效 ") + v.Invalid
	}
	line := v.Name + " = " + strings.TrimSpace(value+" "+v.Unit)
	if len(v.Bits) > 0 {
		line += " (" + strings.Join(v.Bits, e.say(", ", "、")) + ")"
	}
	e.line("%s", line)
}
