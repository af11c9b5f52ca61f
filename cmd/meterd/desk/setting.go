package desk

import (
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// setting is what a command sets in a meter.
type setting struct {
	meter *meter.Handle
	point string // its data identifier
}

// settingOf gives what a platform's command sets, by its data identifier,
// whichever name it goes by; false if it sets nothing.
func (d *Desk) settingOf(c meter.Command) (setting, bool) {
	s := setting{c.Meter, c.Point}
	switch c.Op {
	case meter.OpSet:
		if p, ok := d.Points.Lookup(c.Point); ok && p.From == nil {
			s.point = p.DI.String()
		}
	case meter.OpWrite:
		s.point = strings.ToUpper(c.Point)
	default:
		return s, false
	}
	return s, c.By != meter.ByConsole
}

// guarded tells why no platform may write a data identifier, though it may set
// others: "set" is not the permission to lose the meter, nor that of its clock.
func guarded(s setting) (why dlt645.Text, is bool) {
	di, err := dlt645.ParseDI(s.point)
	switch {
	case err != nil:
		return why, false
	case meter.Reaches(di):
		return reaches, true
	case slices.Contains(clocks, di):
		return byClock, true
	}
	return why, false
}

// clocks are the date and the time of both editions, and State Grid's of both.
var clocks = []dlt645.DI{{Code: 0x04000101}, {Code: 0x04000102}, {Code: 0x0400010C}, {Protocol: dlt645.V1997, Code: 0xC010}, {Protocol: dlt645.V1997, Code: 0xC011}}

// writeEvery is how often a platform may set one thing: meters keep it in a
// memory that wears out.
const writeEvery = time.Minute

// mostSettings bounds written: what is older than writeEvery is forgotten then.
const mostSettings = 256

// unsetLocked forgets a setting that did not go to the meter.
func (d *Desk) unsetLocked(c meter.Command) {
	if s, sets := d.settingOf(c); sets {
		delete(d.written, s)
	}
}
