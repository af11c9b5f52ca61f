package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"meterd/uplink"
)

// otherwise: a command is the same however its JSON is written: with blanks, its
// members in another order, each sign by its number, and members that nobody
// knows. A sender whose library changes must not have anything carried out twice.
func otherwise(c Case, say complain) {
	for _, form := range c.Commands {
		in, _ := form.Message(first, "7")
		want := c.open(2, say).Receive(Now(), in).Command
		if want == nil {
			return // told by valid
		}
		for what, payload := range reworded(in.Payload) {
			got := c.open(2, say).Receive(Now(), uplink.Inbound{Topic: in.Topic, Payload: payload}).Command
			if got == nil || got.ID != want.ID || got.Digest() != want.Digest() || got.Meter.Address != want.Meter.Address || !got.Said.Equal(want.Said) {
				say("%s, %s, is %+v, want %+v: %s", form.Name, what, got, want, payload)
			}
		}
	}
}

// reworded gives a JSON object in other words that mean the same.
func reworded(payload []byte) map[string][]byte {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var object map[string]any
	if d.Decode(&object) != nil {
		return nil
	}
	all := map[string][]byte{}
	all["with blanks, in the order of the names"], _ = json.MarshalIndent(object, "\t", "  ")
	all["each sign by its number"] = numbered(payload)
	object["zzz"] = map[string]any{"nested": []any{1, nil, "x"}}
	all["with more that nobody knows"], _ = json.Marshal(object)
	return all
}

// numbered writes each sign of each text as its number.
func numbered(payload []byte) []byte {
	var b strings.Builder
	rest := string(payload)
	for {
		before, text, ok := strings.Cut(rest, `"`)
		b.WriteString(before)
		if !ok {
			return []byte(b.String())
		}
		end := 0
		for text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		var word string
		_ = json.Unmarshal([]byte(`"`+text[:end]+`"`), &word) // of a sound message
		b.WriteByte('"')
		for _, u := range utf16.Encode([]rune(word)) {
			fmt.Fprintf(&b, "\\u%04x", u)
		}
		b.WriteByte('"')
		rest = text[end+1:]
	}
}
