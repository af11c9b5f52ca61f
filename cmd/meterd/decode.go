package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"meterd/dlt645"
	"meterd/meter"
)

func runDecode(args []string, s streams) error {
	f := flags("decode", s)
	asJSON := f.Bool("json", false, "a JSON object for each frame")
	language := f.String("language", "en", "of the text: en or zh")
	if err := parse(f, args, 0, -1); err != nil {
		return err
	}
	if *language != "en" && *language != "zh" {
		return wrong(f, "-language is en or zh")
	}
	d := decoder{out: s.out, json: *asJSON, language: *language}
	if f.NArg() > 0 {
		for i, arg := range f.Args() {
			if err := d.input(i+1, arg); err != nil {
				return err
			}
		}
		return d.result()
	}
	lines := bufio.NewScanner(s.in)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		if err := d.input(n, lines.Text()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return d.result()
}

// decoder explains inputs and remembers whether one held no frame.
type decoder struct {
	out      io.Writer
	json     bool
	language string
	failed   int // inputs without a frame
	points   meter.Points
}

func (d *decoder) result() error {
	if d.failed > 0 {
		return fmt.Errorf("%d inputs hold no valid frame", d.failed)
	}
	return nil
}

// frameJSON is the shape that cli.md fixes.
type frameJSON struct {
	Line      int         `json:"line"`
	OK        bool        `json:"ok"`
	Preamble  int         `json:"preamble"`
	Protocol  string      `json:"protocol"`
	Direction string      `json:"direction"`
	Address   string      `json:"address"`
	Control   string      `json:"control"`
	Function  *string     `json:"function"`
	Error     *errorJSON  `json:"error"`
	More      bool        `json:"more"`
	Seq       *byte       `json:"seq"`
	DI        *string     `json:"di"`
	Data      string      `json:"data"`
	Values    []valueJSON `json:"values"`
	Note      string      `json:"note,omitempty"` // why the data could not be read as values
}

type errorJSON struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

type valueJSON struct {
	Point   *string `json:"point"`
	Name    string  `json:"name"`
	Value   *string `json:"value"`
	Unit    string  `json:"unit"`
	Invalid string  `json:"invalid,omitempty"`
}

type noFrameJSON struct {
	Line  int    `json:"line"`
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

// input explains every frame of one input.
func (d *decoder) input(line int, text string) error {
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return d.nothing(line, "not hexadecimal: "+strings.TrimPrefix(err.Error(), "encoding/hex: "))
	}
	found := false
	rest := b
	var f dlt645.Frame
	for {
		at, ok := dlt645.Scan(rest, &f)
		if !ok {
			break
		}
		found = true
		if err := d.frame(line, at, f); err != nil {
			return err
		}
		rest = rest[at.End:]
	}
	if found {
		return nil
	}
	return d.nothing(line, strings.TrimPrefix(dlt645.Diagnose(b).Error(), "dlt645: "))
}

func (d *decoder) nothing(line int, why string) error {
	d.failed++
	if d.json {
		return json.NewEncoder(d.out).Encode(noFrameJSON{Line: line, Error: why})
	}
	_, err := fmt.Fprintf(d.out, "line %d: no frame: %s\n", line, why)
	return err
}

func (d *decoder) frame(line int, at dlt645.Found, f dlt645.Frame) error {
	j := frameJSON{
		Line: line, OK: true, Preamble: at.Preamble, Protocol: f.Protocol().String(), Direction: "request", Address: f.Address.String(),
		Control: fmt.Sprintf("%02X", byte(f.Control)), More: f.Control.More(), Data: fmt.Sprintf("%X", f.Payload()), Values: []valueJSON{},
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
	if di, ok := f.DI(); ok {
		text := di.String()
		j.DI = &text
		if f.Control.Response() && f.Control.Function() == dlt645.FuncRead && !f.Control.More() {
			j.Values, j.Note = d.values(di, f.Payload())
		}
	}
	if d.json {
		return json.NewEncoder(d.out).Encode(j)
	}
	return d.text(j)
}

// languageFor is English in JSON, whatever people read.
func (d *decoder) languageFor() string {
	if d.json {
		return "en"
	}
	return d.language
}

func (d *decoder) values(di dlt645.DI, data []byte) ([]valueJSON, string) {
	items, err := dlt645.Decode(nil, di, data)
	if err != nil {
		return []valueJSON{}, strings.TrimPrefix(err.Error(), "dlt645: ")
	}
	out := []valueJSON{}
	for _, it := range items {
		out = append(out, valueOf(it, &d.points, d.languageFor()))
	}
	return out, ""
}

// valueOf tells an item of an answer.
func valueOf(it dlt645.Item, points *meter.Points, language string) valueJSON {
	v := valueJSON{Unit: it.Unit()}
	if name, ok := dlt645.Name(it); ok {
		v.Name = name.In(language)
	}
	if p, ok := points.Of(it); ok {
		v.Point = &p.Name
	}
	switch {
	case it.Value.Known():
		text := it.Value.String()
		v.Value = &text
	case it.Value.Kind == dlt645.Invalid:
		v.Invalid = it.Value.Text
	}
	return v
}

// text tells a frame in lines for people.
func (d *decoder) text(j frameJSON) error {
	var b strings.Builder
	function := "?"
	if j.Function != nil {
		function = *j.Function
	}
	who := map[string]dlt645.Text{"request": {EN: "to", ZH: "发往"}, "response": {EN: "from", ZH: "来自"}}[j.Direction].In(d.language)
	what := map[string]dlt645.Text{"request": {EN: "request", ZH: "请求"}, "response": {EN: "response", ZH: "应答"}}[j.Direction].In(d.language)
	fmt.Fprintf(&b, "%d: %s %s %s (%s) %s %s, %d FE\n", j.Line, j.Protocol, what, function, j.Control, who, j.Address, j.Preamble)
	if j.DI != nil {
		fmt.Fprintf(&b, "   DI %s", *j.DI)
		if di, err := dlt645.ParseDI(*j.DI); err == nil {
			if name, ok := dlt645.Name(dlt645.Item{DI: di}); ok {
				fmt.Fprintf(&b, "  %s", name.In(d.language))
			}
		}
		b.WriteByte('\n')
	}
	for _, v := range j.Values {
		value := "—"
		switch {
		case v.Value != nil:
			value = *v.Value
		case v.Invalid != "":
			value = "? " + v.Invalid
		}
		fmt.Fprintf(&b, "   %s = %s %s\n", v.Name, value, v.Unit)
	}
	if j.Error != nil {
		fmt.Fprintf(&b, "   %s: %s (%s)\n", dlt645.Text{EN: "refused", ZH: "拒绝"}.In(d.language), j.Error.Text, j.Error.Code)
	}
	if len(j.Values) == 0 && j.Data != "" {
		fmt.Fprintf(&b, "   %s %s\n", dlt645.Text{EN: "data", ZH: "数据"}.In(d.language), j.Data)
	}
	if j.Note != "" {
		fmt.Fprintf(&b, "   %s\n", j.Note)
	}
	_, err := io.WriteString(d.out, b.String())
	return err
}
