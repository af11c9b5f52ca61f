package onenet

import (
	"encoding/json"
	"time"

	"meterd/uplink"
)

// BoardStream is that of the gateway's own state.
const BoardStream = "gateway"

// Board tells the gateway's own state: an object in the stream "gateway", or a
// stream each where all streams are flat.
func (s *Suite) Board(at time.Time, state []uplink.BoardState) ([]uplink.Message, bool) {
	type plain struct {
		V json.RawMessage `json:"v"`
		T int64           `json:"t,omitempty"`
	}
	object, streams := map[string]json.RawMessage{}, map[string][]plain{}
	for _, v := range state {
		object[v.Key] = v.JSON
		streams[v.Key] = []plain{{v.JSON, millis(at) / 1000}}
	}
	if s.Streams != StreamsFlat {
		v, _ := json.Marshal(object)
		streams = map[string][]plain{BoardStream: {{v, millis(at) / 1000}}}
	}
	b, _ := json.Marshal(struct {
		ID int32              `json:"id"`
		DP map[string][]plain `json:"dp"`
	}{s.nextID(), streams})
	return []uplink.Message{{Topic: s.own(postTopic), Payload: b}}, true
}
