package iotkit

import (
	"encoding/json"
	"time"

	"meterd/dlt645"
	"meterd/uplink"
)

// Board posts the gateway's own properties. The platform dates them by their
// arrival.
func (k *Iotkit) Board(_ time.Time, state []uplink.BoardState) ([]uplink.Message, bool) {
	params := map[string]json.RawMessage{}
	for _, v := range state {
		params[v.Key] = v.JSON
	}
	return []uplink.Message{k.post(dlt645.Address{}, actionPost, encode(params))}, true
}
