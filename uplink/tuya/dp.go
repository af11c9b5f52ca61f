package tuya

import (
	"fmt"
	"strings"

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
	id, name string
	rw       bool // the document lets the platform set it
	kind     kind
	min, max int64 // of the raw integer
	scale    int
	unit     string // in which the platform counts; "" where it names none
	// why tells why it cannot be set, or has no source; "": it is measured, or
	// has one.
	why string
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
	{id: "1", name: "switch", rw: true, kind: kindBool},
	{id: "2", name: "breaker_id", kind: kindString},
	{id: "3", name: "power_current", max: rawMax, scale: 4, unit: "W"},
	{id: "5", name: "voltage_current", rw: true, max: rawMax, scale: 4, unit: "V"},
	{id: "6", name: "current_max", rw: true, max: rawMax, scale: 4, unit: "A", why: "it stands on the nameplate"},
	{id: "7", name: "cur_current", max: rawMax, scale: 4, unit: "mA"},
	{id: "8", name: "device_info", rw: true, kind: kindRaw, why: "its form is not documented"},
	{id: "9", name: "status_query", rw: true, kind: kindRaw},
	{id: "10", name: "temp_current", min: -100, max: rawMax, scale: 2, unit: "degC"},
	{id: "11", name: "voltage_under", rw: true, max: rawMax, scale: 4, unit: "V"},
	{id: "12", name: "voltage_over", rw: true, max: rawMax, scale: 4, unit: "V"},
	{id: "13", name: "leakage_warn_value", rw: true, max: rawMax, scale: 4, unit: "mA", why: "a meter has no leakage threshold: [[point]] and [[uplink.map]] bring that of a breaker"},
	{id: "14", name: "leakage_fault_value", rw: true, max: rawMax, scale: 4, unit: "mA", why: "a meter has no leakage threshold: [[point]] and [[uplink.map]] bring that of a breaker"},
	{id: "15", name: "leakage_current", rw: true, max: rawMax, scale: 4, unit: "mA", why: "a meter measures no leakage: [[point]] and [[uplink.map]] bring that of a breaker"},
	{id: "16", name: "leakage_protection", kind: kindEnum, why: "a meter has no protection against leakage"},
	{id: "17", name: "switch_enabled", rw: true, kind: kindBool, why: "what it enables is not documented"},
	{id: "18", name: "over_current_duration", rw: true, max: rawMax, scale: 2, unit: "s"},
	{id: "19", name: "fault", kind: kindFault},
	{id: "20", name: "alarm_level", kind: kindEnum},
	{id: "21", name: "device_alarm", kind: kindString},
	{id: "30", name: "phase_a", kind: kindRaw},
	{id: "31", name: "phase_b", kind: kindRaw},
	{id: "32", name: "phase_c", kind: kindRaw},
	{id: "33", name: "leakage_action_value", rw: true, max: rawMax, scale: 4, why: "a meter has no leakage threshold: [[point]] and [[uplink.map]] bring that of a breaker"},
	{id: "34", name: "over_temp_value", rw: true, min: -100, max: rawMax, scale: 4, why: "a meter has no temperature limit: [[point]] and [[uplink.map]] bring that of a vendor"},
	{id: "35", name: "over_vol_protect_time", rw: true, max: rawMax, scale: 4, unit: "min", why: "a meter protects against no voltage; its delays are of records, one for each side, in seconds"},
	{id: "36", name: "over_vol_recovery_time", rw: true, max: rawMax, scale: 4, unit: "min", why: "a meter protects against no voltage"},
	{id: "37", name: "power_effective", rw: true, max: rawMax, scale: 4, unit: "W", why: "it repeats data point 3: [[uplink.map]] turns it on"},
	{id: "38", name: "power_reactive", rw: true, max: rawMax, scale: 4, unit: "var"},
	{id: "39", name: "daily_energy", rw: true, kind: kindRaw, why: "its form is not documented"},
	{id: "40", name: "power_factor", rw: true, max: rawMax, scale: 4},
	{id: "41", name: "supply_frequency", rw: true, max: rawMax, scale: 4, unit: "Hz"},
	{id: "42", name: "switch_times", max: rawMax},
	{id: "43", name: "short_times", max: rawMax, why: "a meter counts no short circuits"},
	{id: "44", name: "electric_total", rw: true, max: rawMax, scale: 4, unit: "kWh"},
	{id: "45", name: "electric_daily", rw: true, max: rawMax, scale: 4, unit: "kWh"},
	{id: "46", name: "electric_month", rw: true, max: rawMax, scale: 4, unit: "kWh"},
	{id: "47", name: "residual_electricity", rw: true, max: rawMax, scale: 4, unit: "kWh", why: "energy is bought with the meter's card or token, never set"},
	{id: "48", name: "power_limit", rw: true, max: rawMax, scale: 4, unit: "W"},
	{id: "49", name: "electric_warm_value", rw: true, max: rawMax, scale: 4, unit: "kWh"},
	{id: "50", name: "forward_energy_total", max: rawMax50, scale: 4, unit: "kWh"},
	{id: "51", name: "energy_reactive", max: rawMax50, scale: 4, unit: "kvarh"},
	{id: "52", name: "power_apparent", max: rawMax50, scale: 4, unit: "kVA"},
	{id: "53", name: "cold_stall_userdata", max: rawMax50, scale: 4, why: "it is of the landlord's accounts"},
	{id: "54", name: "cold_stall_type", rw: true, kind: kindEnum, why: "it is of the landlord's accounts"},
	{id: "55", name: "hot_stall_userdata", max: rawMax50, scale: 4, why: "it is of the landlord's accounts"},
	{id: "56", name: "hot_stall_type", rw: true, kind: kindEnum, why: "it is of the landlord's accounts"},
	{id: "57", name: "switch_state", rw: true, kind: kindBool},
	{id: "58", name: "d_end_time", kind: kindString},
	{id: "59", name: "m_end_time", kind: kindString},
}

