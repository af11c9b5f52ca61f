package tool

import (
	"strings"

	"meterd/cmd/meterd/cli"
	"meterd/dlt645"
)

// explainer writes a frame for people: each range of bytes with what it says.
type explainer struct {
	b        []byte
	wire     []byte
	at       int
	language string
}

func (e *explainer) say(en, zh string) string {
	if e.language == "zh" {
		return zh
	}
	return en
}

func (e *explainer) add(texts ...string) {
	for _, t := range texts {
		e.b = append(e.b, t...)
	}
}

// pad fills with blanks up to n characters from a place on, perLine of bytes at
// most; what is there must be ASCII.
func (e *explainer) pad(from, n int) {
	const blanks = "                        "
	if k := from + n - len(e.b); k > 0 {
		e.b = append(e.b, blanks[:k]...)
	}
}

// perLine is how many bytes stand in a line.
const perLine = 8

// ranged tells the next n bytes, perLine at most, up to where their meaning
// stands.
func (e *explainer) ranged(n int) {
	e.b = append(e.b, "   "...)
	from := len(e.b)
	e.b = appendInt(e.b, e.at)
	if n > 1 {
		e.b = appendInt(append(e.b, '-'), e.at+n-1)
	}
	e.pad(from, 8)
	e.b = append(e.b, ' ')
	from = len(e.b)
	e.b = appendSpaced(e.b, e.wire[e.at:e.at+n])
	e.pad(from, 3*perLine)
	e.at += n
}

// bytes tells the next n bytes with what they are and say. Long ones go over
// several lines.
func (e *explainer) bytes(n int, name, meaning string) {
	for first := true; n > 0; first = false {
		k := min(n, perLine)
		e.ranged(k)
		if first {
			e.add(" ", name, " ", meaning)
		}
		for e.b[len(e.b)-1] == ' ' {
			e.b = e.b[:len(e.b)-1]
		}
		e.b = append(e.b, '\n')
		n -= k
	}
}

func (e *explainer) line(texts ...string) {
	e.b = append(e.b, "   "...)
	e.add(texts...)
	e.b = append(e.b, '\n')
}

// text tells a frame in lines for people. What it takes from the input other than
// digits is made harmless: words may hold anything.
func (d *decoder) text(line int, wire []byte, at *place, f *dlt645.Frame, note string) {
	e := explainer{b: d.b, wire: wire, language: d.names.Language}
	if len(at.words) > 0 {
		e.b = appendInt(e.b, line)
		e.add(": ", e.say("no bytes:", "不是字节："), " ", harmless(at.words), "\n")
	}
	e.passed(line, at.before)
	e.heading(line, f)
	if at.inside != "" {
		e.line(e.say("inside a frame of", "承载于"), " ", at.inside)
	}
	e.bytes(at.Preamble, e.say("preamble", "前导字节"), "")
	e.bytes(1, e.say("start", "帧起始符"), "")
	e.ranged(6)
	e.add(e.say(" address ", " 地址 "))
	e.b = append(appendHex(e.b, f.Address[:]), '\n')
	e.bytes(1, e.say("start", "帧起始符"), "")
	e.ranged(1)
	e.add(e.say(" control ", " 控制码 "))
	e.b = appendHex(e.b, []byte{byte(f.Control)})
	e.add(e.control(f.Control), "\n")
	e.ranged(1)
	e.add(e.say(" length ", " 长度 "))
	e.b = append(appendInt(e.b, len(f.Data)), '\n')
	for _, p := range d.parts {
		meaning := d.meaning(p)
		if meaning == "" && len(p.Data) <= 8 {
			meaning = string(appendHex(nil, p.Data))
		}
		e.bytes(len(p.Data), d.titles[p.Field], meaning)
	}
	if len(d.parts) == 0 {
		e.bytes(len(f.Data), e.say("data", "数据"), "")
	}
	e.bytes(1, e.say("checksum", "校验码"), "")
	e.bytes(1, e.say("end", "结束符"), "")
	for i := range d.items {
		d.tell(&e, d.items[i])
	}
	if r := f.Refusal(); r != nil {
		e.line(e.say("refused", "拒绝"), ": ", d.words.Refusal(r), " (", r.CodeText(), ")")
	}
	if note != "" {
		e.line(e.say("note", "注"), ": ", note)
	}
	e.passed(line, at.behind)
	d.b = e.b
}

// harmless is cli.Harmless, which most words need not go through.
func harmless(words []byte) string {
	for _, c := range words {
		if c < ' ' || c > '~' {
			return cli.Harmless(string(words))
		}
	}
	return string(words)
}

// heading tells what a frame is.
func (e *explainer) heading(line int, f *dlt645.Frame) {
	p := f.Protocol()
	function := f.Control.Function().Name(p)
	if function == "" {
		function = e.say("unknown function", "未知功能")
	}
	what := e.say("request to ", "请求，发往 ")
	if f.Control.Response() {
		what = e.say("answer from ", "应答，来自 ")
	}
	e.b = appendInt(e.b, line)
	e.add(": DL/T 645-", p.String(), " ", what)
	e.b = appendHex(e.b, f.Address[:])
	e.add(" (", function, ")\n")
}

// passed tells bytes that belong to no frame.
func (e *explainer) passed(line int, b []byte) {
	const most = 32
	if len(b) == 0 {
		return
	}
	e.b = appendInt(e.b, line)
	e.add(": ")
	e.b = appendInt(e.b, len(b))
	e.add(e.say(" bytes that are no frame: ", " 字节不成帧："))
	e.b = appendSpaced(e.b, b[:min(len(b), most)])
	if len(b) > most {
		e.add(" …")
	}
	e.add("\n")
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

// tell tells an item of an answer.
func (d *decoder) tell(e *explainer, it dlt645.Item) {
	n := d.names.Of(it)
	e.add("   ", n.Name, " = ")
	from := len(e.b)
	switch {
	case it.Value.Kind == dlt645.Number:
		e.b, _ = it.Value.Dec.AppendText(e.b)
	case it.Value.Known():
		e.add(it.Value.Text)
	case it.Value.Kind == dlt645.Invalid && it.Value.Text != "":
		e.add(e.say("invalid ", "无效 "), it.Value.Text)
	default:
		e.add(e.say("absent", "无"))
	}
	e.add(" ", n.Unit)
	if it.Value.Kind != dlt645.Number {
		e.b = append(e.b[:from], strings.TrimSpace(string(e.b[from:]))...)
	} else if n.Unit == "" {
		e.b = e.b[:len(e.b)-1]
	}
	bits := d.words.SetBits(it)
	for i, bit := range bits {
		e.add([]string{" (", e.say(", ", "、")}[min(i, 1)], bit.Name)
	}
	if len(bits) > 0 {
		e.add(")")
	}
	e.add("\n")
}

// appendSpaced appends the digits of bytes, a blank between each two.
func appendSpaced(b, of []byte) []byte {
	for i, c := range of {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}
