package dlt645

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// AppendData appends the payload that Decode reads as these items: what a
// meter answers for di, or what FuncWrite writes. The items must be those of
// the table, in its order. An absent value is FF in every byte.
func AppendData(b []byte, di DI, items []Item) ([]byte, error) {
	e, ok := lookup(di)
	switch {
	case !ok:
		return b, fmt.Errorf("%w %s", ErrUnknown, di)
	case len(items) == 0:
		return b, fmt.Errorf("dlt645: nothing is to be written for %s", di)
	case e.parts[0].form == formLoad:
		return appendLoad(b, items)
	}
	// An item of a block carries its own identifier.
	start := len(b)
	for len(items) > 0 {
		one, ok := lookup(items[0].DI)
		if !ok || len(items) < len(one.parts) {
			return b[:start], fmt.Errorf("dlt645: %s takes %d values at a time", items[0].DI, len(e.parts))
		}
		var err error
		if b, err = one.append(b, items[:len(one.parts)]); err != nil {
			return b[:start], err
		}
		items = items[len(one.parts):]
	}
	return b, nil
}

// append writes one value for each part. The parts are in the order that
// people read them in, which is not always that of the wire.
func (e *entry) append(b []byte, items []Item) ([]byte, error) {
	if len(e.parts) == 1 {
		return e.parts[0].append(b, items[0].Value)
	}
	start := len(b)
	b = append(b, make([]byte, e.width)...)
	for i := range e.parts {
		p := &e.parts[i]
		at := start + int(p.off)
		if _, err := p.append(b[at:at:at+int(p.width)], items[i].Value); err != nil {
			return b[:start], err
		}
	}
	return b, nil
}

// append writes a value with the part's width.
func (p *part) append(b []byte, v Value) ([]byte, error) {
	width := int(p.width)
	switch {
	case v.Kind == Absent:
		for range max(width, 1) {
			b = append(b, 0xFF)
		}
		return b, nil
	case v.Kind == Invalid:
		return b, fmt.Errorf("dlt645: an invalid value (%s) is not written", v.Text)
	}
	switch p.form {
	case formNumber:
		n, ok := v.Dec.Scaled(int(p.dec))
		if v.Kind != Number || !ok || v.Dec.Scale > p.dec {
			return b, fmt.Errorf("dlt645: %q is no number with %d decimals", v, p.dec)
		}
		if !p.within(n) {
			return b, fmt.Errorf("dlt645: %q lies outside of %d to %d", v, int64(p.least)/pow10(int(p.dec)), int64(p.most)/pow10(int(p.dec)))
		}
		return AppendNumber(b, n, width, p.signed)
	case formText:
		return appendText(b, v.Text, width)
	case formTime:
		return appendTokens(b, v.Text, p.tokens)
	}
	raw, err := hex.DecodeString(v.Text)
	if err != nil || width != 0 && len(raw) != width {
		return b, fmt.Errorf("dlt645: %q is not %d bytes in hexadecimal", v.Text, width)
	}
	if p.form == formDigits && !digits(raw) {
		return b, fmt.Errorf("dlt645: %q is not digits", v.Text)
	}
	if p.form == formOctets {
		return append(b, raw...), nil
	}
	for i := len(raw) - 1; i >= 0; i-- {
		b = append(b, raw[i])
	}
	return b, nil
}

// appendText writes ASCII, last character first. What is left is filled with
// 00 after it, where the text begins.
func appendText(b []byte, s string, width int) ([]byte, error) {
	if width == 0 {
		width = len(s)
	}
	if len(s) > width {
		return b, fmt.Errorf("dlt645: %q is longer than %d characters", s, width)
	}
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < 0x20 || s[i] > 0x7E {
			return b, fmt.Errorf("dlt645: %q is not plain ASCII", s)
		}
		b = append(b, s[i])
	}
	for range width - len(s) {
		b = append(b, 0)
	}
	return b, nil
}

// appendTokens writes a time as BCD, last token first. The time stands as Decode
// gives it, or as digits alone.
func appendTokens(b []byte, s, tokens string) ([]byte, error) {
	d, rest := strings.NewReplacer("-", "", ":", "", " ", "").Replace(s), s
	if tokens[0] == 'Y' {
		var ok bool
		if d, ok = strings.CutPrefix(d, "20"); !ok {
			return b, fmt.Errorf("dlt645: %q lies outside of the years 2000 to 2099", s)
		}
		rest = strings.TrimPrefix(rest, "20")
	}
	if len(d) != len(tokens) || rest != d && rest != separate(d, tokens) {
		return b, fmt.Errorf("dlt645: %q is no time of the form %s", s, tokens)
	}
	start := len(b)
	for i := len(d) - 2; i >= 0; i -= 2 {
		hi, lo := d[i]-'0', d[i+1]-'0'
		if hi > 9 || lo > 9 {
			return b[:start], fmt.Errorf("dlt645: %q is no time of the form %s", s, tokens)
		}
		b = append(b, hi<<4|lo)
	}
	if v := timeValue(b[start:], tokens); v.Kind == Invalid {
		return b[:start], fmt.Errorf("dlt645: there is no time %q", s)
	}
	return b, nil
}

// separate puts between the digits of a time what Decode does.
func separate(d, tokens string) string {
	s := make([]byte, 0, 20)
	for i := 0; i < len(tokens); i += 2 {
		if i > 0 {
			s = append(s, separator(tokens, i))
		}
		s = append(s, d[i:i+2]...)
	}
	return string(s)
}

// separator stands before the token at i, which is not the first.
func separator(tokens string, i int) byte {
	switch {
	case tokens[i] <= 'Z': // of a date
		return '-'
	case tokens[i-1] <= 'Z':
		return ' '
	}
	return ':'
}

// ParseItems reads values as people write them, in the order and with the
// forms that Decode gives: "220.1", "2026-11-20", "08:30:00", "0050". There is
// one for each item of the identifier.
func ParseItems(di DI, values []string) ([]Item, error) {
	e, ok := lookup(di)
	switch {
	case !ok:
		return nil, fmt.Errorf("%w %s", ErrUnknown, di)
	case e.mask != 0 && di.Code&e.mask == e.mask, e.parts[0].form == formLoad, e.parts[0].form == formFreeze:
		return nil, fmt.Errorf("dlt645: %s is a block, which is only read", di)
	case len(values) == 0 || len(values)%len(e.parts) != 0 || e.again == once && len(values) != len(e.parts):
		return nil, fmt.Errorf("dlt645: %s takes %d values, got %d", di, len(e.parts), len(values))
	}
	items := make([]Item, len(values))
	for i, s := range values {
		v := Value{Kind: Characters, Text: s}
		if e.parts[i%len(e.parts)].form == formNumber {
			d, err := ParseDecimal(s)
			if err != nil {
				return nil, err
			}
			v = Value{Kind: Number, Dec: d}
		}
		items[i] = Item{DI: di, Index: uint16(i), Value: v}
	}
	return items, nil
}

// AppendParsed appends the payload of values that people wrote.
func AppendParsed(b []byte, di DI, values []string) ([]byte, error) {
	items, err := ParseItems(di, values)
	if err != nil {
		return b, err
	}
	return AppendData(b, di, items)
}
