package uplink

import (
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
	Key    string
	Name   string // in Chinese, as the platforms' consoles are
	Number bool   // else a text
	Most   dlt645.Decimal
	Unit   string
	Write  bool // a meter of the directory lets platforms set it
	floor  bool // it is never negative
}

// derivedNames are what people call points that no register holds.
var derivedNames = [...][2]string{
	{"relay", "继电器状态"}, {"fault", "故障"}, {"clock", "时钟"}, {"clock.offset", "时钟偏差"}, {"settlement.time", "上次结算时间"},
	{"energy.forward.day", "当日用电量"}, {"energy.forward.month", "当月用电量"}, {"energy.forward.yesterday", "昨日用电量"}, {"energy.forward.lastmonth", "上月用电量"},
}

// Read gives the points that the readings of the directory's meters may hold.
func (d *Directory) Read() []meter.Point {
	var read []meter.Point
	for _, dev := range d.Devices() {
		for _, g := range dev.Meter.Groups {
			read = append(read, g.Points...)
		}
		for _, h := range dev.Meter.History {
			read = append(read, h.Points...)
		}
	}
	return d.points.Yield(read)
}

// allows reports whether some meter lets platforms do that.
func (d *Directory) allows(o meter.Operation) bool {
	return slices.ContainsFunc(d.Devices(), func(dev Device) bool { return slices.Contains(dev.Meter.Allow, o) })
}

// Features gives what the platform may be told of the directory's meters, by
// what these are read for. Ranges are wide: a platform may refuse what is
// outside.
func (d *Directory) Features() []Feature {
	times := int64(100)
	for _, dev := range d.Devices() {
		times = max(times, max(dev.Meter.CT, 1)*max(dev.Meter.PT, 1))
	}
	var all []Feature
	for _, p := range d.Read() {
		for _, row := range d.Rows(p.Name) {
			f := d.feature(p, row, times)
			f.Write = p.Name == "relay" && d.allows(meter.OpRelay) || f.Number && Parameter(p) && d.allows(meter.OpSet)
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
	f := Feature{Key: row.To, Name: p.Name, Unit: p.Unit}
	for _, n := range derivedNames {
		if n[0] == p.Name {
			f.Name = n[1]
		}
	}
	if p.Custom == nil && p.From == nil {
		f.Name, _ = dlt645.Chinese.Name(dlt645.Item{DI: p.DI, Index: p.Index})
	}
	of := p
	if p.From != nil && p.Unit != "" { // what is counted of a register, or in seconds
		of, _ = d.points.Lookup(p.From[0])
		f.Number, f.Most = true, dlt645.Decimal{Coef: 1e9}
	}
	if least, most, ok := of.Extent(); ok {
		f.Number = true
		f.Most, _ = most.Mul(times)
		if least.Coef == 0 && p.From == nil {
			f.floor = true
		}
	}
	if row.Scale >= 0 {
		n, _ := f.Most.Scaled(row.Scale)
		f.Most = dlt645.Decimal{Coef: n}
	}
	return f
}

// Least is the least number that a feature may have.
func (f Feature) Least() dlt645.Decimal {
	if f.floor {
		return dlt645.Decimal{}
	}
	return dlt645.Decimal{Coef: -f.Most.Coef, Scale: f.Most.Scale}
}

// Step is that of its numbers.
func (f Feature) Step() dlt645.Decimal { return dlt645.Decimal{Coef: 1, Scale: f.Most.Scale} }

// access is how the platform may use it.
func (f Feature) access() string {
	if f.Write {
		return "rw"
	}
	return "r"
}

// Operations are those that the directory's meters let a platform call, and
// reading.
func (d *Directory) Operations() []meter.Operation {
	ops := []meter.Operation{meter.OpRead}
	for _, o := range meter.Operations {
		if d.allows(o) {
			ops = append(ops, o)
		}
	}
	if d.allows(meter.OpSet) {
		ops = append(ops, meter.OpWrite)
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

// ModelForm is how a platform writes a thing model, with places for what it
// holds: %[1]s the identifier, %[2]s the name, %[3]s what may be done or the
// members, %[4]s the type.
type ModelForm struct {
	Head, Property, Event, Service, Tail string

	Members []string // of an event
	Inputs  []string // of each service, before its own
	List    string   // the type of a list of texts
}

const textType = `{"type":"string","specs":{"length":255}}`

// members gives texts by their names.
func (m *ModelForm) members(names ...string) string {
	var all []string
	for _, n := range names {
		kind := textType
		if n == "points" {
			kind = m.List
		}
		all = append(all, fmt.Sprintf(`{"identifier":%[1]q,"name":%[1]q,"dataType":%[2]s}`, n, kind))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// inputs are the parameters of an operation.
func inputs(o meter.Operation) []string {
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

// Write gives the thing model of the directory's meters, and how many
// properties, events and services it holds.
func (m *ModelForm) Write(d *Directory) ([]byte, int) {
	var parts [3][]string
	for _, f := range d.Features() {
		kind := textType
		if f.Number {
			kind = fmt.Sprintf(`{"type":"double","specs":{"min":"%s","max":"%s","step":"%s","unit":%q}}`, f.Least(), f.Most, f.Step(), f.Unit)
		}
		parts[0] = append(parts[0], fmt.Sprintf(m.Property, f.Key, f.Name, f.access(), kind))
	}
	for _, kind := range d.Events() {
		parts[1] = append(parts[1], fmt.Sprintf(m.Event, EventIdentifier(kind), kind, m.members(m.Members...)))
	}
	for _, o := range d.Operations() {
		parts[2] = append(parts[2], fmt.Sprintf(m.Service, EventIdentifier(string(o)), o, m.members(slices.Concat(m.Inputs, inputs(o))...)))
	}
	text, n := m.Head, 0
	for i, name := range []string{"properties", "events", "services"} {
		n += len(parts[i])
		text += fmt.Sprintf("%q:[\n%s],\n", name, strings.Join(parts[i], ",\n"))
	}
	return []byte(strings.TrimSuffix(text, ",\n") + m.Tail), n
}

// Table writes rows of a table to people, with cells between tabs.
func Table(rows []string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, row)
	}
	w.Flush()
	return b.String()
}

// Tables tells people what a product has to define, where its console imports
// nothing: the properties that are told, events with their members, services
// with their parameters.
func (d *Directory) Tables(product string, members []string) string {
	rows := []string{"identifier\taccess\ttype\trange\tstep\tunit\tname"}
	for _, f := range d.Features() {
		kind := "text\t\t"
		if f.Number {
			kind = fmt.Sprintf("number\t%s to %s\t%s", f.Least(), f.Most, f.Step())
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", f.Key, f.access(), kind, f.Unit, f.Name))
	}
	text := "properties of " + product + ":\n" + Table(rows) + "\n" + d.EventTable(product, members)
	rows = []string{"identifier\tparameters"}
	for _, o := range d.Operations() {
		rows = append(rows, EventIdentifier(string(o))+"\t"+strings.Join(inputs(o), " "))
	}
	return text + "\nservices of " + product + ":\n" + Table(rows)
}

// EventTable tells people the events alone.
func (d *Directory) EventTable(product string, members []string) string {
	rows := []string{"identifier\tmembers"}
	for _, kind := range d.Events() {
		rows = append(rows, EventIdentifier(kind)+"\t"+strings.Join(members, " "))
	}
	return "events of " + product + ":\n" + Table(rows)
}
