package onenet

import (
	"encoding/json"
	"fmt"
	"slices"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// order is a command as JSON: the body of a command of the old suite, and the
// input of a service of Studio. The document leaves it to the user; this is
// ours:
//
//	{"meter":"202411200101","op":"read","points":["voltage"]}
//	{"meter":"202411200101","op":"relay","action":"trip"}        or permit, close
//	{"meter":"202411200101","op":"set","point":"04000103","value":"15"}
//	{"meter":"202411200101","op":"time"}                         or freeze, demand-reset
type order struct {
	Meter  string          `json:"meter"` // its id on the platform, or its address
	Op     string          `json:"op"`
	Action string          `json:"action"`
	Points []string        `json:"points"`
	Point  string          `json:"point"`
	Value  json.RawMessage `json:"value"`
}

var relayActions = map[string]dlt645.Command{"trip": dlt645.CommandTrip, "permit": dlt645.CommandPermit, "close": dlt645.CommandClose}

// command gives what an order means.
func (o order) command(id string, dir *uplink.Directory) (meter.Command, error) {
	c := meter.Command{ID: id, Op: meter.Operation(o.Op)}
	d := dir.Named(o.Meter)
	if d == nil {
		return c, fmt.Errorf("there is no meter %.64q", o.Meter)
	}
	c.Meter = d.Meter
	ok := false
	switch c.Op {
	case meter.OpRead:
		if len(o.Points) == 0 {
			return c, fmt.Errorf(`read takes "points":[…]`)
		}
		for _, word := range o.Points {
			row, known := dir.Asked(word)
			if !known {
				return c, fmt.Errorf("there is no point %.64q", word)
			}
			if !slices.Contains(c.Points, row.Point) {
				c.Points = append(c.Points, row.Point)
			}
		}
	case meter.OpRelay:
		if c.Relay, ok = relayActions[o.Action]; !ok {
			return c, fmt.Errorf(`relay takes "action": trip, permit or close, not %.64q`, o.Action)
		}
	case meter.OpSet:
		if o.Point == "" || uplink.Word(o.Value) == "" {
			return c, fmt.Errorf(`set takes "point" and "value"`)
		}
		return setting(c, dir, o.Point, uplink.Word(o.Value))
	case meter.OpTime, meter.OpFreeze, meter.OpDemandReset:
	default:
		return c, fmt.Errorf("there is no op %.64q: read, relay, set, time, freeze or demand-reset", o.Op)
	}
	return c, nil
}

// setting gives the command that sets a point, by its identifier or its own
// name, or that writes a data identifier.
func setting(c meter.Command, dir *uplink.Directory, key, value string) (meter.Command, error) {
	if len(value) > uplink.MostValue {
		return c, fmt.Errorf("the value has %d characters, at most %d are allowed", len(value), uplink.MostValue)
	}
	row, ok := dir.Asked(key)
	if !ok {
		if _, err := dlt645.ParseDI(key); err != nil {
			return c, fmt.Errorf("there is no property %.64q", key)
		}
		c.Op, c.Point, c.Value = meter.OpWrite, key, value
		return c, nil
	}
	if row.Point == "relay" {
		c.Op = meter.OpRelay
		if c.Relay, ok = uplink.RelayCommand(value); !ok {
			return c, fmt.Errorf("relay is %q or %q, not %.64q", "closed", "open", value)
		}
		return c, nil
	}
	c.Op, c.Point = meter.OpSet, row.Point
	if c.Value, ok = row.Unscaled(value); !ok {
		return c, fmt.Errorf("%.64q is no value of %.64q", value, key)
	}
	return c, nil
}

// valuesOf gives what was read, under the platform's identifiers.
func valuesOf(n *uplink.Directory, values []meter.PointValue) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, v := range n.Values(values) {
		out[v.Key] = v.JSON
	}
	return out
}
