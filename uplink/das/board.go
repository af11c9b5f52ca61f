package das

import (
	"time"

	"meterd/uplink"
)

// Board tells the gateway's own properties. Own choice: no answer is asked for.
func (d *DAS) Board(at time.Time, state []uplink.BoardState) ([]uplink.Message, bool) {
	properties := map[string]any{}
	for _, v := range state {
		if properties[v.Key] = v.JSON; !at.IsZero() {
			properties[v.Key] = timed{v.JSON, at.UnixMilli()}
		}
	}
	id := d.nextID()
	return []uplink.Message{d.message(topicUp, id, up{ID: id, Version: "1.0", Params: properties, Method: "thing.properties.up"})}, true
}
