package dlt645

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// FuzzRoundTrip holds the codec to itself for every request and answer of both
// editions: what is encoded, put on the wire among noise, found and taken apart
// is what it was, its parts and its items make the same bytes again, and what
// any accepted frame says is encoded as it came.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("every request and its answers"))
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { roundTrip(t, map[Control]bool{}) }))
}

// TestEveryFunctionMakesTheRoundTrip draws from the same until each function, its
// answer and its refusal was drawn, and lists what still lacks when more has been
// drawn than chance could ask for.
func TestEveryFunctionMakesTheRoundTrip(t *testing.T) {
	seen := map[Control]bool{}
	for i := 0; i < 20 || i < 500 && len(lacking(seen)) > 0; i++ {
		rapid.Check(t, func(t *rapid.T) { roundTrip(t, seen) })
	}
	for _, l := range lacking(seen) {
		t.Error(l)
	}
}

func lacking(seen map[Control]bool) (lacks []string) {
	for p, names := range map[Protocol][32]string{V2007: functions2007, V1997: functions1997} {
		for fn, name := range names {
			if name == "" {
				continue
			}
			for _, c := range []Control{0, controlResponse, controlResponse | controlRefusal} {
				if fn == int(FuncBroadcastTime) && c != 0 {
					continue // nobody answers
				}
				if !seen[c|Control(fn)] {
					lacks = append(lacks, fmt.Sprintf("%v: no frame of %02XH (%s) was drawn", p, byte(c)|byte(fn), name))
				}
			}
		}
	}
	return lacks
}

func roundTrip(t *rapid.T, seen map[Control]bool) {
	req := drawRequest(t)
	frames := []Frame{req, drawAnswer(t, req)}
	if items, di, ok := drawItems(t); ok {
		payload, err := AppendData(nil, di, items)
		if err != nil {
			t.Fatalf("%s: %v", di, err)
		}
		frames = append(frames, AnswerTo(ReadRequest(req.Address, di), req.Address, payload, false))
		if f, err := WriteRequest(req.Address, di, Access{}, payload); err == nil {
			frames = append(frames, f)
		}
		for _, f := range frames[2:] {
			got, err := Decode(nil, di, valueIn(f))
			if err != nil || !slices.Equal(got, items) {
				t.Fatalf("%s: %X reads as\n%v (%v), want\n%v", di, valueIn(f), got, err, items)
			}
		}
	}
	for _, f := range frames {
		if len(f.Data) > MaxData {
			continue
		}
		seen[f.Control&^controlMore] = true
		wire, err := f.AppendBinary(drawBytes(t, "noise", 0, 3))
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(wire) - FrameLen(len(f.Data)) {
			wire[i] &= 0x17 // no start byte
		}
		var got Frame
		at, ok := Scan(wire, &got)
		if !ok || at.End != len(wire) || !sameFrame(got, f) {
			t.Fatalf("%X gives %+v, want %+v", wire, got, f)
		}
		again, err := got.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, wire[at.Start:]) {
			t.Fatalf("%X is written again as %X (%v)", wire[at.Start:], again, err)
		}
		var joined []byte
		parts, ok := got.Parts(nil)
		for _, p := range parts {
			joined = append(joined, p.Data...)
			p.Meaning()
		}
		if ok && !bytes.Equal(joined, got.Data) {
			t.Fatalf("the parts of %X give %X", got.Data, joined)
		}
		if got.Control.Response() && len(frames) > 1 && f.Control.Function() == req.Control.Function() && req.Address.Accepts(f.Address) && f.Control.Refusal() && !got.Answers(req) {
			t.Fatalf("%+v is no answer to %+v", got, req)
		}
	}
}

// drawItems draws values for an identifier of the tables.
func drawItems(t *rapid.T) ([]Item, DI, bool) {
	i := rapid.IntRange(0, len(everyEntry)-1).Draw(t, "row")
	e, di := everyEntry[i], everyDI[i]
	if e.parts[0].form == formLoad || e.parts[0].form == formFreeze || e.width > 180 {
		return nil, di, false // tests of their own
	}
	rounds := 1
	if e.again != once {
		rounds = rapid.IntRange(1, 5).Draw(t, "rounds")
	}
	var items []Item
	for k := range rounds * len(e.parts) {
		items = append(items, Item{DI: di, Index: uint16(k), Value: drawValue(t, &e.parts[k%len(e.parts)])})
	}
	return items, di, true
}

var everyEntry, everyDI = func() (all []*entry, dis []DI) {
	for _, p := range []Protocol{V2007, V1997} {
		e, d := entriesOf(p)
		all, dis = append(all, e...), append(dis, d...)
	}
	return all, dis
}()

// valueIn gives the value that a read answer or a write carries.
func valueIn(f Frame) []byte {
	v, _ := f.Field(FieldValue)
	return v
}
