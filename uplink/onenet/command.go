package onenet

import (
	"encoding/json"
	"fmt"
	"strings"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

type meterAddress = dlt645.Address

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

// command gives what an order means; find knows the meters by their ids.
func (o order) command(id string, find func(string) (dlt645.Address, bool)) (uplink.Command, error) {
	c := uplink.Command{ID: id, Op: uplink.Op(o.Op), Points: o.Points, Point: o.Point, Value: word(o.Value)}
	a, ok := find(o.Meter)
	if !ok {
		return c, fmt.Errorf("there is no meter %q", o.Meter)
	}
	c.Meter = a
	switch c.Op {
	case uplink.OpRead:
		if len(c.Points) == 0 {
			return c, fmt.Errorf(`read takes "points":[…]`)
		}
	case uplink.OpRelay:
		if c.Relay, ok = relayActions[o.Action]; !ok {
			return c, fmt.Errorf(`relay takes "action": trip, permit or close, not %q`, o.Action)
		}
	case uplink.OpSet:
		if c.Point == "" || c.Value == "" {
			return c, fmt.Errorf(`set takes "point" and "value"`)
		}
	case uplink.OpTime, uplink.OpFreeze, uplink.OpDemandReset:
	default:
		return c, fmt.Errorf("there is no op %q: read, relay, set, time, freeze or demand-reset", o.Op)
	}
	return c, nil
}

// word gives a string, number or boolean as its characters.
func word(b json.RawMessage) string {
	var s string
	if json.Unmarshal(b, &s) == nil {
		return strings.TrimSpace(s)
	}
	return string(b)
}

// switchOf reads the value that a relay is set to.
func switchOf(value string) (dlt645.Command, bool) {
	switch strings.ToLower(value) {
	case "closed", "close", "true", "1":
		return dlt645.CommandClose, true
	case "open", "trip", "false", "0":
		return dlt645.CommandTrip, true
	}
	return 0, false
}

// outcomes are the words for what became of a command.
var outcomes = map[uplink.Outcome]string{
	uplink.Done: "done", uplink.Denied: "denied", uplink.NotKnown: "unknown", uplink.Invalid: "invalid", uplink.NoAnswer: "no answer",
	uplink.NotTaken: "refused", uplink.Unconfirmed: "not confirmed", uplink.Failed: "failed", uplink.Busy: "busy",
}

// valuesOf gives what was read, under the platform's identifiers.
func valuesOf(n *uplink.Naming, values []meter.PointValue) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, v := range n.Values(values) {
		out[v.Key] = v.JSON
	}
	return out
}
