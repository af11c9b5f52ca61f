package uplink

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"meterd/dlt645"
	"meterd/meter"
)

// Modeler is a Platform that must be told beforehand what it will get.
type Modeler interface {
	// ThingModel gives what its side has to define for the meters of the directory:
	// the file that its console imports, or a table for people where it imports
	// none.
	ThingModel() ([]byte, error)
}

// Feature is what a platform is to know of an identifier.
type Feature struct {
	Key         string
	Name        dlt645.Text
	Number      bool // else a text
	Least, Most dlt645.Decimal
	Step        dlt645.Decimal
	Unit        string
	Write       bool // a meter of the directory lets platforms set it
}

// MostText is how long a text may be that a reading holds.
const MostText = 255

// derivedNames are the names of what no register holds.
var derivedNames = map[string]dlt645.Text{
	"relay":                    {EN: "relay", ZH: "继电器状态"},
	"fault":                    {EN: "faults", ZH: "故障"},
	"clock":                    {EN: "clock", ZH: "时钟"},
	"clock.offset":             {EN: "clock offset", ZH: "时钟偏差"},
	"settlement.time":          {EN: "time of the last settlement", ZH: "上次结算时间"},
	"energy.forward.day":       {EN: "energy today", ZH: "当日用电量"},
	"energy.forward.month":     {EN: "energy this month", ZH: "当月用电量"},
	"energy.forward.yesterday": {EN: "energy yesterday", ZH: "昨日用电量"},
	"energy.forward.lastmonth": {EN: "energy last month", ZH: "上月用电量"},
}

// Features gives what the readings of the directory's meters may tell, by what
// these are read for. Ranges are wide: a platform may refuse what is outside.
func (d *Directory) Features() []Feature {
	var read []meter.Point
	var allow []meter.Operation
	times := int64(100)
	for _, dev := range d.Devices() {
		for _, g := range dev.Meter.Groups {
			read = append(read, g.Points...)
		}
		for _, h := range dev.Meter.History {
			read = append(read, h.Points...)
		}
		allow = append(allow, dev.Meter.Allow...)
		times = max(times, max(dev.Meter.CT, 1)*max(dev.Meter.PT, 1))
	}
	var all []Feature
	for _, p := range d.points.Yield(read) {
		for _, row := range d.Rows(p.Name) {
			f := d.feature(p, row, times)
			f.Write = p.Name == "relay" && slices.Contains(allow, meter.OpRelay) || f.Number && Parameter(p) && slices.Contains(allow, meter.OpSet)
			all = append(all, f)
		}
	}
	return all
}

// Parameter reports whether a point is one that a meter is set to: these are of
// the family 04.
func Parameter(p meter.Point) bool {
	return p.From == nil && p.DI.Protocol == dlt645.V2007 && p.DI.Code>>24 == 0x04
}

func (d *Directory) feature(p meter.Point, row Row, times int64) Feature {
	f := Feature{Key: row.To, Name: derivedNames[p.Name], Unit: p.Unit}
	switch {
	case p.Custom != nil:
		f.Name = dlt645.Text{EN: p.Name, ZH: p.Name}
	case p.From == nil:
		f.Name, _ = dlt645.Name(dlt645.Item{DI: p.DI, Index: p.Index})
	}
	of := p
	if p.From != nil && p.Unit != "" { // what is counted of a register
		if of, _ = d.points.Lookup(p.From[0]); of.Unit != p.Unit {
			of = meter.Point{}
			f.Number, f.Most = true, dlt645.Decimal{Coef: 1e9}
			f.Least = dlt645.Decimal{Coef: -1e9}
		}
	}
	if least, most, ok := of.Extent(); ok && !f.Number {
		f.Number = true
		f.Most, _ = most.Mul(times)
		if least.Coef < 0 || p.From != nil {
			f.Least = dlt645.Decimal{Coef: -f.Most.Coef, Scale: f.Most.Scale}
		}
	}
	if f.Number {
		f.Step = dlt645.Decimal{Coef: 1, Scale: f.Most.Scale}
		if row.Scale >= 0 {
			low, _ := f.Least.Scaled(row.Scale)
			high, _ := f.Most.Scaled(row.Scale)
			f.Least, f.Most, f.Step = dlt645.Decimal{Coef: low}, dlt645.Decimal{Coef: high}, dlt645.Decimal{Coef: 1}
		}
	}
	return f
}

// Operations are those that the directory's meters let a platform call, and
// reading.
func (d *Directory) Operations() []meter.Operation {
	ops := []meter.Operation{meter.OpRead}
	for _, o := range meter.Operations {
		if slices.ContainsFunc(d.Devices(), func(dev Device) bool { return slices.Contains(dev.Meter.Allow, o) }) {
			ops = append(ops, o)
			if o == meter.OpSet {
				ops = append(ops, meter.OpWrite)
			}
		}
	}
	return ops
}

// Events are the kinds of events that are told of the directory's meters: what
// happens to them, and what they are asked to do.
func (d *Directory) Events() []string {
	kinds := slices.Clone(meter.EventKinds)
	for _, o := range d.Operations() {
		if o.Changes() {
			kinds = append(kinds, string(o))
		}
	}
	return kinds
}

// Inputs are the parameters of an operation, each a text.
func Inputs(o meter.Operation) []string {
	switch o {
	case meter.OpRead:
		return []string{"points"}
	case meter.OpRelay, meter.OpAlarm, meter.OpProtection:
		return []string{"action"}
	case meter.OpSet, meter.OpWrite:
		return []string{"point", "value"}
	}
	return nil
}

// Table tells features to people, a line each.
func Table(features []Feature) []byte {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "identifier\tname\ttype\taccess\trange\tstep\tunit")
	for _, f := range features {
		access, kind, bounds, step := "r", "text", "", ""
		if f.Write {
			access = "rw"
		}
		if f.Number {
			kind, bounds, step = "number", fmt.Sprintf("%s to %s", f.Least, f.Most), f.Step.String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Key, cmp.Or(f.Name.ZH, f.Key), kind, access, bounds, step, cmp.Or(f.Unit, "-"))
	}
	w.Flush()
	return []byte(b.String())
}
