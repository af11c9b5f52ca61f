package dlt645

import "fmt"

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
	e, ok := lookup(it.DI)
	if !ok {
		return Text{}, false
	}
	t := e.member(it.DI)
	p, round, ok := it.part()
	if !ok {
		return t, true
	}
	if e.parts[0].form == formLoad {
		if round > 0 {
			t = numberedText(t, round+1)
		}
		return t.of(p.name), true
	}
	if p.name != (Text{}) {
		t = t.of(p.name)
	}
	switch e.again {
	case tariffs:
		return t.tariff(byte(round)), true
	case numbered:
		return numberedText(t, round+1), true
	}
	return t, true
}

// NameOf gives what the standard calls an identifier, whatever it holds; a
// family of event records with FF for DI0 by the family. Both texts are empty
// if the table does not hold it.
func NameOf(di DI) Text {
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
	return Text{}
}

// of joins the name of a row and that of one of its values. What builds the
// tables calls it often, what reads a meter never.
//
//go:noinline
func (t Text) of(p Text) Text { return Text{t.EN + " " + p.EN, t.ZH + p.ZH} }

func numberedText(t Text, n int) Text {
	return Text{fmt.Sprintf("%s %d", t.EN, n), fmt.Sprintf("%s%d", t.ZH, n)}
}

// freezes names DI2 of a freeze.
var freezes = [7]Text{
	0x00: {"timed", "定时"}, 0x01: {"instant", "瞬时"}, 0x02: {"time-zone switch", "两套时区表切换"},
	0x03: {"day-table switch", "两套日时段表切换"}, 0x06: {"daily", "日"},
}

// exceeded names DI1 of a demand that went over its limit, from 01.
var exceeded = [6]Text{
	{"forward active", "正向有功"}, {"reverse active", "反向有功"}, {"quadrant I", "第一象限"},
	{"quadrant II", "第二象限"}, {"quadrant III", "第三象限"}, {"quadrant IV", "第四象限"},
}

func (t Text) exceeded(d1 byte) Text { return exceeded[d1-1].of(t) }

func (t Text) freeze(d2 byte) Text { return freezes[d2].of(t) }

func (t Text) class(d2 byte) Text {
	if d2 == 0 {
		return t
	}
	return numberedText(Text{t.EN + " of class", t.ZH + "类"}, int(d2))
}

func (t Text) moment(d0 byte) Text {
	return [3]Text{{"earliest", "最早"}, {"given", "给定时间"}, {"latest", "最近"}}[d0].of(t)
}

func (t Text) word(n byte) Text {
	if n == block {
		return Text{t.EN + "s", t.ZH + "块"}
	}
	return numberedText(t, int(n))
}

func (t Text) number(n byte) Text {
	if n == block {
		return t.tariff(block)
	}
	return numberedText(t, int(n))
}

func (t Text) level(n byte) Text { return numberedText(t, int(n)-1) }

// coefficient names DI0 of the coefficients of a line and transformer.
func (t Text) coefficient(n byte) Text {
	of := [4]Text{{"conductance", "电导"}, {"susceptance", "电纳"}, {"resistance", "电阻"}, {"reactance", "电抗"}}[(n-1)%4]
	return of.of(t).phase((n-1)/4 + 1)
}

func (t Text) phaseFrom0(n byte) Text { return t.phase(n + 1) }

func (t Text) phaseIfAny(n byte) Text {
	if n == 0 {
		return t
	}
	return t.phase(n)
}

func (t Text) settlement(d0 byte) Text {
	if d0 == 0 {
		return t
	}
	return Text{fmt.Sprintf("%s, %d settlement days back", t.EN, d0), fmt.Sprintf("(上%d结算日)%s", d0, t.ZH)}
}

func (t Text) months(d0 byte) Text {
	if d0 == 0 {
		return t
	}
	return Text{fmt.Sprintf("%s, %d months back", t.EN, d0), fmt.Sprintf("(上%d月)%s", d0, t.ZH)}
}

func (t Text) back(d0 byte) Text {
	if d0 <= 1 {
		return t
	}
	return Text{fmt.Sprintf("%s, %d records back", t.EN, d0), fmt.Sprintf("(上%d次)%s", d0, t.ZH)}
}

func (t Text) tariff(n byte) Text {
	switch n {
	case 0:
		return Text{t.EN + " total", t.ZH + "(总)"}
	case block:
		return Text{t.EN + " block", t.ZH + "数据块"}
	}
	return Text{fmt.Sprintf("%s tariff %d", t.EN, n), fmt.Sprintf("%s(费率%d)", t.ZH, n)}
}

//go:noinline
func (t Text) phase(n byte) Text {
	switch n {
	case 0:
		return Text{"total " + t.EN, "总" + t.ZH}
	case block:
		return Text{t.EN + " block", t.ZH + "数据块"}
	}
	p := string(rune('A' + n - 1))
	return Text{p + "-phase " + t.EN, p + "相" + t.ZH}
}
