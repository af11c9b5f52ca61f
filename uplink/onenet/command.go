package onenet

import (
	"encoding/json"

	"meterd/meter"
	"meterd/uplink"
)

// order is a command as JSON: the body of a command of the old suite, and the
// input of a service of Studio. The document leaves it to the user; this is
// ours.
type order struct {
	Meter string `json:"meter"` // its id on the platform, or its address
	uplink.Order
}

// valuesOf gives what was read, under the platform's identifiers.
func valuesOf(n *uplink.Directory, values []meter.PointValue) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, v := range n.Values(values) {
		out[v.Key] = v.JSON
	}
	return out
}
