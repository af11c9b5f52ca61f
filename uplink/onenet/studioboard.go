package onenet

import (
	"encoding/json"
	"time"

	"meterd/uplink"
)

// Board tells the gateway's own properties: a pack without an identity is its.
func (s *Studio) Board(at time.Time, state []uplink.BoardState) ([]uplink.Message, bool) {
	p := pack{Properties: map[string]any{}, Events: map[string]any{}}
	for _, v := range state {
		p.Properties[v.Key] = struct {
			Value json.RawMessage `json:"value"`
			Time  int64           `json:"time,omitempty"`
		}{v.JSON, millis(at)}
	}
	return []uplink.Message{s.message(packPost, []pack{p})}, true
}

// millis is 0 for no time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
