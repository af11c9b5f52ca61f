package tool

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/explain"
	"meterd/dlt645"
	"meterd/meter"
)

// decode written the plain way, with fmt, encoding/json and a string for
// everything: what the one that is fast is held to.

// plainDecode gives what decode prints for a file, and how many inputs hold no
// frame.
func plainDecode(in string, asJSON, fields bool, language string) (string, int) {
	var out bytes.Buffer
	var w io.Writer = &out
	if !asJSON {
		w = cli.Plain(w)
	}
	d := plainDecoder{out: w, json: asJSON, fields: fields, language: language, whole: map[dlt645.Address]*dlt645.Assembly{}}
	lines := bufio.NewScanner(strings.NewReader(in))
	lines.Buffer(nil, 1<<20)
	first, held := 0, ""
	flush := func() {
		if text := strings.TrimSpace(held); text != "" && !strings.HasPrefix(text, "#") {
			d.input(first, held)
		}
	}
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if first > 0 && plainContinues(held, line) && len(held) < 1<<20 {
			held = plainJoined(held, line)
			continue
		}
		flush()
		first, held = n, line
	}
	flush()
	return out.String(), d.failed
}

// plainDecoder explains inputs and remembers whether one held no frame.
type plainDecoder struct {
	out      io.Writer
	json     bool
	fields   bool // in JSON, the parts of the data too
	language string
	failed   int // inputs without a frame
	points   meter.Points
	// whole holds what follow-up frames are added to, by meter.
	whole map[dlt645.Address]*dlt645.Assembly
}

// frameJSON is the shape of docs/cli.md.
type frameJSON struct {
	Line      int               `json:"line"`
	OK        bool              `json:"ok"`
	Preamble  int               `json:"preamble"`
	Protocol  string            `json:"protocol"`
	Direction string            `json:"direction"`
	Address   string            `json:"address"`
	Control   string            `json:"control"`
	Function  *string           `json:"function"`
	Error     *errorJSON        `json:"error"`
	More      bool              `json:"more"`
	Seq       *byte             `json:"seq"`
	DI        *string           `json:"di"`
	Data      string            `json:"data"`
	Values    []explain.Meaning `json:"values"`
	Fields    []fieldJSON       `json:"fields,omitempty"` // the data, part by part
	Note      string            `json:"note,omitempty"`   // why the data could not be read as values
	Inside    string            `json:"inside,omitempty"` // the frame of another protocol that carries this one
	Before    string            `json:"before,omitempty"` // bytes passed over since the frame before
	Behind    string            `json:"behind,omitempty"` // bytes after the last frame
	Words     string            `json:"words,omitempty"`  // what is no bytes
}

type errorJSON struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

type fieldJSON struct {
	Name string `json:"name"`
	Data string `json:"data"`
	Text string `json:"text,omitempty"`
}