func findDP(id string) (dp, bool) {
	for _, d := range dps {
		if d.id == id {
			return d, true
		}
	}
	return dp{}, false
}

// Defaults are the points that the platform surely has a DP for. DP 30 to 32
// are put together from several points.
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

// Parameters are points of the nameplate and of what a meter is set to. What
// their DPs mean the document does not tell: these are the likeliest.
var Parameters = []uplink.Row{
	{Point: "meter.rated.most", To: "6", Scale: -1},
	{Point: "limit.voltage.min", To: "11", Scale: -1},
	{Point: "limit.voltage.max", To: "12", Scale: -1},
	{Point: "delay.current", To: "18", Scale: -1},
	{Point: "limit.power", To: "48", Scale: -1},
	{Point: "limit.credit", To: "49", Scale: -1},
	{Point: "settlement.time", To: "59", Scale: -1},
}

// settings are the DPs that set a meter's parameter.
var settings = []string{"11", "12", "18", "48", "49"}

// refresh is the DP by which the platform asks for all that there is.
const refresh = "9"

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

// physical gives the number, in a point's unit, that a raw integer of the DP
// means; false if it is out of the range.
func (d dp) physical(raw int64, unit string, scale int) (dlt645.Decimal, bool) {
	if scale < 0 {
		scale = d.scale
	}
	n, fits := shift(unit, d.unit)
	places := scale + n
	if !fits || raw < d.min || raw > d.max {
		return dlt645.Decimal{}, false
	}
	v := dlt645.Decimal{Coef: raw}
	for ; places < 0; places++ {
		v.Coef *= 10 // of at most 10^9, three times
	}
	for ; places > 0; places-- {
		if v.Coef%10 == 0 {
			v.Coef /= 10
		} else {
			v.Scale++
		}
	}
	return v, true
}

// unitOf gives the unit of a point.
func unitOf(points *meter.Points, name string) string {
	p, _ := points.Lookup(name)
	return p.Unit
}

// Cannot tells which values of a point, that a meter can tell, a data point
// cannot hold: they are withheld. No text if it holds all.
func Cannot(row uplink.Row, p meter.Point) dlt645.Text {
	d, ok := findDP(row.To)
	least, most, number := p.Extent()
	if !ok || !number || d.kind != kindValue {
		return dlt645.Text{}
	}
	scale := row.Scale
	if scale < 0 {
		scale = d.scale
	}
	n, fits := shift(p.Unit, d.unit)
	if !fits {
		return dlt645.Text{}
	}
	bound := func(raw int64) string { // in the point's own unit
		places := scale + n
		for raw%10 == 0 && places > 0 {
			raw, places = raw/10, places-1
		}
		for ; places < 0; places++ {
			raw *= 10
		}
		return dlt645.Decimal{Coef: raw, Scale: uint8(places)}.String() + strings.TrimRight(" "+p.Unit, " ")
	}
	raw, sound := least.Scaled(scale + n)
	below := !sound || raw < d.min
	raw, sound = most.Scaled(scale + n)
	above := !sound || raw > d.max
	switch {
	case below && above:
		return dlt645.Text{EN: "values below " + bound(d.min) + " and above " + bound(d.max), ZH: "低于 " + bound(d.min) + " 和高于 " + bound(d.max) + " 的值"}
	case below && d.min == 0:
		return dlt645.Text{EN: "negative values", ZH: "负值"}
	case below:
		return dlt645.Text{EN: "values below " + bound(d.min), ZH: "低于 " + bound(d.min) + " 的值"}
	case above:
		return dlt645.Text{EN: "values above " + bound(d.max), ZH: "高于 " + bound(d.max) + " 的值"}
	}
	return dlt645.Text{}
}
