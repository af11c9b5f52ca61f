package tuya

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// value gives the JSON of a point as that data point. Known tells whether
// the point says anything for it; fits, whether the platform can take it.
func (t *Tuya) value(row uplink.Row, d dp, v dlt645.Value) (js json.RawMessage, known, fits bool) {
	switch d.kind {
	case kindValue:
		if row.Point == "meter.rated.most" {
			n, ok := meter.Greatest(v.Text)
			if !ok {
				return nil, false, false
			}
			raw, ok := d.scaled(n, "A", row.Scale)
			return strconv.AppendInt(nil, raw, 10), true, ok
		}
		if v.Kind != dlt645.Number {
			return nil, false, false
		}
		raw, ok := d.scaled(v.Dec, unitOf(t.dir.Points(), row.Point), row.Scale)
		return strconv.AppendInt(nil, raw, 10), true, ok
	case kindBool:
		if v.Text != "closed" && v.Text != "open" {
			return nil, false, false
		}
		return strconv.AppendBool(nil, v.Text == "closed"), true, true
	case kindFault:
		return t.fault(v.Text), true, true
	case kindEnum:
		if d.id == "20" {
			level := cmp.Or(alarmLevel(v.Text), t.NoFault)
			return quote(level), level != "", true
		}
		return quote(v.String()), true, slices.Contains(enums[d.id], v.String())
	case kindString:
		if d.id == "58" || d.id == "59" {
			at, ok := t.meterTime(v)
			return quote(strconv.FormatInt(at.Unix(), 10)), ok, true
		}
		return quote(v.String()), true, true
	}
	return quote(v.String()), true, true // raw, when the configuration maps a point to it
}

// enums are the words of the other enumerations.
var enums = map[string][]string{
	"16": {"no_leak_pro_without_value", "no_leak_pro_with_value", "leak_pro_with_value"},
	"54": {"square_area", "ignore", "consumption", "proportion", "lease", "power"},
	"56": {"square_area", "ignore", "consumption", "proportion", "lease", "power"},
}

func quote(s string) json.RawMessage {
	b, _ := json.Marshal(s) // a string always marshals
	return b
}

// meterTime reads the meter's own time, "2015-10-09 00:00".
func (t *Tuya) meterTime(v dlt645.Value) (time.Time, bool) {
	at, err := time.ParseInLocation("2006-01-02 15:04", v.Text, t.Zone)
	return at, err == nil && v.Kind == dlt645.Time
}

// labels are the words of DP 19, in the document's order: bit i of the
// bitmap is label i.
var labels = []string{
	"short_circuit_alarm", "surge_alarm", "overload_alarm", "ov_vol", "undervoltage_alarm", "temp_dif_fault", "leakagecurr_alarm",
	"self_test_alarm", "fire_alarm", "high_power_alarm", "ov_cr", "outage_alarm", "magnetism_alarm", "credit_alarm",
}

// labelOf gives the label for a fault, without its phase.
var labelOf = map[string]string{
	"over-voltage":    "ov_vol",
	"under-voltage":   "undervoltage_alarm",
	"loss-of-voltage": "undervoltage_alarm",
	"overload":        "overload_alarm",
	"over-current":    "ov_cr",
	"power-off":       "outage_alarm",
	"phase-loss":      "outage_alarm",
	"credit-low":      "credit_alarm",
}

// faultNames splits the point fault, and takes the phases off its names.
func faultNames(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		base, _, _ := strings.Cut(name, ".")
		if base != "" {
			names = append(names, base)
		}
	}
	return names
}

// fault gives DP 19: an integer bitmap, or the first label.
func (t *Tuya) fault(list string) json.RawMessage {
	bits := 0
	for _, name := range faultNames(list) {
		for i, l := range labels {
			if l == labelOf[name] {
				bits |= 1 << i
			}
		}
	}
	if t.Fault != FaultLabel {
		return strconv.AppendInt(nil, int64(bits), 10)
	}
	for i, l := range labels {
		if bits>>i&1 != 0 {
			return quote(l)
		}
	}
	return quote("")
}

// alarmLevel gives DP 20 for the worst fault, "" for none. Which fault is how
// bad is our choice.
func alarmLevel(list string) string {
	level := ""
	for _, name := range faultNames(list) {
		switch name {
		case "power-off", "phase-loss", "over-current", "overload":
			return "urgent"
		case "over-voltage", "under-voltage", "loss-of-voltage", "loss-of-current":
			level = "serious"
		default:
			if level == "" {
				level = "general"
			}
		}
	}
	return level
}

// phases are DP 30 to 32. The members are physical values as decimal
// strings, in V, A, W and kWh; one without a source is left out.
var phases = []struct{ dp, phase string }{{"30", "a"}, {"31", "b"}, {"32", "c"}}

// inPhase are the families whose members, followed by a phase, stand in them.
var inPhase = []string{"voltage.", "current.", "power.active.", "energy.phase."}

type phaseJSON struct {
	Voltage     string `json:"voltage,omitempty"`
	Current     string `json:"current,omitempty"`
	Power       string `json:"power,omitempty"`
	Electricity string `json:"electricity,omitempty"`
}

// phase gives the value of a phase point; false if the reading holds none of
// its members.
func (t *Tuya) phase(r *meter.Reading, phase string) (json.RawMessage, bool) {
	number := func(point string) (dlt645.Decimal, bool) {
		v, ok := r.Value(point)
		return v.Dec, ok && v.Kind == dlt645.Number && !t.dir.Renamed(point)
	}
	var p phaseJSON
	if v, ok := number("voltage." + phase); ok {
		p.Voltage = v.String()
	}
	if v, ok := number("current." + phase); ok {
		p.Current = v.String()
	}
	if v, ok := number("power.active." + phase); ok && v.Scale >= 3 {
		v.Scale -= 3 // kW to W
		p.Power = v.String()
	}
	if v, ok := number("energy.phase." + phase); ok {
		p.Electricity = v.String()
	}
	if p == (phaseJSON{}) {
		return nil, false
	}
	b, _ := json.Marshal(p) // strings always marshal
	switch t.Phase {
	case PhaseObject:
		return b, true
	case PhaseBase64:
		return quote(base64.StdEncoding.EncodeToString(b)), true
	}
	return quote(string(b)), true
}