type noFrameJSON struct {
	Line  int    `json:"line"`
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

// input explains every frame of one input, those too that a frame of another
// protocol carries.
func (d *plainDecoder) input(line int, text string) error {
	b, words, err := plainHex(text)
	if err != nil {
		return d.nothing(line, "not hexadecimal: "+strings.TrimPrefix(err.Error(), "encoding/hex: "))
	}
	found := d.frames(b)
	if len(found) == 0 {
		return d.nothing(line, strings.TrimPrefix(dlt645.Diagnose(b).Error(), "dlt645: "))
	}
	for i, at := range found {
		at.before = b[at.from : at.Start-at.Preamble]
		if i == 0 {
			at.words = strings.Join(words, " ")
		}
		if i == len(found)-1 {
			at.behind = b[at.End:]
		}
		var f dlt645.Frame
		if err := f.UnmarshalBinary(b[at.Start:at.End]); err != nil {
			return err
		}
		if err := d.frame(line, b[at.Start-at.Preamble:at.End], at, f); err != nil {
			return err
		}
	}
	return nil
}

// plainPlace is where in an input a frame stands, and what is around it.
type plainPlace struct {
	dlt645.Found
	from           int    // the end of the frame before
	inside         string // the frame of another protocol
	before, behind []byte // what belongs to no frame
	words          string
}

// frames finds the frames of an input in their order.
func (d *plainDecoder) frames(b []byte) []plainPlace {
	var all []plainPlace
	var f dlt645.Frame
	from := 0
	scan := func(begin, end int, inside string) {
		for {
			at, ok := dlt645.Scan(b[begin:end], &f)
			if !ok {
				return
			}
			at.Start, at.End = at.Start+begin, at.End+begin
			all = append(all, plainPlace{Found: at, from: from, inside: inside})
			begin, from = at.End, at.End
		}
	}
	for begin := 0; begin < len(b); {
		o, ok := dlt645.FindOther(b[begin:])
		// Modbus has no start byte, and CJ/T 188 a sum of one byte: a frame of ours
		// is none of theirs.
		if !ok || o.Protocol != "Q/GDW 698.45" && o.Protocol != "Q/GDW 376.1" {
			scan(begin, len(b), "")
			break
		}
		scan(begin, begin+o.Start, "")
		scan(begin+o.Start+1, begin+o.End, o.String())
		begin += o.End
	}
	return all
}

func (d *plainDecoder) nothing(line int, why string) error {
	d.failed++
	if d.json {
		return json.NewEncoder(d.out).Encode(noFrameJSON{Line: line, Error: why})
	}
	_, err := fmt.Fprintf(d.out, "line %d: no frame: %s\n", line, why)
	return err
}

func (d *plainDecoder) frame(line int, wire []byte, at plainPlace, f dlt645.Frame) error {
	j := frameJSON{
		Line: line, OK: true, Preamble: at.Preamble, Protocol: f.Protocol().String(), Direction: "request", Address: f.Address.String(),
		Control: fmt.Sprintf("%02X", byte(f.Control)), More: f.Control.More(), Data: fmt.Sprintf("%X", f.Payload()), Values: []explain.Meaning{},
		Inside: at.inside, Before: fmt.Sprintf("%X", at.before), Behind: fmt.Sprintf("%X", at.behind), Words: at.words,
	}
	if f.Control.Response() {
		j.Direction = "response"
	}
	if name := f.Control.Function().Name(f.Protocol()); name != "" {
		j.Function = &name
	}
	if r := f.Refusal(); r != nil {
		j.Error = &errorJSON{r.CodeText(), r.Text().In(d.languageFor())}
	}
	if seq, ok := f.SEQ(); ok {
		j.Seq = &seq
	}
	parts, known := f.Parts(nil)
	for _, p := range parts {
		j.Fields = append(j.Fields, fieldJSON{p.Field.Text().In(d.languageFor()), fmt.Sprintf("%X", p.Data), p.Meaning().In(d.languageFor())})
	}
	if !known && d.noted() {
		j.Note = fmt.Sprintf("%d bytes of data fit no layout of this function", len(f.Data))
	}
	if di, ok := f.DI(); ok {
		text := di.String()
		j.DI = &text
		data, ok, err := d.payload(f)
		switch {
		case err != nil && d.noted():
			j.Note = strings.TrimPrefix(err.Error(), "dlt645: ")
		case ok:
			j.Values, j.Note = d.values(di, data)
		}
	}
	if !d.json {
		return d.text(j, wire, at, f, parts)
	}
	if !d.fields {
		j.Fields = nil
		for i := range j.Values {
			j.Values[i].Bits = nil
		}
	}
	return json.NewEncoder(d.out).Encode(j)
}

// payload gives the value that a frame carries or completes: a read answer's,
// with the frames before it where it is their last, or a written one.
func (d *plainDecoder) payload(f dlt645.Frame) (data []byte, ok bool, err error) {
	fn := f.Control.Function()
	if !f.Control.Response() {
		if fn != dlt645.FuncWrite && fn != dlt645.Func97Write {
			return nil, false, nil
		}
		data, ok = f.Field(dlt645.FieldValue)
		return data, ok, nil
	}
	switch fn {
	case dlt645.Func97Reread:
		return f.Payload(), f.Protocol() == dlt645.V1997 && !f.Control.More(), nil
	case dlt645.FuncRead, dlt645.Func97Read:
		delete(d.whole, f.Address)
		if !f.Control.More() {
			return f.Payload(), true, nil
		}
		d.whole[f.Address] = &dlt645.Assembly{}
	case dlt645.FuncReadMore, dlt645.Func97ReadMore:
	default:
		return nil, false, nil
	}
	whole, ok := d.whole[f.Address]
	if !ok {
		return nil, false, nil
	}
	more, err := whole.Add(f)
	if err != nil || !more {
		delete(d.whole, f.Address)
	}
	return whole.Data(), err == nil && !more, err
}

// noted reports whether a note tells what a script would see itself.
func (d *plainDecoder) noted() bool { return !d.json || d.fields }

// languageFor is English in JSON, whatever people read.
func (d *plainDecoder) languageFor() string {
	if d.json {
		return "en"
	}
	return d.language
}

func (d *plainDecoder) values(di dlt645.DI, data []byte) ([]explain.Meaning, string) {
	items, err := dlt645.Decode(nil, di, data)
	if err != nil {
		return []explain.Meaning{}, explain.Unread(err).In(d.languageFor())
	}
	out := []explain.Meaning{}
	for _, it := range items {
		out = append(out, explain.MeaningOf(it, &d.points, d.languageFor()))
	}
	return out, ""
}

// plainHex takes the bytes out of a line of a log, a C array or a dump, and the
// words that are none: time stamps, directions, names. Pairs of digits alone,
// in any grouping, are read as they stand.
func plainHex(text string) (b []byte, words []string, err error) {
	if b, err = hex.DecodeString(strings.Join(strings.Fields(text), "")); err == nil {
		return b, nil, nil
	}
	if body, ok := plainDumped(text); ok {
		text = body
	}
	b = nil
	for _, word := range strings.FieldsFunc(text, plainApart) {
		one, ok := plainBytesOf(word)
		if !ok {
			words = append(words, word)
			continue
		}
		b = append(b, one...)
	}
	if len(b) == 0 {
		return nil, nil, err
	}
	return b, words, nil
}

// plainApart reports what stands between bytes in logs and programs.
func plainApart(r rune) bool {
	return r <= ' ' || strings.ContainsRune(",;[]{}()<>|\"'=", r)
}

// plainBytesOf reads a word: 68, 0x68, 68H, \x68\x69, 68:69:6A:6B, 68-69-6A-6B, 686970.
// A time of day has three numbers and a date four digits in front.
func plainBytesOf(word string) ([]byte, bool) {
	if escaped, ok := strings.CutPrefix(word, `\x`); ok {
		return plainDecoded(strings.ReplaceAll(escaped, `\x`, ""))
	}
	if digits, ok := plainCutHexPrefix(word); ok {
		if len(digits) == 1 {
			digits = "0" + digits
		}
		return plainDecoded(digits)
	}
	for _, sign := range []string{":", "-"} {
		parts := strings.Split(word, sign)
		if len(parts) > 3 && !slices.ContainsFunc(parts, func(p string) bool { return len(p) != 2 }) {
			return plainDecoded(strings.Join(parts, ""))
		}
	}
	if len(word) == 3 {
		word = strings.TrimRight(word, "hH")
	}
	return plainDecoded(word)
}

func plainCutHexPrefix(word string) (string, bool) {
	if digits, ok := strings.CutPrefix(word, "0x"); ok {
		return digits, true
	}
	return strings.CutPrefix(word, "0X")
}

func plainDecoded(digits string) ([]byte, bool) {
	b, err := hex.DecodeString(digits)
	return b, err == nil && len(b) > 0
}

// plainDumped gives the bytes of a line of tcpdump -x, xxd or hexdump -C, without the
// offset in front and the characters behind.
func plainDumped(line string) (string, bool) {
	_, body, ok := plainOffsetOf(line)
	if !ok {
		return "", false
	}
	if i := strings.Index(body, "|"); i >= 0 {
		body = body[:i]
	}
	body = strings.TrimLeft(body, " \t")
	// Behind two spaces stand characters, unless more bytes do.
	for from := 0; ; {
		i := strings.Index(body[from:], "  ")
		if i < 0 {
			return body, true
		}
		from += i
		rest := strings.Fields(body[from:])
		if len(rest) > 0 {
			if _, ok := plainDecoded(rest[0]); !ok || len(rest[0])%2 != 0 || len(rest[0]) > 4 {
				return body[:from], true
			}
		}
		from += 2
	}
}

// plainOffsetOf reads the offset at the beginning of a line of a dump: 0x0010: or
// 00000010: or 00000010 and two spaces.
func plainOffsetOf(line string) (offset string, body string, ok bool) {
	line = strings.TrimLeft(line, " \t")
	digits, prefixed := plainCutHexPrefix(line)
	n := 0
	for n < len(digits) && strings.IndexByte("0123456789abcdefABCDEF", digits[n]) >= 0 {
		n++
	}
	switch {
	case prefixed && n >= 4 && strings.HasPrefix(digits[n:], ":"),
		!prefixed && n == 8 && (strings.HasPrefix(digits[n:], ": ") || strings.HasPrefix(digits[n:], "  ")):
		return digits[:n], strings.TrimPrefix(digits[n:], ":"), true
	}
	return "", "", false
}

// plainContinues reports whether a line goes on with what came before: a dump with an
// offset that is not 0, or a C array whose brace is open.
func plainContinues(before, line string) bool {
	if offset, _, ok := plainOffsetOf(line); ok {
		_, _, dump := plainOffsetOf(before)
		return dump && strings.Trim(offset, "0") != ""
	}
	return strings.LastIndexByte(before, '{') > strings.LastIndexByte(before, '}')
}

// plainJoined puts lines of one dump together, without their offsets.
func plainJoined(before, line string) string {
	if body, ok := plainDumped(line); ok {
		if first, ok := plainDumped(before); ok {
			before = "0x0000: " + first
		}
		return before + " " + body
	}
	return before + " " + line
}

// plainExplainer writes a frame for people: each range of bytes with what it says.
type plainExplainer struct {
	strings.Builder
	wire     []byte
	at       int
	language string
}

func (e *plainExplainer) say(en, zh string) string { return dlt645.Text{EN: en, ZH: zh}.In(e.language) }

// bytes tells the next n bytes. Long ones go over several lines.
func (e *plainExplainer) bytes(n int, meaning string) {
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

func (e *plainExplainer) line(format string, args ...any) { fmt.Fprintf(e, "   "+format+"\n", args...) }

// text tells a frame in lines for people.
func (d *plainDecoder) text(j frameJSON, wire []byte, at plainPlace, f dlt645.Frame, parts []dlt645.Part) error {
	e := plainExplainer{wire: wire, language: d.language}
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
func (e *plainExplainer) passed(line int, b []byte) {
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
func (e *plainExplainer) control(c dlt645.Control) string {
	var s string
	if c.Refusal() {
		s += e.say(", refused", "，异常应答")
	}
	if c.More() {
		s += e.say(", more data follow", "，有后续数据")
	}
	return s
}

func (e *plainExplainer) value(v explain.Meaning) {
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
