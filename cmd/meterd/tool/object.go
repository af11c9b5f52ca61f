package tool

import (
	"encoding/json"
	"strconv"

	"meterd/dlt645"
)

// appendObject appends what decode -json tells of a frame, in the shape of
// docs/cli.md.
func (d *decoder) appendObject(b []byte, line int, at *place, f *dlt645.Frame, di dlt645.DI, named bool, note string) []byte {
	b = appendInt(append(b, `{"line":`...), line)
	b = appendInt(append(b, `,"ok":true,"preamble":`...), at.Preamble)
	p := f.Protocol()
	b = append(append(append(b, `,"protocol":"`...), p.String()...), '"')
	direction := `,"direction":"request","address":"`
	if f.Control.Response() {
		direction = `,"direction":"response","address":"`
	}
	b = appendHex(append(b, direction...), f.Address[:])
	b = appendHex(append(b, `","control":"`...), []byte{byte(f.Control)})
	b = append(b, `","function":`...)
	b = appendOrNull(b, f.Control.Function().Name(p))
	b = append(b, `,"error":`...)
	if r := f.Refusal(); r != nil {
		b = appendQuoted(append(b, `{"code":`...), r.CodeText())
		b = append(appendQuoted(append(b, `,"text":`...), d.words.Refusal(r)), '}')
	} else {
		b = append(b, "null"...)
	}
	b = strconv.AppendBool(append(b, `,"more":`...), f.Control.More())
	b = append(b, `,"seq":`...)
	if seq, ok := f.SEQ(); ok {
		b = appendInt(b, int(seq))
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"di":`...)
	if named {
		b = append(appendDI(append(b, '"'), di), '"')
	} else {
		b = append(b, "null"...)
	}
	b = appendHex(append(b, `,"data":"`...), f.Payload())
	b = append(b, `","values":[`...)
	for i := range d.items {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.appendItem(b, d.items[i])
	}
	b = append(b, ']')
	if d.fields {
		b = d.appendParts(b)
	}
	b = appendUnlessEmpty(b, `,"note":`, note)
	b = appendUnlessEmpty(b, `,"inside":`, at.inside)
	if len(at.before) > 0 {
		b = append(appendHex(append(b, `,"before":"`...), at.before), '"')
	}
	if len(at.behind) > 0 {
		b = append(appendHex(append(b, `,"behind":"`...), at.behind), '"')
	}
	if len(at.words) > 0 {
		b = appendQuoted(append(b, `,"words":`...), at.words)
	}
	return append(b, "}\n"...)
}

// appendItem appends an item in the shape of explain.Meaning; with -fields the
// bits too.
func (d *decoder) appendItem(b []byte, it dlt645.Item) []byte {
	n := d.names.Of(it)
	b = appendOrNull(append(b, `{"point":`...), n.Point)
	b = appendQuoted(append(b, `,"name":`...), n.Name)
	b = append(b, `,"value":`...)
	switch {
	case it.Value.Kind == dlt645.Number:
		b = append(b, '"')
		b, _ = it.Value.Dec.AppendText(b)
		b = append(b, '"')
	case it.Value.Known():
		b = appendQuoted(b, it.Value.Text)
	default:
		b = append(b, "null"...)
	}
	b = appendQuoted(append(b, `,"unit":`...), n.Unit)
	if it.Value.Kind == dlt645.Invalid {
		b = appendUnlessEmpty(b, `,"invalid":`, it.Value.Text)
	}
	if d.fields {
		bits := d.words.SetBits(it)
		for i, bit := range bits {
			b = appendQuoted(append(b, []string{`,"bits":[`, ","}[min(i, 1)]...), bit.Name)
		}
		if len(bits) > 0 {
			b = append(b, ']')
		}
	}
	return append(b, '}')
}

// appendParts appends the parts of the data, if there are any.
func (d *decoder) appendParts(b []byte) []byte {
	for i, p := range d.parts {
		if i == 0 {
			b = append(b, `,"fields":[{"name":`...)
		} else {
			b = append(b, `,{"name":`...)
		}
		b = appendQuoted(b, d.titles[p.Field])
		b = append(appendHex(append(b, `,"data":"`...), p.Data), '"')
		b = append(appendUnlessEmpty(b, `,"text":`, d.meaning(p)), '}')
	}
	if len(d.parts) > 0 {
		b = append(b, ']')
	}
	return b
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

const hexDigits = "0123456789ABCDEF"

// appendHex appends the digits of bytes.
func appendHex(b, of []byte) []byte {
	for _, c := range of {
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

// appendDI appends what DI.String gives.
func appendDI(b []byte, di dlt645.DI) []byte {
	for i := di.Len() - 1; i >= 0; i-- {
		c := byte(di.Code >> (8 * i))
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

func appendOrNull(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return appendQuoted(b, s)
}

// appendUnlessEmpty appends a key and what it is, nothing where that is empty.
func appendUnlessEmpty(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return appendQuoted(append(b, key...), s)
}

// appendQuoted appends a string as encoding/json writes it.
func appendQuoted[T string | []byte](b []byte, s T) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(string(s)) // a string never fails
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
