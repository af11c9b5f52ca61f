package conform

import (
	"bytes"
	"encoding/json"
	"slices"
)

// span is a place in a JSON text.
type span struct {
	from, to int
	text     string // of a string, without its quotes
	isText   bool
	key      bool // the name of a member
	value    int  // of a key: where its value ends
}

// spans are the places of all names and values, the whole first or last. What
// is no JSON has none.
func spans(b []byte) []span {
	if !json.Valid(b) {
		return nil
	}
	type level struct {
		at  int // in all
		obj bool
		key int // in all: the name whose value is next; -1: a name is next
	}
	var all []span
	var open []level
	closed := func(end int) { // a value ends
		if n := len(open); n > 0 && open[n-1].obj && open[n-1].key >= 0 {
			all[open[n-1].key].value = end
			open[n-1].key = -1
		}
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	for {
		from := int(dec.InputOffset())
		token, err := dec.Token()
		if err != nil {
			return all
		}
		to := int(dec.InputOffset())
		from += bytes.IndexFunc(b[from:to], func(r rune) bool { return !bytes.ContainsRune([]byte(" \t\r\n,:"), r) })
		one := span{from: from, to: to}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				all = append(all, one)
				open = append(open, level{len(all) - 1, v == '{', -1})
				continue
			}
			top := open[len(open)-1]
			all[top.at].to = to
			open = open[:len(open)-1]
			closed(to)
			continue
		case string:
			one.text, one.isText = v, true
		}
		n := len(open)
		if one.key = n > 0 && open[n-1].obj && open[n-1].key < 0; one.key {
			open[n-1].key = len(all)
		}
		all = append(all, one)
		if !one.key {
			closed(to)
		}
	}
}

// splice puts a text in the place of a span.
func (s span) splice(b []byte, text string) []byte {
	return slices.Concat(b[:s.from], []byte(text), b[s.to:])
}

// double puts a member beside the one of a name, before or after it.
func (s span) double(b []byte, member string, before bool) []byte {
	if before {
		return slices.Concat(b[:s.from], []byte(member+","), b[s.from:])
	}
	return slices.Concat(b[:s.value], []byte(","+member), b[s.value:])
}
