package dlt645

import "strconv"

// Unit gives the unit of an identifier's numbers: "V", "kWh", "" for none.
func Unit(di DI) string { return Item{DI: di}.Unit() }

// Unit gives the unit of an item, "" where it is no number.
func (it Item) Unit() string {
	p, _, ok := it.part()
	if !ok || it.Value.Kind != Number && it.Value.Kind != Absent && it.Value.Kind != Invalid {
		return ""
	}
	return p.unit
}

// part gives the part of the table that the item is, and how often the parts
// came before it.
func (it Item) part() (p *part, round int, ok bool) {
	e, ok := lookup(it.DI)
	if !ok {
		return nil, 0, false
	}
	switch {
	case e.parts[0].form == formLoad:
		i := int(it.Index % LoadStride)
		if i >= len(loadParts) {
			return nil, 0, false
		}
		return &loadParts[i], int(it.Index / LoadStride), true
	case e.again == once && int(it.Index) >= len(e.parts):
		return nil, 0, false
	}
	n := len(e.parts)
	return &e.parts[int(it.Index)%n], int(it.Index) / n, true
}

// Name gives what the standard calls an item, false if the table does not
// hold it: "A-phase voltage", "forward active energy tariff 2".
func Name(it Item) (Text, bool) {
	w, ok := it.words()
	return w.text(), ok
}

// NameOf gives what the standard calls an identifier, whatever it holds; a
// family of event records with FF for DI0 by the family. Both texts are empty
// if the table does not hold it.
func NameOf(di DI) Text { return di.words().text() }

// words names an item.
func (it Item) words() (words, bool) {
	e, ok := lookup(it.DI)
	if !ok {
		return "", false
	}
	w := e.member(it.DI)
	p, round, ok := it.part()
	if !ok {
		return w, true
	}
	if e.parts[0].form == formLoad {
		if round > 0 {
			w = w.numbered(round + 1)
		}
		return w.of(p.name), true
	}
	if p.name != "" {
		w = w.of(p.name)
	}
	switch e.again {
	case tariffs:
		return w.tariff(byte(round)), true
	case numbered:
		return w.numbered(round + 1), true
	}
	return w, true
}

// words names an identifier, "" if the table does not hold it.
func (di DI) words() words {
	e, ok := lookup(di)
	if ok {
		return e.member(di)
	}
	if di.Protocol == V2007 && di.byteAt(3) == 0x03 && di.byteAt(0) == block {
		for _, low := range []uint32{1, 0} {
			if e, ok := lookup(DI{Code: di.Code&^0xFF | low}); ok {
				return e.name
			}
		}
	}
	return ""
}

// of joins the name of a row and that of one of its values. It is not inlined:
// what builds the tables calls it often, what reads a meter never.
//
//go:noinline
func (w words) of(p words) words { return w + "|" + p }

//go:noinline
func (w words) numbered(n int) words { return w.of(words(strconv.Itoa(n))) }

// with adds words about a number.
//
//go:noinline
func (w words) with(about words, n byte) words {
	return w.of(about + "=" + words(strconv.Itoa(int(n))))
}

// freezes names DI2 of a freeze.
var freezes = [7]words{
	0x00: "timed", 0x01: "instant", 0x02: "time-zone switch",
	0x03: "day-table switch", 0x06: "daily",
}

// exceeded names DI1 of a demand that went over its limit, from 01.
var exceeded = [6]words{
	"forward active", "reverse active", "quadrant I",
	"quadrant II", "quadrant III", "quadrant IV",
}

func (w words) exceeded(d1 byte) words { return exceeded[d1-1].of(w) }

func (w words) freeze(d2 byte) words { return freezes[d2].of(w) }

func (w words) class(d2 byte) words {
	if d2 == 0 {
		return w
	}
	return w.of("of class").numbered(int(d2))
}

func (w words) moment(d0 byte) words { return [3]words{"earliest", "given", "latest"}[d0].of(w) }

func (w words) word(n byte) words {
	if n == block {
		return w.of("+s")
	}
	return w.numbered(int(n))
}

func (w words) number(n byte) words {
	if n == block {
		return w.tariff(block)
	}
	return w.numbered(int(n))
}

func (w words) level(n byte) words { return w.numbered(int(n) - 1) }

// coefficient names DI0 of the coefficients of a line and transformer.
func (w words) coefficient(n byte) words {
	of := [4]words{"conductance", "susceptance", "resistance", "reactance"}[(n-1)%4]
	return of.of(w).phase((n-1)/4 + 1)
}

func (w words) phaseFrom0(n byte) words { return w.phase(n + 1) }

func (w words) phaseIfAny(n byte) words {
	if n == 0 {
		return w
	}
	return w.phase(n)
}

func (w words) settlement(d0 byte) words {
	if d0 == 0 {
		return w
	}
	return w.with("+, # settlement days back", d0)
}

func (w words) months(d0 byte) words {
	if d0 == 0 {
		return w
	}
	return w.with("+, # months back", d0)
}

func (w words) back(d0 byte) words {
	if d0 <= 1 {
		return w
	}
	return w.with("+, # records back", d0)
}

func (w words) tariff(n byte) words {
	switch n {
	case 0:
		return w.of("total~tariff")
	case block:
		return w.of("block")
	}
	return w.with("tariff #", n)
}

//go:noinline
func (w words) phase(n byte) words {
	switch n {
	case 0:
		return total.of(w)
	case block:
		return w.of("block")
	}
	return phases[n-1].of(w)
}

var phases = [3]words{"A-phase", "B-phase", "C-phase"}
