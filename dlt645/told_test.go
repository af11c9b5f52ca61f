package dlt645

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var updateTold = flag.Bool("update-told", false, "write testdata/told.txt")

// TestWhatIsToldOfEachIdentifier: names, units, decimals and blocks stand in what
// scripts read, so that a change of one is seen. It holds the first and the last
// identifier of each row, its block, and each value in the first; that they are right
// is held by names.tsv, identifiers.tsv and the vectors.
func TestWhatIsToldOfEachIdentifier(t *testing.T) {
	var told strings.Builder
	for p, d := range directories {
		seen := map[*entry]bool{}
		for _, e := range d.entries {
			if seen[e] {
				continue
			}
			seen[e] = true
			for i, di := range e.ends(Protocol(p)) {
				told.WriteString(tellAll(di, i == 0 || e.parts[0].form == formBits))
			}
		}
	}
	told.WriteString(tellWords())
	if *updateTold {
		if err := os.WriteFile("testdata/told.txt", []byte(told.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/told.txt")
	if err != nil {
		t.Fatal(err)
	}
	if told.String() == string(want) {
		return
	}
	got, old := strings.Split(told.String(), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(got), len(old)) {
		if got[i] != old[i] {
			t.Fatalf("line %d: got\n%s\nwant\n%s\nIf it is meant, -update-told writes it anew", i+1, got[i], old[i])
		}
	}
	t.Fatalf("got %d lines, want %d", len(got), len(old))
}

// mostNamed is the longest axis each of whose values has a name of its own, less
// one: the coefficients.
const mostNamed = 11

// ends gives the first and last identifier of a row along each of its axes, all
// where each may have a name of its own.
func (e *entry) ends(p Protocol) []DI {
	if len(e.pages) > 0 {
		low := e.code & 0xFFFF
		if low == 1 { // the count, of each kind and phase
			var all []DI
			for _, page := range e.pages {
				all = append(all, DI{p, uint32(page)<<16 | low})
			}
			return all
		}
		first, last := uint32(e.pages[0])<<16|low, uint32(e.pages[len(e.pages)-1])<<16|low
		for _, a := range schemes[e.scheme] {
			first, last = first+uint32(a.first), last+uint32(a.last)
		}
		return []DI{{p, first}, {p, last}}
	}
	all := []DI{{p, e.code}}
	for _, a := range schemes[e.scheme] {
		var more []DI
		for _, di := range all {
			for n := uint32(a.first); n <= uint32(a.last); n++ {
				if a.last-a.first > mostNamed && n != uint32(a.first) && n != uint32(a.last) {
					continue // a number like the others
				}
				more = append(more, DI{p, di.Code + n*uint32(max(a.step, 1))<<a.shift})
			}
			if a.block {
				more = append(more, DI{p, di.Code | uint32(a.mask)<<a.shift})
			}
		}
		all = more
	}
	return all
}

// tellWords tells the names of all else: fields, functions, refusals, commands.
func tellWords() string {
	var s strings.Builder
	for f := range FieldValue + 1 {
		fmt.Fprintf(&s, "field %d %s|%s\n", f, f.Text().EN, f.Text().ZH)
	}
	for p := range Protocol(2) {
		for fn := range Function(33) {
			if name := fn.Name(p); name != "" {
				fmt.Fprintf(&s, "function %s %02X %s\n", p, byte(fn), name)
			}
		}
		for bit := range 16 {
			for _, code := range [][]byte{{byte(uint16(1) << bit)}, {byte(uint16(1) << bit), byte(uint16(1) << bit >> 8)}} {
				if bit < 8 || len(code) == 2 {
					r := Refusal{Protocol: p, Code: code}
					fmt.Fprintf(&s, "refusal %s %s %s|%s, unsupported %v\n", p, r.CodeText(), r.Text().EN, r.Text().ZH, r.Unsupported())
				}
			}
		}
	}
	for c := range 256 {
		if t := Command(c).Text(); c >= 0x1A && c <= 0x3C {
			fmt.Fprintf(&s, "command %02X %s|%s\n", c, t.EN, t.ZH)
		}
	}
	for o := range Output(4) {
		fmt.Fprintf(&s, "output %d %s|%s\n", o, o.Text().EN, o.Text().ZH)
	}
	return s.String()
}

// tellAll tells an identifier, and maybe each value that it holds, in a line.
func tellAll(di DI, all bool) string {
	name := NameOf(di)
	s := fmt.Sprintf("%s %s|%s", di, name.EN, name.ZH)
	if b, ok := Block(di); ok && b != di {
		s += " in " + b.String()
	}
	if most := MostWidth(di); most > 0 {
		s += fmt.Sprintf(", %d bytes, %d at most", AnswerWidth(di), most)
	}
	if IsBlock(di) {
		return s + fmt.Sprintf(", %d members\n", len(Members(nil, di, usualTariffs)))
	}
	e, ok := lookup(di)
	if !ok {
		return s + ", and there is none\n"
	}
	if !all {
		return s + "\n"
	}
	if e.alt != 0 {
		s += fmt.Sprintf(", or %d", e.alt)
	}
	values := max(len(e.parts), 2)
	if e.parts[0].form == formLoad {
		values = len(loadParts)
	}
	for i := range values {
		it := Item{DI: di, Index: uint16(i), Value: Value{Kind: Number}}
		p, _, ok := it.part()
		if !ok {
			break
		}
		n, _ := Name(it)
		if i > 0 || n != name {
			s += fmt.Sprintf("; %s|%s", n.EN, n.ZH)
		}
		s += fmt.Sprintf(" %d", p.form)
		if p.form == formNumber {
			s += fmt.Sprintf(".%d%s", p.dec, map[bool]string{true: "±"}[p.signed])
		}
		if it.Unit() != "" {
			s += " " + it.Unit()
		}
		if p.tokens != "" {
			s += " " + p.tokens
		}
		if p.form == formBits && p.width <= 8 {
			for _, digit := range []string{"0", "F"} {
				it.Value = Value{Kind: Bits, Text: strings.Repeat(digit, int(2*p.width))}
				for _, bit := range SetBits(it) {
					s += fmt.Sprintf(", %d %s|%s", bit.Number, bit.Name.EN, bit.Name.ZH)
				}
			}
		}
	}
	return s + "\n"
}
