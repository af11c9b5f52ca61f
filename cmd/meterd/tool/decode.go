package tool

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"

	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/explain"
	"meterd/dlt645"
	"meterd/meter"
)

// Decode is the command "decode".
func Decode(f *flag.FlagSet, args []string, s cli.Streams) error {
	asJSON := f.Bool("json", false, "a JSON object for each frame")
	fields := f.Bool("fields", false, "with -json: each part of the data, and the names of bits")
	language := f.String("language", "en", "of the text: en or zh")
	if err := cli.Parse(f, args, 0, -1); err != nil {
		return err
	}
	if *language != "en" && *language != "zh" {
		return cli.Wrong(f, "-language is en or zh")
	}
	out := s.Out
	if !*asJSON {
		out = cli.Plain(out) // a frame's texts may hold anything
	}
	d := decoder{out: out, json: *asJSON, fields: *fields, language: *language, whole: map[dlt645.Address]*dlt645.Assembly{}}
	if args := f.Args(); len(args) > 0 {
		if single(args) {
			args = []string{strings.Join(args, " ")}
		}
		for i, arg := range args {
			if err := d.input(i+1, arg); err != nil {
				return err
			}
		}
		return d.result()
	}
	lines := bufio.NewScanner(s.In)
	lines.Buffer(nil, 1<<20)
	first, held := 0, ""
	flush := func() error {
		if text := strings.TrimSpace(held); text == "" || strings.HasPrefix(text, "#") {
			return nil // a comment, as in the console's captures
		}
		return d.input(first, held)
	}
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if first > 0 && continues(held, line) && len(held) < 1<<20 {
			held = joined(held, line)
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		first, held = n, line
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	return d.result()
}

// decoder explains inputs and remembers whether one held no frame.
type decoder struct {
	out      io.Writer
	json     bool
	fields   bool // in JSON, the parts of the data too
	language string
	failed   int // inputs without a frame
	points   meter.Points
	// whole holds what follow-up frames are added to, by meter.
	whole map[dlt645.Address]*dlt645.Assembly
}

func (d *decoder) result() error {
	if d.failed > 0 {
		return fmt.Errorf("%d inputs hold no valid frame", d.failed)
	}
	return nil
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
func (d *decoder) input(line int, text string) error {
	b, words, err := readHex(text)
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

// place says where in an input a frame stands, and what is around it.
type place struct {
	dlt645.Found
	from           int    // the end of the frame before
	inside         string // the frame of another protocol
	before, behind []byte // what belongs to no frame
	words          string
}

// frames finds the frames of an input in their order.
func (d *decoder) frames(b []byte) []place {
	var all []place
	var f dlt645.Frame
	from := 0
	scan := func(begin, end int, inside string) {
		for {
			at, ok := dlt645.Scan(b[begin:end], &f)
			if !ok {
				return
			}
			at.Start, at.End = at.Start+begin, at.End+begin
			all = append(all, place{Found: at, from: from, inside: inside})
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

func (d *decoder) nothing(line int, why string) error {
	d.failed++
	if d.json {
		return json.NewEncoder(d.out).Encode(noFrameJSON{Line: line, Error: why})
	}
	_, err := fmt.Fprintf(d.out, "line %d: no frame: %s\n", line, why)
	return err
}

func (d *decoder) frame(line int, wire []byte, at place, f dlt645.Frame) error {
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
func (d *decoder) payload(f dlt645.Frame) (data []byte, ok bool, err error) {
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
func (d *decoder) noted() bool { return !d.json || d.fields }

// languageFor is English in JSON, whatever people read.
func (d *decoder) languageFor() string {
	if d.json {
		return "en"
	}
	return d.language
}

func (d *decoder) values(di dlt645.DI, data []byte) ([]explain.Meaning, string) {
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
