package tuya

import (
	"fmt"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// kind is the data type of a data point.
type kind uint8

const (
	kindValue  kind = iota // integer: the physical value × 10^scale
	kindBool               // true, false
	kindString             // text
	kindRaw                // no format is documented
	kindEnum               // one of a list of words
	kindFault              // a set of words
)

// dp is a row of the document's table of standard properties.
type dp struct {
	id       string
	kind     kind
	min, max int64 // of the raw integer
	scale    int
	unit     string // in which the platform counts; "" where it names none
}

// Largest raw values of the document.
const (
	rawMax   = 1000000000
	rawMax50 = 999999999
)

// dps are the 50 standard properties of a smart electricity meter. Ids 4 and
// 22 to 29 do not exist. Units are those meant: the document writes W for
// var, kW for kWh and kV for kVA.
var dps = []dp{
	{id: "1", kind: kindBool},   // switch
	{id: "2", kind: kindString}, // breaker_id
	{"3", kindValue, 0, rawMax, 4, "W"},
	{"5", kindValue, 0, rawMax, 4, "V"},
	{"6", kindValue, 0, rawMax, 4, "A"},
	{"7", kindValue, 0, rawMax, 4, "mA"},
	{id: "8", kind: kindRaw}, // device_info
	{id: "9", kind: kindRaw}, // status_query
	{"10", kindValue, -100, rawMax, 2, "degC"},
	{"11", kindValue, 0, rawMax, 4, "V"},
	{"12", kindValue, 0, rawMax, 4, "V"},
	{"13", kindValue, 0, rawMax, 4, "mA"},
	{"14", kindValue, 0, rawMax, 4, "mA"},
	{"15", kindValue, 0, rawMax, 4, "mA"},
	{id: "16", kind: kindEnum}, // leakage_protection
	{id: "17", kind: kindBool}, // switch_enabled
	{"18", kindValue, 0, rawMax, 2, "s"},
	{id: "19", kind: kindFault},  // fault
	{id: "20", kind: kindEnum},   // alarm_level
	{id: "21", kind: kindString}, // device_alarm
	{id: "30", kind: kindRaw},    // phase_a
	{id: "31", kind: kindRaw},    // phase_b
	{id: "32", kind: kindRaw},    // phase_c
	{"33", kindValue, 0, rawMax, 4, ""},
	{"34", kindValue, -100, rawMax, 4, ""},
	{"35", kindValue, 0, rawMax, 4, "min"},
	{"36", kindValue, 0, rawMax, 4, "min"},
	{"37", kindValue, 0, rawMax, 4, "W"},
	{"38", kindValue, 0, rawMax, 4, "var"},
	{id: "39", kind: kindRaw}, // daily_energy
	{"40", kindValue, 0, rawMax, 4, ""},
	{"41", kindValue, 0, rawMax, 4, "Hz"},
	{"42", kindValue, 0, rawMax, 0, ""},
	{"43", kindValue, 0, rawMax, 0, ""},
	{"44", kindValue, 0, rawMax, 4, "kWh"},
	{"45", kindValue, 0, rawMax, 4, "kWh"},
	{"46", kindValue, 0, rawMax, 4, "kWh"},
	{"47", kindValue, 0, rawMax, 4, "kWh"},
	{"48", kindValue, 0, rawMax, 4, "W"},
	{"49", kindValue, 0, rawMax, 4, "kWh"},
	{"50", kindValue, 0, rawMax50, 4, "kWh"},
	{"51", kindValue, 0, rawMax50, 4, "kvarh"},
	{"52", kindValue, 0, rawMax50, 4, "kVA"},
	{"53", kindValue, 0, rawMax50, 4, ""},
	{id: "54", kind: kindEnum}, // cold_stall_type
	{"55", kindValue, 0, rawMax50, 4, ""},
	{id: "56", kind: kindEnum},   // hot_stall_type
	{id: "57", kind: kindBool},   // switch_state
	{id: "58", kind: kindString}, // d_end_time
	{id: "59", kind: kindString}, // m_end_time
}

func findDP(id string) (dp, bool) {
	for _, d := range dps {
		if d.id == id {
			return d, true
		}
	}
	return dp{}, false
}

// Defaults are the points that the platform has a DP for. DPs 6, 8, 9, 11 to
// 18, 33 to 37, 39, 43, 48, 49 and 53 to 56 have no source in DL/T 645. DP
// 30 to 32 are put together from several points.
var Defaults = []uplink.Row{
	{Point: "relay", To: "1", Scale: -1},
	{Point: "meter.number", To: "2", Scale: -1},
	{Point: "power.active.total", To: "3", Scale: -1},
	{Point: "voltage.a", To: "5", Scale: -1},
	{Point: "current.a", To: "7", Scale: -1},
	{Point: "temperature", To: "10", Scale: -1},
	{Point: "fault", To: "19", Scale: -1},
	{Point: "fault", To: "20", Scale: -1},
	{Point: "fault", To: "21", Scale: -1},
	{Point: "power.reactive.total", To: "38", Scale: -1},
	{Point: "power.factor.total", To: "40", Scale: -1},
	{Point: "frequency", To: "41", Scale: -1},
	{Point: "count.trip", To: "42", Scale: -1},
	{Point: "energy.forward.total", To: "44", Scale: -1},
	{Point: "energy.forward.day", To: "45", Scale: -1},
	{Point: "energy.forward.month", To: "46", Scale: -1},
	{Point: "credit.energy", To: "47", Scale: -1},
	{Point: "energy.forward.total", To: "50", Scale: -1},
	{Point: "energy.reactive1.total", To: "51", Scale: -1},
	{Point: "power.apparent.total", To: "52", Scale: -1},
	{Point: "relay", To: "57", Scale: -1},
	{Point: "freeze.daily.time", To: "58", Scale: -1},
}

// Takes reports whether the configuration may map a point to a data point at
// all; if not, why. Phases are put together from several points, switches and
// faults have one source each.
func Takes(point, dpID string) (why string) {
	d, ok := findDP(dpID)
	switch {
	case !ok:
		return fmt.Sprintf("Tuya has no data point %q", dpID)
	case dpID == "30" || dpID == "31" || dpID == "32":
		return fmt.Sprintf("data point %q is put together from voltage, current, power and energy of its phase", dpID)
	case d.kind == kindBool && point != "relay":
		return fmt.Sprintf("data point %q is a switch: only the point relay goes there", dpID)
	case (d.kind == kindFault || dpID == "20") && point != "fault":
		return fmt.Sprintf("data point %q tells of faults: only the point fault goes there", dpID)
	case d.kind == kindValue && (point == "relay" || point == "fault"):
		return fmt.Sprintf("data point %q is a number, %s is none", dpID, point)
	}
	return ""
}

// Fits reports whether a point's unit can be told in that of the data point.
func Fits(unit, dpID string) bool {
	d, ok := findDP(dpID)
	if !ok || d.kind != kindValue {
		return ok
	}
	_, ok = shift(unit, d.unit)
	return ok
}

// shifts are the decimal places between the unit of a point and that of the
// platform.
var shifts = map[[2]string]int{
	{"kW", "W"}: 3, {"kvar", "var"}: 3, {"kvar", "W"}: 3, {"A", "mA"}: 3, {"kVA", "VA"}: 3,
	{"mA", "A"}: -3, {"mV", "V"}: -3, {"Wh", "kWh"}: -3, {"varh", "kvarh"}: -3, {"VA", "kVA"}: -3,
}

// shift gives the decimal places from one unit to the other: 3 from kW to W.
// A data point without a unit takes any. False: the units do not fit.
func shift(from, to string) (int, bool) {
	if from == to || to == "" {
		return 0, true
	}
	n, ok := shifts[[2]string{from, to}]
	return n, ok
}

// scaled gives a number as the DP's raw integer; false if it is out of the
// range, where it must be withheld and never clamped.
func (d dp) scaled(v dlt645.Decimal, unit string, scale int) (int64, bool) {
	if scale < 0 {
		scale = d.scale
	}
	n, fits := shift(unit, d.unit)
	raw, ok := v.Scaled(scale + n)
	return raw, fits && ok && raw >= d.min && raw <= d.max
}

// unitOf gives the unit of a point.
func unitOf(points *meter.Points, name string) string {
	p, _ := points.Lookup(name)
	return p.Unit
}

// Cannot tells which values of a point, that a meter can tell, a data point
// cannot hold: they are withheld. "" if it holds all.
func Cannot(row uplink.Row, p meter.Point) string {
	d, ok := findDP(row.To)
	least, most, number := p.Extent()
	if !ok || !number || d.kind != kindValue {
		return ""
	}
	scale := row.Scale
	if scale < 0 {
		scale = d.scale
	}
	n, fits := shift(p.Unit, d.unit)
	if !fits {
		return ""
	}
	bound := func(raw int64) string { // in the point's own unit
		places := scale + n
		for raw%10 == 0 && places > 0 {
			raw, places = raw/10, places-1
		}
		for ; places < 0; places++ {
			raw *= 10
		}
		return dlt645.Decimal{Coef: raw, Scale: uint8(places)}.String()
	}
	raw, sound := least.Scaled(scale + n)
	below := !sound || raw < d.min
	raw, sound = most.Scaled(scale + n)
	above := !sound || raw > d.max
	switch {
	case below && above:
		return fmt.Sprintf("values below %s and above %s %s", bound(d.min), bound(d.max), p.Unit)
	case below && d.min == 0:
		return "negative values"
	case below:
		return fmt.Sprintf("values below %s %s", bound(d.min), p.Unit)
	case above:
		return fmt.Sprintf("values above %s %s", bound(d.max), p.Unit)
	}
	return ""
}
