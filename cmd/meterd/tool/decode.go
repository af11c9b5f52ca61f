package tool

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"strings"

	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/explain"
	"meterd/dlt645"
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
	d := newDecoder(s.Out, *asJSON, *fields, *language)
	if args := f.Args(); len(args) > 0 {
		if single(args) {
			args = []string{strings.Join(args, " ")}
		}
		for i, arg := range args {
			if err := d.input(i+1, []byte(arg)); err != nil {
				return err
			}
		}
		return d.result()
	}
	c := newCapture(waiting{s.In, d.flush})
	for c.next() {
		if text := bytes.TrimSpace(c.text); len(text) == 0 || text[0] == '#' {
			continue // a comment, as in the console's captures
		}
		if err := d.input(c.first, c.text); err != nil {
			return err
		}
	}
	if err := c.err(); err != nil {
		d.flush()
		return err
	}
	return d.result()
}

// decoder explains inputs and remembers whether one held no frame. What it works
// with is used again for the next: a capture has millions of frames.
type decoder struct {
	out    io.Writer
	json   bool
	fields bool // in JSON, the parts of the data too
	failed int  // inputs without a frame
	names  explain.Names
	// whole holds what follow-up frames are added to, by meter.
	whole map[dlt645.Address]*dlt645.Assembly
	dis   map[dlt645.DI]string // what Part.Meaning says of an identifier

	b     []byte // what is not written yet
	hex   hexText
	f     [2]dlt645.Frame // that was found last, and that is searched for
	parts []dlt645.Part
	items []dlt645.Item
}

// Bounds of what is kept.
const (
	mostUnwritten = 64 << 10
	mostWhole     = 256 // meters whose follow-up frames are awaited
	mostDIs       = 4096
)

// newDecoder gives one that tells JSON in English, whatever people read.
func newDecoder(out io.Writer, asJSON, fields bool, language string) *decoder {
	if asJSON {
		language = "en"
	}
	return &decoder{
		out: out, json: asJSON, fields: fields, names: explain.Names{Language: language},
		whole: map[dlt645.Address]*dlt645.Assembly{}, dis: map[dlt645.DI]string{},
	}
}

func (d *decoder) result() error {
	if err := d.flush(); err != nil {
		return err
	}
	if d.failed > 0 {
		return fmt.Errorf("%d inputs hold no valid frame", d.failed)
	}
	return nil
}

// flush writes what was told.
func (d *decoder) flush() error {
	if len(d.b) == 0 {
		return nil
	}
	_, err := d.out.Write(d.b)
	d.b = d.b[:0]
	return err
}

// full writes what was told once it is much.
func (d *decoder) full() error {
	if len(d.b) < mostUnwritten {
		return nil
	}
	return d.flush()
}

// waiting writes what was told before it waits for more to read.
type waiting struct {
	io.Reader
	flush func() error
}

func (w waiting) Read(b []byte) (int, error) {
	if err := w.flush(); err != nil {
		return 0, err
	}
	return w.Reader.Read(b)
}

// input explains every frame of one input, those too that a frame of another
// protocol carries.
func (d *decoder) input(line int, text []byte) error {
	b, words, err := d.hex.read(text)
	if err != nil {
		return d.nothing(line, "not hexadecimal: "+strings.TrimPrefix(err.Error(), "encoding/hex: "))
	}
	s := search{d: d, line: line, b: b, at: place{words: words}}
	if err := s.all(); err != nil {
		return err
	}
	if !s.found {
		return d.nothing(line, strings.TrimPrefix(dlt645.Diagnose(b).Error(), "dlt645: "))
	}
	s.at.behind = b[s.at.End:]
	return s.tell()
}

// place says where in an input a frame stands, and what is around it.
type place struct {
	dlt645.Found
	inside         string // the frame of another protocol
	before, behind []byte // what belongs to no frame
	words          []byte // what is no bytes
}

// search goes through an input. A frame is told when the next is found, since
// what comes after the last one is told with it.
type search struct {
	d     *decoder
	line  int
	b     []byte
	found bool
	at    place // of the frame that was found last, which d.f[0] holds
}

