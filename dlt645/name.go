package dlt645

import "fmt"

// Unit gives the unit of an identifier's numbers: "V", "kWh", "" for none.
func Unit(di DI) string {
	if r, ok := lookup(di); ok {
		return r.unit
	}
	return ""
}

// Unit gives the unit of an item, "" where it is no number.
func (it Item) Unit() string {
	if it.Value.Kind == Time || it.Value.Kind == Bits || it.Value.Kind == Characters {
		return ""
	}
	if r, ok := lookup(it.DI); ok && r.form == formDemand && it.Index == 1 {
		return ""
	}
	return Unit(it.DI)
}

// Name gives what the standard calls an item, false if the table does not
// hold it: "A-phase voltage", "forward active energy tariff 2".
func Name(it Item) (Text, bool) {
	r, ok := lookup(it.DI)
	if !ok {
		return Text{}, false
	}
	t := r.name
	d1, d0 := it.DI.byteAt(1), it.DI.byteAt(0)
	switch r.scheme {
	case byTariff:
		t = t.tariff(d1)
		if d0 != 0 {
			t.EN += fmt.Sprintf(", %d settlement days back", d0)
			t.ZH = fmt.Sprintf("(上%d结算日)", d0) + t.ZH
		}
	case byPhase, byTotal:
		t = t.phase(d1)
	case byWord:
		if d0 == block {
			t.EN += "s"
			t.ZH += "块"
		} else {
			t.EN += fmt.Sprintf(" %d", d0)
			t.ZH += fmt.Sprint(d0)
		}
	case byRecord:
		if d0 > 1 {
			t.EN += fmt.Sprintf(", %d records back", d0)
			t.ZH = fmt.Sprintf("(上%d次)", d0) + t.ZH
		}
	}
	switch {
	case r.form == formDemand && it.Index == 1:
		t.EN += " time"
		t.ZH += "发生时间"
	case r.form == formTariffs:
		t = t.tariff(it.Index)
	}
	return t, true
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