// all finds the frames in their order, those that another protocol carries too.
func (s *search) all() error {
	if !dlt645.Carries(s.b) {
		return s.scan(0, len(s.b), "")
	}
	for begin := 0; begin < len(s.b); {
		o, ok := dlt645.FindOther(s.b[begin:])
		// Modbus has no start byte, and CJ/T 188 a sum of one byte: a frame of ours
		// is none of theirs.
		if !ok || !o.Carrier() {
			return s.scan(begin, len(s.b), "")
		}
		if err := s.scan(begin, begin+o.Start, ""); err != nil {
			return err
		}
		if err := s.scan(begin+o.Start+1, begin+o.End, o.String()); err != nil {
			return err
		}
		begin += o.End
	}
	return nil
}

// scan finds the frames of b[begin:end].
func (s *search) scan(begin, end int, inside string) error {
	for {
		at, ok := dlt645.Scan(s.b[begin:end], &s.d.f[1])
		if !ok {
			return nil
		}
		if s.found {
			if err := s.tell(); err != nil {
				return err
			}
			s.at.words = nil
		}
		from := s.at.End
		s.d.f[0], s.d.f[1] = s.d.f[1], s.d.f[0]
		at.Start, at.End = at.Start+begin, at.End+begin
		s.found, s.at.Found, s.at.inside, s.at.before = true, at, inside, s.b[from:at.Start-at.Preamble]
		begin = at.End
	}
}

// tell tells the frame that was found last.
func (s *search) tell() error {
	s.d.frame(s.line, s.b[s.at.Start-s.at.Preamble:s.at.End], &s.at, &s.d.f[0])
	return s.d.full()
}

func (d *decoder) nothing(line int, why string) error {
	d.failed++
	if d.json {
		d.b = appendInt(append(d.b, `{"line":`...), line)
		d.b = appendQuoted(append(d.b, `,"ok":false,"error":`...), why)
		d.b = append(d.b, "}\n"...)
	} else {
		d.b = appendInt(append(d.b, "line "...), line)
		d.b = append(append(append(d.b, ": no frame: "...), why...), '\n')
	}
	return d.full()
}

// frame tells one frame, which stands in wire with its preamble.
func (d *decoder) frame(line int, wire []byte, at *place, f *dlt645.Frame) {
	var known bool
	d.parts, known = f.Parts(d.parts[:0])
	d.items = d.items[:0]
	note := ""
	if !known && d.noted() {
		note = fmt.Sprintf("%d bytes of data fit no layout of this function", len(f.Data))
	}
	di, named := f.DI()
	if named {
		data, ok, err := d.payload(f)
		switch {
		case err != nil && d.noted():
			note = strings.TrimPrefix(err.Error(), "dlt645: ")
		case ok:
			note = ""
			if d.items, err = dlt645.Decode(d.items, di, data); err != nil {
				d.items, note = d.items[:0], explain.Unread(err).In(d.names.Language)
			}
		}
	}
	if d.json {
		d.b = d.appendObject(d.b, line, at, f, di, named, note)
		return
	}
	d.text(line, wire, at, f, note)
}

// payload gives the value that a frame carries or completes: a read answer's,
// with the frames before it where it is their last, or a written one.
func (d *decoder) payload(f *dlt645.Frame) (data []byte, ok bool, err error) {
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
		if len(d.whole) > 0 {
			delete(d.whole, f.Address)
		}
		if !f.Control.More() {
			return f.Payload(), true, nil
		}
		if len(d.whole) >= mostWhole {
			clear(d.whole)
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
	more, err := whole.Add(*f)
	if err != nil || !more {
		delete(d.whole, f.Address)
	}
	return whole.Data(), err == nil && !more, err
}

// noted reports whether a note tells what a script would see itself.
func (d *decoder) noted() bool { return !d.json || d.fields }

// meaning tells what a part of the data says.
func (d *decoder) meaning(p dlt645.Part) string {
	if p.Field != dlt645.FieldDI {
		return p.Meaning().In(d.names.Language)
	}
	di := dlt645.DI{Code: uint32(p.Data[0]) | uint32(p.Data[1])<<8}
	if len(p.Data) == 2 {
		di.Protocol = dlt645.V1997
	} else {
		di.Code |= uint32(p.Data[2])<<16 | uint32(p.Data[3])<<24
	}
	text, ok := d.dis[di]
	if !ok {
		if len(d.dis) >= mostDIs {
			clear(d.dis)
		}
		text = p.Meaning().In(d.names.Language)
		d.dis[di] = text
	}
	return text
}
